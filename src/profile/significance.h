/* Tails of the distributions that drift is judged by. Pure. */
#ifndef TRIVET_PROFILE_SIGNIFICANCE_H
#define TRIVET_PROFILE_SIGNIFICANCE_H

#include <stdint.h>

/* P(X >= x) of chi-square with `freedom` > 0 degrees (scipy: chi2.sf). */
double trivet_chi_square_tail(double freedom, double x);
/* The x with trivet_chi_square_tail(freedom, x) = level, 0 < level < 1 (scipy: chi2.isf). */
double trivet_chi_square_limit(double freedom, double level);
/* The two-sample Kolmogorov–Smirnov distance that is exceeded with probability `level` when both
 * have many rows of one continuous distribution, times sqrt(n m / (n + m)): 1.63 at 1 %. */
double trivet_ks_limit(double level);
/* P(X <= x), X = how many of `draws` drawn without replacement from `total` are among `marked` of
 * them (scipy: hypergeom.cdf(x, total, marked, draws)). Cost: the number of terms that matter. */
double trivet_hypergeometric(uint64_t x, uint64_t total, uint64_t marked, uint64_t draws);

#endif
