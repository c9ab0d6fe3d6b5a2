/* Settings of a model, and their place in its history. */
#include "store/sqlite_db.h"

enum trivet_status trivet_sqlite_settings_set(void *txn, const struct trivet_store_alias *change,
                                              struct trivet_store_bytes settings,
                                              const struct trivet_store_cause *cause,
                                              struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO settings (model, settings) VALUES (?, ?)"
                              " ON CONFLICT (model) DO UPDATE SET settings = excluded.settings";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    enum trivet_status status = trivet_sqlite_model_exists(conn, change->model, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, change->model);
    trivet_sqlite_bind_blob(&query, settings.data, settings.n_bytes);
    status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_sqlite_store_change(
        conn,
        &(struct trivet_sqlite_change){.kind = TRIVET_STORE_CONFIGURED,
                                       .alias = change,
                                       .settings = &settings,
                                       .cause = cause},
        err);
}

enum trivet_status trivet_sqlite_settings_get(void *backend, const char *model,
                                              struct trivet_buffer *settings,
                                              struct trivet_error *err)
{
    static const char sql[] = "SELECT settings FROM settings WHERE model = ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        status = trivet_sqlite_column_append(&query, settings, err);
    status = trivet_sqlite_query_finish(&query, status, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}
