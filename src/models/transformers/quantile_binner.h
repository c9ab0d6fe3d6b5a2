/* Numbers as the bin that they are in. */
#ifndef TRIVET_MODELS_TRANSFORMERS_QUANTILE_BINNER_H
#define TRIVET_MODELS_TRANSFORMERS_QUANTILE_BINNER_H

#include "models/transformer.h"

/* The edges of n_bins bins of a column, over the training values present: quantiles, or evenly
 * spaced; a value on an edge is in the upper bin, values beyond are in the first and last one.
 * Quantiles closer than 1e-8 are one edge; a constant column has one bin (scikit-learn's
 * KBinsDiscretizer). encode: a column of 0 and 1 for each bin, "x bin 0", or the number of the bin.
 * Missing: a fault of the row with one_hot, else missing. */
extern const struct trivet_transformer_ops trivet_quantile_binner_ops;

#endif
