/* One alert as JSON: what the webhook gets, the event stream carries and the page lists. */
#ifndef TRIVET_MONITOR_ALERT_MESSAGE_H
#define TRIVET_MONITOR_ALERT_MESSAGE_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts/alerts.h"

#include <trivet/error.h>

#include <jansson.h>

/* The caller's reference; NULL: no memory. */
json_t *trivet_alert_json(const struct trivet_alert *alert);
/* As text. INVALID_ARGUMENT: a text of the alert is no UTF-8. */
enum trivet_status trivet_alert_message(const struct trivet_alert *alert, struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
