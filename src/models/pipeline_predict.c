/* The two halves of a prediction. */
#include "base/alloc.h"
#include "models/pipeline_internal.h"
#include "models/transformers/column.h"

#include <math.h>
#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)-1 / 4)
#define ARENA_KEEP_BYTES   ((size_t)1 << 20)

static enum trivet_status check_shapes(const struct trivet_pipeline *pipeline,
                                       const struct trivet_table *table, struct trivet_matrix x,
                                       struct trivet_error *err)
{
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    if (table->n_columns != pipeline->inputs.n_columns) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the model takes %zu columns, not %zu; bind them by name first",
                                pipeline->inputs.n_columns, table->n_columns);
    }
    if (x.n_rows != table->n_rows || x.n_cols != pipeline->layout.n_features) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu rows make %zu x %zu features, but there is room for %zu x %zu",
                                table->n_rows, table->n_rows, pipeline->layout.n_features, x.n_rows,
                                x.n_cols);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_pipeline_transform(const struct trivet_pipeline *pipeline,
                                             const struct trivet_table *table,
                                             struct trivet_arena *arena, struct trivet_matrix x,
                                             struct trivet_row_status *rows,
                                             struct trivet_error *err)
{
    enum trivet_status status = check_shapes(pipeline, table, x, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *room =
        trivet_arena_alloc_array(arena, 2 * pipeline->n_columns_max, sizeof *room);
    if (room == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    const struct trivet_column *columns = table->columns;
    struct trivet_column *next = room;
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        status = trivet_step_transform(&pipeline->steps[i], columns, table->n_rows, arena, next,
                                       rows, err);
        if (status != TRIVET_OK) {
            return status;
        }
        columns = next;
        next = next == room ? &room[pipeline->n_columns_max] : room;
    }
    trivet_layout_fill(&pipeline->layout, pipeline->estimator->accepts_missing, columns,
                       table->n_rows, x, rows);
    return TRIVET_OK;
}

enum trivet_status trivet_pipeline_estimate(const struct trivet_pipeline *pipeline,
                                            struct trivet_const_matrix x, struct trivet_matrix out,
                                            struct trivet_error *err)
{
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    return pipeline->estimator->predict(pipeline->state, x, out, err);
}

/* NaN for rows with a fault, and a fault for rows whose prediction is not finite. */
static void mark_failed(struct trivet_matrix out, struct trivet_row_status *rows)
{
    for (size_t i = 0; i < out.n_rows; i++) {
        double *row = &out.data[i * out.stride];
        for (size_t k = 0; k < out.n_cols; k++) {
            if (!isfinite(row[k])) {
                trivet_row_set_fault(&rows[i], TRIVET_ROW_OVERFLOW, 0);
            }
        }
        for (size_t k = 0; rows[i].fault != TRIVET_ROW_FINE && k < out.n_cols; k++) {
            row[k] = NAN;
        }
    }
}

/* What a slice needs: its rows, and before them those that their features look back to. */
struct slice_scratch {
    struct trivet_arena *arena;
    struct trivet_column *columns;    /* of the inputs */
    double *x;                        /* slice_rows + history, by features */
    struct trivet_row_status *before; /* of the rows looked back to, whose faults were told */
};

/* Rows [first, first + out.n_rows) of `table`. */
static enum trivet_status predict_slice(const struct trivet_pipeline *pipeline,
                                        const struct trivet_table *table, size_t first,
                                        const struct slice_scratch *scratch,
                                        struct trivet_matrix out, struct trivet_row_status *rows,
                                        struct trivet_error *err)
{
    size_t n_features = pipeline->layout.n_features;
    size_t history = first < pipeline->history_rows ? first : pipeline->history_rows;
    size_t n_rows = history + out.n_rows;
    struct trivet_table slice =
        trivet_table_slice(table, first - history, n_rows, scratch->columns);
    struct trivet_matrix x = {
        .data = scratch->x, .n_rows = n_rows, .n_cols = n_features, .stride = n_features};
    struct trivet_const_matrix read = {.data = &x.data[history * n_features],
                                       .n_rows = out.n_rows,
                                       .n_cols = n_features,
                                       .stride = n_features};
    struct trivet_row_status *slice_rows = rows;
    if (history > 0) {
        slice_rows = scratch->before;
        memset(slice_rows, 0, history * sizeof *rows);
        memcpy(&slice_rows[history], rows, out.n_rows * sizeof *rows);
    }
    enum trivet_status status =
        trivet_pipeline_transform(pipeline, &slice, scratch->arena, x, slice_rows, err);
    if (status == TRIVET_OK && history > 0) {
        memcpy(rows, &slice_rows[history], out.n_rows * sizeof *rows);
    }
    if (status == TRIVET_OK) {
        status = trivet_pipeline_estimate(pipeline, read, out, err);
    }
    if (status == TRIVET_OK) {
        mark_failed(out, rows);
    }
    return status;
}

static enum trivet_status predict_bound(const struct trivet_pipeline *pipeline,
                                        const struct trivet_table *table, struct trivet_matrix out,
                                        struct trivet_row_status *rows, struct trivet_error *err)
{
    size_t slice_rows =
        table->n_rows < TRIVET_PIPELINE_SLICE_ROWS ? table->n_rows : TRIVET_PIPELINE_SLICE_ROWS;
    size_t room_rows = slice_rows + pipeline->history_rows;
    enum trivet_status status = TRIVET_OK;
    struct slice_scratch scratch = {
        .arena = trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES),
        .columns = trivet_alloc_array(table->n_columns, sizeof(struct trivet_column)),
        .x = trivet_alloc_aligned(room_rows * pipeline->layout.n_features + 1, sizeof(double)),
        .before = trivet_alloc_array(room_rows + 1, sizeof(struct trivet_row_status)),
    };
    if (scratch.arena == NULL || scratch.columns == NULL || scratch.x == NULL ||
        scratch.before == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    for (size_t first = 0; status == TRIVET_OK && first < table->n_rows; first += slice_rows) {
        size_t count = table->n_rows - first < slice_rows ? table->n_rows - first : slice_rows;
        struct trivet_matrix slice_out = {.data = &out.data[first * out.stride],
                                          .n_rows = count,
                                          .n_cols = out.n_cols,
                                          .stride = out.stride};
        trivet_arena_reset(scratch.arena);
        status = predict_slice(pipeline, table, first, &scratch, slice_out, &rows[first], err);
    }
done:
    trivet_arena_free(scratch.arena);
    trivet_free(scratch.columns);
    trivet_free(scratch.x);
    trivet_free(scratch.before);
    return status;
}

enum trivet_status trivet_pipeline_predict(const struct trivet_pipeline *pipeline,
                                           const struct trivet_table *table,
                                           struct trivet_matrix out, struct trivet_row_status *rows,
                                           struct trivet_error *err)
{
    struct trivet_table bound;
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    if (out.n_rows != table->n_rows || out.n_cols != trivet_pipeline_n_outputs(pipeline)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu rows make %zu x %zu outputs, but there is room for %zu x %zu",
                                table->n_rows, table->n_rows, trivet_pipeline_n_outputs(pipeline),
                                out.n_rows, out.n_cols);
    }
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    enum trivet_status status = trivet_table_bind(table, &pipeline->inputs, arena, &bound, err);
    if (status == TRIVET_OK) {
        status = predict_bound(pipeline, &bound, out, rows, err);
    }
    trivet_arena_free(arena);
    return status;
}
