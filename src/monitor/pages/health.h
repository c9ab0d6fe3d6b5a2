/* How the monitor itself does, as JSON: what it missed, how far it is behind, what it holds. */
#ifndef TRIVET_MONITOR_HEALTH_H
#define TRIVET_MONITOR_HEALTH_H

#include "base/buffer.h"
#include "httpd/sse.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"
#include "monitor/remote/remote.h"

#include <trivet/error.h>

/* All are borrowed for the call; takes their locks one after the other. Any thread. */
struct trivet_monitor_health {
    struct trivet_monitor *monitor;
    struct trivet_history *history;
    struct trivet_monitor_remote *remote;
    struct trivet_sse_hub *hub;
};

/* RESOURCE_EXHAUSTED without memory. */
enum trivet_status trivet_health_report(const struct trivet_monitor_health *health, int64_t now_us,
                                        struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
