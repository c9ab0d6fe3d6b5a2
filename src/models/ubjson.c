#include "models/ubjson.h"

#include <string.h>

#define DEPTH_MAX 32

/* Bytes of a number of that type; 0 = not a type of numbers. */
static size_t number_bytes(char type)
{
    switch (type) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static bool take(struct trivet_ubjson *in, size_t n_bytes, const uint8_t **out)
{
    if (n_bytes > in->n_bytes) {
        return false;
    }
    *out = in->at;
    in->at += n_bytes;
    in->n_bytes -= n_bytes;
    return true;
}

static bool take_type(struct trivet_ubjson *in, char *type)
{
    const uint8_t *at = NULL;
    if (!take(in, 1, &at)) {
        return false;
    }
    *type = (char)*at;
    return true;
}

/* Most significant byte first. */
static uint64_t unsigned_of(const uint8_t *at, size_t n_bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static bool integer_of(char type, const uint8_t *at, int64_t *out)
{
    switch (type) {
    case 'i':
        *out = (int8_t)unsigned_of(at, 1);
        return true;
    case 'U':
        *out = (uint8_t)unsigned_of(at, 1);
        return true;
    case 'I':
        *out = (int16_t)unsigned_of(at, 2);
        return true;
    case 'l':
        *out = (int32_t)unsigned_of(at, 4);
        return true;
    case 'L':
        *out = (int64_t)unsigned_of(at, 8);
        return true;
    default:
        return false;
    }
}

static bool take_integer(struct trivet_ubjson *in, int64_t *out)
{
    char type = 0;
    const uint8_t *at = NULL;
    return take_type(in, &type) && take(in, number_bytes(type), &at) && integer_of(type, at, out);
}

static bool take_length(struct trivet_ubjson *in, size_t *out)
{
    int64_t length = 0;
    if (!take_integer(in, &length) || length < 0) {
        return false;
    }
    *out = (size_t)length;
    return true;
}

/* Length and bytes. */
static bool take_text(struct trivet_ubjson *in, const uint8_t **text, size_t *n_bytes)
{
    return take_length(in, n_bytes) && take(in, *n_bytes, text);
}

static bool skip(struct trivet_ubjson *in, unsigned depth);

/* After its '['. */
static bool open_array(struct trivet_ubjson *in, struct trivet_ubjson_array *out)
{
    struct trivet_ubjson_array array = {0};
    char mark = 0;
    if (!take_type(in, &mark)) {
        return false;
    }
    if (mark == '$' &&
        (!take_type(in, &array.type) || number_bytes(array.type) == 0 || !take_type(in, &mark))) {
        return false;
    }
    if (mark != '#' || !take_length(in, &array.n_items)) {
        return false;
    }
    /* An item of any kind takes a byte. */
    size_t item_bytes = array.type != 0 ? number_bytes(array.type) : 1;
    if (array.n_items > in->n_bytes / item_bytes) {
        return false;
    }
    array.items = *in;
    *out = array;
    return true;
}

static bool skip_array(struct trivet_ubjson *in, unsigned depth)
{
    struct trivet_ubjson_array array;
    const uint8_t *at = NULL;
    if (!open_array(in, &array)) {
        return false;
    }
    if (array.type != 0) {
        return take(in, array.n_items * number_bytes(array.type), &at);
    }
    for (size_t i = 0; i < array.n_items; i++) {
        if (!skip(in, depth + 1)) {
            return false;
        }
    }
    return true;
}

static bool skip_object(struct trivet_ubjson *in, unsigned depth)
{
    for (;;) {
        const uint8_t *name = NULL;
        size_t n_bytes = 0;
        if (in->n_bytes > 0 && *in->at == '}') {
            return take(in, 1, &name);
        }
        if (!take_text(in, &name, &n_bytes) || !skip(in, depth + 1)) {
            return false;
        }
    }
}

static bool skip(struct trivet_ubjson *in, unsigned depth)
{
    char type = 0;
    const uint8_t *at = NULL;
    size_t n_bytes = 0;
    if (depth > DEPTH_MAX || !take_type(in, &type)) {
        return false;
    }
    switch (type) {
    case '{':
        return skip_object(in, depth);
    case '[':
        return skip_array(in, depth);
    case 'S':
        return take_text(in, &at, &n_bytes);
    case 'Z':
    case 'T':
    case 'F':
        return true;
    default:
        return number_bytes(type) > 0 && take(in, number_bytes(type), &at);
    }
}

bool trivet_ubjson_skip(struct trivet_ubjson *value)
{
    struct trivet_ubjson in = *value;
    if (!skip(&in, 0)) {
        return false;
    }
    *value = in;
    return true;
}

bool trivet_ubjson_member(struct trivet_ubjson object, const char *name, struct trivet_ubjson *out)
{
    char type = 0;
    if (!take_type(&object, &type) || type != '{') {
        return false;
    }
    for (;;) {
        const uint8_t *found = NULL;
        size_t n_bytes = 0;
        if (!take_text(&object, &found, &n_bytes)) { /* or its end: '}' is not a length */
            return false;
        }
        if (n_bytes == strlen(name) && memcmp(found, name, n_bytes) == 0) {
            *out = object;
            return true;
        }
        if (!skip(&object, 1)) {
            return false;
        }
    }
}

bool trivet_ubjson_open(struct trivet_ubjson value, struct trivet_ubjson_array *out)
{
    char type = 0;
    return take_type(&value, &type) && type == '[' && open_array(&value, out);
}

bool trivet_ubjson_integer(struct trivet_ubjson value, int64_t *out)
{
    return take_integer(&value, out);
}

bool trivet_ubjson_text(struct trivet_ubjson value, char *out, size_t out_bytes)
{
    char type = 0;
    const uint8_t *text = NULL;
    size_t n_bytes = 0;
    if (!take_type(&value, &type) || type != 'S' || !take_text(&value, &text, &n_bytes) ||
        n_bytes >= out_bytes) {
        return false;
    }
    memcpy(out, text, n_bytes);
    out[n_bytes] = '\0';
    return true;
}

bool trivet_ubjson_item_integer(const struct trivet_ubjson_array *array, size_t i, int64_t *out)
{
    return integer_of(array->type, array->items.at + i * number_bytes(array->type), out);
}

bool trivet_ubjson_item_float(const struct trivet_ubjson_array *array, size_t i, float *out)
{
    if (array->type != 'd') {
        return false;
    }
    uint32_t bits = (uint32_t)unsigned_of(array->items.at + i * 4, 4);
    memcpy(out, &bits, sizeof bits);
    return true;
}
