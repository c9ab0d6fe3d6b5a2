/* Rows: from the store's chunks into memory, without a copy beside it. */
#include "base/alloc.h"
#include "base/text.h"
#include "data/pack.h"
#include "data/split.h"
#include "training/trainer_internal.h"

#include <math.h>
#include <string.h>

#define DETAIL_BYTES 128

static enum trivet_status read_schema(struct trivet_trainer *trainer, struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    enum trivet_status status = trivet_store_dataset_get(trainer->store, trainer->spec->dataset_id,
                                                         &trainer->record, &bytes, err);
    if (status == TRIVET_OK && !trainer->record.committed) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the dataset %s is not committed; send its chunks and commit it",
                                  trainer->record.id);
    }
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, &trainer->schema, err);
        if (status == TRIVET_INVALID_ARGUMENT) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS, "the stored schema of %s is damaged",
                                      trainer->record.id);
        }
    }
    trivet_buffer_release(&bytes);
    return status;
}

static enum trivet_status append_chunk(struct trivet_trainer *trainer, uint32_t chunk,
                                       struct trivet_buffer *bytes, struct trivet_error *err)
{
    uint64_t n_rows = 0;
    bytes->n_bytes = 0;
    enum trivet_status status = trivet_store_dataset_read(trainer->store, trainer->spec->dataset_id,
                                                          chunk, bytes, &n_rows, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_dataset_append_packed(trainer->dataset, bytes->data, bytes->n_bytes, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "dataset %s, chunk %u: ", trainer->record.id, (unsigned)chunk);
    }
    return status;
}

enum trivet_status trivet_trainer_load(struct trivet_trainer *trainer, struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    enum trivet_status status = read_schema(trainer, err);
    if (status == TRIVET_OK) {
        status = trivet_dataset_create(&trainer->schema, (size_t)trainer->record.n_rows,
                                       &trainer->dataset, err);
    }
    const uint32_t n_chunks = (uint32_t)trainer->record.n_chunks;
    for (uint32_t chunk = 0; chunk < n_chunks && status == TRIVET_OK; chunk++) {
        char detail[DETAIL_BYTES];
        trivet_text_format(detail, sizeof detail, "chunk %u of %u", (unsigned)chunk + 1,
                           (unsigned)n_chunks);
        status = trivet_trainer_progress(trainer, (double)chunk / n_chunks, detail, false, err);
        if (status == TRIVET_OK) {
            status = append_chunk(trainer, chunk, &bytes, err);
        }
    }
    trivet_buffer_release(&bytes);
    if (status == TRIVET_OK) {
        status = trivet_dataset_seal(trainer->dataset, err);
    }
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
