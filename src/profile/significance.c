#include "profile/significance.h"

#include <math.h>

/* Of the sums and fractions below; they converge in far fewer. */
#define TERMS_MAX 1000000

static double log_gamma(double x)
{
    int sign = 0; /* lgamma() would write a global */
    return lgamma_r(x, &sign);
}

/* The lower part of the incomplete gamma function by its series, for x < a + 1 (Abramowitz and
 * Stegun 6.5.29). */
static double gamma_lower(double a, double x)
{
    double term = 1.0 / a;
    double sum = term;
    for (int k = 1; k < TERMS_MAX && term > sum * 1e-17; k++) {
        term *= x / (a + k);
        sum += term;
    }
    return sum * exp(a * log(x) - x - log_gamma(a));
}

/* Logarithm of the upper part, by its continued fraction, for x >= a + 1 (6.5.31; modified Lentz).
 */
static double log_gamma_upper(double a, double x)
{
    const double tiny = 1e-300;
    double b = x + 1.0 - a;
    double c = 1.0 / tiny;
    double d = 1.0 / b;
    double h = d;
    for (int k = 1; k < TERMS_MAX; k++) {
        const double factor = -k * (k - a);
        b += 2.0;
        d = factor * d + b;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = b + factor / c;
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        if (fabs(d * c - 1.0) < 1e-16) {
            break;
        }
    }
    return a * log(x) - x - log_gamma(a) + log(h);
}

static double log_tail(double freedom, double x)
{
    const double a = freedom / 2.0;
    const double half = x / 2.0;
    if (!(half > 0)) {
        return 0;
    }
    return half < a + 1.0 ? log1p(-gamma_lower(a, half)) : log_gamma_upper(a, half);
}

double trivet_chi_square_tail(double freedom, double x)
{
    return exp(log_tail(freedom, x));
}

double trivet_chi_square_limit(double freedom, double level)
{
    /* Newton's method on the logarithm of the tail, which is almost straight far out. */
    const double a = freedom / 2.0;
    double x = freedom;
    for (int k = 0; k < 100; k++) {
        const double log_q = log_tail(freedom, x);
        const double log_density = (a - 1.0) * log(x / 2.0) - x / 2.0 - log_gamma(a) - log(2.0);
        const double step = (log_q - log(level)) / exp(log_density - log_q);
        const double next = x + step;
        const double before = x;
        x = next > x / 16.0 ? next : x / 16.0;
        if (fabs(x - before) <= 1e-14 * x) {
            break;
        }
    }
    return x;
}

double trivet_ks_limit(double level)
{
    return sqrt(-0.5 * log(level / 2.0));
}

static double log_choose(double n, double k)
{
    return log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0);
}

double trivet_hypergeometric(uint64_t x, uint64_t total, uint64_t marked, uint64_t draws)
{
    const double rest = (double)(total - marked);
    const uint64_t least = draws > total - marked ? draws - (total - marked) : 0;
    const uint64_t most = draws < marked ? draws : marked;
    if (x >= most || x < least) {
        return x >= most;
    }
    /* Downwards from x by the ratio of neighbours: terms shrink in the tail that is asked for. */
    const double n_marked = (double)marked;
    const double n_draws = (double)draws;
    double term = 1.0;
    double sum = 1.0;
    for (uint64_t i = x; i > least && x - i < TERMS_MAX; i--) {
        const double k = (double)i;
        term *= k * (rest - n_draws + k) / ((n_marked - k + 1.0) * (n_draws - k + 1.0));
        sum += term;
        if (term < sum * 1e-17) {
            break;
        }
    }
    const double k = (double)x;
    const double log_term = log_choose(n_marked, k) + log_choose(rest, n_draws - k) -
                            log_choose((double)total, n_draws);
    return fmin(exp(log_term + log(sum)), 1.0);
}
