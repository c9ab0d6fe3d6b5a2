/* Histograms as messages. May be used by: events. */
#ifndef TRIVET_EVENTS_HISTOGRAM_MESSAGE_H
#define TRIVET_EVENTS_HISTOGRAM_MESSAGE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "telemetry/histogram.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

/* In `arena`; the buckets that are not empty. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_histogram_encode(const struct trivet_histogram *histogram,
                                           struct trivet_arena *arena, Trivet__V1__Histogram **out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
