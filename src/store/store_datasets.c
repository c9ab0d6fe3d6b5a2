/* Datasets, checked and stamped, on their way to the backend. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/front.h"

#include <string.h>

enum trivet_status trivet_store_dataset_create_as(struct trivet_store_txn *txn, const char *id,
                                                  const char *name, const void *schema,
                                                  size_t schema_bytes,
                                                  struct trivet_store_dataset *out,
                                                  struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_DATA, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the dataset's id", id, TRIVET_STORE_ID_BYTES - 1, err);
    if (status == TRIVET_OK)
        status =
            trivet_store_check_text("the dataset's name", name, TRIVET_STORE_TITLE_BYTES - 1, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the schema", schema, schema_bytes,
                                          TRIVET_STORE_OPAQUE_BYTES_MAX, err);
    if (status != TRIVET_OK)
        return status;
    struct trivet_store_dataset record = {.created_unix_us = trivet_clock_unix_us()};
    (void)trivet_text_copy(record.id, sizeof(record.id), id);
    (void)trivet_text_copy(record.name, sizeof(record.name), name);
    status = txn->store->ops->dataset_create(
        txn->state, &record, (struct trivet_store_bytes){.data = schema, .n_bytes = schema_bytes},
        err);
    if (status == TRIVET_OK)
        *out = record;
    return trivet_store_txn_note(txn, status);
}

enum trivet_status trivet_store_dataset_create(struct trivet_store_txn *txn, const char *name,
                                               const void *schema, size_t schema_bytes,
                                               struct trivet_store_dataset *out,
                                               struct trivet_error *err)
{
    char id[TRIVET_STORE_ID_BYTES];
    trivet_store_make_id("ds-", id);
    return trivet_store_dataset_create_as(txn, id, name, schema, schema_bytes, out, err);
}

static enum trivet_status check_chunk(uint32_t chunk, const void *data, size_t n_bytes,
                                      uint64_t n_rows, struct trivet_error *err)
{
    if (chunk >= TRIVET_STORE_CHUNKS_MAX)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "chunk %u is beyond the last one, %u; send larger chunks", chunk,
                                TRIVET_STORE_CHUNKS_MAX - 1u);
    if (n_bytes == 0 || n_rows == 0 || n_rows > TRIVET_STORE_CHUNK_ROWS_MAX)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "chunk %u has %llu rows in %zu bytes; send 1 to %llu rows", chunk,
                                (unsigned long long)n_rows, n_bytes,
                                (unsigned long long)TRIVET_STORE_CHUNK_ROWS_MAX);
    return trivet_store_check_bytes("a chunk", data, n_bytes, TRIVET_STORE_CHUNK_BYTES_MAX, err);
}

enum trivet_status trivet_store_dataset_append(struct trivet_store *store, const char *id,
                                               uint32_t chunk, const void *data, size_t n_bytes,
                                               uint64_t n_rows, struct trivet_store_dataset *out,
                                               struct trivet_error *err)
{
    if (store->mode != TRIVET_STORE_OWNER)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the store was opened for reading only");
    enum trivet_status status = check_chunk(chunk, data, n_bytes, n_rows, err);
    if (status != TRIVET_OK)
        return status;
    struct trivet_store_chunk record = {.dataset_id = id,
                                        .number = chunk,
                                        .data = data,
                                        .n_bytes = n_bytes,
                                        .n_rows = n_rows,
                                        .now_unix_us = trivet_clock_unix_us()};
    /* Hashed before the writer lock is taken. */
    status = trivet_sha256_of(data, n_bytes, record.digest, err);
    if (status != TRIVET_OK)
        return status;
    return store->ops->dataset_append(store->backend, &record, out, err);
}

enum trivet_status trivet_store_dataset_commit(struct trivet_store_txn *txn, const char *id,
                                               uint32_t n_chunks, struct trivet_store_dataset *out,
                                               struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_DATA, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn,
                                 txn->store->ops->dataset_commit(txn->state, id, n_chunks,
                                                                 trivet_clock_unix_us(), out, err));
}

enum trivet_status trivet_store_dataset_set_origin(struct trivet_store_txn *txn, const char *id,
                                                   const char *grown_from, uint64_t n_base_rows,
                                                   struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_DATA, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_name("a model", grown_from, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->dataset_set_origin(txn->state, id, grown_from, n_base_rows, err));
}

enum trivet_status trivet_store_dataset_delete(struct trivet_store_txn *txn, const char *id,
                                               struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_DATA, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn, txn->store->ops->dataset_delete(txn->state, id, err));
}

/* *more: one was deleted, there may be another. */
static enum trivet_status expire_one(struct trivet_store *store, int64_t oldest_unix_us, bool *more,
                                     struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    char id[TRIVET_STORE_ID_BYTES] = "";
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    if (status != TRIVET_OK)
        return status;
    status = store->ops->dataset_expire(txn->state, oldest_unix_us, id, err);
    if (status != TRIVET_OK || id[0] == '\0') {
        trivet_store_abort(txn);
        return status;
    }
    status = trivet_store_commit(txn, err);
    if (status == TRIVET_OK) {
        trivet_log(TRIVET_LOG_INFO, "dataset_expired",
                   "dataset=%s message=its upload was not finished", id);
        *more = true;
    }
    return status;
}

size_t trivet_store_dataset_expire(struct trivet_store *store, int64_t now_unix_us)
{
    struct trivet_error err = {.message = ""};
    enum trivet_status status = TRIVET_OK;
    size_t n_expired = 0;
    bool more = true;
    while (status == TRIVET_OK && more && n_expired < TRIVET_STORE_EXPIRE_MAX) {
        more = false;
        status = expire_one(store, now_unix_us - TRIVET_STORE_OPEN_KEEP_US, &more, &err);
        n_expired += more ? 1 : 0;
    }
    if (status != TRIVET_OK)
        trivet_log(TRIVET_LOG_WARN, "expire_failed", "message=%s", err.message);
    return n_expired;
}

enum trivet_status trivet_store_dataset_get(struct trivet_store *store, const char *id,
                                            struct trivet_store_dataset *out,
                                            struct trivet_buffer *schema, struct trivet_error *err)
{
    const size_t start = schema == NULL ? 0 : schema->n_bytes;
    enum trivet_status status = store->ops->dataset_get(store->backend, id, out, schema, err);
    if (status != TRIVET_OK && schema != NULL)
        schema->n_bytes = start;
    return status;
}

enum trivet_status trivet_store_dataset_list(struct trivet_store *store,
                                             struct trivet_store_dataset *out, size_t count_max,
                                             size_t *count, struct trivet_error *err)
{
    return store->ops->dataset_list(store->backend, out, count_max, count, err);
}

enum trivet_status trivet_store_dataset_read(struct trivet_store *store, const char *id,
                                             uint32_t chunk, struct trivet_buffer *data,
                                             uint64_t *n_rows, struct trivet_error *err)
{
    const size_t start = data->n_bytes;
    uint8_t stored[TRIVET_SHA256_BYTES];
    uint8_t digest[TRIVET_SHA256_BYTES];
    uint64_t rows = 0;
    enum trivet_status status =
        store->ops->dataset_read(store->backend, id, chunk, data, &rows, stored, err);
    if (status == TRIVET_OK)
        status = trivet_sha256_of(data->data + start, data->n_bytes - start, digest, err);
    if (status == TRIVET_OK && memcmp(stored, digest, sizeof(digest)) != 0)
        status =
            trivet_error_set(err, TRIVET_DATA_LOSS,
                             "chunk %u of dataset '%.40s' is not what was stored (its checksum "
                             "differs); upload the dataset again or restore a backup",
                             chunk, id);
    if (status != TRIVET_OK) {
        data->n_bytes = start;
        return status;
    }
    *n_rows = rows;
    return TRIVET_OK;
}
