/* One event as one line. */
#ifndef TRIVET_CLI_EVENT_TEXT_H
#define TRIVET_CLI_EVENT_TEXT_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* {"topic":"…","event":{…}} */
enum trivet_status trivet_cli_event_json(const char *topic, const Trivet__V1__Event *event,
                                         struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* "12:00:00.123  training.job-1.      job-1 running, fit 52 %" */
enum trivet_status trivet_cli_event_line(const char *topic, const Trivet__V1__Event *event,
                                         struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Where to subscribe: the address the server says it publishes on. A server that listens on every
 * interface says 0.0.0.0 or [::]; then the host is that of `server_url`. False when it does not fit
 * into `out`. */
bool trivet_cli_events_url(const char *events_url, const char *server_url, char *out,
                           size_t out_bytes);

#endif
