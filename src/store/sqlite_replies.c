/* Answers to repeat. `seq` grows, so the oldest are the first rows: dropping them touches only the
 * rows it drops, and every put drops more than it adds until the table is within its limits. */
#include "store/sqlite_db.h"

#define DROP_MAX 16 /* expired answers dropped with one new one */

enum trivet_status trivet_sqlite_find_reply(void *txn, const struct trivet_store_call *call,
                                            int64_t oldest_unix_us, bool *found,
                                            uint8_t body_hash[TRIVET_SHA256_BYTES],
                                            struct trivet_buffer *reply, struct trivet_error *err)
{
    static const char sql[] = "SELECT body_hash, reply FROM replies WHERE request_id = ?"
                              " AND method = ? AND identity = ? AND created_us >= ?";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, TRIVET_SQLITE_TXN_CONN(txn), sql);
    trivet_sqlite_bind_text(&query, call->request_id);
    trivet_sqlite_bind_text(&query, call->method);
    trivet_sqlite_bind_text(&query, call->identity);
    trivet_sqlite_bind_int(&query, oldest_unix_us);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        trivet_sqlite_column_fixed(&query, body_hash, TRIVET_SHA256_BYTES);
        status = trivet_sqlite_column_append(&query, reply, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK)
        *found = row;
    return status;
}

static enum trivet_status has_reply(struct trivet_sqlite_conn *conn,
                                    const struct trivet_store_call *call, int64_t *created_us,
                                    bool *found, struct trivet_error *err)
{
    static const char sql[] = "SELECT created_us FROM replies WHERE request_id = ?"
                              " AND method = ? AND identity = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, call->request_id);
    trivet_sqlite_bind_text(&query, call->method);
    trivet_sqlite_bind_text(&query, call->identity);
    enum trivet_status status = trivet_sqlite_query_step(&query, found, err);
    if (status == TRIVET_OK && *found)
        *created_us = trivet_sqlite_column_int(&query);
    return trivet_sqlite_query_finish(&query, status, err);
}

static enum trivet_status insert_reply(struct trivet_sqlite_conn *conn,
                                       const struct trivet_store_call *call, int64_t now_unix_us,
                                       struct trivet_store_bytes reply, struct trivet_error *err)
{
    /* REPLACE: an answer of the same key that has expired makes room. */
    static const char sql[] = "INSERT OR REPLACE INTO replies"
                              " (created_us, identity, method, request_id, body_hash, reply)"
                              " VALUES (?, ?, ?, ?, ?, ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, now_unix_us);
    trivet_sqlite_bind_text(&query, call->identity);
    trivet_sqlite_bind_text(&query, call->method);
    trivet_sqlite_bind_text(&query, call->request_id);
    trivet_sqlite_bind_blob(&query, call->body_hash, sizeof(call->body_hash));
    trivet_sqlite_bind_blob(&query, reply.data, reply.n_bytes);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status drop_replies(struct trivet_sqlite_conn *conn, int64_t oldest_unix_us,
                                       struct trivet_error *err)
{
    static const char old_sql[] =
        "DELETE FROM replies WHERE seq IN (SELECT seq FROM"
        " (SELECT seq, created_us FROM replies ORDER BY seq LIMIT ?) WHERE created_us < ?)";
    static const char many_sql[] =
        "DELETE FROM replies WHERE seq <= (SELECT max(seq) FROM replies) - ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, old_sql);
    trivet_sqlite_bind_int(&query, DROP_MAX);
    trivet_sqlite_bind_int(&query, oldest_unix_us);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, many_sql);
    trivet_sqlite_bind_int(&query, TRIVET_STORE_REPLIES_MAX);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_put_reply(void *txn, const struct trivet_store_call *call,
                                           int64_t now_unix_us, int64_t oldest_unix_us,
                                           struct trivet_store_bytes reply,
                                           struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    int64_t created_us = 0;
    bool found = false;
    enum trivet_status status = has_reply(conn, call, &created_us, &found, err);
    if (status != TRIVET_OK)
        return status;
    if (found && created_us >= oldest_unix_us)
        return trivet_error_set(err, TRIVET_ALREADY_EXISTS,
                                "request id '%.80s' of %.80s has its answer already",
                                call->request_id, call->method);
    status = insert_reply(conn, call, now_unix_us, reply, err);
    if (status == TRIVET_OK)
        status = drop_replies(conn, oldest_unix_us, err);
    return status;
}
