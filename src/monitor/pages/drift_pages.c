#include "monitor/pages/drift_pages.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "monitor/pages/reply.h"
#include "monitor/pages/report_drift.h"

#define US_PER_S 1000000

static enum trivet_status report(const struct trivet_drift_pages *pages,
                                 struct trivet_report_drift *what, int64_t hours,
                                 struct trivet_httpd_reply *reply, struct trivet_error *err)
{
    struct trivet_history_drift_window *windows = NULL;
    size_t n_windows = 0;
    enum trivet_status status = TRIVET_OK;
    if (hours > 0) {
        int64_t now_s = trivet_clock_unix_us() / US_PER_S;
        windows = trivet_calloc(TRIVET_REPORT_DRIFT_WINDOWS_MAX, sizeof(*windows));
        status =
            windows == NULL
                ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a report")
                : trivet_history_read_drift(pages->history, what->model, what->version,
                                            now_s - hours * 3600, now_s + 1, windows,
                                            TRIVET_REPORT_DRIFT_WINDOWS_MAX, &n_windows, err);
    }
    if (status == TRIVET_OK) {
        what->windows = windows;
        what->n_windows = n_windows;
        status = trivet_report_drift(pages->monitor, what, &reply->body, err);
    }
    trivet_history_drift_release(windows, n_windows);
    trivet_free(windows);
    return status;
}

void trivet_drift_show(void *context, const struct trivet_httpd_request *request,
                       struct trivet_httpd_reply *reply)
{
    struct trivet_error err;
    struct trivet_report_drift what = {.model = request->params[0],
                                       .column = trivet_httpd_query(request, "column")};
    int64_t hours = 0; /* no history */
    if (!trivet_monitor_path_version(request, &what.version, reply) ||
        !trivet_monitor_query_hours(request, hours, &hours, reply)) {
        return;
    }
    trivet_monitor_reply_status(reply, report(context, &what, hours, reply, &err), &err);
}
