/* log.db as the first release made it: migrations are tried on this, whatever the program's own
 * list says of its past. */
#include "fixture.h"

#include "base/text.h"
#include "store/sqlite_db.h"

#include <string.h>
#include <unistd.h>

static const char log_v1_sql[] =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE columns (key INTEGER PRIMARY KEY, data BLOB NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE predictions (key INTEGER PRIMARY KEY, model TEXT NOT NULL, id TEXT NOT NULL,"
    " version INTEGER NOT NULL, predicted_us INTEGER NOT NULL, level INTEGER NOT NULL,"
    " zeros INTEGER NOT NULL, is_label INTEGER NOT NULL, number REAL NOT NULL,"
    " label TEXT NOT NULL, probability REAL NOT NULL, outcome INTEGER NOT NULL,"
    " outcome_number REAL NOT NULL, outcome_label TEXT NOT NULL, observed_us INTEGER NOT NULL,"
    " recorded_us INTEGER NOT NULL, columns_key INTEGER NOT NULL, features BLOB NOT NULL,"
    " UNIQUE (model, id)) STRICT;"
    "CREATE INDEX predictions_by_time ON predictions (model, predicted_us);"
    "CREATE INDEX predictions_labelled ON predictions (model, key) WHERE outcome > 0;"
    "CREATE INDEX predictions_kept ON predictions (model, key) WHERE columns_key > 0;"
    "CREATE TABLE levels (model TEXT NOT NULL, level INTEGER NOT NULL, last_us INTEGER NOT NULL,"
    " PRIMARY KEY (model, level)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE replies (seq INTEGER PRIMARY KEY, created_us INTEGER NOT NULL,"
    " identity TEXT NOT NULL, method TEXT NOT NULL, request_id TEXT NOT NULL,"
    " body_hash BLOB NOT NULL, reply BLOB NOT NULL,"
    " UNIQUE (request_id, method, identity)) STRICT;"
    "INSERT INTO columns VALUES (1, CAST('columns' AS BLOB));"
    "INSERT INTO predictions VALUES"
    " (1, 'm', 'a/0', 1, 1000, 0, 3, 0, 2.5, '', -1.0, 1, 2.0, '', 5, 6, 0, x''),"
    " (2, 'm', 'a/1', 1, 1001, 0, 0, 0, 3.5, '', -1.0, 1, 2.0, '', 5, 6, 1,"
    " CAST('features' AS BLOB));"
    "PRAGMA application_id = 0x5452564c; PRAGMA user_version = 1;";

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void a_log_of_version_1_is_migrated(void **state)
{
    struct fixture *f = *state;
    uint8_t key[TRIVET_HASH_KEY_BYTES] = {0};
    uint8_t again[TRIVET_HASH_KEY_BYTES] = {0};
    static const uint8_t none[TRIVET_HASH_KEY_BYTES];
    struct trivet_store_usage usage = {.n_rows = 0};
    struct trivet_store_labelled row;
    struct trivet_buffer features = {0};
    char path[128];
    size_t count = 0;
    trivet_store_close(f->store);
    f->store = NULL;
    assert_true(trivet_text_format(path, sizeof(path), "%s/log.db", f->dir));
    assert_int_equal(unlink(path), 0);
    run_sql(path, log_v1_sql);
    assert_ok(f, trivet_store_open(f->dir, TRIVET_STORE_OWNER, &f->store, &f->err));
    assert_ok(f, trivet_store_log_usage(f->store, &usage, 1, &count, &f->err));
    assert_int_equal(count, 1);
    assert_int_equal(usage.n_rows, 2);
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 0, 0, &row, 1, &count, &features,
                                                &f->err));
    assert_int_equal(count, 1);
    assert_string_equal(row.id, "a/1");
    assert_int_equal(features.n_bytes, 8);
    assert_ok(f, trivet_store_log_get_key(f->store, key, &f->err));
    assert_memory_not_equal(key, none, sizeof(key));
    fixture_reopen(f);
    assert_ok(f, trivet_store_log_get_key(f->store, again, &f->err));
    assert_memory_equal(key, again, sizeof(key));
    trivet_buffer_release(&features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_of_version_1_is_migrated, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
