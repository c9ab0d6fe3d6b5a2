#include "models/transformers/max_abs_scaler.h"

#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>

/* The centre stays 0: it is never moved. */
enum { CENTRE, SCALE };

static const char *const arrays[] = {"centre", "scale", NULL};

static const struct trivet_param_spec max_abs_scaler_params[] = {
    {.name = NULL},
};

static enum trivet_status max_abs_scaler_fit(void *state, const struct trivet_params *params,
                                             const struct trivet_transform_data *data,
                                             const struct trivet_fit_context *context,
                                             struct trivet_fit_report *report,
                                             struct trivet_error *err)
{
    (void)params;
    (void)context;
    (void)report;
    enum trivet_status status =
        trivet_numeric_create(state, "max_abs_scaler", arrays, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        struct trivet_moments moments = trivet_numeric_moments(&data->columns[j], data->n_rows);
        double greatest = fmax(fabs(moments.min), fabs(moments.max));
        trivet_numeric_array(state, SCALE)[j] = greatest < 10.0 * DBL_EPSILON ? 1.0 : greatest;
        if (moments.n == 0) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "max_abs_scaler: column '%s' has no value in any of the %zu "
                                      "training rows; leave the column out",
                                      data->columns[j].name, data->n_rows);
            trivet_numeric_release(state);
        }
    }
    return status;
}

static enum trivet_status
max_abs_scaler_transform(const void *state, const struct trivet_transform_input *input,
                         struct trivet_arena *arena, struct trivet_column *out,
                         struct trivet_row_status *rows, struct trivet_error *err)
{
    (void)rows;
    return trivet_numeric_standardise(state, CENTRE, SCALE, "max_abs_scaler", input, arena, out,
                                      err);
}

static bool max_abs_scaler_fuse(const void *state, size_t output, struct trivet_fused *column)
{
    return trivet_fused_standardise(column, trivet_numeric_array(state, CENTRE)[output],
                                    trivet_numeric_array(state, SCALE)[output]);
}

static enum trivet_status max_abs_scaler_load(void *state, const struct trivet_params *params,
                                              const enum trivet_column_type *types,
                                              size_t n_columns, const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    (void)params;
    (void)types;
    enum trivet_status status = trivet_numeric_load(state, arrays, n_columns, step, err);
    if (status == TRIVET_OK) {
        status = trivet_numeric_check_positive(state, SCALE, step, err);
    }
    return status;
}

const struct trivet_transformer_ops trivet_max_abs_scaler_ops = {
    .name = "max_abs_scaler",
    .summary = "columns to at most 1 in size; zeros stay zeros",
    .state_bytes = sizeof(struct trivet_numeric),
    .params = max_abs_scaler_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = max_abs_scaler_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = max_abs_scaler_transform,
    .fuse = max_abs_scaler_fuse,
    .save = trivet_numeric_save,
    .load = max_abs_scaler_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
