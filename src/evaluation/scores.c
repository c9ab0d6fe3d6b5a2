#include "evaluation/scores.h"

#include "base/alloc.h"
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

/* One scoring on its way. */
struct scoring {
    struct trivet_scores *out;
    struct trivet_table inputs;         /* bound */
    const struct trivet_column *target; /* NULL for clustering */
    struct trivet_arena *arena;         /* owned: of one slice */
    struct trivet_row_status *status;   /* owned, of one slice */
    double *x;                          /* owned, of one slice */
    double *y;                          /* owned, of one slice */
    uint32_t *classes;                  /* owned, of one slice */
    size_t n_slice_max;
};

static void scoring_release(struct scoring *scoring)
{
    trivet_arena_free(scoring->arena);
    trivet_free(scoring->status);
    trivet_free(scoring->x);
    trivet_free(scoring->y);
    trivet_free(scoring->classes);
}

static enum trivet_status scoring_init(struct scoring *scoring, size_t n_slice_max,
                                       struct trivet_error *err)
{
    const struct trivet_scores *out = scoring->out;
    scoring->n_slice_max = n_slice_max;
    scoring->arena = trivet_arena_create(ARENA_BUDGET_BYTES, (size_t)1 << 20);
    scoring->status = trivet_alloc_array(n_slice_max, sizeof(struct trivet_row_status));
    scoring->x = trivet_alloc_aligned(n_slice_max * out->n_features + 1, sizeof(double));
    scoring->y = trivet_alloc_array(n_slice_max * out->n_outputs, sizeof(double));
    scoring->classes = trivet_alloc_array(n_slice_max, sizeof(uint32_t));
    bool complete = scoring->arena != NULL && scoring->status != NULL && scoring->x != NULL &&
                    scoring->y != NULL && scoring->classes != NULL;
    return complete ? TRIVET_OK : no_memory(err);
}

static enum trivet_status make_room(struct trivet_scores *out, size_t n_rows,
                                    struct trivet_arena *arena, struct trivet_error *err)
{
    bool regression = out->task == TRIVET_TASK_REGRESSION;
    bool clustering = out->task == TRIVET_TASK_CLUSTERING;
    if (n_rows > (size_t)-1 / sizeof(double) / (out->n_outputs + out->n_features)) {
        return no_memory(err);
    }
    out->rows = trivet_arena_alloc_array(arena, n_rows, sizeof(size_t));
    out->outputs = trivet_arena_alloc_array(arena, n_rows * out->n_outputs, sizeof(double));
    out->truth = trivet_arena_alloc_array(arena, regression ? n_rows : 0, sizeof(double));
    out->classes = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
    out->decisions = trivet_arena_alloc_array(arena, n_rows, sizeof(uint32_t));
    out->features =
        trivet_arena_alloc_array(arena, clustering ? n_rows * out->n_features : 0, sizeof(double));
    bool complete = out->rows != NULL && out->outputs != NULL && out->truth != NULL &&
                    out->classes != NULL && out->decisions != NULL && out->features != NULL;
    return complete ? TRIVET_OK : no_memory(err);
}

/* Row i of the slice, which is row `number` of the table. */
static void keep_row(struct scoring *scoring, size_t i, size_t number)
{
    struct trivet_scores *out = scoring->out;
    const double *y = &scoring->y[i * out->n_outputs];
    const size_t n = out->n_rows;
    const size_t n_labels = trivet_pipeline_labels(out->pipeline)->n_labels;
    bool predicted = scoring->status[i].fault == TRIVET_ROW_FINE;
    for (size_t k = 0; predicted && k < out->n_outputs; k++) {
        predicted = isfinite(y[k]) != 0;
    }
    bool known = true;
    if (out->task == TRIVET_TASK_REGRESSION) {
        out->truth[n] = scoring->target->numbers[number * scoring->target->stride];
        known = isfinite(out->truth[n]) != 0;
    }
    if (out->task == TRIVET_TASK_CLASSIFICATION) {
        uint32_t class = scoring->classes[i];
        known = class != TRIVET_CLASS_MISSING;
        out->classes[n] = class == TRIVET_CLASS_UNKNOWN ? (uint32_t)n_labels : class;
    }
    out->n_unpredicted += known && !predicted;
    if (!known || !predicted) {
        if (scoring->status[i].fault != TRIVET_ROW_FINE && out->skipped_reason[0] == '\0') {
            trivet_row_fault_text(scoring->status[i], &scoring->inputs, out->skipped_reason,
                                  sizeof out->skipped_reason);
        }
        return;
    }
    out->rows[n] = number;
    memcpy(&out->outputs[n * out->n_outputs], y, out->n_outputs * sizeof(double));
    if (out->task != TRIVET_TASK_REGRESSION) {
        out->decisions[n] = trivet_pipeline_decide(out->pipeline, y);
    }
    if (out->task == TRIVET_TASK_CLUSTERING) {
        memcpy(&out->features[n * out->n_features], &scoring->x[i * out->n_features],
               out->n_features * sizeof(double));
    }
    out->n_rows++;
}

/* The rows [first, first + count) of `numbers`; the `history` rows before them are in the slice
 * only to be looked back to. */
static enum trivet_status score_slice(struct scoring *scoring, const size_t *numbers, size_t count,
                                      size_t history, struct trivet_error *err)
{
    const struct trivet_scores *out = scoring->out;
    struct trivet_table slice;
    struct trivet_matrix x = {
        .data = scoring->x, .n_rows = count, .n_cols = out->n_features, .stride = out->n_features};
    struct trivet_const_matrix read = {
        .data = x.data, .n_rows = x.n_rows, .n_cols = x.n_cols, .stride = x.stride};
    struct trivet_matrix y = {
        .data = scoring->y, .n_rows = count, .n_cols = out->n_outputs, .stride = out->n_outputs};
    trivet_arena_reset(scoring->arena);
    memset(scoring->status, 0, count * sizeof *scoring->status);
    enum trivet_status status =
        trivet_rows_gather(&scoring->inputs, numbers, count, scoring->arena, &slice, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_transform(out->pipeline, &slice, scoring->arena, x,
                                           scoring->status, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_pipeline_estimate(out->pipeline, read, y, err);
    }
    if (status == TRIVET_OK && out->task == TRIVET_TASK_CLASSIFICATION) {
        status = trivet_labels_index(trivet_pipeline_labels(out->pipeline), scoring->target,
                                     numbers, count, scoring->classes, err);
    }
    for (size_t i = history; status == TRIVET_OK && i < count; i++) {
        keep_row(scoring, i, numbers[i]);
    }
    return status;
}

static enum trivet_status score_rows(struct scoring *scoring, const size_t *rows, size_t n_rows,
                                     struct trivet_error *err)
{
    enum trivet_status status = scoring_init(scoring, SLICE_ROWS, err);
    size_t numbers[SLICE_ROWS];
    for (size_t first = 0; status == TRIVET_OK && first < n_rows; first += SLICE_ROWS) {
        size_t count = n_rows - first < SLICE_ROWS ? n_rows - first : SLICE_ROWS;
        for (size_t i = 0; i < count; i++) {
            numbers[i] = rows != NULL ? rows[first + i] : first + i;
        }
        status = score_slice(scoring, numbers, count, 0, err);
    }
    return status;
}

/* Steps look back: one slice from the history of the first row to the last row. */
static enum trivet_status score_in_order(struct scoring *scoring, const size_t *rows, size_t n_rows,
                                         size_t history, struct trivet_error *err)
{
    size_t first = rows != NULL ? rows[0] : 0;
    for (size_t i = 1; rows != NULL && i < n_rows; i++) {
        if (rows[i] != rows[i - 1] + 1) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "lags and rolling windows need rows in order without a gap; "
                                    "split by time");
        }
    }
    size_t before = first < history ? first : history;
    size_t count = before + n_rows;
    size_t *numbers = trivet_alloc_array(count, sizeof(size_t));
    enum trivet_status status =
        numbers == NULL ? no_memory(err) : scoring_init(scoring, count, err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        numbers[i] = first - before + i;
    }
    if (status == TRIVET_OK) {
        status = score_slice(scoring, numbers, count, before, err);
    }
    trivet_free(numbers);
    return status;
}

/* The pipeline's inputs and the column `target`, found by name. */
static enum trivet_status bind(struct scoring *scoring, const struct trivet_table *table,
                               const char *target, struct trivet_arena *arena,
                               struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = scoring->out->pipeline;
    enum trivet_status status =
        trivet_table_bind(table, trivet_pipeline_inputs(pipeline), arena, &scoring->inputs, err);
    if (status != TRIVET_OK || scoring->out->task == TRIVET_TASK_CLUSTERING) {
        return status;
    }
    for (size_t j = 0; j < table->n_columns && scoring->target == NULL; j++) {
        if (strcmp(table->columns[j].name, target) == 0) {
            scoring->target = &table->columns[j];
        }
    }
    if (scoring->target == NULL) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the data has no column '%s' with the true outcomes; name another target",
                         target);
        trivet_error_add_violation(err, "target", "no column '%s'", target);
        return TRIVET_INVALID_ARGUMENT;
    }
    if (scoring->out->task == TRIVET_TASK_REGRESSION &&
        scoring->target->type != TRIVET_COLUMN_NUMERIC) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' holds text, but the model predicts numbers; name a "
                                "numeric target",
                                target);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_scores_make(const struct trivet_pipeline *pipeline,
                                      const struct trivet_table *table, const char *target,
                                      const size_t *rows, size_t n_rows, struct trivet_arena *arena,
                                      struct trivet_scores *out, struct trivet_error *err)
{
    const size_t history = trivet_pipeline_history_rows(pipeline);
    const size_t n = rows != NULL ? n_rows : table->n_rows;
    struct trivet_scores scores = {
        .pipeline = pipeline,
        .task = trivet_pipeline_task(pipeline),
        .n_outputs = trivet_pipeline_n_outputs(pipeline),
        .n_features = trivet_pipeline_n_features(pipeline),
    };
    struct scoring scoring = {.out = &scores};
    enum trivet_status status = bind(&scoring, table, target, arena, err);
    if (status == TRIVET_OK) {
        status = make_room(&scores, n, arena, err);
    }
    if (status == TRIVET_OK && n > 0) {
        status = history > 0 ? score_in_order(&scoring, rows, n, history, err)
                             : score_rows(&scoring, rows, n, err);
    }
    scoring_release(&scoring);
    if (status == TRIVET_OK && scores.n_rows == 0) {
        const char *reason = scores.skipped_reason;
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "none of %zu rows can be scored: each lacks the true outcome or "
                                  "a prediction%s%s; check the target and the inputs",
                                  n, reason[0] != '\0' ? ", the first because of " : "", reason);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    scores.n_skipped = n - scores.n_rows;
    *out = scores;
    return TRIVET_OK;
}
