/* Keeps the columns that tell most about the target. */
#ifndef TRIVET_MODELS_TRANSFORMERS_SELECT_K_BEST_H
#define TRIVET_MODELS_TRANSFORMERS_SELECT_K_BEST_H

#include "models/transformer.h"

/* Of the columns with the greatest F statistic: of a line through each column alone for numbers
 * (f_regression), between and within the classes for classes (f_classif); definitions and ties of
 * scikit-learn 1.2: of equal scores the later column is kept; a score that is not a number, of a
 * constant column, comes last. Looks at the target of the rows that it is fitted on only. */
extern const struct trivet_transformer_ops trivet_select_k_best_ops;

#endif
