/* Events of outcomes, for tests. */
#ifndef TRIVET_TESTS_MONITOR_OUTCOMES_H
#define TRIVET_TESTS_MONITOR_OUTCOMES_H

#include "monitor/registry.h"

#include <stdint.h>

/* Of version 1 of "m"; `totals` gets their names. */
void send_quality(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence,
                  Trivet__V1__QualityTotals *totals, int64_t at_us);
/* Running totals of a classifier of "a" and "b": so many labelled, of which `right` "a" were, and
 * `wrong` "a" taken for "b". */
void send_classes(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence,
                  uint64_t corrected, double right, double wrong, int64_t at_us);
/* Running totals of a regression: `n` outcomes that alternate around `mean` by 1, each missed by
 * `error`. */
void send_numbers(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence, uint64_t n,
                  double mean, double error, int64_t at_us);

#endif
