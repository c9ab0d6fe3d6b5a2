#include "monitor/alerts/rules.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/trivet-rules-XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static const struct trivet_alert_rule *rule_of(const struct trivet_alert_rules *rules,
                                               const char *name)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (strcmp(rules->items[i].name, name) == 0) {
            return &rules->items[i];
        }
    }
    fail_msg("no rule %s", name);
    return NULL;
}

/* Every kind is built in and on. */
static void test_built_in(void **state)
{
    (void)state;
    struct trivet_alert_rules rules;
    bool seen[TRIVET_ALERT_KIND_COUNT] = {false};
    trivet_alert_rules_default(&rules);
    for (size_t i = 0; i < rules.n; i++) {
        seen[rules.items[i].kind] = rules.items[i].on;
    }
    for (size_t k = 0; k < TRIVET_ALERT_KIND_COUNT; k++) {
        assert_true(seen[k]);
        assert_true(strlen(trivet_alert_kind_advice((enum trivet_alert_kind)k)) > 10);
    }
}

static void test_file_over_built_in(void **state)
{
    (void)state;
    struct trivet_alert_rules rules;
    struct trivet_error err;
    write_file("; ours\n[error_ratio]\nthreshold = 0.2\nfor = 5m\n[lost_events]\non = no\n"
               "[slow-iris]\nkind = latency_burn\nmodel = iris*\nlatency_ms = 2.5\nwindow = 1h\n"
               "long_window = 6h\n[q]\nkind = quality_drop\nmetric = mae\nfloor = 3\n");
    assert_int_equal(trivet_alert_rules_read(path, &rules, &err), TRIVET_OK);
    const struct trivet_alert_rule *errors = rule_of(&rules, "error_ratio");
    assert_float_equal(errors->threshold, 0.2, 0);
    assert_int_equal(errors->for_s, 300);
    assert_int_equal(errors->window_s, 300); /* as built in */
    assert_false(rule_of(&rules, "lost_events")->on);
    const struct trivet_alert_rule *slow = rule_of(&rules, "slow-iris");
    assert_int_equal(slow->long_window_s, 21600);
    assert_float_equal(slow->latency_ms, 2.5, 0);
    assert_float_equal(slow->objective, 0.99, 0);
    assert_true(trivet_alert_rule_matches(slow, "iris"));
    assert_true(trivet_alert_rule_matches(slow, "iris-2"));
    assert_false(trivet_alert_rule_matches(slow, "iri"));
    assert_string_equal(rule_of(&rules, "q")->metric, "mae");
    assert_float_equal(rule_of(&rules, "q")->floor, 3.0, 0);
    assert_true(isnan(rule_of(&rules, "quality_drop")->floor));
}

/* What is printed reads back as the same. */
static void test_print_round_trip(void **state)
{
    (void)state;
    struct trivet_alert_rules first;
    struct trivet_alert_rules second;
    struct trivet_error err;
    struct trivet_buffer text = {0};
    struct trivet_buffer again = {0};
    write_file("[down]\non = no\n[x]\nkind = quality_drop\nfloor = 0.9\nmetric = accuracy\n"
               "threshold = 0.123456789\nmodel = m\n");
    assert_int_equal(trivet_alert_rules_read(path, &first, &err), TRIVET_OK);
    assert_int_equal(trivet_alert_rules_print(&first, &text, &err), TRIVET_OK);
    write_file((const char *)text.data);
    assert_int_equal(trivet_alert_rules_read(path, &second, &err), TRIVET_OK);
    assert_int_equal(trivet_alert_rules_print(&second, &again, &err), TRIVET_OK);
    assert_string_equal((const char *)text.data, (const char *)again.data);
    assert_int_equal(first.n, second.n);
    assert_non_null(strstr((const char *)text.data, "floor = 0.9\n"));
    trivet_buffer_release(&text);
    trivet_buffer_release(&again);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"[x]\nthreshold = 1\n", "first key is its kind"},
        {"[x]\nkind = nothing\n", "the kinds are"},
        {"[down]\nkind = drift\n", "of the kind down"},
        {"[error_ratio]\nthreshold = much\n", "threshold"},
        {"[error_ratio]\nthreshold = -1\n", "threshold"},
        {"[error_ratio]\nfor = -1\n", "for"},
        {"[error_ratio]\nfor = 5d\n", "for"},
        {"[error_ratio]\nwindow = 7h\n", "window"},
        {"[error_ratio]\nwindow = 0\n", "at least 1 s"},
        {"[latency_burn]\nlong_window = 10\n", "long_window"},
        {"[latency_burn]\nobjective = 1\n", "objective"},
        {"[quality_drop]\nmetric = f1\n", "interval"},
        {"[error_ratio]\nthreshold = 1\n", "can never fire"},
        {"[missing_ratio]\nthreshold = 5\n", "can never fire"},
        {"[latency_burn]\nobjective = 0.5\n", "can never fire"},
        {"[latency_burn]\nthreshold = 100\n", "can never fire"},
        {"[quality_drop]\nmetric = accuracy\nthreshold = 1\n", "can never fire"},
        {"[error_ratio]\non = perhaps\n", "yes or no"},
        {"[error_ratio]\nmodel =\n", "model"},
        {"[error_ratio]\nspeed = 1\n", "the keys are"},
        {"[a b]\nkind = down\n", "name"},
        {"[error_ratio]\nnonsense\n", ":2:"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trivet_alert_rules rules = {.n = 77};
        struct trivet_error err;
        write_file(cases[i].text);
        assert_int_equal(trivet_alert_rules_read(path, &rules, &err), TRIVET_INVALID_ARGUMENT);
        if (strstr(err.message, cases[i].word) == NULL || strstr(err.message, path) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
        assert_int_equal(rules.n, 77);
    }
    struct trivet_alert_rules rules;
    struct trivet_error err;
    assert_int_equal(trivet_alert_rules_read("/nonexistent/r.ini", &rules, &err), TRIVET_NOT_FOUND);
}

static void test_too_many(void **state)
{
    (void)state;
    struct trivet_alert_rules rules;
    struct trivet_error err;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < TRIVET_ALERT_RULES_MAX; i++) {
        (void)fprintf(file, "[r%d]\nkind = down\n", i);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(trivet_alert_rules_read(path, &rules, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "more than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_built_in, begin, end),
        cmocka_unit_test_setup_teardown(test_file_over_built_in, begin, end),
        cmocka_unit_test_setup_teardown(test_print_round_trip, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_too_many, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
