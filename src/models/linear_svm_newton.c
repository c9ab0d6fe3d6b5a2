#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/cholesky.h"
#include "linalg/product.h"
#include "models/linear_svm.h"

#include <math.h>
#include <string.h>

#define BLOCK_ROWS     256
#define ITERATIONS_MAX 1000
#define BACKTRACKS_MAX 40
#define ARMIJO         1e-4
#define EXACT          1e-10 /* of the gradient at zero: nothing is left to do */
#define ROUNDING       1e-13 /* of a value: no difference */
/* Of the trace: what is added where rounding has left the Hessian not positive definite. */
#define RIDGE_LEAST    1e-16
#define RIDGES_MAX     8
#define RIDGE_FACTOR   10.0
#define TRACE_GREATEST 1e100

/* One equation on its way. */
struct newton {
    const struct trivet_linear_svm_problem *problem;
    struct trivet_const_matrix x;
    size_t n;          /* rows */
    size_t width;      /* parameters */
    double *target;    /* owned, n; and so the next four */
    double *cost;      /* second derivative of a row's loss, halved */
    double *z;         /* of each row at theta */
    double *dz;        /* of each row along the direction */
    double *slope;     /* derivative of each row's loss by z; 0: it has none */
    bool *active;      /* owned, n: the row is in the Hessian */
    double *theta;     /* width, the caller's */
    double *gradient;  /* owned, width; and so the next */
    double *direction; /* minus the step that is left */
    double *hessian;   /* owned, (width, width); and so the next */
    double *factor;
    double *block; /* owned, (BLOCK_ROWS, width) */
};

static void newton_release(struct newton *newton)
{
    trivet_free(newton->target);
    trivet_free(newton->active);
    trivet_free(newton->gradient);
    trivet_free(newton->hessian);
    trivet_free(newton->block);
}

static bool newton_init(const struct trivet_linear_svm_problem *problem, struct newton *newton)
{
    const size_t n = problem->data->x.n_rows;
    const size_t width = trivet_linear_svm_n_parameters(problem);
    *newton = (struct newton){
        .problem = problem, .x = trivet_matrix_read(problem->data->x), .n = n, .width = width};
    newton->target = trivet_alloc_array(n, 5 * sizeof(double));
    newton->active = trivet_alloc_array(n, sizeof(bool));
    newton->gradient = trivet_alloc_array(2 * width, sizeof(double));
    newton->hessian = trivet_alloc_array(width * width, 2 * sizeof(double));
    newton->block = trivet_alloc_array(BLOCK_ROWS * width, sizeof(double));
    if (newton->target == NULL || newton->active == NULL || newton->gradient == NULL ||
        newton->hessian == NULL || newton->block == NULL) {
        newton_release(newton);
        return false;
    }
    newton->cost = &newton->target[n];
    newton->z = &newton->target[2 * n];
    newton->dz = &newton->target[3 * n];
    newton->slope = &newton->target[4 * n];
    newton->direction = &newton->gradient[width];
    newton->factor = &newton->hessian[width * width];
    return true;
}

/* Sum of the losses at z + step dz, and their slopes. */
static double losses_of_classes(const struct newton *newton, double step, double *slope)
{
    double total = 0.0;
    for (size_t i = 0; i < newton->n; i++) {
        const double t = newton->target[i];
        const double excess = fmax(1.0 - t * (newton->z[i] + step * newton->dz[i]), 0.0);
        const double scaled = newton->cost[i] * excess;
        total += scaled * excess;
        slope[i] = -2.0 * t * scaled;
    }
    return total;
}

static double losses_of_numbers(const struct newton *newton, double step, double *slope)
{
    const double epsilon = newton->problem->epsilon;
    double total = 0.0;
    for (size_t i = 0; i < newton->n; i++) {
        const double error = newton->z[i] + step * newton->dz[i] - newton->target[i];
        const double excess = fmax(fabs(error) - epsilon, 0.0);
        const double scaled = newton->cost[i] * excess;
        total += scaled * excess;
        slope[i] = copysign(2.0 * scaled, error);
    }
    return total;
}

/* What is minimised, at theta + step direction; also the slopes there. */
static double value_at(struct newton *newton, double step)
{
    double norm2 = 0.0;
    for (size_t j = 0; j < newton->width; j++) {
        const double at = newton->theta[j] + step * newton->direction[j];
        norm2 += at * at;
    }
    return 0.5 * norm2 + (newton->problem->data->n_classes > 0
                              ? losses_of_classes(newton, step, newton->slope)
                              : losses_of_numbers(newton, step, newton->slope));
}

/* out = x·parameters, of each row. */
static void images(const struct newton *newton, const double *parameters, double *out)
{
    const double bias = newton->problem->bias;
    const double constant = bias > 0.0 ? bias * parameters[newton->x.n_cols] : 0.0;
    for (size_t i = 0; i < newton->n; i++) {
        out[i] = constant;
    }
    trivet_linalg_gemv(false, 1.0, newton->x, parameters, 1.0, out);
}

/* From the slopes; returns the greatest. */
static double take_gradient(struct newton *newton)
{
    const size_t p = newton->x.n_cols;
    double greatest = 0.0;
    memcpy(newton->gradient, newton->theta, newton->width * sizeof(double));
    trivet_linalg_gemv(true, 1.0, newton->x, newton->slope, 1.0, newton->gradient);
    if (newton->problem->bias > 0.0) {
        double sum = 0.0;
        for (size_t i = 0; i < newton->n; i++) {
            sum += newton->slope[i];
        }
        newton->gradient[p] += newton->problem->bias * sum;
    }
    for (size_t j = 0; j < newton->width; j++) {
        greatest = fmax(greatest, fabs(newton->gradient[j]));
    }
    return greatest;
}

static void add_block(struct newton *newton, size_t n_rows, double sign)
{
    const size_t width = newton->width;
    trivet_linalg_gram(sign, (struct trivet_const_matrix){newton->block, n_rows, width, width}, 1.0,
                       (struct trivet_matrix){newton->hessian, width, width, width});
}

/* Rows that have (or no longer have) a loss come into the Hessian (or leave it); true when any
 * did. */
static bool take_changes(struct newton *newton, bool active)
{
    const size_t p = newton->x.n_cols;
    size_t n_block = 0;
    bool any = false;
    for (size_t i = 0; i < newton->n; i++) {
        if (newton->active[i] == active || (newton->slope[i] != 0.0) != active) {
            continue;
        }
        const double root = sqrt(2.0 * newton->cost[i]);
        const double *row = &newton->x.data[i * newton->x.stride];
        double *to = &newton->block[n_block * newton->width];
        for (size_t j = 0; j < p; j++) {
            to[j] = root * row[j];
        }
        if (newton->width > p) {
            to[p] = root * newton->problem->bias;
        }
        newton->active[i] = active;
        any = true;
        if (++n_block == BLOCK_ROWS) {
            add_block(newton, n_block, active ? 1.0 : -1.0);
            n_block = 0;
        }
    }
    if (n_block > 0) {
        add_block(newton, n_block, active ? 1.0 : -1.0);
    }
    return any;
}

static bool update_hessian(struct newton *newton)
{
    const bool came = take_changes(newton, true);
    return take_changes(newton, false) || came;
}

static void hessian_reset(struct newton *newton)
{
    memset(newton->active, 0, newton->n * sizeof(bool));
    memset(newton->hessian, 0, newton->width * newton->width * sizeof(double));
    for (size_t j = 0; j < newton->width; j++) {
        newton->hessian[j * newton->width + j] = 1.0;
    }
}

/* False when the Hessian's numbers are too large to compute with. */
static bool find_direction(struct newton *newton)
{
    const size_t width = newton->width;
    double trace = 0.0;
    double ridge = 0.0;
    for (size_t j = 0; j < width; j++) {
        trace += newton->hessian[j * width + j];
        newton->direction[j] = -newton->gradient[j];
    }
    if (!(trace < TRACE_GREATEST)) {
        return false;
    }
    for (size_t k = 0; k < RIDGES_MAX; k++) {
        memcpy(newton->factor, newton->hessian, width * width * sizeof(double));
        for (size_t j = 0; j < width; j++) {
            newton->factor[j * width + j] += ridge;
        }
        if (trivet_linalg_cholesky_solve(
                (struct trivet_matrix){newton->factor, width, width, width}, newton->direction)) {
            return true;
        }
        ridge = k == 0 ? RIDGE_LEAST * trace : RIDGE_FACTOR * ridge;
    }
    return false;
}

/* Halves the step until the value falls enough; the step, 0 when it never does. */
static double line_search(struct newton *newton, double *value)
{
    const double falling = trivet_linalg_dot(newton->gradient, newton->direction, newton->width);
    double step = 1.0;
    images(newton, newton->direction, newton->dz);
    for (size_t k = 0; k < BACKTRACKS_MAX; k++, step *= 0.5) {
        const double next = value_at(newton, step);
        if (next <= *value + ARMIJO * step * falling + ROUNDING * fabs(*value)) {
            for (size_t j = 0; j < newton->width; j++) {
                newton->theta[j] += step * newton->direction[j];
            }
            for (size_t i = 0; i < newton->n; i++) {
                newton->z[i] += step * newton->dz[i];
            }
            *value = next;
            return step;
        }
    }
    return 0.0;
}

static void start(struct newton *newton, size_t equation, double *theta)
{
    newton->theta = theta;
    for (size_t i = 0; i < newton->n; i++) {
        trivet_linear_svm_row(newton->problem, equation, i, &newton->target[i], &newton->cost[i]);
    }
    memset(newton->z, 0, newton->n * sizeof(double));
    memset(newton->dz, 0, newton->n * sizeof(double));
    memset(newton->direction, 0, newton->width * sizeof(double));
    hessian_reset(newton);
}

static enum trivet_status run(struct newton *newton, const struct trivet_fit_context *context,
                              double done, double share, struct trivet_linear_svm_result *result,
                              struct trivet_error *err)
{
    double value = value_at(newton, 0.0);
    const double first = take_gradient(newton);
    double norm = first;
    update_hessian(newton);
    for (uint64_t k = 0; k < ITERATIONS_MAX && norm > EXACT * first; k++) {
        const double before = norm;
        const double part = (double)k / (double)(k + 4);
        enum trivet_status status = trivet_fit_progress(context, done + share * part, err);
        if (status != TRIVET_OK) {
            return status;
        }
        if (!find_direction(newton) || !isfinite(value)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the features have values too large for a linear support "
                                    "vector machine; scale them");
        }
        const double step = line_search(newton, &value);
        result->iterations++;
        if (step == 0.0) {
            break;
        }
        norm = take_gradient(newton);
        if (!update_hessian(newton) && step == 1.0 && norm > 0.5 * before) {
            break; /* what is left is rounding */
        }
    }
    result->converged = result->converged && norm <= newton->problem->tol * first;
    result->gradient_norm = fmax(result->gradient_norm, norm);
    return TRIVET_OK;
}

enum trivet_status trivet_linear_svm_newton(const struct trivet_linear_svm_problem *problem,
                                            const struct trivet_fit_context *context,
                                            struct trivet_linear_svm_result *result,
                                            struct trivet_error *err)
{
    const size_t n_equations = trivet_linear_svm_n_equations(problem);
    const double share = 1.0 / (double)n_equations;
    enum trivet_status status = TRIVET_OK;
    struct newton newton;
    if (!newton_init(problem, &newton)) {
        return trivet_linear_svm_no_memory(err);
    }
    result->converged = true;
    for (size_t e = 0; e < n_equations && status == TRIVET_OK; e++) {
        start(&newton, e, &result->theta[e * newton.width]);
        status = run(&newton, context, (double)e * share, share, result, err);
    }
    newton_release(&newton);
    return status;
}
