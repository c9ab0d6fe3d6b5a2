#include "models/transformers/min_max_scaler.h"

#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>

enum { SCALE, OFFSET };

static const struct trivet_numeric_layout layout = {
    .owner = "min_max_scaler", .names = {"scale", "offset"}, .positive = SCALE};

struct min_max_scaler {
    struct trivet_numeric numeric;
    bool clip;
    double min;
    double max;
};

static const struct trivet_param_spec min_max_scaler_params[] = {
    {.name = "min",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = -1e9,
     .max = 1e9,
     .help = "what the least training value of a column becomes"},
    {.name = "max",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = -1e9,
     .max = 1e9,
     .help = "what the greatest training value of a column becomes; above min"},
    {.name = "clip",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "values beyond those of training become min or max"},
    {.name = NULL},
};

static void set_options(struct min_max_scaler *scaler, const struct trivet_params *params)
{
    scaler->clip = trivet_params_bool(params, "clip");
    scaler->min = trivet_params_real(params, "min");
    scaler->max = trivet_params_real(params, "max");
}

static enum trivet_status fit_column(const struct min_max_scaler *scaler,
                                     const struct trivet_column *column, size_t n_rows,
                                     double *scale, double *offset, struct trivet_error *err)
{
    struct trivet_moments moments = trivet_numeric_moments(column, n_rows);
    if (moments.n == 0) {
        return trivet_transformer_no_value(layout.owner, column, n_rows, err);
    }
    double range = moments.max - moments.min;
    range = range < 10.0 * DBL_EPSILON ? 1.0 : range;
    *scale = (scaler->max - scaler->min) / range;
    *offset = scaler->min - moments.min * *scale;
    if (!isfinite(*offset) || !isfinite(range) || !(*scale > 0.0)) {
        return trivet_numeric_too_large(layout.owner, column, err);
    }
    return TRIVET_OK;
}

static enum trivet_status min_max_scaler_fit(void *state, const struct trivet_params *params,
                                             const struct trivet_transform_data *data,
                                             const struct trivet_fit_context *context,
                                             struct trivet_fit_report *report,
                                             struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct min_max_scaler *scaler = state;
    set_options(scaler, params);
    if (!(scaler->min < scaler->max)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "min_max_scaler: min %g is not below max %g; give a greater max",
                                scaler->min, scaler->max);
    }
    enum trivet_status status =
        trivet_numeric_create(&scaler->numeric, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status = fit_column(scaler, &data->columns[j], data->n_rows,
                            &trivet_numeric_array(&scaler->numeric, SCALE)[j],
                            &trivet_numeric_array(&scaler->numeric, OFFSET)[j], err);
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(scaler);
    }
    return status;
}

static enum trivet_status
min_max_scaler_transform(const void *state, const struct trivet_transform_input *input,
                         struct trivet_arena *arena, struct trivet_column *out,
                         struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct min_max_scaler *scaler = state;
    const size_t n_rows = input->n_rows;
    double *all = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, layout.owner, input->n_columns, n_rows, out, &all, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        const double scale = trivet_numeric_array(&scaler->numeric, SCALE)[j];
        const double offset = trivet_numeric_array(&scaler->numeric, OFFSET)[j];
        double *values = &all[j * n_rows];
        for (size_t i = 0; i < n_rows; i++) {
            values[i] = trivet_column_number(&input->columns[j], i) * scale + offset;
        }
        if (scaler->clip) {
            trivet_numeric_fault_infinite(&input->columns[j], n_rows, input->origins[j], rows);
        }
        for (size_t i = 0; scaler->clip && i < n_rows; i++) {
            values[i] = values[i] < scaler->min ? scaler->min : values[i];
            values[i] = values[i] > scaler->max ? scaler->max : values[i];
        }
    }
    return status;
}

static bool min_max_scaler_fuse(const void *state, size_t output, struct trivet_fused *column)
{
    const struct min_max_scaler *scaler = state;
    return !scaler->clip &&
           trivet_fused_affine(column, trivet_numeric_array(&scaler->numeric, SCALE)[output],
                               trivet_numeric_array(&scaler->numeric, OFFSET)[output]);
}

static enum trivet_status min_max_scaler_load(void *state, const struct trivet_params *params,
                                              const enum trivet_column_type *types,
                                              size_t n_columns, const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    (void)types;
    struct min_max_scaler *scaler = state;
    set_options(scaler, params);
    return trivet_numeric_load(&scaler->numeric, &layout, n_columns, step, err);
}

const struct trivet_transformer_ops trivet_min_max_scaler_ops = {
    .name = "min_max_scaler",
    .summary = "columns to a range, 0 to 1",
    .state_bytes = sizeof(struct min_max_scaler),
    .params = min_max_scaler_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = min_max_scaler_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = min_max_scaler_transform,
    .fuse = min_max_scaler_fuse,
    .save = trivet_numeric_save,
    .load = min_max_scaler_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
