#include "models/transformers/rolling_window.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/series.h"
#include "models/transformers/width.h"

#include <math.h>
#include <string.h>

#define WINDOW_MAX 10000

enum statistic { MEAN, SUM, MIN, MAX, STD };

struct rolling_window {
    struct trivet_series series;
    enum statistic statistic;
    size_t window;
    size_t shift;
};

static const char *const statistics[] = {"mean", "sum", "min", "max", "std", NULL};

static const struct trivet_param_spec rolling_window_params[] = {
    {.name = "window",
     .type = TRIVET_PARAM_INT,
     .default_text = "3",
     .min = 1,
     .max = WINDOW_MAX,
     .help = "rows that the statistic is over; at least 2 for std"},
    {.name = "statistic",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "mean",
     .choices = statistics,
     .help = "mean, sum, min, max or std (ddof 1)"},
    {.name = "shift",
     .type = TRIVET_PARAM_INT,
     .default_text = "1",
     .min = 0,
     .max = WINDOW_MAX,
     .help = "rows between the last row of the window and this row; 0: this row is the last one"},
    {.name = "keep",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "the column itself stays too"},
    {.name = NULL},
};

static void set_options(struct rolling_window *rolling, const struct trivet_params *params,
                        size_t n_columns)
{
    const char *statistic = trivet_params_choice(params, "statistic");
    rolling->statistic = MEAN;
    while (strcmp(statistics[rolling->statistic], statistic) != 0) {
        rolling->statistic++;
    }
    rolling->window = (size_t)trivet_params_int(params, "window");
    rolling->shift = (size_t)trivet_params_int(params, "shift");
    rolling->series = (struct trivet_series){
        .n_columns = (int64_t)n_columns, .n_made = 1, .keep = trivet_params_bool(params, "keep")};
}

static enum trivet_status rolling_window_fit(void *state, const struct trivet_params *params,
                                             const struct trivet_transform_data *data,
                                             const struct trivet_fit_context *context,
                                             struct trivet_fit_report *report,
                                             struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct rolling_window *rolling = state;
    set_options(rolling, params, data->n_columns);
    if (rolling->statistic == STD && rolling->window < 2) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "rolling_window: statistic=std needs a window of at least 2 rows");
    }
    return TRIVET_OK;
}

static char *rolling_window_output_name(const void *state, size_t output,
                                        const char *const *input_names)
{
    const struct rolling_window *rolling = state;
    const char *name = input_names[trivet_series_output_source(state, output)];
    char after[48];
    if (trivet_series_output_made(&rolling->series, output) == rolling->series.n_made) {
        return trivet_strdup(name);
    }
    trivet_text_format(after, sizeof after, " %s %zu", statistics[rolling->statistic],
                       rolling->window);
    return trivet_text_join("", name, after);
}

/* Over rows [first, first + n); NaN when one of them is missing. */
static double statistic_of(const struct trivet_column *column, enum statistic statistic,
                           size_t first, size_t n)
{
    double start = trivet_series_before(column, first);
    double sum = 0.0;
    double squares = 0.0;
    double least = start;
    double greatest = start;
    for (size_t i = first; i < first + n; i++) {
        double value = trivet_series_before(column, i);
        if (isnan(value)) {
            return NAN;
        }
        sum += value - start;
        least = value < least ? value : least;
        greatest = value > greatest ? value : greatest;
    }
    double mean = start + sum / (double)n;
    switch (statistic) {
    case MEAN:
        return mean;
    case SUM:
        return start * (double)n + sum;
    case MIN:
        return least;
    case MAX:
        return greatest;
    case STD:
        break;
    }
    for (size_t i = first; i < first + n; i++) {
        double difference = trivet_series_before(column, i) - mean;
        squares += difference * difference;
    }
    return sqrt(squares / (double)(n - 1));
}

static size_t rolling_window_history_rows(const void *state)
{
    const struct rolling_window *rolling = state;
    return rolling->window - 1 + rolling->shift;
}

static enum trivet_status
rolling_window_transform(const void *state, const struct trivet_transform_input *input,
                         struct trivet_arena *arena, struct trivet_column *out,
                         struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct rolling_window *rolling = state;
    const size_t history = rolling_window_history_rows(state);
    double *values = NULL;
    enum trivet_status status = trivet_series_begin(&rolling->series, "rolling_window", input,
                                                    arena, out, rows, &values, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        for (size_t i = 0; i < input->n_rows; i++) {
            values[i] = i < history ? NAN
                                    : statistic_of(&input->columns[j], rolling->statistic,
                                                   i - history, rolling->window);
        }
        values += input->n_rows;
    }
    return status;
}

static enum trivet_status rolling_window_load(void *state, const struct trivet_params *params,
                                              const enum trivet_column_type *types,
                                              size_t n_columns, const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    (void)types;
    struct rolling_window *rolling = state;
    set_options(rolling, params, n_columns);
    if (rolling->statistic == STD && rolling->window < 2) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the saved state of '%s' is damaged: its window is too short",
                                step->name);
    }
    return trivet_width_check(step, n_columns, err);
}

static size_t rolling_window_memory_bytes(const void *state)
{
    (void)state;
    return sizeof(struct rolling_window);
}

const struct trivet_transformer_ops trivet_rolling_window_ops = {
    .name = "rolling_window",
    .summary = "statistics of the rows before, for rows in the order of time",
    .state_bytes = sizeof(struct rolling_window),
    .params = rolling_window_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = rolling_window_fit,
    .n_outputs = trivet_series_n_outputs,
    .output_source = trivet_series_output_source,
    .output_name = rolling_window_output_name,
    .transform = rolling_window_transform,
    .history_rows = rolling_window_history_rows,
    .save = trivet_width_save,
    .load = rolling_window_load,
    .memory_bytes = rolling_window_memory_bytes,
    .release = trivet_width_release,
};
