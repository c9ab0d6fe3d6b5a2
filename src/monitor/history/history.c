#include "monitor/history/internal.h"

#include "base/alloc.h"
#include "monitor/history/drift.h"

#define US_PER_S           1000000
#define BUSY_MS            500
#define ARENA_BUDGET_BYTES ((size_t)1 << 20)

enum trivet_status trivet_history_error(struct trivet_history *history, const char *doing,
                                        struct trivet_error *err)
{
    int code = sqlite3_errcode(history->db);
    const char *words = sqlite3_errmsg(history->db);
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "%s: the history is in use by another program; give this monitor "
                                "its own file by --history",
                                doing);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "%s: %s; move the file away, and the monitor begins a new one",
                                doing, words);
    case SQLITE_FULL:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: the disk is full", doing);
    case SQLITE_NOMEM:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory", doing);
    default:
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "%s: %s", doing, words);
    }
}

enum trivet_status trivet_history_exec(struct trivet_history *history, const char *sql,
                                       struct trivet_error *err)
{
    if (sqlite3_exec(history->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return trivet_history_error(history, "writing the history", err);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_history_prepare(struct trivet_history *history, const char *sql,
                                          sqlite3_stmt **out, struct trivet_error *err)
{
    if (sqlite3_prepare_v2(history->db, sql, -1, out, NULL) != SQLITE_OK) {
        return trivet_history_error(history, "reading the history", err);
    }
    return TRIVET_OK;
}

static enum trivet_status prepare_span(struct trivet_history *history, const char *sql,
                                       const struct trivet_history_span *span, sqlite3_stmt **out,
                                       struct trivet_error *err)
{
    enum trivet_status status = trivet_history_prepare(history, sql, out, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(*out, 1, span->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(*out, 2, (int64_t)span->version);
        (void)sqlite3_bind_int64(*out, 3, span->from_unix_s);
        (void)sqlite3_bind_int64(*out, 4, span->to_unix_s);
        (void)sqlite3_bind_int64(*out, 5, (int64_t)span->rows_max);
    }
    return status;
}

enum trivet_status trivet_history_open(const char *path, uint64_t samples_max,
                                       struct trivet_history **out, struct trivet_error *err)
{
    struct trivet_history *history = trivet_calloc(1, sizeof(*history));
    if (history == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    pthread_mutex_init(&history->lock, NULL);
    history->drift_scores_max = TRIVET_HISTORY_DRIFT_SCORES_MAX;
    history->samples_max = samples_max > 0 ? samples_max : TRIVET_HISTORY_SAMPLES_MAX;
    enum trivet_status status = TRIVET_OK;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &history->db, flags, NULL) != SQLITE_OK) {
        status = history->db == NULL
                     ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for SQLite")
                     : trivet_history_error(history, "opening the history", err);
    }
    if (status == TRIVET_OK) {
        (void)sqlite3_busy_timeout(history->db, BUSY_MS);
        /* The lock is held until close: one monitor per file. */
        status =
            trivet_history_exec(history,
                                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                                "PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=4194304;",
                                err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_migrate(history, path, err);
    }
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "%s: ", path);
        trivet_history_close(history);
        return status;
    }
    *out = history;
    return TRIVET_OK;
}

void trivet_history_close(struct trivet_history *history)
{
    if (history == NULL) {
        return;
    }
    (void)sqlite3_close(history->db);
    pthread_mutex_destroy(&history->lock);
    trivet_free(history);
}

/* One row of "total" into the series of the source. */
static enum trivet_status load_total(struct trivet_monitor *monitor, size_t source,
                                     sqlite3_stmt *row, struct trivet_arena *arena,
                                     struct trivet_error *err)
{
    struct trivet_monitor_series *series = NULL;
    struct trivet_monitor_part *part = NULL;
    const char *model = (const char *)sqlite3_column_text(row, 0);
    uint64_t version = (uint64_t)sqlite3_column_int64(row, 1);
    if (model == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    if (!trivet_monitor_has_room(monitor, model, version)) {
        return TRIVET_OK; /* it waits in the history for its next news */
    }
    enum trivet_status status = trivet_monitor_series_get(monitor, model, version, &series, err);
    if (status == TRIVET_OK) {
        status = trivet_monitor_part_get(series, source, &part, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_counts_unpack(sqlite3_column_blob(row, 2),
                                              (size_t)sqlite3_column_bytes(row, 2), arena,
                                              &part->base, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_counts_unpack(sqlite3_column_blob(row, 3),
                                              (size_t)sqlite3_column_bytes(row, 3), arena,
                                              &part->current, err);
    }
    trivet_arena_reset(arena);
    return status;
}

static enum trivet_status load_totals(struct trivet_history *history,
                                      struct trivet_monitor *monitor, size_t source, int64_t id,
                                      struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT model, version, base, current FROM total WHERE source = ?", &rows, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(rows, 1, id);
        int step = SQLITE_ROW;
        while (status == TRIVET_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
            status = load_total(monitor, source, rows, arena, err);
        }
        if (status == TRIVET_OK && step != SQLITE_DONE) {
            status = trivet_history_error(history, "reading the history", err);
        }
    }
    sqlite3_finalize(rows);
    trivet_arena_free(arena);
    return status;
}

static enum trivet_status load_source(struct trivet_history *history,
                                      struct trivet_monitor *monitor, size_t index,
                                      struct trivet_error *err)
{
    struct trivet_monitor_source *source = &monitor->sources[index];
    sqlite3_stmt *row = NULL;
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT id, epoch, lost, restarts FROM source WHERE url = ?", &row, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(row, 1, source->server_url, -1, SQLITE_STATIC);
        int step = sqlite3_step(row);
        if (step == SQLITE_ROW) {
            source->sequence.epoch = (uint64_t)sqlite3_column_int64(row, 1);
            /* What one absurd number made of it was stored by earlier versions. */
            uint64_t lost = (uint64_t)sqlite3_column_int64(row, 2);
            source->sequence.lost = lost <= TRIVET_SEQUENCE_AHEAD_MAX ? lost : 0;
            source->sequence.restarts = (uint64_t)sqlite3_column_int64(row, 3);
            int64_t id = sqlite3_column_int64(row, 0);
            status = load_totals(history, monitor, index, id, err);
            if (status == TRIVET_OK) {
                status = trivet_history_outcomes_load(history, monitor, index, id, err);
            }
        } else if (step != SQLITE_DONE) {
            status = trivet_history_error(history, "reading the history", err);
        }
    }
    sqlite3_finalize(row);
    return status;
}

/* When there was last news of each version, so that the idle ones are known as such. */
static enum trivet_status load_activity(struct trivet_history *history,
                                        struct trivet_monitor *monitor, struct trivet_error *err)
{
    sqlite3_stmt *row = NULL;
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT max(unix_s) FROM sample WHERE model = ? AND version = ?", &row, err);
    for (size_t i = 0; i < monitor->n_series && status == TRIVET_OK; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        (void)sqlite3_bind_text(row, 1, series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(row, 2, (int64_t)series->version);
        if (sqlite3_step(row) != SQLITE_ROW) {
            status = trivet_history_error(history, "reading the history", err);
        } else if (sqlite3_column_type(row, 0) != SQLITE_NULL &&
                   sqlite3_column_int64(row, 0) < series->active_us / US_PER_S) {
            series->active_us = sqlite3_column_int64(row, 0) * US_PER_S;
        }
        (void)sqlite3_reset(row);
    }
    sqlite3_finalize(row);
    return status;
}

enum trivet_status trivet_history_load(struct trivet_history *history,
                                       struct trivet_monitor *monitor, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&history->lock);
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->n_sources && status == TRIVET_OK; i++) {
        status = load_source(history, monitor, i, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_outcomes_load(history, monitor, TRIVET_LIVE_SOURCES, 0, err);
    }
    if (status == TRIVET_OK) {
        status = load_activity(history, monitor, err);
    }
    pthread_mutex_unlock(&monitor->lock);
    pthread_mutex_unlock(&history->lock);
    return status;
}

enum trivet_status trivet_history_collect(struct trivet_history *history, sqlite3_stmt *rows,
                                          trivet_history_take take, void *items, size_t item_bytes,
                                          size_t n_max, size_t *n, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    int step = SQLITE_DONE;
    *n = 0;
    while (*n < n_max && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        status = take(rows, (char *)items + *n * item_bytes, err);
        if (status != TRIVET_OK) {
            return status;
        }
        (*n)++;
    }
    return step == SQLITE_DONE || step == SQLITE_ROW
               ? TRIVET_OK
               : trivet_history_error(history, "reading the history", err);
}

enum trivet_status trivet_history_read_span(struct trivet_history *history, const char *sql,
                                            const struct trivet_history_span *span,
                                            trivet_history_take take, void *items,
                                            size_t item_bytes, size_t *n, struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    *n = 0;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = prepare_span(history, sql, span, &rows, err);
    if (status == TRIVET_OK) {
        status =
            trivet_history_collect(history, rows, take, items, item_bytes, span->rows_max, n, err);
    }
    sqlite3_finalize(rows);
    pthread_mutex_unlock(&history->lock);
    return status;
}

static enum trivet_status read_point(sqlite3_stmt *row, void *item, struct trivet_error *err)
{
    (void)err;
    struct trivet_history_point *point = item;
    point->unix_s = sqlite3_column_int64(row, 0);
    point->predictions = (uint64_t)sqlite3_column_int64(row, 1);
    point->calls = (uint64_t)sqlite3_column_int64(row, 2);
    point->failed_calls = (uint64_t)sqlite3_column_int64(row, 3);
    point->failed_rows = (uint64_t)sqlite3_column_int64(row, 4);
    point->p50_us = sqlite3_column_double(row, 5);
    point->p99_us = sqlite3_column_double(row, 6);
    return TRIVET_OK;
}

enum trivet_status trivet_history_read(struct trivet_history *history, const char *model,
                                       uint64_t version, int64_t from_unix_s, int64_t to_unix_s,
                                       struct trivet_history_point *points, size_t points_max,
                                       size_t *n_points, struct trivet_error *err)
{
    const struct trivet_history_span span = {model, version, from_unix_s, to_unix_s, points_max};
    return trivet_history_read_span(
        history,
        "SELECT * FROM (SELECT unix_s, predictions, calls, failed_calls, failed_rows, p50_us,"
        " p99_us FROM sample WHERE model = ? AND version = ? AND unix_s >= ? AND unix_s < ?"
        " ORDER BY unix_s DESC LIMIT ?) ORDER BY unix_s",
        &span, read_point, points, sizeof(*points), n_points, err);
}
