/* Some rows of a table, by number. */
#ifndef TRIVET_MODELS_ROWS_H
#define TRIVET_MODELS_ROWS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/table.h"

#include <trivet/error.h>

#include <stddef.h>

/* Rows `rows[0..n_rows)` of `table` as columns of their own (stride 1) in `arena`; dictionaries
 * stay the table's. OUT_OF_RANGE: a row number beyond the table; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_rows_gather(const struct trivet_table *table, const size_t *rows,
                                      size_t n_rows, struct trivet_arena *arena,
                                      struct trivet_table *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
