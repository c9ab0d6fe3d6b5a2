#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/cholesky.h"
#include "models/logistic_solvers.h"

#include <math.h>
#include <string.h>

#define PART_ROWS_MIN   20000 /* fewer rows are looked at whole from the start */
#define PART            8
#define PART_TOL        1e-3
#define BACKTRACKS_MAX  40
#define ARMIJO          1e-4
#define SWEEPS_MAX      2000
#define SWEEP_TOL       1e-13
#define SEPARATED_VALUE 1e-6 /* of the value at zero */

/* One solve on its way; arrays of n numbers unless told. */
struct newton {
    const struct trivet_logistic_problem *problem;
    struct trivet_logistic_objective *objective;
    size_t n_equations;
    size_t n_parameters;
    size_t n;
    double *theta;
    double *next;
    double *gradient;
    double *next_gradient;
    double *direction;
    double *hessian; /* (n, n) */
    double *factor;  /* (n, n) */
    double *image;   /* hessian · direction */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in logistic_regression; use solver=lbfgs");
}

static bool is_penalised(const struct trivet_logistic_problem *problem)
{
    return problem->l1 > 0.0 || problem->l2 > 0.0;
}

static bool is_weight(const struct newton *newton, size_t i)
{
    return i % newton->n_parameters < newton->problem->x.n_cols;
}

double trivet_logistic_subgradient(const struct trivet_logistic_problem *problem,
                                   const double *theta, const double *gradient)
{
    const size_t width = trivet_logistic_n_parameters(problem);
    const size_t n = trivet_logistic_n_equations(problem) * width;
    double greatest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double value = fabs(gradient[i]);
        if (problem->l1 > 0.0 && i % width < problem->x.n_cols) {
            value = theta[i] != 0.0 ? fabs(gradient[i] + copysign(problem->l1, theta[i]))
                                    : fmax(value - problem->l1, 0.0);
        }
        greatest = fmax(greatest, value);
    }
    return greatest;
}

/* With one equation a class a number can be added to a parameter of all of them and nothing
 * changes, unless it is penalised: a term that the minimum does not feel makes it definite. */
static void pin_shifts(struct newton *newton)
{
    const size_t width = newton->n_parameters;
    double trace = 0.0;
    if (newton->n_equations == 1) {
        return;
    }
    for (size_t i = 0; i < newton->n; i++) {
        trace += newton->hessian[i * newton->n + i];
    }
    const double pin = trace / (double)newton->n;
    for (size_t j = 0; j < width; j++) {
        if (j < newton->problem->x.n_cols && is_penalised(newton->problem)) {
            continue;
        }
        for (size_t k = 0; k < newton->n_equations; k++) {
            for (size_t l = 0; l < newton->n_equations; l++) {
                newton->hessian[(k * width + j) * newton->n + l * width + j] += pin;
            }
        }
    }
}

/* direction = -hessian⁻¹ gradient; what is not definite is made so, little by little. */
static bool newton_direction(struct newton *newton)
{
    const size_t n = newton->n;
    const struct trivet_matrix factor = {
        .data = newton->factor, .n_rows = n, .n_cols = n, .stride = n};
    double greatest = 0.0;
    for (size_t i = 0; i < n; i++) {
        greatest = fmax(greatest, newton->hessian[i * n + i]);
    }
    for (double jitter = 0.0; jitter < 1.0; jitter = fmax(jitter * 100.0, 1e-12)) {
        memcpy(newton->factor, newton->hessian, n * n * sizeof(double));
        for (size_t i = 0; i < n; i++) {
            newton->factor[i * n + i] += jitter * greatest;
            newton->direction[i] = -newton->gradient[i];
        }
        if (trivet_linalg_cholesky_solve(factor, newton->direction)) {
            return true;
        }
    }
    return false;
}

/* Minimiser of a/2 t² + b t + l1 |t| */
static double shrink(double a, double b, double l1)
{
    return b > l1 ? (l1 - b) / a : b < -l1 ? (-l1 - b) / a : 0.0;
}

/* direction = argmin g·d + d·H·d / 2 + l1 ||w + d||₁, one coordinate after the other. */
static void proximal_direction(struct newton *newton)
{
    const size_t n = newton->n;
    memset(newton->direction, 0, n * sizeof(double));
    memset(newton->image, 0, n * sizeof(double));
    for (size_t sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        double greatest = 0.0;
        double largest = 0.0;
        for (size_t i = 0; i < n; i++) {
            const double *row = &newton->hessian[i * n];
            const double curvature = row[i];
            if (curvature <= 0.0) {
                continue;
            }
            const double at = newton->theta[i] + newton->direction[i];
            const double slope = newton->gradient[i] + newton->image[i] - curvature * at;
            const double l1 = is_weight(newton, i) ? newton->problem->l1 : 0.0;
            const double change = shrink(curvature, slope, l1) - at;
            if (change == 0.0) {
                continue;
            }
            newton->direction[i] += change;
            for (size_t j = 0; j < n; j++) {
                newton->image[j] += change * row[j];
            }
            greatest = fmax(greatest, fabs(change) * sqrt(curvature));
            largest = fmax(largest, fabs(newton->direction[i]) * sqrt(curvature));
        }
        if (greatest <= SWEEP_TOL * fmax(largest, 1e-300)) {
            break;
        }
    }
}

/* Steps along the direction until the value falls enough; false when it does not. */
static bool search_line(struct newton *newton, size_t part, double *value)
{
    const struct trivet_logistic_problem *problem = newton->problem;
    const size_t n = newton->n;
    const double l1 = trivet_logistic_l1(problem, newton->theta);
    for (size_t i = 0; i < n; i++) {
        newton->next[i] = newton->theta[i] + newton->direction[i];
    }
    const double fall = trivet_linalg_dot(newton->gradient, newton->direction, n) +
                        trivet_logistic_l1(problem, newton->next) - l1;
    double step = 1.0;
    for (size_t b = 0; b < BACKTRACKS_MAX; b++, step *= 0.5) {
        double next_value = 0.0;
        for (size_t i = 0; i < n; i++) {
            newton->next[i] = newton->theta[i] + step * newton->direction[i];
        }
        /* The Hessian comes with the value: nearly always the first step is taken. */
        trivet_logistic_objective_evaluate(newton->objective, newton->next, part, &next_value,
                                           newton->next_gradient, newton->hessian);
        next_value += trivet_logistic_l1(problem, newton->next);
        /* At the very end the fall is below what the sum can show. */
        const double noise = 1e-14 * fabs(*value);
        if (next_value <= *value + ARMIJO * step * fall + noise) {
            *value = next_value;
            memcpy(newton->theta, newton->next, n * sizeof(double));
            memcpy(newton->gradient, newton->next_gradient, n * sizeof(double));
            return true;
        }
    }
    return false;
}

static bool is_separated(const struct newton *newton, double value, double value_at_zero)
{
    return !is_penalised(newton->problem) && value < SEPARATED_VALUE * value_at_zero;
}

/* Steps on every part-th block of rows until the subgradient is below `limit`. */
static enum trivet_status iterate(struct newton *newton, size_t part, double tol,
                                  const struct trivet_logistic_stop *stop,
                                  const struct trivet_fit_context *context,
                                  struct trivet_logistic_result *result, struct trivet_error *err)
{
    double value = 0.0;
    trivet_logistic_objective_evaluate(newton->objective, newton->theta, part, &value,
                                       newton->gradient, newton->hessian);
    value += trivet_logistic_l1(newton->problem, newton->theta);
    const double value_at_start = value;
    double scale = 0.0;
    for (size_t i = 0; i < newton->n; i++) {
        scale = fmax(scale, fabs(newton->gradient[i]));
    }
    scale = result->iterations == 0 ? fmax(scale, 1e-300) : result->gradient_norm;
    result->converged = false;
    for (;;) {
        const double norm =
            trivet_logistic_subgradient(newton->problem, newton->theta, newton->gradient);
        result->value = value;
        if (result->iterations == 0) {
            result->gradient_norm = scale;
        }
        result->converged = norm <= tol * scale;
        result->separated = is_separated(newton, value, value_at_start);
        if (result->converged || result->separated || result->iterations >= stop->max_iterations) {
            break;
        }
        enum trivet_status status = trivet_fit_progress(
            context, (double)result->iterations / (double)(result->iterations + 5), err);
        if (status != TRIVET_OK) {
            return status;
        }
        pin_shifts(newton);
        if (newton->problem->l1 > 0.0) {
            proximal_direction(newton);
        } else if (!newton_direction(newton)) {
            break;
        }
        result->iterations++;
        if (!search_line(newton, part, &value)) {
            break;
        }
    }
    return TRIVET_OK;
}

static bool newton_init(struct newton *newton)
{
    const size_t n = newton->n;
    newton->next = trivet_alloc_array(n, sizeof(double));
    newton->gradient = trivet_alloc_array(n, sizeof(double));
    newton->next_gradient = trivet_alloc_array(n, sizeof(double));
    newton->direction = trivet_alloc_array(n, sizeof(double));
    newton->image = trivet_alloc_array(n, sizeof(double));
    newton->hessian = trivet_alloc_aligned(n * n, sizeof(double));
    newton->factor = trivet_alloc_aligned(n * n, sizeof(double));
    return newton->next != NULL && newton->gradient != NULL && newton->next_gradient != NULL &&
           newton->direction != NULL && newton->image != NULL && newton->hessian != NULL &&
           newton->factor != NULL;
}

static void newton_release(struct newton *newton)
{
    trivet_logistic_objective_free(newton->objective);
    trivet_free(newton->next);
    trivet_free(newton->gradient);
    trivet_free(newton->next_gradient);
    trivet_free(newton->direction);
    trivet_free(newton->image);
    trivet_free(newton->hessian);
    trivet_free(newton->factor);
}

enum trivet_status trivet_logistic_newton(const struct trivet_logistic_problem *problem,
                                          const struct trivet_logistic_stop *stop,
                                          const struct trivet_fit_context *context,
                                          struct trivet_logistic_result *result,
                                          struct trivet_error *err)
{
    struct newton newton = {
        .problem = problem,
        .n_equations = trivet_logistic_n_equations(problem),
        .n_parameters = trivet_logistic_n_parameters(problem),
        .theta = result->theta,
    };
    newton.n = newton.n_equations * newton.n_parameters;
    enum trivet_status status =
        trivet_logistic_objective_create(problem, true, &newton.objective, err);
    if (status == TRIVET_OK && !newton_init(&newton)) {
        status = no_memory(err);
    }
    if (status == TRIVET_OK && problem->x.n_rows >= PART_ROWS_MIN) {
        status = iterate(&newton, PART, PART_TOL, stop, context, result, err);
    }
    if (status == TRIVET_OK) {
        status = iterate(&newton, 1, stop->tol, stop, context, result, err);
    }
    if (status == TRIVET_OK) {
        result->gradient_norm = trivet_logistic_subgradient(problem, newton.theta, newton.gradient);
        trivet_logistic_uncentre(problem, trivet_logistic_objective_means(newton.objective),
                                 newton.theta);
    }
    newton_release(&newton);
    return status;
}
