/* The log of predictions: putting, finding, outcomes, levels. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <string.h>

enum outcome_kind { OUTCOME_NONE, OUTCOME_NUMBER, OUTCOME_LABEL };

enum trivet_status trivet_sqlite_log_reader(struct trivet_sqlite_store *store,
                                            struct trivet_sqlite_conn **out,
                                            struct trivet_error *err)
{
    if (store->log_error.status != TRIVET_OK) {
        *err = store->log_error;
        return err->status;
    }
    if (store->log.path[0] == '\0')
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the log of predictions is not open in a store for reading only");
    *out = trivet_sqlite_reader_take(&store->log);
    return TRIVET_OK;
}

enum trivet_status trivet_sqlite_log_get_key(void *backend, uint8_t key[TRIVET_HASH_KEY_BYTES],
                                             struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    bool row = false;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, "SELECT hash_key FROM secret");
    status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        trivet_sqlite_column_fixed(&query, key, TRIVET_HASH_KEY_BYTES);
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && !row)
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "'%s' is damaged (it has no key); restore it from a backup",
                                  conn->path);
    trivet_sqlite_reader_give(&store->log, conn);
    return status;
}

/* --- Predictions ----------------------------------------------------------------------------- */

/* The key of what the features hold, put when it is new. */
static enum trivet_status intern_columns(struct trivet_sqlite_conn *conn,
                                         const struct trivet_buffer *columns, int64_t *key,
                                         struct trivet_error *err)
{
    static const char find_sql[] = "SELECT key FROM columns WHERE data = ?";
    static const char put_sql[] = "INSERT INTO columns (data) VALUES (?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, find_sql);
    trivet_sqlite_bind_blob(&query, columns->data, columns->n_bytes);
    enum trivet_status status = trivet_sqlite_query_number(&query, key, err);
    if (status != TRIVET_OK || *key != 0)
        return status;
    trivet_sqlite_query_open(&query, conn, put_sql);
    trivet_sqlite_bind_blob(&query, columns->data, columns->n_bytes);
    status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK)
        *key = sqlite3_last_insert_rowid(conn->db);
    return status;
}

enum trivet_status trivet_sqlite_log_put(void *txn,
                                         const struct trivet_store_prediction *prediction,
                                         bool *added, struct trivet_error *err)
{
    static const char sql[] =
        "INSERT INTO predictions (model, id, version, predicted_us, level, zeros, is_label, number,"
        " label, probability, outcome, outcome_number, outcome_label, observed_us, recorded_us,"
        " columns_key, features)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0.0, '', 0, 0, ?, ?)"
        " ON CONFLICT (model, id) DO NOTHING";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    int64_t columns_key = 0;
    const bool is_label = prediction->label != NULL;
    if (prediction->features.n_bytes > 0) {
        enum trivet_status status = intern_columns(conn, &prediction->columns, &columns_key, err);
        if (status != TRIVET_OK)
            return status;
    }
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, prediction->model);
    trivet_sqlite_bind_text(&query, prediction->id);
    trivet_sqlite_bind_u64(&query, prediction->version);
    trivet_sqlite_bind_int(&query, prediction->predicted_unix_us);
    trivet_sqlite_bind_int(&query, prediction->level);
    trivet_sqlite_bind_int(&query, prediction->zeros);
    trivet_sqlite_bind_int(&query, is_label);
    trivet_sqlite_bind_double(&query, is_label ? 0 : prediction->number);
    trivet_sqlite_bind_text(&query, is_label ? prediction->label : "");
    trivet_sqlite_bind_double(&query, prediction->probability);
    trivet_sqlite_bind_int(&query, columns_key);
    trivet_sqlite_bind_blob(&query, prediction->features.data, prediction->features.n_bytes);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK)
        *added = sqlite3_changes(conn->db) > 0;
    return status;
}

enum trivet_status trivet_sqlite_log_find(void *txn, const char *model, const char *id,
                                          struct trivet_store_logged *out, bool *found,
                                          struct trivet_error *err)
{
    static const char sql[] =
        "SELECT key, version, predicted_us, level, is_label, number, label, outcome,"
        " outcome_number, outcome_label, observed_us, recorded_us"
        " FROM predictions WHERE model = ? AND id = ?";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, TRIVET_SQLITE_TXN_CONN(txn), sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_text(&query, id);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        out->key = trivet_sqlite_column_u64(&query);
        out->version = trivet_sqlite_column_u64(&query);
        out->predicted_unix_us = trivet_sqlite_column_int(&query);
        out->level = (unsigned)trivet_sqlite_column_u64(&query);
        out->is_label = trivet_sqlite_column_int(&query) != 0;
        out->number = trivet_sqlite_column_double(&query);
        trivet_sqlite_column_text(&query, out->label, sizeof(out->label));
        const int64_t kind = trivet_sqlite_column_int(&query);
        out->has_outcome = kind != OUTCOME_NONE;
        out->outcome.is_label = kind == OUTCOME_LABEL;
        out->outcome.number = trivet_sqlite_column_double(&query);
        trivet_sqlite_column_text(&query, out->outcome.label, sizeof(out->outcome.label));
        out->outcome.observed_unix_us = trivet_sqlite_column_int(&query);
        out->outcome.recorded_unix_us = trivet_sqlite_column_int(&query);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && row && out->level >= TRIVET_STORE_LEVELS)
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "'%s' is damaged (a level of %u); restore it from a backup",
                                  TRIVET_SQLITE_TXN_CONN(txn)->path, out->level);
    if (status == TRIVET_OK)
        *found = row;
    return status;
}

enum trivet_status trivet_sqlite_log_set_outcome(void *txn, uint64_t key,
                                                 const struct trivet_store_outcome *outcome,
                                                 struct trivet_error *err)
{
    static const char sql[] =
        "UPDATE predictions SET outcome = ?, outcome_number = ?, outcome_label = ?,"
        " observed_us = ?, recorded_us = ? WHERE key = ?";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, outcome->is_label ? OUTCOME_LABEL : OUTCOME_NUMBER);
    trivet_sqlite_bind_double(&query, outcome->is_label ? 0 : outcome->number);
    trivet_sqlite_bind_text(&query, outcome->is_label ? outcome->label : "");
    trivet_sqlite_bind_int(&query, outcome->observed_unix_us);
    trivet_sqlite_bind_int(&query, outcome->recorded_unix_us);
    trivet_sqlite_bind_u64(&query, key);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status == TRIVET_OK && sqlite3_changes(conn->db) == 0)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "no prediction of the log has key %llu",
                                  (unsigned long long)key);
    return status;
}

/* --- Levels ---------------------------------------------------------------------------------- */

enum trivet_status trivet_sqlite_log_put_level(void *txn, const char *model, unsigned level,
                                               int64_t last_unix_us, struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO levels (model, level, last_us) VALUES (?, ?, ?)"
                              " ON CONFLICT (model, level) DO UPDATE SET"
                              " last_us = max(last_us, excluded.last_us)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, TRIVET_SQLITE_TXN_CONN(txn), sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_int(&query, level);
    trivet_sqlite_bind_int(&query, last_unix_us);
    return trivet_sqlite_query_run(&query, err);
}

static void read_level(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_level *level = (struct trivet_store_level *)out + index;
    trivet_sqlite_column_text(query, level->model, sizeof(level->model));
    level->level = (unsigned)trivet_sqlite_column_u64(query);
    level->last_unix_us = trivet_sqlite_column_int(query);
}

enum trivet_status trivet_sqlite_log_list_levels(void *backend, struct trivet_store_level *out,
                                                 size_t count_max, size_t *count,
                                                 struct trivet_error *err)
{
    static const char sql[] =
        "SELECT model, level, last_us FROM levels ORDER BY model, level LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = NULL;
    struct trivet_sqlite_query query;
    enum trivet_status status = trivet_sqlite_log_reader(store, &conn, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_u64(&query, count_max);
    status = trivet_sqlite_query_list(&query, read_level, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->log, conn);
    return status;
}
