/* Fitting: one step after the other on the training rows, then the estimator.
 *
 * Memory: the chosen rows are gathered once, one arena; every step makes its columns in an arena of
 * its own, and an arena is freed as soon as no column of the layout lives in it. The estimator
 * gets a matrix of its own to overwrite. So at the peak there are about two copies of the training
 * rows besides the table. */
#include "base/alloc.h"
#include "base/clock.h"
#include "linalg/product.h"
#include "models/pipeline_internal.h"
#include "models/rows.h"
#include "models/transformers/column.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)-1 / 4)
#define ARENAS_MAX         (TRIVET_TRANSFORMERS_MAX + 1)

/* The training rows on their way through the steps. */
struct fitting {
    struct trivet_pipeline *pipeline;
    const size_t *row_numbers; /* in the caller's table; NULL: all */
    size_t n_rows;
    const struct trivet_fit_context *context;
    struct trivet_fit_report *report;
    struct trivet_layout layout;
    struct trivet_column *columns; /* owned, of the layout */
    size_t *owners;                /* owned: arena that each column lives in */
    size_t n_arenas;
    struct trivet_arena *arenas[ARENAS_MAX]; /* owned; NULL when freed */
    struct trivet_row_status *rows;          /* owned */
    double *y;                               /* owned */
};

static void fitting_release(struct fitting *fitting)
{
    for (size_t i = 0; i < fitting->n_arenas; i++) {
        trivet_arena_free(fitting->arenas[i]);
    }
    trivet_layout_release(&fitting->layout);
    trivet_free(fitting->columns);
    trivet_free(fitting->owners);
    trivet_free(fitting->rows);
    trivet_free(fitting->y);
}

/* Number of a training row in the table, counted from 1. */
static size_t row_number(const struct fitting *fitting, size_t i)
{
    return 1 + (fitting->row_numbers != NULL ? fitting->row_numbers[i] : i);
}

static enum trivet_status add_arena(struct fitting *fitting, struct trivet_arena **out,
                                    struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    fitting->arenas[fitting->n_arenas++] = arena;
    *out = arena;
    return TRIVET_OK;
}

static void free_unused_arenas(struct fitting *fitting)
{
    bool used[ARENAS_MAX] = {false};
    for (size_t j = 0; j < fitting->layout.n_features; j++) {
        used[fitting->owners[j]] = true;
    }
    for (size_t i = 0; i < fitting->n_arenas; i++) {
        if (!used[i]) {
            trivet_arena_free(fitting->arenas[i]);
            fitting->arenas[i] = NULL;
        }
    }
}

static enum trivet_status check_not_cancelled(const struct fitting *fitting,
                                              struct trivet_error *err)
{
    const struct trivet_fit_context *context = fitting->context;
    if (context->progress != NULL && !context->progress(context->progress_ctx, 0.0)) {
        return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
    }
    return TRIVET_OK;
}

/* Whether the rows are the table's first ones, in order: then its columns are used as they are. */
static bool are_first_rows(const struct fitting *fitting)
{
    for (size_t i = 0; fitting->row_numbers != NULL && i < fitting->n_rows; i++) {
        if (fitting->row_numbers[i] != i) {
            return false;
        }
    }
    return true;
}

/* The raw inputs of the training rows, and views of them where all rows are taken. */
static enum trivet_status take_inputs(struct fitting *fitting, const struct trivet_table *table,
                                      struct trivet_error *err)
{
    const struct trivet_schema *inputs = &fitting->pipeline->inputs;
    struct trivet_arena *arena = NULL;
    struct trivet_table bound;
    enum trivet_status status = add_arena(fitting, &arena, err);
    if (status == TRIVET_OK) {
        status = trivet_table_bind(table, inputs, arena, &bound, err);
    }
    if (status == TRIVET_OK && !are_first_rows(fitting)) {
        status =
            trivet_rows_gather(&bound, fitting->row_numbers, fitting->n_rows, arena, &bound, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_layout_of_inputs(inputs, &fitting->layout, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    fitting->columns = trivet_alloc_array(bound.n_columns, sizeof(struct trivet_column));
    fitting->owners = trivet_calloc(bound.n_columns, sizeof(size_t));
    if (fitting->columns == NULL || fitting->owners == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    memcpy(fitting->columns, bound.columns, bound.n_columns * sizeof(struct trivet_column));
    return TRIVET_OK;
}

static enum trivet_status check_inputs(const struct fitting *fitting, struct trivet_error *err)
{
    for (size_t j = 0; j < fitting->layout.n_features; j++) {
        const struct trivet_column *column = &fitting->columns[j];
        for (size_t i = 0; column->type == TRIVET_COLUMN_NUMERIC && i < fitting->n_rows; i++) {
            if (isinf(trivet_column_number(column, i))) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "column '%s' is infinite in row %zu; correct the value or "
                                        "leave it missing",
                                        fitting->layout.features[j].name, row_number(fitting, i));
            }
        }
    }
    return TRIVET_OK;
}

static enum trivet_status take_numbers(struct fitting *fitting, const struct trivet_column *column,
                                       struct trivet_error *err)
{
    for (size_t i = 0; i < fitting->n_rows; i++) {
        size_t row = row_number(fitting, i) - 1;
        double value = trivet_column_number(column, row);
        fitting->y[i] = value;
        if (!isfinite(value)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "target '%s' is %s in row %zu; train on rows with a finite "
                                    "target",
                                    column->name, isnan(value) ? "missing" : "infinite", row + 1);
        }
    }
    return TRIVET_OK;
}

/* Labels of the pipeline, y as class indices. */
static enum trivet_status take_classes(struct fitting *fitting, const struct trivet_column *column,
                                       struct trivet_error *err)
{
    struct trivet_labels *labels = &fitting->pipeline->labels;
    uint32_t *classes = trivet_alloc_array(fitting->n_rows, sizeof(uint32_t));
    if (classes == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status =
        trivet_labels_collect(column, fitting->row_numbers, fitting->n_rows, labels, err);
    if (status == TRIVET_OK) {
        status = trivet_labels_index(labels, column, fitting->row_numbers, fitting->n_rows, classes,
                                     err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < fitting->n_rows; i++) {
        fitting->y[i] = (double)classes[i];
        if (classes[i] == TRIVET_CLASS_MISSING) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "target '%s' is missing in row %zu; train on rows with a "
                                      "target",
                                      column->name, row_number(fitting, i));
        }
    }
    trivet_free(classes);
    return status;
}

static enum trivet_status take_target(struct fitting *fitting, const struct trivet_table *table,
                                      struct trivet_error *err)
{
    if (fitting->pipeline->target.name == NULL) {
        return TRIVET_OK;
    }
    struct trivet_schema schema = {.n_columns = 1, .columns = &fitting->pipeline->target};
    struct trivet_table bound;
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    fitting->y = trivet_alloc_array(fitting->n_rows, sizeof(double));
    if (arena == NULL || fitting->y == NULL) {
        trivet_arena_free(arena);
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status = trivet_table_bind(table, &schema, arena, &bound, err);
    if (status == TRIVET_OK) {
        status = fitting->pipeline->estimator->task == TRIVET_TASK_CLASSIFICATION
                     ? take_classes(fitting, &bound.columns[0], err)
                     : take_numbers(fitting, &bound.columns[0], err);
    }
    trivet_arena_free(arena);
    return status;
}

/* The layout's columns that have one of the step's sources as their origin. */
static enum trivet_status choose_columns(const struct trivet_layout *layout,
                                         struct trivet_step *step, struct trivet_error *err)
{
    step->columns = trivet_alloc_array(layout->n_features + 1, sizeof(uint32_t));
    if (step->columns == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t j = 0; j < layout->n_features; j++) {
        for (size_t k = 0; k < step->n_sources; k++) {
            if (step->sources[k] == layout->features[j].origin) {
                step->columns[step->n_columns++] = (uint32_t)j;
                break;
            }
        }
    }
    if (step->n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s has no column left: the steps before it dropped all of them; "
                                "leave it out",
                                step->ops->name);
    }
    return TRIVET_OK;
}

static enum trivet_status fit_step_state(struct fitting *fitting, struct trivet_step *step,
                                         struct trivet_error *err)
{
    struct trivet_column *columns = trivet_alloc_array(step->n_columns, sizeof *columns);
    void *state = trivet_calloc(1, step->ops->state_bytes);
    if (columns == NULL || state == NULL) {
        trivet_free(columns);
        trivet_free(state);
        return trivet_pipeline_no_memory(err);
    }
    for (size_t k = 0; k < step->n_columns; k++) {
        columns[k] = fitting->columns[step->columns[k]];
        columns[k].name = fitting->layout.features[step->columns[k]].name;
    }
    const struct trivet_transform_data data = {
        .columns = columns,
        .n_columns = step->n_columns,
        .n_rows = fitting->n_rows,
        .y = fitting->y,
        .n_classes = fitting->pipeline->labels.n_labels,
    };
    enum trivet_status status =
        step->ops->fit(state, &step->params, &data, fitting->context, fitting->report, err);
    trivet_free(columns);
    if (status != TRIVET_OK) {
        trivet_free(state);
        return status;
    }
    step->state = state;
    return TRIVET_OK;
}

/* A step passes a column through when its values are still those of the input. */
static size_t owner_after(const struct fitting *fitting, const struct trivet_step *step,
                          const struct trivet_column *column, size_t output)
{
    size_t before = step->columns[step->ops->output_source(step->state, output)];
    bool same = column->numbers == fitting->columns[before].numbers &&
                column->codes == fitting->columns[before].codes;
    return same ? fitting->owners[before] : fitting->n_arenas - 1;
}

static enum trivet_status transform_step(struct fitting *fitting, struct trivet_step *step,
                                         struct trivet_error *err)
{
    struct trivet_arena *arena = NULL;
    struct trivet_column *columns = NULL;
    size_t *owners = NULL;
    enum trivet_status status = add_arena(fitting, &arena, err);
    if (status != TRIVET_OK) {
        return status;
    }
    columns = trivet_alloc_array(step->n_after + 1, sizeof *columns);
    owners = trivet_alloc_array(step->n_after + 1, sizeof *owners);
    if (columns == NULL || owners == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    status = trivet_step_transform(step, fitting->columns, fitting->n_rows, arena, columns,
                                   fitting->rows, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    for (size_t n = 0; n < step->n_after; n++) {
        size_t from = step->placement[n];
        owners[n] = from < step->n_before
                        ? fitting->owners[from]
                        : owner_after(fitting, step, &columns[n], from - step->n_before);
    }
    trivet_free(fitting->columns);
    trivet_free(fitting->owners);
    fitting->columns = columns;
    fitting->owners = owners;
    free_unused_arenas(fitting);
    return TRIVET_OK;
done:
    trivet_free(columns);
    trivet_free(owners);
    return status;
}

static enum trivet_status fit_steps(struct fitting *fitting, struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = fitting->pipeline;
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        struct trivet_step *step = &pipeline->steps[i];
        enum trivet_status status = check_not_cancelled(fitting, err);
        if (status == TRIVET_OK) {
            status = choose_columns(&fitting->layout, step, err);
        }
        if (status == TRIVET_OK) {
            status = fit_step_state(fitting, step, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_layout_advance(&fitting->layout, step, err);
        }
        if (status == TRIVET_OK) {
            status = transform_step(fitting, step, err);
        }
        if (status != TRIVET_OK) {
            return status;
        }
    }
    if (fitting->layout.n_features == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the transformers leave no feature to train on; use drop=none or "
                                "add columns");
    }
    return TRIVET_OK;
}

/* Training rows are all or nothing: the first fault is an error. */
static enum trivet_status check_rows(const struct fitting *fitting, size_t first_row,
                                     struct trivet_error *err)
{
    size_t i = first_row;
    while (i < fitting->n_rows && fitting->rows[i].fault == TRIVET_ROW_FINE) {
        i++;
    }
    if (i == fitting->n_rows) {
        return TRIVET_OK;
    }
    struct trivet_row_status first = fitting->rows[i];
    const char *name = fitting->pipeline->inputs.columns[first.column].name;
    if (first.fault == TRIVET_ROW_MISSING) {
        size_t n = 0;
        for (size_t k = i; k < fitting->n_rows; k++) {
            n += fitting->rows[k].fault == first.fault && fitting->rows[k].column == first.column;
        }
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' is missing in %zu of %zu training rows, first in row "
                                "%zu; add an imputer or use the default transformers",
                                name, n, fitting->n_rows, row_number(fitting, i));
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "the transformers make no finite number of column '%s' in row %zu; "
                            "scale the column or leave it out",
                            name, row_number(fitting, i));
}

/* Rows of each class among those that the estimator is trained on. */
static enum trivet_status count_classes(struct fitting *fitting, const double *y, size_t n_rows,
                                        struct trivet_error *err)
{
    const struct trivet_labels *labels = &fitting->pipeline->labels;
    struct trivet_fit_report *report = fitting->report;
    if (labels->n_labels == 0) {
        return TRIVET_OK;
    }
    report->class_counts = trivet_calloc(labels->n_labels, sizeof(uint64_t));
    if (report->class_counts == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    report->n_classes = labels->n_labels;
    for (size_t i = 0; i < n_rows; i++) {
        report->class_counts[(size_t)y[i]]++;
    }
    for (size_t k = 0; k < labels->n_labels; k++) {
        if (report->class_counts[k] == 0) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "class '%s' is only in the first %zu rows, which lack the rows "
                                    "before them; give more rows",
                                    labels->texts[k], fitting->pipeline->history_rows);
        }
    }
    return TRIVET_OK;
}

/* Steps that look back: rows in order, and the first ones have nothing to look back to. */
static enum trivet_status check_history(struct fitting *fitting, struct trivet_error *err)
{
    size_t history = fitting->pipeline->history_rows;
    if (history == 0) {
        return TRIVET_OK;
    }
    for (size_t i = 1; i < fitting->n_rows; i++) {
        if (row_number(fitting, i) != row_number(fitting, i - 1) + 1) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "lags and rolling windows need rows in order without a gap, "
                                    "but row %zu follows row %zu; split by time, with a target in "
                                    "every row",
                                    row_number(fitting, i), row_number(fitting, i - 1));
        }
    }
    if (history >= fitting->n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the features look back %zu rows, but there are only %zu to train "
                                "on; give more rows or shorter lags",
                                history, fitting->n_rows);
    }
    return TRIVET_OK;
}

static enum trivet_status fill_matrix(struct fitting *fitting, struct trivet_matrix x,
                                      struct trivet_error *err)
{
    size_t history = fitting->pipeline->history_rows;
    /* The first rows are passed over in every column. */
    for (size_t j = 0; history > 0 && j < fitting->layout.n_features; j++) {
        fitting->columns[j].numbers += history * fitting->columns[j].stride;
    }
    trivet_layout_fill(&fitting->layout, fitting->pipeline->estimator->accepts_missing,
                       fitting->columns, x.n_rows, x, fitting->rows + history);
    enum trivet_status status = check_rows(fitting, history, err);
    if (status == TRIVET_OK) {
        /* The matrix has it all: the columns make room for the estimator's own work. */
        for (size_t i = 0; i < fitting->n_arenas; i++) {
            trivet_arena_free(fitting->arenas[i]);
            fitting->arenas[i] = NULL;
        }
        status = trivet_pipeline_keep_background(fitting->pipeline, trivet_matrix_read(x),
                                                 fitting->context->seed, err);
    }
    return status;
}

static enum trivet_status fit_estimator(struct fitting *fitting, struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = fitting->pipeline;
    size_t n_features = fitting->layout.n_features;
    size_t history = pipeline->history_rows;
    struct trivet_matrix x = {
        .n_rows = fitting->n_rows - history, .n_cols = n_features, .stride = n_features};
    const double *y = fitting->y != NULL ? fitting->y + history : NULL;
    void *state = NULL;
    enum trivet_status status = count_classes(fitting, y, x.n_rows, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (x.n_rows > (size_t)-1 / sizeof(double) / n_features) {
        return trivet_pipeline_no_memory(err);
    }
    x.data = trivet_alloc_aligned(x.n_rows * n_features, sizeof(double));
    state = trivet_calloc(1, pipeline->estimator->state_bytes);
    if (x.data == NULL || state == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    status = fill_matrix(fitting, x, err);
    if (status == TRIVET_OK) {
        const struct trivet_fit_data data = {
            .x = x, .y = y, .n_classes = pipeline->labels.n_labels};
        const int64_t start_ns = trivet_clock_monotonic_ns();
        status = pipeline->estimator->fit(state, &pipeline->estimator_params, &data,
                                          fitting->context, fitting->report, err);
        fitting->report->estimator_seconds =
            (double)(trivet_clock_monotonic_ns() - start_ns) / (double)TRIVET_NS_PER_S;
    }
    if (status == TRIVET_OK) {
        pipeline->state = state;
        state = NULL;
        assert(trivet_pipeline_outputs_fit(pipeline));
    }
done:
    trivet_free(x.data);
    trivet_free(state);
    return status;
}

static enum trivet_status fit_rows(struct fitting *fitting, const struct trivet_table *table,
                                   struct trivet_error *err)
{
    fitting->rows = trivet_calloc(fitting->n_rows, sizeof(struct trivet_row_status));
    if (fitting->rows == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status = take_inputs(fitting, table, err);
    if (status == TRIVET_OK) {
        status = check_inputs(fitting, err);
    }
    if (status == TRIVET_OK) {
        status = take_target(fitting, table, err);
    }
    if (status == TRIVET_OK) {
        status = fit_steps(fitting, err);
    }
    if (status == TRIVET_OK) {
        trivet_pipeline_set_history(fitting->pipeline);
        status = check_history(fitting, err);
    }
    if (status == TRIVET_OK) {
        status = fit_estimator(fitting, err);
    }
    return status;
}

enum trivet_status trivet_pipeline_fit(struct trivet_pipeline *pipeline,
                                       const struct trivet_table *table, const size_t *rows,
                                       size_t n_rows, const struct trivet_fit_context *context,
                                       struct trivet_fit_report *report, struct trivet_error *err)
{
    struct fitting fitting = {
        .pipeline = pipeline,
        .row_numbers = rows,
        .n_rows = rows != NULL ? n_rows : table->n_rows,
        .context = context,
        .report = report,
    };
    trivet_pipeline_reset(pipeline);
    if (fitting.n_rows == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "there are no rows to train on; give at least one row with a "
                                "target");
    }
    enum trivet_status status = fit_rows(&fitting, table, err);
    if (status == TRIVET_OK) {
        trivet_pipeline_set_layout(pipeline, &fitting.layout);
    } else {
        trivet_pipeline_reset(pipeline);
    }
    fitting_release(&fitting);
    return status;
}
