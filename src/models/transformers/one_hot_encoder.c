#include "models/transformers/one_hot_encoder.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "models/tensors.h"
#include "models/transformers/categories.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <math.h>
#include <string.h>

/* Output columns of a column: its frequent categories in their order, then one for all the
 * infrequent ones where there are any; drop=first leaves the first of these out. */
struct one_hot_encoder {
    struct trivet_categories categories;
    /* Where rare categories share a column, else NULL and every category has its own. */
    int64_t *rare;  /* owned, of every text: 1 where it is infrequent */
    size_t *places; /* owned, of every text: its output within its column */
    size_t *widths; /* owned, of every column: its outputs before any is dropped */
    bool *shared;   /* owned, of every column: the last of them is the infrequent ones' */
    bool limited;
    bool drop_first;
    bool ignore_unknown;
    bool unknown_is_infrequent;
};

static const char *const drops[] = {"none", "first", NULL};
static const char *const unknowns[] = {"error", "ignore", "infrequent_if_exist", NULL};
static const char *const no_limit[] = {"none", NULL};

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
     .help = "error: a category that training did not have fails its row; ignore: all zeros; "
             "infrequent_if_exist: as an infrequent one, zeros where there is none"},
    {.name = "max_categories",
     .type = TRIVET_PARAM_INT,
     .default_text = "none",
     .min = 2,
     .max = TRIVET_CATEGORIES_MAX,
     .words = no_limit,
     .help = "most columns made of one: the rarest categories share the last"},
    {.name = "min_frequency",
     .type = TRIVET_PARAM_REAL,
     .default_text = "none",
     .min = 0.0,
     .min_open = true,
     .max = INFINITY,
     .max_open = true,
     .words = no_limit,
     .help = "rarer categories share one column: from 1 on a number of rows, below 1 a share"},
    {.name = NULL},
};

static void set_options(struct one_hot_encoder *encoder, const struct trivet_params *params)
{
    encoder->drop_first = strcmp(trivet_params_choice(params, "drop"), "first") == 0;
    const char *unknown = trivet_params_choice(params, "handle_unknown");
    encoder->unknown_is_infrequent = strcmp(unknown, "infrequent_if_exist") == 0;
    encoder->ignore_unknown = strcmp(unknown, "error") != 0;
    encoder->limited = trivet_params_word(params, "max_categories") == NULL ||
                       trivet_params_word(params, "min_frequency") == NULL;
}

static void one_hot_encoder_release(void *state)
{
    struct one_hot_encoder *encoder = state;
    trivet_categories_release(&encoder->categories);
    trivet_free(encoder->rare);
    trivet_free(encoder->places);
    trivet_free(encoder->widths);
    trivet_free(encoder->shared);
    encoder->rare = NULL;
    encoder->places = NULL;
    encoder->widths = NULL;
    encoder->shared = NULL;
}

/* --- infrequent categories: as scikit-learn's OneHotEncoder tells them ----------------------- */

static enum trivet_status make_room(struct one_hot_encoder *encoder, struct trivet_error *err)
{
    const struct trivet_categories *categories = &encoder->categories;
    encoder->rare = trivet_calloc(categories->n_texts, sizeof(int64_t));
    encoder->places = trivet_calloc(categories->n_texts, sizeof(size_t));
    encoder->widths = trivet_calloc(categories->n_columns, sizeof(size_t));
    encoder->shared = trivet_calloc(categories->n_columns, sizeof(bool));
    return encoder->rare != NULL && encoder->places != NULL && encoder->widths != NULL &&
                   encoder->shared != NULL
               ? TRIVET_OK
               : trivet_transformer_no_memory("one_hot_encoder", err);
}

/* Rows of each category of column j; `counts` are zero before. */
static enum trivet_status count_rows(const struct trivet_categories *categories, size_t j,
                                     const struct trivet_column *column, size_t n_rows,
                                     size_t *counts, struct trivet_error *err)
{
    size_t *of_code = trivet_alloc_array(column->n_dictionary + 1, sizeof(size_t));
    if (of_code == NULL) {
        return trivet_transformer_no_memory("one_hot_encoder", err);
    }
    for (size_t k = 0; k < column->n_dictionary; k++) {
        of_code[k] = trivet_categories_find(categories, j, column->dictionary[k]);
    }
    for (size_t i = 0; i < n_rows; i++) {
        counts[of_code[column->codes[i * column->stride]]]++;
    }
    trivet_free(of_code);
    return TRIVET_OK;
}

/* rare[k] ← whether category k is infrequent: those below the frequency, then the rarest, of equal
 * ones the first, until the rest and one more column are within the maximum. */
static void find_rare(const struct trivet_params *params, const size_t *counts, size_t n,
                      size_t n_rows, int64_t *rare)
{
    size_t n_frequent = n;
    if (trivet_params_word(params, "min_frequency") == NULL) {
        const double given = trivet_params_real(params, "min_frequency");
        const double least = given < 1.0 ? given * (double)n_rows : given;
        for (size_t k = 0; k < n; k++) {
            rare[k] = (double)counts[k] < least;
            n_frequent -= rare[k] != 0;
        }
    }
    if (trivet_params_word(params, "max_categories") != NULL) {
        return;
    }
    const size_t most = (size_t)trivet_params_int(params, "max_categories");
    while (n_frequent + 1 > most) {
        size_t rarest = n;
        for (size_t k = 0; k < n; k++) {
            if (!rare[k] && (rarest == n || counts[k] < counts[rarest])) {
                rarest = k;
            }
        }
        rare[rarest] = 1;
        n_frequent--;
    }
}

/* Where the categories of column j go. */
static void place_column(struct one_hot_encoder *encoder, size_t j)
{
    const int64_t *rare = &encoder->rare[encoder->categories.first[j]];
    size_t *places = &encoder->places[encoder->categories.first[j]];
    const size_t n = (size_t)encoder->categories.counts[j];
    size_t n_frequent = 0;
    for (size_t k = 0; k < n; k++) {
        n_frequent += rare[k] == 0;
    }
    size_t next = 0;
    for (size_t k = 0; k < n; k++) {
        places[k] = rare[k] == 0 ? next++ : n_frequent;
    }
    encoder->shared[j] = n_frequent < n;
    encoder->widths[j] = n_frequent + (encoder->shared[j] ? 1 : 0);
}

static enum trivet_status group_rare(struct one_hot_encoder *encoder,
                                     const struct trivet_params *params,
                                     const struct trivet_transform_data *data,
                                     struct trivet_error *err)
{
    enum trivet_status status = make_room(encoder, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        const size_t n = (size_t)encoder->categories.counts[j];
        size_t *counts = trivet_calloc(n, sizeof(size_t));
        status = counts == NULL ? trivet_transformer_no_memory("one_hot_encoder", err)
                                : count_rows(&encoder->categories, j, &data->columns[j],
                                             data->n_rows, counts, err);
        if (status == TRIVET_OK) {
            find_rare(params, counts, n, data->n_rows,
                      &encoder->rare[encoder->categories.first[j]]);
            place_column(encoder, j);
        }
        trivet_free(counts);
    }
    return status;
}

static size_t width(const struct one_hot_encoder *encoder, size_t j)
{
    return encoder->widths != NULL ? encoder->widths[j] : (size_t)encoder->categories.counts[j];
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
        trivet_categories_fit(&encoder->categories, "one_hot_encoder", data, true, err);
    if (status == TRIVET_OK && encoder->limited) {
        status = group_rare(encoder, params, data, err);
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
    size_t n = 0;
    for (size_t j = 0; j < encoder->categories.n_columns; j++) {
        n += width(encoder, j) - n_dropped(encoder);
    }
    return n;
}

/* Column of an output, and its place among those of the column. */
static size_t locate(const struct one_hot_encoder *encoder, size_t output, size_t *place)
{
    const struct trivet_categories *categories = &encoder->categories;
    size_t rest = output;
    for (size_t j = 0; j < categories->n_columns; j++) {
        size_t kept = width(encoder, j) - n_dropped(encoder);
        if (rest < kept) {
            *place = n_dropped(encoder) + rest;
            return j;
        }
        rest -= kept;
    }
    *place = 0;
    return 0;
}

static size_t one_hot_encoder_output_source(const void *state, size_t output)
{
    size_t place;
    return locate(state, output, &place);
}

/* The category at a place of column j, or what stands for the infrequent ones. */
static const char *text_at(const struct one_hot_encoder *encoder, size_t j, size_t place)
{
    const size_t first = encoder->categories.first[j];
    if (encoder->places == NULL) {
        return encoder->categories.texts[first + place];
    }
    if (encoder->shared[j] && place + 1 == encoder->widths[j]) {
        return "(infrequent)";
    }
    size_t k = first;
    while (encoder->places[k] != place) {
        k++;
    }
    return encoder->categories.texts[k];
}

static char *one_hot_encoder_output_name(const void *state, size_t output,
                                         const char *const *input_names)
{
    const struct one_hot_encoder *encoder = state;
    size_t place;
    size_t column = locate(encoder, output, &place);
    struct trivet_buffer name = {0};
    char *copy = NULL;
    if (trivet_buffer_printf(&name, NULL, "%s=%s", input_names[column],
                             text_at(encoder, column, place)) == TRIVET_OK) {
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
    bool joins = encoder->unknown_is_infrequent && encoder->places != NULL && encoder->shared[j];
    const size_t unknown = joins ? encoder->widths[j] - 1 : TRIVET_NOT_A_CATEGORY;
    size_t *map = NULL;
    enum trivet_status status = trivet_categories_map(&encoder->categories, j, "one_hot_encoder",
                                                      in, input->n_rows, arena, &map, err);
    for (size_t i = 0; status == TRIVET_OK && i < input->n_rows; i++) {
        size_t category = trivet_categories_at(&encoder->categories, j, in, map, i);
        bool known = category != TRIVET_NOT_A_CATEGORY;
        size_t place = unknown;
        if (known) {
            place = encoder->places == NULL
                        ? category
                        : encoder->places[encoder->categories.first[j] + category];
        }
        if (in->codes[i * in->stride] >= in->n_dictionary) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, input->origins[j]);
        } else if (place != TRIVET_NOT_A_CATEGORY) {
            if (place >= dropped) {
                values[(place - dropped) * input->n_rows + i] = 1.0;
            }
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
        values += (width(encoder, j) - n_dropped(encoder)) * input->n_rows;
    }
    return status;
}

static enum trivet_status one_hot_encoder_save(const void *state, struct trivet_arena *arena,
                                               Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct one_hot_encoder *encoder = state;
    enum trivet_status status = trivet_tensors_begin(arena, encoder->limited ? 3 : 2, out, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_save(&encoder->categories, "categories", arena, out, err);
    }
    if (status == TRIVET_OK && encoder->limited) {
        status = trivet_tensors_put_i64(arena, out, "infrequent", encoder->rare,
                                        encoder->categories.n_texts, err);
    }
    return status;
}

static enum trivet_status load_rare(struct one_hot_encoder *encoder, const Trivet__V1__Step *step,
                                    struct trivet_error *err)
{
    const struct trivet_categories *categories = &encoder->categories;
    const int64_t *rare = NULL;
    size_t n = 0;
    enum trivet_status status = trivet_tensors_get_i64(step, "infrequent", &rare, &n, err);
    if (status == TRIVET_OK && n != categories->n_texts) {
        status = trivet_tensors_wrong_count(step, "infrequent", n, categories->n_texts, err);
    }
    if (status == TRIVET_OK) {
        status = make_room(encoder, err);
    }
    for (size_t k = 0; status == TRIVET_OK && k < n; k++) {
        if (rare[k] != 0 && rare[k] != 1) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: a category is infrequent "
                                    "or not, not %lld",
                                    step->name, (long long)rare[k]);
        }
        encoder->rare[k] = rare[k];
    }
    for (size_t j = 0; status == TRIVET_OK && j < categories->n_columns; j++) {
        place_column(encoder, j);
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
    enum trivet_status status = trivet_tensors_expect(step, encoder->limited ? 3 : 2, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_load(&encoder->categories, "categories", n_columns, step, err);
    }
    if (status == TRIVET_OK && encoder->limited) {
        status = load_rare(encoder, step, err);
    }
    if (status != TRIVET_OK) {
        one_hot_encoder_release(encoder);
    }
    return status;
}

static size_t one_hot_encoder_memory_bytes(const void *state)
{
    const struct one_hot_encoder *encoder = state;
    const size_t n_texts = encoder->limited ? encoder->categories.n_texts : 0;
    const size_t n_columns = encoder->limited ? encoder->categories.n_columns : 0;
    return sizeof *encoder + trivet_categories_memory_bytes(&encoder->categories) +
           n_texts * (sizeof(int64_t) + sizeof(size_t)) +
           n_columns * (sizeof(size_t) + sizeof(bool));
}

const struct trivet_transformer_ops trivet_one_hot_encoder_ops = {
    .name = "one_hot_encoder",
    .summary = "a category as one column of 0 and 1 per category",
    .state_bytes = sizeof(struct one_hot_encoder),
    .params = one_hot_encoder_params,
    .accepts = trivet_categories_accepts,
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
