#include "../httpd/http_client.h"
#include "http/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER_BYTES (1 << 20)

struct site {
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_http *http;
    const char *reason; /* why it is not ready */
};

static char answer[ANSWER_BYTES];

static bool is_ready(void *ctx, char *reason, size_t reason_bytes)
{
    const struct site *site = ctx;
    if (site->reason != NULL) {
        (void)snprintf(reason, reason_bytes, "%s", site->reason);
    }
    return site->reason == NULL;
}

static int begin(void **state)
{
    static struct site site;
    struct trivet_error err;
    site = (struct site){.totals = trivet_totals_create()};
    const struct trivet_publisher_options publisher = {.totals = site.totals};
    assert_int_equal(trivet_publisher_open(&publisher, &site.publisher, &err), TRIVET_OK);
    static const char *const hosts[] = {"models.example"};
    const struct trivet_http_options options = {
        .address = "127.0.0.1:0",
        .hosts = hosts,
        .n_hosts = 1,
        .source = {.totals = site.totals,
                   .publisher = site.publisher,
                   .started_unix_us = 1500000,
                   .is_ready = is_ready,
                   .ctx = &site},
    };
    assert_int_equal(trivet_http_start(&options, &site.http, &err), TRIVET_OK);
    *state = &site;
    return 0;
}

static int end(void **state)
{
    struct site *site = *state;
    trivet_http_stop(site->http);
    trivet_publisher_close(site->publisher);
    trivet_totals_free(site->totals);
    return 0;
}

static int get(struct site *site, const char *path, const char *host)
{
    char request[512];
    (void)snprintf(request, sizeof(request),
                   "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
    http_exchange(trivet_http_address(site->http), request, answer, sizeof(answer));
    return http_status(answer);
}

static bool has_line(const char *line)
{
    char whole[512];
    (void)snprintf(whole, sizeof(whole), "\n%s\n", line);
    return strstr(answer, whole) != NULL;
}

static void test_health(void **state)
{
    struct site *site = *state;
    assert_int_equal(get(site, "/live", "localhost"), 200);
    assert_string_equal(http_body(answer), "{\"live\":true}\n");
    assert_int_equal(get(site, "/ready", "localhost"), 200);
    assert_string_equal(http_body(answer), "{\"ready\":true}\n");
    site->reason = "it says \"no\"";
    assert_int_equal(get(site, "/ready", "localhost"), 503);
    assert_non_null(strstr(http_body(answer), "it says \\u0022no\\u0022"));
    assert_int_equal(get(site, "/live", "localhost"), 200);
    assert_int_equal(get(site, "/metrics", "localhost"), 200);
    assert_true(has_line("trivet_ready 0"));
    assert_int_equal(get(site, "/nothing", "localhost"), 404);
    assert_int_equal(get(site, "/metrics", "evil.example"), 403);
    assert_int_equal(get(site, "/metrics", "models.example:7602"), 200);
}

static void read_source(void *ctx, struct trivet_saturation *out)
{
    *out = *(const struct trivet_saturation *)ctx;
}

static void test_metrics(void **state)
{
    struct site *site = *state;
    struct trivet_saturation source = {
        .queue_rows = 5, .queue_rows_max = 10, .connections = 2, .models_loaded = 1};
    struct trivet_version_totals *slot = trivet_totals_version(site->totals, "a \"b\"", 3);
    struct trivet_prediction_record record = {
        .rows = {[TRIVET_OK] = 7, [TRIVET_INVALID_ARGUMENT] = 1}, .total_ns = 30000, .batches = 1};
    trivet_totals_set_source(site->totals, read_source, &source);
    trivet_version_totals_set_loaded(slot, true);
    trivet_version_totals_add(slot, &record);
    trivet_totals_add_call(site->totals, "trivet.v1.Prediction/Predict", TRIVET_OK);
    trivet_totals_add_call(site->totals, NULL, TRIVET_UNIMPLEMENTED);
    assert_int_equal(get(site, "/metrics", "localhost"), 200);
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    assert_true(has_line("trivet_build_info{version=\"" TRIVET_VERSION "\"} 1"));
    assert_true(has_line("process_start_time_seconds 1.5"));
    assert_true(has_line("trivet_ready 1"));
    assert_true(has_line("trivet_queue_rows 5"));
    assert_true(has_line("trivet_queue_rows_max 10"));
    assert_true(has_line("trivet_connections 2"));
    assert_null(strstr(answer, "trivet_connections_max")); /* there is no limit */
    assert_true(
        has_line("trivet_calls_total{method=\"trivet.v1.Prediction/Predict\",code=\"OK\"} 1"));
    assert_true(has_line("trivet_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"} 1"));
    assert_true(
        has_line("trivet_predictions_total{model=\"a \\\"b\\\"\",version=\"3\",code=\"OK\"} 7"));
    assert_true(has_line("trivet_predictions_total{model=\"a \\\"b\\\"\",version=\"3\","
                         "code=\"INVALID_ARGUMENT\"} 1"));
    assert_true(has_line("trivet_prediction_latency_seconds_bucket{model=\"a \\\"b\\\"\","
                         "version=\"3\",le=\"0.0001\"} 1"));
    /* What is not loaded is not shown; its totals go on when it is loaded again. */
    trivet_version_totals_set_loaded(slot, false);
    assert_int_equal(get(site, "/metrics", "localhost"), 200);
    assert_null(strstr(answer, "version=\"3\""));
    trivet_version_totals_set_loaded(slot, true);
    assert_int_equal(get(site, "/metrics", "localhost"), 200);
    assert_true(
        has_line("trivet_predictions_total{model=\"a \\\"b\\\"\",version=\"3\",code=\"OK\"} 7"));
    trivet_totals_set_source(site->totals, NULL, NULL);
}

/* Stopped at once: while the library is still being loaded, and while its threads begin to listen;
 * libmicrohttpd once ended the process there. */
static void test_stopped_at_once(void **state)
{
    struct site *site = *state;
    struct trivet_error err;
    for (int i = 0; i < 1000; i++) {
        const struct trivet_http_options options = {
            .address = "127.0.0.1:0",
            .source = {.totals = site->totals,
                       .publisher = site->publisher,
                       .is_ready = is_ready,
                       .ctx = site},
        };
        struct trivet_http *http = NULL;
        assert_int_equal(trivet_http_start(&options, &http, &err), TRIVET_OK);
        trivet_http_stop(http);
    }
}

static void test_address_taken(void **state)
{
    struct site *site = *state;
    struct trivet_error err;
    struct trivet_http *http = NULL;
    struct trivet_http_options options = {.address = trivet_http_address(site->http)};
    assert_int_equal(trivet_http_start(&options, &http, &err), TRIVET_UNAVAILABLE);
    options.address = "nowhere";
    assert_int_equal(trivet_http_start(&options, &http, &err), TRIVET_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stopped_at_once, begin, end),
        cmocka_unit_test_setup_teardown(test_health, begin, end),
        cmocka_unit_test_setup_teardown(test_metrics, begin, end),
        cmocka_unit_test_setup_teardown(test_address_taken, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
