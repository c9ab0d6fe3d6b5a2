#include "evaluation/splitter.h"

#include "base/alloc.h"
#include "models/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while rows are split; use fewer rows");
}

void trivet_splitter_release(struct trivet_splitter *splitter)
{
    trivet_free(splitter->keys);
    *splitter = (struct trivet_splitter){0};
}

static enum trivet_status find_column(const struct trivet_table *table, const char *name,
                                      const char *field, const struct trivet_column **out,
                                      struct trivet_error *err)
{
    for (size_t j = 0; j < table->n_columns; j++) {
        if (strcmp(table->columns[j].name, name) == 0) {
            *out = &table->columns[j];
            return TRIVET_OK;
        }
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the data has no column '%s' to split by", name);
    trivet_error_add_violation(err, field, "no column '%s'", name);
    return TRIVET_INVALID_ARGUMENT;
}

/* --- classes --------------------------------------------------------------------------------- */

static enum trivet_status key_by_class(struct trivet_splitter *splitter,
                                       const struct trivet_column *column, const size_t *rows,
                                       size_t n_rows, struct trivet_error *err)
{
    struct trivet_labels labels = {0};
    uint32_t *classes = trivet_alloc_array(n_rows, sizeof(uint32_t));
    enum trivet_status status = classes == NULL ? no_memory(err) : TRIVET_OK;
    if (status == TRIVET_OK) {
        status = trivet_labels_collect(column, rows, n_rows, &labels, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_labels_index(&labels, column, rows, n_rows, classes, err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < n_rows; i++) {
        splitter->keys[rows[i]] = classes[i];
    }
    splitter->n_keys = labels.n_labels;
    trivet_labels_release(&labels);
    trivet_free(classes);
    return status;
}

/* --- groups ---------------------------------------------------------------------------------- */

static enum trivet_status refuse_missing(const char *name, size_t row, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "column '%s' names no group in row %zu; fill it in or leave the row "
                            "out",
                            name, row + 1);
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Numbers: the place of each among the distinct ones. */
static enum trivet_status key_by_number(struct trivet_splitter *splitter,
                                        const struct trivet_column *column, const size_t *rows,
                                        size_t n_rows, struct trivet_error *err)
{
    double *distinct = trivet_alloc_array(n_rows, sizeof(double));
    if (distinct == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        distinct[i] = column->numbers[rows[i] * column->stride];
        if (isnan(distinct[i])) {
            trivet_free(distinct);
            return refuse_missing(column->name, rows[i], err);
        }
    }
    qsort(distinct, n_rows, sizeof(double), compare_numbers);
    size_t n = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (n == 0 || distinct[i] != distinct[n - 1]) {
            distinct[n++] = distinct[i];
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        const double value = column->numbers[rows[i] * column->stride];
        const double *place = bsearch(&value, distinct, n, sizeof(double), compare_numbers);
        splitter->keys[rows[i]] = (uint32_t)(place - distinct);
    }
    splitter->n_keys = n;
    trivet_free(distinct);
    return TRIVET_OK;
}

static enum trivet_status key_by_text(struct trivet_splitter *splitter,
                                      const struct trivet_column *column, const size_t *rows,
                                      size_t n_rows, struct trivet_error *err)
{
    /* Groups that occur, counted from 0 in the order of first sight; 0 in `seen` = not yet. */
    uint32_t *seen = trivet_calloc(column->n_dictionary + 1, sizeof(uint32_t));
    uint32_t n = 0;
    if (seen == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        const uint32_t code = column->codes[rows[i] * column->stride];
        if (code >= column->n_dictionary) {
            trivet_free(seen);
            return refuse_missing(column->name, rows[i], err);
        }
        if (seen[code] == 0) {
            seen[code] = ++n;
        }
        splitter->keys[rows[i]] = seen[code] - 1;
    }
    splitter->n_keys = n;
    trivet_free(seen);
    return TRIVET_OK;
}

/* --- any of them ----------------------------------------------------------------------------- */

static enum trivet_status choose_kind(Trivet__V1__SplitKind kind, enum trivet_task task,
                                      enum trivet_split_kind *out, struct trivet_error *err)
{
    switch (kind) {
    case TRIVET__V1__SPLIT_KIND__SPLIT_KIND_UNSPECIFIED:
        *out = task == TRIVET_TASK_CLASSIFICATION ? TRIVET_SPLIT_STRATIFIED : TRIVET_SPLIT_SHUFFLED;
        return TRIVET_OK;
    case TRIVET__V1__SPLIT_KIND__SPLIT_KIND_SHUFFLED:
        *out = TRIVET_SPLIT_SHUFFLED;
        return TRIVET_OK;
    case TRIVET__V1__SPLIT_KIND__SPLIT_KIND_STRATIFIED:
        if (task != TRIVET_TASK_CLASSIFICATION) {
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "a stratified split is for classes; use shuffled, grouped or time");
            trivet_error_add_violation(err, "split.kind", "needs classes");
            return TRIVET_INVALID_ARGUMENT;
        }
        *out = TRIVET_SPLIT_STRATIFIED;
        return TRIVET_OK;
    case TRIVET__V1__SPLIT_KIND__SPLIT_KIND_GROUPED:
        *out = TRIVET_SPLIT_GROUPED;
        return TRIVET_OK;
    case TRIVET__V1__SPLIT_KIND__SPLIT_KIND_TIME:
        *out = TRIVET_SPLIT_TIME;
        return TRIVET_OK;
    default:
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "split kind %d is not known; use shuffled, stratified, grouped or "
                                "time",
                                (int)kind);
    }
}

enum trivet_status trivet_splitter_init(Trivet__V1__SplitKind kind, enum trivet_task task,
                                        const struct trivet_table *table, const char *target,
                                        const char *group, const size_t *rows, size_t n_rows,
                                        struct trivet_splitter *out, struct trivet_error *err)
{
    struct trivet_splitter splitter = {0};
    const struct trivet_column *column = NULL;
    enum trivet_status status = choose_kind(kind, task, &splitter.kind, err);
    if (status == TRIVET_OK && splitter.kind == TRIVET_SPLIT_STRATIFIED) {
        status = find_column(table, target, "target", &column, err);
    }
    if (status == TRIVET_OK && splitter.kind == TRIVET_SPLIT_GROUPED) {
        status = find_column(table, group, "split.column", &column, err);
    }
    if (status == TRIVET_OK && column != NULL) {
        splitter.keys = trivet_calloc(table->n_rows + 1, sizeof(uint32_t));
        status = splitter.keys == NULL ? no_memory(err) : TRIVET_OK;
    }
    if (status == TRIVET_OK && splitter.kind == TRIVET_SPLIT_STRATIFIED) {
        status = key_by_class(&splitter, column, rows, n_rows, err);
    } else if (status == TRIVET_OK && splitter.kind == TRIVET_SPLIT_GROUPED) {
        status = column->type == TRIVET_COLUMN_NUMERIC
                     ? key_by_number(&splitter, column, rows, n_rows, err)
                     : key_by_text(&splitter, column, rows, n_rows, err);
    }
    if (status != TRIVET_OK) {
        trivet_splitter_release(&splitter);
        return status;
    }
    *out = splitter;
    return TRIVET_OK;
}

struct trivet_split_plan trivet_splitter_plan(const struct trivet_splitter *splitter,
                                              const size_t *rows, size_t n_rows, uint64_t seed,
                                              uint32_t *keys)
{
    struct trivet_split_plan plan = {
        .kind = splitter->kind, .n_rows = n_rows, .n_keys = splitter->n_keys, .seed = seed};
    if (splitter->keys != NULL) {
        for (size_t i = 0; i < n_rows; i++) {
            keys[i] = splitter->keys[rows[i]];
        }
        plan.keys = keys;
    }
    return plan;
}
