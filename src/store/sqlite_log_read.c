/* Reading the log: rows to train on, and how much there is. */
#include "store/sqlite_db.h"

#include <string.h>

/* --- How much -------------------------------------------------------------------------------- */

static void read_usage(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_usage *usage = (struct trivet_store_usage *)out + index;
    trivet_sqlite_column_text(query, usage->model, sizeof(usage->model));
    usage->n_rows = trivet_sqlite_column_u64(query);
    usage->oldest_unix_us = trivet_sqlite_column_int(query);
}

enum trivet_status trivet_sqlite_log_usage(void *backend, struct trivet_store_usage *out,
                                           size_t count_max, size_t *count,
                                           struct trivet_error *err)
{
    static const char sql[] = "SELECT model, count(*), min(predicted_us) FROM predictions"
                              " GROUP BY model ORDER BY model LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, count_max);
    status = trivet_sqlite_query_list(&query, read_usage, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->log, conn);
    return status;
}

enum trivet_status trivet_sqlite_log_count_kept(void *backend, const char *model,
                                                struct trivet_store_kept *out,
                                                struct trivet_error *err)
{
    static const char count_sql[] =
        "SELECT count(*) FROM predictions WHERE model = ? AND columns_key > 0";
    static const char mean_sql[] =
        "SELECT CAST(coalesce(avg(n), 0) AS INTEGER) FROM (SELECT length(features) AS n"
        " FROM predictions WHERE model = ? AND columns_key > 0 ORDER BY key DESC LIMIT 1000)";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    int64_t n_rows = 0;
    int64_t mean_bytes = 0;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, count_sql);
    trivet_sqlite_bind_text(&query, model);
    status = trivet_sqlite_query_number(&query, &n_rows, err);
    if (status == TRIVET_OK && n_rows > 0) {
        trivet_sqlite_query_open(&query, conn, mean_sql);
        trivet_sqlite_bind_text(&query, model);
        status = trivet_sqlite_query_number(&query, &mean_bytes, err);
    }
    trivet_sqlite_reader_give(&store->log, conn);
    if (status == TRIVET_OK)
        *out = (struct trivet_store_kept){.n_rows = (uint64_t)n_rows,
                                          .n_bytes = (uint64_t)(n_rows * mean_bytes)};
    return status;
}

static void read_zeros(struct trivet_sqlite_query *query, struct trivet_store_zeros *out)
{
    const bool labelled = trivet_sqlite_column_int(query) != 0;
    uint64_t zeros = trivet_sqlite_column_u64(query);
    zeros = zeros < TRIVET_STORE_LEVELS ? zeros : TRIVET_STORE_LEVELS - 1;
    const uint64_t n_rows = trivet_sqlite_column_u64(query);
    struct trivet_store_kept *kept = labelled ? &out->labelled : &out->kept[zeros];
    kept->n_rows += trivet_sqlite_column_u64(query);
    kept->n_bytes += trivet_sqlite_column_u64(query);
    out->n_rows[zeros] += labelled ? 0 : n_rows;
}

enum trivet_status trivet_sqlite_log_count_zeros(void *backend, const char *model,
                                                 struct trivet_store_zeros *out,
                                                 struct trivet_error *err)
{
    static const char sql[] = "SELECT outcome > 0, zeros, count(*), sum(columns_key > 0),"
                              " sum(length(features)) FROM predictions"
                              " WHERE model = ? GROUP BY outcome > 0, zeros";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    bool row = false;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    *out = (struct trivet_store_zeros){.n_rows = {0}};
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    status = trivet_sqlite_query_step(&query, &row, err);
    while (status == TRIVET_OK && row) {
        read_zeros(&query, out);
        status = trivet_sqlite_query_step(&query, &row, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    trivet_sqlite_reader_give(&store->log, conn);
    return status;
}

/* --- Rows to train on ------------------------------------------------------------------------ */

#define LABELLED_SQL                                                                               \
    " FROM predictions WHERE model = ? AND outcome > 0 AND columns_key > 0 AND predicted_us >= ?"

enum trivet_status trivet_sqlite_log_grown_from(void *backend, const char *model,
                                                int64_t since_unix_us, uint64_t rows_max,
                                                uint64_t *after, struct trivet_error *err)
{
    static const char sql[] = "SELECT key" LABELLED_SQL " ORDER BY key DESC LIMIT 1 OFFSET ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    int64_t key = 0;
    *after = 0;
    if (rows_max == 0)
        return TRIVET_OK;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, since_unix_us);
    trivet_sqlite_bind_u64(&query, rows_max);
    status = trivet_sqlite_query_number(&query, &key, err);
    trivet_sqlite_reader_give(&store->log, conn);
    if (status == TRIVET_OK)
        *after = (uint64_t)key;
    return status;
}

static enum trivet_status read_labelled(struct trivet_sqlite_query *query,
                                        struct trivet_store_labelled *out,
                                        struct trivet_buffer *features, struct trivet_error *err)
{
    out->key = trivet_sqlite_column_u64(query);
    trivet_sqlite_column_text(query, out->id, sizeof(out->id));
    out->outcome.is_label = trivet_sqlite_column_int(query) == 2;
    out->outcome.number = trivet_sqlite_column_double(query);
    trivet_sqlite_column_text(query, out->outcome.label, sizeof(out->outcome.label));
    out->columns_key = trivet_sqlite_column_u64(query);
    out->features_at = features->n_bytes;
    enum trivet_status status = trivet_sqlite_column_append(query, features, err);
    out->features_bytes = features->n_bytes - out->features_at;
    return status;
}

enum trivet_status trivet_sqlite_log_list_labelled(void *backend, const char *model,
                                                   int64_t since_unix_us, uint64_t after,
                                                   struct trivet_store_labelled *out,
                                                   size_t count_max, size_t *count,
                                                   struct trivet_buffer *features,
                                                   struct trivet_error *err)
{
    static const char sql[] = "SELECT key, id, outcome, outcome_number, outcome_label, columns_key,"
                              " features" LABELLED_SQL " AND key > ? ORDER BY key LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    bool row = false;
    size_t n_read = 0;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, since_unix_us);
    trivet_sqlite_bind_u64(&query, after);
    trivet_sqlite_bind_u64(&query, count_max);
    status = trivet_sqlite_query_step(&query, &row, err);
    while (status == TRIVET_OK && row && n_read < count_max) {
        memset(&out[n_read], 0, sizeof(*out));
        status = read_labelled(&query, &out[n_read], features, err);
        n_read += status == TRIVET_OK;
        if (status == TRIVET_OK)
            status = trivet_sqlite_query_step(&query, &row, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    trivet_sqlite_reader_give(&store->log, conn);
    if (status == TRIVET_OK)
        *count = n_read;
    return status;
}

enum trivet_status trivet_sqlite_log_get_columns(void *backend, uint64_t columns_key,
                                                 struct trivet_buffer *columns,
                                                 struct trivet_error *err)
{
    static const char sql[] = "SELECT data FROM columns WHERE key = ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    bool row = false;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, columns_key);
    status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        status = trivet_sqlite_column_append(&query, columns, err);
    status = trivet_sqlite_query_finish(&query, status, err);
    trivet_sqlite_reader_give(&store->log, conn);
    if (status == TRIVET_OK && !row)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "the log has no columns of key %llu",
                                  (unsigned long long)columns_key);
    return status;
}
