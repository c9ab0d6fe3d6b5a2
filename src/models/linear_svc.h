/* Linear support vector machines of classes and of numbers. */
#ifndef TRIVET_MODELS_LINEAR_SVC_H
#define TRIVET_MODELS_LINEAR_SVC_H

#include "models/estimator.h"

/* Objectives and solvers: models/linear_svm.h. Outputs of linear_svc are margins: of two classes
 * one, of more one a class. A row's outputs are bitwise the same alone and in any batch. */
extern const struct trivet_estimator_ops trivet_linear_svc_ops;
extern const struct trivet_estimator_ops trivet_linear_svr_ops;

#endif
