/* Receives the events of one source, on a thread of its own. */
#ifndef TRIVET_MONITOR_SUBSCRIBER_H
#define TRIVET_MONITOR_SUBSCRIBER_H

#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_monitor_subscriber;

/* Subscribes to every topic of the source's events URL and keeps connecting, now and whenever the
 * connection drops. INVALID_ARGUMENT for a URL nng does not know. */
enum trivet_status trivet_monitor_subscriber_start(struct trivet_monitor *monitor, size_t source,
                                                   struct trivet_monitor_subscriber **out,
                                                   struct trivet_error *err) TRIVET_MUST_USE;
/* Closes the socket, which ends the receive, and joins the thread. */
void trivet_monitor_subscriber_stop(struct trivet_monitor_subscriber *subscriber);

#endif
