/* Symmetric positive definite systems, by LAPACK. */
#ifndef TRIVET_LINALG_CHOLESKY_H
#define TRIVET_LINALG_CHOLESKY_H

#include "linalg/matrix.h"

#include <stdbool.h>

/* Solves a·x = b for a (n, n) symmetric, dense: b (n) becomes x, the upper triangle of a becomes
 * its factor. False when a is not positive definite; a is then spoilt and b as it was. */
bool trivet_linalg_cholesky_solve(struct trivet_matrix a, double *b);

#endif
