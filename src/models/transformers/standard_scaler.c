#include "models/transformers/standard_scaler.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformers/column.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct standard_scaler {
    size_t n_columns;
    double *mean;  /* owned; zeros with with_mean=false */
    double *scale; /* points into the memory of mean; > 0; ones with with_std=false */
};

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

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in standard_scaler; use fewer rows or columns");
}

static bool standard_scaler_accepts(const struct trivet_params *params,
                                    enum trivet_column_type type)
{
    (void)params;
    return type == TRIVET_COLUMN_NUMERIC;
}

static enum trivet_column_type standard_scaler_output_type(enum trivet_column_type type)
{
    return type;
}

static void standard_scaler_release(void *state)
{
    struct standard_scaler *scaler = state;
    trivet_free(scaler->mean);
    memset(scaler, 0, sizeof *scaler);
}

static enum trivet_status make_room(struct standard_scaler *scaler, size_t n_columns,
                                    struct trivet_error *err)
{
    scaler->mean = trivet_calloc(2 * n_columns, sizeof(double));
    if (scaler->mean == NULL) {
        return no_memory(err);
    }
    scaler->scale = &scaler->mean[n_columns];
    scaler->n_columns = n_columns;
    return TRIVET_OK;
}

/* Mean and variance of the values present: two passes over differences to the first value, and the
 * rounding of the mean taken out of the variance (Chan, Golub, LeVeque 1983, corrected two-pass).
 * Returns how many there are. */
static size_t moments(const struct trivet_column *column, size_t n_rows, double *mean,
                      double *variance)
{
    size_t n = 0;
    double first = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        if (isnan(value)) {
            continue;
        }
        first = n == 0 ? value : first;
        sum += value - first;
        n++;
    }
    double centre = n > 0 ? first + sum / (double)n : 0.0;
    double squares = 0.0;
    double rest = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        if (!isnan(value)) {
            double difference = value - centre;
            rest += difference;
            squares += difference * difference;
        }
    }
    *mean = n > 0 ? centre + rest / (double)n : 0.0;
    *variance = n > 0 ? (squares - rest * rest / (double)n) / (double)n : 0.0;
    return n;
}

/* Scale of a column; a spread within the rounding of n values at that mean counts as none. */
static double scale_of(double mean, double variance, size_t n)
{
    double rounding = (double)n * mean * DBL_EPSILON;
    double least = (double)n * DBL_EPSILON * variance + rounding * rounding;
    return variance <= least ? 1.0 : sqrt(variance);
}

static enum trivet_status fit_column(const struct trivet_column *column, size_t n_rows,
                                     double *mean, double *scale, struct trivet_error *err)
{
    double variance = 0.0;
    size_t n = moments(column, n_rows, mean, &variance);
    if (n == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "standard_scaler: column '%s' has no value in any of the %zu "
                                "training rows; leave the column out",
                                column->name, n_rows);
    }
    *scale = scale_of(*mean, variance, n);
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
    const struct trivet_column *columns = data->columns;
    const size_t n_columns = data->n_columns;
    const size_t n_rows = data->n_rows;
    struct standard_scaler *scaler = state;
    bool with_mean = trivet_params_bool(params, "with_mean");
    bool with_std = trivet_params_bool(params, "with_std");
    enum trivet_status status = make_room(scaler, n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < n_columns; j++) {
        status = fit_column(&columns[j], n_rows, &scaler->mean[j], &scaler->scale[j], err);
        scaler->mean[j] = with_mean ? scaler->mean[j] : 0.0;
        scaler->scale[j] = with_std ? scaler->scale[j] : 1.0;
    }
    if (status != TRIVET_OK) {
        standard_scaler_release(scaler);
    }
    return status;
}

static size_t standard_scaler_n_outputs(const void *state)
{
    return ((const struct standard_scaler *)state)->n_columns;
}

static size_t standard_scaler_output_source(const void *state, size_t output)
{
    (void)state;
    return output;
}

static char *standard_scaler_output_name(const void *state, size_t output,
                                         const char *const *input_names)
{
    (void)state;
    return trivet_strdup(input_names[output]);
}

static enum trivet_status
standard_scaler_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    (void)rows;
    const struct standard_scaler *scaler = state;
    size_t n_rows = input->n_rows;
    double *all = trivet_arena_alloc_array(arena, input->n_columns * n_rows, sizeof(double));
    if (all == NULL) {
        return no_memory(err);
    }
    for (size_t j = 0; j < input->n_columns; j++) {
        const struct trivet_column *in = &input->columns[j];
        double mean = scaler->mean[j];
        double scale = scaler->scale[j];
        double *values = &all[j * n_rows];
        for (size_t i = 0; i < n_rows; i++) {
            values[i] = (trivet_column_number(in, i) - mean) / scale;
        }
        out[j] = *in;
        out[j].stride = 1;
        out[j].numbers = values;
    }
    return TRIVET_OK;
}

static enum trivet_status standard_scaler_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct standard_scaler *scaler = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "mean", scaler->mean, scaler->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "scale", scaler->scale, scaler->n_columns, err);
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
    struct standard_scaler *scaler = state;
    const double *mean = NULL;
    const double *scale = NULL;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "mean", n_columns, &mean, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "scale", n_columns, &scale, err);
    }
    for (size_t j = 0; status == TRIVET_OK && j < n_columns; j++) {
        if (!(scale[j] > 0.0)) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the saved state of '%s' is damaged: scale %zu is not "
                                      "positive",
                                      step->name, j);
        }
    }
    if (status == TRIVET_OK) {
        status = make_room(scaler, n_columns, err);
    }
    if (status == TRIVET_OK) {
        memcpy(scaler->mean, mean, n_columns * sizeof(double));
        memcpy(scaler->scale, scale, n_columns * sizeof(double));
    }
    return status;
}

static size_t standard_scaler_memory_bytes(const void *state)
{
    const struct standard_scaler *scaler = state;
    return sizeof *scaler + 2 * scaler->n_columns * sizeof(double);
}

const struct trivet_transformer_ops trivet_standard_scaler_ops = {
    .name = "standard_scaler",
    .summary = "columns to mean 0 and standard deviation 1",
    .state_bytes = sizeof(struct standard_scaler),
    .params = standard_scaler_params,
    .accepts = standard_scaler_accepts,
    .output_type = standard_scaler_output_type,
    .fit = standard_scaler_fit,
    .n_outputs = standard_scaler_n_outputs,
    .output_source = standard_scaler_output_source,
    .output_name = standard_scaler_output_name,
    .transform = standard_scaler_transform,
    .save = standard_scaler_save,
    .load = standard_scaler_load,
    .memory_bytes = standard_scaler_memory_bytes,
    .release = standard_scaler_release,
};
