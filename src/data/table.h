/* Rows by columns. A table is a view: it owns nothing, so that a request's buffers, a matrix and a
 * dataset in memory are all read through it without a copy. Owned rows: data/dataset.h. */
#ifndef TRIVET_DATA_TABLE_H
#define TRIVET_DATA_TABLE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "trivet/v1/data.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code of a null in a categorical column. */
#define TRIVET_CODE_NULL         UINT32_MAX
#define TRIVET_ROWS_MAX_PER_CALL 1000000

/* One column of n_rows values; element i is at [i * stride].
 * NUMERIC: `numbers`, null is NaN. CATEGORICAL: `codes` into `dictionary`, null is
 * TRIVET_CODE_NULL. */
struct trivet_column {
    const char *name;
    enum trivet_column_type type;
    size_t stride;
    const double *numbers;
    const uint32_t *codes;
    const char *const *dictionary;
    size_t n_dictionary;
};

struct trivet_table {
    size_t n_rows;
    size_t n_columns;
    const struct trivet_column *columns;
};

/* What is wrong with one row; zero-initialised is fine. The first fault of a row stays. */
enum trivet_row_fault {
    TRIVET_ROW_FINE = 0,
    TRIVET_ROW_NAN,             /* a NaN that was not marked as missing */
    TRIVET_ROW_INFINITE,        /* infinity */
    TRIVET_ROW_MISSING,         /* missing, and the pipeline does not impute that column */
    TRIVET_ROW_UNSEEN_CATEGORY, /* a category that training did not have */
    TRIVET_ROW_BAD_CODE,        /* a code beyond the dictionary */
    TRIVET_ROW_OUT_OF_DOMAIN,   /* a number that a transformer cannot take: no logarithm of -1 */
    TRIVET_ROW_OVERFLOW,        /* the prediction is not a finite number */
};

struct trivet_row_status {
    enum trivet_row_fault fault;
    uint32_t column; /* index into the table's columns (the model's inputs) */
};

/* Status of a fault: OK, or INVALID_ARGUMENT / OUT_OF_RANGE; and its sentence, with the column's
 * name, in `text`. */
enum trivet_status trivet_row_fault_status(enum trivet_row_fault fault);
void trivet_row_fault_text(struct trivet_row_status status, const struct trivet_table *table,
                           char *text, size_t text_bytes);

/* None is infinite or NaN. */
bool trivet_values_are_finite(const double *values, size_t count);

/* Rows [first, first + count) of `table`; `columns` is caller's room for table->n_columns. */
struct trivet_table trivet_table_slice(const struct trivet_table *table, size_t first, size_t count,
                                       struct trivet_column *columns);

/* Message → view in `arena`; values stay in the message where they can. The shape is checked
 * (counts, UTF-8, duplicate names, n_rows <= TRIVET_ROWS_MAX_PER_CALL): INVALID_ARGUMENT names the
 * column. Row faults (NaN not marked null, infinity, bad code) go to `rows` (n_rows, caller's arena
 * memory made here) and leave a null in the view. `*rows` holds message->rows entries; a fault's
 * column is an index into the message's columns. Zero rows are fine. */
enum trivet_status trivet_table_decode(const Trivet__V1__Table *message, struct trivet_arena *arena,
                                       struct trivet_table *out, struct trivet_row_status **rows,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Decode and bind in one, for predictions: `out` has the columns of `inputs` in their order
 * (trivet_table_bind says when that is refused), and faults count by it. Values of columns that
 * are not in `inputs` are not looked at, so that they cannot fail a row. */
enum trivet_status trivet_table_decode_inputs(const Trivet__V1__Table *message,
                                              const struct trivet_schema *inputs,
                                              struct trivet_arena *arena, struct trivet_table *out,
                                              struct trivet_row_status **rows,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* A Matrix as columns named by `inputs` (all numeric, n_columns == cols, else INVALID_ARGUMENT).
 * float32 is widened into `arena`. */
enum trivet_status trivet_table_decode_matrix(const Trivet__V1__Matrix *message,
                                              const struct trivet_schema *inputs,
                                              struct trivet_arena *arena, struct trivet_table *out,
                                              struct trivet_row_status **rows,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* The columns of `table` in the order of `inputs`, each checked for its type. INVALID_ARGUMENT
 * names every missing column (also as violations). `out->columns` is made in `arena`. A column that
 * is all null in the wrong type is accepted as null of the right type. */
enum trivet_status trivet_table_bind(const struct trivet_table *table,
                                     const struct trivet_schema *inputs, struct trivet_arena *arena,
                                     struct trivet_table *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* View → message in `arena`: nulls as bitmap. Only dictionary entries that are used are sent when
 * the dictionary is larger than the rows. */
enum trivet_status trivet_table_encode(const struct trivet_table *table, struct trivet_arena *arena,
                                       Trivet__V1__Table **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
