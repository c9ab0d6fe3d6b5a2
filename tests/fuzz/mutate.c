#include "fuzz/mutate.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8

/* Numbers at the edges of lengths, counts and types. */
static const uint64_t edges[] = {
    0,
    1,
    2,
    3,
    7,
    8,
    15,
    16,
    63,
    64,
    127,
    128,
    255,
    256,
    4096,
    65535,
    65536,
    1000000,
    1u << 24,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    1ull << 32,
    1ull << 53,
    1ull << 61,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
    0x7ff0000000000000,
    0x7ff8000000000000,
    0xfff0000000000000,
};

static uint64_t any_number(struct trivet_rng *rng)
{
    uint64_t kind = trivet_rng_below(rng, 4);
    if (kind == 0) {
        return trivet_rng_next(rng);
    }
    if (kind == 1) {
        return trivet_rng_below(rng, 32);
    }
    return edges[trivet_rng_below(rng, TRIVET_ARRAY_COUNT(edges))];
}

static void must_append(struct trivet_buffer *to, const void *data, size_t n_bytes)
{
    if (trivet_buffer_append(to, data, n_bytes, NULL) != TRIVET_OK) {
        abort();
    }
}

/* data[at, at + removed) becomes `bytes`. */
static void replace(struct trivet_buffer *data, size_t at, size_t removed, const uint8_t *bytes,
                    size_t n_bytes)
{
    struct trivet_buffer changed = {0};
    must_append(&changed, data->data, at);
    must_append(&changed, bytes, n_bytes);
    must_append(&changed, data->data + at + removed, data->n_bytes - at - removed);
    trivet_buffer_release(data);
    *data = changed;
}

static void overwrite_number(struct trivet_rng *rng, uint8_t *at, size_t room)
{
    size_t width = (size_t)1 << trivet_rng_below(rng, 4);
    uint64_t number = any_number(rng);
    for (size_t i = 0; i < width && i < room; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

static void insert_some(struct trivet_rng *rng, struct trivet_buffer *data, size_t at)
{
    static const char *const tokens[] = {"\"",   ",",   "\n", "\r\n",  "\r",
                                         "\\",   "nan", "-1", "1e999", "\xef\xbb\xbf",
                                         "\xff", ";",   "\t", ".",     "NA"};
    uint8_t bytes[16];
    size_t n_bytes = 1 + (size_t)trivet_rng_below(rng, sizeof(bytes));
    if (trivet_rng_below(rng, 2) == 0) {
        const char *token = tokens[trivet_rng_below(rng, TRIVET_ARRAY_COUNT(tokens))];
        n_bytes = strlen(token);
        memcpy(bytes, token, n_bytes);
    } else {
        for (size_t i = 0; i < n_bytes; i++) {
            bytes[i] = (uint8_t)trivet_rng_next(rng);
        }
    }
    replace(data, at, 0, bytes, n_bytes);
}

static void repeat_some(struct trivet_rng *rng, struct trivet_buffer *data, size_t at)
{
    uint8_t bytes[64];
    size_t n_bytes = data->n_bytes - at;
    n_bytes = 1 + (size_t)trivet_rng_below(rng, n_bytes < sizeof(bytes) ? n_bytes : sizeof(bytes));
    memcpy(bytes, data->data + at, n_bytes);
    uint64_t times = trivet_rng_below(rng, 16) == 0 ? 200 : 1;
    for (uint64_t i = 0; i < times; i++) {
        replace(data, at, 0, bytes, n_bytes);
    }
}

void trivet_mutate_bytes(struct trivet_rng *rng, struct trivet_buffer *data, size_t start)
{
    size_t room = data->n_bytes - start;
    if (room == 0) {
        insert_some(rng, data, start);
        return;
    }
    size_t at = start + (size_t)trivet_rng_below(rng, room);
    room = data->n_bytes - at;
    switch (trivet_rng_below(rng, 8)) {
    case 0:
    case 1:
        data->data[at] ^= (uint8_t)(1u << trivet_rng_below(rng, 8));
        break;
    case 2:
        data->data[at] = (uint8_t)trivet_rng_next(rng);
        break;
    case 3:
        overwrite_number(rng, data->data + at, room);
        break;
    case 4:
        insert_some(rng, data, at);
        break;
    case 5:
        replace(data, at, 1 + (size_t)trivet_rng_below(rng, room < 16 ? room : 16), NULL, 0);
        break;
    case 6:
        repeat_some(rng, data, at);
        break;
    default:
        if (trivet_rng_below(rng, 4) == 0) {
            data->n_bytes = at;
        } else {
            data->data[at] = (uint8_t)("0123456789,.-e\"\n"[trivet_rng_below(rng, 16)]);
        }
    }
}

/* A field of a message: [begin, end) with its key; the content begins at `content`. */
struct field {
    unsigned wire_type;
    size_t begin;
    size_t content;
    size_t end;
};

static bool read_varint(const uint8_t *data, size_t end, size_t *at, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
        uint8_t byte = data[(*at)++];
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool read_field(const uint8_t *data, size_t at, size_t end, struct field *field)
{
    uint64_t key;
    uint64_t n_bytes = 0;
    field->begin = at;
    if (!read_varint(data, end, &at, &key) || key < 8 || key > UINT32_MAX) {
        return false;
    }
    field->wire_type = (unsigned)(key & 7);
    field->content = at;
    switch (field->wire_type) {
    case 0:
        if (!read_varint(data, end, &at, &n_bytes)) {
            return false;
        }
        field->end = at;
        return true;
    case 1:
        n_bytes = 8;
        break;
    case 2:
        if (!read_varint(data, end, &at, &n_bytes)) {
            return false;
        }
        field->content = at;
        break;
    case 5:
        n_bytes = 4;
        break;
    default:
        return false;
    }
    if (n_bytes > end - at) {
        return false;
    }
    field->end = at + (size_t)n_bytes;
    return true;
}

/* One of the fields of the message data[begin, end), each as likely. False when it is not one. */
static bool pick_field(struct trivet_rng *rng, const uint8_t *data, size_t begin, size_t end,
                       struct field *picked)
{
    uint64_t n_fields = 0;
    struct field field;
    for (size_t at = begin; at < end; at = field.end) {
        if (!read_field(data, at, end, &field)) {
            return false;
        }
        n_fields++;
        if (trivet_rng_below(rng, n_fields) == 0) {
            *picked = field;
        }
    }
    return n_fields > 0;
}

static size_t write_varint(uint64_t value, uint8_t *out)
{
    size_t n_bytes = 0;
    for (; value >= 0x80; value >>= 7) {
        out[n_bytes++] = (uint8_t)(value | 0x80);
    }
    out[n_bytes++] = (uint8_t)value;
    return n_bytes;
}

/* Change the content of a field that is no message. */
static void mutate_content(struct trivet_rng *rng, struct trivet_buffer *data,
                           const struct field *field)
{
    if (field->wire_type == 0) {
        uint8_t number[10];
        size_t n_bytes = write_varint(any_number(rng), number);
        replace(data, field->content, field->end - field->content, number, n_bytes);
    } else if (field->wire_type != 2) {
        overwrite_number(rng, data->data + field->content, field->end - field->content);
    } else {
        struct trivet_buffer content = {0};
        must_append(&content, data->data + field->content, field->end - field->content);
        if (trivet_rng_below(rng, 4) == 0 && content.n_bytes >= 8) { /* an element of an array */
            size_t at = (size_t)trivet_rng_below(rng, content.n_bytes / 8) * 8;
            uint64_t number = any_number(rng);
            memcpy(content.data + at, &number, sizeof(number));
        } else {
            trivet_mutate_bytes(rng, &content, 0);
        }
        replace(data, field->content, field->end - field->content, content.data, content.n_bytes);
        trivet_buffer_release(&content);
    }
}

static void mutate_field(struct trivet_rng *rng, struct trivet_buffer *data,
                         const struct field *field)
{
    size_t n_bytes = field->end - field->begin;
    uint8_t key[10];
    size_t key_bytes;
    struct trivet_buffer copy = {0};
    switch (trivet_rng_below(rng, 6)) {
    case 0: /* remove it */
        replace(data, field->begin, n_bytes, NULL, 0);
        break;
    case 1: /* have it twice */
        must_append(&copy, data->data + field->begin, n_bytes);
        replace(data, field->begin, 0, copy.data, n_bytes);
        trivet_buffer_release(&copy);
        break;
    case 2: /* be another field of the same kind */
        key_bytes = write_varint((1 + trivet_rng_below(rng, 16)) << 3 | field->wire_type, key);
        if (field->wire_type == 2) {
            key_bytes += write_varint(field->end - field->content, key + key_bytes);
        }
        replace(data, field->begin, field->content - field->begin, key, key_bytes);
        break;
    default:
        mutate_content(rng, data, field);
    }
}

bool trivet_mutate_message(struct trivet_rng *rng, struct trivet_buffer *data, size_t start)
{
    struct field path[DEPTH_MAX];
    size_t depth = 0;
    size_t begin = start;
    size_t end = data->n_bytes;
    while (depth < DEPTH_MAX && pick_field(rng, data->data, begin, end, &path[depth])) {
        begin = path[depth].content;
        end = path[depth].end;
        bool may_be_message = path[depth].wire_type == 2;
        depth++;
        if (!may_be_message || trivet_rng_below(rng, 5) == 0) {
            break;
        }
    }
    if (depth == 0) {
        return false;
    }
    size_t before = data->n_bytes;
    mutate_field(rng, data, &path[depth - 1]);
    /* From the inside out: each length that encloses the change grows by what was added. */
    for (size_t i = depth - 1; i-- > 0;) {
        uint8_t length[10];
        size_t content_bytes = path[i].end - path[i].content + data->n_bytes - before;
        size_t length_bytes = write_varint(content_bytes, length);
        uint64_t key;
        size_t at = path[i].begin;
        if (!read_varint(data->data, data->n_bytes, &at, &key)) {
            abort();
        }
        replace(data, at, path[i].content - at, length, length_bytes);
    }
    return true;
}
