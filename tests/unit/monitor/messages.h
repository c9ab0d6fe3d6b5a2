/* Messages as a server sends them, for tests. */
#ifndef TRIVET_TESTS_MONITOR_MESSAGES_H
#define TRIVET_TESTS_MONITOR_MESSAGES_H

#include "monitor/registry.h"
#include "trivet/v1/server.pb-c.h"

#include <stdint.h>

#define T0_S  1700000000LL
#define T0_US (T0_S * 1000000LL)

/* Running totals of `model`:`version` after `ok` calls of one row that took `latency_us` each and
 * `bad` calls of status INVALID_ARGUMENT, whose rows failed. Owns its arrays: do not copy. */
struct totals_message {
    Trivet__V1__PredictionTotals message;
    Trivet__V1__CodeCount codes[2];
    Trivet__V1__CodeCount *list[2];
    Trivet__V1__Histogram histogram;
    uint32_t buckets[1];
    uint64_t counts[1];
};
void totals_fill(struct totals_message *totals, const char *model, uint64_t version, uint64_t ok,
                 uint64_t bad, uint64_t latency_us);

/* Hand the monitor one event of totals; its time is `at_us`, by both clocks. Asserts OK. */
void send_totals(struct trivet_monitor *monitor, size_t source, uint64_t epoch, uint64_t sequence,
                 const char *model, uint64_t version, uint64_t ok, uint64_t bad, int64_t at_us);
/* The same by Server.Stats. */
void send_stats(struct trivet_monitor *monitor, size_t source, uint64_t epoch, const char *model,
                uint64_t version, uint64_t ok, uint64_t bad, int64_t at_us);
/* Exact number of predictions of a series; 0 when there is none. */
uint64_t predictions_of(struct trivet_monitor *monitor, const char *model, uint64_t version);
/* A monitor of `n_sources` sources "tcp://server-0" …; asserts. */
struct trivet_monitor *make_monitor(size_t n_sources);

#endif
