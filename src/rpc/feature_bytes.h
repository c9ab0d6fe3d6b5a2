/* Features of a row as the log keeps them: the columns as a packed Schema, the values one after the
 * other in their order. A number is 8 bytes, NaN = null; a text its length in 4 bytes, UINT32_MAX =
 * null, and its bytes. As this machine has them: a log stays on its machine. */
#ifndef TRIVET_RPC_FEATURE_BYTES_H
#define TRIVET_RPC_FEATURE_BYTES_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"

#include <stdbool.h>
#include <stddef.h>

/* Row `row` of the table, appended. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_feature_bytes_append(const struct trivet_table *table, size_t row,
                                               struct trivet_buffer *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

/* One value; a text is borrowed and has no NUL at its end. */
struct trivet_feature_value {
    bool is_null;
    double number;
    const char *text;
    size_t text_bytes;
};
/* The values of a row, `columns->n_columns` of them. DATA_LOSS when the bytes do not fit. */
enum trivet_status trivet_feature_bytes_read(const struct trivet_schema *columns, const void *data,
                                             size_t n_bytes, struct trivet_feature_value *values,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
