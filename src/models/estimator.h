/* The one face of every algorithm: an estimator is a const table of functions over its own state.
 */
#ifndef TRIVET_MODELS_ESTIMATOR_H
#define TRIVET_MODELS_ESTIMATOR_H

#include "base/arena.h"
#include "base/compiler.h"
#include "linalg/matrix.h"
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

#define TRIVET_FIT_WARNINGS_MAX      16
#define TRIVET_FIT_WARNING_BYTES_MAX 192

/* How a fit went; filled by fit. Zero-initialised by the caller. `loss_curve` and `coefficients`
 * are owned, released by trivet_fit_report_release. */
struct trivet_fit_report {
    bool converged;
    uint64_t iterations;
    double gradient_norm;
    uint64_t rank;           /* of the centred design matrix; 0 = does not apply */
    double condition_number; /* 0 = does not apply */
    size_t n_warnings;
    char warnings[TRIVET_FIT_WARNINGS_MAX][TRIVET_FIT_WARNING_BYTES_MAX];
    double *loss_curve;
    size_t n_losses;
    bool *constant;       /* per feature: it has a single value */
    double *coefficients; /* linear models: per feature, in the units of x; else NULL */
    double intercept;
    size_t n_features;
};

void trivet_fit_report_release(struct trivet_fit_report *report);
__attribute__((format(printf, 2, 3))) void trivet_fit_report_warn(struct trivet_fit_report *report,
                                                                  const char *format, ...);

/* What fit is told besides the data. */
struct trivet_fit_context {
    uint64_t seed;
    /* Called now and then with 0..1; false = cancelled, fit returns CANCELLED. May be NULL. */
    bool (*progress)(void *ctx, double fraction);
    void *progress_ctx;
};

/* Every function: the state is `state_bytes` long, zeroed before fit or load. One thread fits;
 * predict and explain only read and may run on any number of threads.
 *
 * fit      x (n_rows, n_features) finite, row-major; it may be overwritten (the pipeline's own
 *          copy). y (n_rows): numbers for regression, class indices 0..n_classes-1 for
 * classification, NULL for clustering. INVALID_ARGUMENT: data the algorithm cannot take,
 * FAILED_PRECONDITION never. predict  x (n_rows, n_features) finite → out (n_rows, n_outputs),
 * untouched on error. save     named tensors, made in `arena`, borrowed from the state where
 * possible. load     checks every length and number: DATA_LOSS when they do not fit together.
 * explain  (n_rows, n_features) contributions and base value of the output; may be NULL.
 * release  the state's memory; the state is zeroed by the caller. */
struct trivet_estimator_ops {
    const char *name;
    const char *summary;
    enum trivet_task task;
    size_t state_bytes;
    const struct trivet_param_spec *params;
    enum trivet_status (*fit)(void *state, const struct trivet_params *params,
                              struct trivet_matrix x, const double *y, size_t n_classes,
                              const struct trivet_fit_context *context,
                              struct trivet_fit_report *report, struct trivet_error *err);
    enum trivet_status (*predict)(const void *state, struct trivet_const_matrix x,
                                  struct trivet_matrix out, struct trivet_error *err);
    enum trivet_status (*save)(const void *state, struct trivet_arena *arena, Trivet__V1__Step *out,
                               struct trivet_error *err);
    enum trivet_status (*load)(void *state, const Trivet__V1__Step *step, struct trivet_error *err);
    enum trivet_status (*explain)(const void *state, struct trivet_const_matrix x,
                                  struct trivet_matrix contributions, double *base_value,
                                  struct trivet_error *err);
    size_t (*n_features)(const void *state);
    size_t (*n_outputs)(const void *state);
    size_t (*memory_bytes)(const void *state);
    void (*release)(void *state);
};

#endif
