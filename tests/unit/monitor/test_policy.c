#include "monitor/loop/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/trivet-policy-XXXXXX";
static struct trivet_policies policies;
static struct trivet_error err;

static int begin(void **state)
{
    (void)state;
    int file = mkstemp(path);
    return file >= 0 ? close(file) : -1;
}

static int end(void **state)
{
    (void)state;
    return unlink(path);
}

static enum trivet_status read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return trivet_policies_read(path, &policies, &err);
}

static void refused(const char *text, const char *words)
{
    const size_t n_before = policies.n_items;
    assert_int_equal(read_text(text), TRIVET_INVALID_ARGUMENT);
    if (strstr(err.message, words) == NULL || strstr(err.message, path) == NULL) {
        fail_msg("'%s' does not say '%s' and the file", err.message, words);
    }
    assert_int_equal(policies.n_items, n_before);
}

static void test_values(void **state)
{
    (void)state;
    assert_int_equal(read_text("[monitor]\nhttp = x\n"
                               "[loop]\nenabled = no\ncheck = 0.25s\n"
                               "[loop house]\nenabled = yes\non_quality = off\nevery = 12h\n"
                               "new_labels = 500\ncanary = yes\ncanary_share = 0.25\n"
                               "require = r2>=0.9, mse <= 3\nmetric = rmse\nfresh = 2d\n"
                               "[loop other]\nlabels_min = 20\ncooldown = 0\ntidy = no\n"
                               "[loop house]\nlabels_min = 77\n"),
                     TRIVET_OK);
    assert_false(policies.enabled);
    assert_int_equal(policies.check_us, 250000);
    assert_int_equal(policies.n_items, 2);
    const struct trivet_policy *house = &policies.items[0];
    assert_string_equal(house->model, "house");
    assert_true(house->enabled && house->on_drift && house->canary && house->promote);
    assert_true(house->tidy);
    assert_false(house->on_quality);
    assert_int_equal(house->every_us, INT64_C(43200000000));
    assert_int_equal(house->fresh_us, INT64_C(172800000000));
    assert_int_equal(house->new_labels, 500);
    assert_int_equal(house->labels_min, 77);
    assert_true(house->canary_share == 0.25);
    assert_int_equal(house->n_require, 2);
    assert_string_equal(house->require[0], "r2>=0.9");
    assert_string_equal(house->require[1], "mse <= 3");
    assert_string_equal(house->metric, "rmse");
    assert_int_equal(policies.items[1].labels_min, 20);
    assert_int_equal(policies.items[1].cooldown_us, 0);
    assert_false(policies.items[1].tidy);
}

/* A section without keys has the defaults; gates of several lines are all there. */
static void test_sections(void **state)
{
    (void)state;
    assert_int_equal(read_text("  [loop empty]\n[loop gates]\nrequire = f1_macro>=0.9,\n"
                               "  accuracy>=0.5\nrequire = log_loss<1\n[loop last] ; nothing\n"),
                     TRIVET_OK);
    assert_int_equal(policies.n_items, 3);
    assert_string_equal(policies.items[0].model, "empty");
    assert_true(policies.items[0].enabled && policies.items[0].on_drift);
    const struct trivet_policy *gates = &policies.items[1];
    assert_int_equal(gates->n_require, 3);
    assert_string_equal(gates->require[0], "f1_macro>=0.9");
    assert_string_equal(gates->require[1], "accuracy>=0.5");
    assert_string_equal(gates->require[2], "log_loss<1");
    assert_string_equal(policies.items[2].model, "last");
}

static void test_nothing_without_a_policy(void **state)
{
    (void)state;
    assert_int_equal(read_text("[monitor]\nhttp = x\n[loop]\nenabled = yes\n"), TRIVET_OK);
    assert_int_equal(policies.n_items, 0);
    assert_int_equal(trivet_policies_read("/nonexistent/policy", &policies, &err),
                     TRIVET_NOT_FOUND);
}

static void test_refused(void **state)
{
    (void)state;
    refused("[loop a]\nspeed = 3\n", ":2: 'speed' is not known");
    refused("[loop a]\nenabled = maybe\n", "yes or no");
    refused("[loop a]\nevery = 5\n", "unit");
    refused("[loop a]\nevery = -5s\n", "unit");
    refused("[loop a]\nlabels_min = 19\n", "from 20");
    refused("[loop a]\nlabels_min = 20.5\n", "whole number");
    refused("[loop a]\ncanary_share = 1\n", "canary_share");
    refused("[loop a]\nholdout_share = nan\n", "holdout_share");
    refused("[loop a]\nrequire = good\n", "is not a gate");
    refused("[loop a]\nrequire = r2>=abc\n", "is not a gate");
    refused("[loop a]\nrequire = accuracy>=0.5, speed>1\n", ":2: 'speed' is not a metric");
    refused("[loop a]\nmetric = bogus\n", "'bogus' is not a metric; there are ");
    refused("[loop]\n\n[Loop a]\n", ":3: [Loop a] is not a section of a policy");
    refused("[loops]\nenabled = yes\n", ":1: [loops] is not a section");
    refused("[loop ../a]\nenabled = yes\n", "not a model's name");
    refused("[loop]\ncheck = 0.01s\n", "at least");
    refused("[loop]\nlabels_min = 100\n", "[loop MODEL]");
    refused("[loop a]\nnonsense\n", ":2:");
}

static void test_bounds(void **state)
{
    (void)state;
    char text[8192];
    size_t used = 0;
    for (int i = 0; i < TRIVET_POLICIES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "[loop m%d]\nenabled=yes\n", i);
    }
    assert_int_equal(read_text(text), TRIVET_OK);
    assert_int_equal(policies.n_items, TRIVET_POLICIES_MAX);
    (void)snprintf(text + used, sizeof(text) - used, "[loop more]\nenabled=yes\n");
    refused(text, "at most");
    refused("[loop a]\nrequire = r2>1,r2>1,r2>1,r2>1,r2>1,r2>1,r2>1,r2>1,r2>1\n", "at most");
}

static void test_duration(void **state)
{
    (void)state;
    int64_t us = -1;
    assert_true(trivet_policy_duration("0", &us));
    assert_int_equal(us, 0);
    assert_true(trivet_policy_duration("1.5m", &us));
    assert_int_equal(us, 90000000);
    assert_true(trivet_policy_duration("10 s", &us));
    assert_int_equal(us, 10000000);
    assert_false(trivet_policy_duration("", &us));
    assert_false(trivet_policy_duration("m", &us));
    assert_false(trivet_policy_duration("5w", &us));
    assert_false(trivet_policy_duration("99999d", &us));
    assert_int_equal(us, 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_nothing_without_a_policy),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_duration),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
