/* A category as its place among the categories. */
#ifndef TRIVET_MODELS_TRANSFORMERS_ORDINAL_ENCODER_H
#define TRIVET_MODELS_TRANSFORMERS_ORDINAL_ENCODER_H

#include "models/transformer.h"

/* 0, 1 … among the categories of the training rows, ascending by bytes (scikit-learn's
 * OrdinalEncoder). A missing category is a missing number. One that training did not have is a
 * fault of its row, or unknown_value, or missing with handle_unknown=ignore. */
extern const struct trivet_transformer_ops trivet_ordinal_encoder_ops;

#endif
