/* Drops columns that say what another one says. */
#ifndef TRIVET_MODELS_TRANSFORMERS_DROP_CORRELATED_H
#define TRIVET_MODELS_TRANSFORMERS_DROP_CORRELATED_H

#include "models/transformer.h"

/* In the order of the columns: one whose correlation with a column kept before it is beyond the
 * threshold, either way, is dropped. No two columns that stay are correlated beyond it. A constant
 * column has no correlation and stays. Cost n·p²; memory p². */
extern const struct trivet_transformer_ops trivet_drop_correlated_ops;

#endif
