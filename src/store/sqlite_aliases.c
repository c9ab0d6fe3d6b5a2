/* Aliases of versions, and the history of their changes. */
#include "store/sqlite_db.h"

#include <string.h>

#define ALIAS_COLUMNS "model, name, version, previous_version, changed_us"
#define CHANGE_COLUMNS                                                                             \
    "seq, kind, name, version, previous_version, changed_us, identity, request_id, reason, peer, " \
    "shares, settings"

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

enum trivet_status trivet_sqlite_store_change(struct trivet_sqlite_conn *conn,
                                              const struct trivet_sqlite_change *change,
                                              struct trivet_error *err)
{
    static const char insert_sql[] = "INSERT INTO alias_changes (" ALIAS_COLUMNS
                                     ", kind, shares, identity, request_id, reason, peer, settings)"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    static const char trim_sql[] =
        "DELETE FROM alias_changes WHERE model = ?1 AND name = ?2 AND seq <="
        " (SELECT seq FROM alias_changes WHERE model = ?1 AND name = ?2"
        "  ORDER BY seq DESC LIMIT 1 OFFSET ?3)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, insert_sql);
    bind_alias(&query, change->alias);
    trivet_sqlite_bind_int(&query, change->kind);
    trivet_sqlite_bind_text(&query, change->shares == NULL ? "" : change->shares);
    trivet_sqlite_bind_text(&query, change->cause->identity);
    trivet_sqlite_bind_text(&query, change->cause->request_id);
    trivet_sqlite_bind_text(&query, change->cause->reason);
    trivet_sqlite_bind_text(&query, change->cause->peer);
    if (change->settings != NULL) /* else it stays NULL */
        trivet_sqlite_bind_blob(&query, change->settings->data, change->settings->n_bytes);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, trim_sql);
    trivet_sqlite_bind_text(&query, change->alias->model);
    trivet_sqlite_bind_text(&query, change->alias->name);
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
                                           const struct trivet_store_cause *cause,
                                           struct trivet_error *err)
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
        status = trivet_sqlite_store_change(
            conn,
            &(struct trivet_sqlite_change){
                .kind = TRIVET_STORE_ALIAS_PROMOTED, .alias = &made, .cause = cause},
            err);
    if (status == TRIVET_OK)
        *alias = made;
    return status;
}

/* --- Rollback -------------------------------------------------------------------------------- */

/* Marks the last promotion as undone. *before: what the alias had before the one that is then the
 * last, when that version is still there; else 0. */
static enum trivet_status undo_promotion(struct trivet_sqlite_conn *conn,
                                         const struct trivet_store_alias *alias, uint64_t *before,
                                         struct trivet_error *err)
{
    static const char undo_sql[] =
        "UPDATE alias_changes SET undone = 1 WHERE seq = (SELECT max(seq) FROM alias_changes"
        " WHERE model = ? AND name = ? AND kind = 1 AND undone = 0)";
    static const char before_sql[] =
        "SELECT coalesce((SELECT versions.version FROM versions JOIN"
        " (SELECT model, previous_version FROM alias_changes"
        "  WHERE model = ? AND name = ? AND kind = 1 AND undone = 0 ORDER BY seq DESC LIMIT 1)"
        " AS change ON versions.model = change.model"
        " AND versions.version = change.previous_version), 0)";
    struct trivet_sqlite_query query;
    int64_t version = 0;
    trivet_sqlite_query_open(&query, conn, undo_sql);
    trivet_sqlite_bind_text(&query, alias->model);
    trivet_sqlite_bind_text(&query, alias->name);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, before_sql);
    trivet_sqlite_bind_text(&query, alias->model);
    trivet_sqlite_bind_text(&query, alias->name);
    status = trivet_sqlite_query_number(&query, &version, err);
    if (status == TRIVET_OK)
        *before = (uint64_t)version;
    return status;
}

/* As load_alias; NOT_FOUND. */
static enum trivet_status need_alias(struct trivet_sqlite_conn *conn,
                                     const struct trivet_store_alias *alias,
                                     struct trivet_store_alias *now, struct trivet_error *err)
{
    bool found = false;
    enum trivet_status status = load_alias(conn, alias->model, alias->name, now, &found, err);
    if (status == TRIVET_OK && !found)
        status = trivet_sqlite_model_exists(conn, alias->model, err);
    if (status == TRIVET_OK && !found)
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "model '%s' has no alias '%s'",
                                  alias->model, alias->name);
    return status;
}

/* Where the alias is, when it has something to go back to. */
static enum trivet_status check_rollback(struct trivet_sqlite_conn *conn,
                                         const struct trivet_store_alias *alias,
                                         struct trivet_store_alias *now, struct trivet_error *err)
{
    enum trivet_status status = need_alias(conn, alias, now, err);
    if (status == TRIVET_OK && now->previous_version == 0)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "alias '%s' of model '%s' points at version %llu and has nothing "
                                  "before it to go back to, or it was deleted; deploy another "
                                  "version instead",
                                  alias->name, alias->model, (unsigned long long)now->version);
    return status;
}

enum trivet_status trivet_sqlite_alias_rollback(void *txn, struct trivet_store_alias *alias,
                                                const struct trivet_store_cause *cause,
                                                struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_alias now = {.version = 0};
    struct trivet_store_alias made = *alias;
    enum trivet_status status = check_rollback(conn, alias, &now, err);
    if (status == TRIVET_OK)
        status = undo_promotion(conn, alias, &made.previous_version, err);
    if (status != TRIVET_OK)
        return status;
    made.version = now.previous_version;
    status = store_alias(conn, &made, err);
    if (status == TRIVET_OK) {
        /* The record tells which version was left. */
        struct trivet_store_alias change = made;
        change.previous_version = now.version;
        status = trivet_sqlite_store_change(
            conn,
            &(struct trivet_sqlite_change){
                .kind = TRIVET_STORE_ALIAS_ROLLED_BACK, .alias = &change, .cause = cause},
            err);
    }
    if (status == TRIVET_OK)
        *alias = made;
    return status;
}

/* --- Remove ---------------------------------------------------------------------------------- */

enum trivet_status trivet_sqlite_alias_remove(void *txn, struct trivet_store_alias *alias,
                                              const struct trivet_store_cause *cause,
                                              struct trivet_error *err)
{
    static const char sql[] = "DELETE FROM aliases WHERE model = ? AND name = ?";
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_alias now = {.version = 0};
    struct trivet_store_alias change = *alias;
    struct trivet_sqlite_query query;
    enum trivet_status status = need_alias(conn, alias, &now, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, alias->model);
    trivet_sqlite_bind_text(&query, alias->name);
    status = trivet_sqlite_query_run(&query, err);
    change.version = 0;
    change.previous_version = now.version;
    if (status == TRIVET_OK)
        status = trivet_sqlite_store_change(
            conn,
            &(struct trivet_sqlite_change){
                .kind = TRIVET_STORE_ALIAS_REMOVED, .alias = &change, .cause = cause},
            err);
    if (status == TRIVET_OK)
        *alias = now;
    return status;
}

/* --- In use ---------------------------------------------------------------------------------- */

/* The name of an alias that points at the version, or "". */
static enum trivet_status find_pointing(struct trivet_sqlite_conn *conn, const char *model,
                                        uint64_t version, char name[TRIVET_STORE_NAME_BYTES],
                                        struct trivet_error *err)
{
    static const char sql[] =
        "SELECT name FROM aliases WHERE model = ? AND version = ? ORDER BY name LIMIT 1";
    struct trivet_sqlite_query query;
    bool row = false;
    name[0] = '\0';
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        trivet_sqlite_column_text(&query, name, TRIVET_STORE_NAME_BYTES);
    return trivet_sqlite_query_finish(&query, status, err);
}

enum trivet_status trivet_sqlite_version_unused(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version, struct trivet_error *err)
{
    static const char share_sql[] = "SELECT count(*) FROM traffic WHERE model = ? AND version = ?";
    struct trivet_sqlite_query query;
    char name[TRIVET_STORE_NAME_BYTES];
    int64_t n_shares = 0;
    enum trivet_status status = find_pointing(conn, model, version, name, err);
    if (status == TRIVET_OK && name[0] != '\0')
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "alias '%s' of model '%s' points at version %llu; point it at "
                                  "another version, or remove it, first",
                                  name, model, (unsigned long long)version);
    if (status != TRIVET_OK)
        return status;
    trivet_sqlite_query_open(&query, conn, share_sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    status = trivet_sqlite_query_number(&query, &n_shares, err);
    if (status == TRIVET_OK && n_shares > 0)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "version %llu of model '%s' has a share of the traffic; end the "
                                  "split, or leave it out of it, first",
                                  (unsigned long long)version, model);
    return status == TRIVET_OK ? trivet_sqlite_version_no_job(conn, model, version, err) : status;
}

enum trivet_status trivet_sqlite_version_no_job(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version, struct trivet_error *err)
{
    static const char sql[] = "SELECT id, version FROM jobs WHERE model = ?1 AND state IN (1, 2)"
                              " AND version > 0 AND ?2 IN (0, version) ORDER BY seq LIMIT 1";
    struct trivet_sqlite_query query;
    char job[TRIVET_STORE_ID_BYTES] = "";
    bool row = false;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, version);
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row) {
        trivet_sqlite_column_text(&query, job, sizeof(job));
        version = trivet_sqlite_column_u64(&query);
    }
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && row)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "job '%s' needs version %llu of model '%s'; wait for it, or "
                                  "cancel it, first",
                                  job, (unsigned long long)version, model);
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

static void column_settings(struct trivet_sqlite_query *query,
                            struct trivet_store_alias_change *out)
{
    size_t n_bytes = 0;
    out->has_settings = sqlite3_column_type(query->stmt, query->n_read) != SQLITE_NULL;
    const void *data = trivet_sqlite_column_blob(query, &n_bytes);
    out->settings_bytes = 0;
    if (n_bytes > sizeof(out->settings)) {
        query->rc = SQLITE_CORRUPT;
        return;
    }
    if (n_bytes > 0)
        memcpy(out->settings, data, n_bytes);
    out->settings_bytes = n_bytes;
}

static void list_change(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_alias_change *changes = out;
    struct trivet_store_alias_change *change = &changes[index];
    change->sequence = trivet_sqlite_column_u64(query);
    change->kind = (enum trivet_store_alias_change_kind)trivet_sqlite_column_int(query);
    trivet_sqlite_column_text(query, change->alias, sizeof(change->alias));
    change->version = trivet_sqlite_column_u64(query);
    change->previous_version = trivet_sqlite_column_u64(query);
    change->changed_unix_us = trivet_sqlite_column_int(query);
    trivet_sqlite_column_text(query, change->identity, sizeof(change->identity));
    trivet_sqlite_column_text(query, change->request_id, sizeof(change->request_id));
    trivet_sqlite_column_text(query, change->reason, sizeof(change->reason));
    trivet_sqlite_column_text(query, change->peer, sizeof(change->peer));
    trivet_sqlite_column_shares(query, change);
    column_settings(query, change);
}

enum trivet_status trivet_sqlite_alias_history(void *backend, const char *model, const char *alias,
                                               uint64_t before,
                                               struct trivet_store_alias_change *out,
                                               size_t count_max, size_t *count,
                                               struct trivet_error *err)
{
    static const char one_sql[] =
        "SELECT " CHANGE_COLUMNS " FROM alias_changes WHERE model = ? AND seq < ? AND name = ?"
        " ORDER BY seq DESC LIMIT ?";
    static const char all_sql[] =
        "SELECT " CHANGE_COLUMNS " FROM alias_changes WHERE model = ? AND seq < ?"
        " ORDER BY seq DESC LIMIT ?";
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, alias[0] == '\0' ? all_sql : one_sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, before == 0 || before > INT64_MAX ? INT64_MAX : before);
    if (alias[0] != '\0')
        trivet_sqlite_bind_text(&query, alias);
    trivet_sqlite_bind_u64(&query, count_max);
    enum trivet_status status =
        trivet_sqlite_query_list(&query, list_change, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}
