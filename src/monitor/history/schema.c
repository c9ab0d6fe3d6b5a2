/* The tables of the history. A step is one version of the schema, never changed once released: a
 * file is brought forward by the steps it lacks. Totals and samples are described in history.h. */
#include "monitor/history/internal.h"

#include "base/text.h"

/* "trvt", so that no other SQLite file is taken for a history. */
#define APPLICATION_ID 0x74727674

/* steps[i] makes schema version i + 1 of version i. */
static const char *const steps[] = {
    "CREATE TABLE source(id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,"
    " lost INTEGER NOT NULL, restarts INTEGER NOT NULL) STRICT;"
    "CREATE TABLE total(source INTEGER NOT NULL REFERENCES source(id), model TEXT NOT NULL,"
    " version INTEGER NOT NULL, base BLOB NOT NULL, current BLOB NOT NULL,"
    " PRIMARY KEY(source, model, version)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE sample(id INTEGER PRIMARY KEY AUTOINCREMENT, unix_s INTEGER NOT NULL,"
    " model TEXT NOT NULL, version INTEGER NOT NULL, predictions INTEGER NOT NULL,"
    " calls INTEGER NOT NULL, failed_calls INTEGER NOT NULL, failed_rows INTEGER NOT NULL,"
    " p50_us REAL NOT NULL, p99_us REAL NOT NULL) STRICT;"
    "CREATE INDEX sample_of ON sample(model, version, unix_s);",

    /* Alerts, and what the webhook has to be told. */
    "CREATE TABLE alert(id INTEGER PRIMARY KEY, rule TEXT NOT NULL, kind TEXT NOT NULL,"
    " state TEXT NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, source TEXT NOT NULL,"
    " since_us INTEGER NOT NULL, started_us INTEGER NOT NULL, fired_us INTEGER NOT NULL,"
    " resolved_us INTEGER NOT NULL, value REAL NOT NULL, threshold REAL NOT NULL,"
    " detail TEXT NOT NULL) STRICT;"
    "CREATE TABLE webhook(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;",

    /* Drift: drift.h. The index holds what trimming sums up. */
    "CREATE TABLE drift(model TEXT NOT NULL, version INTEGER NOT NULL, saved_us INTEGER NOT NULL,"
    " profile BLOB NOT NULL, state BLOB NOT NULL, PRIMARY KEY(model, version)) STRICT;"
    "CREATE TABLE drift_window(id INTEGER PRIMARY KEY AUTOINCREMENT, model TEXT NOT NULL,"
    " version INTEGER NOT NULL, unix_s INTEGER NOT NULL, n_rows REAL NOT NULL,"
    " n_firing INTEGER NOT NULL, psi_max REAL NOT NULL, expected_accuracy REAL,"
    " n_columns INTEGER NOT NULL, scores BLOB NOT NULL) STRICT;"
    "CREATE INDEX drift_window_of ON drift_window(model, version, unix_s, n_columns);",

    /* The loop: loop.h. */
    "CREATE TABLE IF NOT EXISTS loop_state(model TEXT PRIMARY KEY, state TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS loop_step(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " unix_us INTEGER NOT NULL, model TEXT NOT NULL, round INTEGER NOT NULL,"
    " step TEXT NOT NULL, outcome TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL)"
    " STRICT;"
    "CREATE INDEX IF NOT EXISTS loop_step_of ON loop_step(model, id);",

    /* Outcomes as packed QualityTotals; shadows, and outcomes that joined to nothing, as numbers
     * (answered_by 0: unmatched, not sampled, refused, invalid); source 0 is what ended epochs
     * left. */
    "CREATE TABLE outcome(source INTEGER NOT NULL REFERENCES source(id), model TEXT NOT NULL,"
    " version INTEGER NOT NULL, base BLOB NOT NULL, current BLOB NOT NULL,"
    " PRIMARY KEY(source, model, version)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE outcome_sum(model TEXT NOT NULL, version INTEGER NOT NULL,"
    " answered_by INTEGER NOT NULL, source INTEGER NOT NULL, a INTEGER NOT NULL,"
    " b INTEGER NOT NULL, c INTEGER NOT NULL, d INTEGER NOT NULL, absolute REAL NOT NULL,"
    " squared REAL NOT NULL, PRIMARY KEY(model, version, answered_by, source))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE quality_point(id INTEGER PRIMARY KEY AUTOINCREMENT, unix_s INTEGER NOT NULL,"
    " model TEXT NOT NULL, version INTEGER NOT NULL, labels INTEGER NOT NULL,"
    " metric TEXT NOT NULL, value REAL NOT NULL, lower REAL NOT NULL, upper REAL NOT NULL,"
    " coverage REAL, expected REAL) STRICT;"
    "CREATE INDEX quality_point_of ON quality_point(model, version, unix_s);"
    "CREATE INDEX quality_point_at ON quality_point(unix_s);"
    "CREATE INDEX sample_at ON sample(unix_s);"
    "CREATE TABLE thinned(name TEXT NOT NULL, step INTEGER NOT NULL, done_s INTEGER NOT NULL,"
    " PRIMARY KEY(name, step)) STRICT, WITHOUT ROWID;",

    /* What the live quality is told over: slots of the rolling window, as packed QualityTotals. */
    "CREATE TABLE quality_slot(model TEXT NOT NULL, version INTEGER NOT NULL,"
    " begin_us INTEGER NOT NULL, end_us INTEGER NOT NULL, sums BLOB NOT NULL,"
    " PRIMARY KEY(model, version, begin_us)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX quality_slot_at ON quality_slot(end_us);",

    /* Which of its lives in the server's epoch a row of outcome_sum is of. */
    "ALTER TABLE outcome_sum ADD COLUMN life INTEGER NOT NULL DEFAULT 0;",
};

static enum trivet_status read_number(struct trivet_history *history, const char *sql, int64_t *out,
                                      struct trivet_error *err)
{
    sqlite3_stmt *statement = NULL;
    enum trivet_status status = trivet_history_prepare(history, sql, &statement, err);
    if (status == TRIVET_OK) {
        if (sqlite3_step(statement) == SQLITE_ROW) {
            *out = sqlite3_column_int64(statement, 0);
        } else {
            status = trivet_history_error(history, "reading the history", err);
        }
    }
    sqlite3_finalize(statement);
    return status;
}

static enum trivet_status set_marks(struct trivet_history *history, struct trivet_error *err)
{
    char marks[96];
    (void)trivet_text_format(marks, sizeof(marks),
                             "PRAGMA application_id=%d; PRAGMA user_version=%zu", APPLICATION_ID,
                             TRIVET_ARRAY_COUNT(steps));
    return trivet_history_exec(history, marks, err);
}

static enum trivet_status refuse(const char *path, int64_t application, int64_t version,
                                 struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "%s is no history of this version (application %lld, schema %lld; "
                            "expected %d, at most %zu); choose another file by --history",
                            path, (long long)application, (long long)version, APPLICATION_ID,
                            TRIVET_ARRAY_COUNT(steps));
}

static enum trivet_status migrate(struct trivet_history *history, const char *path,
                                  struct trivet_error *err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    enum trivet_status status = read_number(history, "PRAGMA application_id", &application, err);
    if (status == TRIVET_OK) {
        status = read_number(history, "PRAGMA user_version", &version, err);
    }
    if (status == TRIVET_OK) {
        status = read_number(history, "SELECT count(*) FROM sqlite_schema", &tables, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    if (tables > 0 && (application != APPLICATION_ID || version < 1 ||
                       version > (int64_t)TRIVET_ARRAY_COUNT(steps))) {
        return refuse(path, application, version, err);
    }
    for (size_t i = tables > 0 ? (size_t)version : 0;
         i < TRIVET_ARRAY_COUNT(steps) && status == TRIVET_OK; i++) {
        status = trivet_history_exec(history, steps[i], err);
    }
    return status == TRIVET_OK ? set_marks(history, err) : status;
}

enum trivet_status trivet_history_migrate(struct trivet_history *history, const char *path,
                                          struct trivet_error *err)
{
    enum trivet_status status = trivet_history_exec(history, "BEGIN EXCLUSIVE", err);
    if (status == TRIVET_OK) {
        status = migrate(history, path, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_exec(history, "COMMIT", err);
    }
    if (status != TRIVET_OK && sqlite3_get_autocommit(history->db) == 0) {
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}
