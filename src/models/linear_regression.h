/* Linear regression: ordinary least squares, or ridge with penalty=l2. */
#ifndef TRIVET_MODELS_LINEAR_REGRESSION_H
#define TRIVET_MODELS_LINEAR_REGRESSION_H

#include "models/estimator.h"

/* y = b + w·x; w, b minimise ||y - b - X w||² + alpha ||w||² (see linalg/least_squares.h: centred,
 * rank-revealing, of least norm where several do). A prediction adds its products in one fixed
 * order: a row's result is bitwise the same alone and in any batch. */
extern const struct trivet_estimator_ops trivet_linear_regression_ops;

#endif
