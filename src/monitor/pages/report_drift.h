/* Drift of one version as JSON. */
#ifndef TRIVET_MONITOR_REPORT_DRIFT_H
#define TRIVET_MONITOR_REPORT_DRIFT_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/history/drift.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Windows of one answer, and columns of its heat-map. */
#define TRIVET_REPORT_DRIFT_WINDOWS_MAX 500
#define TRIVET_REPORT_DRIFT_HEAT_MAX    40

struct trivet_report_drift {
    const char *model;
    uint64_t version;
    const char *column; /* its histograms too; NULL = of none */
    /* From the history, oldest first; NULL = not asked for. */
    const struct trivet_history_drift_window *windows;
    size_t n_windows;
};

/* All columns with their scores, limits and states. With windows: how they went, of `column` or, as
 * a heat-map, of the columns that were farthest over their limits. NOT_FOUND: version or column.
 * Takes the monitor's lock; any thread. */
enum trivet_status trivet_report_drift(struct trivet_monitor *monitor,
                                       const struct trivet_report_drift *what,
                                       struct trivet_buffer *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
