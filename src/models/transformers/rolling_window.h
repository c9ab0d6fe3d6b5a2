/* A statistic of the rows before. */
#ifndef TRIVET_MODELS_TRANSFORMERS_ROLLING_WINDOW_H
#define TRIVET_MODELS_TRANSFORMERS_ROLLING_WINDOW_H

#include "models/transformer.h"

/* "x mean 3" is the mean of x over the 3 rows that end `shift` rows before the row: with shift 1
 * the row itself is not among them. The rows of a table are one series, in order. Missing where
 * one of these values is missing or there are not so many rows before, as pandas' shift and rolling
 * have it; std has ddof 1, as there. Every window is computed anew, so that a row with its history
 * gives bitwise what it gives in a table. keep: the column itself stays before it. */
extern const struct trivet_transformer_ops trivet_rolling_window_ops;

#endif
