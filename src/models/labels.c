#include "models/labels.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/transformers/column.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory for the labels of the target; use fewer rows");
}

void trivet_labels_release(struct trivet_labels *labels)
{
    for (size_t k = 0; labels->texts != NULL && k < labels->n_labels; k++) {
        trivet_free(labels->texts[k]);
    }
    trivet_free(labels->texts);
    trivet_free(labels->numbers);
    *labels = (struct trivet_labels){0};
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t row_at(const size_t *rows, size_t i)
{
    return rows != NULL ? rows[i] : i;
}

static enum trivet_status refuse_many(const char *name, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "target '%s' has more than %d different values, too many for classes; "
                            "choose an estimator for regression, or another target",
                            name, TRIVET_CLASSES_MAX);
}

/* Place of `value` among ascending numbers, or where it belongs. */
static size_t number_place(const double *numbers, size_t n, double value)
{
    size_t low = 0;
    size_t high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Distinct numbers, ascending, into `numbers` (TRIVET_CLASSES_MAX). */
static enum trivet_status distinct_numbers(const struct trivet_column *column, const size_t *rows,
                                           size_t n_rows, double *numbers, size_t *n_out,
                                           struct trivet_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rows; i++) {
        /* Zero has one label, whatever its sign. */
        const double value = trivet_column_number(column, row_at(rows, i)) + 0.0;
        if (isnan(value)) {
            continue;
        }
        if (isinf(value)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "target '%s' is infinite in row %zu; train on rows with a "
                                    "finite target",
                                    column->name, row_at(rows, i) + 1);
        }
        const size_t place = number_place(numbers, n, value);
        if (place < n && numbers[place] == value) {
            continue;
        }
        if (n == TRIVET_CLASSES_MAX) {
            return refuse_many(column->name, err);
        }
        memmove(&numbers[place + 1], &numbers[place], (n - place) * sizeof(double));
        numbers[place] = value;
        n++;
    }
    *n_out = n;
    return TRIVET_OK;
}

static enum trivet_status collect_numbers(const struct trivet_column *column, const size_t *rows,
                                          size_t n_rows, struct trivet_labels *labels,
                                          struct trivet_error *err)
{
    labels->numbers = trivet_alloc_array(TRIVET_CLASSES_MAX + 1, sizeof(double));
    if (labels->numbers == NULL) {
        return no_memory(err);
    }
    enum trivet_status status =
        distinct_numbers(column, rows, n_rows, labels->numbers, &labels->n_labels, err);
    if (status != TRIVET_OK) {
        return status;
    }
    labels->texts = trivet_calloc(labels->n_labels + 1, sizeof(char *));
    if (labels->texts == NULL) {
        return no_memory(err);
    }
    for (size_t k = 0; k < labels->n_labels; k++) {
        char text[TRIVET_DOUBLE_TEXT_BYTES];
        trivet_text_double(labels->numbers[k], text);
        labels->texts[k] = trivet_strdup(text);
        if (labels->texts[k] == NULL) {
            return no_memory(err);
        }
    }
    return TRIVET_OK;
}

/* Marks the entries of the dictionary that occur. */
static void mark_used(const struct trivet_column *column, const size_t *rows, size_t n_rows,
                      bool *used)
{
    for (size_t i = 0; i < n_rows; i++) {
        const uint32_t code = column->codes[row_at(rows, i) * column->stride];
        if (code < column->n_dictionary) {
            used[code] = true;
        }
    }
}

static enum trivet_status copy_used(const struct trivet_column *column, const bool *used,
                                    struct trivet_labels *labels, struct trivet_error *err)
{
    for (size_t code = 0; code < column->n_dictionary; code++) {
        if (!used[code]) {
            continue;
        }
        if (labels->n_labels == TRIVET_CLASSES_MAX) {
            return refuse_many(column->name, err);
        }
        labels->texts[labels->n_labels] = trivet_strdup(column->dictionary[code]);
        if (labels->texts[labels->n_labels] == NULL) {
            return no_memory(err);
        }
        labels->n_labels++;
    }
    return TRIVET_OK;
}

static enum trivet_status collect_texts(const struct trivet_column *column, const size_t *rows,
                                        size_t n_rows, struct trivet_labels *labels,
                                        struct trivet_error *err)
{
    bool *used = trivet_calloc(column->n_dictionary + 1, sizeof(bool));
    labels->texts = trivet_calloc(TRIVET_CLASSES_MAX + 1, sizeof(char *));
    if (used == NULL || labels->texts == NULL) {
        trivet_free(used);
        return no_memory(err);
    }
    mark_used(column, rows, n_rows, used);
    enum trivet_status status = copy_used(column, used, labels, err);
    trivet_free(used);
    if (status == TRIVET_OK && labels->n_labels > 1) {
        qsort(labels->texts, labels->n_labels, sizeof(char *), compare_texts);
    }
    return status;
}

enum trivet_status trivet_labels_collect(const struct trivet_column *column, const size_t *rows,
                                         size_t n_rows, struct trivet_labels *out,
                                         struct trivet_error *err)
{
    struct trivet_labels labels = {0};
    enum trivet_status status = column->type == TRIVET_COLUMN_NUMERIC
                                    ? collect_numbers(column, rows, n_rows, &labels, err)
                                    : collect_texts(column, rows, n_rows, &labels, err);
    if (status == TRIVET_OK && labels.n_labels < 2) {
        status =
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "target '%s' has the single class '%s' in %zu rows; there must be "
                             "at least two to tell apart",
                             column->name, labels.n_labels == 1 ? labels.texts[0] : "", n_rows);
    }
    if (status != TRIVET_OK) {
        trivet_labels_release(&labels);
        return status;
    }
    *out = labels;
    return TRIVET_OK;
}

static enum trivet_status refuse_saved(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_DATA_LOSS,
                            "the saved pipeline is damaged: its labels are not two to %d "
                            "different ones in order",
                            TRIVET_CLASSES_MAX);
}

static enum trivet_status load_text(struct trivet_labels *labels, size_t k, const char *text,
                                    struct trivet_error *err)
{
    labels->texts[k] = trivet_strdup(text);
    labels->n_labels = k + 1;
    if (labels->texts[k] == NULL) {
        return no_memory(err);
    }
    if (labels->numbers == NULL) {
        return k == 0 || strcmp(labels->texts[k - 1], text) < 0 ? TRIVET_OK : refuse_saved(err);
    }
    double *number = &labels->numbers[k];
    bool good = trivet_text_parse_double(text, strlen(text), number) && isfinite(*number) &&
                (k == 0 || compare_numbers(number - 1, number) < 0);
    return good ? TRIVET_OK : refuse_saved(err);
}

enum trivet_status trivet_labels_load(char *const *texts, size_t n_labels,
                                      enum trivet_column_type type, struct trivet_labels *out,
                                      struct trivet_error *err)
{
    struct trivet_labels labels = {0};
    if (n_labels < 2 || n_labels > TRIVET_CLASSES_MAX) {
        return refuse_saved(err);
    }
    labels.texts = trivet_calloc(n_labels, sizeof(char *));
    labels.numbers =
        type == TRIVET_COLUMN_NUMERIC ? trivet_alloc_array(n_labels, sizeof(double)) : NULL;
    enum trivet_status status = TRIVET_OK;
    if (labels.texts == NULL || (type == TRIVET_COLUMN_NUMERIC && labels.numbers == NULL)) {
        status = no_memory(err);
    }
    for (size_t k = 0; status == TRIVET_OK && k < n_labels; k++) {
        status = load_text(&labels, k, texts[k], err);
    }
    if (status != TRIVET_OK) {
        trivet_labels_release(&labels);
        return status;
    }
    *out = labels;
    return TRIVET_OK;
}

static uint32_t find_number(const struct trivet_labels *labels, double value)
{
    const size_t place = number_place(labels->numbers, labels->n_labels, value);
    return place < labels->n_labels && labels->numbers[place] == value ? (uint32_t)place
                                                                       : TRIVET_CLASS_UNKNOWN;
}

static uint32_t find_text(const struct trivet_labels *labels, const char *text)
{
    double number;
    if (labels->numbers != NULL) {
        return trivet_text_parse_double(text, strlen(text), &number) ? find_number(labels, number)
                                                                     : TRIVET_CLASS_UNKNOWN;
    }
    char *const *found =
        bsearch(&text, labels->texts, labels->n_labels, sizeof(char *), compare_texts);
    return found != NULL ? (uint32_t)(found - labels->texts) : TRIVET_CLASS_UNKNOWN;
}

static uint32_t class_of_number(const struct trivet_labels *labels, double value)
{
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    if (isnan(value)) {
        return TRIVET_CLASS_MISSING;
    }
    if (labels->numbers != NULL) {
        return find_number(labels, value);
    }
    trivet_text_double(value, text);
    return find_text(labels, text);
}

enum trivet_status trivet_labels_index(const struct trivet_labels *labels,
                                       const struct trivet_column *column, const size_t *rows,
                                       size_t n_rows, uint32_t *classes, struct trivet_error *err)
{
    if (column->type == TRIVET_COLUMN_NUMERIC) {
        for (size_t i = 0; i < n_rows; i++) {
            classes[i] = class_of_number(labels, trivet_column_number(column, row_at(rows, i)));
        }
        return TRIVET_OK;
    }
    uint32_t *of_code = trivet_alloc_array(column->n_dictionary + 1, sizeof(uint32_t));
    if (of_code == NULL) {
        return no_memory(err);
    }
    for (size_t code = 0; code < column->n_dictionary; code++) {
        of_code[code] = find_text(labels, column->dictionary[code]);
    }
    for (size_t i = 0; i < n_rows; i++) {
        const uint32_t code = column->codes[row_at(rows, i) * column->stride];
        classes[i] = code < column->n_dictionary ? of_code[code] : TRIVET_CLASS_MISSING;
    }
    trivet_free(of_code);
    return TRIVET_OK;
}
