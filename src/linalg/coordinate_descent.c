#include "linalg/coordinate_descent.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/centre.h"
#include "linalg/product.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define PROGRESS_SWEEPS 16

/* One solve on its way; n_features numbers unless told. */
struct descent {
    const struct trivet_elastic_net_problem *problem;
    size_t p;
    double l1;    /* n alpha l1_ratio */
    double l2;    /* n alpha (1 - l1_ratio) */
    double *mean; /* of the features */
    double y_mean;
    double *y;       /* n_rows, centred; on columns it becomes the residual y - X w */
    double *columns; /* (p, n_rows): Xᵀ; NULL: gram instead */
    double *gram;    /* (p, p); NULL: columns instead */
    double *squares; /* of each column: the diagonal of XᵀX */
    double *q;       /* Xᵀy */
    double yy;       /* ||y||² */
    double *w;
    double *image; /* gram · w */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in coordinate descent; use fewer features");
}

static void descent_release(struct descent *descent)
{
    trivet_free(descent->mean);
    trivet_free(descent->y);
    trivet_free(descent->columns);
    trivet_free(descent->gram);
    trivet_free(descent->squares);
    trivet_free(descent->q);
    trivet_free(descent->image);
}

static bool descent_alloc(struct descent *descent)
{
    const size_t n = descent->problem->x.n_rows;
    const size_t p = descent->p;
    const bool wide = p > n && p > TRIVET_ELASTIC_NET_GRAM_FEATURES;
    descent->mean = trivet_calloc(p, sizeof(double));
    descent->y = trivet_alloc_array(n, sizeof(double));
    descent->columns = wide ? trivet_alloc_aligned(p * n, sizeof(double)) : NULL;
    descent->gram = wide ? NULL : trivet_alloc_aligned(p * p, sizeof(double));
    descent->squares = trivet_alloc_array(p, sizeof(double));
    descent->q = trivet_alloc_array(p, sizeof(double));
    descent->image = trivet_calloc(p, sizeof(double));
    return descent->mean != NULL && descent->y != NULL &&
           (wide ? descent->columns : descent->gram) != NULL && descent->squares != NULL &&
           descent->q != NULL && descent->image != NULL;
}

static void transpose(struct trivet_const_matrix x, double *columns)
{
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            columns[j * x.n_rows + i] = x.data[i * x.stride + j];
        }
    }
}

/* XᵀX, or the columns and their squares. */
static void take_columns(struct descent *descent, struct trivet_const_matrix x)
{
    const size_t p = descent->p;
    if (descent->columns != NULL) {
        transpose(x, descent->columns);
    } else {
        trivet_linalg_gram(1.0, x, 0.0, (struct trivet_matrix){descent->gram, p, p, p});
    }
    for (size_t j = 0; j < p; j++) {
        const double *column = descent->columns != NULL ? &descent->columns[j * x.n_rows] : NULL;
        descent->squares[j] =
            column != NULL ? trivet_linalg_dot(column, column, x.n_rows) : descent->gram[j * p + j];
    }
}

static enum trivet_status make_products(struct descent *descent, struct trivet_error *err)
{
    const struct trivet_elastic_net_problem *problem = descent->problem;
    const struct trivet_const_matrix x = trivet_matrix_read(problem->x);
    if (problem->intercept) {
        descent->y_mean = trivet_linalg_mean(problem->y, x.n_rows);
        trivet_linalg_centre(problem->x, descent->mean);
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        descent->y[i] = problem->y[i] - descent->y_mean;
    }
    take_columns(descent, x);
    trivet_linalg_gemv(true, 1.0, x, descent->y, 0.0, descent->q);
    descent->yy = trivet_linalg_dot(descent->y, descent->y, x.n_rows);
    bool finite = isfinite(descent->yy) != 0;
    for (size_t j = 0; j < descent->p; j++) {
        finite = finite && isfinite(descent->q[j]) && isfinite(descent->squares[j]);
    }
    return finite ? TRIVET_OK
                  : trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                     "the features or the target are too large to add up their "
                                     "squares; scale them");
}

static double soft_threshold(double value, double limit)
{
    return value > limit ? value - limit : value < -limit ? value + limit : 0.0;
}

/* x_j · (y - X w) */
static double slope_of(const struct descent *descent, size_t j)
{
    const size_t n = descent->problem->x.n_rows;
    return descent->columns != NULL ? cblas_ddot((int)n, &descent->columns[j * n], 1, descent->y, 1)
                                    : descent->q[j] - descent->image[j];
}

/* Of what follows from w_j. */
static void move(struct descent *descent, size_t j, double change)
{
    const size_t n = descent->problem->x.n_rows;
    const size_t p = descent->p;
    if (descent->columns != NULL) {
        cblas_daxpy((int)n, -change, &descent->columns[j * n], 1, descent->y, 1);
    } else {
        cblas_daxpy((int)p, change, &descent->gram[j * p], 1, descent->image, 1);
    }
}

/* One sweep; the greatest change and the greatest coefficient. */
static void sweep(struct descent *descent, double *greatest_change, double *greatest)
{
    *greatest_change = 0.0;
    *greatest = 0.0;
    for (size_t j = 0; j < descent->p; j++) {
        const double diagonal = descent->squares[j];
        if (diagonal == 0.0) {
            continue; /* constant: its coefficient stays 0 */
        }
        const double old = descent->w[j];
        const double slope = slope_of(descent, j) + diagonal * old;
        const double new = soft_threshold(slope, descent->l1) / (diagonal + descent->l2);
        if (new != old) {
            move(descent, j, new - old);
            descent->w[j] = new;
            *greatest_change = fmax(*greatest_change, fabs(new - old));
        }
        *greatest = fmax(*greatest, fabs(new));
    }
}

/* Primal minus dual at the scaled residual, as in scikit-learn's enet_coordinate_descent_gram. */
static double duality_gap(const struct descent *descent)
{
    const size_t n = descent->problem->x.n_rows;
    const size_t p = descent->p;
    double dual_norm = 0.0;
    double w_norm1 = 0.0;
    const double ww = trivet_linalg_dot(descent->w, descent->w, p);
    const double qw = trivet_linalg_dot(descent->q, descent->w, p);
    const double residual2 =
        descent->columns != NULL
            ? trivet_linalg_dot(descent->y, descent->y, n)
            : fmax(descent->yy + trivet_linalg_dot(descent->w, descent->image, p) - 2.0 * qw, 0.0);
    for (size_t j = 0; j < p; j++) {
        const double slope = slope_of(descent, j) - descent->l2 * descent->w[j];
        dual_norm = fmax(dual_norm, fabs(slope));
        w_norm1 += fabs(descent->w[j]);
    }
    const double scale = dual_norm > descent->l1 ? descent->l1 / dual_norm : 1.0;
    return 0.5 * residual2 * (1.0 + scale * scale) + descent->l1 * w_norm1 -
           scale * (descent->yy - qw) + 0.5 * descent->l2 * (1.0 + scale * scale) * ww;
}

static enum trivet_status descend(struct descent *descent, struct trivet_elastic_net_solution *out,
                                  struct trivet_error *err)
{
    const struct trivet_elastic_net_problem *problem = descent->problem;
    for (uint64_t k = 1; k <= problem->max_iterations && !out->converged; k++) {
        double change = 0.0;
        double greatest = 0.0;
        if (k % PROGRESS_SWEEPS == 1 && problem->progress != NULL &&
            !problem->progress(problem->progress_ctx, (double)k / (double)(k + 100))) {
            return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
        }
        sweep(descent, &change, &greatest);
        out->iterations = k;
        if (greatest == 0.0 || change <= problem->tol * greatest || k == problem->max_iterations) {
            out->duality_gap = duality_gap(descent);
            out->converged = out->duality_gap <= problem->tol * descent->yy;
            /* Nothing moves any more: rounding is all that is left. */
            if (change == 0.0) {
                break;
            }
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_elastic_net_solve(const struct trivet_elastic_net_problem *problem,
                                            struct trivet_elastic_net_solution *out,
                                            struct trivet_error *err)
{
    const size_t n = problem->x.n_rows;
    const size_t p = problem->x.n_cols;
    struct trivet_elastic_net_solution solution = {.coefficients = out->coefficients};
    struct descent descent = {
        .problem = problem,
        .p = p,
        .l1 = (double)n * problem->alpha * problem->l1_ratio,
        .l2 = (double)n * problem->alpha * (1.0 - problem->l1_ratio),
        .w = out->coefficients,
    };
    if (n > INT32_MAX || p > INT32_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "coordinate descent takes at most 2147483647 rows and as many "
                                "features; there are %zu rows and %zu features",
                                n, p);
    }
    enum trivet_status status =
        descent_alloc(&descent) ? make_products(&descent, err) : no_memory(err);
    if (status == TRIVET_OK) {
        memset(descent.w, 0, p * sizeof(double));
        status = descend(&descent, &solution, err);
    }
    if (status == TRIVET_OK) {
        solution.intercept = descent.y_mean - trivet_linalg_dot(descent.mean, descent.w, p);
        for (size_t j = 0; j < p; j++) {
            solution.n_zero += descent.w[j] == 0.0 ? 1 : 0;
        }
        *out = solution;
    }
    descent_release(&descent);
    return status;
}
