/* Regression metrics on plain arrays, by scikit-learn 1.2's definitions. */
#ifndef TRIVET_METRICS_REGRESSION_H
#define TRIVET_METRICS_REGRESSION_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

/* A metric by its public name. `defined` is false where the definition gives nothing (no rows, R²
 * of one row) or the value overflows; `value` is then 0. */
struct trivet_metric {
    const char *name; /* static */
    double value;
    bool defined;
};

/* Order of the table: mse, rmse, mae, r2, mape, explained_variance. */
#define TRIVET_REGRESSION_METRICS 6

/* truth, predicted (n_rows) finite → out. n_rows may be 0: nothing is defined. A constant truth has
 * R² and explained variance 1 when it is met and 0 when not. mape divides by abs(truth), at least
 * 2^-52. Two passes, compensated sums. */
void trivet_metrics_regression(const double *truth, const double *predicted, size_t n_rows,
                               struct trivet_metric out[TRIVET_REGRESSION_METRICS]);

#endif
