/* A row of source 0 is what ended epochs left, of all sources together. */
#include "monitor/history/quality.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/history/internal.h"

#include <math.h>
#include <string.h>

#define US_PER_S 1000000LL
#define POINT_S  3600

struct saved_part {
    const struct trivet_monitor_series *series;
    size_t source;
    struct trivet_buffer base;
    struct trivet_buffer current;
};

struct saved_slot {
    const struct trivet_monitor_series *series;
    int64_t begin_us;
    int64_t end_us;
    struct trivet_buffer sums;
};

struct saved_point {
    const struct trivet_monitor_series *series;
    struct trivet_quality_point point;
};

/* Unjoined outcomes of a model, or a shadow of a version: their numbers, by source. */
struct saved_sums {
    const char *model;
    uint64_t version;
    uint64_t answered_by; /* 0 = unjoined */
    const char *url;      /* NULL = base */
    uint64_t counts[4];
    double differences[2];
    uint64_t life;
};

struct trivet_history_outcomes {
    struct saved_part *parts;
    size_t n_parts;
    struct saved_slot *slots; /* those of a series beside each other */
    size_t n_slots;
    struct saved_point *points;
    size_t n_points;
    struct saved_sums *sums;
    size_t n_sums;
};

void trivet_history_outcomes_free(struct trivet_history_outcomes *outcomes)
{
    if (outcomes == NULL) {
        return;
    }
    for (size_t i = 0; i < outcomes->n_parts; i++) {
        trivet_buffer_release(&outcomes->parts[i].base);
        trivet_buffer_release(&outcomes->parts[i].current);
    }
    for (size_t i = 0; i < outcomes->n_slots; i++) {
        trivet_buffer_release(&outcomes->slots[i].sums);
    }
    trivet_free(outcomes->parts);
    trivet_free(outcomes->slots);
    trivet_free(outcomes->points);
    trivet_free(outcomes->sums);
    trivet_free(outcomes);
}

/* --- copying ---------------------------------------------------------------------------------- */

static void take_point(const struct trivet_monitor_series *series, int64_t now_us,
                       struct saved_point *out)
{
    struct trivet_quality_sums sums;
    struct trivet_quality_statement at = {0};
    struct trivet_drift_summary drift;
    struct trivet_error err;
    trivet_monitor_drift_summary(series, &drift);
    if (trivet_quality_window(series->live.quality, now_us, POINT_S * US_PER_S, &sums, &err) ==
        TRIVET_OK) {
        trivet_quality_state(series->live.quality, &sums, &at);
        trivet_quality_sums_release(&sums);
    }
    double coverage = (double)NAN;
    if (trivet_quality_ever(series->live.quality, &sums, &err) == TRIVET_OK) {
        coverage = trivet_quality_coverage(&sums);
        trivet_quality_sums_release(&sums);
    }
    const struct trivet_quality_estimate *estimate = at.accuracy.known ? &at.accuracy : &at.mae;
    *out = (struct saved_point){.series = series,
                                .point = {.unix_s = now_us / US_PER_S,
                                          .labels = at.labels,
                                          .value = estimate->value,
                                          .lower = estimate->lower,
                                          .upper = estimate->upper,
                                          .coverage = coverage,
                                          .expected = drift.expected_accuracy}};
    if (estimate->known) {
        (void)trivet_text_copy(out->point.metric, sizeof(out->point.metric),
                               at.accuracy.known ? "accuracy" : "mae");
    }
}

static enum trivet_status take_quality(struct trivet_monitor_series *series, size_t n_sources,
                                       int64_t now_us, struct trivet_history_outcomes *out,
                                       struct trivet_error *err)
{
    const struct trivet_quality *quality = series->live.quality;
    enum trivet_status status = TRIVET_OK;
    for (size_t s = 0; s < n_sources && status == TRIVET_OK; s++) {
        if (quality->parts[s] != NULL) {
            struct saved_part *part = &out->parts[out->n_parts++];
            part->series = series;
            part->source = s;
            status = trivet_quality_pack(quality, &quality->parts[s]->base, &part->base, err);
            if (status == TRIVET_OK) {
                status =
                    trivet_quality_pack(quality, &quality->parts[s]->current, &part->current, err);
            }
        }
    }
    for (size_t i = 0; i < quality->n_slots && status == TRIVET_OK; i++) {
        struct saved_slot *slot = &out->slots[out->n_slots++];
        *slot = (struct saved_slot){.series = series,
                                    .begin_us = quality->slots[i].begin_us,
                                    .end_us = quality->slots[i].end_us};
        status = trivet_quality_pack(quality, &quality->slots[i].sums, &slot->sums, err);
    }
    if (status == TRIVET_OK) {
        take_point(series, now_us, &out->points[out->n_points++]);
    }
    return status;
}

static void take_unjoined(const struct trivet_monitor *monitor,
                          const struct trivet_unjoined *unjoined,
                          struct trivet_history_outcomes *out)
{
    for (size_t s = 0; s <= monitor->n_sources; s++) {
        bool base = s == monitor->n_sources;
        const struct trivet_unjoined_counts *at = base ? &unjoined->base : &unjoined->current[s];
        out->sums[out->n_sums++] = (struct saved_sums){
            .model = unjoined->model,
            .url = base ? NULL : monitor->sources[s].server_url,
            .counts = {at->unmatched, at->not_sampled, at->refused, at->invalid},
            .life = base ? 0 : unjoined->lives[s],
        };
    }
}

static void take_shadow(const struct trivet_monitor *monitor,
                        const struct trivet_monitor_series *series,
                        const struct trivet_shadow *shadow, struct trivet_history_outcomes *out)
{
    for (size_t s = 0; s <= monitor->n_sources; s++) {
        bool base = s == monitor->n_sources;
        const struct trivet_shadow_sums *at = base ? &shadow->base : shadow->current[s];
        if (at != NULL) {
            out->sums[out->n_sums++] = (struct saved_sums){
                .model = series->model,
                .version = series->version,
                .answered_by = shadow->answered_by,
                .url = base ? NULL : monitor->sources[s].server_url,
                .counts = {at->compared, at->equal, at->failed, at->skipped},
                .differences = {at->absolute_difference, at->squared_difference},
                .life = at->life,
            };
        }
    }
}

enum trivet_status trivet_history_outcomes_take(struct trivet_monitor *monitor, int64_t now_us,
                                                struct trivet_history_outcomes **taken,
                                                struct trivet_error *err)
{
    size_t n_quality = 0;
    size_t n_slots = 0;
    size_t n_others = 0;
    for (size_t i = 0; i < monitor->n_series; i++) {
        const struct trivet_monitor_live *live = &monitor->series[i]->live;
        if (live->quality != NULL && live->quality->changed) {
            n_quality++;
            n_slots += live->quality->n_slots;
        }
        n_others += live->shadows_changed ? live->n_shadows : 0;
    }
    for (size_t i = 0; i < monitor->live.n_models; i++) {
        n_others += monitor->live.models[i]->changed;
    }
    struct trivet_history_outcomes *out = trivet_calloc(1, sizeof(*out));
    if (out != NULL) {
        out->parts = trivet_calloc(n_quality * monitor->n_sources + 1, sizeof(*out->parts));
        out->slots = trivet_calloc(n_slots + 1, sizeof(*out->slots));
        out->points = trivet_calloc(n_quality + 1, sizeof(*out->points));
        out->sums = trivet_calloc(n_others * (monitor->n_sources + 1) + 1, sizeof(*out->sums));
    }
    *taken = out;
    if (out == NULL || out->parts == NULL || out->slots == NULL || out->points == NULL ||
        out->sums == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < monitor->n_series && status == TRIVET_OK; i++) {
        struct trivet_monitor_live *live = &monitor->series[i]->live;
        if (live->quality != NULL && live->quality->changed) {
            status = take_quality(monitor->series[i], monitor->n_sources, now_us, out, err);
        }
        for (size_t k = 0; live->shadows_changed && k < live->n_shadows; k++) {
            take_shadow(monitor, monitor->series[i], live->shadows[k], out);
        }
    }
    for (size_t i = 0; i < monitor->live.n_models && status == TRIVET_OK; i++) {
        if (monitor->live.models[i]->changed) {
            take_unjoined(monitor, monitor->live.models[i], out);
        }
    }
    return status;
}

void trivet_history_outcomes_mark(struct trivet_monitor *monitor, bool changed,
                                  const struct trivet_history_outcomes *only)
{
    if (!changed) {
        for (size_t i = 0; i < monitor->n_series; i++) {
            monitor->series[i]->live.shadows_changed = false;
            if (monitor->series[i]->live.quality != NULL) {
                monitor->series[i]->live.quality->changed = false;
            }
        }
        for (size_t i = 0; i < monitor->live.n_models; i++) {
            monitor->live.models[i]->changed = false;
        }
        return;
    }
    /* What was not stored. Which it was does not matter much: all of it is written again. */
    for (size_t i = 0; only != NULL && i < monitor->n_series; i++) {
        monitor->series[i]->live.shadows_changed = true;
        if (monitor->series[i]->live.quality != NULL) {
            monitor->series[i]->live.quality->changed = true;
        }
    }
    for (size_t i = 0; only != NULL && i < monitor->live.n_models; i++) {
        monitor->live.models[i]->changed = true;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum trivet_status run(struct trivet_history *history, sqlite3_stmt *statement,
                              struct trivet_error *err)
{
    int step = sqlite3_step(statement);
    if (step != SQLITE_DONE && step != SQLITE_ROW) {
        return trivet_history_error(history, "writing outcomes", err);
    }
    (void)sqlite3_reset(statement);
    return TRIVET_OK;
}

static void bind_blob(sqlite3_stmt *write, int at, const struct trivet_buffer *bytes)
{
    (void)sqlite3_bind_blob64(write, at, bytes->n_bytes > 0 ? bytes->data : (void *)"",
                              bytes->n_bytes, SQLITE_STATIC);
}

static enum trivet_status write_parts(struct trivet_history *history,
                                      const struct trivet_monitor *monitor,
                                      const struct trivet_history_outcomes *outcomes,
                                      struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT OR REPLACE INTO outcome(source, model, version, base, current)"
        " VALUES((SELECT id FROM source WHERE url = ?), ?, ?, ?, ?)",
        &write, err);
    for (size_t i = 0; i < outcomes->n_parts && status == TRIVET_OK; i++) {
        const struct saved_part *part = &outcomes->parts[i];
        /* A source's address does not change. */
        (void)sqlite3_bind_text(write, 1, monitor->sources[part->source].server_url, -1,
                                SQLITE_STATIC);
        (void)sqlite3_bind_text(write, 2, part->series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 3, (int64_t)part->series->version);
        bind_blob(write, 4, &part->base);
        bind_blob(write, 5, &part->current);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

/* The slots of a series replace those that are stored: some were put together since. */
static enum trivet_status write_slots(struct trivet_history *history,
                                      const struct trivet_history_outcomes *outcomes,
                                      struct trivet_error *err)
{
    sqlite3_stmt *drop = NULL;
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history, "DELETE FROM quality_slot WHERE model = ? AND version = ?", &drop, err);
    if (status == TRIVET_OK) {
        status = trivet_history_prepare(
            history,
            "INSERT INTO quality_slot(model, version, begin_us, end_us, sums)"
            " VALUES(?, ?, ?, ?, ?)",
            &write, err);
    }
    for (size_t i = 0; i < outcomes->n_slots && status == TRIVET_OK; i++) {
        const struct saved_slot *slot = &outcomes->slots[i];
        if (i == 0 || outcomes->slots[i - 1].series != slot->series) {
            (void)sqlite3_bind_text(drop, 1, slot->series->model, -1, SQLITE_STATIC);
            (void)sqlite3_bind_int64(drop, 2, (int64_t)slot->series->version);
            status = run(history, drop, err);
        }
        if (status == TRIVET_OK) {
            (void)sqlite3_bind_text(write, 1, slot->series->model, -1, SQLITE_STATIC);
            (void)sqlite3_bind_int64(write, 2, (int64_t)slot->series->version);
            (void)sqlite3_bind_int64(write, 3, slot->begin_us);
            (void)sqlite3_bind_int64(write, 4, slot->end_us);
            bind_blob(write, 5, &slot->sums);
            status = run(history, write, err);
        }
    }
    sqlite3_finalize(drop);
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status write_points(struct trivet_history *history,
                                       const struct trivet_history_outcomes *outcomes,
                                       struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT INTO quality_point(unix_s, model, version, labels, metric, value, lower, upper,"
        " coverage, expected) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &write, err);
    for (size_t i = 0; i < outcomes->n_points && status == TRIVET_OK; i++) {
        const struct trivet_quality_point *point = &outcomes->points[i].point;
        (void)sqlite3_bind_int64(write, 1, point->unix_s);
        (void)sqlite3_bind_text(write, 2, outcomes->points[i].series->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 3, (int64_t)outcomes->points[i].series->version);
        (void)sqlite3_bind_int64(write, 4, (int64_t)point->labels);
        (void)sqlite3_bind_text(write, 5, point->metric, -1, SQLITE_STATIC);
        (void)sqlite3_bind_double(write, 6, point->value);
        (void)sqlite3_bind_double(write, 7, point->lower);
        (void)sqlite3_bind_double(write, 8, point->upper);
        (void)sqlite3_bind_double(write, 9, point->coverage); /* NaN is stored as NULL */
        (void)sqlite3_bind_double(write, 10, point->expected);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status write_sums(struct trivet_history *history,
                                     const struct trivet_history_outcomes *outcomes,
                                     struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT OR REPLACE INTO outcome_sum(model, version, answered_by, source, a, b, c, d,"
        " absolute, squared, life)"
        " VALUES(?, ?, ?, coalesce((SELECT id FROM source WHERE url = ?), 0),"
        " ?, ?, ?, ?, ?, ?, ?)",
        &write, err);
    for (size_t i = 0; i < outcomes->n_sums && status == TRIVET_OK; i++) {
        const struct saved_sums *sums = &outcomes->sums[i];
        (void)sqlite3_bind_text(write, 1, sums->model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 2, (int64_t)sums->version);
        (void)sqlite3_bind_int64(write, 3, (int64_t)sums->answered_by);
        (void)sqlite3_bind_text(write, 4, sums->url, -1, SQLITE_STATIC);
        for (int k = 0; k < 4; k++) {
            (void)sqlite3_bind_int64(write, 5 + k, (int64_t)sums->counts[k]);
        }
        (void)sqlite3_bind_double(write, 9, sums->differences[0]);
        (void)sqlite3_bind_double(write, 10, sums->differences[1]);
        (void)sqlite3_bind_int64(write, 11, (int64_t)sums->life);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

enum trivet_status trivet_history_outcomes_write(struct trivet_history *history,
                                                 const struct trivet_monitor *monitor,
                                                 const struct trivet_history_outcomes *outcomes,
                                                 struct trivet_error *err)
{
    enum trivet_status status = write_parts(history, monitor, outcomes, err);
    if (status == TRIVET_OK) {
        status = write_slots(history, outcomes, err);
    }
    if (status == TRIVET_OK) {
        status = write_points(history, outcomes, err);
    }
    return status == TRIVET_OK ? write_sums(history, outcomes, err) : status;
}
