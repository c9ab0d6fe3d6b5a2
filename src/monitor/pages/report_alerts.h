/* Alerts as JSON. */
#ifndef TRIVET_MONITOR_REPORT_ALERTS_H
#define TRIVET_MONITOR_REPORT_ALERTS_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts/watch.h"
#include "monitor/alerts/webhook.h"

#include <trivet/error.h>

#include <jansson.h>
#include <stdint.h>

/* All that are active, the resolved ones newest first, the rules, and the webhook (NULL = none).
 * Any thread. */
enum trivet_status trivet_report_alerts(struct trivet_alert_watch *watch,
                                        struct trivet_webhook *webhook, int64_t now_us,
                                        struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* {"pending": n, "firing": n}, for the overview; takes the watch's lock. */
json_t *trivet_report_alert_counts(struct trivet_alert_watch *watch);

#endif
