/* Outcomes and shadows in the history: totals, so that a restart loses none, and points over time.
 * Both are stored and brought in with the other totals (history.h), in one transaction. */
#ifndef TRIVET_MONITOR_HISTORY_QUALITY_H
#define TRIVET_MONITOR_HISTORY_QUALITY_H

#include "base/compiler.h"
#include "monitor/history/history.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Quality of the hour before. */
struct trivet_quality_point {
    int64_t unix_s;
    uint64_t labels;
    char metric[16]; /* accuracy or mae; "" under TRIVET_QUALITY_LABELS_MIN labels */
    double value;
    double lower;
    double upper;

    double coverage; /* ever; NaN = nothing was logged */
    double expected; /* accuracy, from confidence; NaN = not known */
};

/* The newest points of [from, to), oldest first, at most `points_max`. Any thread. */
enum trivet_status trivet_history_quality_read(struct trivet_history *history, const char *model,
                                               uint64_t version, int64_t from_unix_s,
                                               int64_t to_unix_s,
                                               struct trivet_quality_point *points,
                                               size_t points_max, size_t *n_points,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
