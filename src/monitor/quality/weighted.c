#include "monitor/quality/weighted.h"

#include <math.h>

double trivet_weighted_rows(const struct trivet_weighted *sums)
{
    if (!(sums->squared_weight > 0) || !(sums->weight > 0)) {
        return sums->rows;
    }
    return fmin(sums->rows, sums->weight * sums->weight / sums->squared_weight);
}

double trivet_weighted_error(const struct trivet_weighted *sums, double mean, double variance)
{
    double squares = sums->squared_weight_square - 2 * mean * sums->squared_weight_x +
                     mean * mean * sums->squared_weight;
    double by_rows = sqrt(fmax(0, variance) / trivet_weighted_rows(sums));
    return fmax(by_rows, sqrt(fmax(0, squares)) / sums->weight);
}
