/* Columns found by name: internal to src/data. */
#ifndef TRIVET_DATA_BIND_H
#define TRIVET_DATA_BIND_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"

#include <trivet/error.h>

#include <stddef.h>

/* For every column of `inputs` its index among `names` (n_names, all different); `*out` (one per
 * input) is made in `arena`. INVALID_ARGUMENT names what is missing, in the message and as
 * violations. */
enum trivet_status trivet_bind_names(const char *const *names, size_t n_names,
                                     const struct trivet_schema *inputs, struct trivet_arena *arena,
                                     size_t **out, struct trivet_error *err) TRIVET_MUST_USE;
/* INVALID_ARGUMENT: a column has another type than the input asks for. */
enum trivet_status trivet_bind_wrong_type(const struct trivet_column_spec *input,
                                          enum trivet_column_type type, struct trivet_error *err);
/* A column of n_rows nulls; values are made in `arena`. */
enum trivet_status trivet_bind_null_column(const struct trivet_column_spec *input, size_t n_rows,
                                           struct trivet_arena *arena, struct trivet_column *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_bind_out_of_memory(struct trivet_error *err);

#endif
