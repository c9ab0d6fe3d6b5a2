/* Regression metrics on plain arrays, by scikit-learn 1.2's definitions. */
#ifndef TRIVET_METRICS_REGRESSION_H
#define TRIVET_METRICS_REGRESSION_H

#include "metrics/metric.h"

#include <stddef.h>

/* Order of the table, with e = truth - predicted:
 *   mse, rmse, mae      mean of e², its root, mean of |e|
 *   r2                  1 - sum of e² / sum of (truth - its mean)²
 *   mape                mean of |e| / max(|truth|, 2^-52)
 *   explained_variance  1 - variance of e / variance of the truth
 *   median_absolute_error, max_error   of |e|; the median of an even count is the middle of two
 *   pinball_loss        at the quantile 0.5, which is scikit-learn's default: half of mae */
#define TRIVET_REGRESSION_METRICS 9

/* truth, predicted (n_rows) finite → out. n_rows may be 0: nothing is defined. A constant truth has
 * R² and explained variance 1 when it is met and 0 when not. O(n_rows), compensated sums, no
 * memory. */
void trivet_metrics_regression(const double *truth, const double *predicted, size_t n_rows,
                               struct trivet_metric out[TRIVET_REGRESSION_METRICS]);

/* pinball_loss of predictions of the `quantile` in [0, 1] (Koenker, Bassett 1978): mean of
 * quantile × max(e, 0) + (1 - quantile) × max(-e, 0). Least for the true quantile. */
struct trivet_metric trivet_metrics_pinball(const double *truth, const double *predicted,
                                            size_t n_rows, double quantile);

#endif
