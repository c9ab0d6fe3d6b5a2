/* Matrix views, row-major, double precision. */
#ifndef TRIVET_LINALG_MATRIX_H
#define TRIVET_LINALG_MATRIX_H

#include <stddef.h>

/* Element (i, j) is data[i * stride + j]; stride >= n_cols. Borrowed. */
struct trivet_matrix {
    double *data;
    size_t n_rows;
    size_t n_cols;
    size_t stride;
};

struct trivet_const_matrix {
    const double *data;
    size_t n_rows;
    size_t n_cols;
    size_t stride;
};

#endif
