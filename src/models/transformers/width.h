/* The state of a transformer that keeps nothing but how many columns it is for. */
#ifndef TRIVET_MODELS_TRANSFORMERS_WIDTH_H
#define TRIVET_MODELS_TRANSFORMERS_WIDTH_H

#include "models/transformer.h"

#include <stdint.h>

/* Of the ops table where the state begins with int64_t n_columns. */
enum trivet_status trivet_width_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* Of the ops table where the state owns nothing. */
void trivet_width_release(void *state);

/* DATA_LOSS unless the step was saved for n_columns. */
enum trivet_status trivet_width_check(const Trivet__V1__Step *step, size_t n_columns,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
