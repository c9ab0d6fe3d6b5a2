#include "linalg/kernels.h"

#include "base/compiler.h"
#include "linalg/exp_inline.h"

#include <math.h>
#include <string.h>

TRIVET_FOR_EACH_CPU
void trivet_linalg_exp(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = trivet_linalg_exp_inline(x[i]);
    }
}

TRIVET_FOR_EACH_CPU
void trivet_linalg_kernel_rbf(double *restrict dots, const double *restrict norms, double norm,
                              double gamma, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double distance2 = (norm + norms[i]) - 2.0 * dots[i];
        distance2 = distance2 > 0.0 ? distance2 : 0.0;
        dots[i] = trivet_linalg_exp_inline(-gamma * distance2);
    }
}

/* 16 numbers at a time, so that powers stay in registers. */
#define CHUNK 16

TRIVET_FOR_EACH_CPU
void trivet_linalg_kernel_polynomial(double *dots, double gamma, double coef0, uint64_t degree,
                                     size_t n)
{
    for (size_t first = 0; first < n; first += CHUNK) {
        size_t n_chunk = n - first < CHUNK ? n - first : CHUNK;
        double base[CHUNK] = {0};
        double power[CHUNK];
        for (size_t i = 0; i < n_chunk; i++) {
            base[i] = gamma * dots[first + i] + coef0;
        }
        for (size_t i = 0; i < CHUNK; i++) {
            power[i] = 1.0;
        }
        for (uint64_t rest = degree; rest > 0; rest >>= 1) {
            for (size_t i = 0; i < CHUNK; i++) {
                power[i] *= (rest & 1) != 0 ? base[i] : 1.0;
                base[i] *= base[i];
            }
        }
        memcpy(&dots[first], power, n_chunk * sizeof(double));
    }
}

TRIVET_FOR_EACH_CPU
void trivet_linalg_kernel_sigmoid(double *dots, double gamma, double coef0, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = gamma * dots[i] + coef0;
        double t = trivet_linalg_exp_inline(-2.0 * fabs(x));
        dots[i] = copysign((1.0 - t) / (1.0 + t), x);
    }
}
