/* What every handler of the monitor ends with. */
#ifndef TRIVET_MONITOR_REPLY_H
#define TRIVET_MONITOR_REPLY_H

#include "httpd/httpd.h"

#include <trivet/error.h>

/* Turns the reply into an error, with the HTTP status that goes with it; OK leaves it as it is. */
void trivet_monitor_reply_status(struct trivet_httpd_reply *reply, enum trivet_status status,
                                 const struct trivet_error *err);

#endif
