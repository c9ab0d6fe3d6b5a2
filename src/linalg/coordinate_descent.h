/* Lasso and elastic net. */
#ifndef TRIVET_LINALG_COORDINATE_DESCENT_H
#define TRIVET_LINALG_COORDINATE_DESCENT_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Minimise over w and b, with n rows,
 *
 *   1/(2n) ||y - b - X w||² + alpha l1_ratio ||w||₁ + alpha (1 - l1_ratio)/2 ||w||²
 *
 * one coefficient after the other: soft thresholding of its partial residual (Friedman, Hastie,
 * Tibshirani 2010), on the products XᵀX and Xᵀy of the centred data, made once by BLAS. Where there
 * are more features than rows, and many of them, XᵀX would be larger than X: then on the columns of
 * X and the residual. */
struct trivet_elastic_net_problem {
    struct trivet_matrix x; /* (n_rows, n_features); centred in place */
    const double *y;
    double alpha;
    double l1_ratio;
    bool intercept;
    double tol; /* of the duality gap, relative to ||y||² */
    uint64_t max_iterations;
    /* As in trivet_least_squares_problem. */
    bool (*progress)(void *ctx, double fraction);
    void *progress_ctx;
};

struct trivet_elastic_net_solution {
    double *coefficients; /* caller's, n_features */
    double intercept;
    bool converged;
    uint64_t iterations; /* sweeps over all coefficients */
    /* Upper bound on how much the objective can still fall, as scikit-learn counts it: n times the
     * objective above. */
    double duality_gap;
    size_t n_zero; /* coefficients */
};

/* Up to so many features XᵀX is held, however few rows there are. */
#define TRIVET_ELASTIC_NET_GRAM_FEATURES 1000

/* Cost O(n p²) for the products, then O(p²) a sweep; on columns O(n p) a sweep and a copy of X.
 * INVALID_ARGUMENT: sums that are not finite, 2^31 rows or features. CANCELLED, RESOURCE_EXHAUSTED.
 * One thread, besides BLAS's. */
enum trivet_status trivet_elastic_net_solve(const struct trivet_elastic_net_problem *problem,
                                            struct trivet_elastic_net_solution *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
