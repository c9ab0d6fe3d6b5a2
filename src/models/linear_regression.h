/* Linear regression: ordinary least squares, ridge, lasso, elastic net. */
#ifndef TRIVET_MODELS_LINEAR_REGRESSION_H
#define TRIVET_MODELS_LINEAR_REGRESSION_H

#include "models/estimator.h"

/* y = b + w·x; w, b minimise, with n rows,
 *   penalty none, l2        ||y - b - X w||² + alpha ||w||² (linalg/least_squares.h: centred,
 *                           rank-revealing, of least norm where several do)
 *   penalty l1, elastic_net 1/(2n) ||y - b - X w||² + alpha l1_ratio ||w||₁
 *                           + alpha (1 - l1_ratio)/2 ||w||² (linalg/coordinate_descent.h)
 * or come near by gradient descent (linalg/gradient_descent.h). A prediction adds its products in
 * one fixed order: a row's result is bitwise the same alone and in any batch. */
extern const struct trivet_estimator_ops trivet_linear_regression_ops;

#endif
