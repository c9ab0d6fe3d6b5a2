#include "evaluation/cross_validate.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)-1 / 4)
#define ARENA_KEEP_BYTES   ((size_t)1 << 20)

/* One cross-validation on its way. */
struct folding {
    const struct trivet_validation_plan *plan;
    struct trivet_arena *scratch; /* owned: of one fold */
    uint32_t *fold_of_row;        /* owned */
    uint32_t *keys;               /* owned */
    size_t *train;                /* owned, room for n_rows */
    size_t *test;                 /* owned, room for n_rows */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while cross-validating; use fewer rows");
}

static void folding_release(struct folding *folding)
{
    trivet_arena_free(folding->scratch);
    trivet_free(folding->fold_of_row);
    trivet_free(folding->keys);
    trivet_free(folding->train);
    trivet_free(folding->test);
}

static enum trivet_status folding_init(struct folding *folding, struct trivet_error *err)
{
    const struct trivet_validation_plan *plan = folding->plan;
    folding->scratch = trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES);
    folding->fold_of_row = trivet_alloc_array(plan->n_rows, sizeof(uint32_t));
    folding->keys = trivet_alloc_array(plan->n_rows, sizeof(uint32_t));
    folding->train = trivet_alloc_array(plan->n_rows, sizeof(size_t));
    folding->test = trivet_alloc_array(plan->n_rows, sizeof(size_t));
    if (folding->scratch == NULL || folding->fold_of_row == NULL || folding->keys == NULL ||
        folding->train == NULL || folding->test == NULL) {
        return no_memory(err);
    }
    struct trivet_split_plan split =
        trivet_splitter_plan(plan->splitter, plan->rows, plan->n_rows, plan->seed, folding->keys);
    return trivet_split_assign_folds(&split, plan->n_folds, folding->fold_of_row, err);
}

/* The evaluation's metrics alone, without what lives in the scratch arena. */
static void keep_metrics(const struct trivet_evaluation *from, struct trivet_evaluation *to)
{
    *to = (struct trivet_evaluation){
        .task = from->task,
        .n_rows = from->n_rows,
        .n_skipped = from->n_skipped,
        .n_metrics = from->n_metrics,
        .importance_metric = "",
    };
    memcpy(to->metrics, from->metrics, sizeof to->metrics);
}

static enum trivet_status score(struct folding *folding, const struct trivet_pipeline *pipeline,
                                const size_t *rows, size_t n_rows, struct trivet_evaluation *out,
                                struct trivet_error *err)
{
    static const struct trivet_evaluate_options metrics_only = {0};
    struct trivet_evaluation evaluation = {0};
    const char *target = folding->plan->spec->target;
    trivet_arena_reset(folding->scratch);
    enum trivet_status status =
        trivet_evaluate(pipeline, folding->plan->table, target, rows, n_rows, &metrics_only,
                        folding->scratch, &evaluation, err);
    if (status == TRIVET_OK) {
        keep_metrics(&evaluation, out);
    }
    return status;
}

static enum trivet_status fit_and_score(struct folding *folding, struct trivet_fold *fold,
                                        struct trivet_error *err)
{
    const struct trivet_validation_plan *plan = folding->plan;
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = plan->seed, .n_threads = plan->n_threads};
    struct trivet_evaluation train = {0};
    enum trivet_status status = trivet_pipeline_create(plan->spec, plan->schema, &pipeline, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_fit(pipeline, plan->table, folding->train, fold->n_train, &context,
                                     &report, err);
    }
    if (status == TRIVET_OK) {
        status = score(folding, pipeline, folding->test, fold->n_test, &fold->evaluation, err);
    }
    if (status == TRIVET_OK && plan->train_metric != NULL) {
        status = score(folding, pipeline, folding->train, fold->n_train, &train, err);
        const struct trivet_metric *metric = trivet_evaluation_metric(&train, plan->train_metric);
        fold->train_score = metric != NULL ? *metric : (struct trivet_metric){0};
    }
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
    return status;
}

/* A part of the fold's training rows, still ascending: larger parts hold the smaller ones. */
static void take_part(struct folding *folding, uint32_t index, struct trivet_fold *fold)
{
    const struct trivet_validation_plan *plan = folding->plan;
    const size_t n = (size_t)fold->n_train;
    const size_t n_wanted = (size_t)ceil(plan->train_fraction * (double)n);
    struct trivet_rng rng;
    size_t kept = 0;
    if (plan->splitter->kind == TRIVET_SPLIT_TIME) {
        memmove(folding->train, &folding->train[n - n_wanted], n_wanted * sizeof(size_t));
        fold->n_train = n_wanted;
        return;
    }
    trivet_rng_seed(&rng, plan->seed + index);
    for (size_t i = 0; i < n; i++) {
        /* Each row has a number of its own; those with the lowest numbers are taken. */
        if (trivet_rng_uniform(&rng) < plan->train_fraction) {
            folding->train[kept++] = folding->train[i];
        }
    }
    fold->n_train = kept > 0 ? kept : 1;
}

static enum trivet_status run_fold(struct folding *folding, uint32_t index,
                                   struct trivet_fold *fold, struct trivet_error *err)
{
    const struct trivet_validation_plan *plan = folding->plan;
    fold->n_train = 0;
    fold->n_test = 0;
    for (size_t i = 0; i < plan->n_rows; i++) {
        if (trivet_split_tests(folding->fold_of_row[i], index)) {
            folding->test[fold->n_test++] = plan->rows[i];
        } else if (trivet_split_trains(plan->splitter->kind, folding->fold_of_row[i], index)) {
            folding->train[fold->n_train++] = plan->rows[i];
        }
    }
    if (plan->train_fraction > 0.0 && plan->train_fraction < 1.0) {
        take_part(folding, index, fold);
    }
    enum trivet_status status = fit_and_score(folding, fold, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "fold %u: ", (unsigned)index + 1);
    }
    return status;
}

/* Mean and deviation of metric m over the folds where it is defined. */
static void summarise(struct trivet_cross_validation *out, size_t m)
{
    double sum = 0.0;
    double squares = 0.0;
    size_t n = 0;
    for (size_t k = 0; k < out->n_folds; k++) {
        const struct trivet_metric *metric = &out->folds[k].evaluation.metrics[m];
        sum += metric->defined ? metric->value : 0.0;
        n += metric->defined ? 1 : 0;
    }
    double mean = n > 0 ? sum / (double)n : 0.0;
    for (size_t k = 0; k < out->n_folds; k++) {
        const struct trivet_metric *metric = &out->folds[k].evaluation.metrics[m];
        double difference = metric->defined ? metric->value - mean : 0.0;
        squares += difference * difference;
    }
    double deviation = n > 0 ? sqrt(squares / (double)n) : 0.0;
    const char *name = out->folds[0].evaluation.metrics[m].name;
    out->mean[m] = (struct trivet_metric){.name = name, .value = mean, .defined = n > 0};
    out->deviation[m] = (struct trivet_metric){.name = name, .value = deviation, .defined = n > 0};
}

static enum trivet_status run_folds(struct folding *folding, struct trivet_cross_validation *result,
                                    struct trivet_error *err)
{
    const struct trivet_validation_plan *plan = folding->plan;
    for (size_t k = 0; k < plan->n_folds; k++) {
        enum trivet_fold_verdict verdict =
            plan->on_fold != NULL ? plan->on_fold(plan->ctx, k, plan->n_folds, result->folds)
                                  : TRIVET_FOLD_GO_ON;
        if (verdict == TRIVET_FOLD_CANCEL) {
            return trivet_error_set(err, TRIVET_CANCELLED,
                                    "cross-validation was cancelled before fold %zu of %zu", k + 1,
                                    plan->n_folds);
        }
        if (verdict == TRIVET_FOLD_ENOUGH && k > 0) {
            break;
        }
        enum trivet_status status = run_fold(folding, (uint32_t)k, &result->folds[k], err);
        if (status != TRIVET_OK) {
            return status;
        }
        result->n_folds = k + 1;
    }
    result->n_metrics = result->folds[0].evaluation.n_metrics;
    for (size_t m = 0; m < result->n_metrics; m++) {
        summarise(result, m);
    }
    return TRIVET_OK;
}

static enum trivet_status check_count(const struct trivet_validation_plan *plan,
                                      struct trivet_error *err)
{
    if (plan->n_folds < 2 || plan->n_folds > TRIVET_FOLDS_MAX || plan->n_folds > plan->n_rows) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "%zu folds cannot be made of %zu rows; give 2 to %d folds, and no more "
                         "than rows",
                         plan->n_folds, plan->n_rows, TRIVET_FOLDS_MAX);
        trivet_error_add_violation(err, "folds", "must be 2 to %d and at most the number of rows",
                                   TRIVET_FOLDS_MAX);
        return TRIVET_INVALID_ARGUMENT;
    }
    return TRIVET_OK;
}

enum trivet_status trivet_cross_validate_check(const struct trivet_validation_plan *plan,
                                               struct trivet_error *err)
{
    struct folding folding = {.plan = plan};
    enum trivet_status status = check_count(plan, err);
    if (status == TRIVET_OK) {
        status = folding_init(&folding, err);
    }
    folding_release(&folding);
    return status;
}

enum trivet_status trivet_cross_validate(const struct trivet_validation_plan *plan,
                                         struct trivet_arena *arena,
                                         struct trivet_cross_validation *out,
                                         struct trivet_error *err)
{
    struct folding folding = {.plan = plan};
    struct trivet_cross_validation result = {0};
    if (check_count(plan, err) != TRIVET_OK) {
        return TRIVET_INVALID_ARGUMENT;
    }
    result.folds = trivet_arena_alloc_array(arena, plan->n_folds, sizeof *result.folds);
    if (result.folds == NULL) {
        return no_memory(err);
    }
    memset(result.folds, 0, plan->n_folds * sizeof *result.folds);
    enum trivet_status status = folding_init(&folding, err);
    if (status == TRIVET_OK) {
        status = run_folds(&folding, &result, err);
    }
    if (status == TRIVET_OK) {
        *out = result;
    }
    folding_release(&folding);
    return status;
}
