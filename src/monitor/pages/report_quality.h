/* Live quality and shadows of a version, as JSON. */
#ifndef TRIVET_MONITOR_REPORT_QUALITY_H
#define TRIVET_MONITOR_REPORT_QUALITY_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdint.h>

/* Metrics and confusion matrix of the last hour (with too few labels in it: of the last day),
 * counts of ever, what the drift watch expects before labels arrive, and the stored points of the
 * last `hours`. NOT_FOUND: no such version was seen. Takes the monitor's lock, then the history's;
 * any thread. */
enum trivet_status trivet_report_quality(struct trivet_monitor *monitor,
                                         struct trivet_history *history, const char *model,
                                         uint64_t version, int64_t hours, int64_t now_us,
                                         struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* What the version said as a shadow of others. NOT_FOUND likewise. */
enum trivet_status trivet_report_shadow(struct trivet_monitor *monitor, const char *model,
                                        uint64_t version, struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
