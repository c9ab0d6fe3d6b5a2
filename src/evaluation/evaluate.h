/* Scores a fitted pipeline, and cross-validates an unfitted one. */
#ifndef TRIVET_EVALUATION_EVALUATE_H
#define TRIVET_EVALUATION_EVALUATE_H

#include "base/compiler.h"
#include "data/table.h"
#include "metrics/regression.h"
#include "models/pipeline.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_METRICS_MAX 32
#define TRIVET_FOLDS_MAX   100

/* Flat; no ownership. */
struct trivet_evaluation {
    enum trivet_task task;
    uint64_t n_rows;    /* scored */
    uint64_t n_skipped; /* without a prediction or a true outcome */
    size_t n_metrics;
    struct trivet_metric metrics[TRIVET_METRICS_MAX];
};

struct trivet_fold {
    uint64_t n_train;
    uint64_t n_test;
    struct trivet_evaluation evaluation;
};

struct trivet_cross_validation {
    size_t n_folds;
    struct trivet_fold folds[TRIVET_FOLDS_MAX];
    /* Over the folds where it is defined: mean and deviation (ddof 0). */
    size_t n_metrics;
    struct trivet_metric mean[TRIVET_METRICS_MAX];
    struct trivet_metric deviation[TRIVET_METRICS_MAX];
};

/* Score rows `rows[0..n_rows)` (NULL: all) of `table`, which has the pipeline's inputs and the
 * column `target` by name. INVALID_ARGUMENT: a column is missing, or no row can be scored. */
enum trivet_status trivet_evaluate(const struct trivet_pipeline *pipeline,
                                   const struct trivet_table *table, const char *target,
                                   const size_t *rows, size_t n_rows, struct trivet_evaluation *out,
                                   struct trivet_error *err) TRIVET_MUST_USE;

/* Called before each fold; false cancels (CANCELLED). */
typedef bool (*trivet_fold_cb)(void *ctx, size_t fold, size_t n_folds);

/* k-fold over `rows`: the spec's whole pipeline is made and refitted in every fold. Folds are
 * shuffled by `seed`. INVALID_ARGUMENT: folds < 2 or more than rows. `out` is large: keep it on the
 * heap. */
enum trivet_status trivet_cross_validate(const Trivet__V1__PipelineSpec *spec,
                                         const struct trivet_schema *schema,
                                         const struct trivet_table *table, const size_t *rows,
                                         size_t n_rows, size_t n_folds, uint64_t seed,
                                         trivet_fold_cb on_fold, void *ctx,
                                         struct trivet_cross_validation *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
