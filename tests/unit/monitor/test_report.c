#include "messages.h"
#include "monitor/pages/exposition.h"
#include "monitor/pages/report.h"

#include "base/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000LL

static json_t *parse(struct trivet_buffer *text)
{
    json_error_t why;
    json_t *json = json_loadb((const char *)text->data, text->n_bytes, 0, &why);
    if (json == NULL) {
        fail_msg("%s in %.*s", why.text, (int)text->n_bytes, (const char *)text->data);
    }
    trivet_buffer_release(text);
    return json;
}

static json_t *overview(struct trivet_monitor *monitor, int64_t now_us)
{
    struct trivet_buffer text = {0};
    struct trivet_error err;
    assert_int_equal(trivet_report_overview(monitor, NULL, now_us, &text, &err), TRIVET_OK);
    return parse(&text);
}

static json_int_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static double real(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Ten calls a second for a minute, one of them failing, up to T0 + 60 s. */
static struct trivet_monitor *busy_monitor(void)
{
    struct trivet_monitor *monitor = make_monitor(2);
    for (uint64_t t = 0; t < 60; t++) {
        send_totals(monitor, 0, 7, t + 1, "price", 3, 9 * (t + 1), t + 1, T0_US + (int64_t)t * S);
    }
    send_totals(monitor, 1, 8, 1, "other", 1, 0, 0, T0_US + 59 * S);
    return monitor;
}

static void test_empty_overview(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    json_t *json = overview(monitor, T0_US);
    const json_t *totals = json_object_get(json, "totals");
    assert_int_equal(integer(totals, "predictions"), 0);
    assert_int_equal(integer(json, "lost_events"), 0);
    assert_float_equal(real(totals, "call_error_ratio"), 0, 0);
    assert_true(json_is_null(json_object_get(json_object_get(totals, "latency_us"), "total")));
    assert_int_equal(json_array_size(json_object_get(json, "models")), 0);
    const json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    assert_string_equal(json_string_value(json_object_get(source, "server")), "tcp://server-0");
    assert_true(json_is_false(json_object_get(source, "server_up")));
    assert_string_equal(json_string_value(json_object_get(source, "epoch")), "");
    assert_true(json_is_null(json_object_get(source, "last_event_age_s")));
    assert_true(json_is_null(json_object_get(source, "resources")));
    json_decref(json);
    trivet_monitor_free(monitor);
}

static void test_overview(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = busy_monitor();
    json_t *json = overview(monitor, T0_US + 60 * S);
    const json_t *totals = json_object_get(json, "totals");
    assert_int_equal(integer(totals, "predictions"), 540);
    assert_int_equal(integer(totals, "calls"), 600);
    assert_int_equal(integer(json, "events_received"), 61);
    assert_int_equal(integer(totals, "failed_calls"), 60);
    assert_float_equal(real(totals, "calls_per_s"), 10, 1e-9);
    assert_float_equal(real(totals, "predictions_per_s"), 9, 1e-9);
    assert_float_equal(real(totals, "call_error_ratio"), 0.1, 1e-9);
    const json_t *models = json_object_get(json, "models");
    assert_int_equal(json_array_size(models), 2);
    const json_t *price = json_array_get(models, 1);
    assert_string_equal(json_string_value(json_object_get(price, "model")), "price");
    assert_int_equal(integer(price, "version"), 3);
    assert_int_equal(integer(json_object_get(price, "calls_by_code"), "INVALID_ARGUMENT"), 60);
    assert_int_equal(integer(json_object_get(price, "rows_by_code"), "OK"), 540);
    const json_t *latency = json_object_get(json_object_get(price, "latency_us"), "total");
    assert_float_equal(real(latency, "p50"), 100, 13);
    assert_float_equal(real(latency, "p99"), 100, 13);
    assert_float_equal(real(latency, "mean"), 100, 1e-6);
    const json_t *source = json_array_get(json_object_get(json, "sources"), 0);
    assert_string_equal(json_string_value(json_object_get(source, "epoch")), "0000000000000007");
    assert_float_equal(real(source, "last_event_age_s"), 1, 1e-9);
    json_decref(json);
    trivet_monitor_free(monitor);
}

static void test_exact_counts(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    const uint64_t many = ((uint64_t)1 << 53) + 1; /* no double */
    send_totals(monitor, 0, 7, 1, "m", 1, many, 0, T0_US);
    json_t *json = overview(monitor, T0_US);
    assert_true((uint64_t)integer(json_object_get(json, "totals"), "predictions") == many);
    json_decref(json);
    trivet_monitor_free(monitor);
}

static json_t *series(struct trivet_monitor *monitor, const char *model, int64_t seconds,
                      int64_t now_us)
{
    struct trivet_buffer text = {0};
    struct trivet_error err;
    assert_int_equal(trivet_report_series(monitor, model, 3, seconds, now_us, &text, &err),
                     TRIVET_OK);
    return parse(&text);
}

static void test_series(void **state)
{
    (void)state;
    static const char *const columns[] = {"t",
                                          "predictions_per_s",
                                          "calls_per_s",
                                          "p50_us",
                                          "failed_calls_per_s",
                                          "failed_rows_per_s",
                                          "p90_us",
                                          "p99_us",
                                          "queue_p99_us",
                                          "compute_p99_us"};
    struct trivet_monitor *monitor = busy_monitor();
    json_t *json = series(monitor, "price", 100, T0_US + 60 * S);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        assert_int_equal(json_array_size(json_object_get(json, columns[i])), 100);
    }
    assert_int_equal(integer(json, "step_s"), 1);
    const json_t *t = json_object_get(json, "t");
    /* The newest second is complete: the one that began two seconds ago. */
    assert_int_equal(json_integer_value(json_array_get(t, 99)), T0_S + 58);
    assert_int_equal(json_integer_value(json_array_get(t, 0)), T0_S - 41);
    const json_t *rate = json_object_get(json, "predictions_per_s");
    const json_t *p50 = json_object_get(json, "p50_us");
    assert_float_equal(json_number_value(json_array_get(rate, 99)), 9, 1e-9);
    /* The monitor did not run yet. */
    assert_true(json_is_null(json_array_get(rate, 40)));
    assert_float_equal(json_number_value(json_array_get(rate, 41)), 9, 1e-9);
    assert_true(json_is_null(json_array_get(p50, 40)));
    assert_float_equal(json_number_value(json_array_get(p50, 41)), 100, 13);
    json_decref(json);
    /* 900 seconds: eight a point, beginning at multiples of eight. */
    json = series(monitor, NULL, 900, T0_US + 60 * S);
    assert_true(json_is_null(json_object_get(json, "model")));
    assert_int_equal(integer(json, "step_s"), 8);
    assert_int_equal(json_array_size(json_object_get(json, "t")), 112);
    json_int_t first = json_integer_value(json_array_get(json_object_get(json, "t"), 0));
    assert_int_equal(first % 8, 0);
    rate = json_object_get(json, "calls_per_s");
    assert_float_equal(json_number_value(json_array_get(rate, 110)), 10, 1e-9);
    json_decref(json);
    trivet_monitor_free(monitor);
}

static void test_series_errors(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = busy_monitor();
    struct trivet_buffer text = {0};
    struct trivet_error err;
    assert_int_equal(trivet_report_series(monitor, "price", 4, 60, T0_US, &text, &err),
                     TRIVET_NOT_FOUND);
    assert_int_equal(trivet_report_series(monitor, "price", 3, 9, T0_US, &text, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_report_series(monitor, "price", 3, 901, T0_US, &text, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(text.n_bytes, 0);
    trivet_monitor_free(monitor);
}

/* Does the page hold this line? */
static bool has_line(const struct trivet_buffer *page, const char *line)
{
    const char *at = (const char *)page->data;
    size_t length = strlen(line);
    while ((at = strstr(at, line)) != NULL) {
        if ((at == (const char *)page->data || at[-1] == '\n') && at[length] == '\n') {
            return true;
        }
        at += length;
    }
    return false;
}

static void test_exposition(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = busy_monitor();
    struct trivet_buffer page = {0};
    struct trivet_error err;
    send_totals(monitor, 0, 7, 63, "price", 3, 1000, 60, T0_US + 60 * S);
    assert_int_equal(
        trivet_exposition_write(&(struct trivet_exposition_sources){.monitor = monitor}, T0_US,
                                &page, &err),
        TRIVET_OK);
    assert_true(has_line(&page, "# TYPE trivet_monitor_predictions_total counter"));
    assert_true(has_line(
        &page, "trivet_monitor_predictions_total{model=\"price\",version=\"3\",code=\"OK\"} 1000"));
    assert_true(has_line(&page,
                         "trivet_monitor_prediction_calls_total{model=\"price\",version=\"3\","
                         "code=\"INVALID_ARGUMENT\"} 60"));
    assert_true(has_line(
        &page, "trivet_monitor_predictions_total{model=\"other\",version=\"1\",code=\"OK\"} 0"));
    assert_true(has_line(&page, "# TYPE trivet_monitor_prediction_latency_seconds histogram"));
    assert_true(has_line(
        &page,
        "trivet_monitor_prediction_latency_seconds_count{model=\"price\",version=\"3\"} 1060"));
    assert_true(has_line(&page, "trivet_monitor_lost_events_total{source=\"tcp://server-0\"} 2"));
    assert_true(has_line(&page, "trivet_monitor_source_up{source=\"tcp://server-1\"} 0"));
    assert_true(has_line(&page, "trivet_monitor_tracked_versions 2"));
    trivet_buffer_release(&page);
    trivet_monitor_free(monitor);
}

/* promtool's rules: every family has HELP and TYPE once, counters end in _total, no family name
 * twice, every sample belongs to the family before it. */
static void test_exposition_rules(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = busy_monitor();
    struct trivet_buffer page = {0};
    struct trivet_error err;
    char family[128] = "";
    char type[32] = "";
    size_t families = 0;
    assert_int_equal(
        trivet_exposition_write(&(struct trivet_exposition_sources){.monitor = monitor}, T0_US,
                                &page, &err),
        TRIVET_OK);
    assert_int_equal(page.data[page.n_bytes - 1], '\n');
    char *save = NULL;
    for (char *line = strtok_r((char *)page.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "# HELP ", 7) == 0) {
            char name[128];
            assert_int_equal(sscanf(line, "# HELP %127s", name), 1);
            assert_string_not_equal(name, family);
            assert_true(strlen(line) > 7 + strlen(name) + 1);
            assert_true(trivet_text_copy(family, sizeof(family), name));
            families++;
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            char name[128];
            assert_int_equal(sscanf(line, "# TYPE %127s %31s", name, type), 2);
            assert_string_equal(name, family);
            size_t length = strlen(name);
            bool total = length > 6 && strcmp(name + length - 6, "_total") == 0;
            assert_int_equal(total, strcmp(type, "counter") == 0);
        } else {
            assert_int_equal(strncmp(line, family, strlen(family)), 0);
            const char *value = strrchr(line, ' ');
            assert_non_null(value);
            char *rest = NULL;
            assert_true(strtod(value + 1, &rest) >= 0);
            assert_string_equal(rest, "");
        }
    }
    assert_true(families > 15);
    trivet_buffer_release(&page);
    trivet_monitor_free(monitor);
}

static void test_history(void **state)
{
    (void)state;
    const struct trivet_history_point points[] = {
        {.unix_s = T0_S, .predictions = 5, .calls = 6, .failed_calls = 1, .p99_us = 1.5}};
    struct trivet_buffer text = {0};
    struct trivet_error err;
    assert_int_equal(trivet_report_history("m", 2, points, 1, &text, &err), TRIVET_OK);
    json_t *json = parse(&text);
    const json_t *point = json_array_get(json_object_get(json, "points"), 0);
    assert_int_equal(integer(point, "t"), T0_S);
    assert_int_equal(integer(point, "predictions"), 5);
    assert_float_equal(real(point, "p99_us"), 1.5, 0);
    json_decref(json);
    assert_int_equal(trivet_report_history("m", 2, NULL, 0, &text, &err), TRIVET_OK);
    json = parse(&text);
    assert_int_equal(json_array_size(json_object_get(json, "points")), 0);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_overview),   cmocka_unit_test(test_overview),
        cmocka_unit_test(test_exact_counts),     cmocka_unit_test(test_series),
        cmocka_unit_test(test_series_errors),    cmocka_unit_test(test_exposition),
        cmocka_unit_test(test_exposition_rules), cmocka_unit_test(test_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
