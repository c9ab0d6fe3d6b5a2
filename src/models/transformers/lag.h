/* The value of some rows before. */
#ifndef TRIVET_MODELS_TRANSFORMERS_LAG_H
#define TRIVET_MODELS_TRANSFORMERS_LAG_H

#include "models/transformer.h"

/* "x lag 3" is the x of three rows before. The rows of a table are one series, in order. Where
 * there is no row so far before, or no value in it, the value is missing. keep: the column itself
 * stays before its lags. */
extern const struct trivet_transformer_ops trivet_lag_ops;

#endif
