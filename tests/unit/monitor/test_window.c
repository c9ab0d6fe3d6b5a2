#include "base/alloc.h"
#include "monitor/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define T0 1700000000LL

static struct trivet_monitor_counts calls(uint64_t n, uint64_t latency_us)
{
    struct trivet_monitor_counts counts = {0};
    counts.calls[TRIVET_OK] = n;
    counts.rows[TRIVET_OK] = 2 * n;
    counts.batches = n;
    for (uint64_t i = 0; i < n; i++) {
        trivet_histogram_record_ns(&counts.queue, latency_us * 100);
        trivet_histogram_record_ns(&counts.compute, latency_us * 500);
        trivet_histogram_record_ns(&counts.total, latency_us * 1000);
    }
    return counts;
}

static struct trivet_monitor_counts sum_of(const struct trivet_window *window, int64_t from,
                                           int64_t to)
{
    struct trivet_monitor_counts sum = {0};
    trivet_window_sum(window, from, to, &sum);
    return sum;
}

static void test_sums(void **state)
{
    (void)state;
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    struct trivet_window *window = trivet_window_create(&budget);
    assert_non_null(window);
    struct trivet_monitor_counts slow = calls(1, 1000);
    struct trivet_monitor_counts fast = calls(99, 10);
    trivet_window_add(window, T0, &slow);
    trivet_window_add(window, T0, &fast);
    trivet_window_add(window, T0 + 2, &fast);
    struct trivet_monitor_counts sum = sum_of(window, T0, T0 + 1);
    assert_int_equal(sum.calls[TRIVET_OK], 100);
    assert_int_equal(sum.rows[TRIVET_OK], 200);
    assert_int_equal(sum.batches, 100);
    trivet_monitor_counts_add(&fast, &slow);
    assert_memory_equal(&sum, &fast, sizeof(sum));
    assert_float_equal(trivet_histogram_quantile_us(&sum.total, 0.5), 10, 10.0 / 8);
    assert_true(trivet_histogram_quantile_us(&sum.total, 1.0) > 800);
    assert_int_equal(sum_of(window, T0 + 1, T0 + 2).calls[TRIVET_OK], 0);
    assert_int_equal(sum_of(window, T0 + 1, T0 + 3).calls[TRIVET_OK], 99);
    assert_int_equal(sum_of(window, 0, INT64_MAX).calls[TRIVET_OK], 199);
    trivet_window_free(window);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_rolls(void **state)
{
    (void)state;
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    struct trivet_window *window = trivet_window_create(&budget);
    struct trivet_monitor_counts one = calls(1, 10);
    for (int64_t t = 0; t < 2 * TRIVET_WINDOW_SECONDS; t++) {
        trivet_window_add(window, T0 + t, &one);
    }
    /* Exactly the newest 900 seconds are there. */
    assert_int_equal(sum_of(window, 0, INT64_MAX).calls[TRIVET_OK], TRIVET_WINDOW_SECONDS);
    int64_t newest = T0 + 2 * TRIVET_WINDOW_SECONDS - 1;
    /* The oldest second still takes late numbers, the one before does not. */
    trivet_window_add(window, newest - TRIVET_WINDOW_SECONDS + 1, &one);
    trivet_window_add(window, newest - TRIVET_WINDOW_SECONDS, &one);
    assert_int_equal(sum_of(window, 0, INT64_MAX).calls[TRIVET_OK], TRIVET_WINDOW_SECONDS + 1);
    trivet_window_free(window);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_expires(void **state)
{
    (void)state;
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    struct trivet_window *window = trivet_window_create(&budget);
    struct trivet_monitor_counts one = calls(1, 10);
    size_t empty_bytes = budget.used_bytes;
    trivet_window_add(window, T0, &one);
    trivet_window_add(window, T0 + 10, &one);
    for (int64_t now = T0; now <= T0 + TRIVET_WINDOW_SECONDS; now++) {
        trivet_window_expire(window, now);
    }
    assert_int_equal(sum_of(window, 0, INT64_MAX).calls[TRIVET_OK], 1);
    trivet_window_expire(window, T0 + 100 * TRIVET_WINDOW_SECONDS);
    assert_int_equal(budget.used_bytes, empty_bytes);
    trivet_window_free(window);
}

static void test_saturates(void **state)
{
    (void)state;
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    struct trivet_window *window = trivet_window_create(&budget);
    struct trivet_monitor_counts many = {.batches = (uint64_t)UINT32_MAX + 10};
    trivet_window_add(window, T0, &many);
    trivet_window_add(window, T0, &many);
    assert_int_equal(sum_of(window, T0, T0 + 1).batches, UINT32_MAX);
    trivet_window_free(window);
}

static void test_budget(void **state)
{
    (void)state;
    struct trivet_window_budget none = {.bytes_max = 100};
    assert_null(trivet_window_create(&none));
    assert_int_equal(none.used_bytes, 0);
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    struct trivet_window *window = trivet_window_create(&budget);
    struct trivet_monitor_counts one = calls(1, 10);
    struct trivet_monitor_counts nothing = {0};
    budget.bytes_max = budget.used_bytes;
    trivet_window_add(window, T0, &one);
    assert_int_equal(budget.dropped_slots, 1);
    trivet_window_add(window, T0, &nothing);
    assert_int_equal(budget.dropped_slots, 1);
    assert_int_equal(sum_of(window, T0, T0 + 1).calls[TRIVET_OK], 0);
    trivet_window_free(window);
    assert_int_equal(budget.used_bytes, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct trivet_window_budget budget = {.bytes_max = 1 << 20};
    (void)trivet_alloc_fail_at(1);
    assert_null(trivet_window_create(&budget));
    (void)trivet_alloc_fail_at(0);
    assert_int_equal(budget.used_bytes, 0);
    struct trivet_window *window = trivet_window_create(&budget);
    struct trivet_monitor_counts one = calls(1, 10);
    struct trivet_monitor_counts other = calls(1, 5000);
    trivet_window_add(window, T0, &one);
    (void)trivet_alloc_fail_at(1);
    trivet_window_add(window, T0, &other);
    (void)trivet_alloc_fail_at(0);
    assert_int_equal(sum_of(window, T0, T0 + 1).calls[TRIVET_OK], 1);
    trivet_window_free(window);
    assert_int_equal(budget.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),    cmocka_unit_test(test_rolls),
        cmocka_unit_test(test_expires), cmocka_unit_test(test_saturates),
        cmocka_unit_test(test_budget),  cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
