/* From what was predicted to rows of the log of predictions. May be used by: the rpc files that
 * predict. */
#ifndef TRIVET_RPC_LOG_ROWS_H
#define TRIVET_RPC_LOG_ROWS_H

#include "base/arena.h"
#include "data/table.h"
#include "events/prediction_log.h"
#include "models/pipeline.h"
#include "serving/servable_set.h"

#include <stddef.h>
#include <stdint.h>

/* The version's part of the log, a reference; NULL: it is not logged (clusters have no outcome; out
 * of memory; no log). Any thread; a short lock. */
struct trivet_log_version *trivet_log_version_of(struct trivet_prediction_log *log,
                                                 const struct trivet_servable *servable);

/* A row that was chosen, of a request of numbers alone: `values` are those of the row, in the order
 * of the model's inputs, not aligned. `out` is its row of the estimator's output. */
struct trivet_log_numbers {
    const char *id;
    size_t id_bytes;
    uint32_t row;
    uint64_t hash;
    const double *out;
    const void *values;
    bool single_precision;
    size_t n_values;
};
void trivet_log_put_numbers(struct trivet_log_round *round, const struct trivet_pipeline *pipeline,
                            const struct trivet_log_numbers *row, struct trivet_arena *arena);

/* All rows of a table that have no fault and are chosen. `outputs` (n_rows, n_outputs); the table's
 * columns are the model's inputs. */
void trivet_log_put_table(struct trivet_log_round *round, const struct trivet_pipeline *pipeline,
                          const char *id, const struct trivet_table *table,
                          const struct trivet_row_status *faults, const double *outputs);

#endif
