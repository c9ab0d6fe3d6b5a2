/* Support vector machines of classes and of numbers, with kernels. */
#ifndef TRIVET_MODELS_SVC_H
#define TRIVET_MODELS_SVC_H

#include "models/estimator.h"

/* One machine a pair of classes; see models/svm.h. With probability=true the outputs are
 * probabilities: of each pair by Platt's method (p = 1 / (1 + exp(A f + B)), A and B by maximum
 * likelihood from the values of 5 held-out folds), of more than two classes by pairwise coupling of
 * those. Costs of a prediction: one product with all support vectors. */
extern const struct trivet_estimator_ops trivet_svc_ops;
extern const struct trivet_estimator_ops trivet_svr_ops;

#endif
