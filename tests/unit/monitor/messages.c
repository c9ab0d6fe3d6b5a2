#include "messages.h"

#include "telemetry/histogram.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void totals_fill(struct totals_message *totals, const char *model, uint64_t version, uint64_t ok,
                 uint64_t bad, uint64_t latency_us)
{
    /* protobuf-c's strings are not const; the monitor only reads them. */
    union {
        const char *from;
        char *to;
    } name = {.from = model};
    trivet__v1__prediction_totals__init(&totals->message);
    trivet__v1__histogram__init(&totals->histogram);
    for (size_t i = 0; i < 2; i++) {
        trivet__v1__code_count__init(&totals->codes[i]);
        totals->list[i] = &totals->codes[i];
    }
    totals->codes[0].status = TRIVET__V1__STATUS__STATUS_OK;
    totals->codes[0].count = ok;
    totals->codes[1].status = TRIVET__V1__STATUS__STATUS_INVALID_ARGUMENT;
    totals->codes[1].count = bad;
    totals->buckets[0] = (uint32_t)trivet_histogram_bucket_of_ns(latency_us * 1000);
    totals->counts[0] = ok + bad;
    totals->histogram.count = ok + bad;
    totals->histogram.sum_ns = (ok + bad) * latency_us * 1000;
    totals->histogram.buckets = totals->buckets;
    totals->histogram.n_buckets = 1;
    totals->histogram.counts = totals->counts;
    totals->histogram.n_counts = 1;
    totals->message.model = name.to;
    totals->message.version = version;
    totals->message.calls = totals->list;
    totals->message.n_calls = 2;
    totals->message.rows = totals->list;
    totals->message.n_rows = 2;
    totals->message.queue = &totals->histogram;
    totals->message.compute = &totals->histogram;
    totals->message.total = &totals->histogram;
    totals->message.batches = ok;
}

void send_totals(struct trivet_monitor *monitor, size_t source, uint64_t epoch, uint64_t sequence,
                 const char *model, uint64_t version, uint64_t ok, uint64_t bad, int64_t at_us)
{
    struct totals_message totals;
    struct trivet_error err;
    totals_fill(&totals, model, version, ok, bad, 100);
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = epoch;
    event.sequence = sequence;
    event.unix_us = at_us;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    assert_int_equal(trivet_monitor_event(monitor, source, &event, at_us, &err), TRIVET_OK);
}

void send_stats(struct trivet_monitor *monitor, size_t source, uint64_t epoch, const char *model,
                uint64_t version, uint64_t ok, uint64_t bad, int64_t at_us)
{
    struct totals_message totals;
    struct trivet_error err;
    totals_fill(&totals, model, version, ok, bad, 100);
    Trivet__V1__PredictionTotals *list[] = {&totals.message};
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    stats.publisher_epoch = epoch;
    stats.predictions = list;
    stats.n_predictions = 1;
    assert_int_equal(trivet_monitor_stats(monitor, source, &stats, at_us, &err), TRIVET_OK);
}

uint64_t predictions_of(struct trivet_monitor *monitor, const char *model, uint64_t version)
{
    struct trivet_monitor_counts sum = {0};
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    if (series != NULL) {
        trivet_monitor_series_sum(series, &sum);
    }
    pthread_mutex_unlock(&monitor->lock);
    return sum.rows[TRIVET_OK];
}

struct trivet_monitor *make_monitor(size_t n_sources)
{
    static const char *const servers[] = {"tcp://server-0", "tcp://server-1", "tcp://server-2"};
    static const char *const events[] = {"tcp://events-0", "tcp://events-1", "tcp://events-2"};
    struct trivet_monitor *monitor = trivet_monitor_create(servers, events, n_sources, T0_US);
    assert_non_null(monitor);
    return monitor;
}
