#include "models/transformers/outlier_clipper.h"

#include "base/alloc.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <math.h>
#include <string.h>

enum { LEAST, GREATEST };

static const struct trivet_numeric_layout layout = {
    .owner = "outlier_clipper", .names = {"least", "greatest"}, .positive = -1};
static const char *const rules[] = {"iqr", "quantile", NULL};

static const struct trivet_param_spec outlier_clipper_params[] = {
    {.name = "bounds",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "iqr",
     .choices = rules,
     .help = "iqr: factor times the spread between the quartiles beyond them; quantile: the "
             "quantiles lower and upper"},
    {.name = "factor",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1.5",
     .min = 0.0,
     .max = 1e6,
     .help = "for bounds=iqr"},
    {.name = "lower",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.01",
     .min = 0.0,
     .max = 1.0,
     .help = "for bounds=quantile: what is below this quantile becomes it"},
    {.name = "upper",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.99",
     .min = 0.0,
     .max = 1.0,
     .help = "for bounds=quantile: what is above this quantile becomes it; not below lower"},
    {.name = NULL},
};

/* A warning for a column of which more than one in so many values were clipped. */
#define WARN_ABOVE_ONE_IN 20

/* The bounds, and how many of the column's values are beyond. */
static enum trivet_status fit_column(const struct trivet_params *params,
                                     const struct trivet_column *column, size_t n_rows,
                                     double *least, double *greatest, size_t *n_clipped,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    const bool iqr = strcmp(trivet_params_choice(params, "bounds"), "iqr") == 0;
    double *values = NULL;
    size_t n = 0;
    size_t n_beyond = 0;
    enum trivet_status status =
        trivet_numeric_sorted(layout.owner, column, n_rows, &values, &n, err);
    if (status != TRIVET_OK) {
        return status;
    }
    double low =
        trivet_numeric_quantile(values, n, iqr ? 0.25 : trivet_params_real(params, "lower"));
    double high =
        trivet_numeric_quantile(values, n, iqr ? 0.75 : trivet_params_real(params, "upper"));
    double margin = iqr ? trivet_params_real(params, "factor") * (high - low) : 0.0;
    *least = low - margin;
    *greatest = high + margin;
    for (size_t i = 0; i < n; i++) {
        n_beyond += values[i] < *least || values[i] > *greatest ? 1 : 0;
    }
    trivet_free(values);
    *n_clipped += n_beyond;
    if (n_beyond > n / WARN_ABOVE_ONE_IN) {
        trivet_fit_report_warn(report,
                               "outlier_clipper: %zu of %zu values of column '%.64s' were clipped "
                               "to %g to %g",
                               n_beyond, n, column->name, *least, *greatest);
    }
    if (!isfinite(*least) || !isfinite(*greatest)) {
        return trivet_numeric_too_large(layout.owner, column, err);
    }
    return TRIVET_OK;
}

static enum trivet_status outlier_clipper_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    (void)context;
    size_t n_clipped = 0;
    double lower = trivet_params_real(params, "lower");
    double upper = trivet_params_real(params, "upper");
    if (lower > upper) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "outlier_clipper: lower %g is above upper %g", lower, upper);
    }
    enum trivet_status status = trivet_numeric_create(state, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status = fit_column(params, &data->columns[j], data->n_rows,
                            &trivet_numeric_array(state, LEAST)[j],
                            &trivet_numeric_array(state, GREATEST)[j], &n_clipped, report, err);
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(state);
        return status;
    }
    trivet_fit_report_fact(report, "clipped_values", (double)n_clipped);
    return TRIVET_OK;
}

static enum trivet_status
outlier_clipper_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const size_t n_rows = input->n_rows;
    double *all = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, layout.owner, input->n_columns, n_rows, out, &all, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        const double least = trivet_numeric_array(state, LEAST)[j];
        const double greatest = trivet_numeric_array(state, GREATEST)[j];
        double *values = &all[j * n_rows];
        trivet_numeric_fault_infinite(&input->columns[j], n_rows, input->origins[j], rows);
        for (size_t i = 0; i < n_rows; i++) {
            double value = trivet_column_number(&input->columns[j], i);
            value = value < least ? least : value;
            values[i] = value > greatest ? greatest : value;
        }
    }
    return status;
}

static enum trivet_status outlier_clipper_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)params;
    (void)types;
    enum trivet_status status = trivet_numeric_load(state, &layout, n_columns, step, err);
    if (status == TRIVET_OK) {
        status = trivet_numeric_check_order(state, LEAST, GREATEST, step, err);
    }
    return status;
}

const struct trivet_transformer_ops trivet_outlier_clipper_ops = {
    .name = "outlier_clipper",
    .summary = "values beyond bounds become the bounds",
    .state_bytes = sizeof(struct trivet_numeric),
    .params = outlier_clipper_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = outlier_clipper_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = outlier_clipper_transform,
    .save = trivet_numeric_save,
    .load = outlier_clipper_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
