#include "models/transformers/select_k_best.h"

#include "base/alloc.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/selection.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static const char *const words[] = {"all", NULL};

static const struct trivet_param_spec select_k_best_params[] = {
    {.name = "k",
     .type = TRIVET_PARAM_REAL,
     .default_text = "10",
     .min = 0.0,
     .max = TRIVET_FEATURES_MAX,
     .min_open = true,
     .words = words,
     .help = "columns to keep; below 1: that part of them, rounded down, but at least one"},
    {.name = NULL},
};

struct score {
    double value;
    size_t column;
};

/* What is not a number first, then ascending, of equals in the order of the columns. */
static int compare_scores(const void *a, const void *b)
{
    const struct score *x = a;
    const struct score *y = b;
    if (isnan(x->value) != isnan(y->value)) {
        return isnan(x->value) ? -1 : 1;
    }
    if (x->value != y->value && !isnan(x->value)) {
        return x->value < y->value ? -1 : 1;
    }
    return (x->column > y->column) - (x->column < y->column);
}

static int compare_columns(const void *a, const void *b)
{
    size_t x = ((const struct score *)a)->column;
    size_t y = ((const struct score *)b)->column;
    return (x > y) - (x < y);
}

/* r² / (1 - r²) · (n - 2), r the correlation with y; 0 where one of them is constant. */
static double f_regression(const struct trivet_column *column, const double *y, double y_mean,
                           size_t n_rows)
{
    struct trivet_moments moments = trivet_numeric_moments(column, n_rows);
    double xy = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double dx = trivet_column_number(column, i) - moments.mean;
        double dy = y[i] - y_mean;
        xy += dx * dy;
        xx += dx * dx;
        yy += dy * dy;
    }
    if (moments.min == moments.max || yy == 0.0 || n_rows < 3) {
        return 0.0;
    }
    double r = xy / sqrt(xx) / sqrt(yy);
    return r * r >= 1.0 ? DBL_MAX : r * r / (1.0 - r * r) * (double)(n_rows - 2);
}

/* Mean square between the classes over that within; NaN for a constant column. `counts` and
 * `means` (n_classes) are scratch. */
static double f_classif(const struct trivet_column *column, const double *y, size_t n_rows,
                        size_t n_classes, double *counts, double *means)
{
    struct trivet_moments moments = trivet_numeric_moments(column, n_rows);
    double between = 0.0;
    double within = 0.0;
    if (moments.min == moments.max || n_rows <= n_classes) {
        return NAN;
    }
    for (size_t k = 0; k < n_classes; k++) {
        counts[k] = 0.0;
        means[k] = 0.0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        size_t k = (size_t)y[i];
        counts[k] += 1.0;
        means[k] += trivet_column_number(column, i) - moments.mean;
    }
    for (size_t k = 0; k < n_classes; k++) {
        means[k] = counts[k] > 0.0 ? means[k] / counts[k] : 0.0;
        between += counts[k] * means[k] * means[k];
    }
    for (size_t i = 0; i < n_rows; i++) {
        double difference = trivet_column_number(column, i) - moments.mean - means[(size_t)y[i]];
        within += difference * difference;
    }
    return (between / (double)(n_classes - 1)) / (within / (double)(n_rows - n_classes));
}

static enum trivet_status score_columns(const struct trivet_transform_data *data,
                                        const struct trivet_fit_context *context,
                                        struct score *scores, struct trivet_error *err)
{
    double y_mean = 0.0;
    double *scratch = trivet_alloc_array(2 * data->n_classes + 1, sizeof(double));
    enum trivet_status status = TRIVET_OK;
    if (scratch == NULL) {
        return trivet_transformer_no_memory("select_k_best", err);
    }
    if (data->n_classes == 0) {
        const struct trivet_column y = {
            .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = data->y};
        y_mean = trivet_numeric_moments(&y, data->n_rows).mean;
    }
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        const struct trivet_column *column = &data->columns[j];
        status = trivet_numeric_refuse_missing("select_k_best", column, data->n_rows, err);
        scores[j].column = j;
        scores[j].value = data->n_classes > 0
                              ? f_classif(column, data->y, data->n_rows, data->n_classes, scratch,
                                          &scratch[data->n_classes])
                              : f_regression(column, data->y, y_mean, data->n_rows);
        if (status == TRIVET_OK && j % 256 == 255) {
            status = trivet_fit_progress(context, 0.0, err);
        }
    }
    trivet_free(scratch);
    return status;
}

/* How many columns to keep. */
static enum trivet_status count_kept(const struct trivet_params *params, size_t n_columns,
                                     size_t *out, struct trivet_fit_report *report,
                                     struct trivet_error *err)
{
    if (trivet_params_word(params, "k") != NULL) {
        *out = n_columns;
        return TRIVET_OK;
    }
    double k = trivet_params_real(params, "k");
    if (k < 1.0) {
        double part = floor(k * (double)n_columns);
        *out = part < 1.0 ? 1 : (size_t)part;
        return TRIVET_OK;
    }
    if (k != floor(k)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "select_k_best: k=%g is neither a whole number nor below 1", k);
    }
    if (k > (double)n_columns) {
        trivet_fit_report_warn(report, "select_k_best: k=%g is more than the %zu columns; all stay",
                               k, n_columns);
    }
    *out = k > (double)n_columns ? n_columns : (size_t)k;
    return TRIVET_OK;
}

static enum trivet_status select_k_best_fit(void *state, const struct trivet_params *params,
                                            const struct trivet_transform_data *data,
                                            const struct trivet_fit_context *context,
                                            struct trivet_fit_report *report,
                                            struct trivet_error *err)
{
    struct trivet_marks *kept = state;
    size_t n_kept = 0;
    if (data->y == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "select_k_best needs a target to score the columns by; use "
                                "variance_threshold or drop_correlated for clustering");
    }
    struct score *scores = trivet_alloc_array(data->n_columns, sizeof *scores);
    if (scores == NULL) {
        return trivet_transformer_no_memory("select_k_best", err);
    }
    enum trivet_status status = score_columns(data, context, scores, err);
    if (status == TRIVET_OK) {
        status = count_kept(params, data->n_columns, &n_kept, report, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_marks_create(kept, "select_k_best", data->n_columns, err);
    }
    if (status == TRIVET_OK) {
        size_t first = data->n_columns - n_kept;
        qsort(scores, data->n_columns, sizeof *scores, compare_scores);
        qsort(&scores[first], n_kept, sizeof *scores, compare_columns);
        for (size_t k = first; k < data->n_columns; k++) {
            trivet_marks_set(kept, scores[k].column);
        }
        trivet_fit_report_fact(report, "selected_columns", (double)n_kept);
    }
    trivet_free(scores);
    return status;
}

const struct trivet_transformer_ops trivet_select_k_best_ops = {
    .name = "select_k_best",
    .summary = "keeps the columns that tell most about the target",
    .state_bytes = sizeof(struct trivet_marks),
    .params = select_k_best_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = select_k_best_fit,
    .n_outputs = trivet_selection_n_outputs,
    .output_source = trivet_selection_output_source,
    .output_name = trivet_selection_output_name,
    .transform = trivet_selection_transform,
    .fuse = trivet_selection_fuse,
    .save = trivet_selection_save,
    .load = trivet_selection_load,
    .memory_bytes = trivet_selection_memory_bytes,
    .release = trivet_selection_release,
};
