/* One statement, run once: prepare or find it, bind, step, read columns, reset. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <string.h>

enum trivet_status trivet_sqlite_error(const struct trivet_sqlite_conn *conn, int rc,
                                       struct trivet_error *err)
{
    const char *path = conn->path;
    const char *why = sqlite3_errstr(rc);
    if (rc == SQLITE_IOERR_NOMEM || (rc & 0xff) == SQLITE_NOMEM)
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while using '%s'; repeat the call later", path);
    if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS)
        rc = SQLITE_CORRUPT;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "the disk of '%s' is full, nothing was stored; free some space, or "
                                "delete datasets, and repeat the call",
                                path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "'%s' is locked by another process; repeat the call", path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_MISMATCH:
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "'%s' is damaged (%s); restore it from a backup", path, why);
    case SQLITE_ERROR:
        /* Our statements are fixed texts: what they miss is missing in the file. */
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "'%s' is damaged (%.200s); restore it from a backup", path,
                                sqlite3_errmsg(conn->db));
    case SQLITE_TOOBIG:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "a value is too large to store in '%s'", path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOLFS:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot use '%s': %s; see that the disk works, has room and lets "
                                "this user write",
                                path, why);
    default:
        return trivet_error_set(err, TRIVET_INTERNAL, "'%s': %s (%.200s)", path, why,
                                sqlite3_errmsg(conn->db));
    }
}

void trivet_sqlite_query_open(struct trivet_sqlite_query *query, struct trivet_sqlite_conn *conn,
                              const char *sql)
{
    *query = (struct trivet_sqlite_query){.conn = conn, .rc = SQLITE_OK};
    for (size_t i = 0; i < conn->n_cached; i++) {
        if (conn->cached[i].sql == sql) {
            query->stmt = conn->cached[i].stmt;
            return;
        }
    }
    if (conn->n_cached == TRIVET_SQLITE_STATEMENTS_MAX) {
        query->rc = SQLITE_INTERNAL;
        return;
    }
    query->rc =
        sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    if (query->rc != SQLITE_OK)
        return;
    conn->cached[conn->n_cached].sql = sql;
    conn->cached[conn->n_cached].stmt = query->stmt;
    conn->n_cached++;
}

/* --- Parameters ------------------------------------------------------------------------------ */

static void note(struct trivet_sqlite_query *query, int rc)
{
    if (query->rc == SQLITE_OK)
        query->rc = rc;
}

void trivet_sqlite_bind_text(struct trivet_sqlite_query *query, const char *text)
{
    query->n_bound++;
    if (query->rc == SQLITE_OK)
        note(query, sqlite3_bind_text(query->stmt, query->n_bound, text, -1, SQLITE_STATIC));
}

void trivet_sqlite_bind_int(struct trivet_sqlite_query *query, int64_t value)
{
    query->n_bound++;
    if (query->rc == SQLITE_OK)
        note(query, sqlite3_bind_int64(query->stmt, query->n_bound, value));
}

void trivet_sqlite_bind_u64(struct trivet_sqlite_query *query, uint64_t value)
{
    /* Numbers beyond are never stored, so nothing can equal this one. */
    trivet_sqlite_bind_int(query, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void trivet_sqlite_bind_blob(struct trivet_sqlite_query *query, const void *data, size_t n_bytes)
{
    query->n_bound++;
    if (query->rc == SQLITE_OK)
        note(query, sqlite3_bind_blob64(query->stmt, query->n_bound, n_bytes == 0 ? "" : data,
                                        n_bytes, SQLITE_STATIC));
}

void trivet_sqlite_bind_double(struct trivet_sqlite_query *query, double value)
{
    query->n_bound++;
    if (query->rc == SQLITE_OK)
        note(query, sqlite3_bind_double(query->stmt, query->n_bound, value));
}

/* --- Rows ------------------------------------------------------------------------------------ */

enum trivet_status trivet_sqlite_query_step(struct trivet_sqlite_query *query, bool *row,
                                            struct trivet_error *err)
{
    if (query->rc == SQLITE_OK) {
        const int rc = sqlite3_step(query->stmt);
        query->n_read = 0;
        if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
            *row = rc == SQLITE_ROW;
            return TRIVET_OK;
        }
        query->rc = rc;
        /* The second: a quota or a limit of the file's size. */
        if ((rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_WRITE)
            query->conn->no_room = true;
    }
    return trivet_sqlite_error(query->conn, query->rc, err);
}

void trivet_sqlite_column_text(struct trivet_sqlite_query *query, char *to, size_t to_bytes)
{
    const int column = query->n_read++;
    const char *text = (const char *)sqlite3_column_text(query->stmt, column);
    to[0] = '\0';
    if (text == NULL)
        note(query,
             sqlite3_errcode(query->conn->db) == SQLITE_NOMEM ? SQLITE_NOMEM : SQLITE_CORRUPT);
    else if (!trivet_text_copy(to, to_bytes, text))
        note(query, SQLITE_CORRUPT);
}

int64_t trivet_sqlite_column_int(struct trivet_sqlite_query *query)
{
    return sqlite3_column_int64(query->stmt, query->n_read++);
}

uint64_t trivet_sqlite_column_u64(struct trivet_sqlite_query *query)
{
    const int64_t value = trivet_sqlite_column_int(query);
    if (value >= 0)
        return (uint64_t)value;
    note(query, SQLITE_CORRUPT);
    return 0;
}

double trivet_sqlite_column_double(struct trivet_sqlite_query *query)
{
    return sqlite3_column_double(query->stmt, query->n_read++);
}

const void *trivet_sqlite_column_blob(struct trivet_sqlite_query *query, size_t *n_bytes)
{
    const int column = query->n_read++;
    /* Pointer first, then length: the order in which SQLite keeps them consistent. NULL is an empty
     * blob, a NULL value, or no memory; only the last two are wrong. */
    const void *data = sqlite3_column_blob(query->stmt, column);
    const int length = sqlite3_column_bytes(query->stmt, column);
    *n_bytes = 0;
    if (data == NULL && sqlite3_errcode(query->conn->db) == SQLITE_NOMEM)
        note(query, SQLITE_NOMEM);
    else if (data != NULL && length > 0)
        *n_bytes = (size_t)length;
    return data;
}

void trivet_sqlite_column_fixed(struct trivet_sqlite_query *query, void *to, size_t n_bytes)
{
    size_t length = 0;
    const void *data = trivet_sqlite_column_blob(query, &length);
    memset(to, 0, n_bytes);
    if (length != n_bytes)
        note(query, SQLITE_CORRUPT);
    else
        memcpy(to, data, n_bytes);
}

enum trivet_status trivet_sqlite_column_append(struct trivet_sqlite_query *query,
                                               struct trivet_buffer *to, struct trivet_error *err)
{
    size_t n_bytes = 0;
    if (to == NULL) {
        query->n_read++;
        return TRIVET_OK;
    }
    const void *data = trivet_sqlite_column_blob(query, &n_bytes);
    return n_bytes == 0 ? TRIVET_OK : trivet_buffer_append(to, data, n_bytes, err);
}

enum trivet_status trivet_sqlite_query_finish(struct trivet_sqlite_query *query,
                                              enum trivet_status status, struct trivet_error *err)
{
    if (query->stmt != NULL) {
        /* Its result repeats the last step's, which has been told. */
        sqlite3_reset(query->stmt);
        sqlite3_clear_bindings(query->stmt);
    }
    if (status == TRIVET_OK && query->rc != SQLITE_OK)
        return trivet_sqlite_error(query->conn, query->rc, err);
    return status;
}

enum trivet_status trivet_sqlite_query_run(struct trivet_sqlite_query *query,
                                           struct trivet_error *err)
{
    bool row = false;
    return trivet_sqlite_query_finish(query, trivet_sqlite_query_step(query, &row, err), err);
}

enum trivet_status trivet_sqlite_query_list(struct trivet_sqlite_query *query,
                                            trivet_sqlite_read_row read_row, void *out,
                                            size_t count_max, size_t *count,
                                            struct trivet_error *err)
{
    size_t n_read = 0;
    bool row = false;
    enum trivet_status status = trivet_sqlite_query_step(query, &row, err);
    while (status == TRIVET_OK && row && n_read < count_max) {
        read_row(query, out, n_read++);
        status = trivet_sqlite_query_step(query, &row, err);
    }
    status = trivet_sqlite_query_finish(query, status, err);
    if (status == TRIVET_OK)
        *count = n_read;
    return status;
}

enum trivet_status trivet_sqlite_query_number(struct trivet_sqlite_query *query, int64_t *out,
                                              struct trivet_error *err)
{
    int64_t value = 0;
    bool row = false;
    enum trivet_status status = trivet_sqlite_query_step(query, &row, err);
    if (status == TRIVET_OK && row)
        value = trivet_sqlite_column_int(query);
    status = trivet_sqlite_query_finish(query, status, err);
    if (status == TRIVET_OK)
        *out = value;
    return status;
}
