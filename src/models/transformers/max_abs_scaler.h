/* Columns divided by their greatest absolute value. */
#ifndef TRIVET_MODELS_TRANSFORMERS_MAX_ABS_SCALER_H
#define TRIVET_MODELS_TRANSFORMERS_MAX_ABS_SCALER_H

#include "models/transformer.h"

/* Over the values present; missing values stay missing; a column of zeros is divided by 1
 * (scikit-learn's MaxAbsScaler). */
extern const struct trivet_transformer_ops trivet_max_abs_scaler_ops;

#endif
