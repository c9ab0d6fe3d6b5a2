/* Between the files of the history. */
#ifndef TRIVET_MONITOR_HISTORY_INTERNAL_H
#define TRIVET_MONITOR_HISTORY_INTERNAL_H

#include "monitor/history/history.h"

#include <pthread.h>
#include <sqlite3.h>

struct trivet_history {
    pthread_mutex_t lock; /* the connection */
    sqlite3 *db;
    uint64_t samples_max;
    int64_t drift_scores_max;
    uint64_t webhook_dropped; /* messages that went as too many waited */
};

/* An error of SQLite as a status: what was being done, and SQLite's words. */
enum trivet_status trivet_history_error(struct trivet_history *history, const char *doing,
                                        struct trivet_error *err);
/* Statements without results. */
enum trivet_status trivet_history_exec(struct trivet_history *history, const char *sql,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_history_prepare(struct trivet_history *history, const char *sql,
                                          sqlite3_stmt **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Fills one element of an array from a row. */
typedef enum trivet_status (*trivet_history_take)(sqlite3_stmt *row, void *item,
                                                  struct trivet_error *err);
/* The rows of a prepared statement into `items` of `item_bytes` each, at most `n_max`. `*n` were
 * filled, on error too. */
enum trivet_status trivet_history_collect(struct trivet_history *history, sqlite3_stmt *rows,
                                          trivet_history_take take, void *items, size_t item_bytes,
                                          size_t n_max, size_t *n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* A version's rows of a span of time, the newest `rows_max`. */
struct trivet_history_span {
    const char *model;
    uint64_t version;
    int64_t from_unix_s;
    int64_t to_unix_s; /* not with it */
    size_t rows_max;
};
/* Collects what `sql` gives for the span, whose members are its five parameters, in this order.
 * Takes the history's lock. */
enum trivet_status trivet_history_read_span(struct trivet_history *history, const char *sql,
                                            const struct trivet_history_span *span,
                                            trivet_history_take take, void *items,
                                            size_t item_bytes, size_t *n,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Outcomes and shadows that changed since the last save: quality.c. Taking and marking is
 * under the monitor's lock, by the caller; `*taken` is to be freed on error, too. */
struct trivet_history_outcomes;
enum trivet_status trivet_history_outcomes_take(struct trivet_monitor *monitor, int64_t now_us,
                                                struct trivet_history_outcomes **taken,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* What was taken has not changed since; or, when storing `only` failed, has. */
void trivet_history_outcomes_mark(struct trivet_monitor *monitor, bool changed,
                                  const struct trivet_history_outcomes *only);
enum trivet_status trivet_history_outcomes_write(struct trivet_history *history,
                                                 const struct trivet_monitor *monitor,
                                                 const struct trivet_history_outcomes *outcomes,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
void trivet_history_outcomes_free(struct trivet_history_outcomes *outcomes);
/* Of the source with this row; source TRIVET_LIVE_SOURCES, row 0: what ended epochs left. */
enum trivet_status trivet_history_outcomes_load(struct trivet_history *history,
                                                struct trivet_monitor *monitor, size_t source,
                                                int64_t id,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* Versions that one save forgets; a year of one are some 50,000 rows. */
#define TRIVET_HISTORY_FORGET_MAX 32
/* Part of a save: takes all that is stored of a version away: forget.c. */
enum trivet_status trivet_history_forget(struct trivet_history *history, const char *model,
                                         uint64_t version,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Part of a save: old points are made fewer, a bounded piece at a time: thin.c. */
enum trivet_status trivet_history_thin(struct trivet_history *history, int64_t now_s,
                                       struct trivet_error *err) TRIVET_MUST_USE;

/* Make the tables in an empty file, bring those of an earlier version forward: schema.c.
 * FAILED_PRECONDITION for a file of something else or of a later version. */
enum trivet_status trivet_history_migrate(struct trivet_history *history, const char *path,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
