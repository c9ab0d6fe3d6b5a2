/* XGBoost's models as it saves them in UBJSON, as trees of ours. */
#ifndef TRIVET_MODELS_XGBOOST_MODEL_H
#define TRIVET_MODELS_XGBOOST_MODEL_H

#include "base/compiler.h"
#include "models/trees.h"

#include <trivet/error.h>

#include <stddef.h>

/* The first n_trees_max trees of `model`; n_features and n_classes of `out`, which has nothing
 * else, say what it was trained on. Every number is the same single-precision one.
 * INVALID_ARGUMENT: not such a model, or numbers that are not finite; RESOURCE_EXHAUSTED. On error
 * nothing is left in `out`. */
enum trivet_status trivet_xgboost_model_read(const char *model, size_t n_bytes, size_t n_trees_max,
                                             struct trivet_trees *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
