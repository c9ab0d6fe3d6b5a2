#include "models/linear_regression.h"

#include "base/alloc.h"
#include "linalg/coordinate_descent.h"
#include "linalg/gradient_descent.h"
#include "linalg/least_squares.h"
#include "models/linear_model.h"

#include <math.h>
#include <string.h>

#define ALPHA_DEFAULT 1.0

static const char *const penalties[] = {"none", "l2", "l1", "elastic_net", NULL};
static const char *const solvers[] = {"auto", "exact", "coordinate_descent", "gradient_descent",
                                      NULL};
static const char *const schedules[] = {"constant", "inverse_scaling", "step", NULL};
static const char *const batch_words[] = {"all", NULL};

static const struct trivet_param_spec linear_regression_params[] = {
    {.name = "penalty",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = penalties,
     .help =
         "none: ordinary least squares; l2: ridge, which shrinks coefficients; l1: lasso, which "
         "makes many of them zero; elastic_net: both"},
    {.name = "alpha",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "strength of the penalty, against the summed squares for l2, against half their mean "
             "for l1 and elastic_net; not used without a penalty"},
    {.name = "l1_ratio",
     .needs = "penalty=elastic_net",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = 1.0,
     .help = "share of l1 in penalty=elastic_net; not used otherwise"},
    {.name = "fit_intercept",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "add a constant term, which is not penalised"},
    {.name = "solver",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "auto",
     .choices = solvers,
     .help = "auto: exact for penalties none and l2, coordinate_descent for l1 and elastic_net; "
             "gradient_descent: the textbook method, with its loss curve, for none and l2"},
    {.name = "tol",
     .needs = "penalty=l1|elastic_net",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.0001",
     .min = 0.0,
     .max = 1.0,
     .help = "coordinate_descent: stop when the duality gap is below this part of the target's sum "
             "of squares"},
    {.name = "max_iter",
     .needs = "penalty=l1|elastic_net",
     .type = TRIVET_PARAM_INT,
     .default_text = "1000",
     .min = 1.0,
     .max = 10000000.0,
     .help = "coordinate_descent: most sweeps over the coefficients"},
    {.name = "learning_rate",
     .needs = "solver=gradient_descent",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.1",
     .min = 0.0,
     .min_open = true,
     .max = INFINITY,
     .max_open = true,
     .help = "gradient_descent: size of a step; for scaled features"},
    {.name = "schedule",
     .needs = "solver=gradient_descent",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "constant",
     .choices = schedules,
     .help =
         "gradient_descent: the learning rate stays, is divided by the root of the epoch, or is "
         "halved ten times"},
    {.name = "epochs",
     .needs = "solver=gradient_descent",
     .type = TRIVET_PARAM_INT,
     .default_text = "1000",
     .min = 1.0,
     .max = 1000000.0,
     .help = "gradient_descent: most passes over the rows"},
    {.name = "batch_size",
     .needs = "solver=gradient_descent",
     .type = TRIVET_PARAM_INT,
     .default_text = "all",
     .min = 1.0,
     .max = 2147483647.0,
     .words = batch_words,
     .help = "gradient_descent: rows for a step"},
    {.name = "epoch_tol",
     .needs = "solver=gradient_descent",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1e-10",
     .min = 0.0,
     .max = 1.0,
     .help = "gradient_descent: stop when an epoch changes the objective by less than this part"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in linear_regression; use fewer features");
}

static bool is(const struct trivet_params *params, const char *name, const char *value)
{
    return strcmp(trivet_params_choice(params, name), value) == 0;
}

static double l2_of(const struct trivet_params *params)
{
    return is(params, "penalty", "l2") ? trivet_params_real(params, "alpha") : 0.0;
}

/* One fit on its way: coefficients, then the intercept. */
struct fitting {
    const struct trivet_params *params;
    const struct trivet_fit_data *data;
    const struct trivet_fit_context *context;
    struct trivet_fit_report *report;
    double *theta;
};

/* --- exact ----------------------------------------------------------------------------------- */

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

static enum trivet_status fit_exactly(struct fitting *fitting, struct trivet_error *err)
{
    const size_t n_features = fitting->data->x.n_cols;
    struct trivet_fit_report *report = fitting->report;
    const struct trivet_least_squares_problem problem = {
        .x = fitting->data->x,
        .y = fitting->data->y,
        .alpha = l2_of(fitting->params),
        .intercept = trivet_params_bool(fitting->params, "fit_intercept"),
        .progress = fitting->context->progress,
        .progress_ctx = fitting->context->progress_ctx,
    };
    struct trivet_least_squares_solution solution = {.coefficients = fitting->theta};
    solution.constant = trivet_calloc(n_features, sizeof(bool));
    enum trivet_status status = solution.constant == NULL
                                    ? no_memory(err)
                                    : trivet_least_squares_solve(&problem, &solution, err);
    if (status != TRIVET_OK) {
        trivet_free(solution.constant);
        return status;
    }
    warn(&solution, n_features, problem.alpha, report);
    fitting->theta[n_features] = solution.intercept;
    report->converged = true;
    report->rank = solution.rank;
    report->condition_number = solution.condition_number;
    report->constant = solution.constant;
    return TRIVET_OK;
}

/* --- coordinate descent ---------------------------------------------------------------------- */

static enum trivet_status fit_by_coordinates(struct fitting *fitting, struct trivet_error *err)
{
    const struct trivet_params *params = fitting->params;
    const size_t n_features = fitting->data->x.n_cols;
    struct trivet_fit_report *report = fitting->report;
    const struct trivet_elastic_net_problem problem = {
        .x = fitting->data->x,
        .y = fitting->data->y,
        .alpha = trivet_params_real(params, "alpha"),
        .l1_ratio = is(params, "penalty", "l1") ? 1.0 : trivet_params_real(params, "l1_ratio"),
        .intercept = trivet_params_bool(params, "fit_intercept"),
        .tol = trivet_params_real(params, "tol"),
        .max_iterations = (uint64_t)trivet_params_int(params, "max_iter"),
        .progress = fitting->context->progress,
        .progress_ctx = fitting->context->progress_ctx,
    };
    struct trivet_elastic_net_solution solution = {.coefficients = fitting->theta};
    enum trivet_status status = trivet_elastic_net_solve(&problem, &solution, err);
    if (status != TRIVET_OK) {
        return status;
    }
    fitting->theta[n_features] = solution.intercept;
    report->converged = solution.converged;
    report->iterations = solution.iterations;
    trivet_fit_report_fact(report, "duality_gap", solution.duality_gap);
    trivet_fit_report_fact(report, "zero_coefficients", (double)solution.n_zero);
    if (!solution.converged) {
        trivet_fit_report_warn(report,
                               "not converged after %llu sweeps, duality gap %.3g; scale the "
                               "features, give more max_iter or a larger tol",
                               (unsigned long long)solution.iterations, solution.duality_gap);
    }
    if (solution.n_zero == n_features) {
        trivet_fit_report_warn(report, "every coefficient is zero: alpha is too large for this "
                                       "target; give a smaller one");
    }
    return TRIVET_OK;
}

/* --- gradient descent ------------------------------------------------------------------------ */

static enum trivet_descent_schedule schedule_of(const struct trivet_params *params)
{
    if (is(params, "schedule", "inverse_scaling")) {
        return TRIVET_DESCENT_INVERSE_SCALING;
    }
    return is(params, "schedule", "step") ? TRIVET_DESCENT_STEP : TRIVET_DESCENT_CONSTANT;
}

static enum trivet_status fit_by_gradients(struct fitting *fitting, struct trivet_error *err)
{
    const struct trivet_params *params = fitting->params;
    const size_t n_features = fitting->data->x.n_cols;
    struct trivet_fit_report *report = fitting->report;
    const struct trivet_descent_problem problem = {
        .x = fitting->data->x,
        .y = fitting->data->y,
        .alpha = l2_of(params),
        .intercept = trivet_params_bool(params, "fit_intercept"),
        .learning_rate = trivet_params_real(params, "learning_rate"),
        .schedule = schedule_of(params),
        .epochs = (uint64_t)trivet_params_int(params, "epochs"),
        .batch_rows = trivet_params_word(params, "batch_size") != NULL
                          ? 0
                          : (size_t)trivet_params_int(params, "batch_size"),
        .tol = trivet_params_real(params, "epoch_tol"),
        .seed = fitting->context->seed,
        .progress = fitting->context->progress,
        .loss = fitting->context->loss,
        .progress_ctx = fitting->context->progress_ctx,
    };
    struct trivet_descent_solution solution = {.coefficients = fitting->theta};
    solution.losses = trivet_alloc_array((size_t)problem.epochs, sizeof(double));
    enum trivet_status status =
        solution.losses == NULL ? no_memory(err) : trivet_descent_solve(&problem, &solution, err);
    if (status != TRIVET_OK) {
        trivet_free(solution.losses);
        return status;
    }
    fitting->theta[n_features] = solution.intercept;
    report->loss_curve = solution.losses;
    report->n_losses = (size_t)solution.epochs;
    report->converged = solution.converged;
    report->iterations = solution.epochs;
    report->gradient_norm = solution.gradient_norm;
    if (!solution.converged) {
        trivet_fit_report_warn(report,
                               "not converged after %llu epochs, greatest gradient %.3g; scale the "
                               "features, give more epochs or another learning_rate",
                               (unsigned long long)solution.epochs, solution.gradient_norm);
    }
    return TRIVET_OK;
}

/* --- the table's functions ------------------------------------------------------------------- */

static enum trivet_status refuse_solver(const struct trivet_params *params,
                                        struct trivet_error *err)
{
    const char *solver = trivet_params_choice(params, "solver");
    const char *penalty = trivet_params_choice(params, "penalty");
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "solver=%s is not for penalty=%s; give %s, or auto", solver, penalty,
                     is(params, "solver", "coordinate_descent") ? "exact or gradient_descent"
                                                                : "coordinate_descent");
    trivet_error_add_violation(err, "solver", "is not for penalty=%s", penalty);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status solve(struct fitting *fitting, struct trivet_error *err)
{
    const struct trivet_params *params = fitting->params;
    const bool sparse = is(params, "penalty", "l1") || is(params, "penalty", "elastic_net");
    const bool by_coordinates = is(params, "solver", "coordinate_descent");
    if (!is(params, "solver", "auto") && sparse != by_coordinates) {
        return refuse_solver(params, err);
    }
    if (is(params, "penalty", "none") && trivet_params_real(params, "alpha") != ALPHA_DEFAULT) {
        trivet_fit_report_warn(fitting->report,
                               "alpha is not used with penalty=none; give penalty=l2, l1 or "
                               "elastic_net");
    }
    if (sparse) {
        return fit_by_coordinates(fitting, err);
    }
    return is(params, "solver", "gradient_descent") ? fit_by_gradients(fitting, err)
                                                    : fit_exactly(fitting, err);
}

static enum trivet_status linear_regression_fit(void *state, const struct trivet_params *params,
                                                const struct trivet_fit_data *data,
                                                const struct trivet_fit_context *context,
                                                struct trivet_fit_report *report,
                                                struct trivet_error *err)
{
    struct fitting fitting = {.params = params, .data = data, .context = context, .report = report};
    fitting.theta = trivet_calloc(data->x.n_cols + 1, sizeof(double));
    enum trivet_status status = fitting.theta == NULL ? no_memory(err) : solve(&fitting, err);
    if (status == TRIVET_OK) {
        status =
            trivet_linear_model_set(state, fitting.theta, 1, data->x.n_cols, true, report, err);
    }
    trivet_free(fitting.theta);
    return status;
}

static enum trivet_status linear_regression_predict(const void *state, struct trivet_const_matrix x,
                                                    struct trivet_matrix out,
                                                    struct trivet_error *err)
{
    return trivet_linear_model_predict(state, "linear_regression", x, out, err);
}

static enum trivet_output_kind linear_regression_output_kind(const void *state)
{
    (void)state;
    return TRIVET_OUTPUT_VALUE;
}

const struct trivet_estimator_ops trivet_linear_regression_ops = {
    .name = "linear_regression",
    .summary = "least squares fit of a plane: ordinary, ridge, lasso or elastic net",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct trivet_linear_model),
    .params = linear_regression_params,
    .fit = linear_regression_fit,
    .predict = linear_regression_predict,
    .save = trivet_linear_model_save,
    .load = trivet_linear_model_load,
    .explained = "prediction",
    .n_explained = trivet_linear_model_n_equations,
    .explain = trivet_linear_model_explain,
    .linear = trivet_linear_model_linear,
    .n_features = trivet_linear_model_n_features,
    .n_outputs = trivet_linear_model_n_equations,
    .output_kind = linear_regression_output_kind,
    .memory_bytes = trivet_linear_model_memory_bytes,
    .release = trivet_linear_model_release,
};
