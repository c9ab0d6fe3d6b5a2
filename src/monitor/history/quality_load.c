#include "monitor/history/quality.h"

#include "base/text.h"
#include "monitor/history/internal.h"

#include <math.h>

#define ARENA_BUDGET_BYTES ((size_t)1 << 20)

static enum trivet_status load_part(struct trivet_monitor *monitor, size_t source,
                                    sqlite3_stmt *row, struct trivet_arena *arena,
                                    struct trivet_error *err)
{
    struct trivet_monitor_series *series = NULL;
    struct trivet_quality_part *part = NULL;
    const char *model = (const char *)sqlite3_column_text(row, 0);
    if (model == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    if (!trivet_monitor_has_room(monitor, model, (uint64_t)sqlite3_column_int64(row, 1))) {
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_monitor_series_get(
        monitor, model, (uint64_t)sqlite3_column_int64(row, 1), &series, err);
    if (status == TRIVET_OK && series->live.quality == NULL) {
        series->live.quality = trivet_quality_create(&monitor->live.quality_bytes);
        if (series->live.quality == NULL) {
            status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
        }
    }
    if (status == TRIVET_OK) {
        status = trivet_quality_part_get(series->live.quality, source, &part, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_quality_unpack(series->live.quality, sqlite3_column_blob(row, 2),
                                  (size_t)sqlite3_column_bytes(row, 2), arena, &part->base, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_quality_unpack(series->live.quality, sqlite3_column_blob(row, 3),
                                  (size_t)sqlite3_column_bytes(row, 3), arena, &part->current, err);
    }
    trivet_arena_reset(arena);
    return status;
}

/* A row of outcome_sum; `source` TRIVET_LIVE_SOURCES is the base. One that there is no room for
 * waits in the history: nothing that is stored may keep the monitor from its start. */
static enum trivet_status load_sum(struct trivet_monitor *monitor, size_t source, sqlite3_stmt *row,
                                   struct trivet_error *err)
{
    const char *model = (const char *)sqlite3_column_text(row, 0);
    uint64_t version = (uint64_t)sqlite3_column_int64(row, 1);
    uint64_t answered_by = (uint64_t)sqlite3_column_int64(row, 2);
    uint64_t counts[4];
    if (model == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    for (int k = 0; k < 4; k++) {
        counts[k] = (uint64_t)sqlite3_column_int64(row, 3 + k);
    }
    bool base = source == TRIVET_LIVE_SOURCES;
    if (answered_by == 0) {
        struct trivet_unjoined *unjoined = NULL;
        if (!trivet_live_unjoined_has_room(&monitor->live, model)) {
            return TRIVET_OK;
        }
        enum trivet_status status = trivet_live_unjoined_get(&monitor->live, model, &unjoined, err);
        if (status == TRIVET_OK) {
            *(base ? &unjoined->base : &unjoined->current[source]) =
                (struct trivet_unjoined_counts){counts[0], counts[1], counts[2], counts[3]};
            if (!base) {
                unjoined->lives[source] = (uint64_t)sqlite3_column_int64(row, 9);
            }
        }
        return status;
    }
    struct trivet_shadow_sums *sums = NULL;
    if (!trivet_live_shadow_has_room(monitor, model, version, answered_by)) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_live_shadow_slot(monitor, model, version, answered_by, source, &sums, err);
    if (status == TRIVET_OK) {
        *sums = (struct trivet_shadow_sums){
            .compared = counts[0],
            .equal = counts[1],
            .failed = counts[2],
            .skipped = counts[3],
            .absolute_difference = sqlite3_column_double(row, 7),
            .squared_difference = sqlite3_column_double(row, 8),
            .life = (uint64_t)sqlite3_column_int64(row, 9),
        };
    }
    return status;
}

static enum trivet_status load_sums(struct trivet_history *history, struct trivet_monitor *monitor,
                                    size_t source, int64_t id, struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    int step = SQLITE_ROW;
    enum trivet_status status = trivet_history_prepare(
        history,
        "SELECT model, version, answered_by, a, b, c, d, absolute, squared, life FROM outcome_sum"
        " WHERE source = ? ORDER BY model, version, answered_by DESC", /* the newest find room */
        &rows, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(rows, 1, id);
    }
    while (status == TRIVET_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        status = load_sum(monitor, source, rows, err);
    }
    if (status == TRIVET_OK && step != SQLITE_DONE) {
        status = trivet_history_error(history, "reading outcomes", err);
    }
    sqlite3_finalize(rows);
    return status;
}

static enum trivet_status load_parts(struct trivet_history *history, struct trivet_monitor *monitor,
                                     size_t source, int64_t id, struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    int step = SQLITE_ROW;
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT model, version, base, current FROM outcome WHERE source = ?", &rows, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(rows, 1, id);
    }
    while (status == TRIVET_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        status = load_part(monitor, source, rows, arena, err);
    }
    if (status == TRIVET_OK && step != SQLITE_DONE) {
        status = trivet_history_error(history, "reading outcomes", err);
    }
    sqlite3_finalize(rows);
    trivet_arena_free(arena);
    return status;
}

/* The slots of the versions whose outcomes are known already. */
static enum trivet_status load_slots(struct trivet_history *history, struct trivet_monitor *monitor,
                                     struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    int step = SQLITE_ROW;
    struct trivet_arena *arena = trivet_arena_create(ARENA_BUDGET_BYTES, 0);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the history");
    }
    enum trivet_status status =
        trivet_history_prepare(history,
                               "SELECT model, version, begin_us, end_us, sums FROM quality_slot"
                               " ORDER BY model, version, begin_us",
                               &rows, err);
    while (status == TRIVET_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        const char *model = (const char *)sqlite3_column_text(rows, 0);
        const struct trivet_monitor_series *series =
            model != NULL
                ? trivet_monitor_find(monitor, model, (uint64_t)sqlite3_column_int64(rows, 1))
                : NULL;
        if (series != NULL && series->live.quality != NULL) {
            status = trivet_quality_restore_slot(
                series->live.quality, sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3),
                sqlite3_column_blob(rows, 4), (size_t)sqlite3_column_bytes(rows, 4), arena, err);
        }
        trivet_arena_reset(arena);
    }
    if (status == TRIVET_OK && step != SQLITE_DONE) {
        status = trivet_history_error(history, "reading outcomes", err);
    }
    sqlite3_finalize(rows);
    trivet_arena_free(arena);
    return status;
}

enum trivet_status trivet_history_outcomes_load(struct trivet_history *history,
                                                struct trivet_monitor *monitor, size_t source,
                                                int64_t id, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (source < TRIVET_LIVE_SOURCES) {
        status = load_parts(history, monitor, source, id, err);
    } else {
        status = load_slots(history, monitor, err);
    }
    return status == TRIVET_OK ? load_sums(history, monitor, source, id, err) : status;
}

static double or_nan(sqlite3_stmt *row, int column)
{
    bool known = sqlite3_column_type(row, column) != SQLITE_NULL;
    return known ? sqlite3_column_double(row, column) : (double)NAN;
}

static enum trivet_status read_point(sqlite3_stmt *row, void *item, struct trivet_error *err)
{
    (void)err;
    struct trivet_quality_point *point = item;
    const char *metric = (const char *)sqlite3_column_text(row, 2);
    *point = (struct trivet_quality_point){
        .unix_s = sqlite3_column_int64(row, 0),
        .labels = (uint64_t)sqlite3_column_int64(row, 1),
        .value = sqlite3_column_double(row, 3),
        .lower = sqlite3_column_double(row, 4),
        .upper = sqlite3_column_double(row, 5),
        .coverage = or_nan(row, 6),
        .expected = or_nan(row, 7),
    };
    (void)trivet_text_copy(point->metric, sizeof(point->metric), metric != NULL ? metric : "");
    return TRIVET_OK;
}

enum trivet_status trivet_history_quality_read(struct trivet_history *history, const char *model,
                                               uint64_t version, int64_t from_unix_s,
                                               int64_t to_unix_s,
                                               struct trivet_quality_point *points,
                                               size_t points_max, size_t *n_points,
                                               struct trivet_error *err)
{
    const struct trivet_history_span span = {model, version, from_unix_s, to_unix_s, points_max};
    return trivet_history_read_span(
        history,
        "SELECT * FROM (SELECT unix_s, labels, metric, value, lower, upper, coverage, expected FROM"
        " quality_point WHERE model = ? AND version = ? AND unix_s >= ? AND unix_s < ?"
        " ORDER BY unix_s DESC LIMIT ?) ORDER BY unix_s",
        &span, read_point, points, sizeof(*points), n_points, err);
}
