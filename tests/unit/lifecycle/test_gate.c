#include "lifecycle/gate.h"

#include "metrics/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct trivet_metric metrics[] = {
    {.name = "r2", .value = 0.9, .defined = true},
    {.name = "rmse", .value = 2.5, .defined = true},
    {.name = "mape", .value = 0, .defined = false},
};

static enum trivet_status check(const char *gate, struct trivet_error *err)
{
    return trivet_gate_check(gate, metrics, 3, err);
}

static void met(void **state)
{
    (void)state;
    struct trivet_error err;
    const char *const gates[] = {"r2>=0.9", "r2>0.89",   "r2 >= 0.5",   " r2>=9e-1",
                                 "rmse<3",  "rmse<=2.5", "rmse <= 2.5 "};
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        assert_int_equal(check(gates[i], &err), TRIVET_OK);
    }
}

static void not_met(void **state)
{
    (void)state;
    struct trivet_error err;
    const char *const gates[] = {"r2>=0.91", "r2>0.9", "rmse<2.5", "rmse<=2.49", "r2<0"};
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        assert_int_equal(check(gates[i], &err), TRIVET_FAILED_PRECONDITION);
    }
    assert_int_equal(check("r2>=0.95", &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "0.9"));
}

static void undefined_is_not_met(void **state)
{
    (void)state;
    struct trivet_error err;
    assert_int_equal(check("mape<1", &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "not defined"));
}

static void unknown_metric_names_the_others(void **state)
{
    (void)state;
    struct trivet_error err;
    assert_int_equal(check("f1>=0.9", &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "r2, rmse, mape"));
    assert_int_equal(check("r2=>0.9", &err), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_gate_check("f1>=0.9", NULL, 0, &err), TRIVET_INVALID_ARGUMENT);
}

static void malformed(void **state)
{
    (void)state;
    struct trivet_error err;
    const char *const gates[] = {"",      "r2",      "r2>=", ">=0.9",      "r2==0.9",
                                 "r2>=x", "r2>=nan", " >=1", "r2>=0.9 0.8"};
    for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        assert_int_equal(check(gates[i], &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "r2>=0.9"));
    }
}

/* Every metric there is can be gated, by its whole name and by no part of it. */
static void every_metric_can_be_named(void **state)
{
    (void)state;
    size_t count = 0;
    const struct trivet_metric_info *all = trivet_metric_catalog(&count);
    for (size_t i = 0; i < count; i++) {
        struct trivet_error err;
        const struct trivet_metric metric = {.name = all[i].name, .value = 0.5, .defined = true};
        char gate[128];
        snprintf(gate, sizeof(gate), "%s >= 0.5", all[i].name);
        assert_int_equal(trivet_gate_check(gate, &metric, 1, &err), TRIVET_OK);
        snprintf(gate, sizeof(gate), "%s<0.5", all[i].name);
        assert_int_equal(trivet_gate_check(gate, &metric, 1, &err), TRIVET_FAILED_PRECONDITION);
        snprintf(gate, sizeof(gate), "%s_<0.5", all[i].name);
        assert_int_equal(trivet_gate_check(gate, &metric, 1, &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, all[i].name));
    }
}

/* --- better than another --- */

static enum trivet_status better(const char *metric, double ours, double theirs,
                                 struct trivet_error *err)
{
    const char *name = metric[0] == '\0' ? "r2" : metric;
    const struct trivet_metric our = {.name = name, .value = ours, .defined = true};
    const struct trivet_metric their = {.name = name, .value = theirs, .defined = true};
    return trivet_gate_better(metric, &our, 1, &their, 1, err);
}

static void better_goes_by_the_metric(void **state)
{
    (void)state;
    struct trivet_error err;
    assert_int_equal(better("", 0.91, 0.9, &err), TRIVET_OK);
    assert_int_equal(better("", 0.9, 0.91, &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "its r2 is 0.9, the other's 0.91"));
    assert_int_equal(better("", 0.9, 0.9, &err), TRIVET_FAILED_PRECONDITION); /* equal */
    assert_int_equal(better("rmse", 2, 3, &err), TRIVET_OK);                  /* less is better */
    assert_int_equal(better("rmse", 3, 2, &err), TRIVET_FAILED_PRECONDITION);
    assert_int_equal(better("f1_macro", 0.5, 0.4, &err), TRIVET_OK);
}

static void better_needs_the_metric_on_both_sides(void **state)
{
    (void)state;
    struct trivet_error err;
    assert_int_equal(trivet_gate_better("f1", metrics, 3, metrics, 3, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "r2, rmse, mape"));
    assert_int_equal(trivet_gate_better("mape", metrics, 3, metrics, 3, &err),
                     TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "not defined"));
    assert_int_equal(trivet_gate_better("r2", metrics, 3, &metrics[1], 2, &err),
                     TRIVET_FAILED_PRECONDITION);
    assert_int_equal(trivet_gate_better(NULL, NULL, 0, metrics, 3, &err), TRIVET_INVALID_ARGUMENT);
}

static void a_metric_is_checked_by_name(void **state)
{
    (void)state;
    struct trivet_error err;
    assert_int_equal(trivet_gate_check_metric("mape", metrics, 3, &err), TRIVET_OK);
    assert_int_equal(trivet_gate_check_metric("", metrics, 3, &err), TRIVET_OK);
    assert_int_equal(trivet_gate_check_metric(NULL, NULL, 0, &err), TRIVET_OK);
    assert_int_equal(trivet_gate_check_metric("zzz", metrics, 3, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "r2, rmse, mape"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(met),
        cmocka_unit_test(not_met),
        cmocka_unit_test(undefined_is_not_met),
        cmocka_unit_test(unknown_metric_names_the_others),
        cmocka_unit_test(malformed),
        cmocka_unit_test(every_metric_can_be_named),
        cmocka_unit_test(better_goes_by_the_metric),
        cmocka_unit_test(better_needs_the_metric_on_both_sides),
        cmocka_unit_test(a_metric_is_checked_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
