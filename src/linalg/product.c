#include "linalg/product.h"

#include <assert.h>
#include <cblas.h>

static CBLAS_TRANSPOSE operation(bool transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}

void trivet_linalg_gemm(bool transpose_a, bool transpose_b, double alpha,
                        struct trivet_const_matrix a, struct trivet_const_matrix b, double beta,
                        struct trivet_matrix c)
{
    const size_t k = transpose_a ? a.n_rows : a.n_cols;
    assert((transpose_a ? a.n_cols : a.n_rows) == c.n_rows);
    assert((transpose_b ? b.n_rows : b.n_cols) == c.n_cols);
    assert((transpose_b ? b.n_cols : b.n_rows) == k);
    cblas_dgemm(CblasRowMajor, operation(transpose_a), operation(transpose_b), (int)c.n_rows,
                (int)c.n_cols, (int)k, alpha, a.data, (int)a.stride, b.data, (int)b.stride, beta,
                c.data, (int)c.stride);
}

void trivet_linalg_gemv(bool transpose_a, double alpha, struct trivet_const_matrix a,
                        const double *x, double beta, double *y)
{
    cblas_dgemv(CblasRowMajor, operation(transpose_a), (int)a.n_rows, (int)a.n_cols, alpha, a.data,
                (int)a.stride, x, 1, beta, y, 1);
}

void trivet_linalg_gram(double alpha, struct trivet_const_matrix a, double beta,
                        struct trivet_matrix c)
{
    assert(c.n_rows == a.n_cols && c.n_cols == a.n_cols);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)a.n_cols, (int)a.n_rows, alpha, a.data,
                (int)a.stride, beta, c.data, (int)c.stride);
    for (size_t i = 0; i < c.n_rows; i++) {
        for (size_t j = 0; j < i; j++) {
            c.data[i * c.stride + j] = c.data[j * c.stride + i];
        }
    }
}
