#include "serving/batch.h"

#include "base/clock.h"

#include <math.h>
#include <string.h>

size_t trivet_batch_rows_max(const struct trivet_pipeline *pipeline, size_t rows_max)
{
    size_t row_bytes = sizeof(double) * (trivet_pipeline_n_features(pipeline) +
                                         trivet_pipeline_n_outputs(pipeline) + 1);
    size_t fit = TRIVET_BATCH_BYTES_MAX / row_bytes;
    if (fit == 0) {
        fit = 1;
    }
    return fit < rows_max ? fit : rows_max;
}

/* The slice's rows as features at `x`. */
static enum trivet_status transform_slice(const struct trivet_batch *batch,
                                          const struct trivet_slice *slice,
                                          struct trivet_arena *arena, struct trivet_matrix x,
                                          struct trivet_error *err)
{
    struct trivet_pool_task *task = slice->task;
    if (slice->whole) {
        return trivet_pipeline_transform(batch->pipeline, &task->rows, arena, x, task->row_status,
                                         err);
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, task->rows.n_columns, sizeof(*columns));
    if (columns == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while predicting; send fewer rows, or try again");
    }
    struct trivet_table rows = trivet_table_slice(&task->rows, slice->first, slice->count, columns);
    return trivet_pipeline_transform(batch->pipeline, &rows, arena, x,
                                     task->row_status + slice->first, err);
}

/* --- by the plan ----------------------------------------------------------------------------- */

/* Rows of one kind, from wherever their tasks have them. */
struct planned {
    bool single;
    bool nan_is_missing;
};

static bool is_planned(const struct trivet_batch *batch, const struct trivet_slice *slice)
{
    return batch->plan != NULL && slice->task->matrix != NULL;
}

static bool is_of(const struct trivet_batch *batch, const struct trivet_slice *slice,
                  struct planned kind)
{
    const struct trivet_pool_task *task = slice->task;
    return is_planned(batch, slice) && task->matrix_single == kind.single &&
           task->nan_is_missing == kind.nan_is_missing;
}

static const void *row_of(const struct trivet_pool_task *task, size_t row)
{
    size_t value_bytes = task->matrix_single ? sizeof(float) : sizeof(double);
    return (const char *)task->matrix + row * task->rows.n_columns * value_bytes;
}

/* All slices of one kind as one product, straight to their tasks. False when out of memory. */
static bool predict_planned(const struct trivet_batch *batch, struct planned kind,
                            struct trivet_arena *arena)
{
    size_t n_outputs = trivet_pipeline_n_outputs(batch->pipeline);
    size_t n_rows = 0;
    for (size_t i = 0; i < batch->n_slices; i++) {
        n_rows += is_of(batch, &batch->slices[i], kind) ? batch->slices[i].count : 0;
    }
    if (n_rows == 0) {
        return true;
    }
    const void **rows = trivet_arena_alloc_array(arena, n_rows, sizeof(*rows));
    struct trivet_row_status *faults = trivet_arena_alloc_array(arena, n_rows, sizeof(*faults));
    double *out = trivet_arena_alloc_array(arena, n_rows * n_outputs, sizeof(*out));
    size_t scratch_bytes = trivet_plan_scratch_bytes(batch->plan, n_rows);
    /* Pieces of this size are aligned to 64 bytes. */
    void *scratch = trivet_arena_alloc(arena, scratch_bytes < 256 ? 256 : scratch_bytes);
    if (rows == NULL || faults == NULL || out == NULL || scratch == NULL) {
        return false;
    }
    size_t n = 0;
    for (size_t i = 0; i < batch->n_slices; i++) {
        const struct trivet_slice *slice = &batch->slices[i];
        for (size_t k = 0; is_of(batch, slice, kind) && k < slice->count; k++, n++) {
            rows[n] = row_of(slice->task, slice->first + k);
            faults[n] = slice->task->row_status[slice->first + k];
        }
    }
    const struct trivet_row_view view = {.n_rows = n_rows, .single = kind.single, .rows = rows};
    (void)trivet_plan_predict(batch->plan, &view, kind.nan_is_missing, out, faults, scratch);
    n = 0;
    for (size_t i = 0; i < batch->n_slices; i++) {
        const struct trivet_slice *slice = &batch->slices[i];
        if (is_of(batch, slice, kind)) {
            memcpy(slice->task->outputs + slice->first * n_outputs, out + n * n_outputs,
                   slice->count * n_outputs * sizeof(*out));
            memcpy(slice->task->row_status + slice->first, faults + n,
                   slice->count * sizeof(*faults));
            n += slice->count;
        }
    }
    return true;
}

/* Rows that the plan has not predicted. */
static size_t predict_all_planned(struct trivet_batch *batch, struct trivet_arena *arena)
{
    size_t n_left = 0;
    for (int i = 0; i < 4 && batch->plan != NULL && batch->status == TRIVET_OK; i++) {
        if (!predict_planned(batch, (struct planned){(i & 1) != 0, (i & 2) != 0}, arena)) {
            batch->status =
                trivet_error_set(&batch->error, TRIVET_RESOURCE_EXHAUSTED,
                                 "out of memory for a batch of %zu rows; try again", batch->n_rows);
        }
    }
    for (size_t i = 0; i < batch->n_slices; i++) {
        n_left += is_planned(batch, &batch->slices[i]) ? 0 : batch->slices[i].count;
    }
    return n_left;
}

/* --- by transformers and estimator ----------------------------------------------------------- */

/* Transforms what can be; returns how many rows of x are filled. */
static size_t
transform_all(struct trivet_batch *batch, struct trivet_arena *arena, struct trivet_matrix x,
              void (*fail)(void *ctx, struct trivet_slice *slice, const struct trivet_error *err),
              void *ctx)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < batch->n_slices; i++) {
        struct trivet_slice *slice = &batch->slices[i];
        if (is_planned(batch, slice)) {
            continue;
        }
        struct trivet_matrix part = x;
        part.data = x.data + n_rows * x.stride;
        part.n_rows = slice->count;
        struct trivet_error err;
        if (transform_slice(batch, slice, arena, part, &err) == TRIVET_OK) {
            n_rows += slice->count;
        } else {
            slice->failed = true;
            fail(ctx, slice, &err);
        }
    }
    return n_rows;
}

/* Outputs of `n_rows` rows to their task; NaN where a row has a fault or gets one. */
static void hand_out(const double *from, size_t n_rows, size_t n_outputs, double *to,
                     struct trivet_row_status *rows)
{
    memcpy(to, from, n_rows * n_outputs * sizeof(*to));
    for (size_t i = 0; i < n_rows; i++) {
        double *row = to + i * n_outputs;
        for (size_t j = 0; rows[i].fault == TRIVET_ROW_FINE && j < n_outputs; j++) {
            if (!isfinite(row[j])) {
                rows[i].fault = TRIVET_ROW_OVERFLOW;
                rows[i].column = 0;
            }
        }
        for (size_t j = 0; rows[i].fault != TRIVET_ROW_FINE && j < n_outputs; j++) {
            row[j] = NAN;
        }
    }
}

static enum trivet_status make_matrix(struct trivet_arena *arena, size_t n_rows, size_t n_cols,
                                      struct trivet_matrix *out, struct trivet_error *err)
{
    /* Never of zero bytes: a pipeline may have dropped every column. */
    double *data = trivet_arena_alloc_array(arena, n_rows * n_cols + 1, sizeof(*data));
    if (data == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for a batch of %zu rows of %zu values; try again",
                                n_rows, n_cols);
    }
    *out = (struct trivet_matrix){data, n_rows, n_cols, n_cols};
    return TRIVET_OK;
}

void trivet_batch_run(struct trivet_batch *batch, struct trivet_arena *arena,
                      void (*fail)(void *ctx, struct trivet_slice *slice,
                                   const struct trivet_error *err),
                      void *ctx)
{
    int64_t started_ns = trivet_clock_monotonic_ns();
    trivet_arena_reset(arena);
    size_t n_outputs = trivet_pipeline_n_outputs(batch->pipeline);
    struct trivet_matrix x = {0};
    struct trivet_matrix out = {0};
    struct trivet_error *err = &batch->error;
    batch->status = TRIVET_OK;
    size_t n_left = predict_all_planned(batch, arena);
    batch->as_planned = n_left == 0 || batch->plan == NULL;
    if (batch->status == TRIVET_OK && n_left > 0) {
        batch->status =
            make_matrix(arena, n_left, trivet_pipeline_n_features(batch->pipeline), &x, err);
    }
    if (batch->status == TRIVET_OK && n_left > 0) {
        batch->status = make_matrix(arena, n_left, n_outputs, &out, err);
    }
    if (batch->status == TRIVET_OK && n_left > 0) {
        size_t n_rows = transform_all(batch, arena, x, fail, ctx);
        struct trivet_const_matrix features = {x.data, n_rows, x.n_cols, x.stride};
        out.n_rows = n_rows;
        if (n_rows > 0) {
            batch->status = trivet_pipeline_estimate(batch->pipeline, features, out, err);
        }
    }
    batch->compute_ns = trivet_clock_monotonic_ns() - started_ns;
    const double *from = out.data;
    for (size_t i = 0; i < batch->n_slices; i++) {
        struct trivet_slice *slice = &batch->slices[i];
        if (batch->status != TRIVET_OK && !slice->failed) {
            slice->failed = true;
            fail(ctx, slice, err);
        }
        if (!slice->failed && !is_planned(batch, slice)) {
            hand_out(from, slice->count, n_outputs, slice->task->outputs + slice->first * n_outputs,
                     slice->task->row_status + slice->first);
            from += slice->count * n_outputs;
        }
    }
}
