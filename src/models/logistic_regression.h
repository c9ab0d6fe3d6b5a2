/* Logistic regression, binary and multinomial. */
#ifndef TRIVET_MODELS_LOGISTIC_REGRESSION_H
#define TRIVET_MODELS_LOGISTIC_REGRESSION_H

#include "models/estimator.h"

/* Probabilities of classes from linear equations: 1 / (1 + exp(-z)) of one equation for two
 * classes, softmax of an equation a class for more. The objective and its symbols:
 * models/logistic_objective.h, with s = C, or C n / (n_classes n_k) for class k of n_k rows with
 * class_weight=balanced; l2 = 1 for penalty=l2, 1 - l1_ratio for elastic_net; l1 likewise: the
 * definitions of scikit-learn's LogisticRegression. Bishop, Pattern recognition and machine
 * learning, 2006, section 4.3. A row's result is bitwise the same alone and in any batch. */
extern const struct trivet_estimator_ops trivet_logistic_regression_ops;

#endif
