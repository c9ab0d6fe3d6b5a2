/* Columns to mean 0 and standard deviation 1. */
#ifndef TRIVET_MODELS_TRANSFORMERS_STANDARD_SCALER_H
#define TRIVET_MODELS_TRANSFORMERS_STANDARD_SCALER_H

#include "models/transformer.h"

/* (x - mean) / deviation in double, ddof 0, over the values present; missing values stay missing.
 * A constant column is divided by 1, by scikit-learn's rule for what is constant. Mean and
 * deviation in two passes with differences to the first value, so that a mean of 1e6 costs no
 * digits of a deviation of 1. */
extern const struct trivet_transformer_ops trivet_standard_scaler_ops;

#endif
