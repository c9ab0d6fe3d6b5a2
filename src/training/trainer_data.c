/* Rows: loaded once, then split by number. */
#include "base/alloc.h"
#include "base/text.h"
#include "data/split.h"
#include "training/dataset_load.h"
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

/* The rows that have a target, ascending. */
static enum trivet_status select_rows(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const char *target = trainer->spec->pipeline->target;
    const size_t index = trivet_schema_find(&trainer->schema, target);
    if (index == TRIVET_COLUMN_NOT_FOUND) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the dataset %s has no column '%s'",
                                trainer->record.id, target);
    }
    const size_t n_all = trainer->table.n_rows;
    trainer->rows = trivet_alloc_array(n_all + 1, sizeof(size_t));
    if (trainer->rows == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while %zu rows are split", n_all);
    }
    for (size_t i = 0; i < n_all; i++) {
        if (is_present(&trainer->table.columns[index], i)) {
            trainer->rows[trainer->n_rows++] = i;
        }
    }
    if (trainer->n_rows == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "none of the %zu rows has a value in the target column '%s'; name "
                                "another target or fill it in",
                                n_all, target);
    }
    trainer->n_train = trainer->n_rows;
    return TRIVET_OK;
}

enum trivet_status trivet_trainer_split(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    enum trivet_status status = select_rows(trainer, err);
    const bool hold_out = trainer->spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN &&
                          split != NULL && split->test_size > 0;
    if (status == TRIVET_OK && hold_out) {
        status = trivet_split_train_test(trainer->rows, trainer->n_rows, split->test_size,
                                         split->seed, &trainer->n_train, err);
    }
    return status;
}
