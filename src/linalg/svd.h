/* Singular value decomposition. */
#ifndef TRIVET_LINALG_SVD_H
#define TRIVET_LINALG_SVD_H

#include "base/compiler.h"
#include "linalg/matrix.h"

#include <trivet/error.h>

/* a (n, p) = U diag(s) Vᵀ: the k = min(n, p) singular values, descending, in `s` (k), and the right
 * vectors, the rows of `vt` (k, p), row-major and dense; U is not made. Signs are as LAPACK leaves
 * them. `a` is dense (stride p), finite, and overwritten. More rows than columns are reduced to a
 * triangle first (dgelqf of aᵀ), then dgesvd. RESOURCE_EXHAUSTED; INVALID_ARGUMENT: it did not
 * converge, or the numbers overflow. */
enum trivet_status trivet_linalg_svd_right(struct trivet_matrix a, double *s, double *vt,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
