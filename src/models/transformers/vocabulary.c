#include "models/transformers/vocabulary.h"

#include "base/alloc.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"
#include "models/transformers/tokens.h"

#include <stdlib.h>
#include <string.h>

/* A term in a text of the dictionary, which is that of so many rows. */
struct occurrence {
    union {
        size_t offset; /* into the texts while they grow */
        const char *text;
    };
    uint32_t entry;
    size_t n_rows;
};

static int compare_occurrences(const void *a, const void *b)
{
    const struct occurrence *x = a;
    const struct occurrence *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->entry > y->entry) - (x->entry < y->entry);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const struct trivet_term *)a)->text, ((const struct trivet_term *)b)->text);
}

/* Most often first, of equals ascending. */
static int compare_times(const void *a, const void *b)
{
    const struct trivet_term *x = a;
    const struct trivet_term *y = b;
    if (x->n_times != y->n_times) {
        return x->n_times > y->n_times ? -1 : 1;
    }
    return strcmp(x->text, y->text);
}

/* Rows of every entry of the dictionary; owned by the caller. */
static enum trivet_status count_rows(const char *owner, const struct trivet_column *column,
                                     size_t n_rows, size_t **out, struct trivet_error *err)
{
    size_t n_missing = trivet_column_count_missing(column, n_rows);
    if (n_missing > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s: column '%s' is missing in %zu of %zu training rows; put an "
                                "imputer with strategy=constant before it",
                                owner, column->name, n_missing, n_rows);
    }
    size_t *counts = trivet_calloc(column->n_dictionary + 1, sizeof(size_t));
    if (counts == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        counts[column->codes[i * column->stride]]++;
    }
    *out = counts;
    return TRIVET_OK;
}

/* The terms of one entry behind those there are. */
static enum trivet_status add_occurrences(const struct trivet_tokens *tokens, uint32_t entry,
                                          size_t n_rows, struct trivet_buffer *texts,
                                          struct trivet_buffer *occurrences,
                                          struct trivet_error *err)
{
    struct occurrence occurrence = {.offset = texts->n_bytes, .entry = entry, .n_rows = n_rows};
    const char *term = trivet_tokens_first(tokens);
    enum trivet_status status =
        trivet_buffer_append(texts, tokens->terms.data, tokens->terms.n_bytes, err);
    for (size_t k = 0; status == TRIVET_OK && k < tokens->n_terms; k++) {
        status = trivet_buffer_append(occurrences, &occurrence, sizeof occurrence, err);
        occurrence.offset += strlen(term) + 1;
        term = trivet_tokens_next(term);
    }
    return status;
}

static enum trivet_status collect(const struct trivet_column *column, const size_t *row_counts,
                                  size_t ngram_max, struct trivet_buffer *texts,
                                  struct trivet_buffer *occurrences, struct trivet_error *err)
{
    struct trivet_tokens tokens = {0};
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; status == TRIVET_OK && k < column->n_dictionary; k++) {
        if (row_counts[k] == 0) {
            continue;
        }
        status = trivet_tokens_of(&tokens, column->dictionary[k], ngram_max, err);
        if (status == TRIVET_OK && tokens.n_terms > 0) {
            status = add_occurrences(&tokens, (uint32_t)k, row_counts[k], texts, occurrences, err);
        }
    }
    trivet_tokens_release(&tokens);
    return status;
}

/* Sorted occurrences → terms. */
static size_t group(const struct occurrence *occurrences, size_t n, struct trivet_term *terms)
{
    size_t n_terms = 0;
    for (size_t k = 0; k < n; k++) {
        bool new_term = k == 0 || strcmp(occurrences[k].text, occurrences[k - 1].text) != 0;
        if (new_term) {
            terms[n_terms++] = (struct trivet_term){.text = occurrences[k].text};
        }
        struct trivet_term *term = &terms[n_terms - 1];
        bool new_entry = new_term || occurrences[k].entry != occurrences[k - 1].entry;
        term->n_times += occurrences[k].n_rows;
        term->n_rows += new_entry ? occurrences[k].n_rows : 0;
    }
    return n_terms;
}

enum trivet_status trivet_vocabulary_count(struct trivet_vocabulary *vocabulary, const char *owner,
                                           const struct trivet_column *column, size_t n_rows,
                                           size_t ngram_max, struct trivet_error *err)
{
    struct trivet_buffer texts = {0};
    struct trivet_buffer found = {0};
    struct trivet_term *terms = NULL;
    size_t *row_counts = NULL;
    enum trivet_status status = count_rows(owner, column, n_rows, &row_counts, err);
    if (status == TRIVET_OK) {
        status = collect(column, row_counts, ngram_max, &texts, &found, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    size_t n = found.n_bytes / sizeof(struct occurrence);
    if (n == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%s: no text of column '%s' has a word of two or more letters or "
                                  "digits; leave the column out",
                                  owner, column->name);
        goto done;
    }
    struct occurrence *occurrences = (struct occurrence *)(void *)found.data;
    terms = trivet_alloc_array(n, sizeof *terms);
    if (terms == NULL) {
        status = trivet_transformer_no_memory(owner, err);
        goto done;
    }
    for (size_t k = 0; k < n; k++) {
        occurrences[k].text = (const char *)&texts.data[occurrences[k].offset];
    }
    qsort(occurrences, n, sizeof *occurrences, compare_occurrences);
    *vocabulary = (struct trivet_vocabulary){
        .terms = terms, .n_terms = group(occurrences, n, terms), .texts = (char *)texts.data};
    texts = (struct trivet_buffer){0};
done:
    trivet_free(row_counts);
    trivet_buffer_release(&texts);
    trivet_buffer_release(&found);
    return status;
}

void trivet_vocabulary_prune(struct trivet_vocabulary *vocabulary, double rows_min, double rows_max,
                             size_t n_max)
{
    struct trivet_term *terms = vocabulary->terms;
    size_t n = 0;
    for (size_t k = 0; k < vocabulary->n_terms; k++) {
        double n_rows = (double)terms[k].n_rows;
        if (n_rows >= rows_min && n_rows <= rows_max) {
            terms[n++] = terms[k];
        }
    }
    if (n > n_max) {
        qsort(terms, n, sizeof *terms, compare_times);
        n = n_max;
        qsort(terms, n, sizeof *terms, compare_texts);
    }
    vocabulary->n_terms = n;
}

void trivet_vocabulary_release(struct trivet_vocabulary *vocabulary)
{
    trivet_free(vocabulary->terms);
    trivet_free(vocabulary->texts);
    memset(vocabulary, 0, sizeof *vocabulary);
}
