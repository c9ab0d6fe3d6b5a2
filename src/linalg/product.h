/* Matrix products on BLAS. One thread unless trivet_blas_set_threads says more. */
#ifndef TRIVET_LINALG_PRODUCT_H
#define TRIVET_LINALG_PRODUCT_H

#include "linalg/matrix.h"

#include <stdbool.h>

/* c = alpha · a·b + beta · c, with a, b transposed where told: op(a) (m, k), op(b) (k, n),
 * c (m, n). beta == 0: c need not be set. The last bits depend on the number of rows. */
void trivet_linalg_gemm(bool transpose_a, bool transpose_b, double alpha,
                        struct trivet_const_matrix a, struct trivet_const_matrix b, double beta,
                        struct trivet_matrix c);
/* y = alpha · op(a)·x + beta · y; x and y are dense. */
void trivet_linalg_gemv(bool transpose_a, double alpha, struct trivet_const_matrix a,
                        const double *x, double beta, double *y);
/* c (n_cols, n_cols) = alpha · aᵀa + beta · c, both triangles filled. */
void trivet_linalg_gram(double alpha, struct trivet_const_matrix a, double beta,
                        struct trivet_matrix c);
/* A view that is only read. */
static inline struct trivet_const_matrix trivet_matrix_read(struct trivet_matrix m)
{
    return (struct trivet_const_matrix){
        .data = m.data, .n_rows = m.n_rows, .n_cols = m.n_cols, .stride = m.stride};
}

#endif
