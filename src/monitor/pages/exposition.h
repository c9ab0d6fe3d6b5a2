/* The monitor's /metrics page. */
#ifndef TRIVET_MONITOR_EXPOSITION_H
#define TRIVET_MONITOR_EXPOSITION_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts/watch.h"
#include "monitor/alerts/webhook.h"
#include "monitor/loop/runner.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdint.h>

/* Borrowed; what is NULL is left out, but for the monitor. */
struct trivet_exposition_sources {
    struct trivet_monitor *monitor;
    struct trivet_alert_watch *alerts;
    struct trivet_webhook *webhook;
    struct trivet_loop_runner *loop;
};

/* Prometheus text of everything counted. Takes the locks of its sources, one after the other; any
 * thread. */
enum trivet_status trivet_exposition_write(const struct trivet_exposition_sources *sources,
                                           int64_t now_us, struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
