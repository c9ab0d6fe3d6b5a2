/* From the monitor's state to verdicts: what each rule needs to know of each server and version.
 * Under the monitor's lock. */
#ifndef TRIVET_MONITOR_ALERT_FACTS_H
#define TRIVET_MONITOR_ALERT_FACTS_H

#include "monitor/alerts/alerts.h"
#include "monitor/registry.h"

#include <stdint.h>

struct trivet_alert_facts;

/* Both are borrowed. NULL when out of memory. */
struct trivet_alert_facts *trivet_alert_facts_create(const struct trivet_monitor *monitor,
                                                     const struct trivet_alert_rules *rules,
                                                     int64_t now_us);
void trivet_alert_facts_free(struct trivet_alert_facts *facts);
/* Take in what happened since the last call, and have every rule judged. About once a second. */
void trivet_alert_facts_judge(struct trivet_alert_facts *facts, struct trivet_alerts *alerts,
                              int64_t now_us);

#endif
