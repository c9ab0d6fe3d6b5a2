/* Between the files of the history. */
#ifndef TRIVET_MONITOR_HISTORY_INTERNAL_H
#define TRIVET_MONITOR_HISTORY_INTERNAL_H

#include "monitor/history.h"

#include <pthread.h>
#include <sqlite3.h>

struct trivet_history {
    pthread_mutex_t lock; /* the connection */
    sqlite3 *db;
    uint64_t samples_max;
    int64_t drift_scores_max;
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
/* Make the tables in an empty file, bring those of an earlier version forward: history_schema.c.
 * FAILED_PRECONDITION for a file of something else or of a later version. */
enum trivet_status trivet_history_migrate(struct trivet_history *history, const char *path,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
