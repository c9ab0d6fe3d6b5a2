/* Loops over the numbers of rows that are served: each is compiled for several CPUs and the best is
 * chosen when the program starts. A row's result is bitwise the same alone and in any batch. Any
 * thread. */
#ifndef TRIVET_LINALG_ROW_KERNELS_H
#define TRIVET_LINALG_ROW_KERNELS_H

#include "linalg/row_view.h"

#include <stdbool.h>
#include <stddef.h>

/* Linear equations of numbers from which something is taken off first. Borrowed. */
struct trivet_linalg_equations {
    size_t n_equations;
    size_t n_cols;
    const double *weights;    /* (n_equations, n_cols) row-major */
    const double *centres;    /* (n_cols) */
    const double *intercepts; /* (n_equations) */
};

/* out[i * out_stride + k] = intercepts[k] + sum over j of w[k, j] (x[i, j] - centres[j]), floats
 * widened, all in double precision. Every number of a row is in each of its sums, so that one that
 * is not finite makes all of them so. */
void trivet_linalg_centred(const struct trivet_row_view *x,
                           const struct trivet_linalg_equations *equations, double *out,
                           size_t out_stride);

/* Of each number of a row: (x - centre) / divisor + offset. Each array
 * has TRIVET_LINALG_ROW_PADDING numbers more, finite ones. Borrowed. */
struct trivet_linalg_scaling {
    const double *centres;
    const double *divisors;
    const double *offsets;
    const double *rates; /* 1 / divisor */
};

/* Numbers that may be read and written beyond the last column of a row, to work in whole vectors.
 */
#define TRIVET_LINALG_ROW_PADDING 7

/* to[j] = scaled x[j], one row of n numbers of either precision; scaling == NULL: as they are.
 * `exact`: by the operations as written, else times `rates`. Up to TRIVET_LINALG_ROW_PADDING
 * numbers after `to` are overwritten. False when one of the results is not finite. */
bool trivet_linalg_scale_row(const void *x, bool single, size_t n,
                             const struct trivet_linalg_scaling *scaling, bool exact, double *to);
/* The same from floats to floats, times `rates`: taken off and scaled in double precision. */
bool trivet_linalg_scale_row_single(const void *x, size_t n,
                                    const struct trivet_linalg_scaling *scaling, float *to);
/* Whether all n numbers are finite. */
bool trivet_linalg_row_is_finite(const void *x, bool single, size_t n);

#endif
