/* Columns bent until they look normal. */
#ifndef TRIVET_MODELS_TRANSFORMERS_POWER_TRANSFORMER_H
#define TRIVET_MODELS_TRANSFORMERS_POWER_TRANSFORMER_H

#include "models/transformer.h"

/* Yeo-Johnson (any number) or Box-Cox (positive numbers) with the power of greatest likelihood, by
 * Brent's method from the bracket (-2, 2) as scikit-learn's PowerTransformer; or the logarithm of
 * x, or of 1 + x. standardize: then to mean 0 and deviation 1. A constant column keeps power 1.
 * Missing values stay missing. A value that the method cannot take is a fault of its row
 * (OUT_OF_DOMAIN), in training an error. */
extern const struct trivet_transformer_ops trivet_power_transformer_ops;

#endif
