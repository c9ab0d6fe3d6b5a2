#include "metrics/bound.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *metric;
        double value;
        bool below; /* holds for a value under it, at it, above it */
        bool at;
        bool above;
    } good[] = {
        {"r2>=0.9", "r2", 0.9, false, true, true},
        {" r2 >0.9", "r2", 0.9, false, false, true},
        {"mse <= 3", "mse", 3, true, true, false},
        {"log_loss<1e-3", "log_loss", 1e-3, true, false, false},
        {"r2>=-1", "r2", -1, false, true, true},
    };
    struct trivet_metric_bound bound;
    struct trivet_error err;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(trivet_metric_bound_parse(good[i].text, &bound, &err), TRIVET_OK);
        assert_string_equal(bound.metric, good[i].metric);
        assert_true(bound.value == good[i].value);
        assert_int_equal(trivet_metric_bound_holds(&bound, bound.value - 1), good[i].below);
        assert_int_equal(trivet_metric_bound_holds(&bound, bound.value), good[i].at);
        assert_int_equal(trivet_metric_bound_holds(&bound, bound.value + 1), good[i].above);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",        "r2",      "r2>=",     ">=0.9",   "r2>=abc",
                                      "r2==0.9", "r2>=nan", "r2>=0.9x", "r2>>0.9", "r2=>1"};
    struct trivet_metric_bound bound;
    struct trivet_error err;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(trivet_metric_bound_parse(bad[i], &bound, &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "is not a gate"));
    }
    char name[80];
    memset(name, 'a', sizeof(name));
    memcpy(name + 70, ">=1", 4);
    assert_int_equal(trivet_metric_bound_parse(name, &bound, &err), TRIVET_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
