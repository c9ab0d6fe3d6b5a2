#include "../httpd/http_client.h"
#include "base/clock.h"
#include "messages.h"
#include "monitor/pages/pages.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_BYTES (1 << 20)

struct site {
    char folder[64];
    char path[96];
    struct trivet_history *history;
    struct trivet_monitor *monitor;
    struct trivet_alert_rules rules;
    struct trivet_alert_watch *alerts;
    struct trivet_monitor_pages *pages;
};

static char answer[ANSWER_BYTES];

static int begin(void **state)
{
    static struct site site;
    struct trivet_error err;
    (void)snprintf(site.folder, sizeof(site.folder), "/tmp/trivet-pages-XXXXXX");
    assert_non_null(mkdtemp(site.folder));
    (void)snprintf(site.path, sizeof(site.path), "%s/h.db", site.folder);
    site.monitor = make_monitor(1);
    assert_int_equal(trivet_history_open(site.path, 0, &site.history, &err), TRIVET_OK);
    trivet_alert_rules_default(&site.rules);
    const struct trivet_alert_watch_options watching = {
        .monitor = site.monitor, .history = site.history, .rules = &site.rules};
    assert_int_equal(
        trivet_alert_watch_create(&watching, trivet_clock_unix_us(), &site.alerts, &err),
        TRIVET_OK);
    const struct trivet_monitor_pages_options options = {.monitor = site.monitor,
                                                         .history = site.history,
                                                         .alerts = site.alerts,
                                                         .address = "127.0.0.1:0"};
    assert_int_equal(trivet_monitor_pages_start(&options, &site.pages, &err), TRIVET_OK);
    *state = &site;
    return 0;
}

static int end(void **state)
{
    struct site *site = *state;
    trivet_monitor_pages_stop(site->pages);
    trivet_alert_watch_free(site->alerts);
    trivet_history_close(site->history);
    trivet_monitor_free(site->monitor);
    (void)unlink(site->path);
    return rmdir(site->folder);
}

static int get(struct site *site, const char *path)
{
    char request[512];
    (void)snprintf(request, sizeof(request),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    http_exchange(trivet_monitor_pages_address(site->pages), request, answer, sizeof(answer));
    return http_status(answer);
}

static json_t *get_json(struct site *site, const char *path)
{
    assert_int_equal(get(site, path), 200);
    json_t *json = json_loads(http_body(answer), 0, NULL);
    assert_non_null(json);
    return json;
}

static void test_api(void **state)
{
    struct site *site = *state;
    struct trivet_error err;
    int64_t now_us = trivet_clock_unix_us();
    send_totals(site->monitor, 0, 7, 1, "price", 3, 10, 1, now_us);
    assert_int_equal(trivet_history_save(site->history, site->monitor, now_us, &err), TRIVET_OK);
    json_t *json = get_json(site, "/api/v1/overview");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "totals"), "predictions")), 10);
    json_decref(json);
    json = get_json(site, "/api/v1/models/price/versions/3/series?seconds=60");
    assert_int_equal(json_array_size(json_object_get(json, "t")), 60);
    json_decref(json);
    json = get_json(site, "/api/v1/series");
    assert_int_equal(json_array_size(json_object_get(json, "t")), 120);
    json_decref(json);
    json = get_json(site, "/api/v1/models/price/versions/3/history?hours=1");
    assert_int_equal(json_array_size(json_object_get(json, "points")), 1);
    json_decref(json);
    json = get_json(site, "/api/v1/health");
    assert_string_equal(json_string_value(json_object_get(json, "status")), "degraded");
    json_decref(json);
    json = get_json(site, "/api/v1/monitor");
    json_t *stored = json_object_get(json, "history");
    assert_int_equal(json_integer_value(json_object_get(stored, "samples")), 1);
    assert_true(json_integer_value(json_object_get(stored, "file_bytes")) > 4096);
    json_t *process = json_object_get(json, "process");
    assert_true(json_integer_value(json_object_get(process, "rss_bytes")) > 1 << 20);
    json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    assert_int_equal(json_integer_value(json_object_get(source, "events_received")), 1);
    assert_true(json_is_number(json_object_get(source, "lag_s")));
    json_decref(json);
    int status = 503; /* until there is an answer: nobody is there to ask */
    for (int i = 0; i < 50 && status == 503; i++) {
        status = get(site, "/api/v1/jobs");
    }
    json = get_json(site, "/api/v1/jobs");
    json_t *server = json_array_get(json_object_get(json, "servers"), 0);
    assert_string_equal(json_string_value(json_object_get(server, "unavailable")), "not asked yet");
    json_decref(json);
    send_stats(site->monitor, 0, 7, "price", 3, 10, 1, now_us);
    json = get_json(site, "/api/v1/health");
    assert_string_equal(json_string_value(json_object_get(json, "status")), "ok");
    json_decref(json);
}

static void test_bad_requests(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/api/v1/models/price/versions/x/series", 400},
        {"/api/v1/models/price/versions/3/series", 404},
        {"/api/v1/models/price/versions/3/series?seconds=x", 400},
        {"/api/v1/models/price/versions/-1/series", 400},
        {"/api/v1/series?seconds=5", 400},
        {"/api/v1/series?seconds=99999999999999999999", 400},
        {"/api/v1/models/price/versions/3/history?hours=0", 400},
        {"/api/v1/models/price/versions/3/history?hours=9999999", 400},
        {"/api/v1/nothing", 404},
        {"/api/v1/models/price", 503}, /* no server is there that may know it */
        {"/api/v1/jobs/job-1", 503},
        {"/api/v1/models/price/versions/0", 400},
        {"/api/v1/models/price/versions/x", 400},
        {"/style.css/", 404},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = get(site, cases[i].path);
        if (status != cases[i].status) {
            fail_msg("%s: %d, not %d", cases[i].path, status, cases[i].status);
        }
        json_t *json = json_loads(http_body(answer), 0, NULL);
        assert_true(json_is_string(json_object_get(json, "error")));
        json_decref(json);
    }
}

static void test_dashboard(void **state)
{
    struct site *site = *state;
    static const struct {
        const char *path;
        const char *type;
    } files[] = {
        {"/", "text/html"},
        {"/app.js", "text/javascript"},
        {"/charts.js", "text/javascript"},
        {"/style.css", "text/css"},
        {"/favicon.svg", "image/svg+xml"},
        {"/metrics", "text/plain; version=0.0.4"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(get(site, files[i].path), 200);
        char header[96];
        (void)snprintf(header, sizeof(header), "Content-Type: %s", files[i].type);
        assert_non_null(strstr(answer, header));
        assert_true(strlen(http_body(answer)) > 100);
    }
    /* The page asks for nothing from elsewhere and has nothing inline. */
    assert_int_equal(get(site, "/"), 200);
    const char *page = http_body(answer);
    assert_null(strstr(page, "http://"));
    assert_null(strstr(page, "https://"));
    assert_null(strstr(page, " style="));
    assert_null(strstr(page, " onclick="));
    assert_null(strstr(page, "<script>"));
}

static void test_events(void **state)
{
    struct site *site = *state;
    char text[16384];
    int fd = http_connect(trivet_monitor_pages_address(site->pages));
    http_write(fd, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    (void)http_read_until(fd, "retry: 2000\n\n", text, sizeof(text));
    send_totals(site->monitor, 0, 7, 1, "price", 3, 1234, 0, trivet_clock_unix_us());
    trivet_monitor_pages_tick(site->pages, trivet_clock_unix_us());
    (void)http_read_until(fd, "\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "event: overview\ndata: {"));
    assert_non_null(strstr(text, "\"predictions\":1234"));
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_requests, begin, end),
        cmocka_unit_test_setup_teardown(test_dashboard, begin, end),
        cmocka_unit_test_setup_teardown(test_events, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
