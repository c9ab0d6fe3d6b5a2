/* Products on the hot path of a prediction. */
#ifndef TRIVET_LINALG_AFFINE_H
#define TRIVET_LINALG_AFFINE_H

#include "linalg/matrix.h"

#include <stddef.h>

/* sum of a[i] * b[i], n >= 0 terms, always added in the same order: eight running sums, then those
 * pairwise. */
double trivet_linalg_dot(const double *a, const double *b, size_t n);
/* out[i] = intercept + w · row i of x, for x (n_rows, n_cols), w (n_cols), out (n_rows) at
 * `out_stride`. A row's result is bitwise the same alone and in any batch, because every row is
 * one trivet_linalg_dot. Any thread. */
void trivet_linalg_affine(struct trivet_const_matrix x, const double *w, double intercept,
                          double *out, size_t out_stride);

#endif
