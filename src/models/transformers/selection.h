/* What transformers share that keep some of their columns as they are and drop the others. */
#ifndef TRIVET_MODELS_TRANSFORMERS_SELECTION_H
#define TRIVET_MODELS_TRANSFORMERS_SELECTION_H

#include "models/transformer.h"
#include "models/transformers/marks.h"

/* The state is struct trivet_marks: the columns that are kept, at least one. A missing value of a
 * column that is dropped does not matter. */
size_t trivet_selection_n_outputs(const void *state);
size_t trivet_selection_output_source(const void *state, size_t output);
char *trivet_selection_output_name(const void *state, size_t output,
                                   const char *const *input_names);
/* Passes the kept columns through. */
enum trivet_status trivet_selection_transform(const void *state,
                                              const struct trivet_transform_input *input,
                                              struct trivet_arena *arena, struct trivet_column *out,
                                              struct trivet_row_status *rows,
                                              struct trivet_error *err);
bool trivet_selection_fuse(const void *state, size_t output, struct trivet_fused *column);
enum trivet_status trivet_selection_save(const void *state, struct trivet_arena *arena,
                                         Trivet__V1__Step *out, struct trivet_error *err);
enum trivet_status trivet_selection_load(void *state, const struct trivet_params *params,
                                         const enum trivet_column_type *types, size_t n_columns,
                                         const Trivet__V1__Step *step, struct trivet_error *err);
size_t trivet_selection_memory_bytes(const void *state);
void trivet_selection_release(void *state);

#endif
