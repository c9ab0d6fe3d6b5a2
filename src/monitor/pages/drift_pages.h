/* The handler of a version's drift: runs on the HTTP threads. */
#ifndef TRIVET_MONITOR_DRIFT_PAGES_H
#define TRIVET_MONITOR_DRIFT_PAGES_H

#include "httpd/httpd.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"

struct trivet_drift_pages {
    struct trivet_monitor *monitor; /* both borrowed */
    struct trivet_history *history;
};

/* "models/{}/versions/{}/drift?column=NAME&hours=N"; `context` is a struct trivet_drift_pages. */
void trivet_drift_show(void *context, const struct trivet_httpd_request *request,
                       struct trivet_httpd_reply *reply);

#endif
