/* Versions of models. An artefact lies in parts, so that neither side ever holds it twice. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <string.h>

#define VERSION_COLUMNS "model, version, created_us, job_id, dataset_id, artefact_bytes, checksum"

static void read_version(struct trivet_sqlite_query *query, struct trivet_store_version *out)
{
    trivet_sqlite_column_text(query, out->model, sizeof(out->model));
    out->version = trivet_sqlite_column_u64(query);
    out->created_unix_us = trivet_sqlite_column_int(query);
    trivet_sqlite_column_text(query, out->job_id, sizeof(out->job_id));
    trivet_sqlite_column_text(query, out->dataset_id, sizeof(out->dataset_id));
    out->artefact_bytes = trivet_sqlite_column_u64(query);
    trivet_sqlite_column_text(query, out->checksum, sizeof(out->checksum));
}

static enum trivet_status version_missing(const char *model, uint64_t version,
                                          struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "model '%.64s' has no version %llu; see the list of its versions",
                            model, (unsigned long long)version);
}

/* --- Create ---------------------------------------------------------------------------------- */

static enum trivet_status next_version(struct trivet_sqlite_conn *conn, const char *model,
                                       uint64_t *version, struct trivet_error *err)
{
    static const char sql[] =
        "INSERT INTO models (name, last_version) VALUES (?, 1)"
        " ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1 RETURNING last_version";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        *version = trivet_sqlite_column_u64(&query);
        /* RETURNING: the change is made, the statement ends with the next step. */
        status = trivet_sqlite_query_step(&query, &row, err);
    }
    return trivet_sqlite_query_finish(&query, status, err);
}

static enum trivet_status insert_version(struct trivet_sqlite_conn *conn,
                                         const struct trivet_store_version *record,
                                         struct trivet_store_bytes summary,
                                         struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO versions (" VERSION_COLUMNS ", summary)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, record->model);
    trivet_sqlite_bind_u64(&query, record->version);
    trivet_sqlite_bind_int(&query, record->created_unix_us);
    trivet_sqlite_bind_text(&query, record->job_id);
    trivet_sqlite_bind_text(&query, record->dataset_id);
    trivet_sqlite_bind_u64(&query, record->artefact_bytes);
    trivet_sqlite_bind_text(&query, record->checksum);
    trivet_sqlite_bind_blob(&query, summary.data, summary.n_bytes);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status insert_parts(struct trivet_sqlite_conn *conn, int64_t version_key,
                                       struct trivet_store_bytes artefact, struct trivet_error *err)
{
    static const char sql[] =
        "INSERT INTO artefact_parts (version_key, part, data) VALUES (?, ?, ?)";
    const uint8_t *bytes = artefact.data;
    enum trivet_status status = TRIVET_OK;
    size_t start = 0;
    for (int64_t part = 0; status == TRIVET_OK && start < artefact.n_bytes; part++) {
        struct trivet_sqlite_query query;
        size_t n_bytes = artefact.n_bytes - start;
        if (n_bytes > TRIVET_SQLITE_PART_BYTES)
            n_bytes = TRIVET_SQLITE_PART_BYTES;
        trivet_sqlite_query_open(&query, conn, sql);
        trivet_sqlite_bind_int(&query, version_key);
        trivet_sqlite_bind_int(&query, part);
        trivet_sqlite_bind_blob(&query, bytes + start, n_bytes);
        status = trivet_sqlite_query_run(&query, err);
        start += n_bytes;
    }
    return status;
}

enum trivet_status trivet_sqlite_version_create(void *txn, struct trivet_store_version *record,
                                                struct trivet_store_bytes artefact,
                                                struct trivet_store_bytes summary,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_version made = *record;
    enum trivet_status status = next_version(conn, made.model, &made.version, err);
    if (status == TRIVET_OK)
        status = insert_version(conn, &made, summary, err);
    if (status == TRIVET_OK)
        status = insert_parts(conn, sqlite3_last_insert_rowid(conn->db), artefact, err);
    if (status == TRIVET_OK)
        *record = made;
    return status;
}

/* --- Read ------------------------------------------------------------------------------------ */

static enum trivet_status load_version(struct trivet_sqlite_conn *conn, const char *model,
                                       uint64_t version, struct trivet_store_version *out,
                                       int64_t *key, struct trivet_buffer *summary,
                                       struct trivet_error *err)
{
    static const char sql[] =
        "SELECT " VERSION_COLUMNS ", key, summary FROM versions WHERE model = ? AND version = ?";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        read_version(&query, out);
        *key = trivet_sqlite_column_int(&query);
        status = trivet_sqlite_column_append(&query, summary, err);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    return status == TRIVET_OK && !row ? version_missing(model, version, err) : status;
}

static enum trivet_status load_parts(struct trivet_sqlite_conn *conn, int64_t version_key,
                                     struct trivet_buffer *artefact, struct trivet_error *err)
{
    static const char sql[] = "SELECT data FROM artefact_parts WHERE version_key = ? ORDER BY part";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, version_key);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    while (status == TRIVET_OK && row) {
        status = trivet_sqlite_column_append(&query, artefact, err);
        if (status == TRIVET_OK)
            status = trivet_sqlite_query_step(&query, &row, err);
    }
    return trivet_sqlite_query_finish(&query, status, err);
}

static enum trivet_status load_artefact(struct trivet_sqlite_conn *conn,
                                        const struct trivet_store_version *record, int64_t key,
                                        struct trivet_buffer *artefact, struct trivet_error *err)
{
    /* The number comes from the file: reserve no more than can have been stored. */
    if (record->artefact_bytes > TRIVET_STORE_ARTEFACT_BYTES_MAX)
        return trivet_sqlite_error(conn, SQLITE_CORRUPT, err);
    enum trivet_status status =
        trivet_buffer_reserve(artefact, (size_t)record->artefact_bytes, err);
    return status == TRIVET_OK ? load_parts(conn, key, artefact, err) : status;
}

enum trivet_status trivet_sqlite_version_get(void *backend, const char *model, uint64_t version,
                                             struct trivet_store_version *out,
                                             struct trivet_buffer *artefact,
                                             struct trivet_buffer *summary,
                                             struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    int64_t key = 0;
    /* One snapshot: the version may be deleted between its row and its parts. */
    enum trivet_status status = trivet_sqlite_snapshot_begin(conn, err);
    if (status == TRIVET_OK) {
        status = load_version(conn, model, version, out, &key, summary, err);
        if (status == TRIVET_OK && artefact != NULL)
            status = load_artefact(conn, out, key, artefact, err);
        trivet_sqlite_snapshot_end(conn);
    }
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}

static void list_version(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_version *records = out;
    read_version(query, &records[index]);
}

enum trivet_status trivet_sqlite_version_list(void *backend, const char *model,
                                              struct trivet_store_version *out, size_t count_max,
                                              size_t *count, struct trivet_error *err)
{
    static const char sql[] =
        "SELECT " VERSION_COLUMNS " FROM versions WHERE model = ? ORDER BY version DESC LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_version, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}

struct model_rows {
    char (*names)[TRIVET_STORE_NAME_BYTES];
    uint64_t *version_counts;
};

static void list_model(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct model_rows *rows = out;
    trivet_sqlite_column_text(query, rows->names[index], TRIVET_STORE_NAME_BYTES);
    rows->version_counts[index] = trivet_sqlite_column_u64(query);
}

enum trivet_status trivet_sqlite_model_list(void *backend, const char *after,
                                            char (*names)[TRIVET_STORE_NAME_BYTES],
                                            uint64_t *version_counts, size_t count_max,
                                            size_t *count, struct trivet_error *err)
{
    static const char sql[] = "SELECT model, count(*) FROM versions WHERE model > ?"
                              " GROUP BY model ORDER BY model LIMIT ?";
    struct model_rows rows = {.names = names, .version_counts = version_counts};
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, after);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_model, &rows, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}

enum trivet_status trivet_sqlite_model_exists(struct trivet_sqlite_conn *conn, const char *model,
                                              struct trivet_error *err)
{
    static const char sql[] = "SELECT count(*) FROM"
                              " (SELECT 1 FROM versions WHERE model = ? LIMIT 1)";
    struct trivet_sqlite_query query;
    int64_t found = 0;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    enum trivet_status status = trivet_sqlite_query_number(&query, &found, err);
    if (status == TRIVET_OK && found == 0)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "no model '%.64s'; see the list of models",
                                  model);
    return status;
}

enum trivet_status trivet_sqlite_version_exists(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version, struct trivet_error *err)
{
    static const char sql[] = "SELECT 1 FROM versions WHERE model = ? AND version = ?";
    struct trivet_sqlite_query query;
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    status = trivet_sqlite_query_finish(&query, status, err);
    return status == TRIVET_OK && !row ? version_missing(model, version, err) : status;
}

/* --- Delete ---------------------------------------------------------------------------------- */

static enum trivet_status store_deletion(struct trivet_sqlite_conn *conn,
                                         const struct trivet_store_alias *change,
                                         const struct trivet_store_cause *cause,
                                         struct trivet_error *err)
{
    return trivet_sqlite_store_change(conn,
                                      &(struct trivet_sqlite_change){.kind = TRIVET_STORE_DELETED,
                                                                     .alias = change,
                                                                     .cause = cause},
                                      err);
}

static enum trivet_status run_on_model(struct trivet_sqlite_conn *conn, const char *sql,
                                       const char *model, struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    return trivet_sqlite_query_run(&query, err);
}

/* Names are made faster than they are looked back at: of models that are gone, the newest changes.
 * The names are found one by one in the index of the changes: those that live on may have a
 * thousand times as many changes, which nobody need look at. */
static enum trivet_status trim_gone(struct trivet_sqlite_conn *conn, struct trivet_error *err)
{
    static const char sql[] =
        "WITH RECURSIVE named (model) AS (SELECT min(model) FROM alias_changes UNION ALL"
        " SELECT (SELECT min(model) FROM alias_changes WHERE model > named.model)"
        " FROM named WHERE named.model IS NOT NULL)"
        " DELETE FROM alias_changes WHERE seq IN"
        " (SELECT seq FROM named CROSS JOIN alias_changes AS c ON c.model = named.model"
        " WHERE NOT EXISTS (SELECT 1 FROM versions AS v WHERE v.model = named.model)"
        " ORDER BY seq DESC LIMIT -1 OFFSET ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_int(&query, TRIVET_STORE_GONE_HISTORY_MAX);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status delete_model(struct trivet_sqlite_conn *conn,
                                       const struct trivet_store_alias *change,
                                       const struct trivet_store_cause *cause,
                                       struct trivet_error *err)
{
    static const char *const delete_sql[] = {
        "DELETE FROM traffic WHERE model = ?", "DELETE FROM aliases WHERE model = ?",
        "DELETE FROM settings WHERE model = ?",
        "DELETE FROM versions WHERE model = ?", /* their artefacts follow */
    };
    const char *model = change->model;
    enum trivet_status status = trivet_sqlite_model_exists(conn, model, err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_version_no_job(conn, model, 0, err);
    for (size_t i = 0; status == TRIVET_OK && i < TRIVET_ARRAY_COUNT(delete_sql); i++)
        status = run_on_model(conn, delete_sql[i], model, err);
    if (status == TRIVET_OK)
        status = store_deletion(conn, change, cause, err);
    return status == TRIVET_OK ? trim_gone(conn, err) : status;
}

static enum trivet_status delete_version(struct trivet_sqlite_conn *conn,
                                         const struct trivet_store_alias *change,
                                         const struct trivet_store_cause *cause,
                                         struct trivet_error *err)
{
    const char *model = change->model;
    const uint64_t version = change->version;
    static const char *const delete_sql[] = {
        "UPDATE aliases SET previous_version = 0 WHERE model = ? AND previous_version = ?",
        "DELETE FROM versions WHERE model = ? AND version = ?",
    };
    enum trivet_status status = trivet_sqlite_version_exists(conn, model, version, err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_version_unused(conn, model, version, err);
    for (size_t i = 0; status == TRIVET_OK && i < TRIVET_ARRAY_COUNT(delete_sql); i++) {
        struct trivet_sqlite_query query;
        trivet_sqlite_query_open(&query, conn, delete_sql[i]);
        trivet_sqlite_bind_text(&query, model);
        trivet_sqlite_bind_u64(&query, version);
        status = trivet_sqlite_query_run(&query, err);
    }
    return status == TRIVET_OK ? store_deletion(conn, change, cause, err) : status;
}

enum trivet_status trivet_sqlite_version_delete(void *txn, const struct trivet_store_alias *change,
                                                const struct trivet_store_cause *cause,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    return change->version == 0 ? delete_model(conn, change, cause, err)
                                : delete_version(conn, change, cause, err);
}

/* --- Retention ------------------------------------------------------------------------------- */

static void list_number(struct trivet_sqlite_query *query, void *out, size_t index)
{
    uint64_t *numbers = out;
    numbers[index] = trivet_sqlite_column_u64(query);
}

/* The numbers first, then the deletes: a row that is returned while others go has no order. */
static enum trivet_status list_unused(struct trivet_sqlite_conn *conn, const char *model,
                                      uint64_t keep, uint64_t *out, size_t count_max, size_t *count,
                                      struct trivet_error *err)
{
    static const char sql[] =
        "SELECT version FROM (SELECT version FROM versions WHERE model = ?1 AND version NOT IN"
        " (SELECT version FROM aliases WHERE model = ?1"
        "  UNION SELECT previous_version FROM aliases WHERE model = ?1"
        "  UNION SELECT version FROM traffic WHERE model = ?1"
        "  UNION SELECT version FROM jobs WHERE model = ?1 AND state IN (1, 2))"
        " ORDER BY version DESC LIMIT -1 OFFSET ?2) ORDER BY version LIMIT ?3";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, keep);
    trivet_sqlite_bind_u64(&query, count_max);
    return trivet_sqlite_query_list(&query, list_number, out, count_max, count, err);
}

enum trivet_status trivet_sqlite_version_retain(void *txn, const struct trivet_store_alias *change,
                                                uint64_t keep,
                                                const struct trivet_store_cause *cause,
                                                uint64_t *gone, size_t count_max, size_t *count,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_alias each = *change;
    enum trivet_status status = list_unused(conn, change->model, keep, gone, count_max, count, err);
    for (size_t i = 0; status == TRIVET_OK && i < *count; i++) {
        each.version = gone[i];
        status = delete_version(conn, &each, cause, err);
    }
    return status;
}
