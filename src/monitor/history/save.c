/* Saving: copy under the monitor's lock, write without it. */
#include "monitor/history/internal.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

#define WINDOW_S 60
#define US_PER_S 1000000

/* A source, and a changed series of a source, as they were at the copy. */
struct saved_source {
    const char *url;
    uint64_t epoch;
    uint64_t lost;
    uint64_t restarts;
};

struct saved_total {
    /* Its name does not change, and only the thread that saves lets it go (upkeep.h). */
    struct trivet_monitor_series *series;
    size_t source;
    struct trivet_buffer base;
    struct trivet_buffer current;
};

struct saved_sample {
    struct trivet_monitor_series *series;
    struct trivet_history_point point;
};

struct snapshot {
    struct saved_source sources[TRIVET_MONITOR_SOURCES_MAX];
    size_t n_sources;
    struct saved_total *totals;
    size_t n_totals;
    struct saved_sample *samples;
    size_t n_samples;
    struct trivet_history_outcomes *outcomes;
    struct trivet_monitor_forgotten *forgotten;
    size_t n_forgotten;
    int64_t now_s;
};

static void snapshot_release(struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n_totals; i++) {
        trivet_buffer_release(&snapshot->totals[i].base);
        trivet_buffer_release(&snapshot->totals[i].current);
    }
    trivet_free(snapshot->totals);
    trivet_free(snapshot->samples);
    trivet_free(snapshot->forgotten);
    trivet_history_outcomes_free(snapshot->outcomes);
}

static void take_sample(struct trivet_monitor_series *series, int64_t now_s,
                        struct saved_sample *out)
{
    struct trivet_monitor_counts sum;
    trivet_monitor_series_sum(series, &sum);
    out->series = series;
    out->point = (struct trivet_history_point){
        .unix_s = now_s,
        .predictions = sum.rows[TRIVET_OK],
        .calls = trivet_monitor_counts_calls(&sum),
        .failed_calls = trivet_monitor_counts_failed_calls(&sum),
        .failed_rows = trivet_monitor_counts_failed_rows(&sum),
    };
    if (series->window != NULL) {
        sum = (struct trivet_monitor_counts){0};
        trivet_window_sum(series->window, now_s - WINDOW_S, now_s + 1, &sum);
        out->point.p50_us = trivet_histogram_quantile_us(&sum.total, 0.50);
        out->point.p99_us = trivet_histogram_quantile_us(&sum.total, 0.99);
    }
}

static enum trivet_status take_totals(struct trivet_monitor *monitor,
                                      struct trivet_monitor_series *series,
                                      struct snapshot *snapshot, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < monitor->n_sources && status == TRIVET_OK; i++) {
        if (series->parts[i] != NULL) {
            struct saved_total *total = &snapshot->totals[snapshot->n_totals++];
            total->series = series;
            total->source = i;
            status = trivet_monitor_counts_pack(&series->parts[i]->base, &total->base, err);
            if (status == TRIVET_OK) {
                status =
                    trivet_monitor_counts_pack(&series->parts[i]->current, &total->current, err);
            }
        }
    }
    return status;
}

/* Of a version that is back nothing is taken to be stored. */
static void mark_unsaved(struct trivet_monitor_series *series)
{
    series->unsaved = true;
    series->live.shadows_changed = true;
    if (series->live.quality != NULL) {
        series->live.quality->changed = true;
    }
}

static void mark_unjoined(const struct trivet_monitor *monitor, const char *model)
{
    for (size_t i = 0; i < monitor->live.n_models; i++) {
        struct trivet_unjoined *unjoined = monitor->live.models[i];
        unjoined->changed = unjoined->changed || strcmp(unjoined->model, model) == 0;
    }
}

/* Under the monitor's lock. Without memory they wait for the next save. */
static void take_forgotten(const struct trivet_monitor *monitor, struct snapshot *snapshot)
{
    size_t n = monitor->upkeep.n_forgotten;
    n = n < TRIVET_HISTORY_FORGET_MAX ? n : TRIVET_HISTORY_FORGET_MAX;
    snapshot->forgotten = n > 0 ? trivet_calloc(n, sizeof(*snapshot->forgotten)) : NULL;
    if (snapshot->forgotten != NULL) {
        memcpy(snapshot->forgotten, monitor->upkeep.forgotten, n * sizeof(*snapshot->forgotten));
        snapshot->n_forgotten = n;
    }
    for (size_t i = 0; i < snapshot->n_forgotten; i++) {
        struct trivet_monitor_series *back = trivet_monitor_find(
            monitor, snapshot->forgotten[i].model, snapshot->forgotten[i].version);
        if (back != NULL) {
            mark_unsaved(back);
        }
        mark_unjoined(monitor, snapshot->forgotten[i].model);
    }
}

/* Only this thread adds to them. */
static void drop_forgotten(struct trivet_monitor *monitor, size_t n)
{
    struct trivet_monitor_upkeep *upkeep = &monitor->upkeep;
    upkeep->n_forgotten -= n;
    memmove(upkeep->forgotten, upkeep->forgotten + n,
            upkeep->n_forgotten * sizeof(upkeep->forgotten[0]));
}

/* Under the monitor's lock. Clears `unsaved` of what it copied. */
static enum trivet_status snapshot_take(struct trivet_monitor *monitor, int64_t now_us,
                                        struct snapshot *snapshot, struct trivet_error *err)
{
    size_t n_unsaved = 0;
    for (size_t i = 0; i < monitor->n_series; i++) {
        n_unsaved += monitor->series[i]->unsaved;
    }
    for (size_t i = 0; i < monitor->n_sources; i++) {
        const struct trivet_monitor_source *source = &monitor->sources[i];
        snapshot->sources[snapshot->n_sources++] = (struct saved_source){
            .url = source->server_url,
            .epoch = source->sequence.epoch,
            .lost = source->sequence.lost,
            .restarts = source->sequence.restarts,
        };
    }
    if (n_unsaved == 0) {
        return TRIVET_OK;
    }
    snapshot->totals = trivet_calloc(n_unsaved * monitor->n_sources, sizeof(struct saved_total));
    snapshot->samples = trivet_calloc(n_unsaved, sizeof(struct saved_sample));
    if (snapshot->totals == NULL || snapshot->samples == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < monitor->n_series && status == TRIVET_OK; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        if (series->unsaved) {
            take_sample(series, now_us / US_PER_S, &snapshot->samples[snapshot->n_samples++]);
            status = take_totals(monitor, series, snapshot, err);
            series->unsaved = false;
        }
    }
    return status;
}

static enum trivet_status run(struct trivet_history *history, sqlite3_stmt *statement,
                              struct trivet_error *err)
{
    int step = sqlite3_step(statement);
    if (step != SQLITE_DONE && step != SQLITE_ROW) {
        return trivet_history_error(history, "writing the history", err);
    }
    (void)sqlite3_reset(statement);
    return TRIVET_OK;
}

static enum trivet_status write_sources(struct trivet_history *history,
                                        const struct snapshot *snapshot, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT INTO source(url, epoch, lost, restarts) VALUES(?, ?, ?, ?) ON CONFLICT(url) DO "
        "UPDATE SET epoch = excluded.epoch, lost = excluded.lost, restarts = excluded.restarts",
        &write, err);
    for (size_t i = 0; i < snapshot->n_sources && status == TRIVET_OK; i++) {
        const struct saved_source *source = &snapshot->sources[i];
        (void)sqlite3_bind_text(write, 1, source->url, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 2, (int64_t)source->epoch);
        (void)sqlite3_bind_int64(write, 3, (int64_t)source->lost);
        (void)sqlite3_bind_int64(write, 4, (int64_t)source->restarts);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status write_totals(struct trivet_history *history,
                                       const struct snapshot *snapshot, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status =
        trivet_history_prepare(history,
                               "INSERT OR REPLACE INTO total(source, model, version, base, current)"
                               " VALUES((SELECT id FROM source WHERE url = ?), ?, ?, ?, ?)",
                               &write, err);
    for (size_t i = 0; i < snapshot->n_totals && status == TRIVET_OK; i++) {
        const struct saved_total *total = &snapshot->totals[i];
        const char *url = snapshot->sources[total->source].url;
        (void)sqlite3_bind_text(write, 1, url, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(write, 2, total->series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 3, (int64_t)total->series->version);
        /* An empty total packs to nothing: an empty blob, not a NULL. */
        (void)sqlite3_bind_blob64(write, 4, total->base.n_bytes > 0 ? total->base.data : (void *)"",
                                  total->base.n_bytes, SQLITE_STATIC);
        (void)sqlite3_bind_blob64(write, 5,
                                  total->current.n_bytes > 0 ? total->current.data : (void *)"",
                                  total->current.n_bytes, SQLITE_STATIC);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status write_samples(struct trivet_history *history,
                                        const struct snapshot *snapshot, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT INTO sample(unix_s, model, version, predictions, calls, failed_calls, failed_rows,"
        " p50_us, p99_us) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &write, err);
    for (size_t i = 0; i < snapshot->n_samples && status == TRIVET_OK; i++) {
        const struct saved_sample *sample = &snapshot->samples[i];
        (void)sqlite3_bind_int64(write, 1, sample->point.unix_s);
        (void)sqlite3_bind_text(write, 2, sample->series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 3, (int64_t)sample->series->version);
        (void)sqlite3_bind_int64(write, 4, (int64_t)sample->point.predictions);
        (void)sqlite3_bind_int64(write, 5, (int64_t)sample->point.calls);
        (void)sqlite3_bind_int64(write, 6, (int64_t)sample->point.failed_calls);
        (void)sqlite3_bind_int64(write, 7, (int64_t)sample->point.failed_rows);
        (void)sqlite3_bind_double(write, 8, sample->point.p50_us);
        (void)sqlite3_bind_double(write, 9, sample->point.p99_us);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status snapshot_write(struct trivet_history *history,
                                         const struct trivet_monitor *monitor,
                                         const struct snapshot *snapshot, struct trivet_error *err)
{
    enum trivet_status status = trivet_history_exec(history, "BEGIN IMMEDIATE", err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = write_sources(history, snapshot, err);
    /* Before anything is written: a version may be back. */
    for (size_t i = 0; i < snapshot->n_forgotten && status == TRIVET_OK; i++) {
        status = trivet_history_forget(history, snapshot->forgotten[i].model,
                                       snapshot->forgotten[i].version, err);
    }
    if (status == TRIVET_OK) {
        status = write_totals(history, snapshot, err);
    }
    if (status == TRIVET_OK) {
        status = write_samples(history, snapshot, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_outcomes_write(history, monitor, snapshot->outcomes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_thin(history, snapshot->now_s, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_exec(history, "COMMIT", err);
    }
    if (status != TRIVET_OK && sqlite3_get_autocommit(history->db) == 0) {
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return status;
}

enum trivet_status trivet_history_save(struct trivet_history *history,
                                       struct trivet_monitor *monitor, int64_t now_us,
                                       struct trivet_error *err)
{
    struct snapshot snapshot = {.now_s = now_us / US_PER_S};
    pthread_mutex_lock(&monitor->lock);
    take_forgotten(monitor, &snapshot);
    enum trivet_status status = snapshot_take(monitor, now_us, &snapshot, err);
    if (status == TRIVET_OK) {
        status = trivet_history_outcomes_take(monitor, now_us, &snapshot.outcomes, err);
    }
    if (status == TRIVET_OK) {
        trivet_history_outcomes_mark(monitor, false, NULL);
    }
    bool marked = status == TRIVET_OK;
    pthread_mutex_unlock(&monitor->lock);
    if (status == TRIVET_OK) {
        pthread_mutex_lock(&history->lock);
        status = snapshot_write(history, monitor, &snapshot, err);
        pthread_mutex_unlock(&history->lock);
    }
    pthread_mutex_lock(&monitor->lock);
    monitor->history_failing = status != TRIVET_OK;
    if (status == TRIVET_OK) {
        drop_forgotten(monitor, snapshot.n_forgotten);
    } else {
        (void)trivet_text_copy(monitor->history_why, sizeof(monitor->history_why), err->message);
        for (size_t i = 0; i < snapshot.n_samples; i++) {
            snapshot.samples[i].series->unsaved = true;
        }
        if (marked) {
            trivet_history_outcomes_mark(monitor, true, snapshot.outcomes);
        }
    }
    pthread_mutex_unlock(&monitor->lock);
    snapshot_release(&snapshot);
    return status;
}
