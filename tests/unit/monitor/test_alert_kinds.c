#include "monitor/alerts/kinds.h"
#include "monitor/alerts/ratio.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct trivet_alert_rule rule_of(enum trivet_alert_kind kind)
{
    struct trivet_alert_rules rules;
    trivet_alert_rules_default(&rules);
    for (size_t i = 0; i < rules.n; i++) {
        if (rules.items[i].kind == kind) {
            return rules.items[i];
        }
    }
    fail();
    return rules.items[0];
}

static void test_down(void **state)
{
    (void)state;
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_DOWN);
    struct trivet_alert_verdict verdict;
    trivet_alert_judge_down(&rule, false, "refused", &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BAD);
    assert_string_equal(verdict.detail, "refused");
    trivet_alert_judge_down(&rule, true, "", &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_GOOD);
}

static enum trivet_alert_judgement errors(uint64_t calls, uint64_t failed, uint64_t rows,
                                          uint64_t failed_rows)
{
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_ERROR_RATIO); /* 5 % of at least 20 */
    struct trivet_alert_verdict verdict;
    trivet_alert_judge_errors(&rule, (struct trivet_alert_share){calls, failed},
                              (struct trivet_alert_share){rows, failed_rows}, &verdict);
    return verdict.judgement;
}

static void test_error_ratio(void **state)
{
    (void)state;
    assert_int_equal(errors(0, 0, 0, 0), TRIVET_ALERT_UNKNOWN);
    assert_int_equal(errors(19, 19, 19, 19), TRIVET_ALERT_UNKNOWN);
    assert_int_equal(errors(20, 2, 20, 0), TRIVET_ALERT_BAD);
    assert_int_equal(errors(1000, 50, 1000, 0), TRIVET_ALERT_BETWEEN); /* at it, not over it */
    assert_int_equal(errors(1000, 51, 1000, 0), TRIVET_ALERT_BAD);
    assert_int_equal(errors(1000, 46, 1000, 0), TRIVET_ALERT_BETWEEN);
    assert_int_equal(errors(1000, 45, 1000, 0), TRIVET_ALERT_GOOD);
    /* Calls that are OK with failed rows. */
    assert_int_equal(errors(20, 0, 1000, 51), TRIVET_ALERT_BAD);
}

static enum trivet_alert_judgement latency(uint64_t all, uint64_t slow, uint64_t all_long,
                                           uint64_t slow_long)
{
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_LATENCY_BURN); /* 6 times 1 % */
    struct trivet_alert_verdict verdict;
    trivet_alert_judge_latency(&rule, (struct trivet_alert_share){all, slow},
                               (struct trivet_alert_share){all_long, slow_long}, &verdict);
    return verdict.judgement;
}

static void test_latency_burn(void **state)
{
    (void)state;
    assert_int_equal(latency(99, 99, 99, 99), TRIVET_ALERT_UNKNOWN);
    assert_int_equal(latency(1000, 61, 10000, 610), TRIVET_ALERT_BAD);
    /* It is over, or it was a moment only. */
    assert_int_equal(latency(1000, 5, 10000, 2000), TRIVET_ALERT_GOOD);
    assert_int_equal(latency(1000, 900, 100000, 900), TRIVET_ALERT_GOOD);
    assert_int_equal(latency(1000, 57, 1000, 57), TRIVET_ALERT_BETWEEN);
}

static void test_drift(void **state)
{
    (void)state;
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_DRIFT);
    struct trivet_alert_verdict verdict;
    struct trivet_alert_drift drift = {.n_firing = 2, .value = 1.4, .column = "age"};
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_UNKNOWN);
    drift.watched = true;
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BAD);
    assert_string_equal(verdict.detail, "age and 1 more column");
    rule.threshold = 2;
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BETWEEN);
    drift.n_firing = 0;
    drift.n_pending = 1;
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BETWEEN);
    drift.n_pending = 0;
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_GOOD);
    /* Missing: the same, of another number. */
    rule = rule_of(TRIVET_ALERT_MISSING_RATIO);
    drift = (struct trivet_alert_drift){.watched = true, .n_firing = 1, .value = 0.051};
    trivet_alert_judge_drift(&rule, &drift, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BAD);
}

static enum trivet_alert_judgement quality(const struct trivet_alert_rule *rule, bool greater,
                                           uint64_t labels, double value, double half, double test)
{
    struct trivet_alert_verdict verdict;
    const struct trivet_alert_quality facts = {.labels = labels,
                                               .known = true,
                                               .greater_is_better = greater,
                                               .metric = greater ? "accuracy" : "mae",
                                               .value = value,
                                               .lower = value - half,
                                               .upper = value + half,
                                               .test_known = !isnan(test),
                                               .test = test};
    trivet_alert_judge_quality(rule, &facts, &verdict);
    return verdict.judgement;
}

static void test_quality_drop(void **state)
{
    (void)state;
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_QUALITY_DROP); /* 0.05 */
    /* Never under 100 labels, however low a rule's minimum. */
    rule.minimum = 1;
    assert_int_equal(quality(&rule, true, 99, 0.1, 0.01, 0.9), TRIVET_ALERT_UNKNOWN);
    assert_int_equal(quality(&rule, true, 100, 0.1, 0.01, 0.9), TRIVET_ALERT_BAD);
    /* The interval must exclude what is allowed, 0.85. */
    assert_int_equal(quality(&rule, true, 100, 0.80, 0.06, 0.9), TRIVET_ALERT_BETWEEN);
    assert_int_equal(quality(&rule, true, 100, 0.80, 0.04, 0.9), TRIVET_ALERT_BAD);
    assert_int_equal(quality(&rule, true, 100, 0.86, 0.2, 0.9), TRIVET_ALERT_GOOD);
    /* Errors grow: 5 % more than 2 is allowed. */
    assert_int_equal(quality(&rule, false, 100, 2.2, 0.05, 2.0), TRIVET_ALERT_BAD);
    assert_int_equal(quality(&rule, false, 100, 2.2, 0.15, 2.0), TRIVET_ALERT_BETWEEN);
    assert_int_equal(quality(&rule, false, 100, 2.0, 0.15, 2.0), TRIVET_ALERT_GOOD);
    /* Neither a test nor a floor: nothing to compare with. */
    assert_int_equal(quality(&rule, true, 100, 0.1, 0.01, NAN), TRIVET_ALERT_UNKNOWN);
    rule.floor = 0.7;
    assert_int_equal(quality(&rule, true, 100, 0.6, 0.01, NAN), TRIVET_ALERT_BAD);
    /* The stricter of both. */
    assert_int_equal(quality(&rule, true, 100, 0.8, 0.01, 0.9), TRIVET_ALERT_BAD);
    assert_int_equal(quality(&rule, true, 100, 0.65, 0.01, 0.5), TRIVET_ALERT_BAD);
    rule.minimum = 500;
    assert_int_equal(quality(&rule, true, 499, 0.1, 0.01, 0.9), TRIVET_ALERT_UNKNOWN);
}

static void test_lost_events(void **state)
{
    (void)state;
    struct trivet_alert_rule rule = rule_of(TRIVET_ALERT_LOST_EVENTS);
    struct trivet_alert_verdict verdict;
    trivet_alert_judge_lost(&rule, 0, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_GOOD);
    trivet_alert_judge_lost(&rule, 1, &verdict);
    assert_int_equal(verdict.judgement, TRIVET_ALERT_BAD);
}

static void test_ratio_windows(void **state)
{
    (void)state;
    static const int64_t t0 = 1700000000;
    struct trivet_alert_ratio ratio;
    trivet_alert_ratio_init(&ratio, 3600);
    assert_int_equal(ratio.slot_s, 36);
    for (int64_t s = 0; s < 7200; s++) {
        trivet_alert_ratio_add(&ratio, t0 + s, (struct trivet_alert_share){10, s >= 6900});
    }
    struct trivet_alert_share sum = trivet_alert_ratio_sum(&ratio, t0 + 7199, 3600);
    assert_in_range(sum.all, 36000, 36360);
    assert_int_equal(sum.bad, 300);
    sum = trivet_alert_ratio_sum(&ratio, t0 + 7199, 300);
    assert_in_range(sum.all, 3000, 3360);
    /* Nothing since then. */
    assert_int_equal(trivet_alert_ratio_sum(&ratio, t0 + 20000, 3600).all, 0);
    trivet_alert_ratio_add(&ratio, t0, (struct trivet_alert_share){10, 10});
    assert_int_equal(trivet_alert_ratio_sum(&ratio, t0 + 7199, 3600).bad, 300);
    /* By the second when the window is short. */
    trivet_alert_ratio_init(&ratio, 10);
    for (int64_t s = 0; s < 300; s++) {
        trivet_alert_ratio_add(&ratio, t0 + s, (struct trivet_alert_share){1, 0});
    }
    assert_int_equal(trivet_alert_ratio_sum(&ratio, t0 + 299, 10).all, 10);
    assert_int_equal(trivet_alert_ratio_sum(&ratio, t0 + 299, 1).all, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_down),          cmocka_unit_test(test_error_ratio),
        cmocka_unit_test(test_latency_burn),  cmocka_unit_test(test_drift),
        cmocka_unit_test(test_quality_drop),  cmocka_unit_test(test_lost_events),
        cmocka_unit_test(test_ratio_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
