/* Predictions of some rows beside what was true: what every part of an evaluation reads. Internal
 * to src/evaluation. */
#ifndef TRIVET_EVALUATION_SCORES_H
#define TRIVET_EVALUATION_SCORES_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/table.h"
#include "models/pipeline.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_SKIPPED_REASON_BYTES 192

/* Of the n_rows that have both. All arrays are the arena's. */
struct trivet_scores {
    const struct trivet_pipeline *pipeline;
    enum trivet_task task;
    size_t n_rows;
    size_t n_skipped;     /* without a prediction or a true outcome */
    size_t n_unpredicted; /* of these: with a true outcome, but without a prediction */
    /* Why the first of them has no prediction; "" when all that is missing are outcomes. */
    char skipped_reason[TRIVET_SKIPPED_REASON_BYTES];
    size_t *rows; /* number of each in the table */
    size_t n_outputs;
    double *outputs;     /* (n_rows, n_outputs) */
    double *truth;       /* regression: n_rows */
    uint32_t *classes;   /* classification: true class, n_labels for one that was not trained */
    uint32_t *decisions; /* classification and clustering: what was decided */
    double *features;    /* clustering: (n_rows, n_features) after the transformers */
    size_t n_features;
};

/* Predict rows `rows[0..n_rows)` (NULL: all) of `table`, which has the pipeline's inputs and, save
 * for clustering, the column `target` by name. INVALID_ARGUMENT: a column is missing or of the
 * wrong type, or no row can be scored. */
enum trivet_status trivet_scores_make(const struct trivet_pipeline *pipeline,
                                      const struct trivet_table *table, const char *target,
                                      const size_t *rows, size_t n_rows, struct trivet_arena *arena,
                                      struct trivet_scores *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
