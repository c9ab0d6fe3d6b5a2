#include "lifecycle/outcome_limit.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define AT(seconds) (1000 * TRIVET_NS_PER_S + (int64_t)((seconds)*TRIVET_NS_PER_S))

static void a_minutes_worth_at_once_and_then_evenly(void **state)
{
    (void)state;
    struct trivet_outcome_limit *limit = trivet_outcome_limit_create();
    uint32_t wait_s = 0;
    assert_true(trivet_outcome_limit_take(limit, "m", 1, 60, 60, AT(0), &wait_s));
    assert_false(trivet_outcome_limit_take(limit, "m", 1, 10, 60, AT(0), &wait_s));
    assert_int_equal(wait_s, 10);
    assert_false(trivet_outcome_limit_take(limit, "m", 1, 10, 60, AT(9), &wait_s));
    assert_true(trivet_outcome_limit_take(limit, "m", 1, 10, 60, AT(10), &wait_s));
    assert_false(trivet_outcome_limit_take(limit, "m", 1, 1, 60, AT(10.5), &wait_s));
    assert_true(trivet_outcome_limit_take(limit, "m", 1, 60, 60, AT(1000), &wait_s));
    trivet_outcome_limit_free(limit);
}

static void more_than_a_minutes_worth_never(void **state)
{
    (void)state;
    struct trivet_outcome_limit *limit = trivet_outcome_limit_create();
    uint32_t wait_s = 7;
    assert_false(trivet_outcome_limit_take(limit, "m", 1, 61, 60, AT(0), &wait_s));
    assert_int_equal(wait_s, 0);
    trivet_outcome_limit_free(limit);
}

static void callers_and_models_have_their_own(void **state)
{
    (void)state;
    struct trivet_outcome_limit *limit = trivet_outcome_limit_create();
    uint32_t wait_s = 0;
    assert_true(trivet_outcome_limit_take(limit, "m", 1, 5, 5, AT(0), &wait_s));
    assert_true(trivet_outcome_limit_take(limit, "m", 2, 5, 5, AT(0), &wait_s));
    assert_true(trivet_outcome_limit_take(limit, "n", 1, 5, 5, AT(0), &wait_s));
    assert_false(trivet_outcome_limit_take(limit, "m", 1, 1, 5, AT(0), &wait_s));
    trivet_outcome_limit_give_back(limit, "m", 1, 5);
    assert_true(trivet_outcome_limit_take(limit, "m", 1, 5, 5, AT(0), &wait_s));
    trivet_outcome_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_minutes_worth_at_once_and_then_evenly),
        cmocka_unit_test(more_than_a_minutes_worth_never),
        cmocka_unit_test(callers_and_models_have_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
