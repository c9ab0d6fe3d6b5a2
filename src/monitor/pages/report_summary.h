/* What the overview says of a version in a word. */
#ifndef TRIVET_MONITOR_REPORT_SUMMARY_H
#define TRIVET_MONITOR_REPORT_SUMMARY_H

#include "monitor/registry.h"

#include <jansson.h>
#include <stdint.h>

/* {"state": "unwatched", "collecting", "quiet", "pending" or "firing", "finding", "worst" (the
 * column farthest over its limit, or null), "value", "rows", "open_rows", "windows", "psi_max"}.
 * Null where nothing was heard of the version's bins. Under the monitor's lock. */
json_t *trivet_report_drift_summary(const struct trivet_monitor_series *series);
/* Of the outcomes of the last day: {"metric": "accuracy" or "mae", "value", "lower", "upper",
 * "labelled"}. Null while they are too few. Under the monitor's lock. */
json_t *trivet_report_quality_summary(const struct trivet_monitor_series *series, int64_t now_us);

#endif
