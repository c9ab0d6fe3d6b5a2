#include "models/transformers/one_hot_encoder.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "models/tensors.h"
#include "models/transformers/categories.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <string.h>

struct one_hot_encoder {
    struct trivet_categories categories;
    bool drop_first;
    bool ignore_unknown;
};

static const char *const drops[] = {"none", "first", NULL};
static const char *const unknowns[] = {"error", "ignore", NULL};

static const struct trivet_param_spec one_hot_encoder_params[] = {
    {.name = "drop",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = drops,
     .help = "first: leave out the first category of each column, so that the rest is independent"},
    {.name = "handle_unknown",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "error",
     .choices = unknowns,
     .help = "error: a category that training did not have fails its row; ignore: all zeros"},
    {.name = NULL},
};

static bool one_hot_encoder_accepts(const struct trivet_params *params,
                                    enum trivet_column_type type)
{
    (void)params;
    return type == TRIVET_COLUMN_CATEGORICAL;
}

static void set_options(struct one_hot_encoder *encoder, const struct trivet_params *params)
{
    encoder->drop_first = strcmp(trivet_params_choice(params, "drop"), "first") == 0;
    encoder->ignore_unknown = strcmp(trivet_params_choice(params, "handle_unknown"), "ignore") == 0;
}

static void one_hot_encoder_release(void *state)
{
    struct one_hot_encoder *encoder = state;
    trivet_categories_release(&encoder->categories);
}

static enum trivet_status fit_column(struct one_hot_encoder *encoder,
                                     const struct trivet_column *column, size_t n_rows,
                                     struct trivet_error *err)
{
    size_t n_missing = trivet_column_count_missing(column, n_rows);
    if (n_missing > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "one_hot_encoder: column '%s' is missing in %zu of %zu training "
                                "rows; put an imputer with strategy=most_frequent or constant "
                                "before the encoder",
                                column->name, n_missing, n_rows);
    }
    return trivet_categories_add_column(&encoder->categories, "one_hot_encoder", column, n_rows,
                                        err);
}

static enum trivet_status one_hot_encoder_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct one_hot_encoder *encoder = state;
    set_options(encoder, params);
    enum trivet_status status =
        trivet_categories_create(&encoder->categories, "one_hot_encoder", data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status = fit_column(encoder, &data->columns[j], data->n_rows, err);
    }
    if (status != TRIVET_OK) {
        one_hot_encoder_release(encoder);
    }
    return status;
}

static size_t n_dropped(const struct one_hot_encoder *encoder)
{
    return encoder->drop_first ? 1 : 0;
}

static size_t one_hot_encoder_n_outputs(const void *state)
{
    const struct one_hot_encoder *encoder = state;
    return encoder->categories.n_texts - encoder->categories.n_columns * n_dropped(encoder);
}

/* Column of an output, and its category among all. */
static size_t locate(const struct one_hot_encoder *encoder, size_t output, size_t *category)
{
    const struct trivet_categories *categories = &encoder->categories;
    size_t rest = output;
    for (size_t j = 0; j < categories->n_columns; j++) {
        size_t kept = (size_t)categories->counts[j] - n_dropped(encoder);
        if (rest < kept) {
            *category = categories->first[j] + n_dropped(encoder) + rest;
            return j;
        }
        rest -= kept;
    }
    *category = 0;
    return 0;
}

static size_t one_hot_encoder_output_source(const void *state, size_t output)
{
    size_t category;
    return locate(state, output, &category);
}

static char *one_hot_encoder_output_name(const void *state, size_t output,
                                         const char *const *input_names)
{
    const struct one_hot_encoder *encoder = state;
    size_t category;
    size_t column = locate(encoder, output, &category);
    struct trivet_buffer name = {0};
    char *copy = NULL;
    if (trivet_buffer_printf(&name, NULL, "%s=%s", input_names[column],
                             encoder->categories.texts[category]) == TRIVET_OK) {
        copy = trivet_strndup((const char *)name.data, name.n_bytes);
    }
    trivet_buffer_release(&name);
    return copy;
}

/* One column of categories → its columns of n_rows numbers, one after the other, all zeros so far.
 */
static enum trivet_status encode_column(const struct one_hot_encoder *encoder, size_t j,
                                        const struct trivet_transform_input *input,
                                        struct trivet_arena *arena, double *values,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct trivet_column *in = &input->columns[j];
    size_t dropped = n_dropped(encoder);
    size_t *map = NULL;
    enum trivet_status status = trivet_categories_map(&encoder->categories, j, "one_hot_encoder",
                                                      in, input->n_rows, arena, &map, err);
    for (size_t i = 0; status == TRIVET_OK && i < input->n_rows; i++) {
        size_t category = trivet_categories_at(&encoder->categories, j, in, map, i);
        if (category != TRIVET_NOT_A_CATEGORY) {
            if (category >= dropped) {
                values[(category - dropped) * input->n_rows + i] = 1.0;
            }
        } else if (in->codes[i * in->stride] >= in->n_dictionary) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, input->origins[j]);
        } else if (!encoder->ignore_unknown) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_UNSEEN_CATEGORY, input->origins[j]);
        }
    }
    return status;
}

static enum trivet_status
one_hot_encoder_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct one_hot_encoder *encoder = state;
    size_t n_out = one_hot_encoder_n_outputs(encoder);
    double *values = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, "one_hot_encoder", n_out, input->n_rows, out, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memset(values, 0, n_out * input->n_rows * sizeof(double));
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        status = encode_column(encoder, j, input, arena, values, rows, err);
        values += ((size_t)encoder->categories.counts[j] - n_dropped(encoder)) * input->n_rows;
    }
    return status;
}

static enum trivet_status one_hot_encoder_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct one_hot_encoder *encoder = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_save(&encoder->categories, "categories", arena, out, err);
    }
    return status;
}

static enum trivet_status one_hot_encoder_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)types;
    struct one_hot_encoder *encoder = state;
    set_options(encoder, params);
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_load(&encoder->categories, "categories", n_columns, step, err);
    }
    return status;
}

static size_t one_hot_encoder_memory_bytes(const void *state)
{
    const struct one_hot_encoder *encoder = state;
    return sizeof *encoder + trivet_categories_memory_bytes(&encoder->categories);
}

const struct trivet_transformer_ops trivet_one_hot_encoder_ops = {
    .name = "one_hot_encoder",
    .summary = "a category as one column of 0 and 1 per category",
    .state_bytes = sizeof(struct one_hot_encoder),
    .params = one_hot_encoder_params,
    .accepts = one_hot_encoder_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = one_hot_encoder_fit,
    .n_outputs = one_hot_encoder_n_outputs,
    .output_source = one_hot_encoder_output_source,
    .output_name = one_hot_encoder_output_name,
    .transform = one_hot_encoder_transform,
    .save = one_hot_encoder_save,
    .load = one_hot_encoder_load,
    .memory_bytes = one_hot_encoder_memory_bytes,
    .release = one_hot_encoder_release,
};
