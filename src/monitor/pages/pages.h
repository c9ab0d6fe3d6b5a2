/* The monitor's HTTP side: dashboard, JSON API, event stream, /metrics. Read-only. */
#ifndef TRIVET_MONITOR_PAGES_H
#define TRIVET_MONITOR_PAGES_H

#include "base/compiler.h"
#include "httpd/httpd.h"
#include "monitor/alerts/watch.h"
#include "monitor/alerts/webhook.h"
#include "monitor/history/history.h"
#include "monitor/loop/runner.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_monitor_pages;

/* All borrowed until stop. */
struct trivet_monitor_pages_options {
    struct trivet_monitor *monitor;
    struct trivet_history *history;
    struct trivet_alert_watch *alerts;
    struct trivet_webhook *webhook;  /* NULL = none */
    struct trivet_loop_runner *loop; /* NULL = no policy */
    const char *address;             /* "HOST:PORT" */
    const char *const *hosts;        /* further names allowed in Host */
    size_t n_hosts;
};

/* Errors as trivet_httpd_start. */
enum trivet_status trivet_monitor_pages_start(const struct trivet_monitor_pages_options *options,
                                              struct trivet_monitor_pages **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
const char *trivet_monitor_pages_address(const struct trivet_monitor_pages *pages);
/* Send the overview to all open pages; about once a second. */
void trivet_monitor_pages_tick(struct trivet_monitor_pages *pages, int64_t now_us);
/* Send something to all open pages, under the name of its kind. Any thread. */
void trivet_monitor_pages_tell(struct trivet_monitor_pages *pages, const char *kind,
                               const char *json, size_t n_bytes);
/* Send a change of an alert to all open pages: event "alert". */
void trivet_monitor_pages_alert(struct trivet_monitor_pages *pages,
                                const struct trivet_alert *alert);
void trivet_monitor_pages_stop(struct trivet_monitor_pages *pages);

#endif
