/* Scores a fitted pipeline: metrics, and what helps to understand them. */
#ifndef TRIVET_EVALUATION_EVALUATE_H
#define TRIVET_EVALUATION_EVALUATE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/table.h"
#include "metrics/classification.h"
#include "metrics/metric.h"
#include "models/pipeline.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_METRICS_MAX             32
#define TRIVET_SLICE_COLUMNS_MAX       8
#define TRIVET_SLICES_MAX              64 /* of one column: the most frequent values */
#define TRIVET_CURVE_POINTS_MAX        512
#define TRIVET_CURVE_CLASSES_MAX       20 /* with curves of their own: those with the most rows */
#define TRIVET_PERMUTATION_REPEATS_MAX 50

/* Label of the true classes that the model was not trained on, last of the labels. */
#define TRIVET_LABEL_NOT_TRAINED "(not trained)"

/* Points to draw; arrays of n_points, z may be NULL. */
struct trivet_curve {
    const char *name;  /* static: as in report.proto */
    const char *label; /* the class that is positive; "" for regression */
    const char *x_title;
    const char *y_title;
    size_t n_points;
    double *x;
    double *y;
    double *z;
};

struct trivet_slice_report {
    const char *column;
    const char *value;
    uint64_t n_rows;
    size_t n_metrics;
    struct trivet_metric *metrics;
};

struct trivet_importance {
    const char *column;
    double mean;
    double deviation; /* ddof 0 */
};

/* Everything lives in the arena of the call. */
struct trivet_evaluation {
    enum trivet_task task;
    uint64_t n_rows;            /* scored */
    uint64_t n_skipped;         /* without a prediction or a true outcome */
    uint64_t n_unpredicted;     /* of these: with a true outcome, but without a prediction */
    const char *skipped_reason; /* why the first has no prediction; "" = none lacks one */
    size_t n_metrics;
    struct trivet_metric metrics[TRIVET_METRICS_MAX];
    /* Classification: labels of the model, and TRIVET_LABEL_NOT_TRAINED when such classes occur. */
    size_t n_labels;
    const char **labels;
    uint64_t *confusion;                  /* (n_labels, n_labels): true class, decision */
    struct trivet_class_metrics *classes; /* n_labels */
    /* When asked for. */
    size_t n_curves;
    struct trivet_curve *curves;
    size_t n_slices;
    struct trivet_slice_report *slices;
    size_t n_importances;
    struct trivet_importance *importances; /* greatest first */
    const char *importance_metric;         /* "" when there are none */
};

/* What to tell besides metrics; zero-initialised: nothing. */
struct trivet_evaluate_options {
    bool curves;
    const char *const *slice_columns; /* of the table */
    size_t n_slice_columns;
    unsigned permutation_repeats; /* 0 = no importances */
    uint64_t seed;
};

/* Score rows `rows[0..n_rows)` (NULL: all) of `table`, which has the pipeline's inputs and, save
 * for clustering, the column `target` by name. INVALID_ARGUMENT: a column is missing, an option is
 * out of range, or no row can be scored. */
enum trivet_status trivet_evaluate(const struct trivet_pipeline *pipeline,
                                   const struct trivet_table *table, const char *target,
                                   const size_t *rows, size_t n_rows,
                                   const struct trivet_evaluate_options *options,
                                   struct trivet_arena *arena, struct trivet_evaluation *out,
                                   struct trivet_error *err) TRIVET_MUST_USE;

/* The metric of that name, or NULL. */
const struct trivet_metric *trivet_evaluation_metric(const struct trivet_evaluation *evaluation,
                                                     const char *name);
/* What a task is judged by when nothing is said: "r2", "f1_macro", "silhouette". */
const char *trivet_evaluation_main_metric(enum trivet_task task);

#endif
