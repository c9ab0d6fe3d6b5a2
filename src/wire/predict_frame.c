#include "wire/predict_frame.h"

#include "base/compiler.h"
#include "wire/frame.h"

#include <string.h>

/* Arrays of numbers are copied as they lie in the message. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed numbers are little-endian");

#define TAG_VARINT(field) ((field) << 3)
#define TAG_BYTES(field)  ((field) << 3 | 2)

/* --- reading --------------------------------------------------------------------------------- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t seen; /* bit i: field i was there; a second time is the codec's */
};

static bool read_varint(struct cursor *cursor, uint64_t *out)
{
    if (cursor->at < cursor->end && *cursor->at < 0x80) {
        *out = *cursor->at++;
        return true;
    }
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 63 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* The next field's key, all of which are one byte here; false when it is none, or a repetition. */
static bool read_key(struct cursor *cursor, unsigned *key)
{
    *key = *cursor->at++;
    uint32_t bit = UINT32_C(1) << ((*key >> 3) & 31);
    bool first = (cursor->seen & bit) == 0;
    cursor->seen |= bit;
    return *key < 0x80 && first;
}

static bool read_bytes(struct cursor *cursor, struct cursor *content)
{
    uint64_t n_bytes;
    if (!read_varint(cursor, &n_bytes) || n_bytes > (uint64_t)(cursor->end - cursor->at)) {
        return false;
    }
    *content = (struct cursor){.at = cursor->at, .end = cursor->at + n_bytes};
    cursor->at = content->end;
    return true;
}

/* ASCII without NUL: neither UTF-8 nor what follows a NUL is to be judged here. */
static bool read_text(struct cursor *cursor, struct trivet_text_view *out)
{
    struct cursor content;
    if (!read_bytes(cursor, &content) || content.end - content.at > TRIVET_PREDICT_TEXT_BYTES_MAX) {
        return false;
    }
    for (const uint8_t *at = content.at; at < content.end; at++) {
        if (*at == 0 || *at >= 0x80) {
            return false;
        }
    }
    *out = (struct trivet_text_view){(const char *)content.at, (size_t)(content.end - content.at)};
    return true;
}

static bool read_u32(struct cursor *cursor, uint32_t *out)
{
    uint64_t value;
    if (!read_varint(cursor, &value) || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool is_predict(const struct trivet_text_view *method)
{
    return method->n_bytes == sizeof(TRIVET_PREDICT_METHOD) - 1 &&
           memcmp(method->data, TRIVET_PREDICT_METHOD, sizeof(TRIVET_PREDICT_METHOD) - 1) == 0;
}

static bool parse_header(struct cursor cursor, struct trivet_predict_view *out)
{
    struct trivet_text_view method = {0};
    struct trivet_text_view trace;
    uint64_t priority;
    while (cursor.at < cursor.end) {
        unsigned key;
        bool fine = read_key(&cursor, &key);
        switch (fine ? key : 0) {
        case TAG_BYTES(1):
            fine = read_text(&cursor, &method);
            break;
        case TAG_VARINT(2):
            fine = read_varint(&cursor, &out->timeout_us);
            break;
        case TAG_BYTES(3):
            fine = read_text(&cursor, &out->request_id);
            break;
        case TAG_VARINT(5):
            fine = read_varint(&cursor, &priority) && priority == 0;
            break;
        case TAG_BYTES(6):
            fine = read_text(&cursor, &trace); /* for the log of a failure, and this is none */
            break;
        default:
            return false;
        }
        if (!fine) {
            return false;
        }
    }
    return is_predict(&method);
}

static bool parse_model(struct cursor *outer, struct trivet_predict_view *out)
{
    struct cursor cursor;
    if (!read_bytes(outer, &cursor)) {
        return false;
    }
    while (cursor.at < cursor.end) {
        unsigned key;
        bool fine = read_key(&cursor, &key);
        switch (fine ? key : 0) {
        case TAG_BYTES(1):
            fine = read_text(&cursor, &out->model);
            break;
        case TAG_VARINT(2):
            fine = read_varint(&cursor, &out->version);
            break;
        case TAG_BYTES(3):
            fine = read_text(&cursor, &out->alias);
            break;
        default:
            return false;
        }
        if (!fine) {
            return false;
        }
    }
    return out->model.n_bytes > 0;
}

/* Exactly one array, with a value for each element. */
static bool take_values(struct trivet_predict_view *out, const struct cursor *doubles,
                        const struct cursor *floats)
{
    size_t double_bytes = (size_t)(doubles->end - doubles->at);
    size_t float_bytes = (size_t)(floats->end - floats->at);
    out->single_precision = float_bytes > 0;
    out->values = out->single_precision ? floats->at : doubles->at;
    size_t n_bytes = out->single_precision ? float_bytes : double_bytes;
    size_t value_bytes = out->single_precision ? sizeof(float) : sizeof(double);
    return (double_bytes == 0 || float_bytes == 0) && out->rows > 0 && out->cols > 0 &&
           (uint64_t)out->rows * out->cols == n_bytes / value_bytes && n_bytes % value_bytes == 0;
}

static bool parse_matrix(struct cursor *outer, struct trivet_predict_view *out)
{
    static const uint8_t nothing[1];
    struct cursor cursor;
    struct cursor doubles = {.at = nothing, .end = nothing};
    struct cursor floats = doubles;
    uint64_t nan_is_missing = 0;
    if (!read_bytes(outer, &cursor)) {
        return false;
    }
    while (cursor.at < cursor.end) {
        unsigned key;
        bool fine = read_key(&cursor, &key);
        switch (fine ? key : 0) {
        case TAG_VARINT(1):
            fine = read_u32(&cursor, &out->rows);
            break;
        case TAG_VARINT(2):
            fine = read_u32(&cursor, &out->cols);
            break;
        case TAG_BYTES(3):
            fine = read_bytes(&cursor, &doubles);
            break;
        case TAG_BYTES(4):
            fine = read_bytes(&cursor, &floats);
            break;
        case TAG_VARINT(5):
            fine = read_varint(&cursor, &nan_is_missing);
            break;
        default:
            return false;
        }
        if (!fine) {
            return false;
        }
    }
    out->nan_is_missing = nan_is_missing != 0;
    return take_values(out, &doubles, &floats);
}

static bool parse_request(struct cursor cursor, struct trivet_predict_view *out)
{
    while (cursor.at < cursor.end) {
        unsigned key;
        bool fine = read_key(&cursor, &key);
        switch (fine ? key : 0) {
        case TAG_BYTES(1):
            fine = parse_model(&cursor, out);
            break;
        case TAG_BYTES(2):
            fine = parse_matrix(&cursor, out);
            break;
        case TAG_BYTES(5):
            fine = read_text(&cursor, &out->prediction_id);
            break;
        case TAG_BYTES(6):
            fine = read_text(&cursor, &out->key);
            break;
        default:
            return false; /* a table, chosen outputs */
        }
        if (!fine) {
            return false;
        }
    }
    return out->model.data != NULL && out->values != NULL;
}

bool trivet_predict_frame_parse(const void *data, size_t n_bytes, struct trivet_predict_view *out)
{
    const uint8_t *bytes = data;
    if (n_bytes < TRIVET_FRAME_PREFIX_BYTES || bytes[0] != TRIVET_FRAME_VERSION || bytes[1] != 0) {
        return false;
    }
    size_t header_bytes = (size_t)bytes[2] | (size_t)bytes[3] << 8;
    if (header_bytes > TRIVET_FRAME_HEADER_BYTES_MAX ||
        header_bytes > n_bytes - TRIVET_FRAME_PREFIX_BYTES) {
        return false;
    }
    const uint8_t *header = bytes + TRIVET_FRAME_PREFIX_BYTES;
    const uint8_t *body = header + header_bytes;
    *out = (struct trivet_predict_view){0};
    return parse_header((struct cursor){.at = header, .end = body}, out) &&
           parse_request((struct cursor){.at = body, .end = bytes + n_bytes}, out);
}

/* --- writing --------------------------------------------------------------------------------- */

static size_t varint_bytes(uint64_t value)
{
    return 1 + (63 - (size_t)__builtin_clzll(value | 1)) / 7;
}

static uint8_t *write_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static uint8_t *write_bytes(uint8_t *out, const void *data, size_t n_bytes)
{
    memcpy(out, data, n_bytes);
    return out + n_bytes;
}

static size_t text_bytes(struct trivet_text_view text)
{
    return text.n_bytes == 0 ? 0 : 1 + varint_bytes(text.n_bytes) + text.n_bytes;
}

static uint8_t *write_text(uint8_t *out, unsigned field, struct trivet_text_view text)
{
    if (text.n_bytes == 0) {
        return out; /* as proto3 leaves out what is empty */
    }
    *out++ = (uint8_t)TAG_BYTES(field);
    out = write_varint(out, text.n_bytes);
    return write_bytes(out, text.data, text.n_bytes);
}

static size_t number_bytes(uint64_t value)
{
    return value == 0 ? 0 : 1 + varint_bytes(value);
}

static uint8_t *write_number(uint8_t *out, unsigned field, uint64_t value)
{
    if (value == 0) {
        return out;
    }
    *out++ = (uint8_t)TAG_VARINT(field);
    return write_varint(out, value);
}

static size_t timings_bytes(const struct trivet_predict_reply *reply)
{
    return number_bytes(reply->queue_us) + number_bytes(reply->compute_us) +
           number_bytes(reply->total_us);
}

static size_t header_bytes(const struct trivet_predict_reply *reply)
{
    return 2 + timings_bytes(reply) + text_bytes(reply->request_id);
}

static size_t values_bytes(const struct trivet_predict_output *output)
{
    if (output->kind != TRIVET_PREDICT_CODES) {
        return output->n_values *
               (output->kind == TRIVET_PREDICT_F64 ? sizeof(double) : sizeof(float));
    }
    const uint32_t *codes = output->values;
    size_t n_bytes = 0;
    for (size_t i = 0; i < output->n_values; i++) {
        n_bytes += varint_bytes(codes[i]);
    }
    return n_bytes;
}

static size_t output_bytes(const struct trivet_predict_output *output)
{
    size_t n_bytes = values_bytes(output);
    return output->parts->head_bytes + 1 + varint_bytes(n_bytes) + n_bytes +
           output->parts->tail_bytes;
}

size_t trivet_predict_reply_bytes(const struct trivet_predict_reply *reply)
{
    size_t n_bytes = TRIVET_FRAME_PREFIX_BYTES + header_bytes(reply) + reply->version_bytes +
                     text_bytes(reply->prediction_id) + number_bytes(reply->rows);
    for (size_t i = 0; i < reply->n_outputs; i++) {
        size_t content_bytes = output_bytes(&reply->outputs[i]);
        n_bytes += 1 + varint_bytes(content_bytes) + content_bytes;
    }
    return n_bytes;
}

static uint8_t *write_header(uint8_t *out, const struct trivet_predict_reply *reply)
{
    size_t n_bytes = header_bytes(reply);
    *out++ = TRIVET_FRAME_VERSION;
    *out++ = 0;
    *out++ = (uint8_t)n_bytes;
    *out++ = (uint8_t)(n_bytes >> 8);
    *out++ = TAG_BYTES(4);
    *out++ = (uint8_t)timings_bytes(reply);
    out = write_number(out, 1, reply->queue_us);
    out = write_number(out, 3, reply->compute_us);
    out = write_number(out, 4, reply->total_us);
    return write_text(out, 5, reply->request_id);
}

static uint8_t *write_output(uint8_t *out, const struct trivet_predict_output *output)
{
    static const unsigned fields[] = {
        [TRIVET_PREDICT_F64] = 3, [TRIVET_PREDICT_F32] = 4, [TRIVET_PREDICT_CODES] = 5};
    *out++ = TAG_BYTES(5);
    out = write_varint(out, output_bytes(output));
    out = write_bytes(out, output->parts->head, output->parts->head_bytes);
    size_t n_bytes = values_bytes(output);
    *out++ = (uint8_t)TAG_BYTES(fields[output->kind]);
    out = write_varint(out, n_bytes);
    if (output->kind == TRIVET_PREDICT_CODES) {
        const uint32_t *codes = output->values;
        for (size_t i = 0; i < output->n_values; i++) {
            out = write_varint(out, codes[i]);
        }
    } else {
        out = write_bytes(out, output->values, n_bytes);
    }
    return write_bytes(out, output->parts->tail, output->parts->tail_bytes);
}

uint8_t *trivet_predict_reply_write(const struct trivet_predict_reply *reply, uint8_t *out)
{
    out = write_header(out, reply);
    out = write_bytes(out, reply->version_part, reply->version_bytes);
    out = write_text(out, 3, reply->prediction_id);
    out = write_number(out, 4, reply->rows);
    for (size_t i = 0; i < reply->n_outputs; i++) {
        out = write_output(out, &reply->outputs[i]);
    }
    return out;
}
