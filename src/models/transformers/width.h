/* The state of a transformer that keeps nothing but how many columns it is for. */
#ifndef TRIVET_MODELS_TRANSFORMERS_WIDTH_H
#define TRIVET_MODELS_TRANSFORMERS_WIDTH_H

#include "models/transformer.h"

#include <stdint.h>

/* One tensor, "n_columns"; the number is borrowed. */
enum trivet_status trivet_width_save(const int64_t *n_columns, struct trivet_arena *arena,
                                     Trivet__V1__Step *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* DATA_LOSS unless the step was saved for n_columns. */
enum trivet_status trivet_width_check(const Trivet__V1__Step *step, size_t n_columns,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
