#include "base/alloc.h"
#include "messages.h"
#include "monitor/alerts/message.h"
#include "monitor/alerts/watch.h"
#include "monitor/history/alerts.h"
#include "monitor/history/internal.h"
#include "monitor/pages/report_alerts.h"
#include "outcomes.h"

#include <jansson.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000LL

/* What happened, as "rule:state …". */
static char told[512];
static char folder[64];
static char path[96];
static struct trivet_alert_rules rules;
static struct trivet_history *history;
static struct trivet_monitor *monitor;
static struct trivet_alert_watch *watch;
static struct trivet_outbox *outbox;

static void on_change(void *context, const struct trivet_alert *alert)
{
    (void)context;
    size_t n = strlen(told);
    (void)snprintf(told + n, sizeof(told) - n, "%s:%s ", alert->rule,
                   trivet_alert_state_name(alert->state));
}

static void start(int64_t now_us)
{
    struct trivet_error err;
    const struct trivet_alert_watch_options options = {.monitor = monitor,
                                                       .history = history,
                                                       .rules = &rules,
                                                       .outbox = outbox,
                                                       .on_change = on_change};
    assert_int_equal(trivet_alert_watch_create(&options, now_us, &watch, &err), TRIVET_OK);
}

static int begin(void **state)
{
    (void)state;
    struct trivet_error err;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-alerts-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    outbox = trivet_outbox_create(history);
    assert_non_null(outbox);
    trivet_alert_rules_default(&rules);
    for (size_t i = 0; i < rules.n; i++) {
        rules.items[i].for_s = 2;
        rules.items[i].resolve_s = 2;
        rules.items[i].window_s = 10;
        rules.items[i].long_window_s = 20;
    }
    monitor = make_monitor(1);
    start(T0_US);
    told[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    trivet_alert_watch_free(watch);
    trivet_monitor_free(monitor);
    trivet_outbox_free(outbox);
    trivet_history_close(history);
    (void)unlink(path);
    return rmdir(folder);
}

static void tick(int64_t at_s)
{
    struct trivet_error err;
    if (trivet_alert_watch_tick(watch, T0_US + at_s * S, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

static void expect(const char *what)
{
    assert_string_equal(told, what);
    told[0] = '\0';
}

static void test_down(void **state)
{
    (void)state;
    tick(0); /* not asked yet */
    trivet_monitor_set_server_down(monitor, 0, "connection refused");
    tick(1);
    expect("down:pending ");
    tick(3);
    expect("down:firing ");
    send_stats(monitor, 0, 7, "m", 1, 5, 0, T0_US + 4 * S);
    tick(4);
    expect("");
    tick(6);
    expect("down:resolved ");
}

/* Calls counted in the windows; one bad and slow in ten. */
static void test_errors_and_latency(void **state)
{
    (void)state;
    struct trivet_alert_firing firing[8];
    send_stats(monitor, 0, 7, "m", 2, 0, 0, T0_US);
    for (uint64_t s = 1; s <= 8; s++) {
        send_totals(monitor, 0, 7, s, "m", 2, 90 * s, 10 * s, T0_US + (int64_t)s * S);
        tick((int64_t)s);
    }
    expect("error_ratio:pending error_ratio:firing ");
    assert_int_equal(trivet_alert_watch_firing(watch, "m", firing, 8), 1);
    assert_int_equal(firing[0].kind, TRIVET_ALERT_ERROR_RATIO);
    assert_int_equal(firing[0].version, 2);
    assert_string_equal(firing[0].rule, "error_ratio");
    assert_int_equal(trivet_alert_watch_firing(watch, "other", firing, 8), 0);
    /* All took 100 µs. */
    trivet_alert_watch_free(watch);
    for (size_t i = 0; i < rules.n; i++) {
        rules.items[i].latency_ms = 0.05;
        rules.items[i].on = rules.items[i].kind == TRIVET_ALERT_LATENCY_BURN;
    }
    start(T0_US + 8 * S);
    for (uint64_t s = 9; s <= 16; s++) {
        send_totals(monitor, 0, 7, s, "m", 2, 100 * s, 80, T0_US + (int64_t)s * S);
        tick((int64_t)s);
    }
    expect("error_ratio:resolved latency_burn:pending latency_burn_fast:pending "
           "latency_burn:firing latency_burn_fast:firing ");
}

/* Calls that fail after the clock was set back by an hour are seen as soon as any others. */
static void test_clock_set_back(void **state)
{
    (void)state;
    send_stats(monitor, 0, 7, "m", 2, 0, 0, T0_US + 3590 * S);
    for (uint64_t s = 1; s <= 8; s++) {
        int64_t at_s = 3590 + (int64_t)s;
        send_totals(monitor, 0, 7, s, "m", 2, 100 * s, 0, T0_US + at_s * S);
        trivet_monitor_tick(monitor, T0_US + at_s * S);
        tick(at_s);
    }
    expect("");
    trivet_monitor_tick(monitor, T0_US + S);
    for (uint64_t s = 9; s <= 18; s++) {
        int64_t at_s = (int64_t)s;
        send_totals(monitor, 0, 7, s, "m", 2, 800 + s, 10 * s, T0_US + at_s * S);
        trivet_monitor_tick(monitor, T0_US + at_s * S);
        tick(at_s);
    }
    expect("error_ratio:pending error_ratio:firing ");
}

/* The interval is under what the version's own test allows, on enough labels. */
static void test_quality(void **state)
{
    (void)state;
    send_stats(monitor, 0, 7, "m", 1, 0, 0, T0_US);
    send_classes(monitor, 7, 1, 0, 50, 49, T0_US + S);
    trivet_monitor_find(monitor, "m", 1)->live.test =
        (struct trivet_live_test){.known = true, .accuracy = 0.95};
    tick(1);
    tick(3);
    expect("");
    send_classes(monitor, 7, 2, 0, 50, 50, T0_US + 3 * S);
    tick(3);
    tick(5);
    expect("quality_drop:pending quality_drop:firing ");
    const struct trivet_alerts *alerts = trivet_alert_watch_lock(watch);
    size_t n = 0;
    const struct trivet_alert *alert = trivet_alerts_active(alerts, &n);
    assert_int_equal(alert->version, 1);
    assert_float_equal(alert->value, 0.5, 1e-9);
    assert_float_equal(alert->threshold, 0.9, 1e-9);
    trivet_alert_watch_unlock(watch);
}

static void test_lost_events(void **state)
{
    (void)state;
    send_totals(monitor, 0, 7, 1, "m", 1, 1, 0, T0_US);
    tick(1);
    send_totals(monitor, 0, 7, 40, "m", 1, 2, 0, T0_US + S);
    tick(2);
    expect("lost_events:pending ");
    tick(4);
    expect("lost_events:firing ");
    tick(12);
    tick(14);
    expect("lost_events:resolved ");
}

static uint64_t waiting(void)
{
    struct trivet_outbox_state queue;
    trivet_outbox_state(outbox, &queue);
    return queue.waiting;
}

static uint64_t held(void)
{
    struct trivet_outbox_state queue;
    trivet_outbox_state(outbox, &queue);
    return queue.held;
}

/* The next message's state and rule, taken out. */
static void expect_message(const char *rule, const char *state)
{
    struct trivet_error err;
    struct trivet_buffer body = {0};
    bool found = false;
    assert_int_equal(trivet_outbox_next(outbox, &body, &found, &err), TRIVET_OK);
    assert_true(found);
    json_t *json = json_loadb((const char *)body.data, body.n_bytes, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "rule")), rule);
    assert_string_equal(json_string_value(json_object_get(json, "state")), state);
    assert_true(json_string_length(json_object_get(json, "advice")) > 0);
    json_decref(json);
    trivet_buffer_release(&body);
    trivet_outbox_done(outbox);
}

static void test_restart(void **state)
{
    (void)state;
    struct trivet_error err;
    trivet_monitor_set_server_down(monitor, 0, "gone");
    tick(1);
    tick(3);
    expect("down:pending down:firing ");
    assert_int_equal(waiting(), 1); /* pending is not told */
    trivet_alert_watch_free(watch);
    trivet_outbox_free(outbox);
    trivet_history_close(history);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    outbox = trivet_outbox_create(history);
    start(T0_US + 60 * S);
    const struct trivet_alerts *alerts = trivet_alert_watch_lock(watch);
    size_t n = 0;
    const struct trivet_alert *active = trivet_alerts_active(alerts, &n);
    assert_int_equal(n, 1);
    assert_int_equal(active->state, TRIVET_ALERT_FIRING);
    assert_int_equal(active->fired_us, T0_US + 3 * S);
    assert_string_equal(active->source, "tcp://server-0");
    assert_string_equal(active->detail, "gone");
    trivet_alert_watch_unlock(watch);
    tick(61);
    expect("");
    send_stats(monitor, 0, 7, "m", 1, 5, 0, T0_US + 62 * S);
    tick(62);
    tick(64);
    expect("down:resolved ");
    expect_message("down", "firing");
    expect_message("down", "resolved");
    assert_int_equal(waiting(), 0);
    /* And once more: it is remembered as resolved. */
    trivet_alert_watch_free(watch);
    start(T0_US + 70 * S);
    alerts = trivet_alert_watch_lock(watch);
    assert_int_equal(trivet_alerts_resolved(alerts, 0)->resolved_us, T0_US + 64 * S);
    assert_null(trivet_alerts_resolved(alerts, 1));
    trivet_alert_watch_unlock(watch);
}

/* A history that cannot be written loses nothing: the next tick stores it, and the webhook is told
 * from memory meanwhile. */
static void test_failing_history(void **state)
{
    (void)state;
    struct trivet_error err;
    trivet_monitor_set_server_down(monitor, 0, "gone");
    tick(1);
    (void)trivet_alloc_fail_at(1);
    enum trivet_status status = trivet_alert_watch_tick(watch, T0_US + 3 * S, &err);
    (void)trivet_alloc_fail_at(0);
    assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    expect("down:pending down:firing ");
    send_stats(monitor, 0, 7, "m", 1, 5, 0, T0_US + 4 * S);
    tick(4);
    tick(6);
    expect("down:resolved ");
    expect_message("down", "firing");
    expect_message("down", "resolved");
    assert_int_equal(waiting(), 0);
}

/* As on a full disk: nothing can be written. */
static void fill_disk(bool full)
{
    pthread_mutex_lock(&history->lock);
    assert_int_equal(sqlite3_exec(history->db,
                                  full ? "PRAGMA query_only = 1" : "PRAGMA query_only = 0", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    pthread_mutex_unlock(&history->lock);
}

/* Stored or not: without a change there is nothing to store. */
static void failing_tick(int64_t at_s)
{
    struct trivet_error err;
    enum trivet_status status = trivet_alert_watch_tick(watch, T0_US + at_s * S, &err);
    assert_true(status == TRIVET_OK || status == TRIVET_UNAVAILABLE);
}

static void test_full_disk(void **state)
{
    (void)state;
    trivet_monitor_set_server_down(monitor, 0, "gone");
    tick(1);
    tick(3);
    expect("down:pending down:firing ");
    fill_disk(true);
    /* Alerts go on, over and over, and the webhook hears of each in its turn. */
    for (int64_t s = 10; s < 10 + 10 * 600; s += 10) {
        send_stats(monitor, 0, 7, "m", 1, 5, 0, T0_US + s * S);
        failing_tick(s);
        failing_tick(s + 2);
        expect("down:resolved ");
        trivet_monitor_set_server_down(monitor, 0, "gone");
        failing_tick(s + 4);
        failing_tick(s + 6);
        expect("down:pending down:firing ");
        if (s == 10) {
            expect_message("down", "firing"); /* stored before; does not come again */
            expect_message("down", "resolved");
            expect_message("down", "firing");
            assert_int_equal(waiting(), 0);
        }
    }
    assert_int_equal(held(), TRIVET_OUTBOX_HELD_MAX);
    struct trivet_outbox_state queue;
    trivet_outbox_state(outbox, &queue);
    assert_int_equal(queue.dropped, 2 * 599 - TRIVET_OUTBOX_HELD_MAX);
    expect_message("down", "resolved");
    /* Written again: what was kept is stored, what is held goes to the history, in order. */
    fill_disk(false);
    tick(6020);
    expect("");
    expect_message("down", "firing");
    assert_int_equal(held(), 0);
    assert_int_equal(waiting(), TRIVET_OUTBOX_HELD_MAX - 2);
    expect_message("down", "resolved");
    trivet_alert_watch_free(watch);
    start(T0_US + 6030 * S);
    size_t n = 0;
    const struct trivet_alert *active = trivet_alerts_active(trivet_alert_watch_lock(watch), &n);
    assert_int_equal(n, 1);
    assert_int_equal(active->fired_us, T0_US + 6006 * S);
    trivet_alert_watch_unlock(watch);
}

/* A text that is no JSON costs the message of one alert, and no other's. */
static void test_text_that_is_no_json(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_buffer body = {0};
    struct trivet_alert list[2] = {{.id = 1,
                                    .rule = "drift",
                                    .kind = TRIVET_ALERT_DRIFT,
                                    .state = TRIVET_ALERT_FIRING,
                                    .model = "m",
                                    .detail = "cut\xc3"},
                                   {.id = 2,
                                    .rule = "down",
                                    .kind = TRIVET_ALERT_DOWN,
                                    .state = TRIVET_ALERT_FIRING,
                                    .source = "s"}};
    assert_int_equal(trivet_alert_message(&list[0], &body, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "UTF-8"));
    assert_int_equal(trivet_history_save_alerts(history, list, 2, 0, &err), TRIVET_OK);
    expect_message("down", "firing");
    assert_int_equal(waiting(), 0);
    trivet_buffer_release(&body);
}

/* The history that cannot be written is told of, too. */
static void test_history_rule(void **state)
{
    (void)state;
    struct trivet_error err;
    tick(1);
    fill_disk(true);
    assert_int_equal(trivet_history_save(history, monitor, T0_US + S, &err), TRIVET_UNAVAILABLE);
    failing_tick(2);
    failing_tick(4);
    expect("history:pending history:firing ");
    expect_message("history", "firing");
    fill_disk(false);
    assert_int_equal(trivet_history_save(history, monitor, T0_US + 5 * S, &err), TRIVET_OK);
    tick(5);
    tick(7);
    expect("history:resolved ");
    expect_message("history", "resolved");
}

static void test_queue_is_bounded(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_alert alert = {.id = 1,
                                 .rule = "down",
                                 .kind = TRIVET_ALERT_DOWN,
                                 .state = TRIVET_ALERT_FIRING,
                                 .source = "s"};
    for (int i = 0; i < TRIVET_WEBHOOK_QUEUE_MAX / 100 + 2; i++) {
        struct trivet_alert list[100];
        for (size_t k = 0; k < 100; k++) {
            list[k] = alert;
            alert.id++;
        }
        assert_int_equal(trivet_history_save_alerts(history, list, 100, 0, &err), TRIVET_OK);
    }
    assert_int_equal(waiting(), TRIVET_WEBHOOK_QUEUE_MAX);
    struct trivet_outbox_state queue;
    trivet_outbox_state(outbox, &queue);
    assert_int_equal(queue.dropped, 200);
}

static void test_report(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_buffer text = {0};
    trivet_monitor_set_server_down(monitor, 0, "gone");
    tick(1);
    assert_int_equal(trivet_report_alerts(watch, NULL, T0_US, &text, &err), TRIVET_OK);
    json_t *json = json_loadb((const char *)text.data, text.n_bytes, 0, NULL);
    json_t *first = json_array_get(json_object_get(json, "active"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "server")), "tcp://server-0");
    assert_string_equal(json_string_value(json_object_get(first, "state")), "pending");
    assert_true(json_is_null(json_object_get(first, "fired_unix_us")));
    assert_int_equal(json_array_size(json_object_get(json, "rules")), rules.n);
    json_decref(json);
    trivet_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_down, begin, end),
        cmocka_unit_test_setup_teardown(test_errors_and_latency, begin, end),
        cmocka_unit_test_setup_teardown(test_clock_set_back, begin, end),
        cmocka_unit_test_setup_teardown(test_quality, begin, end),
        cmocka_unit_test_setup_teardown(test_lost_events, begin, end),
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_failing_history, begin, end),
        cmocka_unit_test_setup_teardown(test_full_disk, begin, end),
        cmocka_unit_test_setup_teardown(test_text_that_is_no_json, begin, end),
        cmocka_unit_test_setup_teardown(test_history_rule, begin, end),
        cmocka_unit_test_setup_teardown(test_queue_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(test_report, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
