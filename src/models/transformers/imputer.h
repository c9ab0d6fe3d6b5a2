/* Puts a value where there is none. */
#ifndef TRIVET_MODELS_TRANSFORMERS_IMPUTER_H
#define TRIVET_MODELS_TRANSFORMERS_IMPUTER_H

#include "models/transformer.h"

/* Per column the mean, median or most frequent value of the training rows (of ties the smallest;
 * categories compare by bytes), or a constant. A column without any value is refused, save with a
 * constant. add_indicator appends the column "missing(x)" for every column x with missing values in
 * training; for text the constant says the same. Definitions of scikit-learn's SimpleImputer. */
extern const struct trivet_transformer_ops trivet_imputer_ops;

#endif
