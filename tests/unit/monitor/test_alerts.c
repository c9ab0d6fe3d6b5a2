#include "monitor/alerts/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S  1000000LL
#define T0 (1700000000LL * S)

static struct trivet_alert_rules rules;
static struct trivet_alert_rule *rule; /* for 10 s, resolve 20 s, window 60 s */

static int begin(void **state)
{
    trivet_alert_rules_default(&rules);
    rule = &rules.items[1];
    assert_int_equal(rule->kind, TRIVET_ALERT_ERROR_RATIO);
    rule->for_s = 10;
    rule->resolve_s = 20;
    rule->window_s = 60;
    *state = trivet_alerts_create(&rules, T0);
    return *state != NULL ? 0 : -1;
}

static int end(void **state)
{
    trivet_alerts_free(*state);
    return 0;
}

static void judge_model(struct trivet_alerts *alerts, const char *model,
                        enum trivet_alert_judgement judgement, int64_t at_s)
{
    struct trivet_alert_verdict verdict = {
        .judgement = judgement, .value = 0.5, .threshold = 0.05, .detail = "some failed"};
    trivet_alerts_judge(alerts, rule, "", model, 3, &verdict, T0 + at_s * S);
}

static void judge(struct trivet_alerts *alerts, enum trivet_alert_judgement judgement, int64_t at_s)
{
    judge_model(alerts, "m", judgement, at_s);
}

/* The states of the changes since the last call, as letters. */
static const char *changes(struct trivet_alerts *alerts)
{
    static char letters[64];
    struct trivet_alert list[32];
    size_t n = trivet_alerts_changes(alerts, list, 32);
    for (size_t i = 0; i < n; i++) {
        letters[i] = trivet_alert_state_name(list[i].state)[0];
    }
    letters[n] = '\0';
    return letters;
}

/* What began later than now has begun now. */
static void test_clock_set_back(void **state)
{
    struct trivet_alerts *alerts = *state;
    judge(alerts, TRIVET_ALERT_BAD, 3600);
    judge(alerts, TRIVET_ALERT_BAD, 0);
    assert_string_equal(changes(alerts), "p");
    judge(alerts, TRIVET_ALERT_BAD, 10);
    assert_string_equal(changes(alerts), "f");
    judge(alerts, TRIVET_ALERT_GOOD, 4000);
    judge(alerts, TRIVET_ALERT_GOOD, 400);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_GOOD, 420);
    assert_string_equal(changes(alerts), "r");
}

/* An address of any length that the options let pass is the same one at every judging. */
static void test_long_address(void **state)
{
    struct trivet_alerts *alerts = *state;
    char url[TRIVET_ALERT_SOURCE_BYTES];
    struct trivet_alert_verdict verdict = {.judgement = TRIVET_ALERT_BAD};
    memset(url, 'x', sizeof(url) - 1);
    url[sizeof(url) - 1] = '\0';
    for (int64_t s = 0; s <= 10; s++) {
        trivet_alerts_judge(alerts, rule, url, "", 0, &verdict, T0 + s * S);
    }
    assert_string_equal(changes(alerts), "pf");
}

static void test_life(void **state)
{
    struct trivet_alerts *alerts = *state;
    size_t n = 0;
    judge(alerts, TRIVET_ALERT_GOOD, 0);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_BAD, 1);
    assert_string_equal(changes(alerts), "p");
    judge(alerts, TRIVET_ALERT_BAD, 10);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_BAD, 11);
    assert_string_equal(changes(alerts), "f");
    const struct trivet_alert *alert = trivet_alerts_active(alerts, &n);
    assert_int_equal(n, 1);
    assert_int_equal(alert->state, TRIVET_ALERT_FIRING);
    assert_int_equal(alert->since_us, T0 + 11 * S);
    assert_int_equal(alert->started_us, T0 + 1 * S);
    assert_string_equal(alert->model, "m");
    assert_int_equal(alert->version, 3);
    judge(alerts, TRIVET_ALERT_GOOD, 12);
    judge(alerts, TRIVET_ALERT_GOOD, 31);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_GOOD, 32);
    assert_string_equal(changes(alerts), "r");
    (void)trivet_alerts_active(alerts, &n);
    assert_int_equal(n, 0);
    assert_int_equal(trivet_alerts_resolved(alerts, 0)->resolved_us, T0 + 32 * S);
    assert_null(trivet_alerts_resolved(alerts, 1));
    /* The next one is another incident. */
    judge(alerts, TRIVET_ALERT_BAD, 40);
    assert_int_equal(trivet_alerts_active(alerts, &n)->id, 2);
}

/* Around the threshold nothing begins and nothing ends. */
static void test_does_not_flap(void **state)
{
    struct trivet_alerts *alerts = *state;
    judge(alerts, TRIVET_ALERT_BETWEEN, 0);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_BAD, 1);
    judge(alerts, TRIVET_ALERT_BETWEEN, 5);
    judge(alerts, TRIVET_ALERT_BAD, 6);
    judge(alerts, TRIVET_ALERT_BAD, 12);
    assert_string_equal(changes(alerts), "pip");
    judge(alerts, TRIVET_ALERT_BAD, 16);
    assert_string_equal(changes(alerts), "f");
    for (int64_t s = 17; s < 300; s++) {
        judge(alerts, s % 15 == 0 ? TRIVET_ALERT_BETWEEN : TRIVET_ALERT_GOOD, s);
    }
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_GOOD, 300);
    judge(alerts, TRIVET_ALERT_GOOD, 320);
    assert_string_equal(changes(alerts), "r");
}

static void test_without_delay(void **state)
{
    struct trivet_alerts *alerts = *state;
    rule->for_s = 0;
    rule->resolve_s = 0;
    judge(alerts, TRIVET_ALERT_BAD, 1);
    assert_string_equal(changes(alerts), "pf");
    judge(alerts, TRIVET_ALERT_GOOD, 2);
    assert_string_equal(changes(alerts), "r");
}

/* No calls any more: good, when the window was watched; before that nothing is known. */
static void test_unknown(void **state)
{
    struct trivet_alerts *alerts = *state;
    judge(alerts, TRIVET_ALERT_UNKNOWN, 0);
    judge(alerts, TRIVET_ALERT_BAD, 0);
    judge(alerts, TRIVET_ALERT_BAD, 10);
    assert_string_equal(changes(alerts), "pf");
    for (int64_t s = 11; s <= 80; s++) {
        judge(alerts, TRIVET_ALERT_UNKNOWN, s);
    }
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_UNKNOWN, 81);
    assert_string_equal(changes(alerts), "r");
    /* The value of the end is the last that was known. */
    assert_float_equal(trivet_alerts_resolved(alerts, 0)->value, 0.5, 0);
}

static void test_restart(void **state)
{
    struct trivet_alerts *before = *state;
    size_t n = 0;
    judge(before, TRIVET_ALERT_BAD, 0);
    judge(before, TRIVET_ALERT_BAD, 10);
    judge_model(before, "pending", TRIVET_ALERT_BAD, 9);
    const struct trivet_alert *kept = trivet_alerts_active(before, &n);
    struct trivet_alerts *alerts = trivet_alerts_create(&rules, T0 + 100 * S);
    trivet_alerts_restore(alerts, &kept[0], T0 + 100 * S);
    trivet_alerts_restore(alerts, &kept[1], T0 + 100 * S);
    assert_string_equal(changes(alerts), "");
    judge(alerts, TRIVET_ALERT_UNKNOWN, 101);
    judge(alerts, TRIVET_ALERT_UNKNOWN, 159);
    assert_int_equal(trivet_alerts_count(alerts, "error_ratio", TRIVET_ALERT_FIRING), 1);
    assert_int_equal(trivet_alerts_active(alerts, &n)->fired_us, T0 + 10 * S);
    /* What was pending goes on from when it began. */
    judge_model(alerts, "pending", TRIVET_ALERT_BAD, 101);
    assert_string_equal(changes(alerts), "f");
    /* New ids are new. */
    judge_model(alerts, "other", TRIVET_ALERT_BAD, 102);
    assert_int_equal(trivet_alerts_active(alerts, &n)[2].id, 3);
    trivet_alerts_free(alerts);
}

static void test_restart_without_the_rule(void **state)
{
    struct trivet_alerts *before = *state;
    size_t n = 0;
    judge(before, TRIVET_ALERT_BAD, 0);
    judge(before, TRIVET_ALERT_BAD, 10);
    const struct trivet_alert *kept = trivet_alerts_active(before, &n);
    rule->on = false;
    struct trivet_alerts *alerts = trivet_alerts_create(&rules, T0 + 100 * S);
    trivet_alerts_restore(alerts, kept, T0 + 100 * S);
    assert_string_equal(changes(alerts), "r");
    assert_int_equal(trivet_alerts_count(alerts, NULL, TRIVET_ALERT_FIRING), 0);
    trivet_alerts_free(alerts);
}

/* A subject that is gone. */
static void test_sweep(void **state)
{
    struct trivet_alerts *alerts = *state;
    judge(alerts, TRIVET_ALERT_BAD, 0);
    judge(alerts, TRIVET_ALERT_BAD, 10);
    judge_model(alerts, "n", TRIVET_ALERT_BAD, 10);
    (void)changes(alerts);
    trivet_alerts_sweep(alerts, T0 + 70 * S);
    assert_string_equal(changes(alerts), "");
    trivet_alerts_sweep(alerts, T0 + 71 * S);
    assert_string_equal(changes(alerts), "ri");
}

/* More than can be kept: the first stay, the others are counted, and nothing is lost on the way. */
static void test_bounds(void **state)
{
    static struct trivet_alert list[TRIVET_ALERTS_ACTIVE_MAX];
    struct trivet_alerts *alerts = *state;
    char model[32];
    size_t n = 0;
    rule->for_s = 0;
    rule->resolve_s = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < TRIVET_ALERTS_ACTIVE_MAX + 50; i++) {
            (void)snprintf(model, sizeof(model), "m%d", i);
            judge_model(alerts, model, TRIVET_ALERT_BAD, round);
        }
        n += trivet_alerts_changes(alerts, list, TRIVET_ALERTS_ACTIVE_MAX);
    }
    assert_int_equal(n, 2 * TRIVET_ALERTS_ACTIVE_MAX);
    assert_true(trivet_alerts_suppressed(alerts) > 0);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(model, sizeof(model), "m%d", i);
        judge_model(alerts, model, TRIVET_ALERT_GOOD, 5);
    }
    assert_string_equal(trivet_alerts_resolved(alerts, 0)->model, "m299");
    assert_string_equal(trivet_alerts_resolved(alerts, TRIVET_ALERTS_RESOLVED_MAX - 1)->model,
                        "m100");
    assert_null(trivet_alerts_resolved(alerts, TRIVET_ALERTS_RESOLVED_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, begin, end),
        cmocka_unit_test_setup_teardown(test_clock_set_back, begin, end),
        cmocka_unit_test_setup_teardown(test_long_address, begin, end),
        cmocka_unit_test_setup_teardown(test_does_not_flap, begin, end),
        cmocka_unit_test_setup_teardown(test_without_delay, begin, end),
        cmocka_unit_test_setup_teardown(test_unknown, begin, end),
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_restart_without_the_rule, begin, end),
        cmocka_unit_test_setup_teardown(test_sweep, begin, end),
        cmocka_unit_test_setup_teardown(test_bounds, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
