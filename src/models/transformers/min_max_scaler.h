/* Columns to a given range. */
#ifndef TRIVET_MODELS_TRANSFORMERS_MIN_MAX_SCALER_H
#define TRIVET_MODELS_TRANSFORMERS_MIN_MAX_SCALER_H

#include "models/transformer.h"

/* x · scale + offset, so that the training values of a column reach from min to max; a range below
 * 10 · 2^-52 counts as constant and is divided by 1 (scikit-learn's MinMaxScaler). Missing values
 * are left out and stay missing. clip: values beyond those of training become min or max. */
extern const struct trivet_transformer_ops trivet_min_max_scaler_ops;

#endif
