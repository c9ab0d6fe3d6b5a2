/* k-fold cross-validation of an unfitted pipeline: every fold makes and fits the whole pipeline
 * anew, so that nothing of the test rows (their means, categories …) reaches the fit. */
#ifndef TRIVET_EVALUATION_CROSS_VALIDATE_H
#define TRIVET_EVALUATION_CROSS_VALIDATE_H

#include "evaluation/evaluate.h"
#include "evaluation/splitter.h"
#include "trivet/v1/training.pb-c.h"

#define TRIVET_FOLDS_MAX 100

struct trivet_fold {
    uint64_t n_train;
    uint64_t n_test;
    struct trivet_evaluation evaluation; /* metrics only */
    struct trivet_metric train_score;    /* when asked for */
};

/* Everything lives in the arena of the call. */
struct trivet_cross_validation {
    size_t n_folds; /* run */
    struct trivet_fold *folds;
    /* Over the folds where it is defined: mean and deviation (ddof 0). */
    size_t n_metrics;
    struct trivet_metric mean[TRIVET_METRICS_MAX];
    struct trivet_metric deviation[TRIVET_METRICS_MAX];
};

enum trivet_fold_verdict {
    TRIVET_FOLD_GO_ON,
    TRIVET_FOLD_ENOUGH, /* the folds so far are the result */
    TRIVET_FOLD_CANCEL,
};

/* Before each fold: `done` has the `fold` folds before it. */
typedef enum trivet_fold_verdict (*trivet_fold_cb)(void *ctx, size_t fold, size_t n_folds,
                                                   const struct trivet_fold *done);

struct trivet_validation_plan {
    const Trivet__V1__PipelineSpec *spec;
    const struct trivet_schema *schema;
    const struct trivet_table *table;
    const size_t *rows; /* of the table */
    size_t n_rows;
    const struct trivet_splitter *splitter;
    size_t n_folds;
    uint64_t seed;
    unsigned n_threads;
    /* Share of a fold's training rows that are used, by chance, with TIME the last ones; 0 = all.
     */
    double train_fraction;
    const char *train_metric; /* NULL, or a metric to tell of the training rows as well */
    trivet_fold_cb on_fold;   /* may be NULL */
    void *ctx;
};

/* Whether the folds can be made, without a fit: INVALID_ARGUMENT as below. */
enum trivet_status trivet_cross_validate_check(const struct trivet_validation_plan *plan,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* INVALID_ARGUMENT: folds < 2 or more than can be made, or data that a fold cannot take. CANCELLED:
 * as on_fold said. Folds of one plan are the same in every call. */
enum trivet_status trivet_cross_validate(const struct trivet_validation_plan *plan,
                                         struct trivet_arena *arena,
                                         struct trivet_cross_validation *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
