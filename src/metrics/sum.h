/* Compensated summation (Neumaier 1974): the error does not grow with the number of terms. */
#ifndef TRIVET_METRICS_SUM_H
#define TRIVET_METRICS_SUM_H

#include <math.h>

/* Zero-initialised is an empty sum. */
struct trivet_sum {
    double total;
    double correction;
};

static inline void trivet_sum_add(struct trivet_sum *sum, double term)
{
    double total = sum->total + term;
    if (fabs(sum->total) >= fabs(term)) {
        sum->correction += (sum->total - total) + term;
    } else {
        sum->correction += (term - total) + sum->total;
    }
    sum->total = total;
}

static inline double trivet_sum_value(const struct trivet_sum *sum)
{
    return sum->total + sum->correction;
}

#endif
