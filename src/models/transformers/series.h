/* What steps share that look back to the rows before. */
#ifndef TRIVET_MODELS_TRANSFORMERS_SERIES_H
#define TRIVET_MODELS_TRANSFORMERS_SERIES_H

#include "models/transformer.h"

/* Each column becomes itself, where it is kept, and `n_made` columns after it. The first member of
 * the state. */
struct trivet_series {
    int64_t n_columns; /* first: trivet_width_save */
    size_t n_made;
    bool keep;
};

/* Value of a row before: what is infinite there counts as missing, since it fails its own row. */
double trivet_series_before(const struct trivet_column *column, size_t row);
/* Kept columns are passed through, and an infinite value fails its row; `*values`: the made columns
 * of all inputs, one after the other, n_rows each. */
enum trivet_status trivet_series_begin(const struct trivet_series *series, const char *owner,
                                       const struct trivet_transform_input *input,
                                       struct trivet_arena *arena, struct trivet_column *out,
                                       struct trivet_row_status *rows, double **values,
                                       struct trivet_error *err) TRIVET_MUST_USE;
size_t trivet_series_n_outputs(const void *state);
size_t trivet_series_output_source(const void *state, size_t output);
/* Which of the made columns of its source an output is; n_made: the source itself. */
size_t trivet_series_output_made(const struct trivet_series *series, size_t output);

#endif
