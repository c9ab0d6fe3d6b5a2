/* Values beyond bounds become the bounds. */
#ifndef TRIVET_MODELS_TRANSFORMERS_OUTLIER_CLIPPER_H
#define TRIVET_MODELS_TRANSFORMERS_OUTLIER_CLIPPER_H

#include "models/transformer.h"

/* The bounds of a column, over the values present: two quantiles, or q1 - factor · (q3 - q1) and
 * q3 + factor · (q3 - q1) (Tukey 1977). Missing values stay missing. How many training values were
 * clipped is told in the report: fact "clipped_values", and a warning for a column of which more
 * than a twentieth were. */
extern const struct trivet_transformer_ops trivet_outlier_clipper_ops;

#endif
