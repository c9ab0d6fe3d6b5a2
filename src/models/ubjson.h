/* Reading Universal Binary JSON (ubjson.org, draft 12), the form in which XGBoost saves a model:
 * numbers are their own bytes, so that none is changed by printing and reading. */
#ifndef TRIVET_MODELS_UBJSON_H
#define TRIVET_MODELS_UBJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value, and what follows it in the text. Borrowed. */
struct trivet_ubjson {
    const uint8_t *at;
    size_t n_bytes;
};

/* An array: of values of their own types (`type` 0), or of numbers of one type, packed. */
struct trivet_ubjson_array {
    char type;
    size_t n_items;
    struct trivet_ubjson items;
};

/* All functions check every length; false when the text is not what is asked for, is cut off, or
 * is nested deeper than 32 values. Outputs are written only on success. Any thread. */

/* The value of `name` in an object. */
bool trivet_ubjson_member(struct trivet_ubjson object, const char *name, struct trivet_ubjson *out);
/* An array with a length in front of it. */
bool trivet_ubjson_open(struct trivet_ubjson value, struct trivet_ubjson_array *out);
/* From one item of an array of type 0 to the next, in place. */
bool trivet_ubjson_skip(struct trivet_ubjson *value);
/* A number on its own that is whole. */
bool trivet_ubjson_integer(struct trivet_ubjson value, int64_t *out);
/* A text, which is copied with an end. */
bool trivet_ubjson_text(struct trivet_ubjson value, char *out, size_t out_bytes);
/* Item i of a packed array of whole numbers or of float32; i is below n_items. */
bool trivet_ubjson_item_integer(const struct trivet_ubjson_array *array, size_t i, int64_t *out);
bool trivet_ubjson_item_float(const struct trivet_ubjson_array *array, size_t i, float *out);

#endif
