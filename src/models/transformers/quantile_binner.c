#include "models/transformers/quantile_binner.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/tensors.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"

#include <math.h>
#include <string.h>

#define BINS_MAX 1000
/* Quantiles not further apart are one edge. */
#define EDGES_APART 1e-8

struct quantile_binner {
    size_t n_columns;
    int64_t *bins; /* owned: of each column, at least 1 */
    double *edges; /* owned: between the bins, bins - 1 of each column, ascending */
    size_t n_edges;
    bool one_hot;
};

static const char *const strategies[] = {"quantile", "uniform", NULL};
static const char *const encodings[] = {"one_hot", "ordinal", NULL};

static const struct trivet_param_spec quantile_binner_params[] = {
    {.name = "n_bins",
     .type = TRIVET_PARAM_INT,
     .default_text = "5",
     .min = 2,
     .max = BINS_MAX,
     .help = "bins of each column, at most"},
    {.name = "strategy",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "quantile",
     .choices = strategies,
     .help = "quantile: as many rows in each bin; uniform: bins of the same width"},
    {.name = "encode",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "one_hot",
     .choices = encodings,
     .help = "one_hot: a column of 0 and 1 for each bin; ordinal: the number of the bin"},
    {.name = NULL},
};

static void quantile_binner_release(void *state)
{
    struct quantile_binner *binner = state;
    trivet_free(binner->bins);
    trivet_free(binner->edges);
    memset(binner, 0, sizeof *binner);
}

/* Edges between bins of the ascending values; returns how many. `edges` has room for n_bins. */
static size_t quantile_edges(const double *values, size_t n, size_t n_bins, double *edges)
{
    size_t n_edges = 0;
    double before = values[0];
    for (size_t k = 1; k <= n_bins; k++) {
        double q = k == n_bins ? 1.0 : (double)k * (100.0 / (double)n_bins) / 100.0;
        double edge = trivet_numeric_quantile(values, n, q);
        if (edge - before > EDGES_APART) {
            edges[n_edges++] = edge;
        }
        before = edge;
    }
    return n_edges > 0 ? n_edges - 1 : 0; /* the last one is the end */
}

static size_t uniform_edges(double least, double greatest, size_t n_bins, double *edges)
{
    double step = (greatest - least) / (double)n_bins;
    for (size_t k = 1; k < n_bins; k++) {
        edges[k - 1] = least + (double)k * step;
    }
    return n_bins - 1;
}

static enum trivet_status fit_column(struct quantile_binner *binner, size_t j, bool quantile,
                                     size_t n_bins, const struct trivet_column *column,
                                     size_t n_rows, struct trivet_fit_report *report,
                                     struct trivet_error *err)
{
    double *values = NULL;
    size_t n = 0;
    size_t n_edges = 0;
    double *edges = &binner->edges[binner->n_edges];
    enum trivet_status status =
        trivet_numeric_sorted("quantile_binner", column, n_rows, &values, &n, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (values[0] < values[n - 1]) {
        n_edges = quantile ? quantile_edges(values, n, n_bins, edges)
                           : uniform_edges(values[0], values[n - 1], n_bins, edges);
    }
    bool ascending = true;
    for (size_t k = 1; k < n_edges; k++) {
        ascending = ascending && edges[k] > edges[k - 1];
    }
    if (!ascending || !isfinite(values[n - 1] - values[0])) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "quantile_binner: the values of column '%s' are too large or too "
                                  "close to each other for %zu bins; scale it first",
                                  column->name, n_bins);
    }
    if (n_edges + 1 < n_bins) {
        trivet_fit_report_warn(report, "quantile_binner: column '%.64s' has only %zu of %zu bins",
                               column->name, n_edges + 1, n_bins);
    }
    trivet_free(values);
    binner->bins[j] = (int64_t)n_edges + 1;
    binner->n_edges += n_edges;
    return status;
}

static enum trivet_status make_room(struct quantile_binner *binner, size_t n_columns,
                                    size_t n_edges_max, struct trivet_error *err)
{
    binner->n_columns = n_columns;
    binner->bins = trivet_calloc(n_columns, sizeof(int64_t));
    binner->edges = trivet_alloc_array(n_edges_max + 1, sizeof(double));
    if (binner->bins == NULL || binner->edges == NULL) {
        quantile_binner_release(binner);
        return trivet_transformer_no_memory("quantile_binner", err);
    }
    return TRIVET_OK;
}

static bool is_one_hot(const struct trivet_params *params)
{
    return strcmp(trivet_params_choice(params, "encode"), "one_hot") == 0;
}

static enum trivet_status quantile_binner_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    struct quantile_binner *binner = state;
    const size_t n_bins = (size_t)trivet_params_int(params, "n_bins");
    const bool quantile = strcmp(trivet_params_choice(params, "strategy"), "quantile") == 0;
    enum trivet_status status = make_room(binner, data->n_columns, data->n_columns * n_bins, err);
    if (status != TRIVET_OK) {
        return status;
    }
    binner->one_hot = is_one_hot(params);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status =
            fit_column(binner, j, quantile, n_bins, &data->columns[j], data->n_rows, report, err);
        if (status == TRIVET_OK) {
            status = trivet_fit_progress(context, 0.0, err);
        }
    }
    if (status != TRIVET_OK) {
        quantile_binner_release(binner);
    }
    return status;
}

static size_t quantile_binner_n_outputs(const void *state)
{
    const struct quantile_binner *binner = state;
    return binner->one_hot ? binner->n_edges + binner->n_columns : binner->n_columns;
}

/* Column of an output, and its bin. */
static size_t locate(const struct quantile_binner *binner, size_t output, size_t *bin)
{
    size_t rest = output;
    size_t j = 0;
    while (binner->one_hot && rest >= (size_t)binner->bins[j]) {
        rest -= (size_t)binner->bins[j];
        j++;
    }
    *bin = rest;
    return binner->one_hot ? j : output;
}

static size_t quantile_binner_output_source(const void *state, size_t output)
{
    size_t bin;
    return locate(state, output, &bin);
}

static char *quantile_binner_output_name(const void *state, size_t output,
                                         const char *const *input_names)
{
    const struct quantile_binner *binner = state;
    size_t bin;
    const char *name = input_names[locate(binner, output, &bin)];
    char after[32] = "";
    if (binner->one_hot) {
        trivet_text_format(after, sizeof after, " bin %zu", bin);
    }
    return trivet_text_join("", name, after);
}

/* How many edges are not above the value. */
static size_t bin_of(const double *edges, size_t n, double value)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (edges[middle] <= value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* One column → its columns, all zeros so far. */
static void bin_column(const struct quantile_binner *binner, const struct trivet_column *in,
                       const double *edges, size_t n_edges, size_t n_rows, uint32_t origin,
                       double *values, struct trivet_row_status *rows)
{
    trivet_numeric_fault_infinite(in, n_rows, origin, rows);
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(in, i);
        if (isnan(value)) {
            if (binner->one_hot) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, origin);
            } else {
                values[i] = NAN;
            }
            continue;
        }
        size_t bin = bin_of(edges, n_edges, value);
        if (binner->one_hot) {
            values[bin * n_rows + i] = 1.0;
        } else {
            values[i] = (double)bin;
        }
    }
}

static enum trivet_status
quantile_binner_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct quantile_binner *binner = state;
    const size_t n_out = quantile_binner_n_outputs(binner);
    const double *edges = binner->edges;
    double *values = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, "quantile_binner", n_out, input->n_rows, out, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memset(values, 0, n_out * input->n_rows * sizeof(double));
    for (size_t j = 0; j < input->n_columns; j++) {
        size_t n_edges = (size_t)binner->bins[j] - 1;
        bin_column(binner, &input->columns[j], edges, n_edges, input->n_rows, input->origins[j],
                   values, rows);
        edges += n_edges;
        values += (binner->one_hot ? n_edges + 1 : 1) * input->n_rows;
    }
    return TRIVET_OK;
}

static enum trivet_status quantile_binner_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct quantile_binner *binner = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_i64(arena, out, "bins", binner->bins, binner->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "edges", binner->edges, binner->n_edges, err);
    }
    return status;
}

/* Bins of every column add up to the edges, which ascend within each. */
static enum trivet_status check_saved(const Trivet__V1__Step *step, const int64_t *bins,
                                      size_t n_columns, const double *edges, size_t n_edges,
                                      struct trivet_error *err)
{
    size_t first = 0;
    for (size_t j = 0; j < n_columns; j++) {
        bool good = bins[j] >= 1 && (uint64_t)bins[j] - 1 <= n_edges - first;
        size_t n = good ? (size_t)bins[j] - 1 : 0;
        for (size_t k = first + 1; k < first + n; k++) {
            good = good && edges[k] > edges[k - 1];
        }
        if (!good) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: column %zu cannot have "
                                    "such bins",
                                    step->name, j);
        }
        first += n;
    }
    return first == n_edges ? TRIVET_OK
                            : trivet_tensors_wrong_count(step, "edges", n_edges, first, err);
}

static enum trivet_status quantile_binner_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)types;
    struct quantile_binner *binner = state;
    const int64_t *bins = NULL;
    const double *edges = NULL;
    size_t n_bins = 0;
    size_t n_edges = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "bins", &bins, &n_bins, err);
    }
    if (status == TRIVET_OK && n_bins != n_columns) {
        status = trivet_tensors_wrong_count(step, "bins", n_bins, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64(step, "edges", &edges, &n_edges, err);
    }
    if (status == TRIVET_OK) {
        status = check_saved(step, bins, n_columns, edges, n_edges, err);
    }
    if (status == TRIVET_OK) {
        status = make_room(binner, n_columns, n_edges, err);
    }
    if (status == TRIVET_OK) {
        memcpy(binner->bins, bins, n_columns * sizeof(int64_t));
        if (n_edges > 0) {
            memcpy(binner->edges, edges, n_edges * sizeof(double));
        }
        binner->n_edges = n_edges;
        binner->one_hot = is_one_hot(params);
    }
    return status;
}

static size_t quantile_binner_memory_bytes(const void *state)
{
    const struct quantile_binner *binner = state;
    return sizeof *binner + binner->n_columns * sizeof(int64_t) + binner->n_edges * sizeof(double);
}

const struct trivet_transformer_ops trivet_quantile_binner_ops = {
    .name = "quantile_binner",
    .summary = "numbers as the bin that they are in",
    .state_bytes = sizeof(struct quantile_binner),
    .params = quantile_binner_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = quantile_binner_fit,
    .n_outputs = quantile_binner_n_outputs,
    .output_source = quantile_binner_output_source,
    .output_name = quantile_binner_output_name,
    .transform = quantile_binner_transform,
    .save = quantile_binner_save,
    .load = quantile_binner_load,
    .memory_bytes = quantile_binner_memory_bytes,
    .release = quantile_binner_release,
};
