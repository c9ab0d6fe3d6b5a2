#include "models/transformers/drop_correlated.h"

#include "base/alloc.h"
#include "linalg/product.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/selection.h"

#include <math.h>

#define BLOCK_ROWS 512

static const struct trivet_param_spec drop_correlated_params[] = {
    {.name = "threshold",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.95",
     .min = 0.0,
     .max = 1.0,
     .help = "of two columns whose correlation is beyond it, either way, the later one goes"},
    {.name = NULL},
};

/* means and inverse of sqrt(n) · deviation of each column; 0 for a constant one. */
static enum trivet_status find_moments(const struct trivet_transform_data *data, double *means,
                                       double *factors, struct trivet_error *err)
{
    for (size_t j = 0; j < data->n_columns; j++) {
        enum trivet_status status =
            trivet_numeric_refuse_missing("drop_correlated", &data->columns[j], data->n_rows, err);
        if (status != TRIVET_OK) {
            return status;
        }
        struct trivet_moments moments = trivet_numeric_moments(&data->columns[j], data->n_rows);
        double size = sqrt((double)data->n_rows * moments.variance);
        bool varies = moments.min < moments.max && size > 0.0;
        means[j] = moments.mean;
        factors[j] = varies ? 1.0 / size : 0.0;
    }
    return TRIVET_OK;
}

/* r (p, p): correlations, summed up block by block. `block` has BLOCK_ROWS rows. */
static enum trivet_status correlate(const struct trivet_transform_data *data,
                                    const struct trivet_fit_context *context, const double *means,
                                    const double *factors, double *block, double *r,
                                    struct trivet_error *err)
{
    const size_t p = data->n_columns;
    struct trivet_matrix sums = {.data = r, .n_rows = p, .n_cols = p, .stride = p};
    enum trivet_status status = TRIVET_OK;
    for (size_t first = 0; status == TRIVET_OK && first < data->n_rows; first += BLOCK_ROWS) {
        size_t count = data->n_rows - first < BLOCK_ROWS ? data->n_rows - first : BLOCK_ROWS;
        const struct trivet_const_matrix rows = {
            .data = block, .n_rows = count, .n_cols = p, .stride = p};
        for (size_t j = 0; j < p; j++) {
            for (size_t i = 0; i < count; i++) {
                double value = trivet_column_number(&data->columns[j], first + i);
                block[i * p + j] = (value - means[j]) * factors[j];
            }
        }
        trivet_linalg_gram(1.0, rows, first == 0 ? 0.0 : 1.0, sums);
        status = trivet_fit_progress(context, 0.0, err);
    }
    return status;
}

static void keep_apart(const double *r, size_t p, double threshold, struct trivet_marks *kept)
{
    for (size_t j = 0; j < p; j++) {
        bool said_before = false;
        for (size_t k = 0; k < kept->n_set && !said_before; k++) {
            said_before = fabs(r[trivet_marks_find(kept, k) * p + j]) > threshold;
        }
        if (!said_before) {
            trivet_marks_set(kept, j);
        }
    }
}

static enum trivet_status drop_correlated_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    const size_t p = data->n_columns;
    struct trivet_marks *kept = state;
    double *means = trivet_alloc_array(2 * p, sizeof(double));
    double *block = trivet_alloc_aligned(BLOCK_ROWS * p, sizeof(double));
    double *r = trivet_alloc_aligned(p * p, sizeof(double));
    enum trivet_status status = TRIVET_OK;
    if (means == NULL || block == NULL || r == NULL) {
        status = trivet_transformer_no_memory("drop_correlated", err);
        goto done;
    }
    status = find_moments(data, means, &means[p], err);
    if (status == TRIVET_OK) {
        status = correlate(data, context, means, &means[p], block, r, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_marks_create(kept, "drop_correlated", p, err);
    }
    if (status == TRIVET_OK) {
        keep_apart(r, p, trivet_params_real(params, "threshold"), kept);
        trivet_fit_report_fact(report, "correlated_columns_dropped", (double)(p - kept->n_set));
    }
done:
    trivet_free(means);
    trivet_free(block);
    trivet_free(r);
    return status;
}

const struct trivet_transformer_ops trivet_drop_correlated_ops = {
    .name = "drop_correlated",
    .summary = "drops columns that say what another one says",
    .state_bytes = sizeof(struct trivet_marks),
    .params = drop_correlated_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = drop_correlated_fit,
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
