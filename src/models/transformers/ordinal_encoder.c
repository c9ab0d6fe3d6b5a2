#include "models/transformers/ordinal_encoder.h"

#include "models/tensors.h"
#include "models/transformers/categories.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <math.h>
#include <string.h>

struct ordinal_encoder {
    struct trivet_categories categories;
    bool refuse_unknown;
    double unknown; /* what else stands for one */
};

static const char *const unknowns[] = {"error", "use_value", "ignore", NULL};

static const struct trivet_param_spec ordinal_encoder_params[] = {
    {.name = "handle_unknown",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "error",
     .choices = unknowns,
     .help = "error: a category that training did not have fails its row; use_value: it is "
             "unknown_value; ignore: it is missing"},
    {.name = "unknown_value",
     .type = TRIVET_PARAM_REAL,
     .default_text = "-1",
     .min = -1e9,
     .max = 1e9,
     .help = "for handle_unknown=use_value; categories are 0, 1, 2 …"},
    {.name = NULL},
};

static void set_options(struct ordinal_encoder *encoder, const struct trivet_params *params)
{
    const char *unknown = trivet_params_choice(params, "handle_unknown");
    encoder->refuse_unknown = strcmp(unknown, "error") == 0;
    encoder->unknown =
        strcmp(unknown, "use_value") == 0 ? trivet_params_real(params, "unknown_value") : NAN;
}

static void ordinal_encoder_release(void *state)
{
    struct ordinal_encoder *encoder = state;
    trivet_categories_release(&encoder->categories);
}

static enum trivet_status ordinal_encoder_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct ordinal_encoder *encoder = state;
    set_options(encoder, params);
    return trivet_categories_fit(&encoder->categories, "ordinal_encoder", data, false, err);
}

static size_t ordinal_encoder_n_outputs(const void *state)
{
    return ((const struct ordinal_encoder *)state)->categories.n_columns;
}

static enum trivet_status encode_column(const struct ordinal_encoder *encoder, size_t j,
                                        const struct trivet_transform_input *input,
                                        struct trivet_arena *arena, double *values,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct trivet_column *in = &input->columns[j];
    size_t *map = NULL;
    enum trivet_status status = trivet_categories_map(&encoder->categories, j, "ordinal_encoder",
                                                      in, input->n_rows, arena, &map, err);
    for (size_t i = 0; status == TRIVET_OK && i < input->n_rows; i++) {
        size_t category = trivet_categories_at(&encoder->categories, j, in, map, i);
        if (category != TRIVET_NOT_A_CATEGORY) {
            values[i] = (double)category;
        } else if (in->codes[i * in->stride] >= in->n_dictionary) {
            values[i] = NAN;
        } else {
            values[i] = encoder->unknown;
            if (encoder->refuse_unknown) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_UNSEEN_CATEGORY, input->origins[j]);
            }
        }
    }
    return status;
}

static enum trivet_status
ordinal_encoder_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct ordinal_encoder *encoder = state;
    double *all = NULL;
    enum trivet_status status = trivet_numeric_make(arena, "ordinal_encoder", input->n_columns,
                                                    input->n_rows, out, &all, err);
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        status = encode_column(encoder, j, input, arena, &all[j * input->n_rows], rows, err);
    }
    return status;
}

static enum trivet_status ordinal_encoder_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct ordinal_encoder *encoder = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_save(&encoder->categories, "categories", arena, out, err);
    }
    return status;
}

static enum trivet_status ordinal_encoder_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)types;
    struct ordinal_encoder *encoder = state;
    set_options(encoder, params);
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_load(&encoder->categories, "categories", n_columns, step, err);
    }
    return status;
}

static size_t ordinal_encoder_memory_bytes(const void *state)
{
    const struct ordinal_encoder *encoder = state;
    return sizeof *encoder + trivet_categories_memory_bytes(&encoder->categories);
}

const struct trivet_transformer_ops trivet_ordinal_encoder_ops = {
    .name = "ordinal_encoder",
    .summary = "a category as its number: 0, 1, 2 …",
    .state_bytes = sizeof(struct ordinal_encoder),
    .params = ordinal_encoder_params,
    .accepts = trivet_categories_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = ordinal_encoder_fit,
    .n_outputs = ordinal_encoder_n_outputs,
    .output_source = trivet_numeric_output_source,
    .output_name = trivet_numeric_output_name,
    .transform = ordinal_encoder_transform,
    .save = ordinal_encoder_save,
    .load = ordinal_encoder_load,
    .memory_bytes = ordinal_encoder_memory_bytes,
    .release = ordinal_encoder_release,
};
