/* Saving: copy under the monitor's lock, write without it. */
#include "monitor/history/drift.h"

#include "base/alloc.h"
#include "base/log.h"
#include "monitor/drift/keep.h"
#include "monitor/history/internal.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

#define US_PER_S           1000000
#define ARENA_BUDGET_BYTES TRIVET_MONITOR_DRIFT_BYTES_MAX
/* Windows that go at once when there are too many. */
#define TRIM_WINDOWS 64
/* Looked at again with each window, so that a pause leaves nothing out. */
#define THINNED_S 7200

/* --- copying --------------------------------------------------------------------------------- */

struct saved_drift {
    struct trivet_monitor_series *series; /* its name does not change, nor does it go away */
    bool deleted;
    bool has_window; /* closed since the last save */
    struct trivet_buffer profile;
    struct trivet_buffer state;
    struct trivet_history_drift_window window;
};

struct snapshot {
    struct saved_drift *list;
    size_t n;
};

static void release(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n; i++) {
        trivet_buffer_release(&snapshot->list[i].profile);
        trivet_buffer_release(&snapshot->list[i].state);
        trivet_free(snapshot->list[i].window.scores);
    }
    trivet_free(snapshot->list);
}

static enum trivet_status copy_window(const struct trivet_monitor_series *series,
                                      struct trivet_history_drift_window *out,
                                      struct trivet_error *err)
{
    struct trivet_drift_summary summary;
    trivet_monitor_drift_summary(series, &summary);
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(series->drift->watch, &out->n_columns);
    out->scores = trivet_alloc_array(out->n_columns + 1, sizeof(*out->scores));
    if (out->scores == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    out->unix_s = summary.closed_us / US_PER_S;
    out->rows = summary.rows;
    out->psi_max = summary.psi_max;
    out->expected_accuracy = summary.expected_accuracy;
    for (size_t i = 0; i < out->n_columns; i++) {
        const struct trivet_drift_score *score = &columns[i].score;
        bool firing = false;
        for (int k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            firing = firing || columns[i].tracks[k].state == TRIVET_DRIFT_FIRING;
        }
        out->n_firing += firing;
        out->scores[i] = (struct trivet_history_drift_score){
            .psi = (float)score->psi,
            .ks = (float)score->ks,
            .js = (float)score->js,
            .missing = (float)score->missing,
            .out_of_range = (float)score->out_of_range,
        };
    }
    return TRIVET_OK;
}

static enum trivet_status copy_one(struct trivet_monitor_series *series, struct saved_drift *out,
                                   struct trivet_error *err)
{
    struct trivet_monitor_drift *drift = series->drift;
    out->series = series;
    out->deleted = series->drift_deleted;
    if (drift == NULL || drift->watch == NULL) {
        return TRIVET_OK;
    }
    out->has_window = drift->unsaved;
    enum trivet_status status = trivet_codec_pack(&drift->profile->base, &out->profile, err);
    if (status == TRIVET_OK) {
        status = trivet_drift_keep(drift, &out->state, err);
    }
    return status == TRIVET_OK && out->has_window ? copy_window(series, &out->window, err) : status;
}

static bool is_due(const struct trivet_monitor_series *series, bool last)
{
    const struct trivet_monitor_drift *drift = series->drift;
    bool watched = drift != NULL && drift->watch != NULL;
    return series->drift_deleted || (watched && (drift->unsaved || (last && drift->fed)));
}

/* Under the monitor's lock. What is copied counts as saved. */
static enum trivet_status snapshot_take(struct trivet_monitor *monitor, bool last,
                                        struct snapshot *snapshot, struct trivet_error *err)
{
    size_t n_due = 0;
    size_t n_bytes = 0;
    for (size_t i = 0; i < monitor->n_series; i++) {
        n_due += is_due(monitor->series[i], last);
    }
    if (n_due == 0) {
        return TRIVET_OK;
    }
    snapshot->list = trivet_calloc(n_due, sizeof(*snapshot->list));
    if (snapshot->list == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < monitor->n_series && status == TRIVET_OK; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        if (!is_due(series, last) || (!last && n_bytes > TRIVET_HISTORY_DRIFT_BYTES_MAX)) {
            continue;
        }
        struct saved_drift *saved = &snapshot->list[snapshot->n++];
        status = copy_one(series, saved, err);
        n_bytes += saved->state.n_bytes;
        series->drift_deleted = false;
        if (series->drift != NULL) {
            series->drift->unsaved = false;
        }
    }
    return status;
}

/* Under the monitor's lock: the next save tries again. */
static void put_back(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n; i++) {
        struct trivet_monitor_series *series = snapshot->list[i].series;
        series->drift_deleted = series->drift_deleted || snapshot->list[i].deleted;
        if (series->drift != NULL && snapshot->list[i].has_window) {
            series->drift->unsaved = true;
        }
    }
}

/* --- writing --------------------------------------------------------------------------------- */

/* A statement with a series as its first two parameters. */
static enum trivet_status prepare(struct trivet_history *history, const char *sql,
                                  const struct trivet_monitor_series *series, sqlite3_stmt **out,
                                  struct trivet_error *err)
{
    enum trivet_status status = trivet_history_prepare(history, sql, out, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(*out, 1, series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(*out, 2, (int64_t)series->version);
    }
    return status;
}

/* Takes the statement. */
static enum trivet_status run(struct trivet_history *history, sqlite3_stmt *statement,
                              enum trivet_status status, struct trivet_error *err)
{
    if (status == TRIVET_OK && sqlite3_step(statement) != SQLITE_DONE) {
        status = trivet_history_error(history, "writing the history", err);
    }
    sqlite3_finalize(statement);
    return status;
}

static enum trivet_status write_deleted(struct trivet_history *history,
                                        const struct saved_drift *saved, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = prepare(
        history, "DELETE FROM drift WHERE model = ? AND version = ?", saved->series, &write, err);
    return run(history, write, status, err);
}

static enum trivet_status write_state(struct trivet_history *history,
                                      const struct saved_drift *saved, int64_t now_us,
                                      struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status =
        prepare(history,
                "INSERT INTO drift(model, version, saved_us, profile, state) VALUES(?, ?, ?, ?, ?)"
                " ON CONFLICT(model, version) DO UPDATE SET saved_us = excluded.saved_us,"
                " state = excluded.state",
                saved->series, &write, err);
    (void)sqlite3_bind_int64(write, 3, now_us);
    (void)sqlite3_bind_blob64(write, 4, saved->profile.data, saved->profile.n_bytes, SQLITE_STATIC);
    (void)sqlite3_bind_blob64(write, 5, saved->state.data, saved->state.n_bytes, SQLITE_STATIC);
    return run(history, write, status, err);
}

/* The window, and in its stead all but one of ten minutes a day ago. */
static enum trivet_status write_window(struct trivet_history *history,
                                       const struct saved_drift *saved, struct trivet_error *err)
{
    const struct trivet_history_drift_window *window = &saved->window;
    sqlite3_stmt *write = NULL;
    enum trivet_status status =
        prepare(history,
                "INSERT INTO drift_window(model, version, unix_s, n_rows, n_firing, psi_max,"
                " expected_accuracy, n_columns, scores) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                saved->series, &write, err);
    (void)sqlite3_bind_int64(write, 3, window->unix_s);
    (void)sqlite3_bind_double(write, 4, window->rows);
    (void)sqlite3_bind_int64(write, 5, (int64_t)window->n_firing);
    (void)sqlite3_bind_double(write, 6, window->psi_max);
    (void)sqlite3_bind_double(write, 7, window->expected_accuracy); /* NaN is stored as NULL */
    (void)sqlite3_bind_int64(write, 8, (int64_t)window->n_columns);
    (void)sqlite3_bind_blob64(write, 9, window->scores, window->n_columns * sizeof(*window->scores),
                              SQLITE_STATIC);
    status = run(history, write, status, err);
    if (status != TRIVET_OK) {
        return status;
    }
    int64_t end = (window->unix_s - TRIVET_HISTORY_DRIFT_FINE_S) / TRIVET_HISTORY_DRIFT_COARSE_S *
                  TRIVET_HISTORY_DRIFT_COARSE_S;
    status = prepare(history,
                     "DELETE FROM drift_window WHERE model = ?1 AND version = ?2 AND unix_s >= ?3"
                     " AND unix_s < ?4 AND id NOT IN (SELECT max(id) FROM drift_window WHERE"
                     " model = ?1 AND version = ?2 AND unix_s >= ?3 AND unix_s < ?4"
                     " GROUP BY unix_s / ?5)",
                     saved->series, &write, err);
    (void)sqlite3_bind_int64(write, 3, end - THINNED_S);
    (void)sqlite3_bind_int64(write, 4, end);
    (void)sqlite3_bind_int64(write, 5, TRIVET_HISTORY_DRIFT_COARSE_S);
    return run(history, write, status, err);
}

static enum trivet_status trim(struct trivet_history *history, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    bool over = true;
    while (status == TRIVET_OK && over) {
        sqlite3_stmt *sum = NULL;
        status = trivet_history_prepare(
            history, "SELECT coalesce(sum(n_columns), 0) FROM drift_window", &sum, err);
        if (status == TRIVET_OK && sqlite3_step(sum) != SQLITE_ROW) {
            status = trivet_history_error(history, "reading the history", err);
        }
        over = status == TRIVET_OK && sqlite3_column_int64(sum, 0) > history->drift_scores_max;
        sqlite3_finalize(sum);
        if (over) {
            sqlite3_stmt *write = NULL;
            status = trivet_history_prepare(history,
                                            "DELETE FROM drift_window WHERE id IN (SELECT id FROM"
                                            " drift_window ORDER BY id LIMIT ?)",
                                            &write, err);
            (void)sqlite3_bind_int64(write, 1, TRIM_WINDOWS);
            status = run(history, write, status, err);
        }
    }
    return status;
}

static enum trivet_status snapshot_write(struct trivet_history *history,
                                         const struct snapshot *snapshot, int64_t now_us,
                                         struct trivet_error *err)
{
    enum trivet_status status = trivet_history_exec(history, "BEGIN IMMEDIATE", err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < snapshot->n && status == TRIVET_OK; i++) {
        const struct saved_drift *saved = &snapshot->list[i];
        if (saved->deleted) {
            status = write_deleted(history, saved, err);
        }
        if (status == TRIVET_OK && saved->state.n_bytes > 0) {
            status = write_state(history, saved, now_us, err);
        }
        if (status == TRIVET_OK && saved->has_window) {
            status = write_window(history, saved, err);
        }
    }
    if (status == TRIVET_OK) {
        status = trim(history, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_exec(history, "COMMIT", err);
    }
    if (status != TRIVET_OK && sqlite3_get_autocommit(history->db) == 0) {
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

enum trivet_status trivet_history_save_drift(struct trivet_history *history,
                                             struct trivet_monitor *monitor, int64_t now_us,
                                             bool last, struct trivet_error *err)
{
    struct snapshot snapshot = {0};
    pthread_mutex_lock(&monitor->lock);
    enum trivet_status status = snapshot_take(monitor, last, &snapshot, err);
    pthread_mutex_unlock(&monitor->lock);
    if (status == TRIVET_OK && snapshot.n > 0) {
        pthread_mutex_lock(&history->lock);
        status = snapshot_write(history, &snapshot, now_us, err);
        pthread_mutex_unlock(&history->lock);
    }
    if (status != TRIVET_OK) {
        pthread_mutex_lock(&monitor->lock);
        monitor->history_failing = true;
        put_back(&snapshot);
        pthread_mutex_unlock(&monitor->lock);
    }
    release(&snapshot);
    return status;
}

/* --- reading --------------------------------------------------------------------------------- */

/* One row of "drift" as a watch; what cannot be read begins anew. */
static enum trivet_status load_one(struct trivet_monitor *monitor, sqlite3_stmt *row,
                                   struct trivet_arena *arena, struct trivet_error *err)
{
    struct trivet_monitor_series *series = NULL;
    struct trivet_monitor_drift *drift = NULL;
    ProtobufCMessage *profile = NULL;
    const char *model = (const char *)sqlite3_column_text(row, 0);
    if (model == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = trivet_monitor_series_get(
        monitor, model, (uint64_t)sqlite3_column_int64(row, 1), &series, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__profile__descriptor, arena,
                                     sqlite3_column_blob(row, 2),
                                     (size_t)sqlite3_column_bytes(row, 2), &profile, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_drift_create(&monitor->drift_options,
                                             (const Trivet__V1__Profile *)profile, &drift, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_drift_restore(drift, sqlite3_column_blob(row, 3),
                                      (size_t)sqlite3_column_bytes(row, 3), err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_drift_attach(monitor, series, drift, err);
        drift = status == TRIVET_OK ? NULL : drift;
    }
    trivet_monitor_drift_free(NULL, drift);
    trivet_arena_reset(arena);
    return status;
}

static enum trivet_status load_all(struct trivet_history *history, struct trivet_monitor *monitor,
                                   int64_t now_us, struct trivet_arena *arena,
                                   struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT model, version, profile, state FROM drift WHERE saved_us >= ?", &rows,
        err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(rows, 1, now_us - TRIVET_HISTORY_DRIFT_OLD_US);
        int step = SQLITE_ROW;
        while ((step = sqlite3_step(rows)) == SQLITE_ROW) {
            struct trivet_error why;
            if (load_one(monitor, rows, arena, &why) != TRIVET_OK) {
                trivet_log(TRIVET_LOG_WARN, "drift_not_restored", "message=%s", why.message);
            }
        }
        if (step != SQLITE_DONE) {
            status = trivet_history_error(history, "reading the history", err);
        }
    }
    sqlite3_finalize(rows);
    return status;
}

enum trivet_status trivet_history_load_drift(struct trivet_history *history,
                                             struct trivet_monitor *monitor, int64_t now_us,
                                             struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    pthread_mutex_lock(&history->lock);
    pthread_mutex_lock(&monitor->lock);
    enum trivet_status status = load_all(history, monitor, now_us, arena, err);
    pthread_mutex_unlock(&monitor->lock);
    pthread_mutex_unlock(&history->lock);
    trivet_arena_free(arena);
    return status;
}

void trivet_history_drift_release(struct trivet_history_drift_window *windows, size_t n_windows)
{
    for (size_t i = 0; i < n_windows; i++) {
        trivet_free(windows[i].scores);
    }
}

static enum trivet_status read_window(sqlite3_stmt *row, void *item, struct trivet_error *err)
{
    struct trivet_history_drift_window *out = item;
    const size_t n_bytes = (size_t)sqlite3_column_bytes(row, 5);
    const size_t n_columns = n_bytes / sizeof(*out->scores);
    struct trivet_history_drift_score *scores = trivet_alloc_array(n_columns + 1, sizeof(*scores));
    if (scores == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    if (n_columns > 0) {
        memcpy(scores, sqlite3_column_blob(row, 5), n_columns * sizeof(*scores));
    }
    *out = (struct trivet_history_drift_window){
        .unix_s = sqlite3_column_int64(row, 0),
        .rows = sqlite3_column_double(row, 1),
        .n_firing = (uint64_t)sqlite3_column_int64(row, 2),
        .psi_max = sqlite3_column_double(row, 3),
        .expected_accuracy = sqlite3_column_type(row, 4) == SQLITE_NULL
                                 ? (double)NAN
                                 : sqlite3_column_double(row, 4),
        .scores = scores,
        .n_columns = n_columns,
    };
    return TRIVET_OK;
}

enum trivet_status trivet_history_read_drift(struct trivet_history *history, const char *model,
                                             uint64_t version, int64_t from_unix_s,
                                             int64_t to_unix_s,
                                             struct trivet_history_drift_window *windows,
                                             size_t windows_max, size_t *n_windows,
                                             struct trivet_error *err)
{
    const struct trivet_history_span span = {model, version, from_unix_s, to_unix_s, windows_max};
    size_t n = 0;
    enum trivet_status status = trivet_history_read_span(
        history,
        "SELECT * FROM (SELECT unix_s, n_rows, n_firing, psi_max, expected_accuracy, scores, id"
        " FROM drift_window WHERE model = ? AND version = ? AND unix_s >= ? AND unix_s < ?"
        " ORDER BY unix_s DESC, id DESC LIMIT ?) ORDER BY unix_s, id",
        &span, read_window, windows, sizeof(*windows), &n, err);
    if (status != TRIVET_OK) {
        trivet_history_drift_release(windows, n);
        return status;
    }
    *n_windows = n;
    return TRIVET_OK;
}
