#include "base/alloc.h"
#include "base/text.h"
#include "evaluation/evaluate_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DISTINCT_MAX 10
#define QUARTERS     4
#define VALUE_BYTES  96

/* One value of a column, or a range of them. */
struct slice {
    const char *value; /* the arena's */
    size_t n_rows;
    uint32_t key;
};

/* The key of each scored row, and what the keys stand for. Arrays are the arena's. */
struct slicing {
    const struct trivet_scores *scores;
    struct trivet_arena *arena;
    uint32_t *keys; /* of the scored rows; UINT32_MAX: missing */
    size_t n_slices;
    struct slice *slices;
};

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int compare_slices(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    if (x->n_rows != y->n_rows) {
        return x->n_rows < y->n_rows ? 1 : -1;
    }
    return (x->key > y->key) - (x->key < y->key);
}

static enum trivet_status make_slices(struct slicing *slicing, size_t n, struct trivet_error *err)
{
    slicing->slices = trivet_arena_alloc_array(slicing->arena, n + 1, sizeof(struct slice));
    if (slicing->slices == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    slicing->n_slices = n;
    for (size_t k = 0; k < n; k++) {
        slicing->slices[k] = (struct slice){.key = (uint32_t)k, .value = ""};
    }
    return TRIVET_OK;
}

static enum trivet_status name_slice(struct slicing *slicing, size_t k, const char *text,
                                     struct trivet_error *err)
{
    slicing->slices[k].value = trivet_arena_strdup(slicing->arena, text);
    return slicing->slices[k].value != NULL ? TRIVET_OK : trivet_evaluation_no_memory(err);
}

static enum trivet_status slice_texts(struct slicing *slicing, const struct trivet_column *column,
                                      struct trivet_error *err)
{
    enum trivet_status status = make_slices(slicing, column->n_dictionary, err);
    for (size_t k = 0; status == TRIVET_OK && k < column->n_dictionary; k++) {
        status = name_slice(slicing, k, column->dictionary[k], err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < slicing->scores->n_rows; i++) {
        uint32_t code = column->codes[slicing->scores->rows[i] * column->stride];
        slicing->keys[i] = code < column->n_dictionary ? code : UINT32_MAX;
    }
    return status;
}

/* "[1, 2)", the last one "[2, 3]"; a single value as itself. */
static enum trivet_status name_range(struct slicing *slicing, size_t k, double low, double high,
                                     bool is_value, bool is_last, struct trivet_error *err)
{
    char text[VALUE_BYTES];
    if (is_value) {
        trivet_text_format(text, sizeof text, "%g", low);
    } else {
        trivet_text_format(text, sizeof text, "[%g, %g%c", low, high, is_last ? ']' : ')');
    }
    return name_slice(slicing, k, text, err);
}

/* Lower bounds of the slices, ascending: each value when there are few, else the quartiles. */
static size_t lower_bounds(const double *sorted, size_t n, double bounds[DISTINCT_MAX],
                           bool *are_values)
{
    size_t n_distinct = 0;
    for (size_t i = 0; i < n && n_distinct <= DISTINCT_MAX; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            if (n_distinct < DISTINCT_MAX) {
                bounds[n_distinct] = sorted[i];
            }
            n_distinct++;
        }
    }
    *are_values = n_distinct <= DISTINCT_MAX;
    if (*are_values) {
        return n_distinct;
    }
    size_t n_bounds = 0;
    for (size_t q = 0; q < QUARTERS; q++) {
        double bound = sorted[q * n / QUARTERS];
        if (n_bounds == 0 || bound > bounds[n_bounds - 1]) {
            bounds[n_bounds++] = bound;
        }
    }
    return n_bounds;
}

static enum trivet_status slice_numbers(struct slicing *slicing, const struct trivet_column *column,
                                        struct trivet_error *err)
{
    const struct trivet_scores *scores = slicing->scores;
    double bounds[DISTINCT_MAX];
    bool are_values = false;
    size_t n = 0;
    double *sorted = trivet_alloc_array(scores->n_rows, sizeof(double));
    if (sorted == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    for (size_t i = 0; i < scores->n_rows; i++) {
        double value = column->numbers[scores->rows[i] * column->stride];
        sorted[n] = value;
        n += isnan(value) ? 0 : 1;
    }
    qsort(sorted, n, sizeof(double), compare_numbers);
    size_t n_bounds = lower_bounds(sorted, n, bounds, &are_values);
    enum trivet_status status = make_slices(slicing, n_bounds, err);
    for (size_t k = 0; status == TRIVET_OK && k < n_bounds; k++) {
        bool is_last = k + 1 == n_bounds;
        status = name_range(slicing, k, bounds[k], is_last ? sorted[n - 1] : bounds[k + 1],
                            are_values, is_last, err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < scores->n_rows; i++) {
        double value = column->numbers[scores->rows[i] * column->stride];
        slicing->keys[i] = UINT32_MAX;
        for (size_t k = 0; k < n_bounds && value >= bounds[k]; k++) {
            slicing->keys[i] = (uint32_t)k;
        }
    }
    trivet_free(sorted);
    return status;
}

/* The scores of the rows with one key; arrays in `arena`. */
static enum trivet_status pick(const struct trivet_scores *scores, const uint32_t *keys,
                               uint32_t key, size_t n_rows, struct trivet_arena *arena,
                               struct trivet_scores *out, struct trivet_error *err)
{
    struct trivet_scores part = *scores;
    size_t n_features = scores->task == TRIVET_TASK_CLUSTERING ? scores->n_features : 0;
    size_t n_truths = scores->task == TRIVET_TASK_REGRESSION ? n_rows : 0;
    part.n_rows = 0;
    part.n_skipped = 0;
    part.outputs = trivet_arena_alloc_array(arena, n_rows * scores->n_outputs, sizeof(double));
    part.truth = trivet_arena_alloc_array(arena, n_truths, sizeof(double));
    part.classes = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
    part.decisions = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
    part.features = trivet_arena_alloc_array(arena, n_rows * n_features, sizeof(double));
    if (part.outputs == NULL || part.truth == NULL || part.classes == NULL ||
        part.decisions == NULL || part.features == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    for (size_t i = 0; i < scores->n_rows; i++) {
        if (keys[i] != key) {
            continue;
        }
        size_t n = part.n_rows++;
        memcpy(&part.outputs[n * scores->n_outputs], &scores->outputs[i * scores->n_outputs],
               scores->n_outputs * sizeof(double));
        memcpy(&part.features[n * n_features], &scores->features[i * n_features],
               n_features * sizeof(double));
        if (scores->task == TRIVET_TASK_REGRESSION) {
            part.truth[n] = scores->truth[i];
        } else {
            part.classes[n] = scores->classes[i];
            part.decisions[n] = scores->decisions[i];
        }
    }
    *out = part;
    return TRIVET_OK;
}

static enum trivet_status report_slice(const struct slicing *slicing, const char *column,
                                       const struct slice *slice, struct trivet_arena *arena,
                                       struct trivet_slice_report *out, struct trivet_error *err)
{
    struct trivet_scores part;
    struct trivet_evaluation evaluation = {0};
    enum trivet_status status =
        pick(slicing->scores, slicing->keys, slice->key, slice->n_rows, arena, &part, err);
    if (status == TRIVET_OK) {
        status = trivet_evaluation_summarise(&part, arena, &evaluation, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    *out = (struct trivet_slice_report){
        .column = column,
        .value = slice->value,
        .n_rows = slice->n_rows,
        .n_metrics = evaluation.n_metrics,
        .metrics = trivet_arena_alloc_array(arena, evaluation.n_metrics, sizeof *out->metrics),
    };
    if (out->metrics == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    memcpy(out->metrics, evaluation.metrics, evaluation.n_metrics * sizeof *out->metrics);
    return TRIVET_OK;
}

static enum trivet_status slice_column(const struct trivet_scores *scores,
                                       const struct trivet_column *column,
                                       struct trivet_arena *arena, struct trivet_evaluation *out,
                                       struct trivet_error *err)
{
    struct slicing slicing = {.scores = scores, .arena = arena};
    slicing.keys = trivet_arena_alloc_array(arena, scores->n_rows, sizeof(uint32_t));
    const char *name = trivet_arena_strdup(arena, column->name);
    if (slicing.keys == NULL || name == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    enum trivet_status status = column->type == TRIVET_COLUMN_NUMERIC
                                    ? slice_numbers(&slicing, column, err)
                                    : slice_texts(&slicing, column, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < scores->n_rows; i++) {
        if (slicing.keys[i] != UINT32_MAX) {
            slicing.slices[slicing.keys[i]].n_rows++;
        }
    }
    if (column->type != TRIVET_COLUMN_NUMERIC) {
        qsort(slicing.slices, slicing.n_slices, sizeof(struct slice), compare_slices);
    }
    for (size_t k = 0; k < slicing.n_slices && k < TRIVET_SLICES_MAX && status == TRIVET_OK; k++) {
        if (slicing.slices[k].n_rows > 0) {
            status = report_slice(&slicing, name, &slicing.slices[k], arena,
                                  &out->slices[out->n_slices++], err);
        }
    }
    return status;
}

enum trivet_status trivet_evaluation_slices(const struct trivet_scores *scores,
                                            const struct trivet_table *table,
                                            const struct trivet_evaluate_options *options,
                                            struct trivet_arena *arena,
                                            struct trivet_evaluation *out, struct trivet_error *err)
{
    size_t n_max = options->n_slice_columns * TRIVET_SLICES_MAX;
    out->slices = trivet_arena_alloc_array(arena, n_max, sizeof *out->slices);
    if (out->slices == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t c = 0; c < options->n_slice_columns && status == TRIVET_OK; c++) {
        const char *name = options->slice_columns[c];
        size_t j = 0;
        while (j < table->n_columns && strcmp(table->columns[j].name, name) != 0) {
            j++;
        }
        if (j == table->n_columns) {
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "the data has no column '%s' to tell slices apart by", name);
            trivet_error_add_violation(err, "slice_columns", "no column '%s'", name);
            return TRIVET_INVALID_ARGUMENT;
        }
        status = slice_column(scores, &table->columns[j], arena, out, err);
    }
    return status;
}
