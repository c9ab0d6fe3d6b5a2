/* Drift in the monitor's metrics. Names of columns are user data and no labels: how many of a
 * version drift is told here, which ones on the page and in the JSON. */
#ifndef TRIVET_MONITOR_EXPOSITION_DRIFT_H
#define TRIVET_MONITOR_EXPOSITION_DRIFT_H

#include "monitor/registry.h"
#include "telemetry/prometheus_page.h"

/* Under the monitor's lock. */
void trivet_exposition_write_drift(struct trivet_page *page, const struct trivet_monitor *monitor);

#endif
