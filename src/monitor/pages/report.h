/* What the pages show, as JSON. Counts are exact integers; rates are over the last ten seconds,
 * quantiles and error ratios over the last minute. */
#ifndef TRIVET_MONITOR_REPORT_H
#define TRIVET_MONITOR_REPORT_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts/watch.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_REPORT_RATE_S     10
#define TRIVET_REPORT_WINDOW_S   60
#define TRIVET_REPORT_POINTS_MAX 120
/* The newest second of a series is this old, so that its events have arrived. */
#define TRIVET_REPORT_LAG_S 2

/* All sources, models and totals, and how many alerts there are (NULL = not told). Takes the locks
 * of both, one after the other; any thread. */
enum trivet_status trivet_report_overview(struct trivet_monitor *monitor,
                                          struct trivet_alert_watch *alerts, int64_t now_us,
                                          struct trivet_buffer *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* The last `seconds` (10 to 900) of one version, or of all together when `model` is NULL, in at
 * most TRIVET_REPORT_POINTS_MAX points of `step_s`: columns "t" (Unix seconds, begin of the step),
 * rates per second, and latency quantiles, null where there was no call. NOT_FOUND,
 * INVALID_ARGUMENT. */
enum trivet_status trivet_report_series(struct trivet_monitor *monitor, const char *model,
                                        uint64_t version, int64_t seconds, int64_t now_us,
                                        struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Points of the history as columns. */
enum trivet_status trivet_report_history(const char *model, uint64_t version,
                                         const struct trivet_history_point *points, size_t n_points,
                                         struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
