/* Rows: loaded once, then split by number. */
#include "base/alloc.h"
#include "base/text.h"
#include "data/split.h"
#include "models/registry.h"
#include "training/dataset_load.h"
#include "training/job_features.h"
#include "training/trainer_internal.h"

#include <math.h>
#include <string.h>

#define DETAIL_BYTES 128

static enum trivet_status on_chunk(void *ctx, uint32_t chunk, uint32_t n_chunks,
                                   struct trivet_error *err)
{
    struct trivet_trainer *trainer = ctx;
    char detail[DETAIL_BYTES];
    trivet_text_format(detail, sizeof detail, "chunk %u of %u", (unsigned)chunk + 1,
                       (unsigned)n_chunks);
    return trivet_trainer_progress(trainer, (double)chunk / n_chunks, detail, false, err);
}

enum trivet_status trivet_trainer_load(struct trivet_trainer *trainer, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_dataset_load(trainer->store, trainer->spec->dataset_id, UINT64_MAX, on_chunk,
                            trainer, &trainer->record, &trainer->schema, &trainer->dataset, err);
    if (status == TRIVET_OK) {
        trainer->table = trivet_dataset_table(trainer->dataset);
    }
    return status;
}

static bool is_present(const struct trivet_column *column, size_t row)
{
    return column->type == TRIVET_COLUMN_NUMERIC
               ? !isnan(column->numbers[row * column->stride])
               : column->codes[row * column->stride] != TRIVET_CODE_NULL;
}

/* The rows that have a target, ascending; all where there is none to have. */
static enum trivet_status select_rows(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const char *target = trainer->spec->pipeline->target;
    const size_t n_all = trainer->table.n_rows;
    const struct trivet_column *column = NULL;
    if (trainer->task != TRIVET_TASK_CLUSTERING) {
        const size_t index = trivet_schema_find(&trainer->schema, target);
        if (index == TRIVET_COLUMN_NOT_FOUND) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the dataset %s has no column '%s'", trainer->record.id,
                                    target);
        }
        column = &trainer->table.columns[index];
    }
    trainer->rows = trivet_alloc_array(n_all + 1, sizeof(size_t));
    if (trainer->rows == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while %zu rows are split", n_all);
    }
    for (size_t i = 0; i < n_all; i++) {
        if (column == NULL || is_present(column, i)) {
            trainer->rows[trainer->n_rows++] = i;
        }
    }
    trainer->n_without_target = n_all - trainer->n_rows;
    if (trainer->n_rows == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "none of the %zu rows has a value in the target column '%s'; name "
                                "another target or fill it in",
                                n_all, target);
    }
    return TRIVET_OK;
}

/* A regression on a single value has nothing to learn. */
static enum trivet_status check_target(const struct trivet_trainer *trainer,
                                       struct trivet_error *err)
{
    if (trainer->task != TRIVET_TASK_REGRESSION || trainer->n_rows < 2) {
        return TRIVET_OK;
    }
    const size_t index = trivet_schema_find(&trainer->schema, trainer->spec->pipeline->target);
    const struct trivet_column *column = &trainer->table.columns[index];
    const double first = column->numbers[trainer->rows[0] * column->stride];
    for (size_t i = 1; i < trainer->n_rows; i++) {
        if (column->numbers[trainer->rows[i] * column->stride] != first) {
            return TRIVET_OK;
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "target '%s' is %g in all %zu rows, so that there is nothing to learn; "
                            "name another target",
                            column->name, first, trainer->n_rows);
}

static enum trivet_status hold_out(struct trivet_trainer *trainer, double test_size, uint64_t seed,
                                   struct trivet_error *err)
{
    const size_t n = trainer->n_rows;
    uint32_t *keys = trivet_alloc_array(n, sizeof(uint32_t));
    size_t *positions = trivet_alloc_array(n, sizeof(size_t));
    size_t *rows = trivet_alloc_array(n + 1, sizeof(size_t));
    enum trivet_status status = TRIVET_OK;
    if (keys == NULL || positions == NULL || rows == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory while %zu rows are split", n);
        goto done;
    }
    const struct trivet_split_plan plan =
        trivet_splitter_plan(&trainer->splitter, trainer->rows, n, seed, keys);
    status = trivet_split_holdout(&plan, test_size, positions, &trainer->n_train, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        rows[i] = trainer->rows[positions[i]];
    }
    trivet_free(trainer->rows);
    trainer->rows = rows;
    rows = NULL;
done:
    trivet_free(keys);
    trivet_free(positions);
    trivet_free(rows);
    return status;
}

/* The task of the estimator, or of those that a search will try. */
static enum trivet_status find_task(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const struct trivet_estimator_ops *ops = NULL;
    const char *estimator = trainer->spec->pipeline->estimator;
    if (trainer->spec->search != NULL) {
        enum trivet_status status = trivet_trainer_lay_out_search(trainer, err);
        if (status != TRIVET_OK) {
            return status;
        }
        estimator = trainer->candidates.list[0].spec->estimator;
    }
    enum trivet_status status = trivet_registry_estimator(estimator, &ops, err);
    if (status == TRIVET_OK) {
        trainer->task = ops->task;
    }
    return status;
}

/* Folds of the training rows: of a search, of a cross-validation, or both. */
static size_t most_folds(const struct trivet_trainer *trainer)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    const size_t n = split != NULL ? split->folds : 0;
    if (trainer->spec->search == NULL && !trainer->spec->learning_curve) {
        return n;
    }
    const size_t searched = trainer->spec->search != NULL ? trainer->spec->search->folds : 0;
    const size_t most = searched > n ? searched : n;
    return most > 0 ? most : (size_t)TRIVET_FOLDS_DEFAULT;
}

/* A class of fewer rows than folds is missing from some tests, and a single row of it, where it is
 * tested, from training: of two classes that leaves one, which cannot be trained on. */
static enum trivet_status check_rare_class(struct trivet_trainer *trainer, size_t n_folds,
                                           struct trivet_error *err)
{
    const struct trivet_splitter *splitter = &trainer->splitter;
    struct trivet_labels labels = {0};
    size_t column = 0;
    size_t rarest = 0;
    size_t *counts = trivet_calloc(splitter->n_keys, sizeof(size_t));
    if (counts == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the classes");
    }
    for (size_t i = 0; i < trainer->n_train; i++) {
        counts[splitter->keys[trainer->rows[i]]]++;
    }
    for (size_t k = 1; k < splitter->n_keys; k++) {
        rarest = counts[k] < counts[rarest] ? k : rarest;
    }
    const size_t n = counts[rarest];
    trivet_free(counts);
    while (strcmp(trainer->table.columns[column].name, trainer->spec->pipeline->target) != 0) {
        column++;
    }
    if (n >= n_folds) {
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_labels_collect(&trainer->table.columns[column],
                                                      trainer->rows, trainer->n_rows, &labels, err);
    if (status == TRIVET_OK && n == 1 && splitter->n_keys == 2) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "class '%.64s' has 1 row among the %zu to train on, and the fold "
                                  "that tests it would have the other class alone to learn from; "
                                  "give more rows of it, or do without folds",
                                  labels.texts[rarest], trainer->n_train);
    } else if (status == TRIVET_OK) {
        trivet_text_format(trainer->rare_class, sizeof trainer->rare_class,
                           "class '%.64s' has %zu row%s for %zu folds: some test none of it; give "
                           "more rows of it, or use fewer folds",
                           labels.texts[rarest], n, n == 1 ? "" : "s", n_folds);
    }
    trivet_labels_release(&labels);
    return status;
}

enum trivet_status trivet_trainer_split(struct trivet_trainer *trainer, struct trivet_error *err)
{
    static const Trivet__V1__SplitSpec none = TRIVET__V1__SPLIT_SPEC__INIT;
    const Trivet__V1__SplitSpec *split =
        trainer->spec->split == NULL ? &none : trainer->spec->split;
    enum trivet_status status =
        trivet_job_features(trainer->spec, &trainer->schema, &trainer->features, err);
    if (status == TRIVET_OK) {
        status = find_task(trainer, err);
    }
    if (status == TRIVET_OK) {
        status = select_rows(trainer, err);
    }
    if (status == TRIVET_OK) {
        status = check_target(trainer, err);
    }
    if (status == TRIVET_OK && trainer->spec->pipeline->drop_duplicates) {
        status = trivet_trainer_drop_duplicates(trainer, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_splitter_init(split->kind, trainer->task, &trainer->table,
                                      trainer->spec->pipeline->target, split->column, trainer->rows,
                                      trainer->n_rows, &trainer->splitter, err);
    }
    trainer->n_train = trainer->n_rows;
    if (status == TRIVET_OK && split->test_size > 0 &&
        trainer->spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN) {
        status = hold_out(trainer, split->test_size, split->seed, err);
    }
    const size_t n_folds = most_folds(trainer);
    if (status == TRIVET_OK && n_folds > 0 && trainer->splitter.kind == TRIVET_SPLIT_STRATIFIED) {
        status = check_rare_class(trainer, n_folds, err);
    }
    return status;
}
