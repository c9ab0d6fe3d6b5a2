#include "models/transformers/robust_scaler.h"

#include "base/alloc.h"
#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>

static const struct trivet_numeric_layout layout = {
    .owner = "robust_scaler", .names = {"centre", "scale"}, .positive = TRIVET_NUMERIC_SCALE};

static const struct trivet_param_spec robust_scaler_params[] = {
    {.name = "with_centering",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "subtract the median"},
    {.name = "with_scaling",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "divide by the spread between the quantiles"},
    {.name = "quantile_min",
     .type = TRIVET_PARAM_REAL,
     .default_text = "25",
     .min = 0.0,
     .max = 100.0,
     .help = "lower quantile, in per cent"},
    {.name = "quantile_max",
     .type = TRIVET_PARAM_REAL,
     .default_text = "75",
     .min = 0.0,
     .max = 100.0,
     .help = "upper quantile, in per cent; above quantile_min"},
    {.name = NULL},
};

struct quantiles {
    double low;
    double high;
};

static enum trivet_status fit_column(const struct trivet_column *column, size_t n_rows,
                                     struct quantiles q, double *centre, double *scale,
                                     struct trivet_error *err)
{
    double *values = NULL;
    size_t n = 0;
    enum trivet_status status =
        trivet_numeric_sorted(layout.owner, column, n_rows, &values, &n, err);
    if (status != TRIVET_OK) {
        return status;
    }
    *centre = trivet_numeric_median(values, n);
    double spread =
        trivet_numeric_quantile(values, n, q.high) - trivet_numeric_quantile(values, n, q.low);
    trivet_free(values);
    *scale = spread < 10.0 * DBL_EPSILON ? 1.0 : spread;
    if (!isfinite(*centre) || !isfinite(*scale)) {
        return trivet_numeric_too_large(layout.owner, column, err);
    }
    return TRIVET_OK;
}

static enum trivet_status robust_scaler_fit(void *state, const struct trivet_params *params,
                                            const struct trivet_transform_data *data,
                                            const struct trivet_fit_context *context,
                                            struct trivet_fit_report *report,
                                            struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct trivet_numeric *scaler = state;
    const bool centering = trivet_params_bool(params, "with_centering");
    const bool scaling = trivet_params_bool(params, "with_scaling");
    const struct quantiles q = {.low = trivet_params_real(params, "quantile_min") / 100.0,
                                .high = trivet_params_real(params, "quantile_max") / 100.0};
    if (!(q.low < q.high)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "robust_scaler: quantile_min %g is not below quantile_max %g",
                                100.0 * q.low, 100.0 * q.high);
    }
    enum trivet_status status = trivet_numeric_create(scaler, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        double *centre = &trivet_numeric_array(scaler, TRIVET_NUMERIC_CENTRE)[j];
        double *scale = &trivet_numeric_array(scaler, TRIVET_NUMERIC_SCALE)[j];
        status = fit_column(&data->columns[j], data->n_rows, q, centre, scale, err);
        *centre = centering ? *centre : 0.0;
        *scale = scaling ? *scale : 1.0;
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(scaler);
    }
    return status;
}

static enum trivet_status robust_scaler_load(void *state, const struct trivet_params *params,
                                             const enum trivet_column_type *types, size_t n_columns,
                                             const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    (void)types;
    return trivet_numeric_load(state, &layout, n_columns, step, err);
}

const struct trivet_transformer_ops trivet_robust_scaler_ops = {
    .name = "robust_scaler",
    .summary = "columns to median 0 and spread 1, whatever their outliers",
    .state_bytes = sizeof(struct trivet_numeric),
    .params = robust_scaler_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = robust_scaler_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = trivet_numeric_standardise,
    .fuse = trivet_numeric_fuse,
    .save = trivet_numeric_save,
    .load = robust_scaler_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
