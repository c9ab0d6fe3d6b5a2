/* The monitor's /metrics page. */
#ifndef TRIVET_MONITOR_EXPOSITION_H
#define TRIVET_MONITOR_EXPOSITION_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alert_watch.h"
#include "monitor/registry.h"

#include <trivet/error.h>

/* Prometheus text of everything counted. `alerts` NULL = without them. Takes the locks of
 * both, one after the other; any thread. */
enum trivet_status trivet_exposition_write(struct trivet_monitor *monitor,
                                           struct trivet_alert_watch *alerts,
                                           struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
