#include "linalg/svd.h"

#include "base/alloc.h"

#include <assert.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in the singular value decomposition; use fewer columns");
}

static enum trivet_status check(lapack_int info, struct trivet_error *err)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR) {
        return no_memory(err);
    }
    if (info != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the singular values of the columns cannot be found; scale the "
                                "columns or remove those that are nearly the same");
    }
    return TRIVET_OK;
}

/* Column-major (p, p): the lower triangle L of aᵀ = L Q. */
static enum trivet_status triangle(struct trivet_matrix a, double *lower, struct trivet_error *err)
{
    const size_t p = a.n_cols;
    double *tau = trivet_alloc_array(p, sizeof(double));
    if (tau == NULL) {
        return no_memory(err);
    }
    enum trivet_status status =
        check(LAPACKE_dgelqf(LAPACK_COL_MAJOR, (lapack_int)p, (lapack_int)a.n_rows, a.data,
                             (lapack_int)p, tau),
              err);
    trivet_free(tau);
    for (size_t j = 0; status == TRIVET_OK && j < p; j++) {
        for (size_t i = 0; i < p; i++) {
            lower[j * p + i] = i >= j ? a.data[j * p + i] : 0.0;
        }
    }
    return status;
}

enum trivet_status trivet_linalg_svd_right(struct trivet_matrix a, double *s, double *vt,
                                           struct trivet_error *err)
{
    const size_t p = a.n_cols;
    const bool tall = a.n_rows > p;
    const size_t n = tall ? p : a.n_rows;
    const size_t k = n < p ? n : p;
    enum trivet_status status = TRIVET_OK;
    double *lower = NULL;
    double none = 0.0;
    assert(a.stride == p && a.n_rows > 0 && p > 0);
    double *work = trivet_alloc_array(k, sizeof(double));
    if (work == NULL) {
        return no_memory(err);
    }
    if (tall) {
        lower = trivet_alloc_aligned(p * p, sizeof(double));
        status = lower != NULL ? triangle(a, lower, err) : no_memory(err);
    }
    if (status == TRIVET_OK) {
        /* Row-major (n, p) is column-major (p, n): its left vectors are our right ones. */
        status = check(LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'S', 'N', (lapack_int)p, (lapack_int)n,
                                      tall ? lower : a.data, (lapack_int)p, s, vt, (lapack_int)p,
                                      &none, 1, work),
                       err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < k; i++) {
        status = isfinite(s[i]) ? TRIVET_OK : check(1, err);
    }
    trivet_free(lower);
    trivet_free(work);
    return status;
}
