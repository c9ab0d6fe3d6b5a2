/* exp for loops that become vectors. */
#ifndef TRIVET_LINALG_EXP_INLINE_H
#define TRIVET_LINALG_EXP_INLINE_H

#include "base/compiler.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TRIVET_EXP_LEAST    (-708.0)
#define TRIVET_EXP_GREATEST 709.0

/* exp(x) = 2^k exp(r), k the whole number nearest to x / ln 2, |r| <= ln 2 / 2; exp(r) by its
 * series to r^13 / 13!, whose rest is below 1e-17. Adding 1.5 * 2^52 leaves k in the lowest bits.
 * ln 2 is taken in two parts, so that k times the first is exact. */
TRIVET_INLINED double trivet_linalg_exp_inline(double x)
{
    const double shift = 0x1.8p52;
    double in_range = x < TRIVET_EXP_LEAST ? TRIVET_EXP_LEAST : x;
    in_range = in_range > TRIVET_EXP_GREATEST ? TRIVET_EXP_GREATEST : in_range;
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
    p = x < TRIVET_EXP_LEAST ? 0.0 : p;
    return x > TRIVET_EXP_GREATEST ? (double)INFINITY : p;
}

#endif
