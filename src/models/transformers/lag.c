#include "models/transformers/lag.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/series.h"
#include "models/transformers/width.h"

#include <math.h>

#define LAG_MAX 10000

struct lag {
    struct trivet_series series;
    struct trivet_int_list lags;
};

static const struct trivet_param_spec lag_params[] = {
    {.name = "lags",
     .type = TRIVET_PARAM_INT_LIST,
     .default_text = "1",
     .min = 1,
     .max = LAG_MAX,
     .help = "how many rows before, one column for each: 1,2,7"},
    {.name = "keep",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "the column itself stays too"},
    {.name = NULL},
};

static void set_options(struct lag *lag, const struct trivet_params *params, size_t n_columns)
{
    lag->lags = *trivet_params_int_list(params, "lags");
    lag->series = (struct trivet_series){.n_columns = (int64_t)n_columns,
                                         .n_made = lag->lags.n_items,
                                         .keep = trivet_params_bool(params, "keep")};
}

static enum trivet_status lag_fit(void *state, const struct trivet_params *params,
                                  const struct trivet_transform_data *data,
                                  const struct trivet_fit_context *context,
                                  struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct lag *lag = state;
    set_options(lag, params, data->n_columns);
    for (size_t k = 0; k < lag->lags.n_items; k++) {
        for (size_t i = 0; i < k; i++) {
            if (lag->lags.items[i] == lag->lags.items[k]) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "lag: %lld is twice among the lags; give each once",
                                        (long long)lag->lags.items[k]);
            }
        }
    }
    return TRIVET_OK;
}

static char *lag_output_name(const void *state, size_t output, const char *const *input_names)
{
    const struct lag *lag = state;
    const char *name = input_names[trivet_series_output_source(state, output)];
    size_t made = trivet_series_output_made(&lag->series, output);
    char after[32];
    if (made == lag->series.n_made) {
        return trivet_strdup(name);
    }
    trivet_text_format(after, sizeof after, " lag %lld", (long long)lag->lags.items[made]);
    return trivet_text_join("", name, after);
}

static enum trivet_status lag_transform(const void *state,
                                        const struct trivet_transform_input *input,
                                        struct trivet_arena *arena, struct trivet_column *out,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct lag *lag = state;
    double *values = NULL;
    enum trivet_status status =
        trivet_series_begin(&lag->series, "lag", input, arena, out, rows, &values, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        for (size_t k = 0; k < lag->lags.n_items; k++) {
            const size_t back = (size_t)lag->lags.items[k];
            for (size_t i = 0; i < input->n_rows; i++) {
                values[i] = i < back ? NAN : trivet_series_before(&input->columns[j], i - back);
            }
            values += input->n_rows;
        }
    }
    return status;
}

static size_t lag_history_rows(const void *state)
{
    const struct lag *lag = state;
    int64_t most = 0;
    for (size_t k = 0; k < lag->lags.n_items; k++) {
        most = lag->lags.items[k] > most ? lag->lags.items[k] : most;
    }
    return (size_t)most;
}

static enum trivet_status lag_load(void *state, const struct trivet_params *params,
                                   const enum trivet_column_type *types, size_t n_columns,
                                   const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)types;
    set_options(state, params, n_columns);
    return trivet_width_check(step, n_columns, err);
}

static size_t lag_memory_bytes(const void *state)
{
    (void)state;
    return sizeof(struct lag);
}

const struct trivet_transformer_ops trivet_lag_ops = {
    .name = "lag",
    .summary = "values of rows before, for rows in the order of time",
    .state_bytes = sizeof(struct lag),
    .params = lag_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = lag_fit,
    .n_outputs = trivet_series_n_outputs,
    .output_source = trivet_series_output_source,
    .output_name = lag_output_name,
    .transform = lag_transform,
    .history_rows = lag_history_rows,
    .save = trivet_width_save,
    .load = lag_load,
    .memory_bytes = lag_memory_bytes,
    .release = trivet_width_release,
};
