#include "models/transformers/hashing.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "models/transformers/categories.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/tokens.h"
#include "models/transformers/width.h"

#include <string.h>

struct hashing {
    int64_t n_columns; /* first: trivet_width_save */
    size_t n_features; /* of each column */
    size_t ngram_max;
    bool alternate_sign;
};

static const struct trivet_param_spec hashing_params[] = {
    {.name = "n_features",
     .type = TRIVET_PARAM_INT,
     .default_text = "1024",
     .min = 1,
     .max = TRIVET_FEATURES_MAX,
     .help = "columns that the words of a text are hashed to; a power of 2 spreads them evenly"},
    {.name = "ngram_max",
     .type = TRIVET_PARAM_INT,
     .default_text = "1",
     .min = 1,
     .max = TRIVET_NGRAM_MAX,
     .help = "words in a row that count together, at most"},
    {.name = "alternate_sign",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "half of the words count as -1, so that words that share a column cancel out on "
             "average"},
    {.name = NULL},
};

static void set_options(struct hashing *hashing, const struct trivet_params *params,
                        size_t n_columns)
{
    hashing->n_columns = (int64_t)n_columns;
    hashing->n_features = (size_t)trivet_params_int(params, "n_features");
    hashing->ngram_max = (size_t)trivet_params_int(params, "ngram_max");
    hashing->alternate_sign = trivet_params_bool(params, "alternate_sign");
}

static enum trivet_status hashing_fit(void *state, const struct trivet_params *params,
                                      const struct trivet_transform_data *data,
                                      const struct trivet_fit_context *context,
                                      struct trivet_fit_report *report, struct trivet_error *err)
{
    (void)context;
    (void)report;
    struct hashing *hashing = state;
    set_options(hashing, params, data->n_columns);
    if (hashing->n_features > TRIVET_FEATURES_MAX / data->n_columns) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "hashing: %zu columns of text with n_features=%zu make more than "
                                "%d columns; give a smaller n_features",
                                data->n_columns, hashing->n_features, TRIVET_FEATURES_MAX);
    }
    return TRIVET_OK;
}

static size_t hashing_n_outputs(const void *state)
{
    const struct hashing *hashing = state;
    return (size_t)hashing->n_columns * hashing->n_features;
}

static size_t hashing_output_source(const void *state, size_t output)
{
    return output / ((const struct hashing *)state)->n_features;
}

static char *hashing_output_name(const void *state, size_t output, const char *const *input_names)
{
    const struct hashing *hashing = state;
    char after[32];
    trivet_text_format(after, sizeof after, "#%zu", output % hashing->n_features);
    return trivet_text_join("", input_names[output / hashing->n_features], after);
}

/* Where a word counts, and as what. The size of the least integer is that of the one above it,
 * moved by n_features - 1, in scikit-learn. */
static size_t place_of(const struct hashing *hashing, const char *word, double *value)
{
    uint32_t bits = trivet_hash_murmur3(word, strlen(word), 0);
    int64_t hash = bits < 0x80000000U ? (int64_t)bits : (int64_t)bits - 0x100000000;
    *value = hashing->alternate_sign && hash < 0 ? -1.0 : 1.0;
    if (hash == INT32_MIN) {
        return (size_t)(INT32_MAX - ((int64_t)hashing->n_features - 1)) % hashing->n_features;
    }
    return (size_t)(hash < 0 ? -hash : hash) % hashing->n_features;
}

static enum trivet_status hash_column(const struct hashing *hashing, const struct trivet_column *in,
                                      size_t n_rows, uint32_t origin, struct trivet_tokens *tokens,
                                      struct trivet_bag *bag, double *values,
                                      struct trivet_row_status *rows, struct trivet_error *err)
{
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = in->codes[i * in->stride];
        if (code >= in->n_dictionary) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, origin);
            continue;
        }
        enum trivet_status status =
            trivet_tokens_of(tokens, in->dictionary[code], hashing->ngram_max, err);
        if (status != TRIVET_OK) {
            return status;
        }
        const char *word = trivet_tokens_first(tokens);
        for (size_t k = 0; k < tokens->n_terms; k++, word = trivet_tokens_next(word)) {
            double value;
            size_t place = place_of(hashing, word, &value);
            trivet_bag_add(bag, place, value);
        }
        trivet_bag_empty_to(bag, &values[i], n_rows);
    }
    return TRIVET_OK;
}

static enum trivet_status hashing_transform(const void *state,
                                            const struct trivet_transform_input *input,
                                            struct trivet_arena *arena, struct trivet_column *out,
                                            struct trivet_row_status *rows,
                                            struct trivet_error *err)
{
    const struct hashing *hashing = state;
    const size_t n_out = hashing_n_outputs(hashing);
    struct trivet_tokens tokens = {0};
    double *values = NULL;
    struct trivet_bag *bag = trivet_bag_create(arena, hashing->n_features);
    if (bag == NULL) {
        return trivet_transformer_no_memory("hashing", err);
    }
    enum trivet_status status =
        trivet_numeric_make(arena, "hashing", n_out, input->n_rows, out, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memset(values, 0, n_out * input->n_rows * sizeof(double));
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        status = hash_column(hashing, &input->columns[j], input->n_rows, input->origins[j], &tokens,
                             bag, values, rows, err);
        values += hashing->n_features * input->n_rows;
    }
    trivet_tokens_release(&tokens);
    return status;
}

static enum trivet_status hashing_load(void *state, const struct trivet_params *params,
                                       const enum trivet_column_type *types, size_t n_columns,
                                       const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)types;
    set_options(state, params, n_columns);
    return trivet_width_check(step, n_columns, err);
}

static size_t hashing_memory_bytes(const void *state)
{
    (void)state;
    return sizeof(struct hashing);
}

const struct trivet_transformer_ops trivet_hashing_ops = {
    .name = "hashing",
    .summary = "a text as counts of the hashes of its words",
    .state_bytes = sizeof(struct hashing),
    .params = hashing_params,
    .accepts = trivet_categories_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = hashing_fit,
    .n_outputs = hashing_n_outputs,
    .output_source = hashing_output_source,
    .output_name = hashing_output_name,
    .transform = hashing_transform,
    .save = trivet_width_save,
    .load = hashing_load,
    .memory_bytes = hashing_memory_bytes,
    .release = trivet_width_release,
};
