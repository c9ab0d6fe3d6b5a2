/* Events, and the answers of Server.Stats, as trivet-monitor takes them in. */
#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "monitor/registry.h"
#include "trivet/v1/events.pb-c.h"
#include "trivet/v1/server.pb-c.h"
#include "wire/codec.h"

#define BUDGET_BYTES ((size_t)1 << 20)
#define TIMES        3

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    static const char *const urls[] = {"tcp://127.0.0.1:1"};
    struct trivet_monitor *monitor = trivet_monitor_create(urls, urls, 1, 1000);
    struct trivet_arena *arena = trivet_arena_create(BUDGET_BYTES, 0);
    struct trivet_error err = {0};
    ProtobufCMessage *message;
    if (monitor && arena) {
        for (int64_t i = 0; i < TIMES; i++) { /* again, as totals that stand still */
            int64_t now_us = 1000 + i * 1500000;
            enum trivet_status status = TRIVET_OK;
            if (trivet_codec_unpack(&trivet__v1__event__descriptor, arena, data, n_bytes, &message,
                                    NULL) == TRIVET_OK) {
                status = trivet_monitor_event(monitor, 0, (const Trivet__V1__Event *)message,
                                              now_us, &err);
                FUZZ_REQUIRE(status == TRIVET_OK || err.message[0] != '\0');
            }
            if (trivet_codec_unpack(&trivet__v1__stats_response__descriptor, arena, data, n_bytes,
                                    &message, NULL) == TRIVET_OK) {
                status = trivet_monitor_stats(
                    monitor, 0, (const Trivet__V1__StatsResponse *)message, now_us, &err);
                FUZZ_REQUIRE(status == TRIVET_OK || err.message[0] != '\0');
            }
            trivet_monitor_tick(monitor, now_us);
        }
    }
    trivet_arena_free(arena);
    trivet_monitor_free(monitor);
    return 0;
}

static char model[] = "houses";
static uint32_t buckets[] = {5, 9, 40};
static uint64_t counts[] = {1, 2, 300};

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    Trivet__V1__Histogram histogram = TRIVET__V1__HISTOGRAM__INIT;
    Trivet__V1__CodeCount code = TRIVET__V1__CODE_COUNT__INIT;
    Trivet__V1__CodeCount *codes[] = {&code};
    Trivet__V1__PredictionTotals totals = TRIVET__V1__PREDICTION_TOTALS__INIT;
    Trivet__V1__PredictionTotals *list[] = {&totals};
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    histogram.count = 303;
    histogram.sum_ns = 5000000;
    histogram.buckets = buckets;
    histogram.n_buckets = TRIVET_ARRAY_COUNT(buckets);
    histogram.counts = counts;
    histogram.n_counts = TRIVET_ARRAY_COUNT(counts);
    code.count = 303;
    totals.model = model;
    totals.version = 1;
    totals.calls = totals.rows = codes;
    totals.n_calls = totals.n_rows = 1;
    totals.queue = totals.compute = totals.total = &histogram;
    totals.batches = 300;
    event.publisher_epoch = stats.publisher_epoch = 12345;
    event.sequence = stats.sequence = 7;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals;
    stats.predictions = list;
    stats.n_predictions = 1;
    return (index == 0 && trivet_codec_pack(&event.base, out, NULL) == TRIVET_OK) ||
           (index == 1 && trivet_codec_pack(&stats.base, out, NULL) == TRIVET_OK);
}
