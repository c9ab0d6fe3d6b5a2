/* What survives a restart of the monitor: a SQLite file of its own.
 *
 *   source  one row per server watched: its epoch and what was lost
 *   total   per source, model and version: base and running total, as packed PredictionTotals
 *   sample  per model and version, every ten seconds with traffic: cumulative counts and quantiles
 *
 * Totals carry the publisher's epoch: after a restart of the monitor a server that did not restart
 * only replaces its running total, so that nothing counts twice. Any thread: calls wait for each
 * other. */
#ifndef TRIVET_MONITOR_HISTORY_H
#define TRIVET_MONITOR_HISTORY_H

#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_HISTORY_SAMPLE_S 10
/* Oldest samples beyond this many rows are removed: about 100 bytes each. */
#define TRIVET_HISTORY_SAMPLES_MAX 2000000
/* Points of one answer. */
#define TRIVET_HISTORY_POINTS_MAX 2000

struct trivet_history;

/* Opens or makes the file, and holds it: FAILED_PRECONDITION while another monitor has it, or when
 * it was made by a newer version or is no history at all. `samples_max` 0 = the default. */
enum trivet_status trivet_history_open(const char *path, uint64_t samples_max,
                                       struct trivet_history **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_history_close(struct trivet_history *history);

/* Bring the stored totals of the monitor's sources in; before any thread runs. */
enum trivet_status trivet_history_load(struct trivet_history *history,
                                       struct trivet_monitor *monitor,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Store what changed since the last save, with one sample per changed series, in one transaction.
 * Takes the monitor's lock to copy, and writes without it. On failure the next save tries again. */
enum trivet_status trivet_history_save(struct trivet_history *history,
                                       struct trivet_monitor *monitor, int64_t now_us,
                                       struct trivet_error *err) TRIVET_MUST_USE;

struct trivet_history_point {
    int64_t unix_s;
    uint64_t predictions; /* cumulative */
    uint64_t calls;
    uint64_t failed_calls;
    uint64_t failed_rows;
    double p50_us; /* over the last minute; 0 without calls */
    double p99_us;
};

/* The newest points of [from, to), oldest first, at most `points_max`. */
enum trivet_status trivet_history_read(struct trivet_history *history, const char *model,
                                       uint64_t version, int64_t from_unix_s, int64_t to_unix_s,
                                       struct trivet_history_point *points, size_t points_max,
                                       size_t *n_points, struct trivet_error *err) TRIVET_MUST_USE;

struct trivet_history_facts {
    uint64_t file_bytes;
    uint64_t samples;
    int64_t oldest_unix_s; /* of the samples */
};
enum trivet_status trivet_history_facts(struct trivet_history *history,
                                        struct trivet_history_facts *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
