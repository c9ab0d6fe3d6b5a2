#include "evaluation/evaluate.h"

#include "evaluation/evaluate_internal.h"
#include "metrics/catalog.h"
#include "metrics/clustering.h"
#include "metrics/probability.h"
#include "metrics/ranking.h"
#include "metrics/regression.h"

#include <string.h>

#define SILHOUETTE_ROWS_MAX 2000

enum trivet_status trivet_evaluation_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while evaluating; use fewer rows");
}

const struct trivet_metric *trivet_evaluation_metric(const struct trivet_evaluation *evaluation,
                                                     const char *name)
{
    for (size_t m = 0; m < evaluation->n_metrics; m++) {
        if (strcmp(evaluation->metrics[m].name, name) == 0) {
            return &evaluation->metrics[m];
        }
    }
    return NULL;
}

const char *trivet_evaluation_main_metric(enum trivet_task task)
{
    switch (task) {
    case TRIVET_TASK_REGRESSION:
        return trivet_metric_info_main(TRIVET_METRIC_REGRESSION)->name;
    case TRIVET_TASK_CLASSIFICATION:
        return trivet_metric_info_main(TRIVET_METRIC_CLASSIFICATION)->name;
    case TRIVET_TASK_CLUSTERING:
        break;
    }
    return trivet_metric_info_main(TRIVET_METRIC_CLUSTERING)->name;
}

/* --- classification -------------------------------------------------------------------------- */

/* The model's labels, and one more when classes occur that it was not trained on. */
static enum trivet_status take_labels(const struct trivet_scores *scores,
                                      struct trivet_arena *arena, struct trivet_evaluation *out,
                                      struct trivet_error *err)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(scores->pipeline);
    bool unknown = false;
    for (size_t i = 0; i < scores->n_rows && !unknown; i++) {
        unknown = scores->classes[i] == labels->n_labels;
    }
    out->n_labels = labels->n_labels + (unknown ? 1 : 0);
    out->labels = trivet_arena_alloc_array(arena, out->n_labels, sizeof(char *));
    if (out->labels == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    for (size_t k = 0; k < out->n_labels; k++) {
        out->labels[k] = trivet_arena_strdup(
            arena, k < labels->n_labels ? labels->texts[k] : TRIVET_LABEL_NOT_TRAINED);
        if (out->labels[k] == NULL) {
            return trivet_evaluation_no_memory(err);
        }
    }
    return TRIVET_OK;
}

/* Rows of classes that the model knows: scores say nothing of others. Moves nothing when all are.
 */
static enum trivet_status known_rows(const struct trivet_scores *scores, struct trivet_arena *arena,
                                     const uint32_t **classes, const double **outputs,
                                     size_t *n_rows, struct trivet_error *err)
{
    const size_t n_labels = trivet_pipeline_labels(scores->pipeline)->n_labels;
    const size_t width = scores->n_outputs;
    size_t n = 0;
    for (size_t i = 0; i < scores->n_rows; i++) {
        n += scores->classes[i] < n_labels ? 1 : 0;
    }
    *classes = scores->classes;
    *outputs = scores->outputs;
    *n_rows = n;
    if (n == scores->n_rows) {
        return TRIVET_OK;
    }
    uint32_t *kept_classes = trivet_arena_alloc_array(arena, n, sizeof(uint32_t));
    double *kept_outputs = trivet_arena_alloc_array(arena, n * width, sizeof(double));
    if (kept_classes == NULL || kept_outputs == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    n = 0;
    for (size_t i = 0; i < scores->n_rows; i++) {
        if (scores->classes[i] < n_labels) {
            kept_classes[n] = scores->classes[i];
            memcpy(&kept_outputs[n * width], &scores->outputs[i * width], width * sizeof(double));
            n++;
        }
    }
    *classes = kept_classes;
    *outputs = kept_outputs;
    return TRIVET_OK;
}

/* Metrics that look at the scores behind the decisions, where there are any for them. */
static enum trivet_status score_metrics(const struct trivet_scores *scores,
                                        struct trivet_arena *arena, struct trivet_evaluation *out,
                                        struct trivet_error *err)
{
    const size_t n_labels = trivet_pipeline_labels(scores->pipeline)->n_labels;
    const enum trivet_output_kind kind = trivet_pipeline_output_kind(scores->pipeline);
    const uint32_t *classes = NULL;
    const double *outputs = NULL;
    size_t n = 0;
    enum trivet_status status = known_rows(scores, arena, &classes, &outputs, &n, err);
    if (status == TRIVET_OK && kind == TRIVET_OUTPUT_PROBABILITIES) {
        status = trivet_metrics_probability(classes, outputs, n, n_labels,
                                            &out->metrics[out->n_metrics], err);
        out->n_metrics += TRIVET_PROBABILITY_METRICS;
    } else if (status == TRIVET_OK && kind == TRIVET_OUTPUT_MARGINS && scores->n_outputs == 1) {
        struct trivet_ranking *ranking = NULL;
        status = trivet_ranking_create(outputs, 1, classes, 1, n, &ranking, err);
        if (status == TRIVET_OK) {
            out->metrics[out->n_metrics++] = trivet_ranking_roc_auc(ranking);
            out->metrics[out->n_metrics++] = trivet_ranking_pr_auc(ranking);
        }
        trivet_ranking_free(ranking);
    }
    return status;
}

static enum trivet_status summarise_classes(const struct trivet_scores *scores,
                                            struct trivet_arena *arena,
                                            struct trivet_evaluation *out, struct trivet_error *err)
{
    enum trivet_status status = take_labels(scores, arena, out, err);
    if (status != TRIVET_OK) {
        return status;
    }
    out->confusion =
        trivet_arena_alloc_array(arena, out->n_labels * out->n_labels, sizeof(uint64_t));
    out->classes = trivet_arena_alloc_array(arena, out->n_labels, sizeof *out->classes);
    if (out->confusion == NULL || out->classes == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    trivet_metrics_confusion(scores->classes, scores->decisions, scores->n_rows, out->n_labels,
                             out->confusion);
    trivet_metrics_per_class(out->confusion, out->n_labels, out->classes);
    trivet_metrics_classification(out->confusion, out->n_labels, out->metrics);
    out->n_metrics = TRIVET_CLASSIFICATION_METRICS;
    return score_metrics(scores, arena, out, err);
}

/* --- clustering ------------------------------------------------------------------------------ */

static enum trivet_status summarise_clusters(const struct trivet_scores *scores,
                                             struct trivet_evaluation *out,
                                             struct trivet_error *err)
{
    const struct trivet_clustering clustering = {
        .x = scores->features,
        .n_rows = scores->n_rows,
        .n_cols = scores->n_features,
        .labels = scores->decisions,
        .n_clusters = scores->n_outputs,
    };
    struct trivet_dispersion_metrics dispersion;
    double inertia = 0.0;
    for (size_t i = 0; i < scores->n_rows; i++) {
        const double distance = scores->outputs[i * scores->n_outputs + scores->decisions[i]];
        inertia += distance * distance;
    }
    out->metrics[0] = trivet_metric_of("inertia", inertia, true);
    enum trivet_status status =
        trivet_metrics_silhouette(&clustering, SILHOUETTE_ROWS_MAX, 0, &out->metrics[1], err);
    if (status == TRIVET_OK) {
        status = trivet_metrics_dispersion(&clustering, &dispersion, err);
    }
    if (status == TRIVET_OK) {
        out->metrics[2] = dispersion.calinski_harabasz;
        out->metrics[3] = dispersion.davies_bouldin;
        out->n_metrics = 4;
    }
    return status;
}

/* --- all tasks ------------------------------------------------------------------------------- */

enum trivet_status trivet_evaluation_summarise(const struct trivet_scores *scores,
                                               struct trivet_arena *arena,
                                               struct trivet_evaluation *out,
                                               struct trivet_error *err)
{
    *out = (struct trivet_evaluation){
        .task = scores->task,
        .n_rows = scores->n_rows,
        .n_skipped = scores->n_skipped,
        .n_unpredicted = scores->n_unpredicted,
        .skipped_reason = "",
        .importance_metric = "",
    };
    switch (scores->task) {
    case TRIVET_TASK_REGRESSION:
        trivet_metrics_regression(scores->truth, scores->outputs, scores->n_rows, out->metrics);
        out->n_metrics = TRIVET_REGRESSION_METRICS;
        return TRIVET_OK;
    case TRIVET_TASK_CLASSIFICATION:
        return summarise_classes(scores, arena, out, err);
    case TRIVET_TASK_CLUSTERING:
        break;
    }
    return summarise_clusters(scores, out, err);
}

static enum trivet_status check_options(const struct trivet_evaluate_options *options,
                                        struct trivet_error *err)
{
    if (options->n_slice_columns > TRIVET_SLICE_COLUMNS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "slices can be told apart by at most %d columns, not %zu",
                                TRIVET_SLICE_COLUMNS_MAX, options->n_slice_columns);
    }
    if (options->permutation_repeats > TRIVET_PERMUTATION_REPEATS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a column can be shuffled at most %d times, not %u",
                                TRIVET_PERMUTATION_REPEATS_MAX, options->permutation_repeats);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_evaluate(const struct trivet_pipeline *pipeline,
                                   const struct trivet_table *table, const char *target,
                                   const size_t *rows, size_t n_rows,
                                   const struct trivet_evaluate_options *options,
                                   struct trivet_arena *arena, struct trivet_evaluation *out,
                                   struct trivet_error *err)
{
    struct trivet_scores scores;
    struct trivet_evaluation evaluation = {0};
    enum trivet_status status = check_options(options, err);
    if (status == TRIVET_OK) {
        status = trivet_scores_make(pipeline, table, target, rows, n_rows, arena, &scores, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_evaluation_summarise(&scores, arena, &evaluation, err);
    }
    if (status == TRIVET_OK) {
        evaluation.skipped_reason = trivet_arena_strdup(arena, scores.skipped_reason);
        status = evaluation.skipped_reason == NULL ? trivet_evaluation_no_memory(err) : TRIVET_OK;
    }
    if (status == TRIVET_OK && options->curves) {
        status = trivet_evaluation_curves(&scores, arena, &evaluation, err);
    }
    if (status == TRIVET_OK && options->n_slice_columns > 0) {
        status = trivet_evaluation_slices(&scores, table, options, arena, &evaluation, err);
    }
    if (status == TRIVET_OK && options->permutation_repeats > 0) {
        status =
            trivet_evaluation_importances(&scores, table, target, options, arena, &evaluation, err);
    }
    if (status == TRIVET_OK) {
        *out = evaluation;
    }
    return status;
}
