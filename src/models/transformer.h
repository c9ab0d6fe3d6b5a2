/* The one face of every step before the estimator: columns in, columns out, row by row independent
 * of each other, so that one bad row never fails its neighbours; only a step with history_rows
 * looks back to the rows before. */
#ifndef TRIVET_MODELS_TRANSFORMER_H
#define TRIVET_MODELS_TRANSFORMER_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"
#include "models/estimator.h"
#include "models/fused.h"
#include "models/params.h"
#include "trivet/v1/artefact.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns that a pipeline may have at any point, one-hot outputs included. */
#define TRIVET_FEATURES_MAX 65536

/* Training rows. Infinities are not among the values. */
struct trivet_transform_data {
    const struct trivet_column *columns; /* with their names */
    size_t n_columns;
    size_t n_rows; /* at least 1 */
    /* n_rows: the target as the estimator gets it; NULL for clustering. */
    const double *y;
    size_t n_classes; /* 0: y is numbers */
};

/* What transform reads. A missing number is NaN, a missing category a code that is
 * TRIVET_CODE_NULL or beyond the dictionary. The dictionary is the request's: codes mean nothing
 * across calls, only texts do. */
struct trivet_transform_input {
    const struct trivet_column *columns; /* the step's columns, in the order of fit */
    size_t n_columns;
    const uint32_t *origins; /* raw input column of each, for row faults */
    size_t n_rows;
};

/* Every function: the state is `state_bytes` long, zeroed before fit or load. One thread fits;
 * the others only read and may run on any number of threads.
 *
 * accepts        whether a column of `type` can be taken under these parameters.
 * output_type    type of the outputs of a column of `type`.
 * fit            Warnings go to `report`. INVALID_ARGUMENT names the column and what to do.
 * n_outputs      columns made; output_source: the input each is made of; output_name: its name,
 *                from the names of the inputs, in memory of the caller (trivet_free), NULL when
 *                out of memory.
 * transform      writes n_outputs columns to `out`, new values in `arena` (an unchanged column
 *                may be passed through; a new one must not point into the memory of
 *                its inputs). Missing values may pass through too. A row that cannot be
 *                transformed gets its fault, with its origin, in `rows`; the first fault stays.
 * fuse           makes of `column`, what the source of an output is of a raw number, what the
 * output is; false when that is no struct trivet_fused. NULL: it never is. history_rows   rows
 * before a row that its outputs depend on (lags); NULL: 0. The rows of one table are then taken to
 * be in order. save           named tensors in `arena`, borrowed from the state where possible.
 * load           with the parameters and column types of the step; checks every length and
 *                number: DATA_LOSS when they do not fit together.
 * release        the state's memory; the state is zeroed by the caller. */
struct trivet_transformer_ops {
    const char *name;
    const char *summary;
    size_t state_bytes;
    const struct trivet_param_spec *params;
    bool (*accepts)(const struct trivet_params *params, enum trivet_column_type type);
    enum trivet_column_type (*output_type)(enum trivet_column_type type);
    enum trivet_status (*fit)(void *state, const struct trivet_params *params,
                              const struct trivet_transform_data *data,
                              const struct trivet_fit_context *context,
                              struct trivet_fit_report *report, struct trivet_error *err);
    size_t (*n_outputs)(const void *state);
    size_t (*output_source)(const void *state, size_t output);
    char *(*output_name)(const void *state, size_t output, const char *const *input_names);
    enum trivet_status (*transform)(const void *state, const struct trivet_transform_input *input,
                                    struct trivet_arena *arena, struct trivet_column *out,
                                    struct trivet_row_status *rows, struct trivet_error *err);
    bool (*fuse)(const void *state, size_t output, struct trivet_fused *column);
    size_t (*history_rows)(const void *state);
    enum trivet_status (*save)(const void *state, struct trivet_arena *arena, Trivet__V1__Step *out,
                               struct trivet_error *err);
    enum trivet_status (*load)(void *state, const struct trivet_params *params,
                               const enum trivet_column_type *types, size_t n_columns,
                               const Trivet__V1__Step *step, struct trivet_error *err);
    size_t (*memory_bytes)(const void *state);
    void (*release)(void *state);
};

#endif
