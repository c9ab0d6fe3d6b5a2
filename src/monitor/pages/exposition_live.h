/* What came back of predictions, in the monitor's metrics: live quality, and what shadows said. */
#ifndef TRIVET_MONITOR_EXPOSITION_LIVE_H
#define TRIVET_MONITOR_EXPOSITION_LIVE_H

#include "monitor/registry.h"
#include "telemetry/prometheus_page.h"

#include <stdint.h>

/* Under the monitor's lock. */
void trivet_exposition_write_live(struct trivet_page *page, const struct trivet_monitor *monitor,
                                  int64_t now_us);

#endif
