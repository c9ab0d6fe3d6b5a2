/* What the servers use of their limits, over the last fifteen minutes, as JSON. */
#ifndef TRIVET_MONITOR_REPORT_SERVER_H
#define TRIVET_MONITOR_REPORT_SERVER_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdint.h>

/* Per source, columns over "t" (Unix seconds): null where nothing was heard. CPU in percent of one
 * core. Takes the monitor's lock; any thread. */
enum trivet_status trivet_report_server(struct trivet_monitor *monitor, int64_t now_us,
                                        struct trivet_buffer *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
