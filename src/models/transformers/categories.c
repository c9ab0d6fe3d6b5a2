#include "models/transformers/categories.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool trivet_categories_accepts(const struct trivet_params *params, enum trivet_column_type type)
{
    (void)params;
    return type == TRIVET_COLUMN_CATEGORICAL;
}

enum trivet_status trivet_categories_create(struct trivet_categories *categories, const char *owner,
                                            size_t n_columns, struct trivet_error *err)
{
    struct trivet_categories made = {0};
    made.counts = trivet_calloc(n_columns, sizeof(int64_t));
    made.first = trivet_calloc(n_columns, sizeof(size_t));
    if (made.counts == NULL || made.first == NULL) {
        trivet_categories_release(&made);
        return trivet_transformer_no_memory(owner, err);
    }
    *categories = made;
    return TRIVET_OK;
}

enum trivet_status trivet_categories_add(struct trivet_categories *categories, const char *owner,
                                         const char *const *texts, size_t n,
                                         struct trivet_error *err)
{
    char **grown = trivet_realloc_array(categories->texts, categories->n_texts + n, sizeof(char *));
    if (grown == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    categories->texts = grown;
    categories->counts[categories->n_columns] = (int64_t)n;
    categories->first[categories->n_columns] = categories->n_texts;
    for (size_t k = 0; k < n; k++) {
        char *copy = trivet_strdup(texts[k]);
        if (copy == NULL) {
            return trivet_transformer_no_memory(owner, err);
        }
        categories->texts[categories->n_texts++] = copy;
    }
    categories->n_columns++;
    return TRIVET_OK;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts that occur, sorted, without repeats (a dictionary may hold a text twice); borrowed. */
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

static enum trivet_status check_count(const char *owner, const struct trivet_column *column,
                                      size_t n, size_t n_rows, struct trivet_error *err)
{
    if (n == 0) {
        return trivet_transformer_no_value(owner, column, n_rows, err);
    }
    if (n > TRIVET_CATEGORIES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s: column '%s' has %zu categories, more than %d; is it an "
                                "identifier? Leave it out",
                                owner, column->name, n, TRIVET_CATEGORIES_MAX);
    }
    return TRIVET_OK;
}

static enum trivet_status add_column(struct trivet_categories *categories, const char *owner,
                                     const struct trivet_column *column, size_t n_rows,
                                     struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    bool *used = trivet_calloc(column->n_dictionary + 1, sizeof(bool));
    const char **texts = trivet_alloc_array(column->n_dictionary + 1, sizeof(const char *));
    if (used == NULL || texts == NULL) {
        status = trivet_transformer_no_memory(owner, err);
        goto done;
    }
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = column->codes[i * column->stride];
        if (code < column->n_dictionary) {
            used[code] = true;
        }
    }
    size_t n = collect_used(column, used, texts);
    status = check_count(owner, column, n, n_rows, err);
    if (status == TRIVET_OK) {
        status = trivet_categories_add(categories, owner, texts, n, err);
    }
done:
    trivet_free(used);
    trivet_free(texts);
    return status;
}

static enum trivet_status check_present(const char *owner, const struct trivet_column *column,
                                        size_t n_rows, struct trivet_error *err)
{
    const size_t n_missing = trivet_column_count_missing(column, n_rows);
    if (n_missing == 0) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s: column '%s' is missing in %zu of %zu training rows; put an "
                            "imputer with strategy=most_frequent or constant before the encoder",
                            owner, column->name, n_missing, n_rows);
}

enum trivet_status trivet_categories_fit(struct trivet_categories *categories, const char *owner,
                                         const struct trivet_transform_data *data,
                                         bool refuse_missing, struct trivet_error *err)
{
    enum trivet_status status = trivet_categories_create(categories, owner, data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        const struct trivet_column *column = &data->columns[j];
        if (refuse_missing) {
            status = check_present(owner, column, data->n_rows, err);
        }
        if (status == TRIVET_OK) {
            status = add_column(categories, owner, column, data->n_rows, err);
        }
    }
    if (status != TRIVET_OK) {
        trivet_categories_release(categories);
    }
    return status;
}

size_t trivet_categories_find(const struct trivet_categories *categories, size_t j,
                              const char *text)
{
    char *const *texts = &categories->texts[categories->first[j]];
    size_t low = 0;
    size_t high = (size_t)categories->counts[j];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(texts[middle], text);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return TRIVET_NOT_A_CATEGORY;
}

enum trivet_status trivet_categories_map(const struct trivet_categories *categories, size_t j,
                                         const char *owner, const struct trivet_column *column,
                                         size_t n_rows, struct trivet_arena *arena, size_t **out,
                                         struct trivet_error *err)
{
    *out = NULL;
    if (column->n_dictionary == 0 || column->n_dictionary > n_rows) {
        return TRIVET_OK;
    }
    size_t *map = trivet_arena_alloc_array(arena, column->n_dictionary, sizeof(size_t));
    if (map == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    for (size_t k = 0; k < column->n_dictionary; k++) {
        map[k] = trivet_categories_find(categories, j, column->dictionary[k]);
    }
    *out = map;
    return TRIVET_OK;
}

size_t trivet_categories_at(const struct trivet_categories *categories, size_t j,
                            const struct trivet_column *column, const size_t *map, size_t i)
{
    uint32_t code = column->codes[i * column->stride];
    if (code >= column->n_dictionary) {
        return TRIVET_NOT_A_CATEGORY;
    }
    return map != NULL ? map[code]
                       : trivet_categories_find(categories, j, column->dictionary[code]);
}

enum trivet_status trivet_categories_save(const struct trivet_categories *categories,
                                          const char *name, struct trivet_arena *arena,
                                          Trivet__V1__Step *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_tensors_put_i64(arena, out, "counts", categories->counts,
                                                       categories->n_columns, err);
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_put_text(arena, out, name, categories->texts, categories->n_texts, err);
    }
    return status;
}

/* Counts add up to the texts, which ascend within each column. */
static enum trivet_status check_saved(const Trivet__V1__Step *step, const char *name,
                                      const int64_t *counts, size_t n_columns, char *const *texts,
                                      size_t n_texts, struct trivet_error *err)
{
    size_t first = 0;
    for (size_t j = 0; j < n_columns; j++) {
        if (counts[j] < 1 || (size_t)counts[j] > n_texts - first) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: column %zu cannot have "
                                    "%lld texts",
                                    step->name, j, (long long)counts[j]);
        }
        for (size_t k = first + 1; k < first + (size_t)counts[j]; k++) {
            if (strcmp(texts[k - 1], texts[k]) >= 0) {
                return trivet_error_set(err, TRIVET_DATA_LOSS,
                                        "the saved state of '%s' is damaged: text %zu is out of "
                                        "order",
                                        step->name, k);
            }
        }
        first += (size_t)counts[j];
    }
    if (first != n_texts) {
        return trivet_tensors_wrong_count(step, name, n_texts, first, err);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_categories_load(struct trivet_categories *categories, const char *name,
                                          size_t n_columns, const Trivet__V1__Step *step,
                                          struct trivet_error *err)
{
    const int64_t *counts = NULL;
    char *const *texts = NULL;
    size_t n_counts = 0;
    size_t n_texts = 0;
    enum trivet_status status = trivet_tensors_get_i64(step, "counts", &counts, &n_counts, err);
    if (status == TRIVET_OK && n_counts != n_columns) {
        status = trivet_tensors_wrong_count(step, "counts", n_counts, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_text(step, name, &texts, &n_texts, err);
    }
    if (status == TRIVET_OK) {
        status = check_saved(step, name, counts, n_columns, texts, n_texts, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_categories_create(categories, step->name, n_columns, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    size_t first = 0;
    for (size_t j = 0; status == TRIVET_OK && j < n_columns; j++) {
        status = trivet_categories_add(categories, step->name, (const char *const *)&texts[first],
                                       (size_t)counts[j], err);
        first += (size_t)counts[j];
    }
    if (status != TRIVET_OK) {
        trivet_categories_release(categories);
    }
    return status;
}

size_t trivet_categories_memory_bytes(const struct trivet_categories *categories)
{
    size_t bytes = categories->n_columns * (sizeof(int64_t) + sizeof(size_t)) +
                   categories->n_texts * sizeof(char *);
    for (size_t k = 0; k < categories->n_texts; k++) {
        bytes += strlen(categories->texts[k]) + 1;
    }
    return bytes;
}

void trivet_categories_release(struct trivet_categories *categories)
{
    for (size_t k = 0; k < categories->n_texts; k++) {
        trivet_free(categories->texts[k]);
    }
    trivet_free(categories->texts);
    trivet_free(categories->counts);
    trivet_free(categories->first);
    memset(categories, 0, sizeof *categories);
}
