#include "models/transformers/standard_scaler.h"

#include "models/transformers/numeric.h"

#include <math.h>

/* mean: zeros with with_mean=false; scale: > 0, ones with with_std=false. */
static const struct trivet_numeric_layout layout = {
    .owner = "standard_scaler", .names = {"mean", "scale"}, .positive = TRIVET_NUMERIC_SCALE};

static const struct trivet_param_spec standard_scaler_params[] = {
    {.name = "with_mean",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "subtract the mean"},
    {.name = "with_std",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "divide by the standard deviation (ddof 0)"},
    {.name = NULL},
};

static enum trivet_status fit_column(const struct trivet_column *column, size_t n_rows,
                                     double *mean, double *scale, struct trivet_error *err)
{
    struct trivet_moments moments = trivet_numeric_moments(column, n_rows);
    if (moments.n == 0) {
        return trivet_transformer_no_value(layout.owner, column, n_rows, err);
    }
    *mean = moments.mean;
    *scale = trivet_numeric_scale(&moments);
    if (!isfinite(*mean) || !isfinite(*scale)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "standard_scaler: the values of column '%s' are too large to be "
                                "squared; divide them by a power of ten first",
                                column->name);
    }
    return TRIVET_OK;
}

static enum trivet_status standard_scaler_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct trivet_numeric *scaler = state;
    bool with_mean = trivet_params_bool(params, "with_mean");
    bool with_std = trivet_params_bool(params, "with_std");
    enum trivet_status status = trivet_numeric_create(scaler, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        double *mean = &trivet_numeric_array(scaler, TRIVET_NUMERIC_CENTRE)[j];
        double *scale = &trivet_numeric_array(scaler, TRIVET_NUMERIC_SCALE)[j];
        status = fit_column(&data->columns[j], data->n_rows, mean, scale, err);
        *mean = with_mean ? *mean : 0.0;
        *scale = with_std ? *scale : 1.0;
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(scaler);
    }
    return status;
}

static enum trivet_status standard_scaler_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)params;
    (void)types;
    return trivet_numeric_load(state, &layout, n_columns, step, err);
}

const struct trivet_transformer_ops trivet_standard_scaler_ops = {
    .name = "standard_scaler",
    .summary = "columns to mean 0 and standard deviation 1",
    .state_bytes = sizeof(struct trivet_numeric),
    .params = standard_scaler_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = standard_scaler_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = trivet_numeric_standardise,
    .fuse = trivet_numeric_fuse,
    .save = trivet_numeric_save,
    .load = standard_scaler_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
