#include "linalg/centre.h"

#include <string.h>

#define BLOCK_ROWS 512

double trivet_linalg_mean(const double *values, size_t n)
{
    double total = 0.0;
    for (size_t first = 0; first < n; first += BLOCK_ROWS) {
        const size_t last = first + BLOCK_ROWS < n ? first + BLOCK_ROWS : n;
        double sum = 0.0;
        for (size_t i = first; i < last; i++) {
            sum += values[i] - values[0];
        }
        total += sum;
    }
    return values[0] + total / (double)n;
}

void trivet_linalg_centre(struct trivet_matrix x, double *mean)
{
    const double *first_row = x.data;
    memset(mean, 0, x.n_cols * sizeof(double));
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            mean[j] += row[j] - first_row[j];
        }
    }
    for (size_t j = 0; j < x.n_cols; j++) {
        mean[j] = first_row[j] + mean[j] / (double)x.n_rows;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            row[j] -= mean[j];
        }
    }
}
