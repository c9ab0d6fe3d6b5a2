#include "base/alloc.h"
#include "base/rng.h"
#include "evaluation/evaluate_internal.h"
#include "metrics/catalog.h"
#include "models/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)-1 / 4)
#define ROWS_MAX           10000

/* One measurement on its way. */
struct permuting {
    const struct trivet_pipeline *pipeline;
    const char *target;
    const char *metric;
    bool greater_is_better;
    struct trivet_table table;     /* the rows, gathered: inputs, then the target */
    struct trivet_column *columns; /* of the table; the arena's */
    struct trivet_arena *kept;     /* owned: of all repetitions */
    struct trivet_arena *scratch;  /* owned: of one repetition */
    struct trivet_rng rng;
};

/* The scored rows, or ROWS_MAX of them by chance, ascending. */
static enum trivet_status choose_rows(struct permuting *permuting,
                                      const struct trivet_scores *scores, size_t **out,
                                      size_t *n_out, struct trivet_error *err)
{
    size_t n = scores->n_rows < ROWS_MAX ? scores->n_rows : ROWS_MAX;
    size_t *rows = trivet_arena_alloc_array(permuting->kept, n, sizeof(size_t));
    if (rows == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    size_t kept = 0;
    for (size_t i = 0; kept < n; i++) {
        if (trivet_rng_below(&permuting->rng, scores->n_rows - i) < n - kept) {
            rows[kept++] = scores->rows[i];
        }
    }
    *out = rows;
    *n_out = n;
    return TRIVET_OK;
}

static enum trivet_status gather(struct permuting *permuting, const struct trivet_table *table,
                                 const struct trivet_scores *scores, struct trivet_error *err)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(permuting->pipeline);
    struct trivet_table bound;
    size_t *rows = NULL;
    size_t n_rows = 0;
    size_t target = 0;
    while (target < table->n_columns &&
           strcmp(table->columns[target].name, permuting->target) != 0) {
        target++;
    }
    enum trivet_status status = choose_rows(permuting, scores, &rows, &n_rows, err);
    if (status == TRIVET_OK) {
        status = trivet_table_bind(table, inputs, permuting->kept, &bound, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_column *columns =
        trivet_arena_alloc_array(permuting->kept, bound.n_columns + 1, sizeof *columns);
    if (columns == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    memcpy(columns, bound.columns, bound.n_columns * sizeof *columns);
    columns[bound.n_columns] = table->columns[target];
    struct trivet_table whole = {
        .n_rows = table->n_rows, .n_columns = bound.n_columns + 1, .columns = columns};
    status = trivet_rows_gather(&whole, rows, n_rows, permuting->kept, &permuting->table, err);
    if (status == TRIVET_OK) {
        memcpy(columns, permuting->table.columns, (bound.n_columns + 1) * sizeof *columns);
        permuting->columns = columns;
        permuting->table.columns = columns;
    }
    return status;
}

static enum trivet_status score(struct permuting *permuting, double *out, struct trivet_error *err)
{
    struct trivet_scores scores;
    struct trivet_evaluation evaluation = {0};
    enum trivet_status status =
        trivet_scores_make(permuting->pipeline, &permuting->table, permuting->target, NULL, 0,
                           permuting->scratch, &scores, err);
    if (status == TRIVET_OK) {
        status = trivet_evaluation_summarise(&scores, permuting->scratch, &evaluation, err);
    }
    if (status == TRIVET_OK) {
        const struct trivet_metric *metric =
            trivet_evaluation_metric(&evaluation, permuting->metric);
        *out = metric != NULL && metric->defined ? metric->value : 0.0;
    }
    return status;
}

/* The column with its values in another order, in the scratch arena. */
static enum trivet_status shuffle(struct permuting *permuting, const struct trivet_column *column,
                                  struct trivet_column *out, struct trivet_error *err)
{
    size_t n = permuting->table.n_rows;
    size_t *order = trivet_arena_alloc_array(permuting->scratch, n, sizeof(size_t));
    struct trivet_table one = {.n_rows = n, .n_columns = 1, .columns = column};
    struct trivet_table shuffled;
    if (order == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        order[i] = i;
    }
    trivet_rng_shuffle(&permuting->rng, order, n);
    enum trivet_status status =
        trivet_rows_gather(&one, order, n, permuting->scratch, &shuffled, err);
    if (status == TRIVET_OK) {
        *out = shuffled.columns[0];
    }
    return status;
}

static enum trivet_status measure_column(struct permuting *permuting, size_t j, double base,
                                         unsigned repeats, struct trivet_importance *out,
                                         struct trivet_error *err)
{
    const struct trivet_column kept = permuting->columns[j];
    double drops[TRIVET_PERMUTATION_REPEATS_MAX];
    double sum = 0.0;
    double squares = 0.0;
    enum trivet_status status = TRIVET_OK;
    for (unsigned r = 0; r < repeats && status == TRIVET_OK; r++) {
        double value = 0.0;
        trivet_arena_reset(permuting->scratch);
        status = shuffle(permuting, &kept, &permuting->columns[j], err);
        if (status == TRIVET_OK) {
            status = score(permuting, &value, err);
        }
        drops[r] = permuting->greater_is_better ? base - value : value - base;
        sum += drops[r];
    }
    permuting->columns[j] = kept;
    out->mean = sum / repeats;
    for (unsigned r = 0; r < repeats && status == TRIVET_OK; r++) {
        squares += (drops[r] - out->mean) * (drops[r] - out->mean);
    }
    out->deviation = sqrt(squares / repeats);
    return status;
}

static int compare(const void *a, const void *b)
{
    const double x = ((const struct trivet_importance *)a)->mean;
    const double y = ((const struct trivet_importance *)b)->mean;
    return (x < y) - (x > y);
}

static enum trivet_status measure(struct permuting *permuting, unsigned repeats,
                                  struct trivet_arena *arena, struct trivet_evaluation *out,
                                  struct trivet_error *err)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(permuting->pipeline);
    double base = 0.0;
    struct trivet_importance *list =
        trivet_arena_alloc_array(arena, inputs->n_columns, sizeof *list);
    enum trivet_status status =
        list == NULL ? trivet_evaluation_no_memory(err) : score(permuting, &base, err);
    for (size_t j = 0; j < inputs->n_columns && status == TRIVET_OK; j++) {
        list[j] = (struct trivet_importance){
            .column = trivet_arena_strdup(arena, inputs->columns[j].name)};
        status = list[j].column == NULL
                     ? trivet_evaluation_no_memory(err)
                     : measure_column(permuting, j, base, repeats, &list[j], err);
    }
    if (status == TRIVET_OK) {
        qsort(list, inputs->n_columns, sizeof *list, compare);
        out->importances = list;
        out->n_importances = inputs->n_columns;
        out->importance_metric = permuting->metric;
    }
    return status;
}

enum trivet_status
trivet_evaluation_importances(const struct trivet_scores *scores, const struct trivet_table *table,
                              const char *target, const struct trivet_evaluate_options *options,
                              struct trivet_arena *arena, struct trivet_evaluation *out,
                              struct trivet_error *err)
{
    struct permuting permuting = {
        .pipeline = scores->pipeline,
        .target = target,
        .metric = trivet_evaluation_main_metric(scores->task),
    };
    if (scores->task == TRIVET_TASK_CLUSTERING) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "importances are measured against true outcomes, which clusters do "
                                "not have; leave them out");
    }
    const struct trivet_metric_info *info = trivet_metric_info_find(permuting.metric);
    permuting.greater_is_better = info == NULL || info->greater_is_better;
    trivet_rng_seed(&permuting.rng, options->seed);
    permuting.kept = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    permuting.scratch = trivet_arena_create(ARENA_BUDGET_BYTES, (size_t)1 << 20);
    enum trivet_status status = permuting.kept == NULL || permuting.scratch == NULL
                                    ? trivet_evaluation_no_memory(err)
                                    : gather(&permuting, table, scores, err);
    if (status == TRIVET_OK) {
        status = measure(&permuting, options->permutation_repeats, arena, out, err);
    }
    trivet_arena_free(permuting.kept);
    trivet_arena_free(permuting.scratch);
    return status;
}
