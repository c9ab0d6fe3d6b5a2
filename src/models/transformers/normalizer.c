#include "models/transformers/normalizer.h"

#include "models/transformers/column.h"
#include "models/transformers/numeric.h"
#include "models/transformers/width.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum norm { L2, L1, MAX };

struct normalizer {
    int64_t n_columns; /* first: trivet_width_save */
    enum norm norm;
};

static const char *const norms[] = {"l2", "l1", "max", NULL};

static const struct trivet_param_spec normalizer_params[] = {
    {.name = "norm",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "l2",
     .choices = norms,
     .help =
         "length of a row: l2 (root of the sum of squares), l1 (sum of absolute values) or max"},
    {.name = NULL},
};

static void set_options(struct normalizer *normalizer, const struct trivet_params *params,
                        size_t n_columns)
{
    const char *norm = trivet_params_choice(params, "norm");
    normalizer->n_columns = (int64_t)n_columns;
    normalizer->norm = L2;
    while (strcmp(norms[normalizer->norm], norm) != 0) {
        normalizer->norm++;
    }
}

static enum trivet_status normalizer_fit(void *state, const struct trivet_params *params,
                                         const struct trivet_transform_data *data,
                                         const struct trivet_fit_context *context,
                                         struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    (void)report;
    (void)err;
    set_options(state, params, data->n_columns);
    return TRIVET_OK;
}

static size_t normalizer_n_outputs(const void *state)
{
    return (size_t)((const struct normalizer *)state)->n_columns;
}

static double length_of(const struct normalizer *normalizer,
                        const struct trivet_transform_input *input, size_t row)
{
    double length = 0.0;
    for (size_t j = 0; j < input->n_columns; j++) {
        double size = fabs(trivet_column_number(&input->columns[j], row));
        if (normalizer->norm == MAX) {
            length = size > length ? size : length;
        } else {
            length += normalizer->norm == L2 ? size * size : size;
        }
    }
    length = normalizer->norm == L2 ? sqrt(length) : length;
    return length < 10.0 * DBL_EPSILON ? 1.0 : length;
}

static enum trivet_status
normalizer_transform(const void *state, const struct trivet_transform_input *input,
                     struct trivet_arena *arena, struct trivet_column *out,
                     struct trivet_row_status *rows, struct trivet_error *err)
{
    const size_t n_rows = input->n_rows;
    double *all = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, "normalizer", input->n_columns, n_rows, out, &all, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        trivet_numeric_fault_infinite(&input->columns[j], n_rows, input->origins[j], rows);
        for (size_t i = 0; i < n_rows; i++) {
            if (isnan(trivet_column_number(&input->columns[j], i))) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, input->origins[j]);
            }
        }
    }
    for (size_t i = 0; status == TRIVET_OK && i < n_rows; i++) {
        double length = length_of(state, input, i);
        for (size_t j = 0; j < input->n_columns; j++) {
            all[j * n_rows + i] = trivet_column_number(&input->columns[j], i) / length;
        }
    }
    return status;
}

static enum trivet_status normalizer_load(void *state, const struct trivet_params *params,
                                          const enum trivet_column_type *types, size_t n_columns,
                                          const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)types;
    set_options(state, params, n_columns);
    return trivet_width_check(step, n_columns, err);
}

static size_t normalizer_memory_bytes(const void *state)
{
    (void)state;
    return sizeof(struct normalizer);
}

const struct trivet_transformer_ops trivet_normalizer_ops = {
    .name = "normalizer",
    .summary = "every row to length 1",
    .state_bytes = sizeof(struct normalizer),
    .params = normalizer_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = normalizer_fit,
    .n_outputs = normalizer_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = normalizer_transform,
    .save = trivet_width_save,
    .load = normalizer_load,
    .memory_bytes = normalizer_memory_bytes,
    .release = trivet_width_release,
};
