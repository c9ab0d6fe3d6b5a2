#include "base/rng.h"

#include "base/hash.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

void trivet_rng_seed(struct trivet_rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rng->s); i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        rng->s[i] = trivet_hash_mix64(seed);
    }
}

uint64_t trivet_rng_next(struct trivet_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t trivet_rng_below(struct trivet_rng *rng, uint64_t bound)
{
    unsigned __int128 product = (unsigned __int128)trivet_rng_next(rng) * bound;
    if ((uint64_t)product < bound) {
        /* 2^64 mod bound: how many of the lowest products would be counted once too often. */
        uint64_t threshold = (UINT64_C(0) - bound) % bound;
        while ((uint64_t)product < threshold) {
            product = (unsigned __int128)trivet_rng_next(rng) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}

double trivet_rng_uniform(struct trivet_rng *rng)
{
    return (double)(trivet_rng_next(rng) >> 11) * 0x1.0p-53;
}

void trivet_rng_shuffle(struct trivet_rng *rng, size_t *indices, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)trivet_rng_below(rng, i);
        size_t kept = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = kept;
    }
}

uint64_t trivet_rng_entropy(void)
{
    uint64_t value = 0;
    while (value == 0) {
        ssize_t n_bytes = getrandom(&value, sizeof(value), 0);
        if (n_bytes != (ssize_t)sizeof(value) && errno != EINTR) {
            /* An id that may repeat would join what does not belong together. */
            trivet_log(TRIVET_LOG_ERROR, "getrandom_failed",
                       "message=the kernel gives no random bytes");
            abort();
        }
    }
    return value;
}
