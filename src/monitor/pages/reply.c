#include "monitor/pages/reply.h"

#include "base/text.h"

static unsigned http_status_of(enum trivet_status status)
{
    switch (status) {
    case TRIVET_OK:
        return 200;
    case TRIVET_INVALID_ARGUMENT:
        return 400;
    case TRIVET_NOT_FOUND:
        return 404;
    case TRIVET_RESOURCE_EXHAUSTED:
    case TRIVET_UNAVAILABLE:
        return 503;
    default:
        return 500;
    }
}

void trivet_monitor_reply_status(struct trivet_httpd_reply *reply, enum trivet_status status,
                                 const struct trivet_error *err)
{
    if (status != TRIVET_OK) {
        trivet_httpd_reply_error(reply, http_status_of(status), "%s", err->message);
    }
}

bool trivet_monitor_query_number(const struct trivet_httpd_request *request, const char *name,
                                 int64_t fallback, int64_t *out, struct trivet_httpd_reply *reply)
{
    const char *text = trivet_httpd_query(request, name);
    *out = fallback;
    if (text != NULL && !trivet_text_parse_int64(text, out)) {
        trivet_httpd_reply_error(reply, 400, "%s must be a whole number", name);
        return false;
    }
    return true;
}

bool trivet_monitor_path_version(const struct trivet_httpd_request *request, uint64_t *out,
                                 struct trivet_httpd_reply *reply)
{
    if (!trivet_text_parse_uint64(request->params[1], out)) {
        trivet_httpd_reply_error(reply, 400, "the version in the path must be a number");
        return false;
    }
    return true;
}

bool trivet_monitor_query_hours(const struct trivet_httpd_request *request, int64_t fallback,
                                int64_t *out, struct trivet_httpd_reply *reply)
{
    if (!trivet_monitor_query_number(request, "hours", fallback, out, reply)) {
        return false;
    }
    /* Absent, it may be outside: none at all. */
    if (trivet_httpd_query(request, "hours") != NULL &&
        (*out < 1 || *out > TRIVET_MONITOR_HOURS_MAX)) {
        trivet_httpd_reply_error(reply, 400, "hours must be 1 to %d", TRIVET_MONITOR_HOURS_MAX);
        return false;
    }
    return true;
}
