#include "models/transformers/power_transformer.h"

#include "base/alloc.h"
#include "linalg/kernels.h"
#include "models/brent.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LAMBDA, MEAN, SCALE };

enum method { YEO_JOHNSON, BOX_COX, LOG, LOG1P };

static const struct trivet_numeric_layout layout = {
    .owner = "power_transformer", .names = {"lambda", "mean", "scale"}, .positive = SCALE};
static const char *const methods[] = {"yeo_johnson", "box_cox", "log", "log1p", NULL};

struct power_transformer {
    struct trivet_numeric numeric;
    enum method method;
};

static const struct trivet_param_spec power_transformer_params[] = {
    {.name = "method",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "yeo_johnson",
     .choices = methods,
     .help = "yeo_johnson: any number; box_cox and log: positive numbers; log1p, of 1 + x: numbers "
             "above -1"},
    {.name = "standardize",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "then to mean 0 and deviation 1"},
    {.name = NULL},
};

static enum method method_of(const struct trivet_params *params)
{
    const char *name = trivet_params_choice(params, "method");
    enum method method = YEO_JOHNSON;
    while (strcmp(methods[method], name) != 0) {
        method++;
    }
    return method;
}

/* (e^(power · log_x) - 1) / power, without the loss of digits where that is near 0. */
static double raised(double log_x, double power)
{
    return fabs(power) < DBL_EPSILON ? log_x : expm1(power * log_x) / power;
}

/* NaN where the method cannot take x. Yeo, Johnson (2000); Box, Cox (1964). */
static double bend(enum method method, double x, double lambda)
{
    switch (method) {
    case YEO_JOHNSON:
        return x >= 0.0 ? raised(log1p(x), lambda) : -raised(log1p(-x), 2.0 - lambda);
    case BOX_COX:
        return x > 0.0 ? raised(log(x), lambda) : NAN;
    case LOG:
        return x > 0.0 ? log(x) : NAN;
    case LOG1P:
        break;
    }
    return x > -1.0 ? log1p(x) : NAN;
}

/* The values present of a column, on the way to its lambda. */
struct likelihood {
    enum method method;
    const double *logs;  /* log x, or log(1 + |x|) with the sign of x */
    double *transformed; /* scratch */
    size_t n;
    double sum_of_logs;
};

/* Powers nearer to 0 than this lose digits in exp(power · log) - 1. */
#define POWER_NEAR_0 1e-3

/* The values raised, by the vector exponential where it is exact enough. */
static void raise_all(const struct likelihood *likelihood, double lambda)
{
    const double *logs = likelihood->logs;
    double *out = likelihood->transformed;
    const bool signs = likelihood->method == YEO_JOHNSON;
    const double below = signs ? 2.0 - lambda : lambda;
    if (fabs(lambda) < POWER_NEAR_0 || fabs(below) < POWER_NEAR_0) {
        for (size_t i = 0; i < likelihood->n; i++) {
            out[i] = signs && logs[i] < 0.0 ? -raised(-logs[i], below) : raised(logs[i], lambda);
        }
        return;
    }
    for (size_t i = 0; i < likelihood->n; i++) {
        out[i] = signs && logs[i] < 0.0 ? -below * logs[i] : lambda * logs[i];
    }
    trivet_linalg_exp(out, likelihood->n);
    for (size_t i = 0; i < likelihood->n; i++) {
        double change = out[i] - 1.0;
        out[i] = signs && logs[i] < 0.0 ? change / -below : change / lambda;
    }
}

/* ddof 0, in two passes over differences to the first value. */
static double variance_of(const double *values, size_t n)
{
    double sum = 0.0;
    double squares = 0.0;
    double rest = 0.0;
    for (size_t i = 0; i < n; i++) {
        sum += values[i] - values[0];
    }
    double mean = values[0] + sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double difference = values[i] - mean;
        rest += difference;
        squares += difference * difference;
    }
    return (squares - rest * rest / (double)n) / (double)n;
}

/* Minus the logarithm of the likelihood; infinite where the transformed values overflow or do not
 * vary. */
static double minus_log_likelihood(double lambda, void *ctx)
{
    const struct likelihood *likelihood = ctx;
    raise_all(likelihood, lambda);
    double variance = variance_of(likelihood->transformed, likelihood->n);
    if (!(variance >= DBL_MIN) || isinf(variance)) {
        return INFINITY;
    }
    return 0.5 * (double)likelihood->n * log(variance) - (lambda - 1.0) * likelihood->sum_of_logs;
}

static enum trivet_status check_domain(enum method method, const struct trivet_column *column,
                                       const double *values, size_t n, struct trivet_error *err)
{
    size_t n_outside = 0;
    double outside = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(bend(method, values[i], 1.0))) {
            outside = values[i];
            n_outside++;
        }
    }
    if (n_outside > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "power_transformer: method=%s takes only numbers above %d, but "
                                "column '%s' has %g and others, in %zu rows; use "
                                "method=yeo_johnson",
                                methods[method], method == LOG1P ? -1 : 0, column->name, outside,
                                n_outside);
    }
    return TRIVET_OK;
}

/* lambda of the `n` values, which become scratch. */
static double fit_lambda(enum method method, double *values, size_t n, double *scratch)
{
    struct likelihood likelihood = {
        .method = method, .logs = values, .transformed = scratch, .n = n};
    bool constant = true;
    for (size_t i = 1; i < n; i++) {
        constant = constant && values[i] == values[0];
    }
    if (constant || method == LOG || method == LOG1P) {
        return 1.0;
    }
    for (size_t i = 0; i < n; i++) {
        values[i] =
            method == BOX_COX ? log(values[i]) : copysign(log1p(fabs(values[i])), values[i]);
        likelihood.sum_of_logs += values[i];
    }
    return trivet_brent_minimise(minus_log_likelihood, &likelihood, -2.0, 2.0);
}

/* Mean and deviation of the bent column; false when they are not finite. */
static bool find_scale(enum method method, const struct trivet_column *column, size_t n_rows,
                       double lambda, double *scratch, double *mean, double *scale)
{
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        scratch[i] = isnan(value) ? NAN : bend(method, value, lambda);
    }
    const struct trivet_column bent = {
        .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = scratch};
    struct trivet_moments moments = trivet_numeric_moments(&bent, n_rows);
    *mean = moments.mean;
    *scale = trivet_numeric_scale(&moments);
    return isfinite(*mean) && isfinite(*scale);
}

static enum trivet_status fit_column(struct power_transformer *transformer, size_t j,
                                     const struct trivet_column *column, size_t n_rows,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    const enum method method = transformer->method;
    double *lambda = &trivet_numeric_array(&transformer->numeric, LAMBDA)[j];
    double *mean = &trivet_numeric_array(&transformer->numeric, MEAN)[j];
    double *scale = &trivet_numeric_array(&transformer->numeric, SCALE)[j];
    double *values = NULL;
    double *scratch = NULL;
    size_t n = 0;
    enum trivet_status status =
        trivet_numeric_present(layout.owner, column, n_rows, &values, &n, err);
    if (status != TRIVET_OK) {
        return status;
    }
    scratch = trivet_alloc_array(n_rows, sizeof(double));
    if (scratch == NULL) {
        status = trivet_transformer_no_memory(layout.owner, err);
        goto done;
    }
    status = check_domain(method, column, values, n, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    *lambda = fit_lambda(method, values, n, scratch);
    if (!isfinite(*lambda) || !find_scale(method, column, n_rows, *lambda, scratch, mean, scale)) {
        trivet_fit_report_warn(report,
                               "power_transformer: no power makes column '%.64s' look normal; it "
                               "keeps power 1",
                               column->name);
        *lambda = 1.0;
        if (!find_scale(method, column, n_rows, 1.0, scratch, mean, scale)) {
            status = trivet_numeric_too_large(layout.owner, column, err);
        }
    }
done:
    trivet_free(values);
    trivet_free(scratch);
    return status;
}

static enum trivet_status power_transformer_fit(void *state, const struct trivet_params *params,
                                                const struct trivet_transform_data *data,
                                                const struct trivet_fit_context *context,
                                                struct trivet_fit_report *report,
                                                struct trivet_error *err)
{
    struct power_transformer *transformer = state;
    const bool standardize = trivet_params_bool(params, "standardize");
    transformer->method = method_of(params);
    enum trivet_status status =
        trivet_numeric_create(&transformer->numeric, &layout, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status = fit_column(transformer, j, &data->columns[j], data->n_rows, report, err);
        if (!standardize) {
            trivet_numeric_array(&transformer->numeric, MEAN)[j] = 0.0;
            trivet_numeric_array(&transformer->numeric, SCALE)[j] = 1.0;
        }
        if (status == TRIVET_OK) {
            status = trivet_fit_progress(context, 0.0, err);
        }
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(transformer);
    }
    return status;
}

static enum trivet_status
power_transformer_transform(const void *state, const struct trivet_transform_input *input,
                            struct trivet_arena *arena, struct trivet_column *out,
                            struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct power_transformer *transformer = state;
    const size_t n_rows = input->n_rows;
    double *values = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, layout.owner, input->n_columns, n_rows, out, &values, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        const double lambda = trivet_numeric_array(&transformer->numeric, LAMBDA)[j];
        const double mean = trivet_numeric_array(&transformer->numeric, MEAN)[j];
        const double scale = trivet_numeric_array(&transformer->numeric, SCALE)[j];
        trivet_numeric_fault_infinite(&input->columns[j], n_rows, input->origins[j], rows);
        for (size_t i = 0; i < n_rows; i++) {
            double value = trivet_column_number(&input->columns[j], i);
            double bent = bend(transformer->method, value, lambda);
            if (isnan(bent) && !isnan(value)) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_OUT_OF_DOMAIN, input->origins[j]);
            }
            values[i] = (bent - mean) / scale;
        }
        values += n_rows;
    }
    return status;
}

static enum trivet_status power_transformer_load(void *state, const struct trivet_params *params,
                                                 const enum trivet_column_type *types,
                                                 size_t n_columns, const Trivet__V1__Step *step,
                                                 struct trivet_error *err)
{
    (void)types;
    struct power_transformer *transformer = state;
    transformer->method = method_of(params);
    return trivet_numeric_load(&transformer->numeric, &layout, n_columns, step, err);
}

const struct trivet_transformer_ops trivet_power_transformer_ops = {
    .name = "power_transformer",
    .summary = "columns bent until they look normal",
    .state_bytes = sizeof(struct power_transformer),
    .params = power_transformer_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = power_transformer_fit,
    .n_outputs = trivet_numeric_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = power_transformer_transform,
    .save = trivet_numeric_save,
    .load = power_transformer_load,
    .memory_bytes = trivet_numeric_memory_bytes,
    .release = trivet_numeric_release,
};
