/* The state of one drift watch as bytes, for the history: reference (grown or not), the last window
 * and the open one, scores and what is pending or firing. In this machine's byte order. */
#ifndef TRIVET_MONITOR_DRIFT_KEEP_H
#define TRIVET_MONITOR_DRIFT_KEEP_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/drift/series.h"

#include <trivet/error.h>

#include <stddef.h>

/* Append. `drift` has a watch. */
enum trivet_status trivet_drift_keep(const struct trivet_monitor_drift *drift,
                                     struct trivet_buffer *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* Into a drift that was made with the same profile. DATA_LOSS: these are not the bytes of its
 * state; it is then to be freed. */
enum trivet_status trivet_drift_restore(struct trivet_monitor_drift *drift, const void *data,
                                        size_t n_bytes, struct trivet_error *err) TRIVET_MUST_USE;

#endif
