#include "models/transformers/one_hot_encoder.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "models/tensors.h"
#include "models/transformers/column.h"

#include <stdlib.h>
#include <string.h>

#define NOT_A_CATEGORY ((size_t)-1)

struct one_hot_encoder {
    size_t n_columns;
    int64_t *counts;   /* owned: categories of each column */
    char **categories; /* owned, each too: of all columns, ascending within each */
    size_t n_categories;
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

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(
        err, TRIVET_RESOURCE_EXHAUSTED,
        "out of memory in one_hot_encoder; use fewer rows, or leave out columns "
        "with many categories");
}

static bool one_hot_encoder_accepts(const struct trivet_params *params,
                                    enum trivet_column_type type)
{
    (void)params;
    return type == TRIVET_COLUMN_CATEGORICAL;
}

static enum trivet_column_type one_hot_encoder_output_type(enum trivet_column_type type)
{
    (void)type;
    return TRIVET_COLUMN_NUMERIC;
}

static void one_hot_encoder_release(void *state)
{
    struct one_hot_encoder *encoder = state;
    for (size_t k = 0; k < encoder->n_categories; k++) {
        trivet_free(encoder->categories[k]);
    }
    trivet_free(encoder->categories);
    trivet_free(encoder->counts);
    memset(encoder, 0, sizeof *encoder);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Marks the codes that occur. INVALID_ARGUMENT on a missing category. */
static enum trivet_status mark_used(const struct trivet_column *column, size_t n_rows, bool *used,
                                    struct trivet_error *err)
{
    size_t n_missing = 0;
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = column->codes[i * column->stride];
        if (code < column->n_dictionary) {
            used[code] = true;
        } else {
            n_missing++;
        }
    }
    if (n_missing > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "one_hot_encoder: column '%s' is missing in %zu of %zu training "
                                "rows; put an imputer with strategy=most_frequent or constant "
                                "before the encoder",
                                column->name, n_missing, n_rows);
    }
    return TRIVET_OK;
}

/* The used texts, sorted, without repeats (a dictionary may hold a text twice); borrowed. */
static size_t collect_used(const struct trivet_column *column, const bool *used, const char **texts)
{
    size_t n = 0;
    for (size_t k = 0; k < column->n_dictionary; k++) {
        if (used[k]) {
            texts[n++] = column->dictionary[k];
        }
    }
    qsort(texts, n, sizeof *texts, compare_texts);
    size_t n_unique = 0;
    for (size_t k = 0; k < n; k++) {
        if (n_unique == 0 || strcmp(texts[k], texts[n_unique - 1]) != 0) {
            texts[n_unique++] = texts[k];
        }
    }
    return n_unique;
}

static enum trivet_status append_categories(struct one_hot_encoder *encoder,
                                            const char *const *texts, size_t n,
                                            struct trivet_error *err)
{
    char **grown =
        trivet_realloc_array(encoder->categories, encoder->n_categories + n, sizeof(char *));
    if (grown == NULL) {
        return no_memory(err);
    }
    encoder->categories = grown;
    for (size_t k = 0; k < n; k++) {
        char *copy = trivet_strdup(texts[k]);
        if (copy == NULL) {
            return no_memory(err);
        }
        encoder->categories[encoder->n_categories++] = copy;
    }
    return TRIVET_OK;
}

static enum trivet_status fit_column(struct one_hot_encoder *encoder,
                                     const struct trivet_column *column, size_t n_rows,
                                     int64_t *count, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    bool *used = trivet_calloc(column->n_dictionary + 1, sizeof(bool));
    const char **texts = trivet_alloc_array(column->n_dictionary + 1, sizeof(const char *));
    if (used == NULL || texts == NULL) {
        status = no_memory(err);
        goto done;
    }
    status = mark_used(column, n_rows, used, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    size_t n = collect_used(column, used, texts);
    if (n > TRIVET_CATEGORIES_MAX) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "one_hot_encoder: column '%s' has %zu categories, more than %d; "
                                  "is it an identifier? Leave it out",
                                  column->name, n, TRIVET_CATEGORIES_MAX);
        goto done;
    }
    *count = (int64_t)n;
    status = append_categories(encoder, texts, n, err);
done:
    trivet_free(used);
    trivet_free(texts);
    return status;
}

static void set_options(struct one_hot_encoder *encoder, const struct trivet_params *params)
{
    encoder->drop_first = strcmp(trivet_params_choice(params, "drop"), "first") == 0;
    encoder->ignore_unknown = strcmp(trivet_params_choice(params, "handle_unknown"), "ignore") == 0;
}

static enum trivet_status one_hot_encoder_fit(void *state, const struct trivet_params *params,
                                              const struct trivet_transform_data *data,
                                              const struct trivet_fit_context *context,
                                              struct trivet_fit_report *report,
                                              struct trivet_error *err)
{
    (void)context;
    (void)report;
    const struct trivet_column *columns = data->columns;
    const size_t n_columns = data->n_columns;
    const size_t n_rows = data->n_rows;
    struct one_hot_encoder *encoder = state;
    enum trivet_status status = TRIVET_OK;
    set_options(encoder, params);
    encoder->counts = trivet_calloc(n_columns, sizeof(int64_t));
    if (encoder->counts == NULL) {
        return no_memory(err);
    }
    encoder->n_columns = n_columns;
    for (size_t j = 0; status == TRIVET_OK && j < n_columns; j++) {
        status = fit_column(encoder, &columns[j], n_rows, &encoder->counts[j], err);
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
    return encoder->n_categories - encoder->n_columns * n_dropped(encoder);
}

/* Column of an output, and its category among all. */
static size_t locate(const struct one_hot_encoder *encoder, size_t output, size_t *category)
{
    size_t first = 0;
    size_t rest = output;
    for (size_t j = 0; j < encoder->n_columns; j++) {
        size_t kept = (size_t)encoder->counts[j] - n_dropped(encoder);
        if (rest < kept) {
            *category = first + n_dropped(encoder) + rest;
            return j;
        }
        rest -= kept;
        first += (size_t)encoder->counts[j];
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
                             encoder->categories[category]) == TRIVET_OK) {
        copy = trivet_strndup((const char *)name.data, name.n_bytes);
    }
    trivet_buffer_release(&name);
    return copy;
}

/* Index of `text` in a column's ascending categories, or NOT_A_CATEGORY. */
static size_t find_category(char *const *categories, size_t n, const char *text)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(categories[middle], text);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NOT_A_CATEGORY;
}

/* Category of every dictionary entry, where that is less work than looking up every row. */
static enum trivet_status map_dictionary(const struct trivet_column *in, char *const *categories,
                                         size_t n, size_t n_rows, struct trivet_arena *arena,
                                         size_t **out, struct trivet_error *err)
{
    *out = NULL;
    if (in->n_dictionary == 0 || in->n_dictionary > n_rows) {
        return TRIVET_OK;
    }
    size_t *map = trivet_arena_alloc_array(arena, in->n_dictionary, sizeof(size_t));
    if (map == NULL) {
        return no_memory(err);
    }
    for (size_t k = 0; k < in->n_dictionary; k++) {
        map[k] = find_category(categories, n, in->dictionary[k]);
    }
    *out = map;
    return TRIVET_OK;
}

/* One column of categories → `kept` columns of n_rows numbers, one after the other. */
static enum trivet_status encode_column(const struct one_hot_encoder *encoder,
                                        const struct trivet_column *in, char *const *categories,
                                        size_t n, size_t n_rows, uint32_t origin,
                                        struct trivet_arena *arena, double *values,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    size_t dropped = n_dropped(encoder);
    size_t *map = NULL;
    enum trivet_status status = map_dictionary(in, categories, n, n_rows, arena, &map, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = in->codes[i * in->stride];
        if (code >= in->n_dictionary) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, origin);
            continue;
        }
        size_t category =
            map != NULL ? map[code] : find_category(categories, n, in->dictionary[code]);
        if (category == NOT_A_CATEGORY) {
            if (!encoder->ignore_unknown) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_UNSEEN_CATEGORY, origin);
            }
        } else if (category >= dropped) {
            values[(category - dropped) * n_rows + i] = 1.0;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status
one_hot_encoder_transform(const void *state, const struct trivet_transform_input *input,
                          struct trivet_arena *arena, struct trivet_column *out,
                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct one_hot_encoder *encoder = state;
    size_t n_rows = input->n_rows;
    size_t first = 0;
    size_t n_out = 0;
    for (size_t j = 0; j < input->n_columns; j++) {
        size_t n = (size_t)encoder->counts[j];
        size_t kept = n - n_dropped(encoder);
        double *values = trivet_arena_alloc_array(arena, kept * n_rows + 1, sizeof(double));
        if (values == NULL) {
            return no_memory(err);
        }
        memset(values, 0, kept * n_rows * sizeof(double));
        enum trivet_status status =
            encode_column(encoder, &input->columns[j], &encoder->categories[first], n, n_rows,
                          input->origins[j], arena, values, rows, err);
        if (status != TRIVET_OK) {
            return status;
        }
        for (size_t k = 0; k < kept; k++) {
            out[n_out++] = (struct trivet_column){.name = input->columns[j].name,
                                                  .type = TRIVET_COLUMN_NUMERIC,
                                                  .stride = 1,
                                                  .numbers = &values[k * n_rows]};
        }
        first += n;
    }
    return TRIVET_OK;
}

static enum trivet_status one_hot_encoder_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct one_hot_encoder *encoder = state;
    enum trivet_status status = trivet_tensors_begin(arena, 2, out, err);
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_put_i64(arena, out, "counts", encoder->counts, encoder->n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_text(arena, out, "categories", encoder->categories,
                                         encoder->n_categories, err);
    }
    return status;
}

/* Counts add up to the categories, and those of each column ascend strictly. */
static enum trivet_status check_saved(const Trivet__V1__Step *step, const int64_t *counts,
                                      size_t n_columns, char *const *categories,
                                      size_t n_categories, struct trivet_error *err)
{
    size_t first = 0;
    for (size_t j = 0; j < n_columns; j++) {
        if (counts[j] < 1 || counts[j] > TRIVET_CATEGORIES_MAX ||
            (size_t)counts[j] > n_categories - first) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: column %zu cannot have "
                                    "%lld categories",
                                    step->name, j, (long long)counts[j]);
        }
        for (size_t k = first + 1; k < first + (size_t)counts[j]; k++) {
            if (strcmp(categories[k - 1], categories[k]) >= 0) {
                return trivet_error_set(err, TRIVET_DATA_LOSS,
                                        "the saved state of '%s' is damaged: category %zu is out "
                                        "of order",
                                        step->name, k);
            }
        }
        first += (size_t)counts[j];
    }
    if (first != n_categories) {
        return trivet_tensors_wrong_count(step, "categories", n_categories, first, err);
    }
    return TRIVET_OK;
}

static enum trivet_status one_hot_encoder_load(void *state, const struct trivet_params *params,
                                               const enum trivet_column_type *types,
                                               size_t n_columns, const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)types;
    struct one_hot_encoder *encoder = state;
    const int64_t *counts = NULL;
    char *const *categories = NULL;
    size_t n_counts = 0;
    size_t n_categories = 0;
    enum trivet_status status = trivet_tensors_expect(step, 2, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "counts", &counts, &n_counts, err);
    }
    if (status == TRIVET_OK && n_counts != n_columns) {
        status = trivet_tensors_wrong_count(step, "counts", n_counts, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_text(step, "categories", &categories, &n_categories, err);
    }
    if (status == TRIVET_OK) {
        status = check_saved(step, counts, n_columns, categories, n_categories, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    set_options(encoder, params);
    encoder->counts = trivet_memdup(counts, n_columns * sizeof(int64_t));
    if (encoder->counts == NULL) {
        return no_memory(err);
    }
    encoder->n_columns = n_columns;
    status = append_categories(encoder, (const char *const *)categories, n_categories, err);
    if (status != TRIVET_OK) {
        one_hot_encoder_release(encoder);
    }
    return status;
}

static size_t one_hot_encoder_memory_bytes(const void *state)
{
    const struct one_hot_encoder *encoder = state;
    size_t bytes = sizeof *encoder + encoder->n_columns * sizeof(int64_t) +
                   encoder->n_categories * sizeof(char *);
    for (size_t k = 0; k < encoder->n_categories; k++) {
        bytes += strlen(encoder->categories[k]) + 1;
    }
    return bytes;
}

const struct trivet_transformer_ops trivet_one_hot_encoder_ops = {
    .name = "one_hot_encoder",
    .summary = "a category as one column of 0 and 1 per category",
    .state_bytes = sizeof(struct one_hot_encoder),
    .params = one_hot_encoder_params,
    .accepts = one_hot_encoder_accepts,
    .output_type = one_hot_encoder_output_type,
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
