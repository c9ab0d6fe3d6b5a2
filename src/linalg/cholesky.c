#include "linalg/cholesky.h"

#include <lapacke.h>

bool trivet_linalg_cholesky_solve(struct trivet_matrix a, double *b)
{
    const lapack_int n = (lapack_int)a.n_rows;
    const lapack_int stride = (lapack_int)a.stride;
    /* Symmetric: LAPACK's columns are our rows, its lower triangle our upper one. */
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, a.data, stride) != 0) {
        return false;
    }
    return LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'L', n, 1, a.data, stride, b, n) == 0;
}
