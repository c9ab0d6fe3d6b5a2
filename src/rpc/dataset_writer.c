#include "rpc/dataset_writer.h"

#include "base/log.h"
#include "base/text.h"
#include "wire/codec.h"

#define CHUNK_VALUES_MAX  (256u << 10) /* 2 MiB of numbers */
#define CHUNK_ARENA_BYTES ((size_t)256 << 20)

enum trivet_status trivet_dataset_writer_create(struct trivet_dataset_writer *writer,
                                                struct trivet_store *store,
                                                const struct trivet_schema *schema,
                                                const char *name, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(CHUNK_ARENA_BYTES, 0);
    struct trivet_buffer bytes = {0};
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_dataset record;
    Trivet__V1__Schema *message = NULL;
    *writer = (struct trivet_dataset_writer){.store = store, .schema = schema};
    enum trivet_status status =
        arena == NULL ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                      : trivet_schema_encode(schema, arena, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, &bytes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_create(txn, name, bytes.data, bytes.n_bytes, &record, err);
        if (status == TRIVET_OK) {
            status = trivet_store_commit(txn, err);
        } else {
            trivet_store_abort(txn);
        }
    }
    if (status == TRIVET_OK) {
        (void)trivet_text_copy(writer->id, sizeof(writer->id), record.id);
    }
    trivet_buffer_release(&bytes);
    trivet_arena_free(arena);
    return status;
}

static enum trivet_status store_chunk(struct trivet_dataset_writer *writer,
                                      struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(CHUNK_ARENA_BYTES, 0);
    struct trivet_table table = trivet_dataset_table(writer->chunk);
    struct trivet_buffer bytes = {0};
    struct trivet_store_dataset record;
    Trivet__V1__Table *message = NULL;
    enum trivet_status status =
        arena == NULL ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                      : trivet_table_encode(&table, arena, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, &bytes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_append(writer->store, writer->id, writer->n_chunks,
                                             bytes.data, bytes.n_bytes, table.n_rows, &record, err);
    }
    if (status == TRIVET_OK) {
        writer->n_chunks++;
        trivet_dataset_free(writer->chunk);
        writer->chunk = NULL;
        writer->chunk_rows = 0;
    }
    trivet_buffer_release(&bytes);
    trivet_arena_free(arena);
    return status;
}

enum trivet_status trivet_dataset_writer_add(struct trivet_dataset_writer *writer,
                                             const struct trivet_table *table,
                                             struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (table->n_rows == 0) {
        return TRIVET_OK;
    }
    if (writer->chunk == NULL) {
        status = trivet_dataset_create(writer->schema, table->n_rows, &writer->chunk, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_dataset_append(writer->chunk, table, err);
    }
    if (status == TRIVET_OK) {
        writer->chunk_rows += table->n_rows;
        writer->n_rows += table->n_rows;
        if (writer->chunk_rows * writer->schema->n_columns >= CHUNK_VALUES_MAX) {
            status = store_chunk(writer, err);
        }
    }
    return status;
}

enum trivet_status trivet_dataset_writer_finish(struct trivet_dataset_writer *writer,
                                                struct trivet_error *err)
{
    return writer->chunk == NULL ? TRIVET_OK : store_chunk(writer, err);
}

void trivet_dataset_writer_release(struct trivet_dataset_writer *writer, bool drop)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    trivet_dataset_free(writer->chunk);
    writer->chunk = NULL;
    if (!drop || writer->id[0] == '\0') {
        return;
    }
    enum trivet_status status = trivet_store_begin(writer->store, TRIVET_STORE_DATA, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_delete(txn, writer->id, &err);
        if (status == TRIVET_OK) {
            status = trivet_store_commit(txn, &err);
        } else {
            trivet_store_abort(txn);
        }
    }
    if (status != TRIVET_OK) {
        /* Nobody sends it any more chunks: it goes when it has been idle for a day. */
        trivet_log(TRIVET_LOG_WARN, "dataset_left_open", "dataset=%s message=%s", writer->id,
                   err.message);
    }
}
