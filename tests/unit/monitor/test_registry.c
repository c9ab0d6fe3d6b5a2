#include "base/alloc.h"
#include "messages.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000LL

/* Calls in the window of a series over [from_s, to_s), seconds after T0. */
static uint64_t window_calls(struct trivet_monitor *monitor, const char *model, uint64_t version,
                             int64_t from_s, int64_t to_s)
{
    struct trivet_monitor_counts sum = {0};
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    if (series != NULL && series->window != NULL) {
        trivet_window_sum(series->window, T0_S + from_s, T0_S + to_s, &sum);
    }
    pthread_mutex_unlock(&monitor->lock);
    return trivet_monitor_counts_calls(&sum);
}

static void test_running_totals(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    send_totals(monitor, 0, 7, 1, "m", 1, 10, 2, T0_US);
    send_totals(monitor, 0, 7, 2, "m", 1, 15, 2, T0_US + S);
    assert_int_equal(predictions_of(monitor, "m", 1), 15);
    /* Two events are lost: the next total repairs the count exactly. */
    send_totals(monitor, 0, 7, 5, "m", 1, 100, 3, T0_US + 2 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 100);
    assert_int_equal(monitor->sources[0].sequence.lost, 2);
    assert_int_equal(window_calls(monitor, "m", 1, 0, 1), 12);
    assert_int_equal(window_calls(monitor, "m", 1, 1, 2), 5);
    assert_int_equal(window_calls(monitor, "m", 1, 2, 3), 86);
    /* A late one, with lower numbers, is counted as arrived and its totals ignored. */
    send_totals(monitor, 0, 7, 4, "m", 1, 60, 2, T0_US + 2 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 100);
    assert_int_equal(monitor->sources[0].sequence.lost, 1);
    assert_int_equal(monitor->stale, 1);
    /* A duplicate does nothing. */
    send_totals(monitor, 0, 7, 5, "m", 1, 100, 3, T0_US + 2 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 100);
    assert_int_equal(monitor->sources[0].sequence.duplicates, 1);
    trivet_monitor_free(monitor);
}

static void test_versions_are_apart(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    send_totals(monitor, 0, 7, 1, "b", 2, 1, 0, T0_US);
    send_totals(monitor, 0, 7, 2, "a", 1, 2, 0, T0_US);
    send_totals(monitor, 0, 7, 3, "b", 1, 3, 0, T0_US);
    send_totals(monitor, 0, 7, 4, "ab", 10, 4, 0, T0_US);
    assert_int_equal(monitor->n_series, 4);
    assert_string_equal(monitor->series[0]->model, "a");
    assert_string_equal(monitor->series[1]->model, "ab");
    assert_int_equal(monitor->series[2]->version, 1);
    assert_int_equal(monitor->series[3]->version, 2);
    assert_int_equal(predictions_of(monitor, "b", 2), 1);
    assert_int_equal(predictions_of(monitor, "b", 1), 3);
    assert_int_equal(predictions_of(monitor, "b", 3), 0);
    trivet_monitor_free(monitor);
}

static void test_publisher_restarts(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    send_totals(monitor, 0, 7, 1, "m", 1, 100, 0, T0_US);
    send_totals(monitor, 0, 8, 1, "m", 1, 5, 0, T0_US + S);
    assert_int_equal(predictions_of(monitor, "m", 1), 105);
    assert_int_equal(window_calls(monitor, "m", 1, 1, 2), 5);
    /* The dying server's last answer to Stats comes after the new server's first event. */
    send_stats(monitor, 0, 7, "m", 1, 120, 0, T0_US + S);
    assert_int_equal(predictions_of(monitor, "m", 1), 105);
    send_totals(monitor, 0, 8, 2, "m", 1, 6, 0, T0_US + 2 * S);
    send_totals(monitor, 0, 9, 1, "m", 1, 1, 0, T0_US + 3 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 107);
    assert_int_equal(monitor->sources[0].sequence.restarts, 2);
    assert_int_equal(monitor->sources[0].sequence.lost, 0);
    trivet_monitor_free(monitor);
}

static void test_stats_repair(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    trivet_monitor_set_server_down(monitor, 0, "no answer");
    assert_string_equal(monitor->sources[0].server_why, "no answer");
    send_totals(monitor, 0, 7, 1, "m", 1, 10, 0, T0_US);
    send_stats(monitor, 0, 7, "m", 1, 25, 0, T0_US + S);
    assert_true(monitor->sources[0].server_up);
    assert_int_equal(predictions_of(monitor, "m", 1), 25);
    /* An event that left before Stats was answered. */
    send_totals(monitor, 0, 7, 2, "m", 1, 20, 0, T0_US + S);
    assert_int_equal(predictions_of(monitor, "m", 1), 25);
    trivet_monitor_free(monitor);
}

/* What a server had counted before the monitor came is in the totals and not in the rates. */
static void test_joining_late(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    send_totals(monitor, 0, 7, 500, "m", 1, 1000, 0, T0_US);
    assert_int_equal(predictions_of(monitor, "m", 1), 1000);
    assert_int_equal(window_calls(monitor, "m", 1, -100, 100), 0);
    send_stats(monitor, 0, 7, "idle", 1, 300, 0, T0_US + S);
    assert_int_equal(window_calls(monitor, "idle", 1, -100, 100), 0);
    send_totals(monitor, 0, 7, 501, "m", 1, 1001, 0, T0_US + S);
    assert_int_equal(window_calls(monitor, "m", 1, -100, 100), 1);
    /* After Stats every version is known: a new one begins at zero. */
    send_totals(monitor, 0, 7, 502, "new", 1, 4, 0, T0_US + 2 * S);
    assert_int_equal(window_calls(monitor, "new", 1, 2, 3), 4);
    trivet_monitor_free(monitor);
}

static void test_silence(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    send_totals(monitor, 0, 7, 1, "m", 1, 10, 0, T0_US);
    /* An hour without contact: what it brought did not happen in one second. */
    send_totals(monitor, 0, 7, 2, "m", 1, 9010, 0, T0_US + 3600 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 9010);
    assert_int_equal(window_calls(monitor, "m", 1, 3000, 4000), 0);
    send_totals(monitor, 0, 7, 3, "m", 1, 9011, 0, T0_US + 3601 * S);
    assert_int_equal(window_calls(monitor, "m", 1, 3000, 4000), 1);
    /* The same with a restart in between. */
    send_totals(monitor, 0, 8, 50, "m", 1, 70, 0, T0_US + 7200 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 9081);
    assert_int_equal(window_calls(monitor, "m", 1, 7000, 8000), 0);
    trivet_monitor_free(monitor);
}

/* A backlog that is read at once falls into the seconds in which it happened. */
static void test_backlog(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    struct totals_message totals;
    struct trivet_error err;
    send_totals(monitor, 0, 7, 1, "m", 1, 1, 0, T0_US);
    for (uint64_t i = 2; i <= 20; i++) {
        totals_fill(&totals, "m", 1, i, 0, 100);
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        event.publisher_epoch = 7;
        event.sequence = i;
        event.unix_us = T0_US + (int64_t)(i - 1) * S;
        event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
        event.prediction_totals = &totals.message;
        assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US + 20 * S, &err), TRIVET_OK);
    }
    for (int64_t t = 0; t < 20; t++) {
        assert_int_equal(window_calls(monitor, "m", 1, t, t + 1), 1);
    }
    trivet_monitor_free(monitor);
}

static void test_sources_add_up(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(2);
    send_totals(monitor, 0, 7, 1, "m", 1, 10, 0, T0_US);
    send_totals(monitor, 1, 70, 1, "m", 1, 5, 0, T0_US);
    assert_int_equal(predictions_of(monitor, "m", 1), 15);
    send_totals(monitor, 1, 71, 1, "m", 1, 1, 0, T0_US + S);
    assert_int_equal(predictions_of(monitor, "m", 1), 16);
    assert_int_equal(window_calls(monitor, "m", 1, 0, 2), 16);
    trivet_monitor_free(monitor);
}

static void test_malformed(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    struct trivet_error err;
    struct totals_message totals;
    char long_name[TRIVET_MONITOR_MODEL_BYTES + 1];
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    event.publisher_epoch = 7;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    event.sequence = 1;
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    totals_fill(&totals, long_name, 1, 1, 0, 100);
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    long_name[TRIVET_MONITOR_MODEL_BYTES - 1] = '\0';
    event.sequence = 2;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err), TRIVET_OK);
    assert_int_equal(predictions_of(monitor, long_name, 1), 1);
    assert_int_equal(monitor->sources[0].malformed, 3);
    event.sequence = UINT64_MAX;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(monitor->sources[0].sequence.lost, 0);
    event.sequence = 3;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err), TRIVET_OK);
    assert_int_equal(monitor->sources[0].sequence.events, 3);
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    assert_int_equal(trivet_monitor_stats(monitor, 0, &stats, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    trivet_monitor_free(monitor);
}

/* Totals of one version that cannot be taken cost that version and nothing else. */
static void test_one_bad_version(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    struct trivet_error err;
    struct totals_message good;
    struct totals_message late;
    static char name[] = "m";
    static char no_name[] = "";
    totals_fill(&good, "m", 1, 42, 0, 100);
    totals_fill(&late, no_name, 1, 1, 0, 100);
    Trivet__V1__PredictionTotals *predictions[] = {&late.message, &good.message};
    Trivet__V1__QualityTotals quality[2] = {TRIVET__V1__QUALITY_TOTALS__INIT,
                                            TRIVET__V1__QUALITY_TOTALS__INIT};
    Trivet__V1__QualityTotals *qualities[] = {&quality[0], &quality[1]};
    Trivet__V1__ShadowTotals shadow = TRIVET__V1__SHADOW_TOTALS__INIT;
    Trivet__V1__ShadowTotals *shadows[] = {&shadow};
    quality[0].model = name;
    quality[0].version = 1;
    quality[0].squared_error = (double)INFINITY;
    quality[1].model = name;
    quality[1].version = 2;
    quality[1].labelled = 3;
    quality[1].labelled_weight = 3;
    shadow.model = name;
    shadow.version = 3;
    shadow.squared_difference = (double)NAN;
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    stats.publisher_epoch = 7;
    stats.predictions = predictions;
    stats.n_predictions = 2;
    stats.quality = qualities;
    stats.n_quality = 2;
    stats.shadows = shadows;
    stats.n_shadows = 1;
    trivet_monitor_set_server_down(monitor, 0, "no answer");
    for (int polls = 0; polls < 3; polls++) {
        assert_int_equal(trivet_monitor_stats(monitor, 0, &stats, T0_US, &err), TRIVET_OK);
    }
    assert_true(monitor->sources[0].server_up);
    assert_int_equal(monitor->sources[0].malformed, 0);
    assert_int_equal(monitor->sources[0].refusals.n, 9);
    assert_int_equal(monitor->sources[0].refusals.n_told, 3); /* each once */
    assert_int_equal(predictions_of(monitor, "m", 1), 42);
    assert_non_null(trivet_monitor_find(monitor, "m", 2)->live.quality);
    trivet_monitor_free(monitor);
}

static void test_too_many_versions(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    struct totals_message totals;
    struct trivet_error err;
    for (uint64_t i = 1; i <= TRIVET_MONITOR_SERIES_MAX; i++) {
        send_totals(monitor, 0, 7, i, "m", i, i, 0, T0_US);
    }
    totals_fill(&totals, "m", TRIVET_MONITOR_SERIES_MAX + 1, 1, 0, 100);
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = 7;
    event.sequence = TRIVET_MONITOR_SERIES_MAX + 1;
    event.unix_us = T0_US;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    assert_int_equal(monitor->untracked, 1);
    assert_int_equal(predictions_of(monitor, "m", 777), 777);
    trivet_monitor_free(monitor);
}

static void test_server_totals(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    struct trivet_error err;
    static char name[] = "trivet.v1.Prediction/Predict";
    Trivet__V1__CodeCount code = TRIVET__V1__CODE_COUNT__INIT;
    code.count = 3;
    Trivet__V1__CodeCount *codes[] = {&code};
    Trivet__V1__MethodTotals method = TRIVET__V1__METHOD_TOTALS__INIT;
    method.method = name;
    method.calls = codes;
    method.n_calls = 1;
    Trivet__V1__MethodTotals *methods[TRIVET_MONITOR_METHODS_MAX + 5];
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        methods[i] = &method;
    }
    Trivet__V1__ServerTotals totals = TRIVET__V1__SERVER_TOTALS__INIT;
    totals.methods = methods;
    totals.n_methods = sizeof(methods) / sizeof(methods[0]);
    totals.rss_bytes = 4096;
    Trivet__V1__ServerEvent server = TRIVET__V1__SERVER_EVENT__INIT;
    server.totals = &totals;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = 7;
    event.sequence = 1;
    event.body_case = TRIVET__V1__EVENT__BODY_SERVER;
    event.server = &server;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err), TRIVET_OK);
    const struct trivet_monitor_resources *resources = &monitor->sources[0].resources;
    assert_true(resources->known);
    assert_int_equal(resources->rss_bytes, 4096);
    assert_int_equal(resources->n_methods, TRIVET_MONITOR_METHODS_MAX);
    assert_int_equal(resources->methods[0].calls[TRIVET_OK], 3);
    trivet_monitor_free(monitor);
}

/* With any one allocation failing, the next totals make it good. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 8; k++) {
        struct trivet_monitor *monitor = make_monitor(1);
        struct totals_message totals;
        struct trivet_error err;
        totals_fill(&totals, "m", 1, 10, 0, 100);
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        event.publisher_epoch = 7;
        event.sequence = 1;
        event.unix_us = T0_US;
        event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
        event.prediction_totals = &totals.message;
        (void)trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_monitor_event(monitor, 0, &event, T0_US, &err);
        (void)trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        send_totals(monitor, 0, 7, 2, "m", 1, 11, 0, T0_US + S);
        assert_int_equal(predictions_of(monitor, "m", 1), 11);
        trivet_monitor_free(monitor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_totals),
        cmocka_unit_test(test_versions_are_apart),
        cmocka_unit_test(test_publisher_restarts),
        cmocka_unit_test(test_stats_repair),
        cmocka_unit_test(test_joining_late),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_backlog),
        cmocka_unit_test(test_sources_add_up),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_one_bad_version),
        cmocka_unit_test(test_too_many_versions),
        cmocka_unit_test(test_server_totals),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
