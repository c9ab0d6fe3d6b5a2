#include "models/linear_regression.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/least_squares.h"
#include "models/linear_explain.h"
#include "models/tensors.h"

#include <math.h>
#include <string.h>

struct linear_regression {
    size_t n_features;
    double *coefficients; /* owned */
    double intercept;
};

static const char *const penalties[] = {"none", "l2", NULL};

static const struct trivet_param_spec linear_regression_params[] = {
    {.name = "penalty",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = penalties,
     .help = "none: ordinary least squares; l2: ridge, which shrinks coefficients"},
    {.name = "alpha",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "strength of the l2 penalty; not used without one"},
    {.name = "fit_intercept",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "add a constant term, which is not penalised"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in linear_regression; use fewer features");
}

static void linear_regression_release(void *state)
{
    struct linear_regression *model = state;
    trivet_free(model->coefficients);
    model->coefficients = NULL;
}

static void warn(const struct trivet_least_squares_solution *solution, size_t n_features,
                 double alpha, struct trivet_fit_report *report)
{
    size_t n_constant = 0;
    for (size_t j = 0; j < n_features; j++) {
        n_constant += solution->constant[j] ? 1 : 0;
    }
    if (n_constant > 0) {
        trivet_fit_report_warn(report, "%zu of %zu features have a single value and say nothing",
                               n_constant, n_features);
    }
    if (solution->rank < n_features) {
        trivet_fit_report_warn(report,
                               "the features have rank %zu of %zu: some follow from others; %s",
                               solution->rank, n_features,
                               alpha > 0.0 ? "the penalty chooses among the solutions"
                                           : "of all best solutions the smallest was taken");
    }
    if (solution->condition_number > 1e6) {
        trivet_fit_report_warn(report,
                               "condition number %.3g: coefficients are uncertain; scale the "
                               "features or use penalty=l2",
                               solution->condition_number);
    }
}

static enum trivet_status fit_problem(const struct trivet_least_squares_problem *problem,
                                      struct linear_regression *model,
                                      struct trivet_fit_report *report, struct trivet_error *err)
{
    size_t n_features = problem->x.n_cols;
    enum trivet_status status = TRIVET_OK;
    double *copy = NULL;
    double *intercept = NULL;
    struct trivet_least_squares_solution solution = {0};
    solution.coefficients = trivet_calloc(n_features, sizeof(double));
    solution.constant = trivet_calloc(n_features, sizeof(bool));
    copy = trivet_alloc_array(n_features, sizeof(double));
    intercept = trivet_alloc_array(1, sizeof(double));
    if (solution.coefficients == NULL || solution.constant == NULL || copy == NULL ||
        intercept == NULL) {
        status = no_memory(err);
        goto done;
    }
    status = trivet_least_squares_solve(problem, &solution, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    memcpy(copy, solution.coefficients, n_features * sizeof(double));
    warn(&solution, n_features, problem->alpha, report);
    report->converged = true;
    report->rank = solution.rank;
    report->condition_number = solution.condition_number;
    report->n_features = n_features;
    report->n_equations = 1;
    *intercept = solution.intercept;
    report->intercepts = intercept;
    report->coefficients = copy;
    report->constant = solution.constant;
    model->n_features = n_features;
    model->coefficients = solution.coefficients;
    model->intercept = solution.intercept;
    return TRIVET_OK;
done:
    trivet_free(solution.coefficients);
    trivet_free(solution.constant);
    trivet_free(copy);
    trivet_free(intercept);
    return status;
}

static enum trivet_status linear_regression_fit(void *state, const struct trivet_params *params,
                                                const struct trivet_fit_data *data,
                                                const struct trivet_fit_context *context,
                                                struct trivet_fit_report *report,
                                                struct trivet_error *err)
{
    bool penalised = strcmp(trivet_params_choice(params, "penalty"), "l2") == 0;
    struct trivet_least_squares_problem problem = {
        .x = data->x,
        .y = data->y,
        .alpha = penalised ? trivet_params_real(params, "alpha") : 0.0,
        .intercept = trivet_params_bool(params, "fit_intercept"),
        .progress = context->progress,
        .progress_ctx = context->progress_ctx,
    };
    return fit_problem(&problem, state, report, err);
}

static enum trivet_status linear_regression_predict(const void *state, struct trivet_const_matrix x,
                                                    struct trivet_matrix out,
                                                    struct trivet_error *err)
{
    const struct linear_regression *model = state;
    if (x.n_cols != model->n_features || out.n_cols != 1 || out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "linear_regression was trained on %zu features and has 1 output; "
                                "given are %zu features and %zu outputs",
                                model->n_features, x.n_cols, out.n_cols);
    }
    trivet_linalg_affine(x, model->coefficients, model->intercept, out.data, out.stride);
    return TRIVET_OK;
}

static enum trivet_status linear_regression_save(const void *state, struct trivet_arena *arena,
                                                 Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct linear_regression *model = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "coefficients", model->coefficients,
                                        model->n_features, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "intercept", &model->intercept, 1, err);
    }
    return status;
}

static enum trivet_status linear_regression_load(void *state, const struct trivet_params *params,
                                                 const Trivet__V1__Step *step,
                                                 struct trivet_error *err)
{
    (void)params;
    struct linear_regression *model = state;
    const double *coefficients = NULL;
    const double *intercept = NULL;
    size_t n_features = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "coefficients", &coefficients, &n_features, err);
    }
    if (status == TRIVET_OK && n_features == 0) {
        status = trivet_tensors_wrong_count(step, "coefficients", 0, 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "intercept", 1, &intercept, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    double *copy = trivet_memdup(coefficients, n_features * sizeof(double));
    if (copy == NULL) {
        return no_memory(err);
    }
    model->coefficients = copy;
    model->n_features = n_features;
    model->intercept = *intercept;
    return TRIVET_OK;
}

static size_t linear_regression_n_features(const void *state)
{
    return ((const struct linear_regression *)state)->n_features;
}

static size_t linear_regression_n_outputs(const void *state)
{
    (void)state;
    return 1;
}

static enum trivet_output_kind linear_regression_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_VALUE;
}

static enum trivet_status linear_regression_explain(const void *state, struct trivet_const_matrix x,
                                                    const double *means, double *contributions,
                                                    double *base, struct trivet_error *err)
{
    (void)err;
    const struct linear_regression *model = state;
    trivet_linear_explain(model->coefficients, model->intercept, x, means, contributions, base);
    return TRIVET_OK;
}

static size_t linear_regression_memory_bytes(const void *state)
{
    const struct linear_regression *model = state;
    return sizeof *model + model->n_features * sizeof(double);
}

const struct trivet_estimator_ops trivet_linear_regression_ops = {
    .name = "linear_regression",
    .summary = "least squares fit of a plane, or ridge with penalty=l2",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct linear_regression),
    .params = linear_regression_params,
    .fit = linear_regression_fit,
    .predict = linear_regression_predict,
    .save = linear_regression_save,
    .load = linear_regression_load,
    .n_features = linear_regression_n_features,
    .n_outputs = linear_regression_n_outputs,
    .output_kind = linear_regression_output_kind,
    .explained = "prediction",
    .n_explained = linear_regression_n_outputs,
    .explain = linear_regression_explain,
    .memory_bytes = linear_regression_memory_bytes,
    .release = linear_regression_release,
};
