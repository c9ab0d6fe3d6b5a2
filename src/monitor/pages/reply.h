/* What handlers of the monitor begin and end with. */
#ifndef TRIVET_MONITOR_REPLY_H
#define TRIVET_MONITOR_REPLY_H

#include "httpd/httpd.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

#define TRIVET_MONITOR_HOURS_MAX (24 * 366) /* of a history that is asked for */

/* Turns the reply into an error, with the HTTP status that goes with it; OK leaves it as it is. */
void trivet_monitor_reply_status(struct trivet_httpd_reply *reply, enum trivet_status status,
                                 const struct trivet_error *err);

/* The version in the path, "…/versions/{}". False after an error reply. */
bool trivet_monitor_path_version(const struct trivet_httpd_request *request, uint64_t *out,
                                 struct trivet_httpd_reply *reply);
/* A number in the query; its default when absent. False after an error reply. */
bool trivet_monitor_query_number(const struct trivet_httpd_request *request, const char *name,
                                 int64_t fallback, int64_t *out, struct trivet_httpd_reply *reply);
/* "?hours=", 1 to TRIVET_MONITOR_HOURS_MAX; `fallback` when absent. False after an error reply. */
bool trivet_monitor_query_hours(const struct trivet_httpd_request *request, int64_t fallback,
                                int64_t *out, struct trivet_httpd_reply *reply);

#endif
