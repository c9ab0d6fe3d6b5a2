#include "models/transformers/max_abs_scaler.h"

#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>

/* The centre stays 0: it is never moved. */
static const struct trivet_numeric_layout layout = {
    .owner = "max_abs_scaler", .names = {"centre", "scale"}, .positive = TRIVET_NUMERIC_SCALE};

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
    enum trivet_status status = trivet_numeric_create(state, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        struct trivet_moments moments = trivet_numeric_moments(&data->columns[j], data->n_rows);
        double greatest = fmax(fabs(moments.min), fabs(moments.max));
        trivet_numeric_array(state, TRIVET_NUMERIC_SCALE)[j] =
            greatest < 10.0 * DBL_EPSILON ? 1.0 : greatest;
        if (moments.n == 0) {
            status =
                trivet_transformer_no_value(layout.owner, &data->columns[j], data->n_rows, err);
            trivet_numeric_release(state);
        }
    }
    return status;
}

static enum trivet_status max_abs_scaler_load(void *state, const struct trivet_params *params,
                                              const enum trivet_column_type *types,
                                              size_t n_columns, const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    (void)params;
    (void)types;
    return trivet_numeric_load(state, &layout, n_columns, step, err);
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
    .transform = trivet_numeric_standardise,
    .fuse = trivet_numeric_fuse,
    .save = trivet_numeric_save,
    .load = max_abs_scaler_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
