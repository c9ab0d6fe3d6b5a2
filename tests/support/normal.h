/* Normal noise for tests' data. */
#ifndef TESTS_SUPPORT_NORMAL_H
#define TESTS_SUPPORT_NORMAL_H

#include "base/rng.h"

#include <math.h>

/* Standard normal (Marsaglia polar method). */
static inline double normal_next(struct trivet_rng *rng)
{
    for (;;) {
        double u = 2.0 * trivet_rng_uniform(rng) - 1.0;
        double v = 2.0 * trivet_rng_uniform(rng) - 1.0;
        double r2 = u * u + v * v;
        if (r2 > 0.0 && r2 < 1.0) {
            return u * sqrt(-2.0 * log(r2) / r2);
        }
    }
}

#endif
