/* Datasets: a row for each, and its chunks. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <string.h>

#define DATASET_COLUMNS                                                                            \
    "id, name, committed, n_rows, n_chunks, stored_bytes, content_hash, created_us, committed_us," \
    " grown_from, base_rows"

static void read_dataset(struct trivet_sqlite_query *query, struct trivet_store_dataset *out)
{
    trivet_sqlite_column_text(query, out->id, sizeof(out->id));
    trivet_sqlite_column_text(query, out->name, sizeof(out->name));
    out->committed = trivet_sqlite_column_int(query) != 0;
    out->n_rows = trivet_sqlite_column_u64(query);
    out->n_chunks = trivet_sqlite_column_u64(query);
    out->stored_bytes = trivet_sqlite_column_u64(query);
    trivet_sqlite_column_text(query, out->content_hash, sizeof(out->content_hash));
    out->created_unix_us = trivet_sqlite_column_int(query);
    out->committed_unix_us = trivet_sqlite_column_int(query);
    trivet_sqlite_column_text(query, out->grown_from, sizeof(out->grown_from));
    out->n_base_rows = trivet_sqlite_column_u64(query);
}

/* `key` and `schema` may be NULL. */
static enum trivet_status load_dataset(struct trivet_sqlite_conn *conn, const char *id,
                                       struct trivet_store_dataset *out, int64_t *key,
                                       struct trivet_buffer *schema, struct trivet_error *err)
{
    static const char sql[] = "SELECT " DATASET_COLUMNS ", key, schema FROM datasets WHERE id = ?";
    struct trivet_sqlite_query query;
    struct trivet_store_dataset record = {.n_rows = 0};
    int64_t record_key = 0;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, id);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        read_dataset(&query, &record);
        record_key = trivet_sqlite_column_int(&query);
        status = trivet_sqlite_column_append(&query, schema, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status != TRIVET_OK)
        return status;
    if (!row)
        return trivet_error_set(err, TRIVET_NOT_FOUND,
                                "no dataset '%.40s'; see the list of datasets", id);
    *out = record;
    if (key != NULL)
        *key = record_key;
    return TRIVET_OK;
}

/* While the disk is full, the little room in the log is left to deletes. */
static enum trivet_status check_room(const struct trivet_sqlite_conn *conn,
                                     struct trivet_error *err)
{
    return conn->no_room ? trivet_sqlite_error(conn, SQLITE_FULL, err) : TRIVET_OK;
}

static enum trivet_status check_open(struct trivet_sqlite_conn *conn, struct trivet_error *err)
{
    static const char sql[] = "SELECT count(*) FROM datasets WHERE committed = 0";
    struct trivet_sqlite_query query;
    int64_t n_open = 0;
    trivet_sqlite_query_open(&query, conn, sql);
    enum trivet_status status = trivet_sqlite_query_number(&query, &n_open, err);
    if (status == TRIVET_OK && n_open >= TRIVET_STORE_OPEN_DATASETS_MAX)
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "%lld datasets are open, at most %d may be; commit or delete an "
                                  "open one",
                                  (long long)n_open, TRIVET_STORE_OPEN_DATASETS_MAX);
    return status;
}

enum trivet_status trivet_sqlite_dataset_create(void *txn,
                                                const struct trivet_store_dataset *record,
                                                struct trivet_store_bytes schema,
                                                struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO datasets (" DATASET_COLUMNS ", schema, changed_us)"
                              " VALUES (?, ?, 0, 0, 0, 0, '', ?, 0, '', 0, ?, ?)";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    enum trivet_status status = check_room(conn, err);
    if (status == TRIVET_OK)
        status = check_open(conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, record->id);
    trivet_sqlite_bind_text(&query, record->name);
    trivet_sqlite_bind_int(&query, record->created_unix_us);
    trivet_sqlite_bind_blob(&query, schema.data, schema.n_bytes);
    trivet_sqlite_bind_int(&query, record->created_unix_us);
    return trivet_sqlite_query_run(&query, err);
}

/* --- Chunks ---------------------------------------------------------------------------------- */

/* *same: the chunk is there with these bytes. ALREADY_EXISTS: with others. */
static enum trivet_status compare_chunk(struct trivet_sqlite_conn *conn, int64_t key,
                                        const struct trivet_store_chunk *chunk, bool *same,
                                        struct trivet_error *err)
{
    static const char sql[] = "SELECT digest FROM chunks WHERE dataset_key = ? AND number = ?";
    struct trivet_sqlite_query query;
    uint8_t digest[TRIVET_SHA256_BYTES];
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, key);
    trivet_sqlite_bind_int(&query, chunk->number);
    enum trivet_status status = trivet_sqlite_query_step(&query, same, err);
    if (status == TRIVET_OK && *same)
        trivet_sqlite_column_fixed(&query, digest, sizeof(digest));
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && *same && memcmp(digest, chunk->digest, sizeof(digest)) != 0)
        status = trivet_error_set(err, TRIVET_ALREADY_EXISTS,
                                  "chunk %u of dataset '%s' was sent before with other rows; give "
                                  "each chunk its own number",
                                  chunk->number, chunk->dataset_id);
    return status;
}

static enum trivet_status insert_chunk(struct trivet_sqlite_conn *conn, int64_t key,
                                       const struct trivet_store_chunk *chunk,
                                       struct trivet_error *err)
{
    static const char insert_sql[] =
        "INSERT INTO chunks (dataset_key, number, n_rows, digest, data)"
        " VALUES (?, ?, ?, ?, ?)";
    static const char count_sql[] =
        "UPDATE datasets SET n_rows = n_rows + ?, n_chunks = n_chunks + 1,"
        " stored_bytes = stored_bytes + ?, changed_us = ? WHERE key = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, insert_sql);
    trivet_sqlite_bind_int(&query, key);
    trivet_sqlite_bind_int(&query, chunk->number);
    trivet_sqlite_bind_u64(&query, chunk->n_rows);
    trivet_sqlite_bind_blob(&query, chunk->digest, sizeof(chunk->digest));
    trivet_sqlite_bind_blob(&query, chunk->data, chunk->n_bytes);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, count_sql);
    trivet_sqlite_bind_u64(&query, chunk->n_rows);
    trivet_sqlite_bind_u64(&query, chunk->n_bytes);
    trivet_sqlite_bind_int(&query, chunk->now_unix_us);
    trivet_sqlite_bind_int(&query, key);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status append_chunk(struct trivet_sqlite_conn *conn,
                                       const struct trivet_store_chunk *chunk,
                                       struct trivet_store_dataset *record,
                                       struct trivet_error *err)
{
    int64_t key = 0;
    bool same = false;
    enum trivet_status status = load_dataset(conn, chunk->dataset_id, record, &key, NULL, err);
    if (status == TRIVET_OK && record->committed)
        status =
            trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                             "dataset '%s' is committed and takes no more chunks; create a new "
                             "one",
                             record->id);
    if (status == TRIVET_OK)
        status = compare_chunk(conn, key, chunk, &same, err);
    if (status != TRIVET_OK || same)
        return status;
    status = check_room(conn, err);
    if (status == TRIVET_OK)
        status = insert_chunk(conn, key, chunk, err);
    if (status == TRIVET_OK) {
        record->n_rows += chunk->n_rows;
        record->n_chunks += 1;
        record->stored_bytes += chunk->n_bytes;
    }
    return status;
}

enum trivet_status trivet_sqlite_dataset_append(void *backend,
                                                const struct trivet_store_chunk *chunk,
                                                struct trivet_store_dataset *out,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_store_dataset record = {.n_rows = 0};
    enum trivet_status status = trivet_sqlite_begin(&store->data, err);
    if (status != TRIVET_OK)
        return status;
    status = append_chunk(&store->data.writer, chunk, &record, err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_commit(&store->data, err);
    else
        trivet_sqlite_abort(&store->data);
    if (status == TRIVET_OK)
        *out = record;
    return status;
}

/* --- Commit ---------------------------------------------------------------------------------- */

/* Chunks 0..n_chunks-1 and no others. */
static enum trivet_status check_numbers(struct trivet_sqlite_conn *conn, int64_t key,
                                        const char *id, uint32_t n_chunks, struct trivet_error *err)
{
    static const char sql[] = "SELECT number FROM chunks WHERE dataset_key = ? ORDER BY number";
    struct trivet_sqlite_query query;
    uint64_t expected = 0;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, key);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    while (status == TRIVET_OK && row && trivet_sqlite_column_u64(&query) == expected) {
        expected++;
        status = trivet_sqlite_query_step(&query, &row, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status != TRIVET_OK)
        return status;
    if (expected < n_chunks)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "chunk %llu of dataset '%s' is missing: %u were announced; send it "
                                "and commit again",
                                (unsigned long long)expected, id, n_chunks);
    if (expected > n_chunks || row)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "dataset '%s' has more chunks than the %u that were announced; "
                                "commit with their number or upload anew",
                                id, n_chunks);
    return TRIVET_OK;
}

static enum trivet_status hash_chunks(struct trivet_sqlite_conn *conn, int64_t key,
                                      struct trivet_sha256 *sha, struct trivet_error *err)
{
    static const char sql[] = "SELECT data FROM chunks WHERE dataset_key = ? ORDER BY number";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, key);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    while (status == TRIVET_OK && row) {
        size_t n_bytes = 0;
        const void *data = trivet_sqlite_column_blob(&query, &n_bytes);
        if (n_bytes > 0)
            trivet_sha256_update(sha, data, n_bytes);
        status = trivet_sqlite_query_step(&query, &row, err);
    }
    return trivet_sqlite_query_finish(&query, status, err);
}

static enum trivet_status content_hash(struct trivet_sqlite_conn *conn, int64_t key,
                                       const struct trivet_buffer *schema,
                                       char hex[TRIVET_SHA256_HEX_BYTES], struct trivet_error *err)
{
    uint8_t digest[TRIVET_SHA256_BYTES];
    struct trivet_sha256 *sha = trivet_sha256_create();
    if (sha == NULL)
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory while hashing");
    if (schema->n_bytes > 0)
        trivet_sha256_update(sha, schema->data, schema->n_bytes);
    enum trivet_status status = hash_chunks(conn, key, sha, err);
    if (status == TRIVET_OK) {
        trivet_sha256_finish(sha, digest);
        trivet_sha256_hex(digest, hex);
    }
    trivet_sha256_free(sha);
    return status;
}

static enum trivet_status mark_committed(struct trivet_sqlite_conn *conn, int64_t key,
                                         const struct trivet_store_dataset *record,
                                         struct trivet_error *err)
{
    static const char sql[] =
        "UPDATE datasets SET committed = 1, content_hash = ?, committed_us = ? WHERE key = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, record->content_hash);
    trivet_sqlite_bind_int(&query, record->committed_unix_us);
    trivet_sqlite_bind_int(&query, key);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_dataset_commit(void *txn, const char *id, uint32_t n_chunks,
                                                int64_t now_unix_us,
                                                struct trivet_store_dataset *out,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_dataset record = {.n_rows = 0};
    struct trivet_buffer schema = {.data = NULL};
    int64_t key = 0;
    enum trivet_status status = load_dataset(conn, id, &record, &key, &schema, err);
    if (status == TRIVET_OK && record.committed)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "dataset '%s' is committed already", record.id);
    if (status == TRIVET_OK)
        status = check_numbers(conn, key, record.id, n_chunks, err);
    if (status == TRIVET_OK && record.n_rows == 0)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "dataset '%s' has no rows; send at least one chunk before the "
                                  "commit",
                                  record.id);
    if (status == TRIVET_OK)
        status = content_hash(conn, key, &schema, record.content_hash, err);
    record.committed = true;
    record.committed_unix_us = now_unix_us;
    if (status == TRIVET_OK)
        status = mark_committed(conn, key, &record, err);
    trivet_buffer_release(&schema);
    if (status == TRIVET_OK)
        *out = record;
    return status;
}

enum trivet_status trivet_sqlite_dataset_set_origin(void *txn, const char *id,
                                                    const char *grown_from, uint64_t n_base_rows,
                                                    struct trivet_error *err)
{
    static const char sql[] =
        "UPDATE datasets SET grown_from = ?, base_rows = ? WHERE id = ? AND committed = 0";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, grown_from);
    trivet_sqlite_bind_u64(&query, n_base_rows);
    trivet_sqlite_bind_text(&query, id);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK && sqlite3_changes(conn->db) == 0)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "no open dataset '%.40s'", id);
    return status;
}

/* --- The rest -------------------------------------------------------------------------------- */

static enum trivet_status delete_dataset(struct trivet_sqlite_conn *conn, int64_t key,
                                         struct trivet_error *err)
{
    static const char sql[] = "DELETE FROM datasets WHERE key = ?"; /* chunks follow */
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, key);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_dataset_delete(void *txn, const char *id, struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_dataset record;
    int64_t key = 0;
    enum trivet_status status = load_dataset(conn, id, &record, &key, NULL, err);
    return status == TRIVET_OK ? delete_dataset(conn, key, err) : status;
}

enum trivet_status trivet_sqlite_dataset_expire(void *txn, int64_t oldest_unix_us,
                                                char id[TRIVET_STORE_ID_BYTES],
                                                struct trivet_error *err)
{
    static const char sql[] = "SELECT key, id FROM datasets WHERE committed = 0"
                              " AND changed_us < ? ORDER BY changed_us LIMIT 1";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    int64_t key = 0;
    bool row = false;
    id[0] = '\0';
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, oldest_unix_us);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        key = trivet_sqlite_column_int(&query);
        trivet_sqlite_column_text(&query, id, TRIVET_STORE_ID_BYTES);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    return status == TRIVET_OK && row ? delete_dataset(conn, key, err) : status;
}

enum trivet_status trivet_sqlite_dataset_get(void *backend, const char *id,
                                             struct trivet_store_dataset *out,
                                             struct trivet_buffer *schema, struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->data);
    enum trivet_status status = load_dataset(conn, id, out, NULL, schema, err);
    trivet_sqlite_reader_give(&store->data, conn);
    return status;
}

static void list_dataset(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_dataset *records = out;
    read_dataset(query, &records[index]);
}

enum trivet_status trivet_sqlite_dataset_list(void *backend, struct trivet_store_dataset *out,
                                              size_t count_max, size_t *count,
                                              struct trivet_error *err)
{
    static const char sql[] = "SELECT " DATASET_COLUMNS " FROM datasets ORDER BY key DESC LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->data);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_dataset, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->data, conn);
    return status;
}

static enum trivet_status read_chunk(struct trivet_sqlite_conn *conn, const char *id,
                                     uint32_t chunk, struct trivet_buffer *data, uint64_t *n_rows,
                                     uint8_t digest[TRIVET_SHA256_BYTES], bool *found,
                                     struct trivet_error *err)
{
    static const char sql[] = "SELECT chunks.n_rows, digest, data FROM chunks JOIN datasets"
                              " ON datasets.key = dataset_key WHERE id = ? AND number = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, id);
    trivet_sqlite_bind_int(&query, chunk);
    enum trivet_status status = trivet_sqlite_query_step(&query, found, err);
    if (status == TRIVET_OK && *found) {
        *n_rows = trivet_sqlite_column_u64(&query);
        trivet_sqlite_column_fixed(&query, digest, TRIVET_SHA256_BYTES);
        status = trivet_sqlite_column_append(&query, data, err);
    }
    return trivet_sqlite_query_finish(&query, status, err);
}

enum trivet_status trivet_sqlite_dataset_read(void *backend, const char *id, uint32_t chunk,
                                              struct trivet_buffer *data, uint64_t *n_rows,
                                              uint8_t digest[TRIVET_SHA256_BYTES],
                                              struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->data);
    struct trivet_store_dataset record;
    bool found = false;
    enum trivet_status status = read_chunk(conn, id, chunk, data, n_rows, digest, &found, err);
    /* Which of the two is missing makes the message. */
    if (status == TRIVET_OK && !found)
        status = load_dataset(conn, id, &record, NULL, NULL, err);
    trivet_sqlite_reader_give(&store->data, conn);
    if (status == TRIVET_OK && !found)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "dataset '%s' has no chunk %u", id, chunk);
    return status;
}
