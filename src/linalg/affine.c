#include "linalg/affine.h"

#define LANES 8

double trivet_linalg_dot(const double *a, const double *b, size_t n)
{
    double lane[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            lane[k] += a[i + k] * b[i + k];
        }
    }
    for (size_t k = 0; i < n; i++, k++) {
        lane[k] += a[i] * b[i];
    }
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

void trivet_linalg_affine(struct trivet_const_matrix x, const double *w, double intercept,
                          double *out, size_t out_stride)
{
    for (size_t i = 0; i < x.n_rows; i++) {
        out[i * out_stride] = intercept + trivet_linalg_dot(&x.data[i * x.stride], w, x.n_cols);
    }
}
