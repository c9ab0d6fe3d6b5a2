/* Products of columns. */
#ifndef TRIVET_MODELS_TRANSFORMERS_POLYNOMIAL_FEATURES_H
#define TRIVET_MODELS_TRANSFORMERS_POLYNOMIAL_FEATURES_H

#include "models/transformer.h"

/* All products of up to `degree` columns, "a", "a^2", "a b" …, in the order of scikit-learn's
 * PolynomialFeatures: by degree, then by columns. interaction_only: no column twice in a product.
 * include_bias is false here and true there: our estimators have an intercept. A row with a missing
 * value keeps it in every product of that column. */
extern const struct trivet_transformer_ops trivet_polynomial_features_ops;

#endif
