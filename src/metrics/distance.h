/* Squared euclidean distance: by differences, so that an offset of the data costs no digits. */
#ifndef TRIVET_METRICS_DISTANCE_H
#define TRIVET_METRICS_DISTANCE_H

#include <stddef.h>

/* Four sums, which do not wait for each other. */
static inline double trivet_squared_distance(const double *a, const double *b, size_t n_cols)
{
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    size_t j = 0;
    for (; j + 4 <= n_cols; j += 4) {
        for (size_t k = 0; k < 4; k++) {
            double gap = a[j + k] - b[j + k];
            sums[k] += gap * gap;
        }
    }
    for (; j < n_cols; j++) {
        double gap = a[j] - b[j];
        sums[0] += gap * gap;
    }
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

#endif
