/* Drift of one model version over time: windows of what was served, each scored against the
 * reference profile, and what has to be told of it. Pure: no sockets, no clock, no lock; under the
 * owner's.
 *
 * A window is closed when it is old enough and has rows enough to be judged; a quiet model's takes
 * as long as it takes. What is found in one window is pending; in `confirm` windows in a row,
 * firing; firing ends after as many without. The level is shared by all columns (Bonferroni), so
 * that a version with many features rings no oftener than one with few. Memory: three times the
 * bins of the profile, whatever is served. */
#ifndef TRIVET_MONITOR_DRIFT_H
#define TRIVET_MONITOR_DRIFT_H

#include "base/compiler.h"
#include "profile/bins.h"
#include "profile/drift.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_drift_options {
    /* Of an undisturbed window: the probability that something is found in any of its columns. */
    double level;
    double rows_min; /* of a window; at least TRIVET_DRIFT_ROWS_MIN */
    int64_t window_us;
    uint32_t confirm;
    /* A reference of fewer rows grows by windows in which no column is over a limit; 0 = it stays
     * as trained. */
    double reference_rows_wanted;
};

#define TRIVET_DRIFT_OPTIONS_DEFAULT                                                               \
    {                                                                                              \
        .level = 0.01, .rows_min = TRIVET_DRIFT_ROWS_MIN, .window_us = 60000000, .confirm = 2,     \
        .reference_rows_wanted = 2000                                                              \
    }

enum trivet_drift_state {
    TRIVET_DRIFT_QUIET,
    TRIVET_DRIFT_PENDING,
    TRIVET_DRIFT_FIRING,
};

struct trivet_drift_track {
    enum trivet_drift_state state;
    uint32_t n_in_a_row; /* windows in which it was found, or, while firing, was not */
    int64_t since_us;    /* of the state; 0 = from the start */
};

/* One feature, or one column of the predictions. */
struct trivet_drift_column {
    const char *name;
    bool categorical;
    bool prediction;
    struct trivet_drift_score score; /* of the last closed window */
    struct trivet_drift_track tracks[TRIVET_DRIFT_FINDING_COUNT];
};

struct trivet_drift_watch;

/* `profile` is borrowed and outlives the watch. INVALID_ARGUMENT for options that cannot be; a
 * profile that is damaged: DATA_LOSS; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_drift_watch_create(const Trivet__V1__Profile *profile,
                                             const struct trivet_drift_options *options,
                                             struct trivet_drift_watch **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
void trivet_drift_watch_free(struct trivet_drift_watch *watch);

/* Take rows in that were served about `now_us` (any clock that does not go back), and close the
 * window when it is due. INVALID_ARGUMENT: not laid out as the profile's bins; nothing is taken. */
enum trivet_status trivet_drift_watch_take(struct trivet_drift_watch *watch,
                                           const struct trivet_bins *rows, int64_t now_us,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Close the window when it is due. True when it was closed. */
bool trivet_drift_watch_tick(struct trivet_drift_watch *watch, int64_t now_us);

/* Features, then predictions. Live until the watch is freed; change when a window closes. */
const struct trivet_drift_column *trivet_drift_watch_columns(const struct trivet_drift_watch *watch,
                                                             size_t *n_columns);
uint64_t trivet_drift_watch_n_windows(const struct trivet_drift_watch *watch);
/* Of the window that is open; effective. */
double trivet_drift_watch_open_rows(const struct trivet_drift_watch *watch);
/* To be drawn: the reference, grown or not, and the last closed window (empty before the first). */
const struct trivet_bins *trivet_drift_watch_reference(const struct trivet_drift_watch *watch);
const struct trivet_bins *trivet_drift_watch_window(const struct trivet_drift_watch *watch);
/* Indices of the columns that are firing for `finding`, the farthest over its limit first; at most
 * `n_max`. Returns how many are firing. */
size_t trivet_drift_watch_firing(const struct trivet_drift_watch *watch,
                                 enum trivet_drift_finding finding, size_t *out, size_t n_max);
/* How far over its limit a column is, 1 = at it. */
double trivet_drift_excess(const struct trivet_drift_column *column,
                           enum trivet_drift_finding finding);

/* What a watch consists of, to be read and to be set after a restart; live with it. */
struct trivet_drift_inside {
    struct trivet_bins *reference;
    struct trivet_bins *open;
    struct trivet_bins *closed;
    struct trivet_drift_column *columns;
    size_t n_columns;
    uint64_t *n_windows;
    int64_t *opened_us; /* of `open`, where it has rows */
    bool *opened;
};
struct trivet_drift_inside trivet_drift_watch_inside(struct trivet_drift_watch *watch);

#endif
