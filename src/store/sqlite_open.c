/* Files, connections, the pool of readers, and the writer's transaction. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

/* --- Connections ----------------------------------------------------------------------------- */

static int exec_pragmas(struct trivet_sqlite_conn *conn, const struct trivet_sqlite_schema *schema,
                        bool read_only)
{
    char text[512];
    /* Checks on what is read come first: the file may be damaged or made to harm. */
    int rc = sqlite3_db_config(conn->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(conn->db, "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;", NULL,
                          NULL, NULL);
    if (rc != SQLITE_OK || read_only)
        return rc;
    (void)trivet_text_format(text, sizeof(text),
                             "PRAGMA page_size = %d;" /* of a new file; before WAL */
                             "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             /* On, a delete writes as much to the log as was stored. */
                             "PRAGMA secure_delete = %s;"
                             "PRAGMA journal_size_limit = %d;"
                             "PRAGMA wal_autocheckpoint = %d;",
                             schema->page_bytes, schema->secure_delete ? "ON" : "OFF",
                             TRIVET_SQLITE_WAL_BYTES_MAX,
                             TRIVET_SQLITE_CHECKPOINT_BYTES / schema->page_bytes);
    return sqlite3_exec(conn->db, text, NULL, NULL, NULL);
}

/* The pragma above does not fail where WAL cannot work, it answers another mode. */
static enum trivet_status check_wal(struct trivet_sqlite_conn *conn, struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    char mode[16] = "";
    bool row = false;
    trivet_sqlite_query_open(&query, conn, "PRAGMA journal_mode");
    enum trivet_status status = trivet_sqlite_query_step(&query, &row, err);
    if (status == TRIVET_OK && row)
        trivet_sqlite_column_text(&query, mode, sizeof(mode));
    status = trivet_sqlite_query_finish(&query, status, err);
    if (status == TRIVET_OK && strcmp(mode, "wal") != 0)
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the file system of '%s' cannot keep a write-ahead log (mode "
                                  "'%s'); put the data directory on a local disk",
                                  conn->path, mode);
    return status;
}

enum trivet_status trivet_sqlite_conn_open(struct trivet_sqlite_conn *conn, const char *path,
                                           const struct trivet_sqlite_schema *schema,
                                           bool read_only, struct trivet_error *err)
{
    const int access =
        read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    memset(conn, 0, sizeof(*conn));
    conn->path = path;
    int rc = sqlite3_open_v2(path, &conn->db, access | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_extended_result_codes(conn->db, 1);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(conn->db, TRIVET_SQLITE_BUSY_TIMEOUT_MS);
    if (rc == SQLITE_OK)
        rc = exec_pragmas(conn, schema, read_only);
    enum trivet_status status = rc == SQLITE_OK ? TRIVET_OK : trivet_sqlite_error(conn, rc, err);
    if (status == TRIVET_OK && !read_only)
        status = check_wal(conn, err);
    if (status != TRIVET_OK)
        trivet_sqlite_conn_close(conn);
    return status;
}

void trivet_sqlite_conn_close(struct trivet_sqlite_conn *conn)
{
    for (size_t i = 0; i < conn->n_cached; i++)
        sqlite3_finalize(conn->cached[i].stmt);
    conn->n_cached = 0;
    if (conn->db != NULL) {
        const int rc = sqlite3_close(conn->db);
        assert(rc == SQLITE_OK);
        (void)rc;
    }
    conn->db = NULL;
}

/* --- Transactions ---------------------------------------------------------------------------- */

static const char begin_sql[] = "BEGIN IMMEDIATE";
static const char snapshot_sql[] = "BEGIN";
static const char commit_sql[] = "COMMIT";
static const char rollback_sql[] = "ROLLBACK";

static enum trivet_status run(struct trivet_sqlite_conn *conn, const char *sql,
                              struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    return trivet_sqlite_query_run(&query, err);
}

/* So that a transaction can be ended also when there is no memory to prepare a statement. */
static enum trivet_status prepare_ends(struct trivet_sqlite_conn *conn, struct trivet_error *err)
{
    const char *const texts[] = {begin_sql, snapshot_sql, commit_sql, rollback_sql};
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < TRIVET_ARRAY_COUNT(texts); i++) {
        struct trivet_sqlite_query query;
        trivet_sqlite_query_open(&query, conn, texts[i]);
        status = trivet_sqlite_query_finish(&query, TRIVET_OK, err);
    }
    return status;
}

/* SQLite has rolled back by itself after some errors; then there is nothing to do. */
static void roll_back(struct trivet_sqlite_conn *conn)
{
    if (sqlite3_get_autocommit(conn->db) == 0)
        (void)run(conn, rollback_sql, NULL);
}

/* Never waits: what readers still need stays in the log. */
static void copy_log_back(struct trivet_sqlite_conn *conn)
{
    const int rc = sqlite3_wal_checkpoint_v2(conn->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK)
        conn->no_room = false;
}

enum trivet_status trivet_sqlite_begin(struct trivet_sqlite_db *db, struct trivet_error *err)
{
    pthread_mutex_lock(&db->write_lock);
    if (db->writer.no_room)
        copy_log_back(&db->writer);
    enum trivet_status status = run(&db->writer, begin_sql, err);
    if (status != TRIVET_OK) {
        roll_back(&db->writer);
        pthread_mutex_unlock(&db->write_lock);
    }
    return status;
}

enum trivet_status trivet_sqlite_commit(struct trivet_sqlite_db *db, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (sqlite3_get_autocommit(db->writer.db) != 0)
        status = trivet_error_set(err, TRIVET_ABORTED,
                                  "the transaction on '%s' was rolled back after an error; repeat "
                                  "the call",
                                  db->path);
    else
        status = run(&db->writer, commit_sql, err);
    if (status != TRIVET_OK)
        roll_back(&db->writer);
    pthread_mutex_unlock(&db->write_lock);
    return status;
}

void trivet_sqlite_abort(struct trivet_sqlite_db *db)
{
    roll_back(&db->writer);
    pthread_mutex_unlock(&db->write_lock);
}

enum trivet_status trivet_sqlite_snapshot_begin(struct trivet_sqlite_conn *reader,
                                                struct trivet_error *err)
{
    enum trivet_status status = run(reader, snapshot_sql, err);
    if (status != TRIVET_OK)
        roll_back(reader);
    return status;
}

void trivet_sqlite_snapshot_end(struct trivet_sqlite_conn *reader)
{
    roll_back(reader);
}

/* --- Files ----------------------------------------------------------------------------------- */

/* One more; under pool_lock, or before anybody else is there. */
static enum trivet_status open_reader(struct trivet_sqlite_db *db, struct trivet_error *err)
{
    struct trivet_sqlite_conn *reader = &db->readers[db->n_readers];
    enum trivet_status status = trivet_sqlite_conn_open(reader, db->path, db->schema, true, err);
    if (status == TRIVET_OK)
        status = prepare_ends(reader, err);
    if (status == TRIVET_OK)
        db->n_readers++;
    else
        trivet_sqlite_conn_close(reader);
    return status;
}

static enum trivet_status open_conns(struct trivet_sqlite_db *db, enum trivet_store_mode mode,
                                     struct trivet_error *err)
{
    const struct trivet_sqlite_schema *schema = db->schema;
    enum trivet_status status = TRIVET_OK;
    if (mode == TRIVET_STORE_OWNER) {
        status = trivet_sqlite_conn_open(&db->writer, db->path, schema, false, err);
        if (status == TRIVET_OK)
            status = trivet_sqlite_migrate(&db->writer, schema, err);
        if (status == TRIVET_OK)
            status = prepare_ends(&db->writer, err);
    }
    if (status == TRIVET_OK)
        status = open_reader(db, err);
    if (status == TRIVET_OK && mode == TRIVET_STORE_READ_ONLY)
        status = trivet_sqlite_schema_check(&db->readers[0], schema, err);
    return status;
}

enum trivet_status trivet_sqlite_db_open(struct trivet_sqlite_db *db, const char *data_dir,
                                         const struct trivet_sqlite_schema *schema,
                                         enum trivet_store_mode mode, struct trivet_error *err)
{
    memset(db, 0, sizeof(*db));
    db->schema = schema;
    if (!trivet_text_format(db->path, sizeof(db->path), "%s/%s", data_dir, schema->file_name))
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the path of the data directory is too long: '%.200s…'", data_dir);
    /* access() opens nothing: closing a second descriptor of the file would drop SQLite's locks. */
    if (mode == TRIVET_STORE_READ_ONLY && access(db->path, F_OK) != 0) {
        enum trivet_status missing = trivet_error_set(
            err, TRIVET_FAILED_PRECONDITION,
            "there is no store at '%s'; start trivetd on the data directory first", db->path);
        db->path[0] = '\0';
        return missing;
    }
    pthread_mutex_init(&db->write_lock, NULL);
    pthread_mutex_init(&db->pool_lock, NULL);
    pthread_cond_init(&db->pool_freed, NULL);
    enum trivet_status status = open_conns(db, mode, err);
    if (status != TRIVET_OK)
        trivet_sqlite_db_close(db);
    return status;
}

void trivet_sqlite_db_close(struct trivet_sqlite_db *db)
{
    if (db->path[0] == '\0')
        return;
    /* The writer last: the last connection copies the log back, and only it may write. */
    for (size_t i = 0; i < TRIVET_SQLITE_READERS; i++)
        trivet_sqlite_conn_close(&db->readers[i]);
    trivet_sqlite_conn_close(&db->writer);
    pthread_cond_destroy(&db->pool_freed);
    pthread_mutex_destroy(&db->pool_lock);
    pthread_mutex_destroy(&db->write_lock);
    db->path[0] = '\0';
}

struct trivet_sqlite_conn *trivet_sqlite_reader_take(struct trivet_sqlite_db *db)
{
    struct trivet_sqlite_conn *taken = NULL;
    pthread_mutex_lock(&db->pool_lock);
    for (;;) {
        size_t i = 0;
        while (i < db->n_readers && db->reader_taken[i])
            i++;
        /* Where no other can be opened, those that are there have to do. */
        if (i < db->n_readers ||
            (i < TRIVET_SQLITE_READERS && open_reader(db, NULL) == TRIVET_OK)) {
            db->reader_taken[i] = true;
            taken = &db->readers[i];
            break;
        }
        pthread_cond_wait(&db->pool_freed, &db->pool_lock);
    }
    pthread_mutex_unlock(&db->pool_lock);
    return taken;
}

void trivet_sqlite_reader_give(struct trivet_sqlite_db *db, struct trivet_sqlite_conn *conn)
{
    pthread_mutex_lock(&db->pool_lock);
    db->reader_taken[conn - db->readers] = false;
    pthread_cond_signal(&db->pool_freed);
    pthread_mutex_unlock(&db->pool_lock);
}
