#include "evaluation/evaluate.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "models/rows.h"

#include <math.h>
#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)-1 / 4)
#define SLICE_ROWS         4096

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while evaluating; use fewer rows");
}

/* Rows that are being scored, slice by slice. */
struct scoring {
    const struct trivet_pipeline *pipeline;
    struct trivet_table inputs; /* bound */
    struct trivet_column target;
    struct trivet_arena *arena;       /* owned: of one slice */
    struct trivet_row_status *status; /* owned, SLICE_ROWS */
    double *slice_out;                /* owned, SLICE_ROWS * n_outputs */
    double *truth;                    /* owned, all rows */
    double *predicted;                /* owned, all rows */
    size_t n_scored;
};

static void scoring_release(struct scoring *scoring)
{
    trivet_arena_free(scoring->arena);
    trivet_free(scoring->status);
    trivet_free(scoring->slice_out);
    trivet_free(scoring->truth);
    trivet_free(scoring->predicted);
}

static enum trivet_status scoring_init(struct scoring *scoring, size_t n_rows,
                                       struct trivet_error *err)
{
    size_t n_outputs = trivet_pipeline_n_outputs(scoring->pipeline);
    scoring->arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    scoring->status = trivet_alloc_array(SLICE_ROWS, sizeof(struct trivet_row_status));
    scoring->slice_out = trivet_alloc_array(SLICE_ROWS * n_outputs, sizeof(double));
    scoring->truth = trivet_alloc_array(n_rows, sizeof(double));
    scoring->predicted = trivet_alloc_array(n_rows, sizeof(double));
    bool complete = scoring->arena != NULL && scoring->status != NULL &&
                    scoring->slice_out != NULL && scoring->truth != NULL &&
                    scoring->predicted != NULL;
    return complete ? TRIVET_OK : no_memory(err);
}

static enum trivet_status score_slice(struct scoring *scoring, const size_t *rows, size_t count,
                                      struct trivet_error *err)
{
    struct trivet_table slice;
    size_t n_outputs = trivet_pipeline_n_outputs(scoring->pipeline);
    struct trivet_matrix out = {
        .data = scoring->slice_out, .n_rows = count, .n_cols = n_outputs, .stride = n_outputs};
    trivet_arena_reset(scoring->arena);
    memset(scoring->status, 0, count * sizeof *scoring->status);
    enum trivet_status status =
        trivet_rows_gather(&scoring->inputs, rows, count, scoring->arena, &slice, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_predict(scoring->pipeline, &slice, out, scoring->status, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        double truth = scoring->target.numbers[rows[i] * scoring->target.stride];
        if (scoring->status[i].fault == TRIVET_ROW_FINE && isfinite(truth)) {
            scoring->truth[scoring->n_scored] = truth;
            scoring->predicted[scoring->n_scored] = out.data[i * n_outputs];
            scoring->n_scored++;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status score_rows(struct scoring *scoring, const size_t *rows, size_t n_rows,
                                     struct trivet_error *err)
{
    enum trivet_status status = scoring_init(scoring, n_rows, err);
    size_t all[SLICE_ROWS];
    for (size_t first = 0; status == TRIVET_OK && first < n_rows; first += SLICE_ROWS) {
        size_t count = n_rows - first < SLICE_ROWS ? n_rows - first : SLICE_ROWS;
        for (size_t i = 0; rows == NULL && i < count; i++) {
            all[i] = first + i;
        }
        status = score_slice(scoring, rows != NULL ? &rows[first] : all, count, err);
    }
    return status;
}

/* The pipeline's inputs and the column `target`, found by name. */
static enum trivet_status bind(struct scoring *scoring, const struct trivet_table *table,
                               const char *target, struct trivet_arena *arena,
                               struct trivet_error *err)
{
    struct trivet_table bound;
    struct trivet_schema schema = {0};
    const struct trivet_schema *inputs = trivet_pipeline_inputs(scoring->pipeline);
    enum trivet_status status = trivet_table_bind(table, inputs, arena, &scoring->inputs, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_add(&schema, target, TRIVET_COLUMN_NUMERIC, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_table_bind(table, &schema, arena, &bound, err);
    }
    if (status == TRIVET_OK) {
        scoring->target = bound.columns[0];
    }
    trivet_schema_release(&schema);
    return status;
}

static enum trivet_status check_task(const struct trivet_pipeline *pipeline,
                                     struct trivet_error *err)
{
    if (trivet_pipeline_task(pipeline) == TRIVET_TASK_REGRESSION) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_UNIMPLEMENTED,
                            "only regressions can be evaluated so far; this model is another task");
}

static enum trivet_status summarise(const struct scoring *scoring, size_t n_rows,
                                    struct trivet_evaluation *out, struct trivet_error *err)
{
    if (scoring->n_scored == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "none of %zu rows can be scored: each lacks the true outcome or a "
                                "prediction; check the target and the inputs",
                                n_rows);
    }
    struct trivet_evaluation evaluation = {
        .task = TRIVET_TASK_REGRESSION,
        .n_rows = scoring->n_scored,
        .n_skipped = n_rows - scoring->n_scored,
        .n_metrics = TRIVET_REGRESSION_METRICS,
    };
    trivet_metrics_regression(scoring->truth, scoring->predicted, scoring->n_scored,
                              evaluation.metrics);
    *out = evaluation;
    return TRIVET_OK;
}

enum trivet_status trivet_evaluate(const struct trivet_pipeline *pipeline,
                                   const struct trivet_table *table, const char *target,
                                   const size_t *rows, size_t n_rows, struct trivet_evaluation *out,
                                   struct trivet_error *err)
{
    struct scoring scoring = {.pipeline = pipeline};
    size_t n = rows != NULL ? n_rows : table->n_rows;
    enum trivet_status status = check_task(pipeline, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return no_memory(err);
    }
    status = bind(&scoring, table, target, arena, err);
    if (status == TRIVET_OK) {
        status = score_rows(&scoring, rows, n, err);
    }
    if (status == TRIVET_OK) {
        status = summarise(&scoring, n, out, err);
    }
    scoring_release(&scoring);
    trivet_arena_free(arena);
    return status;
}
