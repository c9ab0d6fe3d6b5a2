/* Scores for growing parts of the training rows: whether more data would help. */
#ifndef TRIVET_EVALUATION_LEARNING_CURVE_H
#define TRIVET_EVALUATION_LEARNING_CURVE_H

#include "evaluation/cross_validate.h"

#define TRIVET_LEARNING_POINTS 5

struct trivet_learning_point {
    uint64_t n_train; /* mean over the folds */
    double train_mean;
    double train_deviation; /* ddof 0 */
    double validation_mean;
    double validation_deviation;
};

struct trivet_learning_curve {
    const char *metric; /* static */
    size_t n_points;
    struct trivet_learning_point points[TRIVET_LEARNING_POINTS];
};

/* Before each point; false cancels. */
typedef bool (*trivet_learning_cb)(void *ctx, size_t point, size_t n_points);

/* Cross-validates `plan` with 10 %, 32.5 %, 55 %, 77.5 % and all of each fold's training rows, as
 * scikit-learn's learning_curve does. A part that is too small to be fitted is left out.
 * INVALID_ARGUMENT: not even all rows can. */
enum trivet_status trivet_learning_curve_make(const struct trivet_validation_plan *plan,
                                              const char *metric, trivet_learning_cb on_point,
                                              void *ctx, struct trivet_learning_curve *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
