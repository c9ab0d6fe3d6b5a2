/* XGBoost itself, through its C API, for what our trees are compared with. */
#ifndef TRIVET_TESTS_MODELS_BOOSTER_H
#define TRIVET_TESTS_MODELS_BOOSTER_H

#include "models/xgboost_library.h"

#include <stddef.h>

/* Kinds of predictions, as XGBoost counts them. */
enum booster_output { BOOSTER_VALUES = 0, BOOSTER_MARGINS = 1, BOOSTER_CONTRIBUTIONS = 2 };

struct booster {
    const struct trivet_xgboost *library;
    BoosterHandle handle;
    size_t n_cols;
};

/* Trains n_rounds on x (n_rows, n_cols) and y by one thread with seed 7; `settings`: "name=value"
 * parted by spaces, XGBoost's names. */
void booster_train(struct booster *booster, const char *settings, size_t n_rounds, const double *x,
                   size_t n_rows, size_t n_cols, const double *y);
/* Its answer for x, n_values numbers of it; borrowed until the next one. */
const float *booster_predict(const struct booster *booster, enum booster_output output,
                             const double *x, size_t n_rows, size_t n_values);
void booster_free(struct booster *booster);

#endif
