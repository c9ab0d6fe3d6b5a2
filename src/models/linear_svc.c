#include "models/linear_svc.h"

#include "base/alloc.h"
#include "models/linear_model.h"
#include "models/linear_svm.h"

#include <math.h>
#include <string.h>

static const char *const penalties[] = {"l2", "l1", NULL};
static const char *const svc_losses[] = {"squared_hinge", "hinge", NULL};
static const char *const svr_losses[] = {"epsilon_insensitive", "squared_epsilon_insensitive",
                                         NULL};
static const char *const solvers[] = {"auto", "newton", "trust_region", "coordinate_descent", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};

#define TOL_HELP                                                                                   \
    "stop when the optimality conditions hold to this; newton goes on until it is exact"

/* Rows that both tables have. */
#define C_ROW                                                                                      \
    {                                                                                              \
        .name = "C", .type = TRIVET_PARAM_REAL, .default_text = "1", .min = 0.0, .min_open = true, \
        .max = INFINITY, .max_open = true,                                                         \
        .help = "weight of the loss, summed over the rows, against the penalty"                    \
    }
#define FIT_INTERCEPT_ROW                                                                          \
    {                                                                                              \
        .name = "fit_intercept", .type = TRIVET_PARAM_BOOL, .default_text = "true",                \
        .help = "add a constant term, which is penalised: see intercept_scaling"                   \
    }
#define INTERCEPT_SCALING_ROW                                                                      \
    {                                                                                              \
        .name = "intercept_scaling", .needs = "fit_intercept=true", .type = TRIVET_PARAM_REAL,     \
        .default_text = "1", .min = 0.0, .min_open = true, .max = 1e6,                             \
        .help = "value of the constant feature; more penalises the intercept less"                 \
    }
#define TOL_ROW                                                                                    \
    {                                                                                              \
        .name = "tol", .type = TRIVET_PARAM_REAL, .default_text = "0.0001", .min = 0.0,            \
        .min_open = true, .max = 1.0, .help = TOL_HELP                                             \
    }

static const struct trivet_param_spec linear_svc_params[] = {
    {.name = "penalty",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "l2",
     .choices = penalties,
     .help = "l2 shrinks coefficients, l1 makes many of them zero"},
    {.name = "loss",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "squared_hinge",
     .choices = svc_losses,
     .help = "of a row within the margin or on the wrong side; hinge goes with penalty=l2 only"},
    C_ROW,
    {.name = "class_weight",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = class_weights,
     .help = "balanced: C of a class is in inverse proportion to how frequent it is"},
    FIT_INTERCEPT_ROW,
    INTERCEPT_SCALING_ROW,
    {.name = "solver",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "auto",
     .choices = solvers,
     .help = "newton: squared_hinge with l2, exact; trust_region: the same for many features; "
             "coordinate_descent: all of them; auto: the fastest"},
    TOL_ROW,
    {.name = NULL},
};

static const struct trivet_param_spec linear_svr_params[] = {
    {.name = "loss",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "epsilon_insensitive",
     .choices = svr_losses,
     .help = "of an error beyond epsilon, or the square of that"},
    {.name = "epsilon",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "errors up to this cost nothing; in the target's units"},
    C_ROW,
    FIT_INTERCEPT_ROW,
    INTERCEPT_SCALING_ROW,
    TOL_ROW,
    {.name = NULL},
};

/* Weight of each class; NULL: no memory. */
static double *make_weights(const struct trivet_fit_data *data, bool balanced)
{
    double *weights = trivet_calloc(data->n_classes, sizeof(double));
    for (size_t i = 0; i < data->x.n_rows && weights != NULL; i++) {
        weights[(size_t)data->y[i]] += 1.0;
    }
    for (size_t k = 0; k < data->n_classes && weights != NULL; k++) {
        weights[k] =
            balanced ? (double)data->x.n_rows / ((double)data->n_classes * weights[k]) : 1.0;
    }
    return weights;
}

static void common_of(const struct trivet_params *params, const struct trivet_fit_data *data,
                      const struct trivet_fit_context *context,
                      struct trivet_linear_svm_problem *out)
{
    *out = (struct trivet_linear_svm_problem){
        .data = data,
        .squared = strncmp(trivet_params_choice(params, "loss"), "squared", 7) == 0,
        .c = trivet_params_real(params, "C"),
        .bias = trivet_params_bool(params, "fit_intercept")
                    ? trivet_params_real(params, "intercept_scaling")
                    : 0.0,
        .tol = trivet_params_real(params, "tol"),
        .seed = context->seed,
    };
}

static enum trivet_linear_svm_solver fastest(const struct trivet_linear_svm_problem *problem)
{
    const size_t n = trivet_linear_svm_n_parameters(problem);
    if (!problem->squared || problem->l1) {
        return TRIVET_LINEAR_SVM_COORDINATE_DESCENT;
    }
    if (n <= TRIVET_LINEAR_SVM_NEWTON_MAX) {
        return TRIVET_LINEAR_SVM_NEWTON;
    }
    return n <= problem->data->x.n_rows ? TRIVET_LINEAR_SVM_TRUST_REGION
                                        : TRIVET_LINEAR_SVM_COORDINATE_DESCENT;
}

/* The solver asked for. INVALID_ARGUMENT: it cannot solve this problem. */
static enum trivet_status choose(const char *name, const struct trivet_linear_svm_problem *problem,
                                 enum trivet_linear_svm_solver *out, struct trivet_error *err)
{
    if (strcmp(name, "auto") == 0) {
        *out = fastest(problem);
        return TRIVET_OK;
    }
    if (strcmp(name, "coordinate_descent") == 0) {
        *out = TRIVET_LINEAR_SVM_COORDINATE_DESCENT;
        return TRIVET_OK;
    }
    if (!problem->squared || problem->l1) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "solver=%s cannot minimise %s; give solver=auto or "
                         "solver=coordinate_descent",
                         name, problem->l1 ? "penalty=l1" : "loss=hinge");
        trivet_error_add_violation(err, "solver", "give auto or coordinate_descent");
        return TRIVET_INVALID_ARGUMENT;
    }
    *out = strcmp(name, "newton") == 0 ? TRIVET_LINEAR_SVM_NEWTON : TRIVET_LINEAR_SVM_TRUST_REGION;
    return TRIVET_OK;
}

static void tell(const struct trivet_linear_svm_problem *problem,
                 const struct trivet_linear_svm_result *result, struct trivet_fit_report *report)
{
    report->converged = result->converged;
    report->iterations = result->iterations;
    report->gradient_norm = result->gradient_norm;
    trivet_fit_report_fact(report, "objective",
                           trivet_linear_svm_objective(problem, result->theta));
    if (!result->converged) {
        trivet_fit_report_warn(report,
                               "not converged after %llu iterations; scale the features, or use a "
                               "smaller C or a larger tol",
                               (unsigned long long)result->iterations);
    }
}

/* The constant feature's weight becomes an intercept. */
static enum trivet_status take_theta(const struct trivet_linear_svm_problem *problem, double *theta,
                                     struct trivet_linear_model *model,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    const size_t n_features = problem->data->x.n_cols;
    const size_t width = trivet_linear_svm_n_parameters(problem);
    const size_t n_equations = trivet_linear_svm_n_equations(problem);
    for (size_t e = 0; e < n_equations; e++) {
        for (size_t j = 0; j < width; j++) {
            double *value = &theta[e * width + j];
            *value *= j == n_features ? problem->bias : 1.0;
            if (!isfinite(*value)) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "a coefficient of the linear support vector machine is not "
                                        "a finite number; scale the features");
            }
        }
    }
    return trivet_linear_model_set(model, theta, n_equations, n_features, width > n_features,
                                   report, err);
}

static enum trivet_status solve(const struct trivet_linear_svm_problem *problem,
                                enum trivet_linear_svm_solver solver,
                                const struct trivet_fit_context *context,
                                struct trivet_linear_model *model, struct trivet_fit_report *report,
                                struct trivet_error *err)
{
    struct trivet_linear_svm_result result = {0};
    enum trivet_status status = TRIVET_OK;
    result.theta = trivet_calloc(trivet_linear_svm_n_equations(problem) *
                                     trivet_linear_svm_n_parameters(problem),
                                 sizeof(double));
    if (result.theta == NULL) {
        return trivet_linear_svm_no_memory(err);
    }
    status = solver == TRIVET_LINEAR_SVM_NEWTON
                 ? trivet_linear_svm_newton(problem, context, &result, err)
                 : trivet_linear_svm_liblinear(problem, solver == TRIVET_LINEAR_SVM_TRUST_REGION,
                                               context, &result, err);
    if (status == TRIVET_OK) {
        tell(problem, &result, report);
        status = take_theta(problem, result.theta, model, report, err);
    }
    trivet_free(result.theta);
    return status;
}

static enum trivet_status linear_svc_fit(void *state, const struct trivet_params *params,
                                         const struct trivet_fit_data *data,
                                         const struct trivet_fit_context *context,
                                         struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_linear_svm_problem problem;
    common_of(params, data, context, &problem);
    problem.l1 = strcmp(trivet_params_choice(params, "penalty"), "l1") == 0;
    if (problem.l1 && !problem.squared) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "there is no solver for penalty=l1 with loss=hinge; give "
                         "loss=squared_hinge or penalty=l2");
        trivet_error_add_violation(err, "loss", "give squared_hinge with penalty=l1");
        return TRIVET_INVALID_ARGUMENT;
    }
    enum trivet_linear_svm_solver solver = TRIVET_LINEAR_SVM_NEWTON;
    enum trivet_status status =
        choose(trivet_params_choice(params, "solver"), &problem, &solver, err);
    if (status != TRIVET_OK) {
        return status;
    }
    double *weights =
        make_weights(data, strcmp(trivet_params_choice(params, "class_weight"), "balanced") == 0);
    if (weights == NULL) {
        return trivet_linear_svm_no_memory(err);
    }
    problem.class_weights = weights;
    status = solve(&problem, solver, context, state, report, err);
    trivet_free(weights);
    return status;
}

static enum trivet_status linear_svr_fit(void *state, const struct trivet_params *params,
                                         const struct trivet_fit_data *data,
                                         const struct trivet_fit_context *context,
                                         struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_linear_svm_problem problem;
    common_of(params, data, context, &problem);
    problem.epsilon = trivet_params_real(params, "epsilon");
    return solve(&problem, fastest(&problem), context, state, report, err);
}

static enum trivet_status linear_svc_predict(const void *state, struct trivet_const_matrix x,
                                             struct trivet_matrix out, struct trivet_error *err)
{
    return trivet_linear_model_predict(state, "linear_svc", x, out, err);
}

static enum trivet_status linear_svr_predict(const void *state, struct trivet_const_matrix x,
                                             struct trivet_matrix out, struct trivet_error *err)
{
    return trivet_linear_model_predict(state, "linear_svr", x, out, err);
}

static enum trivet_status linear_svr_load(void *state, const struct trivet_params *params,
                                          const Trivet__V1__Step *step, struct trivet_error *err)
{
    const struct trivet_linear_model *model = state;
    enum trivet_status status = trivet_linear_model_load(state, params, step, err);
    if (status == TRIVET_OK && model->n_equations != 1) {
        trivet_linear_model_release(state);
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "linear_svr has several equations; numbers have one");
    }
    return status;
}

static enum trivet_output_kind linear_svc_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_MARGINS;
}

static enum trivet_output_kind linear_svr_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_VALUE;
}

const struct trivet_estimator_ops trivet_linear_svc_ops = {
    .name = "linear_svc",
    .summary = "linear support vector machine of classes, one against the rest",
    .task = TRIVET_TASK_CLASSIFICATION,
    .state_bytes = sizeof(struct trivet_linear_model),
    .params = linear_svc_params,
    .fit = linear_svc_fit,
    .predict = linear_svc_predict,
    .save = trivet_linear_model_save,
    .load = trivet_linear_model_load_classifier,
    .explained = "margin",
    .n_explained = trivet_linear_model_n_equations,
    .explain = trivet_linear_model_explain,
    .linear = trivet_linear_model_linear,
    .n_features = trivet_linear_model_n_features,
    .n_outputs = trivet_linear_model_n_equations,
    .output_kind = linear_svc_output_kind,
    .memory_bytes = trivet_linear_model_memory_bytes,
    .release = trivet_linear_model_release,
};

const struct trivet_estimator_ops trivet_linear_svr_ops = {
    .name = "linear_svr",
    .summary = "linear support vector machine of numbers",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct trivet_linear_model),
    .params = linear_svr_params,
    .fit = linear_svr_fit,
    .predict = linear_svr_predict,
    .save = trivet_linear_model_save,
    .load = linear_svr_load,
    .explained = "prediction",
    .n_explained = trivet_linear_model_n_equations,
    .explain = trivet_linear_model_explain,
    .linear = trivet_linear_model_linear,
    .n_features = trivet_linear_model_n_features,
    .n_outputs = trivet_linear_model_n_equations,
    .output_kind = linear_svr_output_kind,
    .memory_bytes = trivet_linear_model_memory_bytes,
    .release = trivet_linear_model_release,
};
