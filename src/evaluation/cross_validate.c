/* k-fold cross-validation: every fold makes and fits the whole pipeline anew, so that nothing of
 * the test rows (their means, categories …) reaches the fit. */
#include "base/alloc.h"
#include "data/split.h"
#include "evaluation/evaluate.h"

#include <math.h>
#include <string.h>

/* One cross-validation on its way. */
struct folding {
    const Trivet__V1__PipelineSpec *spec;
    const struct trivet_schema *schema;
    const struct trivet_table *table;
    const size_t *rows; /* NULL: all of the table */
    size_t n_rows;
    uint64_t seed;
    uint32_t *fold_of_row; /* owned */
    size_t *train;         /* owned, room for n_rows */
    size_t *test;          /* owned, room for n_rows */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while cross-validating; use fewer rows");
}

static void folding_release(struct folding *folding)
{
    trivet_free(folding->fold_of_row);
    trivet_free(folding->train);
    trivet_free(folding->test);
}

static enum trivet_status folding_init(struct folding *folding, size_t n_folds,
                                       struct trivet_error *err)
{
    folding->fold_of_row = trivet_alloc_array(folding->n_rows, sizeof(uint32_t));
    folding->train = trivet_alloc_array(folding->n_rows, sizeof(size_t));
    folding->test = trivet_alloc_array(folding->n_rows, sizeof(size_t));
    if (folding->fold_of_row == NULL || folding->train == NULL || folding->test == NULL) {
        return no_memory(err);
    }
    return trivet_split_folds(folding->n_rows, n_folds, folding->seed, folding->fold_of_row, err);
}

static enum trivet_status fit_and_score(const struct folding *folding, struct trivet_fold *fold,
                                        struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = folding->seed};
    enum trivet_status status =
        trivet_pipeline_create(folding->spec, folding->schema, &pipeline, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_fit(pipeline, folding->table, folding->train, fold->n_train,
                                     &context, &report, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_evaluate(pipeline, folding->table, trivet_pipeline_target(pipeline)->name,
                                 folding->test, fold->n_test, &fold->evaluation, err);
    }
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
    return status;
}

static enum trivet_status run_fold(struct folding *folding, size_t index, struct trivet_fold *fold,
                                   struct trivet_error *err)
{
    fold->n_train = 0;
    fold->n_test = 0;
    for (size_t i = 0; i < folding->n_rows; i++) {
        size_t row = folding->rows != NULL ? folding->rows[i] : i;
        if (folding->fold_of_row[i] == index) {
            folding->test[fold->n_test++] = row;
        } else {
            folding->train[fold->n_train++] = row;
        }
    }
    enum trivet_status status = fit_and_score(folding, fold, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "fold %zu: ", index + 1);
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

static enum trivet_status run_folds(struct folding *folding, size_t n_folds, trivet_fold_cb on_fold,
                                    void *ctx, struct trivet_cross_validation *result,
                                    struct trivet_error *err)
{
    for (size_t k = 0; k < n_folds; k++) {
        if (on_fold != NULL && !on_fold(ctx, k, n_folds)) {
            return trivet_error_set(err, TRIVET_CANCELLED,
                                    "cross-validation was cancelled before fold %zu of %zu", k + 1,
                                    n_folds);
        }
        enum trivet_status status = run_fold(folding, k, &result->folds[k], err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    result->n_folds = n_folds;
    result->n_metrics = result->folds[0].evaluation.n_metrics;
    for (size_t m = 0; m < result->n_metrics; m++) {
        summarise(result, m);
    }
    return TRIVET_OK;
}

enum trivet_status
trivet_cross_validate(const Trivet__V1__PipelineSpec *spec, const struct trivet_schema *schema,
                      const struct trivet_table *table, const size_t *rows, size_t n_rows,
                      size_t n_folds, uint64_t seed, trivet_fold_cb on_fold, void *ctx,
                      struct trivet_cross_validation *out, struct trivet_error *err)
{
    struct folding folding = {
        .spec = spec,
        .schema = schema,
        .table = table,
        .rows = rows,
        .n_rows = rows != NULL ? n_rows : table->n_rows,
        .seed = seed,
    };
    if (n_folds < 2 || n_folds > TRIVET_FOLDS_MAX || n_folds > folding.n_rows) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "%zu folds cannot be made of %zu rows; give 2 to %d folds, and no more "
                         "than rows",
                         n_folds, folding.n_rows, TRIVET_FOLDS_MAX);
        trivet_error_add_violation(err, "folds", "must be 2 to %d and at most the number of rows",
                                   TRIVET_FOLDS_MAX);
        return TRIVET_INVALID_ARGUMENT;
    }
    struct trivet_cross_validation *result = trivet_calloc(1, sizeof *result);
    if (result == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = folding_init(&folding, n_folds, err);
    if (status == TRIVET_OK) {
        status = run_folds(&folding, n_folds, on_fold, ctx, result, err);
    }
    if (status == TRIVET_OK) {
        *out = *result;
    }
    trivet_free(result);
    folding_release(&folding);
    return status;
}
