/* How the loss of a fit went, in bounded room. */
#include "training/losses.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Iterations are told with gaps, as by the clock. */
static uint64_t iteration_of(uint64_t told)
{
    return 1 + 7 * told + told % 3;
}

static double loss_of(uint64_t told)
{
    return 1.0 / (double)(told + 1);
}

/* Place of an iteration among those told. */
static uint64_t told_of(uint64_t iteration)
{
    return (iteration - 1) / 7;
}

static void check(const struct trivet_losses *losses, uint64_t n_told)
{
    uint64_t stride = 0;
    assert_true(losses->n <= TRIVET_LOSSES_MAX);
    assert_true(losses->n >= (n_told < TRIVET_LOSSES_MAX / 2 ? n_told : TRIVET_LOSSES_MAX / 2));
    assert_int_equal(losses->iterations[0], iteration_of(0));
    assert_int_equal(losses->iterations[losses->n - 1], iteration_of(n_told - 1));
    for (size_t i = 0; i < losses->n; i++) {
        const uint64_t told = told_of(losses->iterations[i]);
        assert_int_equal(losses->iterations[i], iteration_of(told));
        assert_true(losses->values[i] == loss_of(told));
        if (i == 0) {
            continue;
        }
        const uint64_t step = told - told_of(losses->iterations[i - 1]);
        stride = i == 1 ? step : stride;
        assert_true(i + 1 == losses->n ? step >= 1 && step <= stride : step == stride);
    }
}

static void test_evenly_thinned(void **state)
{
    (void)state;
    struct trivet_losses losses = {0};
    for (uint64_t told = 0; told < 5000; told++) {
        trivet_losses_take(&losses, iteration_of(told), loss_of(told));
        check(&losses, told + 1);
    }
    assert_int_equal(losses.stride, 64);
}

static void test_all_of_a_few(void **state)
{
    (void)state;
    struct trivet_losses losses = {0};
    for (uint64_t told = 0; told < TRIVET_LOSSES_MAX; told++) {
        trivet_losses_take(&losses, told + 1, loss_of(told));
    }
    assert_int_equal(losses.n, TRIVET_LOSSES_MAX);
    for (uint64_t told = 0; told < TRIVET_LOSSES_MAX; told++) {
        assert_int_equal(losses.iterations[told], told + 1);
    }
}

static void test_begun_anew(void **state)
{
    (void)state;
    struct trivet_losses losses = {0};
    for (uint64_t told = 0; told < 1000; told++) {
        trivet_losses_take(&losses, iteration_of(told), 7.0);
    }
    for (uint64_t told = 0; told < 10; told++) {
        trivet_losses_take(&losses, iteration_of(told), loss_of(told));
        check(&losses, told + 1);
    }
    assert_int_equal(losses.n, 10);
}

static void test_no_points(void **state)
{
    (void)state;
    struct trivet_losses losses = {0};
    trivet_losses_take(&losses, 0, 1.0);
    trivet_losses_take(&losses, 1, NAN);
    trivet_losses_take(&losses, 1, INFINITY);
    trivet_losses_take(&losses, 1, -INFINITY);
    assert_int_equal(losses.n, 0);
    trivet_losses_keep_newest(&losses);
    assert_int_equal(losses.n, 0);
    trivet_losses_take(&losses, 5, 0.5);
    trivet_losses_take(&losses, 5, 0.25); /* told already */
    trivet_losses_take(&losses, UINT64_MAX, 0.125);
    trivet_losses_take(&losses, UINT64_MAX, 0.125);
    assert_int_equal(losses.n, 2);
    assert_true(losses.values[0] == 0.5);
    trivet_losses_keep_newest(&losses);
    assert_int_equal(losses.n, 1);
    assert_int_equal(losses.iterations[0], UINT64_MAX);
    assert_true(losses.values[0] == 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evenly_thinned),
        cmocka_unit_test(test_all_of_a_few),
        cmocka_unit_test(test_begun_anew),
        cmocka_unit_test(test_no_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
