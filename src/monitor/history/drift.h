/* Drift in the history:
 *
 *   drift         per model and version: its reference profile, and the state of its watch as of
 *                 the last window that closed (at a clean stop: as of then)
 *   drift_window  per window: scores of every column, as float32; of windows older than a day one
 *                 of each ten minutes stays, and of all together so many columns
 */
#ifndef TRIVET_MONITOR_HISTORY_DRIFT_H
#define TRIVET_MONITOR_HISTORY_DRIFT_H

#include "base/compiler.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all windows together: about 20 bytes each. */
#define TRIVET_HISTORY_DRIFT_SCORES_MAX ((int64_t)4 << 20)
#define TRIVET_HISTORY_DRIFT_FINE_S     86400
#define TRIVET_HISTORY_DRIFT_COARSE_S   600
/* States that are copied for one save, unless it is the last one. */
#define TRIVET_HISTORY_DRIFT_BYTES_MAX ((size_t)16 << 20)
/* A watch that has seen nothing for so long is not brought back. */
#define TRIVET_HISTORY_DRIFT_OLD_US ((int64_t)86400 * 1000000)

/* One column of one window. */
struct trivet_history_drift_score {
    float psi;
    float ks;
    float js;
    float missing;
    float out_of_range;
};

struct trivet_history_drift_window {
    int64_t unix_s;
    double rows;
    uint64_t n_firing; /* columns, for any finding */
    double psi_max;
    double expected_accuracy;                  /* NaN = not known */
    struct trivet_history_drift_score *scores; /* n_columns; owned */
    size_t n_columns;
};

/* Watches of drift with their state, before any thread runs, after trivet_history_load. One that
 * cannot be read is left out, and begins anew. */
enum trivet_status trivet_history_load_drift(struct trivet_history *history,
                                             struct trivet_monitor *monitor, int64_t now_us,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Store the windows that closed since the last save, and forget deleted versions; `last`: the open
 * windows too. Takes the monitor's lock to copy, and writes without it. On failure the next save
 * tries again. */
enum trivet_status trivet_history_save_drift(struct trivet_history *history,
                                             struct trivet_monitor *monitor, int64_t now_us,
                                             bool last, struct trivet_error *err) TRIVET_MUST_USE;
/* The newest windows of [from, to), oldest first, at most `windows_max`; to be released. */
enum trivet_status trivet_history_read_drift(struct trivet_history *history, const char *model,
                                             uint64_t version, int64_t from_unix_s,
                                             int64_t to_unix_s,
                                             struct trivet_history_drift_window *windows,
                                             size_t windows_max, size_t *n_windows,
                                             struct trivet_error *err) TRIVET_MUST_USE;
void trivet_history_drift_release(struct trivet_history_drift_window *windows, size_t n_windows);

#endif
