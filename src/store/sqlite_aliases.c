/* Aliases of versions, and the history of their changes. */
#include "store/sqlite_db.h"

#define ALIAS_COLUMNS "model, name, version, previous_version, changed_us"

static void read_alias(struct trivet_sqlite_query *query, struct trivet_store_alias *out)
{
    trivet_sqlite_column_text(query, out->model, sizeof(out->model));
    trivet_sqlite_column_text(query, out->name, sizeof(out->name));
    out->version = trivet_sqlite_column_u64(query);
    out->previous_version = trivet_sqlite_column_u64(query);
    out->changed_unix_us = trivet_sqlite_column_int(query);
}

/* --- Set ------------------------------------------------------------------------------------- */

static enum trivet_status load_alias(struct trivet_sqlite_conn *conn, const char *model,
                                     const char *name, struct trivet_store_alias *out, bool *found,
                                     struct trivet_error *err)
{
    static const char sql[] = "SELECT " ALIAS_COLUMNS " FROM aliases WHERE model = ? AND name = ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_text(&query, name);
    enum trivet_status status = trivet_sqlite_query_step(&query, found, err);
    if (status == TRIVET_OK && *found)
        read_alias(&query, out);
    return trivet_sqlite_query_finish(&query, status, err);
}

/* Binds ALIAS_COLUMNS. */
static void bind_alias(struct trivet_sqlite_query *query, const struct trivet_store_alias *alias)
{
    trivet_sqlite_bind_text(query, alias->model);
    trivet_sqlite_bind_text(query, alias->name);
    trivet_sqlite_bind_u64(query, alias->version);
    trivet_sqlite_bind_u64(query, alias->previous_version);
    trivet_sqlite_bind_int(query, alias->changed_unix_us);
}

static enum trivet_status store_alias(struct trivet_sqlite_conn *conn,
                                      const struct trivet_store_alias *alias,
                                      struct trivet_error *err)
{
    static const char sql[] =
        "INSERT INTO aliases (" ALIAS_COLUMNS ") VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (model, name) DO UPDATE SET version = excluded.version,"
        " previous_version = excluded.previous_version, changed_us = excluded.changed_us";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    bind_alias(&query, alias);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status store_change(struct trivet_sqlite_conn *conn,
                                       const struct trivet_store_alias *alias, const char *reason,
                                       struct trivet_error *err)
{
    static const char insert_sql[] =
        "INSERT INTO alias_changes (" ALIAS_COLUMNS ", reason) VALUES (?, ?, ?, ?, ?, ?)";
    static const char trim_sql[] =
        "DELETE FROM alias_changes WHERE model = ?1 AND name = ?2 AND seq <="
        " (SELECT seq FROM alias_changes WHERE model = ?1 AND name = ?2"
        "  ORDER BY seq DESC LIMIT 1 OFFSET ?3)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, insert_sql);
    bind_alias(&query, alias);
    trivet_sqlite_bind_text(&query, reason);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, trim_sql);
    trivet_sqlite_bind_text(&query, alias->model);
    trivet_sqlite_bind_text(&query, alias->name);
    trivet_sqlite_bind_int(&query, TRIVET_STORE_ALIAS_HISTORY_MAX);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status check_count(struct trivet_sqlite_conn *conn, const char *model,
                                      struct trivet_error *err)
{
    static const char sql[] = "SELECT count(*) FROM aliases WHERE model = ?";
    struct trivet_sqlite_query query;
    int64_t n_aliases = 0;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    enum trivet_status status = trivet_sqlite_query_number(&query, &n_aliases, err);
    if (status == TRIVET_OK && n_aliases >= TRIVET_STORE_ALIASES_MAX)
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "model '%s' has %lld aliases, more are not kept; use one of them "
                                  "again",
                                  model, (long long)n_aliases);
    return status;
}

enum trivet_status trivet_sqlite_alias_set(void *txn, struct trivet_store_alias *alias,
                                           const char *reason, struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_alias before = {.version = 0};
    struct trivet_store_alias made = *alias;
    bool found = false;
    enum trivet_status status =
        trivet_sqlite_version_exists(conn, alias->model, alias->version, err);
    if (status == TRIVET_OK)
        status = load_alias(conn, alias->model, alias->name, &before, &found, err);
    if (status != TRIVET_OK)
        return status;
    if (found && before.version == alias->version) {
        /* A repeated promotion must not make a version its own predecessor. */
        *alias = before;
        return TRIVET_OK;
    }
    if (!found)
        status = check_count(conn, alias->model, err);
    if (status != TRIVET_OK)
        return status;
    made.previous_version = before.version;
    status = store_alias(conn, &made, err);
    if (status == TRIVET_OK)
        status = store_change(conn, &made, reason, err);
    if (status == TRIVET_OK)
        *alias = made;
    return status;
}

enum trivet_status trivet_sqlite_version_unused(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version, struct trivet_error *err)
{
    static const char sql[] =
        "SELECT name FROM aliases WHERE model = ? AND version = ? ORDER BY name LIMIT 1";
    struct trivet_sqlite_query query;
    char name[TRIVET_STORE_NAME_BYTES] = "";
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        trivet_sqlite_column_text(&query, name, sizeof(name));
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && row)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "alias '%s' of model '%s' points at version %llu; point it at "
                                  "another version first",
                                  name, model, (unsigned long long)version);
    return status;
}

/* --- Lists ----------------------------------------------------------------------------------- */

static void list_alias(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_alias *records = out;
    read_alias(query, &records[index]);
}

enum trivet_status trivet_sqlite_alias_list(void *backend, const char *model,
                                            struct trivet_store_alias *out, size_t count_max,
                                            size_t *count, struct trivet_error *err)
{
    static const char all_sql[] =
        "SELECT " ALIAS_COLUMNS " FROM aliases ORDER BY model, name LIMIT ?";
    static const char one_sql[] =
        "SELECT " ALIAS_COLUMNS " FROM aliases WHERE model = ? ORDER BY name LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, model == NULL ? all_sql : one_sql);
    if (model != NULL)
        trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_alias, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}

static void list_change(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_alias_change *changes = out;
    struct trivet_store_alias_change *change = &changes[index];
    change->version = trivet_sqlite_column_u64(query);
    change->previous_version = trivet_sqlite_column_u64(query);
    change->changed_unix_us = trivet_sqlite_column_int(query);
    trivet_sqlite_column_text(query, change->reason, sizeof(change->reason));
}

enum trivet_status trivet_sqlite_alias_history(void *backend, const char *model, const char *alias,
                                               struct trivet_store_alias_change *out,
                                               size_t count_max, size_t *count,
                                               struct trivet_error *err)
{
    static const char sql[] = "SELECT version, previous_version, changed_us, reason"
                              " FROM alias_changes WHERE model = ? AND name = ?"
                              " ORDER BY seq DESC LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_text(&query, alias);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_change, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}
