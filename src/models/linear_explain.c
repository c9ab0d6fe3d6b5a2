#include "models/linear_explain.h"

#include "linalg/affine.h"

void trivet_linear_explain(const double *w, double intercept, struct trivet_const_matrix x,
                           const double *means, double *contributions, double *base)
{
    *base = intercept + trivet_linalg_dot(w, means, x.n_cols);
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            contributions[i * x.n_cols + j] = w[j] * (row[j] - means[j]);
        }
    }
}
