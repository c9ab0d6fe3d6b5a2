#include "linalg/least_squares.h"

#include "base/alloc.h"
#include "linalg/least_squares_internal.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Above this ratio of singular values their squares in G say too little: SVD of X instead. */
#define CONDITION_MAX_NORMAL 1e5
/* Below this one the normal equations are exact to 1e-13 without refinement. */
#define CONDITION_MAX_UNREFINED 10.0
#define REFINEMENTS_MAX         5
#define REFINEMENT_RELATIVE_TOL 1e-14

bool trivet_ls_progress(const struct trivet_ls *ls, double fraction)
{
    const struct trivet_least_squares_problem *problem = ls->problem;
    return problem->progress == NULL || problem->progress(problem->progress_ctx, fraction);
}

enum trivet_status trivet_ls_cancelled(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
}

enum trivet_status trivet_ls_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while solving least squares; use fewer rows or columns");
}

/* Sums of differences to the first row, in blocks so that rounding does not grow with n_rows. */
static void column_means(struct trivet_ls *ls, double *block_sum, double *magnitude)
{
    const double *first = ls->x;
    memset(ls->mean, 0, ls->p * sizeof(double));
    memset(magnitude, 0, ls->p * sizeof(double));
    for (size_t start = 0; start < ls->n; start += TRIVET_LS_BLOCK_ROWS) {
        size_t end = start + TRIVET_LS_BLOCK_ROWS < ls->n ? start + TRIVET_LS_BLOCK_ROWS : ls->n;
        memset(block_sum, 0, ls->p * sizeof(double));
        for (size_t i = start; i < end; i++) {
            const double *row = &ls->x[i * ls->stride];
            for (size_t j = 0; j < ls->p; j++) {
                double difference = row[j] - first[j];
                block_sum[j] += difference;
                magnitude[j] += fabs(difference);
            }
        }
        for (size_t j = 0; j < ls->p; j++) {
            ls->mean[j] += block_sum[j];
        }
    }
    for (size_t j = 0; j < ls->p; j++) {
        ls->mean[j] = first[j] + ls->mean[j] / (double)ls->n;
    }
}

static double mean_of(const double *y, size_t n)
{
    double total = 0.0;
    for (size_t start = 0; start < n; start += TRIVET_LS_BLOCK_ROWS) {
        size_t end = start + TRIVET_LS_BLOCK_ROWS < n ? start + TRIVET_LS_BLOCK_ROWS : n;
        double sum = 0.0;
        for (size_t i = start; i < end; i++) {
            sum += y[i] - y[0];
        }
        total += sum;
    }
    return y[0] + total / (double)n;
}

/* Means, constant columns, and the centred y; x itself is centred block by block in `gram`. */
static enum trivet_status prepare(struct trivet_ls *ls, bool *constant, struct trivet_error *err)
{
    const struct trivet_least_squares_problem *problem = ls->problem;
    enum trivet_status status = TRIVET_OK;
    double *scratch = trivet_alloc_array(2 * ls->p, sizeof(double));
    if (scratch == NULL) {
        return trivet_ls_no_memory(err);
    }
    double *magnitude = &scratch[ls->p];
    column_means(ls, scratch, magnitude);
    for (size_t j = 0; j < ls->p; j++) {
        constant[j] = magnitude[j] == 0.0;
        if (!isfinite(ls->mean[j]) || !isfinite(magnitude[j])) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "feature %zu has values too large to add up; scale it", j);
            goto done;
        }
    }
    ls->y_mean = problem->intercept ? mean_of(problem->y, ls->n) : 0.0;
    if (!isfinite(ls->y_mean)) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "the target has values too large to add up; scale it");
        goto done;
    }
    if (!problem->intercept) {
        memset(ls->mean, 0, ls->p * sizeof(double));
    }
    for (size_t i = 0; i < ls->n; i++) {
        ls->y[i] = problem->y[i] - ls->y_mean;
    }
done:
    trivet_free(scratch);
    return status;
}

static void centre_block(struct trivet_ls *ls, size_t start, size_t count)
{
    const double *mean = ls->mean;
    for (size_t i = start; i < start + count; i++) {
        double *row = &ls->x[i * ls->stride];
        for (size_t j = 0; j < ls->p; j++) {
            row[j] -= mean[j];
        }
    }
}

/* Centre x and, with `gram` (upper triangle, row-major) not NULL, add up XᵀX and Xᵀy on the way. */
static enum trivet_status centre_and_gram(struct trivet_ls *ls, double *gram, double *xty,
                                          struct trivet_error *err)
{
    int p = (int)ls->p;
    int stride = (int)ls->stride;
    for (size_t start = 0; start < ls->n; start += TRIVET_LS_BLOCK_ROWS) {
        size_t count = ls->n - start < TRIVET_LS_BLOCK_ROWS ? ls->n - start : TRIVET_LS_BLOCK_ROWS;
        if (start % (64 * TRIVET_LS_BLOCK_ROWS) == 0 &&
            !trivet_ls_progress(ls, 0.5 * (double)start / (double)ls->n)) {
            return trivet_ls_cancelled(err);
        }
        if (ls->problem->intercept) {
            centre_block(ls, start, count);
        }
        if (gram != NULL) {
            const double *block = &ls->x[start * ls->stride];
            cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, p, (int)count, 1.0, block, stride,
                        1.0, gram, p);
            cblas_dgemv(CblasRowMajor, CblasTrans, (int)count, p, 1.0, block, stride, &ls->y[start],
                        1, 1.0, xty, 1);
        }
    }
    return TRIVET_OK;
}

/* Singular values of X from the eigenvalues of G; false when they cannot be trusted. */
static bool gram_is_well_conditioned(const double *gram, size_t p, double *scratch,
                                     double *eigenvalues, double *condition)
{
    for (size_t i = 0; i < p; i++) {
        for (size_t j = i; j < p; j++) {
            if (!isfinite(gram[i * p + j])) {
                return false;
            }
        }
    }
    memcpy(scratch, gram, p * p * sizeof(double));
    /* Row-major upper is column-major lower: no transposition. */
    if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', (lapack_int)p, scratch, (lapack_int)p,
                       eigenvalues) != 0) {
        return false;
    }
    if (!(eigenvalues[0] > 0.0)) {
        return false;
    }
    *condition = sqrt(eigenvalues[p - 1] / eigenvalues[0]);
    return *condition < CONDITION_MAX_NORMAL;
}

/* g = Xᵀ(y - X w) - alpha w */
static void gradient(const struct trivet_ls *ls, const double *w, double *residual, double *g)
{
    int p = (int)ls->p;
    int stride = (int)ls->stride;
    for (size_t j = 0; j < ls->p; j++) {
        g[j] = -ls->problem->alpha * w[j];
    }
    for (size_t start = 0; start < ls->n; start += TRIVET_LS_BLOCK_ROWS) {
        size_t count = ls->n - start < TRIVET_LS_BLOCK_ROWS ? ls->n - start : TRIVET_LS_BLOCK_ROWS;
        const double *block = &ls->x[start * ls->stride];
        memcpy(residual, &ls->y[start], count * sizeof(double));
        cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)count, p, -1.0, block, stride, w, 1, 1.0,
                    residual, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)count, p, 1.0, block, stride, residual, 1, 1.0,
                    g, 1);
    }
}

/* Normal equations; gram is overwritten by its Cholesky factor. False: not positive definite. */
static bool solve_normal(const struct trivet_ls *ls, double *gram, const double *xty,
                         double condition, double *work, double *w)
{
    lapack_int p = (lapack_int)ls->p;
    double *step = work;
    double *residual = &work[ls->p];
    for (size_t j = 0; j < ls->p; j++) {
        gram[j * ls->p + j] += ls->problem->alpha;
    }
    if (LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'L', p, gram, p) != 0) {
        return false;
    }
    memcpy(w, xty, ls->p * sizeof(double));
    if (LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'L', p, 1, gram, p, w, p) != 0) {
        return false;
    }
    for (int k = 0; condition > CONDITION_MAX_UNREFINED && k < REFINEMENTS_MAX; k++) {
        gradient(ls, w, residual, step);
        if (LAPACKE_dpotrs(LAPACK_COL_MAJOR, 'L', p, 1, gram, p, step, p) != 0) {
            return false;
        }
        cblas_daxpy((int)ls->p, 1.0, step, 1, w, 1);
        if (cblas_dnrm2((int)ls->p, step, 1) <=
            REFINEMENT_RELATIVE_TOL * cblas_dnrm2((int)ls->p, w, 1)) {
            break;
        }
    }
    return true;
}

/* Tries the normal equations; `*solved` false: x is centred, nothing else is done. */
static enum trivet_status try_normal(struct trivet_ls *ls,
                                     struct trivet_least_squares_solution *solution, bool *solved,
                                     struct trivet_error *err)
{
    size_t p = ls->p;
    enum trivet_status status = TRIVET_OK;
    double condition = 0.0;
    *solved = false;
    double *gram = trivet_alloc_aligned(p * p, sizeof(double));
    double *scratch = trivet_alloc_aligned(p * p + TRIVET_LS_BLOCK_ROWS + p, sizeof(double));
    double *xty = trivet_calloc(2 * p, sizeof(double));
    if (gram == NULL || scratch == NULL || xty == NULL) {
        status = trivet_ls_no_memory(err);
        goto done;
    }
    memset(gram, 0, p * p * sizeof(double));
    status = centre_and_gram(ls, gram, xty, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    if (gram_is_well_conditioned(gram, p, scratch, &xty[p], &condition) &&
        solve_normal(ls, gram, xty, condition, scratch, solution->coefficients)) {
        solution->rank = p;
        solution->condition_number = condition;
        *solved = true;
    }
done:
    trivet_free(gram);
    trivet_free(scratch);
    trivet_free(xty);
    return status;
}

static enum trivet_status check_shape(const struct trivet_least_squares_problem *problem,
                                      struct trivet_error *err)
{
    if (problem->x.n_rows == 0 || problem->x.n_cols == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "least squares needs at least one row and one feature; there are "
                                "%zu rows and %zu features",
                                problem->x.n_rows, problem->x.n_cols);
    }
    /* LAPACK counts in 32-bit integers, elements of a work area included. */
    size_t p = problem->x.n_cols + 1;
    if (problem->x.n_rows > INT32_MAX || problem->x.stride > INT32_MAX || p > 32768) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "least squares takes at most 2147483647 rows and 32767 features; "
                                "there are %zu rows and %zu features",
                                problem->x.n_rows, problem->x.n_cols);
    }
    return TRIVET_OK;
}

static enum trivet_status finish(const struct trivet_ls *ls,
                                 const struct trivet_least_squares_solution *solution,
                                 double *intercept, struct trivet_error *err)
{
    double sum = ls->y_mean;
    for (size_t j = 0; j < ls->p; j++) {
        sum -= ls->mean[j] * solution->coefficients[j];
        if (!isfinite(solution->coefficients[j]) || !isfinite(sum)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the coefficient of feature %zu is not a finite number; scale "
                                    "the features",
                                    j);
        }
    }
    *intercept = sum;
    return TRIVET_OK;
}

enum trivet_status trivet_least_squares_solve(const struct trivet_least_squares_problem *problem,
                                              struct trivet_least_squares_solution *out,
                                              struct trivet_error *err)
{
    struct trivet_least_squares_solution solution = *out;
    bool solved = false;
    enum trivet_status status = check_shape(problem, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_ls ls = {
        .problem = problem,
        .x = problem->x.data,
        .n = problem->x.n_rows,
        .p = problem->x.n_cols,
        .stride = problem->x.stride,
    };
    ls.y = trivet_alloc_array(ls.n + ls.p, sizeof(double));
    if (ls.y == NULL) {
        return trivet_ls_no_memory(err);
    }
    ls.mean = &ls.y[ls.n];
    status = prepare(&ls, solution.constant, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    status = ls.n > ls.p ? try_normal(&ls, &solution, &solved, err)
                         : centre_and_gram(&ls, NULL, NULL, err);
    if (status == TRIVET_OK && !solved) {
        status = trivet_ls_solve_svd(&ls, &solution, err);
    }
    if (status == TRIVET_OK) {
        status = finish(&ls, &solution, &solution.intercept, err);
    }
    if (status == TRIVET_OK) {
        *out = solution;
    }
done:
    trivet_free(ls.y);
    return status;
}
