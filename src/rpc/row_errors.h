/* Rows that have no answer, in a reply. */
#ifndef TRIVET_RPC_ROW_ERRORS_H
#define TRIVET_RPC_ROW_ERRORS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/table.h"
#include "trivet/v1/prediction.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>

/* The rows of `table` with a fault, in order, made in `arena`. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_row_errors_encode(const struct trivet_table *table,
                                            const struct trivet_row_status *rows,
                                            struct trivet_arena *arena, Trivet__V1__RowError ***out,
                                            size_t *n_out,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
