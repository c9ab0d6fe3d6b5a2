/* What the loop wants to know of the alerts. */
#ifndef TRIVET_MONITOR_LOOP_ALERTS_H
#define TRIVET_MONITOR_LOOP_ALERTS_H

#include "monitor/alerts/watch.h"
#include "monitor/loop/runner.h"

/* The alerts of drift and of quality that fire for a version, with what they say; takes the watch's
 * lock. Any thread. */
void trivet_loop_alerts_read(struct trivet_alert_watch *watch, const char *model, uint64_t version,
                             struct trivet_loop_alerts *out);

#endif
