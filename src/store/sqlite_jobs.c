/* Jobs. */
#include "store/sqlite_db.h"

#include <limits.h>

#define JOB_COLUMNS                                                                                \
    "id, kind, state, model, version, dataset_id, error_status, error_message, created_us,"        \
    " started_us, ended_us, attempts"

/* A small number of ours; another one is damage. */
static int read_small(struct trivet_sqlite_query *query)
{
    const int64_t value = trivet_sqlite_column_int(query);
    if (value >= INT_MIN && value <= INT_MAX)
        return (int)value;
    query->rc = SQLITE_CORRUPT;
    return 0;
}

static void read_job(struct trivet_sqlite_query *query, struct trivet_store_job *out)
{
    trivet_sqlite_column_text(query, out->id, sizeof(out->id));
    out->kind = read_small(query);
    const int state = read_small(query);
    if (state < TRIVET_STORE_JOB_QUEUED || state > TRIVET_STORE_JOB_CANCELLED)
        query->rc = SQLITE_CORRUPT;
    out->state = (enum trivet_store_job_state)state;
    trivet_sqlite_column_text(query, out->model, sizeof(out->model));
    out->version = trivet_sqlite_column_u64(query);
    trivet_sqlite_column_text(query, out->dataset_id, sizeof(out->dataset_id));
    out->error_status = read_small(query);
    trivet_sqlite_column_text(query, out->error_message, sizeof(out->error_message));
    out->created_unix_us = trivet_sqlite_column_int(query);
    out->started_unix_us = trivet_sqlite_column_int(query);
    out->ended_unix_us = trivet_sqlite_column_int(query);
    out->attempts = (uint32_t)trivet_sqlite_column_u64(query);
}

static enum trivet_status job_exists(struct trivet_sqlite_conn *conn, const char *id, bool *found,
                                     struct trivet_error *err)
{
    static const char sql[] = "SELECT 1 FROM jobs WHERE id = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, id);
    return trivet_sqlite_query_finish(&query, trivet_sqlite_query_step(&query, found, err), err);
}

static enum trivet_status job_missing(const char *id, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_NOT_FOUND, "no job '%.40s'; see the list of jobs", id);
}

enum trivet_status trivet_sqlite_job_create(void *txn, const struct trivet_store_job *job,
                                            struct trivet_store_bytes spec,
                                            struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO jobs (" JOB_COLUMNS ", spec, report)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, x'')";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    bool found = false;
    enum trivet_status status = job_exists(conn, job->id, &found, err);
    if (status != TRIVET_OK)
        return status;
    if (found)
        return trivet_error_set(err, TRIVET_ALREADY_EXISTS, "job '%s' exists already", job->id);
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, job->id);
    trivet_sqlite_bind_int(&query, job->kind);
    trivet_sqlite_bind_int(&query, job->state);
    trivet_sqlite_bind_text(&query, job->model);
    trivet_sqlite_bind_u64(&query, job->version);
    trivet_sqlite_bind_text(&query, job->dataset_id);
    trivet_sqlite_bind_int(&query, job->error_status);
    trivet_sqlite_bind_text(&query, job->error_message);
    trivet_sqlite_bind_int(&query, job->created_unix_us);
    trivet_sqlite_bind_int(&query, job->started_unix_us);
    trivet_sqlite_bind_int(&query, job->ended_unix_us);
    trivet_sqlite_bind_int(&query, job->attempts);
    trivet_sqlite_bind_blob(&query, spec.data, spec.n_bytes);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status update_report(struct trivet_sqlite_conn *conn, const char *id,
                                        struct trivet_store_bytes report, struct trivet_error *err)
{
    static const char sql[] = "UPDATE jobs SET report = ? WHERE id = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_blob(&query, report.data, report.n_bytes);
    trivet_sqlite_bind_text(&query, id);
    return trivet_sqlite_query_run(&query, err);
}

enum trivet_status trivet_sqlite_job_update(void *txn, const struct trivet_store_job *job,
                                            struct trivet_store_bytes report,
                                            struct trivet_error *err)
{
    static const char sql[] =
        "UPDATE jobs SET state = ?, model = ?, version = ?, dataset_id = ?, error_status = ?,"
        " error_message = ?, started_us = ?, ended_us = ?, attempts = ? WHERE id = ?";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, job->state);
    trivet_sqlite_bind_text(&query, job->model);
    trivet_sqlite_bind_u64(&query, job->version);
    trivet_sqlite_bind_text(&query, job->dataset_id);
    trivet_sqlite_bind_int(&query, job->error_status);
    trivet_sqlite_bind_text(&query, job->error_message);
    trivet_sqlite_bind_int(&query, job->started_unix_us);
    trivet_sqlite_bind_int(&query, job->ended_unix_us);
    trivet_sqlite_bind_int(&query, job->attempts);
    trivet_sqlite_bind_text(&query, job->id);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK && sqlite3_changes(conn->db) == 0)
        return job_missing(job->id, err);
    if (status == TRIVET_OK && report.data != NULL)
        status = update_report(conn, job->id, report, err);
    return status;
}

enum trivet_status trivet_sqlite_job_get(void *backend, const char *id,
                                         struct trivet_store_job *out, struct trivet_buffer *spec,
                                         struct trivet_buffer *report, struct trivet_error *err)
{
    static const char sql[] = "SELECT " JOB_COLUMNS ", spec, report FROM jobs WHERE id = ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_store_job record = {.version = 0};
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, id);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        read_job(&query, &record);
        status = trivet_sqlite_column_append(&query, spec, err);
        if (status == TRIVET_OK)
            status = trivet_sqlite_column_append(&query, report, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    if (status == TRIVET_OK && !row)
        return job_missing(id, err);
    if (status == TRIVET_OK)
        *out = record;
    return status;
}

static void list_job(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_job *records = out;
    read_job(query, &records[index]);
}

enum trivet_status trivet_sqlite_job_list(void *backend, const char *model, bool unfinished,
                                          struct trivet_store_job *out, size_t count_max,
                                          size_t *count, struct trivet_error *err)
{
    static const char all_sql[] = "SELECT " JOB_COLUMNS " FROM jobs ORDER BY seq DESC LIMIT ?";
    static const char model_sql[] =
        "SELECT " JOB_COLUMNS " FROM jobs WHERE model = ? ORDER BY seq DESC LIMIT ?";
    /* The states stand as in the partial index, so that it is used. */
    static const char unfinished_sql[] =
        "SELECT " JOB_COLUMNS " FROM jobs WHERE state IN (1, 2) ORDER BY seq LIMIT ?";
    static const char unfinished_model_sql[] =
        "SELECT " JOB_COLUMNS " FROM jobs WHERE model = ? AND state IN (1, 2) ORDER BY seq LIMIT ?";
    const bool all = model[0] == '\0';
    const char *sql =
        unfinished ? (all ? unfinished_sql : unfinished_model_sql) : (all ? all_sql : model_sql);
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    if (!all)
        trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_job, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}
