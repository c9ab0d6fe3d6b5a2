#include "bench/wire/reply.h"

#include <string.h>

#define FRAME_PREFIX_BYTES 4

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

struct field {
    uint64_t number;
    enum wire_type type;
    uint64_t value; /* of a varint; of WIRE_BYTES their number */
    const uint8_t *bytes;
};

static bool read_varint(struct cursor *cursor, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* False at the end and when it is malformed: then `at` is not `end`. */
static bool next_field(struct cursor *cursor, struct field *field)
{
    uint64_t key = 0;
    const uint8_t *start = cursor->at;
    if (!read_varint(cursor, &key)) {
        return false;
    }
    field->number = key >> 3;
    field->type = (enum wire_type)(key & 7);
    field->value = field->type == WIRE_FIXED64 ? 8 : 4;
    bool fine = field->type == WIRE_FIXED64 || field->type == WIRE_FIXED32 ||
                ((field->type == WIRE_VARINT || field->type == WIRE_BYTES) &&
                 read_varint(cursor, &field->value));
    if (fine && field->type != WIRE_VARINT) {
        fine = field->value <= (uint64_t)(cursor->end - cursor->at);
        field->bytes = cursor->at;
        cursor->at += fine ? field->value : 0;
    }
    if (!fine) {
        cursor->at = start;
    }
    return fine;
}

static bool is_text(const struct field *field, const char *text)
{
    size_t n_bytes = strlen(text);
    return field->type == WIRE_BYTES && field->value == n_bytes &&
           memcmp(field->bytes, text, n_bytes) == 0;
}

static bool parse_header(struct cursor cursor, struct reply *out)
{
    struct field field;
    while (next_field(&cursor, &field)) {
        if (field.number == 1 && field.type == WIRE_VARINT) {
            out->status = field.value;
        } else if (field.number == 2 && field.type == WIRE_BYTES) {
            out->message = (const char *)field.bytes;
            out->message_bytes = field.value;
        }
    }
    return cursor.at == cursor.end;
}

static bool parse_output(const struct field *output, struct reply *out)
{
    struct cursor cursor = {output->bytes, output->bytes + output->value};
    struct field field;
    bool is_wanted = false;
    while (next_field(&cursor, &field)) {
        if (field.number == 1) {
            is_wanted = is_text(&field, "prediction") || is_text(&field, "probabilities");
        } else if (field.number == 3 && field.type == WIRE_BYTES && is_wanted) {
            out->values = field.bytes;
            out->n_values = field.value / sizeof(double);
        }
    }
    return cursor.at == cursor.end;
}

bool reply_parse(const uint8_t *frame, size_t n_bytes, struct reply *out)
{
    if (n_bytes < FRAME_PREFIX_BYTES || frame[0] != 1 || frame[1] != 0) {
        return false;
    }
    size_t header_bytes = (size_t)frame[2] | (size_t)frame[3] << 8;
    if (header_bytes > n_bytes - FRAME_PREFIX_BYTES) {
        return false;
    }
    const uint8_t *body = frame + FRAME_PREFIX_BYTES + header_bytes;
    if (!parse_header((struct cursor){frame + FRAME_PREFIX_BYTES, body}, out)) {
        return false;
    }
    struct cursor cursor = {body, frame + n_bytes};
    struct field field;
    while (next_field(&cursor, &field)) {
        if (field.number == 2 && field.type == WIRE_VARINT) {
            out->version = field.value;
        } else if (field.number == 5 && field.type == WIRE_BYTES) {
            if (!parse_output(&field, out)) {
                return false;
            }
        } else if (field.number == 6) {
            out->has_row_errors = true;
        }
    }
    return cursor.at == cursor.end;
}
