/* Rows to length 1. */
#ifndef TRIVET_MODELS_TRANSFORMERS_NORMALIZER_H
#define TRIVET_MODELS_TRANSFORMERS_NORMALIZER_H

#include "models/transformer.h"

/* Each row of the columns is divided by its length: l2, l1, or its greatest absolute value; a row
 * shorter than 10 · 2^-52 is divided by 1 (scikit-learn's Normalizer). A missing value is a fault
 * of its row. */
extern const struct trivet_transformer_ops trivet_normalizer_ops;

#endif
