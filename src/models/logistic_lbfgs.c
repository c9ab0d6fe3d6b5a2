#include "base/alloc.h"
#include "models/logistic_solvers.h"

#include <lbfgs.h>
#include <math.h>
#include <string.h>

#define MEMORY          20
#define LINE_SEARCH_MAX 60
#define EPSILON_NEVER   1e-300 /* on_step decides */
#define SEPARATED_VALUE 1e-6   /* of the value at zero */

/* liblbfgs wants what the l1 term touches in one piece: all weights, then all intercepts. */
struct solver {
    const struct trivet_logistic_problem *problem;
    struct trivet_logistic_objective *objective;
    const struct trivet_fit_context *context;
    const struct trivet_logistic_stop *stop;
    size_t n_equations;
    size_t n_parameters;
    size_t n;
    double *theta;
    double *gradient;
    double scale; /* greatest gradient at zero */
    double value_at_zero;
    bool evaluated;
    bool cancelled;
    uint64_t iterations;
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in logistic_regression; use fewer features");
}

static size_t place_of(const struct solver *solver, size_t i)
{
    const size_t n_cols = solver->problem->x.n_cols;
    const size_t k = i / solver->n_parameters;
    const size_t j = i % solver->n_parameters;
    return j < n_cols ? k * n_cols + j : solver->n_equations * n_cols + k;
}

static lbfgsfloatval_t evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *g,
                                const int n, const lbfgsfloatval_t step)
{
    (void)n;
    (void)step;
    struct solver *solver = instance;
    double value = 0.0;
    for (size_t i = 0; i < solver->n; i++) {
        solver->theta[i] = x[place_of(solver, i)];
    }
    trivet_logistic_objective_evaluate(solver->objective, solver->theta, 1, &value,
                                       solver->gradient, NULL);
    for (size_t i = 0; i < solver->n; i++) {
        g[place_of(solver, i)] = solver->gradient[i];
    }
    if (!solver->evaluated) {
        solver->evaluated = true;
        solver->value_at_zero = value;
        for (size_t i = 0; i < solver->n; i++) {
            solver->scale = fmax(solver->scale, fabs(solver->gradient[i]));
        }
    }
    return value;
}

/* liblbfgs stops by the norm relative to that of x; ours is relative to the start. */
static int on_step(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *g,
                   const lbfgsfloatval_t fx, const lbfgsfloatval_t xnorm,
                   const lbfgsfloatval_t gnorm, const lbfgsfloatval_t step, int n, int k, int ls)
{
    (void)x;
    (void)g;
    (void)fx;
    (void)xnorm;
    (void)gnorm;
    (void)step;
    (void)n;
    (void)ls;
    struct solver *solver = instance;
    struct trivet_error err;
    solver->iterations = (uint64_t)k;
    const bool converged =
        trivet_logistic_subgradient(solver->problem, solver->theta, solver->gradient) <=
        solver->stop->tol * solver->scale;
    solver->cancelled =
        trivet_fit_progress(solver->context, (double)k / (double)(k + 50), &err) != TRIVET_OK;
    return converged || solver->cancelled ? 1 : 0;
}

static enum trivet_status run(struct solver *solver, lbfgsfloatval_t *x, lbfgsfloatval_t *g,
                              struct trivet_logistic_result *result, struct trivet_error *err)
{
    const struct trivet_logistic_problem *problem = solver->problem;
    lbfgs_parameter_t parameters;
    lbfgsfloatval_t value = 0.0;
    lbfgs_parameter_init(&parameters);
    parameters.m = MEMORY;
    parameters.epsilon = EPSILON_NEVER;
    parameters.max_iterations = (int)solver->stop->max_iterations;
    parameters.max_linesearch = LINE_SEARCH_MAX;
    if (problem->l1 > 0.0) {
        parameters.linesearch = LBFGS_LINESEARCH_BACKTRACKING;
        parameters.orthantwise_c = problem->l1;
        parameters.orthantwise_start = 0;
        parameters.orthantwise_end = (int)(solver->n_equations * problem->x.n_cols);
    }
    /* What else may end it, a line search at the last digits, is told by `converged` alone. */
    const int code = lbfgs((int)solver->n, x, &value, evaluate, on_step, solver, &parameters);
    if (solver->cancelled) {
        return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
    }
    if (code == LBFGSERR_OUTOFMEMORY) {
        return no_memory(err);
    }
    /* At the last point that was taken, which is not the last that was tried. */
    result->value = evaluate(solver, x, g, (int)solver->n, 0.0);
    result->value += trivet_logistic_l1(problem, solver->theta);
    result->gradient_norm = trivet_logistic_subgradient(problem, solver->theta, solver->gradient);
    result->converged = result->gradient_norm <= solver->stop->tol * solver->scale;
    result->iterations = solver->iterations;
    result->separated = problem->l1 <= 0.0 && problem->l2 <= 0.0 &&
                        result->value < SEPARATED_VALUE * solver->value_at_zero;
    return TRIVET_OK;
}

enum trivet_status trivet_logistic_lbfgs(const struct trivet_logistic_problem *problem,
                                         const struct trivet_logistic_stop *stop,
                                         const struct trivet_fit_context *context,
                                         struct trivet_logistic_result *result,
                                         struct trivet_error *err)
{
    struct solver solver = {
        .problem = problem,
        .context = context,
        .stop = stop,
        .n_equations = trivet_logistic_n_equations(problem),
        .n_parameters = trivet_logistic_n_parameters(problem),
        .theta = result->theta,
    };
    solver.n = solver.n_equations * solver.n_parameters;
    lbfgsfloatval_t *x = lbfgs_malloc((int)solver.n);
    lbfgsfloatval_t *g = lbfgs_malloc((int)solver.n);
    solver.gradient = trivet_alloc_array(solver.n, sizeof(double));
    enum trivet_status status =
        trivet_logistic_objective_create(problem, false, &solver.objective, err);
    if (status == TRIVET_OK && (x == NULL || g == NULL || solver.gradient == NULL)) {
        status = no_memory(err);
    }
    if (status == TRIVET_OK) {
        memset(x, 0, solver.n * sizeof(lbfgsfloatval_t));
        status = run(&solver, x, g, result, err);
    }
    if (status == TRIVET_OK) {
        trivet_logistic_uncentre(problem, trivet_logistic_objective_means(solver.objective),
                                 solver.theta);
    }
    trivet_logistic_objective_free(solver.objective);
    trivet_free(solver.gradient);
    lbfgs_free(x);
    lbfgs_free(g);
    return status;
}
