/* Keeping the log within its bounds, a piece at a time: the writer is held for one piece only. */
#include "store/sqlite_db.h"

/* The last of the next `count_max` rows after `after`, of all models; 0 when there is none. */
static enum trivet_status find_piece(struct trivet_sqlite_conn *conn, uint64_t after,
                                     size_t count_max, uint64_t *last, struct trivet_error *err)
{
    static const char sql[] = "SELECT coalesce(max(key), 0) FROM"
                              " (SELECT key FROM predictions WHERE key > ? ORDER BY key LIMIT ?)";
    struct trivet_sqlite_query query;
    int64_t key = 0;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, after);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status = trivet_sqlite_query_number(&query, &key, err);
    if (status == TRIVET_OK)
        *last = (uint64_t)key;
    return status;
}

static enum trivet_status run_piece(struct trivet_sqlite_conn *conn, const char *sql,
                                    uint64_t after, uint64_t last, const char *model,
                                    unsigned level, struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, after);
    trivet_sqlite_bind_u64(&query, last);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, level);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_log_thin(void *txn, const char *model, unsigned level,
                                          uint64_t *cursor, size_t count_max, uint64_t *n_dropped,
                                          struct trivet_error *err)
{
    static const char drop_sql[] = "DELETE FROM predictions WHERE key > ?1 AND key <= ?2"
                                   " AND model = ?3 AND outcome = 0 AND zeros < ?4";
    static const char raise_sql[] = "UPDATE predictions SET level = ?4 WHERE key > ?1"
                                    " AND key <= ?2 AND model = ?3 AND outcome = 0 AND level < ?4";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    uint64_t last = 0;
    *n_dropped = 0;
    enum trivet_status status = find_piece(conn, *cursor, count_max, &last, err);
    if (status == TRIVET_OK && last > 0) {
        status = run_piece(conn, drop_sql, *cursor, last, model, level, err);
        if (status == TRIVET_OK)
            *n_dropped = (uint64_t)sqlite3_changes(conn->db);
        if (status == TRIVET_OK)
            status = run_piece(conn, raise_sql, *cursor, last, model, level, err);
    }
    if (status == TRIVET_OK)
        *cursor = last;
    return status;
}

enum trivet_status trivet_sqlite_log_drop(void *txn, const char *model, int64_t before_unix_us,
                                          size_t count_max, uint64_t *n_dropped,
                                          struct trivet_error *err)
{
    static const char sql[] =
        "DELETE FROM predictions WHERE key IN (SELECT key FROM predictions"
        " WHERE model = ? AND predicted_us < ? ORDER BY predicted_us LIMIT ?)";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, before_unix_us);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK)
        *n_dropped = (uint64_t)sqlite3_changes(conn->db);
    return status;
}

enum trivet_status trivet_sqlite_log_drop_levels(void *txn, int64_t before_unix_us,
                                                 struct trivet_error *err)
{
    static const char sql[] = "DELETE FROM levels WHERE last_us < ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, TRIVET_SQLITE_TXN_CONN(txn), sql);
    trivet_sqlite_bind_int(&query, before_unix_us);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_log_erase(void *txn, const char *model, size_t count_max,
                                           uint64_t *n_erased, struct trivet_error *err)
{
    static const char sql[] =
        "UPDATE predictions SET columns_key = 0, features = x'' WHERE key IN"
        " (SELECT key FROM predictions WHERE model = ? AND columns_key > 0 ORDER BY key LIMIT ?)";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK)
        *n_erased = (uint64_t)sqlite3_changes(conn->db);
    return status;
}

void trivet_sqlite_log_wipe(void *backend)
{
    struct trivet_sqlite_store *store = backend;
    if (store->log.path[0] == '\0')
        return;
    pthread_mutex_lock(&store->log.write_lock);
    /* What a reader still needs stays; the next one wipes it. */
    (void)sqlite3_wal_checkpoint_v2(store->log.writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
                                    NULL);
    pthread_mutex_unlock(&store->log.write_lock);
}
