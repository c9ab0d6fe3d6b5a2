/* The running totals of one version, as events and Server.Stats carry them. */
#ifndef TRIVET_MONITOR_COUNTS_H
#define TRIVET_MONITOR_COUNTS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "telemetry/histogram.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_monitor_counts {
    uint64_t calls[TRIVET_STATUS_COUNT]; /* by status */
    uint64_t rows[TRIVET_STATUS_COUNT];  /* by status; rows[TRIVET_OK] are the predictions */
    uint64_t batches;
    struct trivet_histogram queue; /* per call */
    struct trivet_histogram compute;
    struct trivet_histogram total;
    uint64_t life; /* of a message's totals; sums have none */
};

/* From a message. An unknown status counts as UNKNOWN. INVALID_ARGUMENT when a histogram names a
 * bucket that does not exist or its lists differ in length. */
enum trivet_status trivet_monitor_counts_read(const Trivet__V1__PredictionTotals *message,
                                              struct trivet_monitor_counts *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* A message's histogram added to an empty `out`; NULL is one of zeros. Errors as above, by `name`.
 */
enum trivet_status trivet_monitor_histogram_read(const Trivet__V1__Histogram *message,
                                                 const char *name, struct trivet_histogram *out,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
/* Pack as PredictionTotals (without model and version), and back. */
enum trivet_status trivet_monitor_counts_pack(const struct trivet_monitor_counts *counts,
                                              struct trivet_buffer *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_monitor_counts_unpack(const void *data, size_t n_bytes,
                                                struct trivet_arena *arena,
                                                struct trivet_monitor_counts *out,
                                                struct trivet_error *err) TRIVET_MUST_USE;

void trivet_monitor_counts_add(struct trivet_monitor_counts *into,
                               const struct trivet_monitor_counts *from);
/* `now - before`; before must be covered by now. */
void trivet_monitor_counts_subtract(struct trivet_monitor_counts *now,
                                    const struct trivet_monitor_counts *before);
/* No number of `older` is greater than its fellow in `newer`: running totals of one epoch only
 * grow, so that `newer` may replace `older`. */
bool trivet_monitor_counts_cover(const struct trivet_monitor_counts *newer,
                                 const struct trivet_monitor_counts *older);

uint64_t trivet_monitor_counts_calls(const struct trivet_monitor_counts *counts);
uint64_t trivet_monitor_counts_failed_calls(const struct trivet_monitor_counts *counts);
uint64_t trivet_monitor_counts_rows(const struct trivet_monitor_counts *counts);
uint64_t trivet_monitor_counts_failed_rows(const struct trivet_monitor_counts *counts);

#endif
