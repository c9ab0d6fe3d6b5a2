/* Linear least squares with an intercept and an optional ridge penalty. */
#ifndef TRIVET_LINALG_LEAST_SQUARES_H
#define TRIVET_LINALG_LEAST_SQUARES_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

struct trivet_least_squares_problem {
    struct trivet_matrix x; /* (n_rows, n_cols) finite; overwritten: centred with an intercept */
    const double *y;        /* (n_rows) finite */
    double alpha;           /* >= 0; 0 = ordinary least squares */
    bool intercept;
    /* Called between blocks of work with 0..1; false = stop with CANCELLED. May be NULL. */
    bool (*progress)(void *ctx, double fraction);
    void *progress_ctx;
};

/* `coefficients`, `constant` (n_cols each) are the caller's room. */
struct trivet_least_squares_solution {
    double *coefficients;
    bool *constant; /* the column has a single value */
    double intercept;
    size_t rank;             /* of the (centred) design; singular values above
                              * max(n_rows, n_cols) * 2^-52 * the greatest */
    double condition_number; /* greatest / least singular value of those in the rank; 0: rank 0 */
};

/* Minimise ||y - b - X w||² + alpha ||w||² over w and, with an intercept, b (not penalised). Where
 * alpha is 0 and the rank is short of n_cols, of all minimisers the w of least norm.
 *
 * Columns are centred first (means of the differences to the first row, so that an offset of 1e6
 * costs nothing). G = XᵀX of the centred columns gives singular values; while
 * their ratio is below 1e5 the normal equations are solved by Cholesky and refined by residuals
 * taken with X itself (corrected semi-normal equations: Björck, Numerical Methods for Least
 * Squares Problems, 1996, §6.6.5), which is as good as QR there. Beyond that, and when there are
 * not more rows than columns, X is reduced block by block to a triangle by Householder QR
 * (tall-skinny QR: Demmel, Grigori, Hoemmen, Langou 2012) and solved by SVD with filter
 * s / (s² + alpha). Cost n·p² + p³ operations; memory besides x: y, and (at least 256 + p) × p.
 *
 * INVALID_ARGUMENT: the numbers overflow on the way, or there are no rows or columns;
 * RESOURCE_EXHAUSTED; CANCELLED. `out` is untouched on error, but its arrays may be written. */
enum trivet_status trivet_least_squares_solve(const struct trivet_least_squares_problem *problem,
                                              struct trivet_least_squares_solution *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
