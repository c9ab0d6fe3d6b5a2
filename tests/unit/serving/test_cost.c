/* The estimate follows what batches take, not what a thread lost to others. */
#include "serving/cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_near(double value, double expected, double off_max)
{
    assert_true(value > expected - off_max && value < expected + off_max);
}

static void test_follows(void **state)
{
    (void)state;
    struct trivet_cost cost = {.batch_ns = 500, .row_ns = 10};
    for (int i = 0; i < 500; i++) {
        trivet_cost_learn(&cost, 1, 2000 + 100);
        trivet_cost_learn(&cost, 100, 2000 + 100 * 100);
    }
    assert_near(cost.batch_ns, 2000, 20);
    assert_near(cost.row_ns, 100, 1);
    for (int i = 0; i < 500; i++) {
        trivet_cost_learn(&cost, 1, 300 + 5);
        trivet_cost_learn(&cost, 100, 300 + 5 * 100);
    }
    assert_near(cost.batch_ns, 300, 5);
    assert_near(cost.row_ns, 5, 1);
}

static void test_from_nothing(void **state)
{
    (void)state;
    struct trivet_cost cost = {0};
    for (int i = 0; i < 500; i++) {
        trivet_cost_learn(&cost, 1, 1e6);
    }
    assert_near(trivet_cost_ns(&cost, 1), 1e6, 1e3);
}

/* A batch of 2 µs in which the thread was stopped for 20 ms; then a tenth of all batches. */
static void test_a_stop_is_no_cost(void **state)
{
    (void)state;
    struct trivet_cost cost = {.batch_ns = 2000, .row_ns = 1};
    trivet_cost_learn(&cost, 1, 20e6);
    assert_true(trivet_cost_ns(&cost, 1) < 2000 * 1.1);
    trivet_cost_learn(&cost, 1024, 20e6);
    assert_true(trivet_cost_ns(&cost, 1024) < 3100 * 1.2);
    for (int i = 0; i < 1000; i++) {
        trivet_cost_learn(&cost, 1, i % 10 == 0 ? 20e6 : 2000);
        assert_true(trivet_cost_ns(&cost, 1) < 2500);
    }
}

/* An estimate that is all in the wrong part comes down with batches of any size. */
static void test_comes_down_whatever_the_rows(void **state)
{
    (void)state;
    struct trivet_cost batch = {.batch_ns = 1e6, .row_ns = 0};
    struct trivet_cost row = {.batch_ns = 0, .row_ns = 1e6};
    for (int i = 0; i < 200; i++) {
        trivet_cost_learn(&batch, 1000, 5000);
        trivet_cost_learn(&row, 1, 5000);
    }
    assert_near(trivet_cost_ns(&batch, 1000), 5000, 10);
    assert_near(trivet_cost_ns(&row, 1), 5000, 10);
    assert_true(batch.batch_ns >= 0 && batch.row_ns >= 0);
    assert_true(row.batch_ns >= 0 && row.row_ns >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows),
        cmocka_unit_test(test_from_nothing),
        cmocka_unit_test(test_a_stop_is_no_cost),
        cmocka_unit_test(test_comes_down_whatever_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
