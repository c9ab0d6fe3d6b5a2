/* The schemas and how a file of an older version becomes one of the newest.
 *
 * A file's version stands in its user_version; migration k (from 0) takes it from k to k + 1 in one
 * transaction. A released migration is never edited: a change is a new one at the end of the list.
 * Every file holds answers to repeat, so that an answer is stored in its change's transaction. */
#include "base/text.h"
#include "store/sqlite_db.h"

/* `seq` grows with every answer, so that the oldest are the first rows. */
#define REPLIES_SQL                                                                                \
    "CREATE TABLE replies ("                                                                       \
    " seq INTEGER PRIMARY KEY,"                                                                    \
    " created_us INTEGER NOT NULL,"                                                                \
    " identity TEXT NOT NULL,"                                                                     \
    " method TEXT NOT NULL,"                                                                       \
    " request_id TEXT NOT NULL,"                                                                   \
    " body_hash BLOB NOT NULL,"                                                                    \
    " reply BLOB NOT NULL,"                                                                        \
    " UNIQUE (request_id, method, identity)) STRICT;"

static const struct trivet_sqlite_migration catalog_migrations[] = {
    {.sql = "CREATE TABLE models (" /* stays when all versions are deleted: numbers are not reused
                                     */
            " name TEXT PRIMARY KEY,"
            " last_version INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
            "CREATE TABLE versions ("
            " key INTEGER PRIMARY KEY,"
            " model TEXT NOT NULL REFERENCES models (name),"
            " version INTEGER NOT NULL,"
            " created_us INTEGER NOT NULL,"
            " job_id TEXT NOT NULL,"
            " dataset_id TEXT NOT NULL,"
            " artefact_bytes INTEGER NOT NULL,"
            " checksum TEXT NOT NULL,"
            " summary BLOB NOT NULL,"
            " UNIQUE (model, version)) STRICT;"
            "CREATE TABLE artefact_parts (" /* in order of part, from 0 */
            " key INTEGER PRIMARY KEY,"
            " version_key INTEGER NOT NULL REFERENCES versions (key) ON DELETE CASCADE,"
            " part INTEGER NOT NULL,"
            " data BLOB NOT NULL,"
            " UNIQUE (version_key, part)) STRICT;"
            "CREATE TABLE aliases ("
            " model TEXT NOT NULL,"
            " name TEXT NOT NULL,"
            " version INTEGER NOT NULL,"
            " previous_version INTEGER NOT NULL," /* 0 = none */
            " changed_us INTEGER NOT NULL,"
            " PRIMARY KEY (model, name),"
            " FOREIGN KEY (model, version) REFERENCES versions (model, version)"
            ") STRICT, WITHOUT ROWID;"
            "CREATE TABLE alias_changes ("
            " seq INTEGER PRIMARY KEY,"
            " model TEXT NOT NULL,"
            " name TEXT NOT NULL,"
            " version INTEGER NOT NULL,"
            " previous_version INTEGER NOT NULL,"
            " changed_us INTEGER NOT NULL,"
            " reason TEXT NOT NULL) STRICT;"
            "CREATE INDEX alias_changes_of ON alias_changes (model, name, seq);"
            "CREATE TABLE jobs ("
            " seq INTEGER PRIMARY KEY,"
            " id TEXT NOT NULL UNIQUE,"
            " kind INTEGER NOT NULL,"
            " state INTEGER NOT NULL,"
            " model TEXT NOT NULL,"
            " version INTEGER NOT NULL,"
            " dataset_id TEXT NOT NULL,"
            " error_status INTEGER NOT NULL,"
            " error_message TEXT NOT NULL,"
            " created_us INTEGER NOT NULL,"
            " started_us INTEGER NOT NULL,"
            " ended_us INTEGER NOT NULL,"
            " attempts INTEGER NOT NULL,"
            " spec BLOB NOT NULL,"
            " report BLOB NOT NULL) STRICT;"
            "CREATE INDEX jobs_of_model ON jobs (model, seq);"
            "CREATE INDEX jobs_unfinished ON jobs (seq) WHERE state IN (1, 2);" REPLIES_SQL},
    /* Who changed an alias, and how. A change that was rolled back is `undone`. */
    {.sql = "ALTER TABLE alias_changes ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;"
            "ALTER TABLE alias_changes ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;"
            "ALTER TABLE alias_changes ADD COLUMN identity TEXT NOT NULL DEFAULT '';"
            "ALTER TABLE alias_changes ADD COLUMN request_id TEXT NOT NULL DEFAULT '';"},
    /* Shares of the traffic, and their changes: "version:weight", or "version:weights" of a shadow,
     * with blanks between them. */
    {.sql = "CREATE TABLE traffic ("
            " model TEXT NOT NULL,"
            " place INTEGER NOT NULL," /* in the order they were given, from 0 */
            " version INTEGER NOT NULL,"
            " weight INTEGER NOT NULL,"
            " shadow INTEGER NOT NULL,"
            " PRIMARY KEY (model, place),"
            " UNIQUE (model, version),"
            " FOREIGN KEY (model, version) REFERENCES versions (model, version)"
            ") STRICT, WITHOUT ROWID;"
            "ALTER TABLE alias_changes ADD COLUMN shares TEXT NOT NULL DEFAULT '';"},
    {.sql = "ALTER TABLE alias_changes ADD COLUMN peer TEXT NOT NULL DEFAULT '';"},
    {.sql = "CREATE TABLE settings ("
            " model TEXT PRIMARY KEY,"
            " settings BLOB NOT NULL) STRICT, WITHOUT ROWID;"},
    /* What was configured; NULL where nothing was, or it was not kept. */
    {.sql = "ALTER TABLE alias_changes ADD COLUMN settings BLOB;"},
};

static const struct trivet_sqlite_migration data_migrations[] = {
    {.sql = "CREATE TABLE datasets ("
            " key INTEGER PRIMARY KEY,"
            " id TEXT NOT NULL UNIQUE,"
            " name TEXT NOT NULL,"
            " committed INTEGER NOT NULL,"
            " n_rows INTEGER NOT NULL,"
            " n_chunks INTEGER NOT NULL,"
            " stored_bytes INTEGER NOT NULL,"
            " content_hash TEXT NOT NULL,"
            " created_us INTEGER NOT NULL,"
            " committed_us INTEGER NOT NULL,"
            " schema BLOB NOT NULL) STRICT;"
            /* A rowid table: rows of megabytes have no place in the inner pages of an index. */
            "CREATE TABLE chunks ("
            " key INTEGER PRIMARY KEY,"
            " dataset_key INTEGER NOT NULL REFERENCES datasets (key) ON DELETE CASCADE,"
            " number INTEGER NOT NULL,"
            " n_rows INTEGER NOT NULL,"
            " digest BLOB NOT NULL,"
            " data BLOB NOT NULL,"
            " UNIQUE (dataset_key, number)) STRICT;" REPLIES_SQL},
    /* When an open dataset got its last chunk. Of those already there it is not known: they have
     * their full time from now. */
    {.sql = "ALTER TABLE datasets ADD COLUMN changed_us INTEGER NOT NULL DEFAULT 0;"
            "UPDATE datasets SET changed_us = unixepoch() * 1000000 WHERE committed = 0;"
            "CREATE INDEX datasets_open ON datasets (changed_us) WHERE committed = 0;"},
    /* Of which model's log a dataset is made, and how many rows come before those of the log. */
    {.sql = "ALTER TABLE datasets ADD COLUMN grown_from TEXT NOT NULL DEFAULT '';"
            "ALTER TABLE datasets ADD COLUMN base_rows INTEGER NOT NULL DEFAULT 0;"},
};

static const struct trivet_sqlite_migration log_migrations[] = {
    {.sql = "CREATE TABLE columns (" /* of the features, as opaque bytes */
            " key INTEGER PRIMARY KEY,"
            " data BLOB NOT NULL UNIQUE) STRICT;"
            "CREATE TABLE predictions ("
            " key INTEGER PRIMARY KEY,"
            " model TEXT NOT NULL,"
            " id TEXT NOT NULL,"
            " version INTEGER NOT NULL,"
            " predicted_us INTEGER NOT NULL,"
            " level INTEGER NOT NULL,"    /* stands for 2^level predictions */
            " zeros INTEGER NOT NULL,"    /* that its hash begins with */
            " is_label INTEGER NOT NULL," /* else a number */
            " number REAL NOT NULL,"
            " label TEXT NOT NULL,"
            " probability REAL NOT NULL," /* -1 = none */
            " outcome INTEGER NOT NULL,"  /* 0 = none yet, 1 = a number, 2 = a label */
            " outcome_number REAL NOT NULL,"
            " outcome_label TEXT NOT NULL,"
            " observed_us INTEGER NOT NULL,"
            " recorded_us INTEGER NOT NULL,"
            " columns_key INTEGER NOT NULL," /* 0 = no features */
            " features BLOB NOT NULL,"
            " UNIQUE (model, id)) STRICT;"
            "CREATE INDEX predictions_by_time ON predictions (model, predicted_us);"
            "CREATE INDEX predictions_labelled ON predictions (model, key) WHERE outcome > 0;"
            "CREATE INDEX predictions_kept ON predictions (model, key) WHERE columns_key > 0;"
            "CREATE TABLE levels (" /* last time at which 1 of 2^level rows was chosen */
            " model TEXT NOT NULL,"
            " level INTEGER NOT NULL,"
            " last_us INTEGER NOT NULL,"
            " PRIMARY KEY (model, level)) STRICT, WITHOUT ROWID;" REPLIES_SQL},
    /* The key of the ids' hashes: who chooses an id shall not choose what it decides. */
    {.sql = "CREATE TABLE secret (hash_key BLOB NOT NULL) STRICT;"
            "INSERT INTO secret VALUES (randomblob(16));"},
    /* Models whose features up to a key are to be erased: also when the program ends before. */
    {.sql = "CREATE TABLE erasures ("
            " model TEXT PRIMARY KEY,"
            " until_key INTEGER NOT NULL) STRICT, WITHOUT ROWID;"},
};

const struct trivet_sqlite_schema trivet_sqlite_catalog_schema = {
    .file_name = "catalog.db",
    .application_id = 0x54525643, /* "TRVC" */
    .page_bytes = 4096,
    .migrations = catalog_migrations,
    .n_migrations = TRIVET_ARRAY_COUNT(catalog_migrations),
};

const struct trivet_sqlite_schema trivet_sqlite_data_schema = {
    .file_name = "data.db",
    .application_id = 0x54525644, /* "TRVD" */
    .page_bytes = 16384,
    .migrations = data_migrations,
    .n_migrations = TRIVET_ARRAY_COUNT(data_migrations),
};

const struct trivet_sqlite_schema trivet_sqlite_log_schema = {
    .file_name = "log.db",
    .application_id = 0x5452564c, /* "TRVL" */
    .page_bytes = 4096,
    .migrations = log_migrations,
    .n_migrations = TRIVET_ARRAY_COUNT(log_migrations),
    .secure_delete = true, /* features that shall not be kept are gone */
};

static enum trivet_status read_number(struct trivet_sqlite_conn *conn, const char *sql,
                                      int64_t *out, struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    return trivet_sqlite_query_number(&query, out, err);
}

/* The file's version, when it is one of ours that this program knows. */
static enum trivet_status read_version(struct trivet_sqlite_conn *conn,
                                       const struct trivet_sqlite_schema *schema, int *out,
                                       struct trivet_error *err)
{
    int64_t version = 0;
    int64_t id = 0;
    int64_t n_objects = 0;
    enum trivet_status status = read_number(conn, "PRAGMA user_version", &version, err);
    if (status == TRIVET_OK)
        status = read_number(conn, "PRAGMA application_id", &id, err);
    if (status == TRIVET_OK)
        status = read_number(conn, "SELECT count(*) FROM sqlite_schema", &n_objects, err);
    if (status != TRIVET_OK)
        return status;
    const bool blank = version == 0 && id == 0 && n_objects == 0;
    if (!blank && (id != schema->application_id || version < 0))
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "'%s' is a database, but not Trivet's %s; move it away or choose "
                                "another data directory",
                                conn->path, schema->file_name);
    if (version > schema->n_migrations)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "'%s' is of schema version %lld, this program knows up to %d; use "
                                "a newer trivetd",
                                conn->path, (long long)version, schema->n_migrations);
    *out = (int)version;
    return TRIVET_OK;
}

static enum trivet_status run_sql(struct trivet_sqlite_conn *conn, const char *sql,
                                  struct trivet_error *err)
{
    const int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? TRIVET_OK : trivet_sqlite_error(conn, rc, err);
}

static enum trivet_status migrate_one(struct trivet_sqlite_conn *conn,
                                      const struct trivet_sqlite_schema *schema, int from,
                                      struct trivet_error *err)
{
    char stamp[96];
    (void)trivet_text_format(stamp, sizeof(stamp),
                             "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                             (int)schema->application_id, from + 1);
    enum trivet_status status = run_sql(conn, "BEGIN IMMEDIATE", err);
    if (status != TRIVET_OK)
        return status;
    status = run_sql(conn, schema->migrations[from].sql, err);
    if (status == TRIVET_OK)
        status = run_sql(conn, stamp, err);
    if (status == TRIVET_OK)
        status = run_sql(conn, "COMMIT", err);
    if (status != TRIVET_OK) {
        /* Fails when SQLite has rolled back by itself, which is just as well. */
        (void)run_sql(conn, "ROLLBACK", NULL);
        trivet_error_prefix(err, "migrating from schema version %d: ", from);
    }
    return status;
}

enum trivet_status trivet_sqlite_migrate(struct trivet_sqlite_conn *conn,
                                         const struct trivet_sqlite_schema *schema,
                                         struct trivet_error *err)
{
    int version = 0;
    enum trivet_status status = read_version(conn, schema, &version, err);
    for (; status == TRIVET_OK && version < schema->n_migrations; version++)
        status = migrate_one(conn, schema, version, err);
    return status;
}

enum trivet_status trivet_sqlite_schema_check(struct trivet_sqlite_conn *conn,
                                              const struct trivet_sqlite_schema *schema,
                                              struct trivet_error *err)
{
    int version = 0;
    enum trivet_status status = read_version(conn, schema, &version, err);
    if (status == TRIVET_OK && version < schema->n_migrations)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "'%s' is of schema version %d, this program needs %d; start "
                                  "trivetd on the data directory once, it migrates",
                                  conn->path, version, schema->n_migrations);
    return status;
}
