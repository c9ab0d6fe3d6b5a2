/* A category as one column of 0 and 1 per category. */
#ifndef TRIVET_MODELS_TRANSFORMERS_ONE_HOT_ENCODER_H
#define TRIVET_MODELS_TRANSFORMERS_ONE_HOT_ENCODER_H

#include "models/transformer.h"

/* Categories are those of the training rows, ascending by bytes; output "column=category".
 * drop=first leaves the first one out (all zeros stand for it). A category that training did not
 * have is a fault of its row, or all zeros with handle_unknown=ignore; a missing one is a fault
 * always. */
extern const struct trivet_transformer_ops trivet_one_hot_encoder_ops;

#endif
