/* Exact explanation of a linear equation. */
#ifndef TRIVET_MODELS_LINEAR_EXPLAIN_H
#define TRIVET_MODELS_LINEAR_EXPLAIN_H

#include "linalg/matrix.h"

/* contributions[i * n + j] = w[j] * (x[i, j] - means[j]) and base = intercept + w · means, for x
 * (n_rows, n): the Shapley values of a linear function of independent features (Lundberg and Lee,
 * A unified approach to interpreting model predictions, 2017, corollary 1). */
void trivet_linear_explain(const double *w, double intercept, struct trivet_const_matrix x,
                           const double *means, double *contributions, double *base);

#endif
