#include "models/transformers/tfidf.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformers/categories.h"
#include "models/transformers/column.h"
#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/tokens.h"
#include "models/transformers/vocabulary.h"

#include <math.h>
#include <string.h>

struct tfidf {
    struct trivet_categories terms;
    double *idf; /* owned: of every term, > 0 */
    size_t ngram_max;
    bool sublinear;
};

static const char *const words[] = {"all", NULL};

static const struct trivet_param_spec tfidf_params[] = {
    {.name = "ngram_max",
     .type = TRIVET_PARAM_INT,
     .default_text = "1",
     .min = 1,
     .max = TRIVET_NGRAM_MAX,
     .help = "words in a row that make a term, at most"},
    {.name = "min_df",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = 1e9,
     .help = "rows that must have a term; below 1: that part of the rows"},
    {.name = "max_df",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = 1.0,
     .min_open = true,
     .help = "part of the rows that may have a term"},
    {.name = "max_features",
     .type = TRIVET_PARAM_INT,
     .default_text = "all",
     .min = 1,
     .max = TRIVET_FEATURES_MAX,
     .words = words,
     .help = "terms of each column, those that come most often"},
    {.name = "sublinear_tf",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "1 + ln of a count in its place"},
    {.name = NULL},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_transformer_no_memory("tfidf", err);
}

static void set_options(struct tfidf *tfidf, const struct trivet_params *params)
{
    tfidf->ngram_max = (size_t)trivet_params_int(params, "ngram_max");
    tfidf->sublinear = trivet_params_bool(params, "sublinear_tf");
}

static void tfidf_release(void *state)
{
    struct tfidf *tfidf = state;
    trivet_categories_release(&tfidf->terms);
    trivet_free(tfidf->idf);
    tfidf->idf = NULL;
}

static enum trivet_status check_count(const struct trivet_column *column, size_t n_terms,
                                      size_t n_before, struct trivet_error *err)
{
    if (n_terms == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "tfidf: no word of column '%s' is in as many rows as min_df and "
                                "max_df say; lower min_df or raise max_df",
                                column->name);
    }
    if (n_terms + n_before > TRIVET_FEATURES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "tfidf: column '%s' has %zu words, more than %d columns together; "
                                "set max_features or raise min_df",
                                column->name, n_terms, TRIVET_FEATURES_MAX);
    }
    return TRIVET_OK;
}

/* The terms of a pruned vocabulary as the next column, with their weights. */
static enum trivet_status add_terms(struct tfidf *tfidf, const struct trivet_vocabulary *vocabulary,
                                    size_t n_rows, struct trivet_error *err)
{
    const size_t n_before = tfidf->terms.n_texts;
    const size_t n = vocabulary->n_terms;
    const char **texts = trivet_alloc_array(n, sizeof *texts);
    double *idf = trivet_realloc_array(tfidf->idf, n_before + n, sizeof(double));
    tfidf->idf = idf != NULL ? idf : tfidf->idf;
    if (texts == NULL || idf == NULL) {
        trivet_free(texts);
        return no_memory(err);
    }
    for (size_t k = 0; k < n; k++) {
        texts[k] = vocabulary->terms[k].text;
        idf[n_before + k] =
            1.0 + log((1.0 + (double)n_rows) / (1.0 + (double)vocabulary->terms[k].n_rows));
    }
    enum trivet_status status = trivet_categories_add(&tfidf->terms, "tfidf", texts, n, err);
    trivet_free(texts);
    return status;
}

static enum trivet_status fit_column(struct tfidf *tfidf, const struct trivet_params *params,
                                     const struct trivet_column *column, size_t n_rows,
                                     struct trivet_error *err)
{
    struct trivet_vocabulary vocabulary = {0};
    double min_df = trivet_params_real(params, "min_df");
    double max_df = trivet_params_real(params, "max_df");
    size_t n_max = trivet_params_word(params, "max_features") != NULL
                       ? SIZE_MAX
                       : (size_t)trivet_params_int(params, "max_features");
    enum trivet_status status =
        trivet_vocabulary_count(&vocabulary, "tfidf", column, n_rows, tfidf->ngram_max, err);
    if (status == TRIVET_OK) {
        trivet_vocabulary_prune(&vocabulary, min_df < 1.0 ? min_df * (double)n_rows : min_df,
                                max_df * (double)n_rows, n_max);
        status = check_count(column, vocabulary.n_terms, tfidf->terms.n_texts, err);
    }
    if (status == TRIVET_OK) {
        status = add_terms(tfidf, &vocabulary, n_rows, err);
    }
    trivet_vocabulary_release(&vocabulary);
    return status;
}

static enum trivet_status tfidf_fit(void *state, const struct trivet_params *params,
                                    const struct trivet_transform_data *data,
                                    const struct trivet_fit_context *context,
                                    struct trivet_fit_report *report, struct trivet_error *err)
{
    struct tfidf *tfidf = state;
    set_options(tfidf, params);
    enum trivet_status status =
        trivet_categories_create(&tfidf->terms, "tfidf", data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        status = fit_column(tfidf, params, &data->columns[j], data->n_rows, err);
        if (status == TRIVET_OK) {
            status = trivet_fit_progress(context, 0.0, err);
        }
    }
    if (status != TRIVET_OK) {
        tfidf_release(tfidf);
        return status;
    }
    trivet_fit_report_fact(report, "vocabulary_words", (double)tfidf->terms.n_texts);
    return TRIVET_OK;
}

static size_t tfidf_n_outputs(const void *state)
{
    return ((const struct tfidf *)state)->terms.n_texts;
}

static size_t tfidf_output_source(const void *state, size_t output)
{
    const struct trivet_categories *terms = &((const struct tfidf *)state)->terms;
    size_t j = terms->n_columns - 1;
    while (terms->first[j] > output) {
        j--;
    }
    return j;
}

static char *tfidf_output_name(const void *state, size_t output, const char *const *input_names)
{
    const struct tfidf *tfidf = state;
    const char *name = input_names[tfidf_output_source(state, output)];
    char *before = trivet_text_join("", name, ":");
    char *joined = before != NULL ? trivet_text_join(before, tfidf->terms.texts[output], "") : NULL;
    trivet_free(before);
    return joined;
}

/* One text → its weights in the bag. */
static void weigh(const struct tfidf *tfidf, size_t j, const struct trivet_tokens *tokens,
                  struct trivet_bag *bag)
{
    const double *idf = &tfidf->idf[tfidf->terms.first[j]];
    const char *word = trivet_tokens_first(tokens);
    for (size_t k = 0; k < tokens->n_terms; k++, word = trivet_tokens_next(word)) {
        size_t place = trivet_categories_find(&tfidf->terms, j, word);
        if (place != TRIVET_NOT_A_CATEGORY) {
            trivet_bag_add(bag, place, 1.0);
        }
    }
    for (size_t k = 0; k < bag->n_touched; k++) {
        double *weight = &bag->weights[bag->touched[k]];
        *weight = (tfidf->sublinear ? 1.0 + log(*weight) : *weight) * idf[bag->touched[k]];
    }
}

static enum trivet_status transform_column(const struct tfidf *tfidf, size_t j,
                                           const struct trivet_transform_input *input,
                                           struct trivet_arena *arena, struct trivet_tokens *tokens,
                                           double *values, struct trivet_row_status *rows,
                                           struct trivet_error *err)
{
    const struct trivet_column *in = &input->columns[j];
    struct trivet_bag *bag = trivet_bag_create(arena, (size_t)tfidf->terms.counts[j]);
    if (bag == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < input->n_rows; i++) {
        uint32_t code = in->codes[i * in->stride];
        if (code >= in->n_dictionary) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_MISSING, input->origins[j]);
            continue;
        }
        enum trivet_status status =
            trivet_tokens_of(tokens, in->dictionary[code], tfidf->ngram_max, err);
        if (status != TRIVET_OK) {
            return status;
        }
        weigh(tfidf, j, tokens, bag);
        trivet_bag_empty_to(bag, &values[i], input->n_rows);
    }
    return TRIVET_OK;
}

static enum trivet_status tfidf_transform(const void *state,
                                          const struct trivet_transform_input *input,
                                          struct trivet_arena *arena, struct trivet_column *out,
                                          struct trivet_row_status *rows, struct trivet_error *err)
{
    const struct tfidf *tfidf = state;
    const size_t n_rows = input->n_rows;
    struct trivet_tokens tokens = {0};
    double *values = NULL;
    enum trivet_status status =
        trivet_numeric_make(arena, "tfidf", tfidf->terms.n_texts, n_rows, out, &values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memset(values, 0, tfidf->terms.n_texts * n_rows * sizeof(double));
    for (size_t j = 0; status == TRIVET_OK && j < input->n_columns; j++) {
        status = transform_column(tfidf, j, input, arena, &tokens,
                                  &values[tfidf->terms.first[j] * n_rows], rows, err);
    }
    trivet_tokens_release(&tokens);
    return status;
}

static enum trivet_status tfidf_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct tfidf *tfidf = state;
    enum trivet_status status = trivet_tensors_begin(arena, 3, out, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_save(&tfidf->terms, "terms", arena, out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "idf", tfidf->idf, tfidf->terms.n_texts, err);
    }
    return status;
}

static enum trivet_status load_idf(struct tfidf *tfidf, const Trivet__V1__Step *step,
                                   struct trivet_error *err)
{
    const size_t n = tfidf->terms.n_texts;
    const double *idf = NULL;
    enum trivet_status status = trivet_tensors_get_f64_exactly(step, "idf", n, &idf, err);
    for (size_t k = 0; status == TRIVET_OK && k < n; k++) {
        if (!(idf[k] > 0.0)) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the saved state of '%s' is damaged: weight %zu is not "
                                      "positive",
                                      step->name, k);
        }
    }
    if (status == TRIVET_OK) {
        tfidf->idf = trivet_memdup(idf, n * sizeof(double));
        status = tfidf->idf != NULL ? TRIVET_OK : no_memory(err);
    }
    return status;
}

static enum trivet_status tfidf_load(void *state, const struct trivet_params *params,
                                     const enum trivet_column_type *types, size_t n_columns,
                                     const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)types;
    struct tfidf *tfidf = state;
    set_options(tfidf, params);
    enum trivet_status status = trivet_tensors_expect(step, 3, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_load(&tfidf->terms, "terms", n_columns, step, err);
    }
    if (status == TRIVET_OK) {
        status = load_idf(tfidf, step, err);
        if (status != TRIVET_OK) {
            tfidf_release(tfidf);
        }
    }
    return status;
}

static size_t tfidf_memory_bytes(const void *state)
{
    const struct tfidf *tfidf = state;
    return sizeof *tfidf + trivet_categories_memory_bytes(&tfidf->terms) +
           tfidf->terms.n_texts * sizeof(double);
}

const struct trivet_transformer_ops trivet_tfidf_ops = {
    .name = "tfidf",
    .summary = "a text as the weights of its words",
    .state_bytes = sizeof(struct tfidf),
    .params = tfidf_params,
    .accepts = trivet_categories_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = tfidf_fit,
    .n_outputs = tfidf_n_outputs,
    .output_source = tfidf_output_source,
    .output_name = tfidf_output_name,
    .transform = tfidf_transform,
    .save = tfidf_save,
    .load = tfidf_load,
    .memory_bytes = tfidf_memory_bytes,
    .release = tfidf_release,
};
