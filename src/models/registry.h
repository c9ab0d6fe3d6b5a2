/* All estimators and transformers, by name. */
#ifndef TRIVET_MODELS_REGISTRY_H
#define TRIVET_MODELS_REGISTRY_H

#include "models/estimator.h"
#include "models/transformer.h"

#include <stddef.h>

/* NULL-terminated, sorted by name. */
const struct trivet_estimator_ops *const *trivet_registry_estimators(void);
const struct trivet_transformer_ops *const *trivet_registry_transformers(void);
/* By name. NOT_FOUND (as INVALID_ARGUMENT) lists the names there are. */
enum trivet_status trivet_registry_estimator(const char *name,
                                             const struct trivet_estimator_ops **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_registry_transformer(const char *name,
                                               const struct trivet_transformer_ops **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
