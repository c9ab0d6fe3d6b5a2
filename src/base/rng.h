/* Seeded pseudo-random numbers, the same on every platform: xoshiro256** (Blackman, Vigna 2018),
 * seeded through SplitMix64. Not for security. One thread at a time. */
#ifndef TRIVET_BASE_RNG_H
#define TRIVET_BASE_RNG_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

struct trivet_rng {
    uint64_t s[4];
};

void trivet_rng_seed(struct trivet_rng *rng, uint64_t seed);
uint64_t trivet_rng_next(struct trivet_rng *rng);
/* Uniform in [0, bound), without modulo bias (Lemire 2019); bound > 0. */
uint64_t trivet_rng_below(struct trivet_rng *rng, uint64_t bound);
/* Uniform in [0, 1), 53 bits. */
double trivet_rng_uniform(struct trivet_rng *rng);
/* Fisher–Yates over `count` indices, in place. */
void trivet_rng_shuffle(struct trivet_rng *rng, size_t *indices, size_t count);
/* 64 bits from the kernel, for ids and epochs; never 0. */
uint64_t trivet_rng_entropy(void);

#endif
