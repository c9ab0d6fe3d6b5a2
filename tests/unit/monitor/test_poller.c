/* The poller against a server of the test's own, which goes and comes back. */
#include "../client/rep_fixture.h"
#include "base/clock.h"
#include "messages.h"
#include "monitor/poller.h"
#include "wire/codec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TRIES_MAX 12000 /* of 5 ms */

/* Server.Stats with one total, and quality that is no number. `argument`: its predictions. */
static void answer_stats(void *argument, const Trivet__V1__RequestHeader *header,
                         const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    (void)body;
    (void)body_bytes;
    if (strcmp(header->method, "trivet.v1.Server/Stats") != 0) {
        answer->status = TRIVET_NOT_FOUND;
        return;
    }
    const atomic_ullong *predictions = argument;
    struct totals_message totals;
    totals_fill(&totals, "m", 1, atomic_load(predictions), 0, 100);
    Trivet__V1__PredictionTotals *list[] = {&totals.message};
    Trivet__V1__QualityTotals quality = TRIVET__V1__QUALITY_TOTALS__INIT;
    Trivet__V1__QualityTotals *qualities[] = {&quality};
    quality.model = totals.message.model;
    quality.version = 1;
    quality.squared_error = (double)INFINITY;
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    stats.publisher_epoch = 7;
    stats.predictions = list;
    stats.n_predictions = 1;
    stats.quality = qualities;
    stats.n_quality = 1;
    if (trivet_codec_pack(&stats.base, &answer->body, NULL) != TRIVET_OK) {
        answer->status = TRIVET_INTERNAL;
    }
}

static bool server_up(struct trivet_monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    bool up = monitor->sources[0].server_up;
    pthread_mutex_unlock(&monitor->lock);
    return up;
}

static void await_up(struct trivet_monitor *monitor, bool wanted)
{
    for (int tries = 0; tries < TRIES_MAX && server_up(monitor) != wanted; tries++) {
        (void)usleep(5000);
    }
    assert_int_equal(server_up(monitor), wanted);
}

static void await_predictions(struct trivet_monitor *monitor, uint64_t wanted)
{
    for (int tries = 0; tries < TRIES_MAX && predictions_of(monitor, "m", 1) != wanted; tries++) {
        (void)usleep(5000);
    }
    assert_int_equal(predictions_of(monitor, "m", 1), wanted);
}

static void test_server_goes_and_comes_back(void **state)
{
    (void)state;
    struct trivet_error err;
    atomic_ullong predictions = 42;
    struct rep_fixture *server = rep_fixture_start(0, answer_stats, &predictions);
    const int port = rep_fixture_port(server);
    char url[64]; /* the monitor keeps no copy */
    (void)snprintf(url, sizeof(url), "%s", rep_fixture_url(server));
    const char *servers[] = {url};
    const char *events[] = {"tcp://127.0.0.1:1"};
    struct trivet_monitor *monitor =
        trivet_monitor_create(servers, events, 1, trivet_clock_unix_us());
    struct trivet_monitor_poller *poller = NULL;
    assert_non_null(monitor);
    assert_int_equal(trivet_monitor_poller_start(monitor, 0, &poller, &err), TRIVET_OK);
    await_up(monitor, true);
    await_predictions(monitor, 42);
    pthread_mutex_lock(&monitor->lock);
    assert_true(monitor->sources[0].refusals.n > 0);
    pthread_mutex_unlock(&monitor->lock);

    rep_fixture_stop(server);
    await_up(monitor, false);
    pthread_mutex_lock(&monitor->lock);
    assert_true(strlen(monitor->sources[0].server_why) > 0);
    pthread_mutex_unlock(&monitor->lock);

    atomic_store(&predictions, 43);
    server = rep_fixture_start(port, answer_stats, &predictions);
    await_up(monitor, true);
    await_predictions(monitor, 43);

    int64_t begun_ns = trivet_clock_monotonic_ns();
    trivet_monitor_poller_stop(poller);
    assert_true(trivet_clock_monotonic_ns() - begun_ns < 20 * TRIVET_NS_PER_S);
    rep_fixture_stop(server);
    trivet_monitor_free(monitor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_goes_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
