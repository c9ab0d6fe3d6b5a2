#include "training/dataset_load.h"

#include "data/pack.h"

static enum trivet_status read_schema(struct trivet_store *store, const char *id,
                                      uint64_t bytes_max, struct trivet_store_dataset *record,
                                      struct trivet_schema *schema, struct trivet_error *err)
{
    struct trivet_buffer bytes = {0};
    enum trivet_status status = trivet_store_dataset_get(store, id, record, &bytes, err);
    if (status == TRIVET_OK && !record->committed) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the dataset %s is not committed; send its chunks and commit it",
                                  record->id);
    }
    if (status == TRIVET_OK && record->stored_bytes > bytes_max) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the dataset %s has %llu bytes, at most %llu can be held here; "
                                  "use a part of it",
                                  record->id, (unsigned long long)record->stored_bytes,
                                  (unsigned long long)bytes_max);
    }
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, schema, err);
        if (status == TRIVET_INVALID_ARGUMENT) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS, "the stored schema of %s is damaged",
                                      record->id);
        }
    }
    trivet_buffer_release(&bytes);
    return status;
}

static enum trivet_status append_chunk(struct trivet_store *store, const char *id, uint32_t chunk,
                                       struct trivet_buffer *bytes, struct trivet_dataset *dataset,
                                       struct trivet_error *err)
{
    uint64_t n_rows = 0;
    bytes->n_bytes = 0;
    enum trivet_status status = trivet_store_dataset_read(store, id, chunk, bytes, &n_rows, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_dataset_append_packed(dataset, bytes->data, bytes->n_bytes, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "dataset %s, chunk %u: ", id, (unsigned)chunk);
    }
    return status;
}

enum trivet_status trivet_dataset_load(struct trivet_store *store, const char *id,
                                       uint64_t bytes_max, trivet_chunk_cb on_chunk, void *ctx,
                                       struct trivet_store_dataset *record,
                                       struct trivet_schema *schema, struct trivet_dataset **out,
                                       struct trivet_error *err)
{
    struct trivet_store_dataset found;
    struct trivet_schema columns = {0};
    struct trivet_dataset *dataset = NULL;
    struct trivet_buffer bytes = {0};
    enum trivet_status status = read_schema(store, id, bytes_max, &found, &columns, err);
    if (status == TRIVET_OK) {
        status = trivet_dataset_create(&columns, (size_t)found.n_rows, &dataset, err);
    }
    const uint32_t n_chunks = status == TRIVET_OK ? (uint32_t)found.n_chunks : 0;
    for (uint32_t chunk = 0; chunk < n_chunks && status == TRIVET_OK; chunk++) {
        status = on_chunk == NULL ? TRIVET_OK : on_chunk(ctx, chunk, n_chunks, err);
        if (status == TRIVET_OK) {
            status = append_chunk(store, id, chunk, &bytes, dataset, err);
        }
    }
    trivet_buffer_release(&bytes);
    if (status == TRIVET_OK) {
        status = trivet_dataset_seal(dataset, err);
    }
    if (status != TRIVET_OK) {
        trivet_dataset_free(dataset);
        trivet_schema_release(&columns);
        return status;
    }
    if (schema != NULL) {
        *schema = columns;
    } else {
        trivet_schema_release(&columns);
    }
    if (record != NULL) {
        *record = found;
    }
    *out = dataset;
    return TRIVET_OK;
}
