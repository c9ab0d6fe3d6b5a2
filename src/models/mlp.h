/* Multi-layer perceptrons: dense layers trained by back-propagation in mini-batches, for classes
 * and for numbers. */
#ifndef TRIVET_MODELS_MLP_H
#define TRIVET_MODELS_MLP_H

#include "models/estimator.h"

extern const struct trivet_estimator_ops trivet_mlp_classifier_ops;
extern const struct trivet_estimator_ops trivet_mlp_regressor_ops;

#endif
