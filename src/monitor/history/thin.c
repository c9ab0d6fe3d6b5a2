/* Old points are kept more coarsely: the newest of five minutes after a day, of an hour after 30
 * days, none after a year. Counts are cumulative, so that nothing is lost but the time between.
 *
 * A cursor per table and step tells up to where this is done; every save takes one bucket, so that
 * the work of a save is bounded by what one bucket holds, and a backlog is caught up with many
 * times faster than it comes. */
#include "monitor/history/internal.h"

#include "base/text.h"

#define US_PER_S    1000000LL
#define DAY_S       86400LL
#define EXPIRE_S    (365 * DAY_S)
#define EXPIRE_ROWS 1000

static const struct {
    int64_t age_s;
    int64_t bucket_s;
} steps[] = {{DAY_S, 300}, {30 * DAY_S, 3600}};

static enum trivet_status read_int(struct trivet_history *history, const char *sql, int64_t *out,
                                   struct trivet_error *err)
{
    sqlite3_stmt *row = NULL;
    enum trivet_status status = trivet_history_prepare(history, sql, &row, err);
    if (status == TRIVET_OK && sqlite3_step(row) != SQLITE_ROW) {
        status = trivet_history_error(history, "reading the history", err);
    } else if (status == TRIVET_OK) {
        *out = sqlite3_column_int64(row, 0);
    }
    sqlite3_finalize(row);
    return status;
}

/* One bucket of one step, the oldest that is due. */
static enum trivet_status thin_step(struct trivet_history *history, const char *table, size_t step,
                                    int64_t now_s, struct trivet_error *err)
{
    char sql[640];
    int64_t first_s = 0;
    int64_t bucket_s = steps[step].bucket_s;
    (void)trivet_text_format(
        sql, sizeof(sql),
        "SELECT coalesce((SELECT min(unix_s) FROM %s WHERE unix_s >= coalesce((SELECT done_s FROM"
        " thinned WHERE name = '%s' AND step = %zu), 0)), %lld)",
        table, table, step, (long long)INT64_MAX);
    enum trivet_status status = read_int(history, sql, &first_s, err);
    if (status != TRIVET_OK || first_s > now_s - steps[step].age_s - bucket_s) {
        return status;
    }
    int64_t from_s = first_s - first_s % bucket_s;
    (void)trivet_text_format(
        sql, sizeof(sql),
        "DELETE FROM %s WHERE unix_s >= %lld AND unix_s < %lld AND id NOT IN (SELECT max(id) FROM"
        " %s WHERE unix_s >= %lld AND unix_s < %lld GROUP BY model, version);"
        "INSERT OR REPLACE INTO thinned(name, step, done_s) VALUES('%s', %zu, %lld)",
        table, (long long)from_s, (long long)(from_s + bucket_s), table, (long long)from_s,
        (long long)(from_s + bucket_s), table, step, (long long)(from_s + bucket_s));
    return trivet_history_exec(history, sql, err);
}

static enum trivet_status expire(struct trivet_history *history, const char *table, int64_t now_s,
                                 struct trivet_error *err)
{
    char sql[256];
    (void)trivet_text_format(sql, sizeof(sql),
                             "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE unix_s < %lld"
                             " ORDER BY unix_s LIMIT %d)",
                             table, table, (long long)(now_s - EXPIRE_S), EXPIRE_ROWS);
    return trivet_history_exec(history, sql, err);
}

/* Those of versions that got no outcome for a day; others are replaced as they come. */
static enum trivet_status expire_slots(struct trivet_history *history, int64_t now_s,
                                       struct trivet_error *err)
{
    char sql[96];
    (void)trivet_text_format(sql, sizeof(sql), "DELETE FROM quality_slot WHERE end_us < %lld",
                             (long long)((now_s - DAY_S) * US_PER_S));
    return trivet_history_exec(history, sql, err);
}

/* The oldest rows beyond the maximum; they are only counted when the ids span as many. */
static enum trivet_status trim(struct trivet_history *history, const char *table,
                               struct trivet_error *err)
{
    char sql[256];
    int64_t rows = 0;
    int64_t rows_max = (int64_t)history->samples_max;
    (void)trivet_text_format(sql, sizeof(sql),
                             "SELECT coalesce((SELECT max(id) FROM %s) - (SELECT min(id) FROM %s)"
                             " + 1, 0)",
                             table, table);
    enum trivet_status status = read_int(history, sql, &rows, err);
    if (status == TRIVET_OK && rows > rows_max) {
        (void)trivet_text_format(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
        status = read_int(history, sql, &rows, err);
    }
    if (status != TRIVET_OK || rows <= rows_max) {
        return status;
    }
    (void)trivet_text_format(
        sql, sizeof(sql), "DELETE FROM %s WHERE id IN (SELECT id FROM %s ORDER BY id LIMIT %lld)",
        table, table, (long long)(rows - rows_max));
    return trivet_history_exec(history, sql, err);
}

enum trivet_status trivet_history_thin(struct trivet_history *history, int64_t now_s,
                                       struct trivet_error *err)
{
    static const char *const tables[] = {"sample", "quality_point"};
    enum trivet_status status = TRIVET_OK;
    for (size_t t = 0; t < TRIVET_ARRAY_COUNT(tables) && status == TRIVET_OK; t++) {
        for (size_t s = 0; s < TRIVET_ARRAY_COUNT(steps) && status == TRIVET_OK; s++) {
            status = thin_step(history, tables[t], s, now_s, err);
        }
        if (status == TRIVET_OK) {
            status = expire(history, tables[t], now_s, err);
        }
        if (status == TRIVET_OK) {
            status = trim(history, tables[t], err);
        }
    }
    if (status == TRIVET_OK) {
        status = expire_slots(history, now_s, err);
    }
    return status;
}
