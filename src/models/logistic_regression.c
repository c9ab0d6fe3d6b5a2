#include "models/logistic_regression.h"

#include "base/alloc.h"
#include "linalg/blas.h"
#include "models/linear_model.h"
#include "models/logistic_solvers.h"

#include <math.h>
#include <string.h>

static const char *const penalties[] = {"l2", "l1", "elastic_net", "none", NULL};
static const char *const solvers[] = {"auto", "newton", "lbfgs", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};

static const struct trivet_param_spec logistic_regression_params[] = {
    {.name = "penalty",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "l2",
     .choices = penalties,
     .help = "l2 shrinks coefficients, l1 makes many of them zero, elastic_net does both"},
    {.name = "C",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .min_open = true,
     .max = INFINITY,
     .max_open = true,
     .help = "weight of the loss, summed over the rows, against the penalty; more penalises less"},
    {.name = "l1_ratio",
     .needs = "penalty=elastic_net",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = 1.0,
     .help = "share of l1 in penalty=elastic_net; not used otherwise"},
    {.name = "class_weight",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = class_weights,
     .help = "balanced: every class counts the same, however many rows it has"},
    {.name = "fit_intercept",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "add a constant term, which is not penalised"},
    {.name = "solver",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "auto",
     .choices = solvers,
     .help = "newton: fewer, dearer steps; lbfgs: for many features; auto: newton up to 700 "
             "coefficients"},
    {.name = "tol",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1e-08",
     .min = 0.0,
     .min_open = true,
     .max = 1.0,
     .help = "stop when the greatest gradient is below this part of that at the start"},
    {.name = "max_iter",
     .type = TRIVET_PARAM_INT,
     .default_text = "1000",
     .min = 1.0,
     .max = 1000000.0,
     .help = "most iterations"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in logistic_regression; use fewer features");
}

/* C of each class. */
static double *make_weights(const struct trivet_params *params, const struct trivet_fit_data *data)
{
    const double c = trivet_params_real(params, "C");
    double *weights = trivet_calloc(data->n_classes, sizeof(double));
    if (weights == NULL) {
        return NULL;
    }
    if (strcmp(trivet_params_choice(params, "class_weight"), "none") == 0) {
        for (size_t k = 0; k < data->n_classes; k++) {
            weights[k] = c;
        }
        return weights;
    }
    for (size_t i = 0; i < data->x.n_rows; i++) {
        weights[(size_t)data->y[i]] += 1.0;
    }
    for (size_t k = 0; k < data->n_classes; k++) {
        weights[k] = c * (double)data->x.n_rows / ((double)data->n_classes * weights[k]);
    }
    return weights;
}

static void set_penalty(const struct trivet_params *params, struct trivet_logistic_problem *problem)
{
    const char *penalty = trivet_params_choice(params, "penalty");
    const double ratio = trivet_params_real(params, "l1_ratio");
    if (strcmp(penalty, "l2") == 0) {
        problem->l2 = 1.0;
    } else if (strcmp(penalty, "l1") == 0) {
        problem->l1 = 1.0;
    } else if (strcmp(penalty, "elastic_net") == 0) {
        problem->l1 = ratio;
        problem->l2 = 1.0 - ratio;
    }
}

static void tell(const struct trivet_logistic_result *result, struct trivet_fit_report *report)
{
    report->converged = result->converged;
    report->iterations = result->iterations;
    report->gradient_norm = result->gradient_norm;
    trivet_fit_report_fact(report, "objective", result->value);
    if (result->separated) {
        trivet_fit_report_warn(report, "the classes can be told apart without error: without a "
                                       "penalty the coefficients grow without end; use penalty=l2");
    } else if (!result->converged) {
        trivet_fit_report_warn(report,
                               "not converged after %llu iterations; scale the features, give more "
                               "max_iter or a larger tol",
                               (unsigned long long)result->iterations);
    }
}

static enum trivet_status solve(const struct trivet_logistic_problem *problem,
                                const struct trivet_params *params,
                                const struct trivet_fit_context *context,
                                struct trivet_logistic_result *result, struct trivet_error *err)
{
    const struct trivet_logistic_stop stop = {
        .tol = trivet_params_real(params, "tol"),
        .max_iterations = (uint64_t)trivet_params_int(params, "max_iter"),
    };
    const size_t n = trivet_logistic_n_equations(problem) * trivet_logistic_n_parameters(problem);
    const char *solver = trivet_params_choice(params, "solver");
    const bool newton = strcmp(solver, "newton") == 0 ||
                        (strcmp(solver, "auto") == 0 && n <= TRIVET_LOGISTIC_NEWTON_MAX);
    return newton ? trivet_logistic_newton(problem, &stop, context, result, err)
                  : trivet_logistic_lbfgs(problem, &stop, context, result, err);
}

static enum trivet_status logistic_regression_fit(void *state, const struct trivet_params *params,
                                                  const struct trivet_fit_data *data,
                                                  const struct trivet_fit_context *context,
                                                  struct trivet_fit_report *report,
                                                  struct trivet_error *err)
{
    struct trivet_logistic_result result = {0};
    double *weights = make_weights(params, data);
    struct trivet_logistic_problem problem = {
        .x = {.data = data->x.data,
              .n_rows = data->x.n_rows,
              .n_cols = data->x.n_cols,
              .stride = data->x.stride},
        .y = data->y,
        .n_classes = data->n_classes,
        .weights = weights,
        .intercept = trivet_params_bool(params, "fit_intercept"),
        .n_threads = context->n_threads,
    };
    const size_t n_equations = trivet_logistic_n_equations(&problem);
    set_penalty(params, &problem);
    result.theta =
        trivet_calloc(n_equations * trivet_logistic_n_parameters(&problem) + 1, sizeof(double));
    /* The threads are ours: BLAS gets one each. */
    trivet_blas_set_threads(1);
    enum trivet_status status = weights == NULL || result.theta == NULL
                                    ? no_memory(err)
                                    : solve(&problem, params, context, &result, err);
    trivet_blas_set_threads(context->n_threads > 1 ? context->n_threads : 1);
    if (status == TRIVET_OK) {
        status = trivet_linear_model_set(state, result.theta, n_equations, problem.x.n_cols,
                                         problem.intercept, report, err);
    }
    if (status == TRIVET_OK) {
        tell(&result, report);
    }
    trivet_free(weights);
    trivet_free(result.theta);
    return status;
}

static size_t logistic_regression_n_outputs(const void *state)
{
    const struct trivet_linear_model *model = state;
    return model->n_equations == 1 ? 2 : model->n_equations;
}

static enum trivet_status logistic_regression_predict(const void *state,
                                                      struct trivet_const_matrix x,
                                                      struct trivet_matrix out,
                                                      struct trivet_error *err)
{
    const struct trivet_linear_model *model = state;
    const size_t n_outputs = logistic_regression_n_outputs(state);
    enum trivet_status status =
        trivet_linear_model_check(model, "logistic_regression", x, out, n_outputs, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trivet_linear_model_margins(model, x, out);
    for (size_t i = 0; i < x.n_rows; i++) {
        trivet_linear_model_probabilities(&out.data[i * out.stride], model->n_equations);
    }
    return TRIVET_OK;
}

static enum trivet_output_kind logistic_regression_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_PROBABILITIES;
}

const struct trivet_estimator_ops trivet_logistic_regression_ops = {
    .name = "logistic_regression",
    .summary = "probabilities of classes from linear equations",
    .task = TRIVET_TASK_CLASSIFICATION,
    .state_bytes = sizeof(struct trivet_linear_model),
    .params = logistic_regression_params,
    .fit = logistic_regression_fit,
    .predict = logistic_regression_predict,
    .save = trivet_linear_model_save,
    .load = trivet_linear_model_load_classifier,
    .explained = "log-odds",
    .n_explained = trivet_linear_model_n_equations,
    .explain = trivet_linear_model_explain,
    .linear = trivet_linear_model_linear,
    .n_features = trivet_linear_model_n_features,
    .n_outputs = logistic_regression_n_outputs,
    .output_kind = logistic_regression_output_kind,
    .memory_bytes = trivet_linear_model_memory_bytes,
    .release = trivet_linear_model_release,
};
