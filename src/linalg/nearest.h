/* The nearest of several points, for many rows at once. */
#ifndef TRIVET_LINALG_NEAREST_H
#define TRIVET_LINALG_NEAREST_H

#include "linalg/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* For each column i of scores (n_points, n_rows): least[i] = the least of scores[j, i] +
 * offsets[j], nearest[i] = its j, of equals the first. Any thread. */
void trivet_linalg_nearest(struct trivet_const_matrix scores, const double *offsets, double *least,
                           int64_t *nearest);
/* Returns the sum over i of min(scores[i] + norms[i] + offset, closest[i]), terms not below 0, n
 * numbers, in one fixed order. */
double trivet_linalg_sum_least(const double *scores, const double *norms, double offset,
                               const double *closest, size_t n);
/* closest[i] = that term; returns their sum in the same order. */
double trivet_linalg_take_least(const double *scores, const double *norms, double offset,
                                double *closest, size_t n);

#endif
