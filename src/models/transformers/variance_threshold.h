/* Drops columns that hardly vary. */
#ifndef TRIVET_MODELS_TRANSFORMERS_VARIANCE_THRESHOLD_H
#define TRIVET_MODELS_TRANSFORMERS_VARIANCE_THRESHOLD_H

#include "models/transformer.h"

/* Keeps the columns whose variance (ddof 0, over the values present) is above the threshold; with
 * threshold 0 those with more than one value (scikit-learn's VarianceThreshold). */
extern const struct trivet_transformer_ops trivet_variance_threshold_ops;

#endif
