/* Keeping the log within its bounds, a piece at a time: the writer is held for one piece only. */
#include "store/sqlite_db.h"

/* A statement over a piece, in which ?1 and ?2 are its ends, ?3 the model and ?4 the level. */
struct piece {
    uint64_t after;
    uint64_t last; /* 0: there is none */
    bool is_end;   /* what comes meanwhile is left to the next time */
    const char *model;
    unsigned level;
};

static enum trivet_status read_piece(struct trivet_sqlite_query *query, size_t count_max,
                                     struct piece *out, struct trivet_error *err)
{
    bool row = false;
    enum trivet_status status = trivet_sqlite_query_step(query, &row, err);
    if (status == TRIVET_OK && row) {
        out->last = trivet_sqlite_column_u64(query);
        out->is_end = trivet_sqlite_column_u64(query) < count_max;
    }
    return trivet_sqlite_query_finish(query, status, err);
}

/* The next `count_max` rows, of all models. */
static enum trivet_status find_piece(struct trivet_sqlite_conn *conn, size_t count_max,
                                     struct piece *piece, struct trivet_error *err)
{
    static const char sql[] = "SELECT coalesce(max(key), 0), count(*) FROM"
                              " (SELECT key FROM predictions WHERE key > ? ORDER BY key LIMIT ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, piece->after);
    trivet_sqlite_bind_u64(&query, count_max);
    return read_piece(&query, count_max, piece, err);
}

/* The next of the model's that have features. */
static enum trivet_status find_kept_piece(struct trivet_sqlite_conn *conn, size_t count_max,
                                          struct piece *piece, struct trivet_error *err)
{
    static const char sql[] =
        "SELECT coalesce(max(key), 0), count(*) FROM (SELECT key FROM predictions"
        " WHERE model = ? AND columns_key > 0 AND key > ? ORDER BY key LIMIT ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, piece->model);
    trivet_sqlite_bind_u64(&query, piece->after);
    trivet_sqlite_bind_u64(&query, count_max);
    return read_piece(&query, count_max, piece, err);
}

static void open_piece(struct trivet_sqlite_query *query, struct trivet_sqlite_conn *conn,
                       const char *sql, const struct piece *piece)
{
    trivet_sqlite_query_open(query, conn, sql);
    trivet_sqlite_bind_u64(query, piece->after);
    trivet_sqlite_bind_u64(query, piece->last);
    trivet_sqlite_bind_text(query, piece->model);
    trivet_sqlite_bind_int(query, piece->level);
}

static enum trivet_status run_piece(struct trivet_sqlite_conn *conn, const char *sql,
                                    const struct piece *piece, struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    open_piece(&query, conn, sql, piece);
    return trivet_sqlite_query_run(&query, err);
}

/* Of a query that tells rows, those with features, and bytes of these. */
static enum trivet_status read_dropped(struct trivet_sqlite_query *query,
                                       struct trivet_store_dropped *out, struct trivet_error *err)
{
    bool row = false;
    enum trivet_status status = trivet_sqlite_query_step(query, &row, err);
    *out = (struct trivet_store_dropped){.n_rows = 0};
    if (status == TRIVET_OK && row) {
        out->n_rows = trivet_sqlite_column_u64(query);
        out->kept.n_rows = trivet_sqlite_column_u64(query);
        out->kept.n_bytes = trivet_sqlite_column_u64(query);
    }
    return trivet_sqlite_query_finish(query, status, err);
}

/* length() of a blob reads none of it. */
#define DROPPED_SQL                                                                                \
    "SELECT count(*), coalesce(sum(columns_key > 0), 0), coalesce(sum(length(features)), 0) FROM "
#define FEW_ZEROS                                                                                  \
    " predictions WHERE key > ?1 AND key <= ?2 AND model = ?3 AND outcome = 0 AND zeros < ?4"

enum trivet_status trivet_sqlite_log_thin(void *txn, const char *model, unsigned level,
                                          uint64_t *cursor, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err)
{
    static const char count_sql[] = DROPPED_SQL FEW_ZEROS;
    static const char drop_sql[] = "DELETE FROM" FEW_ZEROS;
    static const char raise_sql[] = "UPDATE predictions SET level = ?4 WHERE key > ?1"
                                    " AND key <= ?2 AND model = ?3 AND outcome = 0 AND level < ?4";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct piece piece = {.after = *cursor, .model = model, .level = level};
    struct trivet_sqlite_query query;
    *dropped = (struct trivet_store_dropped){.n_rows = 0};
    enum trivet_status status = find_piece(conn, count_max, &piece, err);
    if (status == TRIVET_OK && piece.last > 0) {
        open_piece(&query, conn, count_sql, &piece);
        status = read_dropped(&query, dropped, err);
        if (status == TRIVET_OK)
            status = run_piece(conn, drop_sql, &piece, err);
        if (status == TRIVET_OK)
            status = run_piece(conn, raise_sql, &piece, err);
    }
    if (status == TRIVET_OK)
        *cursor = piece.is_end ? 0 : piece.last;
    return status;
}

enum trivet_status trivet_sqlite_log_strip(void *txn, const char *model, unsigned level,
                                           uint64_t *cursor, size_t count_max,
                                           struct trivet_store_dropped *dropped,
                                           struct trivet_error *err)
{
    static const char count_sql[] = DROPPED_SQL FEW_ZEROS " AND columns_key > 0";
    static const char strip_sql[] =
        "UPDATE predictions SET columns_key = 0, features = x'' WHERE key > ?1 AND key <= ?2"
        " AND model = ?3 AND outcome = 0 AND zeros < ?4 AND columns_key > 0";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct piece piece = {.after = *cursor, .model = model, .level = level};
    struct trivet_sqlite_query query;
    *dropped = (struct trivet_store_dropped){.n_rows = 0};
    enum trivet_status status = find_kept_piece(conn, count_max, &piece, err);
    if (status == TRIVET_OK && piece.last > 0) {
        open_piece(&query, conn, count_sql, &piece);
        status = read_dropped(&query, dropped, err);
        if (status == TRIVET_OK)
            status = run_piece(conn, strip_sql, &piece, err);
    }
    dropped->n_rows = 0; /* the rows stay */
    if (status == TRIVET_OK)
        *cursor = piece.is_end ? 0 : piece.last;
    return status;
}

/* A statement over the oldest rows, in which ?1 is the model, ?2 the bound and ?3 the count. */
static void open_oldest(struct trivet_sqlite_query *query, struct trivet_sqlite_conn *conn,
                        const char *sql, const char *model, int64_t bound, size_t count_max)
{
    trivet_sqlite_query_open(query, conn, sql);
    trivet_sqlite_bind_text(query, model);
    trivet_sqlite_bind_int(query, bound);
    trivet_sqlite_bind_u64(query, count_max);
}

#define OLDEST                                                                                     \
    "predictions WHERE key IN (SELECT key FROM predictions"                                        \
    " WHERE model = ?1 AND predicted_us < ?2 ORDER BY predicted_us LIMIT ?3)"
#define OLDEST_KEPT                                                                                \
    "predictions WHERE key IN (SELECT key FROM predictions"                                        \
    " WHERE model = ?1 AND columns_key > 0 AND key <= ?2 ORDER BY key LIMIT ?3)"

enum trivet_status trivet_sqlite_log_drop(void *txn, const char *model, int64_t before_unix_us,
                                          size_t count_max, struct trivet_store_dropped *dropped,
                                          struct trivet_error *err)
{
    static const char count_sql[] = DROPPED_SQL OLDEST;
    static const char drop_sql[] = "DELETE FROM " OLDEST;
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    open_oldest(&query, conn, count_sql, model, before_unix_us, count_max);
    enum trivet_status status = read_dropped(&query, dropped, err);
    if (status != TRIVET_OK || dropped->n_rows == 0)
        return status;
    open_oldest(&query, conn, drop_sql, model, before_unix_us, count_max);
    return trivet_sqlite_query_run(&query, err);
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

enum trivet_status trivet_sqlite_log_erase(void *txn, const char *model, uint64_t until_key,
                                           size_t count_max, struct trivet_store_dropped *dropped,
                                           struct trivet_error *err)
{
    static const char count_sql[] = DROPPED_SQL OLDEST_KEPT;
    static const char erase_sql[] =
        "UPDATE predictions SET columns_key = 0, features = x'' WHERE key IN"
        " (SELECT key FROM predictions"
        " WHERE model = ?1 AND columns_key > 0 AND key <= ?2 ORDER BY key LIMIT ?3)";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    const int64_t bound = until_key < INT64_MAX ? (int64_t)until_key : INT64_MAX;
    open_oldest(&query, conn, count_sql, model, bound, count_max);
    enum trivet_status status = read_dropped(&query, dropped, err);
    const bool any = dropped->n_rows > 0;
    dropped->n_rows = 0; /* the rows stay */
    if (status != TRIVET_OK || !any)
        return status;
    open_oldest(&query, conn, erase_sql, model, bound, count_max);
    return trivet_sqlite_query_run(&query, err);
}

static const char newest_sql[] = "SELECT coalesce(max(key), 0) FROM predictions";

enum trivet_status trivet_sqlite_log_begin_erasure(void *txn, const char *model,
                                                   uint64_t *until_key, struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO erasures (model, until_key) VALUES (?, ?)"
                              " ON CONFLICT (model) DO UPDATE SET"
                              " until_key = max(until_key, excluded.until_key)";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    int64_t key = 0;
    trivet_sqlite_query_open(&query, conn, newest_sql);
    enum trivet_status status = trivet_sqlite_query_number(&query, &key, err);
    if (status != TRIVET_OK)
        return status;
    *until_key = (uint64_t)key;
    if (key == 0)
        return TRIVET_OK; /* nothing to erase */
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, key);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_log_end_erasure(void *txn, const char *model, uint64_t until_key,
                                                 struct trivet_error *err)
{
    static const char sql[] = "DELETE FROM erasures WHERE model = ? AND until_key <= ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, TRIVET_SQLITE_TXN_CONN(txn), sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, until_key);
    return trivet_sqlite_query_run(&query, err);
}

static void read_erasure(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_erasure *erasure = (struct trivet_store_erasure *)out + index;
    trivet_sqlite_column_text(query, erasure->model, sizeof(erasure->model));
    erasure->until_key = trivet_sqlite_column_u64(query);
}

enum trivet_status trivet_sqlite_log_list_erasures(void *backend, struct trivet_store_erasure *out,
                                                   size_t count_max, size_t *count,
                                                   struct trivet_error *err)
{
    static const char sql[] = "SELECT model, until_key FROM erasures ORDER BY model LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, count_max);
    status = trivet_sqlite_query_list(&query, read_erasure, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->log, conn);
    return status;
}

enum trivet_status trivet_sqlite_log_newest(void *backend, uint64_t *key, struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    int64_t newest = 0;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, newest_sql);
    status = trivet_sqlite_query_number(&query, &newest, err);
    trivet_sqlite_reader_give(&store->log, conn);
    *key = (uint64_t)newest;
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
