/* Least squares for designs that are ill-conditioned, rank-deficient or wider than tall. */
#include "base/alloc.h"
#include "linalg/least_squares_internal.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* A (m, p) and its right side b (m), column-major, leading dimension `ld`, b after A. */
struct reduced {
    double *data;
    size_t m;
    size_t ld;
};

/* Rows [start, start + count) of [X | y] under the first `top` rows of the work area. */
static void copy_rows(const struct trivet_ls *ls, size_t start, size_t count, size_t top,
                      struct reduced *work)
{
    for (size_t j = 0; j < ls->p; j++) {
        double *column = &work->data[j * work->ld + top];
        const double *from = &ls->x[start * ls->stride + j];
        for (size_t i = 0; i < count; i++) {
            column[i] = from[i * ls->stride];
        }
    }
    memcpy(&work->data[ls->p * work->ld + top], &ls->y[start], count * sizeof(double));
}

static void clear_below_diagonal(struct reduced *work, size_t n_cols)
{
    for (size_t j = 0; j < n_cols; j++) {
        memset(&work->data[j * work->ld + j + 1], 0, (n_cols - j - 1) * sizeof(double));
    }
}

/* Fold all rows into the triangle R of [X | y], one block after the other: QR of [R; block]. */
static enum trivet_status reduce_rows(const struct trivet_ls *ls, size_t block_rows, double *tau,
                                      struct reduced *work, struct trivet_error *err)
{
    size_t n_cols = ls->p + 1;
    memset(work->data, 0, work->ld * n_cols * sizeof(double));
    for (size_t start = 0; start < ls->n; start += block_rows) {
        size_t count = ls->n - start < block_rows ? ls->n - start : block_rows;
        if (!trivet_ls_progress(ls, 0.5 + 0.4 * (double)start / (double)ls->n)) {
            return trivet_ls_cancelled(err);
        }
        copy_rows(ls, start, count, n_cols, work);
        lapack_int info = LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (lapack_int)(n_cols + count),
                                         (lapack_int)n_cols, work->data, (lapack_int)work->ld, tau);
        if (info == LAPACK_WORK_MEMORY_ERROR) {
            return trivet_ls_no_memory(err);
        }
        if (info != 0) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the features are too large to be solved for; scale them");
        }
        clear_below_diagonal(work, n_cols);
    }
    return TRIVET_OK;
}

static enum trivet_status reduce(const struct trivet_ls *ls, struct reduced *out,
                                 struct trivet_error *err)
{
    size_t n_cols = ls->p + 1;
    bool tall = ls->n > n_cols;
    size_t block_rows = 4 * n_cols > TRIVET_LS_BLOCK_ROWS ? 4 * n_cols : TRIVET_LS_BLOCK_ROWS;
    struct reduced work = {.m = tall ? ls->p : ls->n, .ld = tall ? n_cols + block_rows : ls->n};
    enum trivet_status status = TRIVET_OK;
    double *tau = trivet_alloc_array(n_cols, sizeof(double));
    work.data = trivet_alloc_aligned(work.ld * n_cols, sizeof(double));
    if (tau == NULL || work.data == NULL) {
        status = trivet_ls_no_memory(err);
    } else if (tall) {
        status = reduce_rows(ls, block_rows, tau, &work, err);
    } else {
        copy_rows(ls, 0, ls->n, 0, &work);
    }
    trivet_free(tau);
    if (status != TRIVET_OK) {
        trivet_free(work.data);
        return status;
    }
    *out = work;
    return TRIVET_OK;
}

static bool all_finite(const struct reduced *a, size_t n_cols)
{
    for (size_t j = 0; j < n_cols; j++) {
        for (size_t i = 0; i < a->m; i++) {
            if (!isfinite(a->data[j * a->ld + i])) {
                return false;
            }
        }
    }
    return true;
}

static enum trivet_status decompose(struct reduced *a, size_t p, double *s, double *u, double *vt,
                                    struct trivet_error *err)
{
    size_t k = a->m < p ? a->m : p;
    if (!all_finite(a, p + 1)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the features are too large to be solved for; scale them");
    }
    lapack_int info =
        LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', (lapack_int)a->m, (lapack_int)p, a->data,
                       (lapack_int)a->ld, s, u, (lapack_int)a->m, vt, (lapack_int)k);
    if (info == LAPACK_WORK_MEMORY_ERROR) {
        return trivet_ls_no_memory(err);
    }
    if (info != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the singular values of the features did not converge; scale the "
                                "features or remove columns that are nearly the same");
    }
    return TRIVET_OK;
}

/* w = V f(s) Uᵀ b; also rank and condition. `projected` has room for k values. */
static void apply_filter(const struct trivet_ls *ls, const struct reduced *a, const double *s,
                         const double *u, const double *vt, double *projected,
                         struct trivet_least_squares_solution *solution)
{
    size_t k = a->m < ls->p ? a->m : ls->p;
    size_t longest = ls->n > ls->p ? ls->n : ls->p;
    double alpha = ls->problem->alpha;
    double least = (double)longest * DBL_EPSILON * s[0];
    cblas_dgemv(CblasColMajor, CblasTrans, (int)a->m, (int)k, 1.0, u, (int)a->m,
                &a->data[ls->p * a->ld], 1, 0.0, projected, 1);
    solution->rank = 0;
    for (size_t i = 0; i < k; i++) {
        bool counts = s[i] > least;
        solution->rank += counts ? 1 : 0;
        if (alpha > 0.0) {
            projected[i] = s[i] > 0.0 ? projected[i] / (s[i] + alpha / s[i]) : 0.0;
        } else {
            projected[i] = counts ? projected[i] / s[i] : 0.0;
        }
    }
    solution->condition_number = solution->rank > 0 ? s[0] / s[solution->rank - 1] : 0.0;
    cblas_dgemv(CblasColMajor, CblasTrans, (int)k, (int)ls->p, 1.0, vt, (int)k, projected, 1, 0.0,
                solution->coefficients, 1);
}

enum trivet_status trivet_ls_solve_svd(const struct trivet_ls *ls,
                                       struct trivet_least_squares_solution *solution,
                                       struct trivet_error *err)
{
    struct reduced a = {0};
    double *s = NULL;
    double *u = NULL;
    double *vt = NULL;
    enum trivet_status status = reduce(ls, &a, err);
    if (status != TRIVET_OK) {
        return status;
    }
    size_t k = a.m < ls->p ? a.m : ls->p;
    s = trivet_alloc_array(2 * k, sizeof(double));
    u = trivet_alloc_aligned(a.m * k, sizeof(double));
    vt = trivet_alloc_aligned(k * ls->p, sizeof(double));
    if (s == NULL || u == NULL || vt == NULL) {
        status = trivet_ls_no_memory(err);
        goto done;
    }
    status = decompose(&a, ls->p, s, u, vt, err);
    if (status == TRIVET_OK) {
        apply_filter(ls, &a, s, u, vt, &s[k], solution);
    }
done:
    trivet_free(a.data);
    trivet_free(s);
    trivet_free(u);
    trivet_free(vt);
    return status;
}
