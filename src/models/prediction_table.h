/* Predictions as columns beside the rows they are about: what `trivet predict` writes, as a table.
 *   VALUE: prediction. PROBABILITIES: prediction, probability:LABEL … MARGINS and PAIR_MARGINS:
 *   prediction, score:LABEL … DISTANCES: cluster, distance (to the own one).
 * Last comes error: why a row has no prediction; its other columns are then null. */
#ifndef TRIVET_MODELS_PREDICTION_TABLE_H
#define TRIVET_MODELS_PREDICTION_TABLE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"
#include "models/pipeline.h"

#include <trivet/error.h>

#include <stddef.h>

/* Append the pipeline's columns to `schema`. INVALID_ARGUMENT: one of that name is there already,
 * a label is too long for a column's name, or there are too many. */
enum trivet_status trivet_prediction_columns(const struct trivet_pipeline *pipeline,
                                             struct trivet_schema *schema,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Fill those columns, the last of `schema`, for the rows of `bound`, which are the pipeline's
 * inputs in their order: outputs (n_rows, n_outputs) row-major, of trivet_pipeline_predict;
 * borrowed rows    n_rows columns schema->n_columns; those before ours are left alone. Values are
 * made in `arena`. */
enum trivet_status trivet_prediction_fill(const struct trivet_pipeline *pipeline,
                                          const struct trivet_table *bound, const double *outputs,
                                          const struct trivet_row_status *rows,
                                          const struct trivet_schema *schema,
                                          struct trivet_arena *arena, struct trivet_column *columns,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
