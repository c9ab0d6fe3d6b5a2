/* The one face of every algorithm: an estimator is a const table of functions over its own state.
 */
#ifndef TRIVET_MODELS_ESTIMATOR_H
#define TRIVET_MODELS_ESTIMATOR_H

#include "base/arena.h"
#include "base/compiler.h"
#include "linalg/matrix.h"
#include "linalg/row_view.h"
#include "models/params.h"
#include "trivet/v1/artefact.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers as in report.proto. */
enum trivet_task {
    TRIVET_TASK_REGRESSION = 1,
    TRIVET_TASK_CLASSIFICATION = 2,
    TRIVET_TASK_CLUSTERING = 3,
};

/* What the columns of a prediction mean. */
enum trivet_output_kind {
    /* Regression: one column, the prediction. */
    TRIVET_OUTPUT_VALUE = 1,
    /* Classification: one column a class, they sum to 1; the greatest is the answer, of equals the
     * first. */
    TRIVET_OUTPUT_PROBABILITIES,
    /* Classification: signed distances. Two classes: one column, positive is class 1. More: one
     * column a class, the greatest is the answer, of equals the first. */
    TRIVET_OUTPUT_MARGINS,
    /* Classification of more than two classes: one column a pair (i, j), i < j, in the order (0,
     * 1), (0, 2) … (1, 2) …; positive is a vote for i, else for j; most votes is the answer, of
     * equals the first. */
    TRIVET_OUTPUT_PAIR_MARGINS,
    /* Clustering: distance to each centre; the least is the answer, of equals the first. */
    TRIVET_OUTPUT_DISTANCES,
};

#define TRIVET_FIT_WARNINGS_MAX      16
#define TRIVET_FIT_WARNING_BYTES_MAX 192
#define TRIVET_FIT_FACTS_MAX         16

/* A number worth telling: "objective", "duality_gap", "support_vectors", "inertia" … */
struct trivet_fit_fact {
    const char *name; /* static */
    double value;
};

/* How a fit went; filled by fit. Zero-initialised by the caller; released by
 * trivet_fit_report_release. */
struct trivet_fit_report {
    bool converged;
    uint64_t iterations;
    double gradient_norm;
    uint64_t rank;           /* of the centred design matrix; 0 = does not apply */
    double condition_number; /* 0 = does not apply */
    size_t n_facts;
    struct trivet_fit_fact facts[TRIVET_FIT_FACTS_MAX];
    size_t n_warnings;
    char warnings[TRIVET_FIT_WARNINGS_MAX][TRIVET_FIT_WARNING_BYTES_MAX];
    double *loss_curve; /* owned, n_losses: objective by iteration or epoch */
    size_t n_losses;
    size_t n_features;
    bool *constant; /* owned, n_features: it has a single value; NULL = not looked at */
    /* Linear models, in the units of x; n_equations is 1, or the classes where there is one
     * equation a class. */
    size_t n_equations;
    double *coefficients; /* owned, (n_equations, n_features); NULL = none */
    double *intercepts;   /* owned, n_equations */
    size_t n_classes;
    uint64_t *class_counts;   /* owned, n_classes: training rows of each; filled by the pipeline */
    double estimator_seconds; /* within the estimator's fit; filled by the pipeline */
};

void trivet_fit_report_release(struct trivet_fit_report *report);
__attribute__((format(printf, 2, 3))) void trivet_fit_report_warn(struct trivet_fit_report *report,
                                                                  const char *format, ...);
/* `name` is static. What does not fit is left out. */
void trivet_fit_report_fact(struct trivet_fit_report *report, const char *name, double value);

/* What fit is told besides the data. */
struct trivet_fit_context {
    uint64_t seed;
    /* Threads that fit may use, BLAS's included; 0 = 1. The same number gives the same result. */
    unsigned n_threads;
    /* Called now and then with 0..1; false = cancelled, fit returns CANCELLED. May be NULL. */
    bool (*progress)(void *ctx, double fraction);
    /* Called with each value of the report's loss curve when it is there, `iteration` from 1: it
     * may be often, so it only takes note, and the next `progress` passes that on. May be NULL. */
    void (*loss)(void *ctx, uint64_t iteration, double loss);
    void *progress_ctx; /* of both */
};

/* CANCELLED when progress says so. */
enum trivet_status trivet_fit_progress(const struct trivet_fit_context *context, double fraction,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_fit_loss(const struct trivet_fit_context *context, uint64_t iteration, double loss);

/* Training rows. */
struct trivet_fit_data {
    /* (n_rows, n_features) row-major, stride n_features, 64-byte aligned; finite, or NaN where
     * missing when the estimator accepts it. It may be overwritten: the pipeline's own copy. */
    struct trivet_matrix x;
    /* n_rows: numbers for regression; class indices 0..n_classes-1 for classification, every class
     * with at least one row; NULL for clustering. */
    const double *y;
    size_t n_classes; /* at least 2 for classification, else 0 */
};

struct trivet_linear_model;

/* A single-precision copy of an estimator, for requests of floats.
 *
 * predict    x (x->n_rows, n_features) floats, finite → out; scratch (64-byte aligned) of
 *            scratch_bytes, which is bounded whatever n_rows. A row's result is the same alone and
 *            in any batch. */
struct trivet_single_ops {
    enum trivet_status (*create)(const void *state, void **out, struct trivet_error *err);
    size_t (*scratch_bytes)(const void *single, size_t n_rows);
    void (*predict)(const void *single, const struct trivet_row_view *x, struct trivet_matrix out,
                    void *scratch);
    size_t (*memory_bytes)(const void *single);
    void (*free)(void *single);
};

/* Every function: the state is `state_bytes` long, zeroed before fit or load. One thread fits;
 * predict and explain only read and may run on any number of threads.
 *
 * fit        INVALID_ARGUMENT: data the algorithm cannot take, FAILED_PRECONDITION never. On error
 *            nothing is left in the state.
 * predict    x (n_rows, n_features), as in fit → out (n_rows, n_outputs), untouched on error.
 * save       named tensors, made in `arena`, borrowed from the state where possible.
 * load       with the parameters of the fit; checks every length and number: DATA_LOSS when they do
 *            not fit together. Never calls a library that trains.
 * explain    exact contributions (n_rows, n_explained, n_features) and base (n_explained): base
 *            plus the contributions of a row are its explained output, which `explained` names
 *            ("prediction", "log-odds"). `means` (n_features): of the training rows. NULL: the
 *            outputs of predict are explained by sampling (models/shapley.h).
 * linear     the equations, borrowed from the state, where the outputs are these: values or margins
 * as they are, probabilities of two classes from one equation by its logistic, of more by their
 * softmax. False: they are not. NULL: never. scratch_bytes, predict_in predict without an
 * allocation, for serving: scratch (64-byte aligned) is the caller's, widths are right, there is at
 * least a row. NULL: not. exact_features outputs jump where a feature changes by its last bit
 * single     NULL: none
 * release    the state's memory; the state is zeroed by the caller. */
struct trivet_estimator_ops {
    const char *name;
    const char *summary;
    enum trivet_task task;
    bool accepts_missing; /* NaN in x is a missing value, not a fault of its row */
    size_t state_bytes;
    const struct trivet_param_spec *params;
    enum trivet_status (*fit)(void *state, const struct trivet_params *params,
                              const struct trivet_fit_data *data,
                              const struct trivet_fit_context *context,
                              struct trivet_fit_report *report, struct trivet_error *err);
    enum trivet_status (*predict)(const void *state, struct trivet_const_matrix x,
                                  struct trivet_matrix out, struct trivet_error *err);
    enum trivet_status (*save)(const void *state, struct trivet_arena *arena, Trivet__V1__Step *out,
                               struct trivet_error *err);
    enum trivet_status (*load)(void *state, const struct trivet_params *params,
                               const Trivet__V1__Step *step, struct trivet_error *err);
    const char *explained;
    size_t (*n_explained)(const void *state);
    enum trivet_status (*explain)(const void *state, struct trivet_const_matrix x,
                                  const double *means, double *contributions, double *base,
                                  struct trivet_error *err);
    bool (*linear)(const void *state, struct trivet_linear_model *equations);
    size_t (*scratch_bytes)(const void *state, size_t n_rows);
    void (*predict_in)(const void *state, struct trivet_const_matrix x, struct trivet_matrix out,
                       void *scratch);
    bool exact_features;
    const struct trivet_single_ops *single;
    size_t (*n_features)(const void *state);
    size_t (*n_outputs)(const void *state);
    enum trivet_output_kind (*output_kind)(const void *state);
    size_t (*memory_bytes)(const void *state);
    void (*release)(void *state);
};

#endif
