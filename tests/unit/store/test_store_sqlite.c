/* What is SQLite's own: migrations, foreign and damaged files, limits that take a look inside. */
#include "fixture.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/sqlite_db.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const struct fixture *f, const char *file, char *path, size_t path_bytes)
{
    assert_true(trivet_text_format(path, path_bytes, "%s/%s", f->dir, file));
}

/* Runs SQL on a file of the closed store. */
static void run_sql(struct fixture *f, const char *file, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    char *message = NULL;
    path_of(f, file, path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t read_number(struct fixture *f, const char *file, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    path_of(f, file, path, sizeof(path));
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const int64_t number = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return number;
}

static void close_store(struct fixture *f)
{
    trivet_store_close(f->store);
    f->store = NULL;
}

static enum trivet_status open_store(struct fixture *f, enum trivet_store_mode mode)
{
    return trivet_store_open(f->dir, mode, &f->store, &f->err);
}

/* --- Migrations ------------------------------------------------------------------------------ */

/* Version 0: what is left when a server dies between making a file and its first migration. */
static void version_0_is_migrated(void **state)
{
    struct fixture *f = *state;
    const char *const files[] = {"catalog.db", "data.db"};
    char path[128];
    close_store(f);
    for (size_t i = 0; i < 2; i++) {
        path_of(f, files[i], path, sizeof(path));
        assert_int_equal(unlink(path), 0);
        run_sql(f, files[i], "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; VACUUM;");
        assert_int_equal(read_number(f, files[i], "PRAGMA user_version"), 0);
        assert_int_equal(read_number(f, files[i], "SELECT count(*) FROM sqlite_schema"), 0);
    }
    assert_refused(f, TRIVET_FAILED_PRECONDITION, open_store(f, TRIVET_STORE_READ_ONLY),
                   "of schema version 0, this program needs");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_int_equal(fixture_version(f, "m", "a").version, 1);
    fixture_dataset(f, "d");
    close_store(f);
    assert_int_equal(read_number(f, "catalog.db", "PRAGMA user_version"),
                     trivet_sqlite_catalog_schema.n_migrations);
    assert_int_equal(read_number(f, "data.db", "PRAGMA user_version"),
                     trivet_sqlite_data_schema.n_migrations);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
}

/* data.db as the first release made it: migrations are tried on this, whatever the program's own
 * list says of its past. */
static const char data_v1_sql[] =
    "PRAGMA page_size = 16384; PRAGMA journal_mode = WAL;"
    "CREATE TABLE datasets (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,"
    " committed INTEGER NOT NULL, n_rows INTEGER NOT NULL, n_chunks INTEGER NOT NULL,"
    " stored_bytes INTEGER NOT NULL, content_hash TEXT NOT NULL, created_us INTEGER NOT NULL,"
    " committed_us INTEGER NOT NULL, schema BLOB NOT NULL) STRICT;"
    "CREATE TABLE chunks (key INTEGER PRIMARY KEY,"
    " dataset_key INTEGER NOT NULL REFERENCES datasets (key) ON DELETE CASCADE,"
    " number INTEGER NOT NULL, n_rows INTEGER NOT NULL, digest BLOB NOT NULL, data BLOB NOT NULL,"
    " UNIQUE (dataset_key, number)) STRICT;"
    "CREATE TABLE replies (seq INTEGER PRIMARY KEY, created_us INTEGER NOT NULL,"
    " identity TEXT NOT NULL, method TEXT NOT NULL, request_id TEXT NOT NULL,"
    " body_hash BLOB NOT NULL, reply BLOB NOT NULL,"
    " UNIQUE (request_id, method, identity)) STRICT;"
    "INSERT INTO datasets VALUES"
    " (1, 'ds-0000000000000001', 'done', 1, 3, 1, 4, 'c0ffee', 100, 200, CAST('schema' AS BLOB)),"
    " (2, 'ds-0000000000000002', 'open', 0, 5, 1, 4, '', 300, 0, CAST('schema' AS BLOB));"
    "INSERT INTO chunks VALUES" /* the digests are of these bytes */
    " (1, 1, 0, 3, x'%s', CAST('rows' AS BLOB)), (2, 2, 0, 5, x'%s', CAST('rows' AS BLOB));"
    "PRAGMA application_id = 0x54525644; PRAGMA user_version = 1;";

static void make_data_v1(struct fixture *f)
{
    char path[128];
    char sql[4096];
    char hex[TRIVET_SHA256_HEX_BYTES];
    uint8_t digest[TRIVET_SHA256_BYTES];
    assert_ok(f, trivet_sha256_of("rows", 4, digest, &f->err));
    trivet_sha256_hex(digest, hex);
    assert_true(trivet_text_format(sql, sizeof(sql), data_v1_sql, hex, hex));
    close_store(f);
    path_of(f, "data.db", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    run_sql(f, "data.db", sql);
}

static void data_of_version_1_is_migrated(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset d;
    struct trivet_buffer bytes = {.data = NULL};
    uint64_t n_rows = 0;
    make_data_v1(f);
    assert_refused(f, TRIVET_FAILED_PRECONDITION, open_store(f, TRIVET_STORE_READ_ONLY),
                   "of schema version 1, this program needs 3");
    const int64_t before_us = trivet_clock_unix_us();
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_ok(f, trivet_store_dataset_get(f->store, "ds-0000000000000001", &d, &bytes, &f->err));
    assert_true(d.committed);
    assert_string_equal(d.grown_from, "");
    assert_string_equal(d.content_hash, "c0ffee");
    assert_int_equal(d.created_unix_us, 100);
    assert_int_equal(d.committed_unix_us, 200);
    assert_int_equal(bytes.n_bytes, 6);
    assert_ok(f, trivet_store_dataset_read(f->store, d.id, 0, &bytes, &n_rows, &f->err));
    assert_int_equal(n_rows, 3);
    /* The open one is years old and has its full time from now on. */
    assert_int_equal(
        trivet_store_dataset_expire(f->store, before_us - 1000000 + TRIVET_STORE_OPEN_KEEP_US), 0);
    assert_ok(f, trivet_store_dataset_append(f->store, "ds-0000000000000002", 1, "more", 4, 1, &d,
                                             &f->err));
    assert_int_equal(d.n_rows, 6);
    fixture_dataset(f, "new");
    assert_int_equal(trivet_store_dataset_expire(f->store, trivet_clock_unix_us() + 1000000 +
                                                               TRIVET_STORE_OPEN_KEEP_US),
                     2);
    close_store(f);
    assert_int_equal(read_number(f, "data.db", "PRAGMA user_version"), 3);
    assert_int_equal(read_number(f, "data.db", "SELECT count(*) FROM chunks"), 1);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    trivet_buffer_release(&bytes);
}

/* catalog.db of version 1 knew no kinds of changes: what was promoted then can be rolled back. */
static void aliases_of_version_1_go_back(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_alias alias;
    struct trivet_store_alias_change change;
    size_t count = 0;
    for (uint64_t version = 1; version <= 3; version++) {
        fixture_version(f, "m", "a");
        fixture_alias(f, "m", "p", version, "then");
    }
    close_store(f);
    run_sql(f, "catalog.db",
            "ALTER TABLE alias_changes DROP COLUMN kind;"
            "ALTER TABLE alias_changes DROP COLUMN undone;"
            "ALTER TABLE alias_changes DROP COLUMN identity;"
            "ALTER TABLE alias_changes DROP COLUMN request_id;"
            "ALTER TABLE alias_changes DROP COLUMN shares;"
            "ALTER TABLE alias_changes DROP COLUMN settings;"
            "ALTER TABLE alias_changes DROP COLUMN peer;"
            "DROP TABLE traffic; DROP TABLE settings; PRAGMA user_version = 1;");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_ok(f, trivet_store_alias_history(f->store, "m", "p", 0, &change, 1, &count, &f->err));
    assert_int_equal(change.kind, TRIVET_STORE_ALIAS_PROMOTED);
    assert_string_equal(change.reason, "then");
    assert_int_equal(change.n_shares, 0);
    for (uint64_t version = 2; version >= 1; version--) {
        struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
        assert_ok(f, trivet_store_alias_rollback(txn, "m", "p", &(struct trivet_store_cause){0},
                                                 &alias, &f->err));
        fixture_commit(f, txn);
        assert_int_equal(alias.version, version);
    }
}

static void idle_uploads_are_gone_after_an_open(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_dataset d = fixture_dataset(f, "idle");
    char sql[96];
    close_store(f);
    (void)trivet_text_format(
        sql, sizeof(sql), "UPDATE datasets SET changed_us = %lld",
        (long long)(trivet_clock_unix_us() - TRIVET_STORE_OPEN_KEEP_US - 1000000));
    run_sql(f, "data.db", sql);
    assert_ok(f, open_store(f, TRIVET_STORE_READ_ONLY)); /* it only looks */
    assert_ok(f, trivet_store_dataset_get(f->store, d.id, &d, NULL, &f->err));
    close_store(f);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_refused(f, TRIVET_NOT_FOUND, trivet_store_dataset_get(f->store, d.id, &d, NULL, &f->err),
                   "no dataset");
}

static const struct trivet_sqlite_migration steps[] = {
    {.sql = "CREATE TABLE t (a INTEGER NOT NULL) STRICT; INSERT INTO t VALUES (1), (2);"},
    {.sql = "ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT 'old';"},
    {.sql = "INSERT INTO t VALUES (3, 'new'); CREATE INDEX t_b ON t (b);"},
};
static const struct trivet_sqlite_migration broken_steps[] = {
    {.sql = "CREATE TABLE t (a INTEGER NOT NULL) STRICT; INSERT INTO t VALUES (1), (2);"},
    {.sql = "INSERT INTO t VALUES (9); ALTER TABLE none ADD COLUMN b TEXT;"},
};

static enum trivet_status migrate(struct fixture *f, const struct trivet_sqlite_migration *list,
                                  int n_steps)
{
    const struct trivet_sqlite_schema schema = {.file_name = "other.db",
                                                .application_id = 77,
                                                .page_bytes = 4096,
                                                .migrations = list,
                                                .n_migrations = n_steps};
    struct trivet_sqlite_conn conn;
    char path[128];
    path_of(f, "other.db", path, sizeof(path));
    enum trivet_status status = trivet_sqlite_conn_open(&conn, path, &schema, false, &f->err);
    if (status != TRIVET_OK)
        return status;
    status = trivet_sqlite_migrate(&conn, &schema, &f->err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_schema_check(&conn, &schema, &f->err);
    trivet_sqlite_conn_close(&conn);
    return status;
}

static void steps_are_taken_in_order_from_any_version(void **state)
{
    struct fixture *f = *state;
    assert_ok(f, migrate(f, steps, 1));
    run_sql(f, "other.db", "INSERT INTO t VALUES (7)");
    assert_ok(f, migrate(f, steps, 3));
    assert_int_equal(read_number(f, "other.db", "PRAGMA user_version"), 3);
    assert_int_equal(read_number(f, "other.db", "SELECT count(*) FROM t WHERE b = 'old'"), 3);
    assert_int_equal(read_number(f, "other.db", "SELECT count(*) FROM t"), 4);
    assert_ok(f, migrate(f, steps, 3)); /* nothing left to do */
    assert_int_equal(read_number(f, "other.db", "SELECT count(*) FROM t"), 4);
}

static void a_broken_step_changes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, TRIVET_DATA_LOSS, migrate(f, broken_steps, 2),
                   "migrating from schema version 1: ");
    assert_int_equal(read_number(f, "other.db", "PRAGMA user_version"), 1);
    assert_int_equal(read_number(f, "other.db", "SELECT count(*) FROM t"), 2);
    assert_ok(f, migrate(f, steps, 3)); /* once it is mended, on it goes */
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;
    char sql[64];
    close_store(f);
    run_sql(f, "data.db", "PRAGMA user_version = 99");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, open_store(f, TRIVET_STORE_OWNER),
                   "is of schema version 99, this program knows up to");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, open_store(f, TRIVET_STORE_READ_ONLY),
                   "use a newer trivetd");
    assert_int_equal(read_number(f, "data.db", "PRAGMA user_version"), 99);
    (void)trivet_text_format(sql, sizeof(sql), "PRAGMA user_version = %d",
                             trivet_sqlite_data_schema.n_migrations);
    run_sql(f, "data.db", sql);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
}

static void a_foreign_database_is_left_alone(void **state)
{
    struct fixture *f = *state;
    char path[128];
    close_store(f);
    path_of(f, "catalog.db", path, sizeof(path));
    assert_int_equal(unlink(path), 0);
    run_sql(f, "catalog.db", "CREATE TABLE photos (a)");
    assert_refused(f, TRIVET_FAILED_PRECONDITION, open_store(f, TRIVET_STORE_OWNER),
                   "not Trivet's catalog.db");
    assert_int_equal(read_number(f, "catalog.db", "SELECT count(*) FROM sqlite_schema"), 1);
}

static void the_files_are_as_promised(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char path[128];
    fixture_version(f, "m", "a");
    path_of(f, "catalog.db-wal", path, sizeof(path));
    assert_int_equal(stat(path, &info), 0);
    close_store(f);
    /* The last one out copies the log back. */
    assert_int_not_equal(stat(path, &info), 0);
    assert_int_equal(read_number(f, "catalog.db",
                                 "SELECT count(*) FROM pragma_table_list"
                                 " WHERE strict = 0 AND type = 'table' AND"
                                 " name NOT LIKE 'sqlite%'"),
                     0);
    assert_int_equal(read_number(f, "data.db", "PRAGMA page_size"), 16384);
    /* Lists of jobs and of changes walk these. */
    assert_int_equal(read_number(f, "catalog.db",
                                 "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name"
                                 " IN ('jobs_of_model', 'jobs_unfinished', 'alias_changes_of')"),
                     3);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
}

/* --- Limits ---------------------------------------------------------------------------------- */

static bool has_reply(struct fixture *f, const char *request_id)
{
    const struct trivet_store_call call = {.identity = "", .method = "M", .request_id = request_id};
    struct trivet_buffer reply = {.data = NULL};
    bool found = false;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_find_reply(txn, &call, &found, &reply, &f->err));
    trivet_store_abort(txn);
    trivet_buffer_release(&reply);
    return found;
}

static void put_reply(struct fixture *f, const char *request_id)
{
    const struct trivet_store_call call = {.identity = "", .method = "M", .request_id = request_id};
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_put_reply(txn, &call, "answer", 6, &f->err));
    fixture_commit(f, txn);
}

/* Makes `count` replies of request ids "old-1" …, `age_us` old. */
static void make_replies(struct fixture *f, int count, int64_t age_us)
{
    char sql[512];
    (void)trivet_text_format(
        sql, sizeof(sql),
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO replies (created_us, identity, method, request_id, body_hash, reply)"
        " SELECT %lld, '', 'M', 'old-' || i, zeroblob(32), x'00' FROM n",
        count, (long long)(trivet_clock_unix_us() - age_us));
    close_store(f);
    run_sql(f, "catalog.db", sql);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
}

static void replies_expire(void **state)
{
    struct fixture *f = *state;
    make_replies(f, 40, TRIVET_STORE_REPLY_KEEP_US + 1000000);
    assert_false(has_reply(f, "old-1"));
    put_reply(f, "old-20"); /* its key is free again */
    assert_true(has_reply(f, "old-20"));
    for (int i = 0; i < 4; i++) {
        char id[16];
        (void)trivet_text_format(id, sizeof(id), "new-%d", i);
        put_reply(f, id);
    }
    close_store(f);
    /* A few of the old with each of the new. */
    assert_int_equal(read_number(f, "catalog.db", "SELECT count(*) FROM replies"), 5);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_true(has_reply(f, "new-0"));
}

static void a_reply_is_kept_to_the_end_of_its_time(void **state)
{
    struct fixture *f = *state;
    make_replies(f, 1, TRIVET_STORE_REPLY_KEEP_US - 60 * 1000000LL);
    assert_true(has_reply(f, "old-1"));
    put_reply(f, "new");
    assert_true(has_reply(f, "old-1"));
}

static void the_oldest_replies_make_room(void **state)
{
    struct fixture *f = *state;
    make_replies(f, TRIVET_STORE_REPLIES_MAX, 1000000);
    assert_true(has_reply(f, "old-1"));
    put_reply(f, "new");
    assert_false(has_reply(f, "old-1"));
    assert_true(has_reply(f, "old-2"));
    assert_true(has_reply(f, "new"));
    close_store(f);
    assert_int_equal(read_number(f, "catalog.db", "SELECT count(*) FROM replies"),
                     TRIVET_STORE_REPLIES_MAX);
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
}

static void the_log_does_not_stay_large(void **state)
{
    struct fixture *f = *state;
    static uint8_t chunk[TRIVET_STORE_CHUNK_BYTES_MAX];
    struct trivet_store_dataset d = fixture_dataset(f, "d");
    struct stat info;
    char path[128];
    for (uint32_t i = 0; i < 16; i++) {
        memset(chunk, (int)i, sizeof(chunk));
        assert_ok(f, trivet_store_dataset_append(f->store, d.id, i, chunk, sizeof(chunk), 1, &d,
                                                 &f->err));
        path_of(f, "data.db-wal", path, sizeof(path));
        assert_int_equal(stat(path, &info), 0);
        assert_true(info.st_size <= TRIVET_SQLITE_WAL_BYTES_MAX);
    }
}

/* --- Damage ---------------------------------------------------------------------------------- */

static void overwrite(struct fixture *f, const char *file, off_t at, const void *bytes,
                      size_t n_bytes)
{
    char path[128];
    path_of(f, file, path, sizeof(path));
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n_bytes, at), (ssize_t)n_bytes);
    close(fd);
}

static void a_file_that_is_no_database_is_data_loss(void **state)
{
    struct fixture *f = *state;
    static char garbage[8192];
    memset(garbage, 'g', sizeof(garbage));
    close_store(f);
    overwrite(f, "catalog.db", 0, garbage, sizeof(garbage));
    assert_refused(f, TRIVET_DATA_LOSS, open_store(f, TRIVET_STORE_OWNER),
                   "is damaged (file is not a database); restore it from a backup");
    assert_refused(f, TRIVET_DATA_LOSS, open_store(f, TRIVET_STORE_READ_ONLY), "catalog.db");
}

static void a_cut_file_is_data_loss(void **state)
{
    struct fixture *f = *state;
    char path[128];
    fixture_version(f, "m", "a");
    close_store(f);
    path_of(f, "catalog.db", path, sizeof(path));
    assert_int_equal(truncate(path, 4096 * 3 + 100), 0);
    assert_refused(f, TRIVET_DATA_LOSS, open_store(f, TRIVET_STORE_OWNER), "is damaged");
}

/* Every page in turn is filled with garbage: each call answers with a status, never crashes, and
 * never gives back other bytes than were stored. */
static void a_damaged_page_is_told(void **state)
{
    struct fixture *f = *state;
    static uint8_t page[4096];
    char path[128];
    struct stat info;
    size_t n_told = 0;
    memset(page, 0xa5, sizeof(page));
    fixture_version(f, "m", "the artefact of this model");
    fixture_alias(f, "m", "production", 1, "");
    close_store(f);
    path_of(f, "catalog.db", path, sizeof(path));
    run_sql(f, "catalog.db", "PRAGMA journal_mode = DELETE");
    assert_int_equal(stat(path, &info), 0);
    for (off_t at = 0; at < info.st_size; at += (off_t)sizeof(page)) {
        struct trivet_buffer artefact = {.data = NULL};
        struct trivet_store_version version;
        uint8_t before[sizeof(page)];
        const int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, before, sizeof(before), at), (ssize_t)sizeof(before));
        close(fd);
        overwrite(f, "catalog.db", at, page, sizeof(page));
        enum trivet_status status = open_store(f, TRIVET_STORE_OWNER);
        if (status == TRIVET_OK) {
            status = trivet_store_version_get(f->store, "m", 1, &version, &artefact, NULL, &f->err);
            if (status == TRIVET_OK)
                assert_memory_equal(artefact.data, "the artefact of this model", 26);
            close_store(f);
        }
        assert_true(status == TRIVET_OK || status == TRIVET_DATA_LOSS);
        n_told += status == TRIVET_DATA_LOSS ? 1 : 0;
        trivet_buffer_release(&artefact);
        overwrite(f, "catalog.db", at, before, sizeof(before));
    }
    assert_true(n_told >= 3); /* header, versions, artefacts at least */
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_int_equal(fixture_version(f, "m", "b").version, 2);
}

static void changed_bytes_are_told(void **state)
{
    struct fixture *f = *state;
    struct trivet_buffer bytes = {.data = NULL};
    struct trivet_store_version version;
    uint64_t n_rows = 0;
    fixture_version(f, "m", "artefact");
    struct trivet_store_dataset d = fixture_dataset(f, "d");
    assert_ok(f, trivet_store_dataset_append(f->store, d.id, 0, "rows", 4, 1, &d, &f->err));
    close_store(f);
    run_sql(f, "catalog.db", "UPDATE artefact_parts SET data = CAST('artefacT' AS BLOB)");
    run_sql(f, "data.db", "UPDATE chunks SET data = CAST('rowz' AS BLOB)");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_version_get(f->store, "m", 1, &version, &bytes, NULL, &f->err),
                   "version 1 of model 'm' is not what was stored");
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_dataset_read(f->store, d.id, 0, &bytes, &n_rows, &f->err),
                   "chunk 0 of dataset");
    assert_int_equal(bytes.n_bytes, 0);
    assert_ok(f, trivet_store_version_get(f->store, "m", 1, &version, NULL, NULL, &f->err));
    trivet_buffer_release(&bytes);
}

static void values_that_cannot_be_are_told(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_job jobs[2];
    struct trivet_store_version version;
    struct trivet_buffer artefact = {.data = NULL};
    size_t count = 0;
    fixture_version(f, "m", "artefact");
    fixture_job(f, "m");
    close_store(f);
    run_sql(f, "catalog.db", "UPDATE jobs SET state = 42");
    run_sql(f, "catalog.db", "UPDATE versions SET artefact_bytes = 1 << 62");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_job_list(f->store, "", false, jobs, 2, &count, &f->err),
                   "is damaged");
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_version_get(f->store, "m", 1, &version, &artefact, NULL, &f->err),
                   "is damaged");
    close_store(f);
    run_sql(f, "catalog.db",
            "UPDATE versions SET artefact_bytes = -1, job_id ="
            " 'an id that is longer than any that this program makes'");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_version_list(f->store, "m", &version, 1, &count, &f->err),
                   "is damaged");
    trivet_buffer_release(&artefact);
}

static void a_missing_table_is_told(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_job job;
    size_t count = 0;
    close_store(f);
    run_sql(f, "catalog.db", "DROP TABLE jobs");
    assert_ok(f, open_store(f, TRIVET_STORE_OWNER));
    assert_refused(f, TRIVET_DATA_LOSS,
                   trivet_store_job_list(f->store, "", false, &job, 1, &count, &f->err),
                   "no such table");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(version_0_is_migrated),
        TEST(data_of_version_1_is_migrated),
        TEST(aliases_of_version_1_go_back),
        TEST(idle_uploads_are_gone_after_an_open),
        TEST(steps_are_taken_in_order_from_any_version),
        TEST(a_broken_step_changes_nothing),
        TEST(a_newer_schema_is_refused),
        TEST(a_foreign_database_is_left_alone),
        TEST(the_files_are_as_promised),
        TEST(replies_expire),
        TEST(a_reply_is_kept_to_the_end_of_its_time),
        TEST(the_oldest_replies_make_room),
        TEST(the_log_does_not_stay_large),
        TEST(a_file_that_is_no_database_is_data_loss),
        TEST(a_cut_file_is_data_loss),
        TEST(a_damaged_page_is_told),
        TEST(changed_bytes_are_told),
        TEST(values_that_cannot_be_are_told),
        TEST(a_missing_table_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
