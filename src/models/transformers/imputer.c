#include "models/transformers/imputer.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"

#include <math.h>
#include <string.h>

/* What to put, per column: a number or a category; the other is 0 or "". */
struct imputer {
    size_t n_columns;
    double *numbers;             /* owned */
    char **categories;           /* owned, each too */
    struct trivet_marks missing; /* columns whose missing values become a column of their own */
};

static const char *const strategies[] = {"mean", "median", "most_frequent", "constant", NULL};

static const struct trivet_param_spec imputer_params[] = {
    {.name = "strategy",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "mean",
     .choices = strategies,
     .help = "mean, median (numeric only), most_frequent or constant"},
    {.name = "fill_value",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = -INFINITY,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = "number that strategy=constant puts"},
    {.name = "fill_text",
     .type = TRIVET_PARAM_TEXT,
     .default_text = "missing",
     .help = "category that strategy=constant puts"},
    {.name = "add_indicator",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "numeric only: for every column with missing values in training one more column, 1 "
             "where a value is missing"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_transformer_no_memory("imputer", err);
}

static bool imputer_accepts(const struct trivet_params *params, enum trivet_column_type type)
{
    const char *strategy = trivet_params_choice(params, "strategy");
    bool text = strcmp(strategy, "most_frequent") == 0 || strcmp(strategy, "constant") == 0;
    return type == TRIVET_COLUMN_NUMERIC || (text && !trivet_params_bool(params, "add_indicator"));
}

static enum trivet_column_type imputer_output_type(enum trivet_column_type type)
{
    return type;
}

static void imputer_release(void *state)
{
    struct imputer *imputer = state;
    for (size_t j = 0; imputer->categories != NULL && j < imputer->n_columns; j++) {
        trivet_free(imputer->categories[j]);
    }
    trivet_free(imputer->categories);
    trivet_free(imputer->numbers);
    trivet_marks_release(&imputer->missing);
    memset(imputer, 0, sizeof *imputer);
}

/* The longest run of ascending values; of ties the first, which is the smallest. */
static double longest_run(const double *sorted, size_t n)
{
    double best = sorted[0];
    size_t best_length = 0;
    size_t start = 0;
    for (size_t i = 1; i <= n; i++) {
        if (i == n || sorted[i] > sorted[start]) {
            if (i - start > best_length) {
                best_length = i - start;
                best = sorted[start];
            }
            start = i;
        }
    }
    return best;
}

static enum trivet_status fit_number(const struct trivet_column *column, const char *strategy,
                                     double fill_value, size_t n_rows, double *out,
                                     struct trivet_error *err)
{
    if (strcmp(strategy, "constant") == 0) {
        *out = fill_value;
        return TRIVET_OK;
    }
    double result = 0.0;
    if (strcmp(strategy, "mean") == 0) {
        result = trivet_numeric_moments(column, n_rows).mean;
    } else {
        double *values = NULL;
        size_t n = 0;
        enum trivet_status status =
            trivet_numeric_sorted("imputer", column, n_rows, &values, &n, err);
        if (status != TRIVET_OK) {
            return status;
        }
        result = strcmp(strategy, "median") == 0 ? trivet_numeric_median(values, n)
                                                 : longest_run(values, n);
        trivet_free(values);
    }
    if (!isfinite(result)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "imputer: the values of column '%s' are too large for a mean; use "
                                "strategy=most_frequent or constant",
                                column->name);
    }
    *out = result;
    return TRIVET_OK;
}

static enum trivet_status most_frequent_text(const struct trivet_column *column, size_t n_rows,
                                             const char **out, struct trivet_error *err)
{
    size_t *counts = trivet_calloc(column->n_dictionary, sizeof(size_t));
    if (counts == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = column->codes[i * column->stride];
        if (code < column->n_dictionary) {
            counts[code]++;
        }
    }
    size_t best = 0;
    for (size_t k = 1; k < column->n_dictionary; k++) {
        bool same = counts[k] == counts[best] &&
                    strcmp(column->dictionary[k], column->dictionary[best]) < 0;
        if (counts[k] > counts[best] || same) {
            best = k;
        }
    }
    trivet_free(counts);
    *out = column->dictionary[best];
    return TRIVET_OK;
}

static enum trivet_status fit_column(const struct trivet_column *column,
                                     const struct trivet_params *params, size_t n_rows,
                                     double *number, char **category, struct trivet_error *err)
{
    const char *strategy = trivet_params_choice(params, "strategy");
    double fill_value = trivet_params_real(params, "fill_value");
    bool constant = strcmp(strategy, "constant") == 0;
    bool numeric = column->type == TRIVET_COLUMN_NUMERIC;
    const char *text = constant && !numeric ? trivet_params_text(params, "fill_text") : "";
    enum trivet_status status = TRIVET_OK;
    if (!constant && trivet_column_count_missing(column, n_rows) == n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "imputer: column '%s' has no value in any of the %zu training "
                                "rows; leave the column out or use strategy=constant",
                                column->name, n_rows);
    }
    if (numeric) {
        status = fit_number(column, strategy, fill_value, n_rows, number, err);
    } else if (!constant) {
        status = most_frequent_text(column, n_rows, &text, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    *category = trivet_strdup(text);
    return *category != NULL ? TRIVET_OK : no_memory(err);
}

static enum trivet_status make_room(struct imputer *imputer, size_t n_columns,
                                    struct trivet_error *err)
{
    imputer->numbers = trivet_calloc(n_columns, sizeof(double));
    imputer->categories = trivet_calloc(n_columns, sizeof(char *));
    imputer->n_columns = n_columns;
    if (imputer->numbers == NULL || imputer->categories == NULL) {
        imputer_release(imputer);
        return no_memory(err);
    }
    enum trivet_status status = trivet_marks_create(&imputer->missing, "imputer", n_columns, err);
    if (status != TRIVET_OK) {
        imputer_release(imputer);
    }
    return status;
}

static enum trivet_status imputer_fit(void *state, const struct trivet_params *params,
                                      const struct trivet_transform_data *data,
                                      const struct trivet_fit_context *context,
                                      struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct imputer *imputer = state;
    bool indicated = trivet_params_bool(params, "add_indicator");
    enum trivet_status status = make_room(imputer, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        const struct trivet_column *column = &data->columns[j];
        status = fit_column(column, params, data->n_rows, &imputer->numbers[j],
                            &imputer->categories[j], err);
        if (indicated && trivet_column_count_missing(column, data->n_rows) > 0) {
            trivet_marks_set(&imputer->missing, j);
        }
    }
    if (status != TRIVET_OK) {
        imputer_release(imputer);
    }
    return status;
}

static size_t imputer_n_outputs(const void *state)
{
    const struct imputer *imputer = state;
    return imputer->n_columns + imputer->missing.n_set;
}

static size_t imputer_output_source(const void *state, size_t output)
{
    const struct imputer *imputer = state;
    return output < imputer->n_columns
               ? output
               : trivet_marks_find(&imputer->missing, output - imputer->n_columns);
}

static char *imputer_output_name(const void *state, size_t output, const char *const *input_names)
{
    const struct imputer *imputer = state;
    const char *name = input_names[imputer_output_source(state, output)];
    return output < imputer->n_columns ? trivet_strdup(name)
                                       : trivet_text_join("missing(", name, ")");
}

static bool impute_numbers(const struct trivet_column *in, double fill, size_t n_rows,
                           struct trivet_arena *arena, struct trivet_column *out)
{
    double *values = trivet_arena_alloc_array(arena, n_rows, sizeof(double));
    if (values == NULL) {
        return false;
    }
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(in, i);
        values[i] = isnan(value) ? fill : value;
    }
    out->stride = 1;
    out->numbers = values;
    return true;
}

/* The fill becomes one more entry of the request's dictionary. */
static bool impute_codes(const struct trivet_column *in, const char *fill, size_t n_rows,
                         struct trivet_arena *arena, struct trivet_column *out)
{
    size_t n_dictionary = in->n_dictionary;
    uint32_t *codes = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
    const char **dictionary =
        trivet_arena_alloc_array(arena, n_dictionary + 1, sizeof(const char *));
    if (codes == NULL || dictionary == NULL) {
        return false;
    }
    for (size_t k = 0; k < n_dictionary; k++) {
        dictionary[k] = in->dictionary[k];
    }
    dictionary[n_dictionary] = fill;
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = in->codes[i * in->stride];
        codes[i] = code < n_dictionary ? code : (uint32_t)n_dictionary;
    }
    out->stride = 1;
    out->codes = codes;
    out->dictionary = dictionary;
    out->n_dictionary = n_dictionary + 1;
    return true;
}

/* A column of 0 and 1 for every marked one. */
static enum trivet_status indicate(const struct imputer *imputer,
                                   const struct trivet_transform_input *input,
                                   struct trivet_arena *arena, struct trivet_column *out,
                                   struct trivet_error *err)
{
    const size_t n_rows = input->n_rows;
    double *all = NULL;
    if (imputer->missing.n_set == 0) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_numeric_make(arena, "imputer", imputer->missing.n_set, n_rows, out, &all, err);
    for (size_t k = 0; status == TRIVET_OK && k < imputer->missing.n_set; k++) {
        const struct trivet_column *column =
            &input->columns[trivet_marks_find(&imputer->missing, k)];
        for (size_t i = 0; i < n_rows; i++) {
            all[k * n_rows + i] = isnan(trivet_column_number(column, i)) ? 1.0 : 0.0;
        }
    }
    return status;
}

static enum trivet_status imputer_transform(const void *state,
                                            const struct trivet_transform_input *input,
                                            struct trivet_arena *arena, struct trivet_column *out,
                                            struct trivet_row_status *rows,
                                            struct trivet_error *err)
{
    (void)rows;
    const struct imputer *imputer = state;
    enum trivet_status status = indicate(imputer, input, arena, &out[imputer->n_columns], err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t j = 0; j < input->n_columns; j++) {
        const struct trivet_column *in = &input->columns[j];
        out[j] = *in;
        if (trivet_column_count_missing(in, input->n_rows) == 0) {
            continue;
        }
        bool done = in->type == TRIVET_COLUMN_NUMERIC
                        ? impute_numbers(in, imputer->numbers[j], input->n_rows, arena, &out[j])
                        : impute_codes(in, imputer->categories[j], input->n_rows, arena, &out[j]);
        if (!done) {
            return no_memory(err);
        }
    }
    return TRIVET_OK;
}

static bool imputer_fuse(const void *state, size_t output, struct trivet_fused *column)
{
    const struct imputer *imputer = state;
    if (output < imputer->n_columns) {
        trivet_fused_fill(column, imputer->numbers[output]);
    } else {
        trivet_fused_indicate(column);
    }
    return true;
}

static enum trivet_status imputer_save(const void *state, struct trivet_arena *arena,
                                       Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct imputer *imputer = state;
    enum trivet_status status = trivet_tensors_begin(arena, 3, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "numbers", imputer->numbers, imputer->n_columns,
                                        err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_text(arena, out, "categories", imputer->categories,
                                         imputer->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_marks_save(&imputer->missing, "missing", arena, out, err);
    }
    return status;
}

static enum trivet_status imputer_load(void *state, const struct trivet_params *params,
                                       const enum trivet_column_type *types, size_t n_columns,
                                       const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    (void)types;
    struct imputer *imputer = state;
    const double *numbers = NULL;
    char *const *categories = NULL;
    size_t n_categories = 0;
    enum trivet_status status = trivet_tensors_expect(step, 3, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "numbers", n_columns, &numbers, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_text(step, "categories", &categories, &n_categories, err);
    }
    if (status == TRIVET_OK && n_categories != n_columns) {
        status = trivet_tensors_wrong_count(step, "categories", n_categories, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = make_room(imputer, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_marks_load(&imputer->missing, "missing", step, err);
        if (status != TRIVET_OK) {
            imputer_release(imputer);
        }
    }
    if (status != TRIVET_OK) {
        return status;
    }
    memcpy(imputer->numbers, numbers, n_columns * sizeof(double));
    for (size_t j = 0; j < n_columns; j++) {
        imputer->categories[j] = trivet_strdup(categories[j]);
        if (imputer->categories[j] == NULL) {
            imputer_release(imputer);
            return no_memory(err);
        }
    }
    return TRIVET_OK;
}

static size_t imputer_memory_bytes(const void *state)
{
    const struct imputer *imputer = state;
    size_t bytes =
        sizeof *imputer + imputer->n_columns * (sizeof(double) + sizeof(char *) + sizeof(int64_t));
    for (size_t j = 0; j < imputer->n_columns; j++) {
        bytes += strlen(imputer->categories[j]) + 1;
    }
    return bytes;
}

const struct trivet_transformer_ops trivet_imputer_ops = {
    .name = "imputer",
    .summary = "puts a value where there is none",
    .state_bytes = sizeof(struct imputer),
    .params = imputer_params,
    .accepts = imputer_accepts,
    .output_type = imputer_output_type,
    .fit = imputer_fit,
    .n_outputs = imputer_n_outputs,
    .output_source = imputer_output_source,
    .output_name = imputer_output_name,
    .transform = imputer_transform,
    .fuse = imputer_fuse,
    .save = imputer_save,
    .load = imputer_load,
    .memory_bytes = imputer_memory_bytes,
    .release = imputer_release,
};
