/* The monitor's /metrics page. */
#ifndef TRIVET_MONITOR_EXPOSITION_H
#define TRIVET_MONITOR_EXPOSITION_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

/* Prometheus text of everything counted. Takes the monitor's lock; any thread. */
enum trivet_status trivet_exposition_write(struct trivet_monitor *monitor,
                                           struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
