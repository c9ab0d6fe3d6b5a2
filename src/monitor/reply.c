#include "monitor/reply.h"

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
