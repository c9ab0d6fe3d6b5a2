#include "monitor/remote/thin.h"

#include <math.h>

/* A value that is no number counts for neither, unless there is nothing else. */
static size_t extreme(const double *values, size_t from, size_t to, double sign)
{
    size_t at = from;
    for (size_t i = from + 1; i < to; i++) {
        if (isnan(values[at]) || sign * values[i] > sign * values[at]) {
            at = i;
        }
    }
    return at;
}

static size_t keep(double *values, size_t n_kept, size_t at, uint64_t *iterations)
{
    values[n_kept] = values[at];
    iterations[n_kept] = at + 1;
    return n_kept + 1;
}

size_t trivet_remote_thin(double *values, size_t n, size_t most, uint64_t *iterations)
{
    if (n <= most) {
        for (size_t i = 0; i < n; i++) {
            iterations[i] = i + 1;
        }
        return n;
    }
    /* A stretch has two values at least, so that nothing is overwritten before it was looked at. */
    size_t n_stretches = (most - 2) / 2;
    size_t n_kept = keep(values, 0, 0, iterations);
    for (size_t i = 0; i < n_stretches; i++) {
        size_t from = 1 + i * (n - 2) / n_stretches;
        size_t to = 1 + (i + 1) * (n - 2) / n_stretches;
        size_t least = extreme(values, from, to, -1.0);
        size_t greatest = extreme(values, from, to, 1.0);
        size_t first = least < greatest ? least : greatest;
        size_t second = least < greatest ? greatest : least;
        n_kept = keep(values, n_kept, first, iterations);
        if (second != first) {
            n_kept = keep(values, n_kept, second, iterations);
        }
    }
    return keep(values, n_kept, n - 1, iterations);
}
