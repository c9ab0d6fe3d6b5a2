#include "linalg/kernels.h"

#include <math.h>
#include <string.h>

/* A copy of each loop for the vectors of each generation of CPU. Sanitizers are not there yet when
 * the choice is made. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                 \
    !defined(__SANITIZE_THREAD__)
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_CPU
#endif

/* Into copies for another CPU, nothing is inlined that need not be. */
#define INLINED static inline __attribute__((always_inline))

#define EXP_LEAST    (-708.0)
#define EXP_GREATEST 709.0

/* exp(x) = 2^k exp(r), k the whole number nearest to x / ln 2, |r| <= ln 2 / 2; exp(r) by its
 * series to r^13 / 13!, whose rest is below 1e-17. Adding 1.5 * 2^52 leaves k in the lowest bits.
 * ln 2 is taken in two parts, so that k times the first is exact. */
INLINED double exp_inline(double x)
{
    const double shift = 0x1.8p52;
    double in_range = x < EXP_LEAST ? EXP_LEAST : x;
    in_range = in_range > EXP_GREATEST ? EXP_GREATEST : in_range;
    double shifted = in_range * 0x1.71547652b82fep0 + shift;
    double k = shifted - shift;
    double r = (in_range - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    uint64_t bits;
    double power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&power, &bits, sizeof power);
    p *= power;
    p = x < EXP_LEAST ? 0.0 : p;
    return x > EXP_GREATEST ? (double)INFINITY : p;
}

FOR_EACH_CPU
void trivet_linalg_exp(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = exp_inline(x[i]);
    }
}

FOR_EACH_CPU
void trivet_linalg_kernel_rbf(double *restrict dots, const double *restrict norms, double norm,
                              double gamma, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double distance2 = (norm + norms[i]) - 2.0 * dots[i];
        distance2 = distance2 > 0.0 ? distance2 : 0.0;
        dots[i] = exp_inline(-gamma * distance2);
    }
}

/* 16 numbers at a time, so that powers stay in registers. */
#define CHUNK 16

FOR_EACH_CPU
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

FOR_EACH_CPU
void trivet_linalg_kernel_sigmoid(double *dots, double gamma, double coef0, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = gamma * dots[i] + coef0;
        double t = exp_inline(-2.0 * fabs(x));
        dots[i] = copysign((1.0 - t) / (1.0 + t), x);
    }
}
