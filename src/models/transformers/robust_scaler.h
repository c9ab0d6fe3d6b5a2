/* Columns by their median and spread between quantiles. */
#ifndef TRIVET_MODELS_TRANSFORMERS_ROBUST_SCALER_H
#define TRIVET_MODELS_TRANSFORMERS_ROBUST_SCALER_H

#include "models/transformer.h"

/* (x - median) / (upper quantile - lower quantile), over the values present; missing values stay
 * missing. A spread below 10 · 2^-52 counts as none and is divided by 1 (scikit-learn's
 * RobustScaler). */
extern const struct trivet_transformer_ops trivet_robust_scaler_ops;

#endif
