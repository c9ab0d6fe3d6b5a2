#include "base/rng.h"
#include "support/normal.h"
#include "telemetry/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void buckets_are_the_contracts(void **state)
{
    (void)state;
    /* proto/trivet/v1/events.proto: bucket 1 + 4e + s begins at 2^e (1 + s/4) µs. */
    assert_int_equal(trivet_histogram_bucket_of_ns(0), 0);
    assert_int_equal(trivet_histogram_bucket_of_ns(999), 0);
    for (unsigned e = 0; e < 32; e++) {
        for (unsigned s = 0; s < 4; s++) {
            size_t bucket = 1 + 4 * (size_t)e + s;
            uint64_t begins_ns = (UINT64_C(250) << e) * (4 + s);
            assert_int_equal(trivet_histogram_bucket_of_ns(begins_ns), bucket);
            assert_int_equal(trivet_histogram_bucket_of_ns(begins_ns - 1), bucket - 1);
            assert_true(trivet_histogram_upper_us(bucket - 1) == (double)begins_ns / 1000.0);
        }
    }
    assert_int_equal(trivet_histogram_bucket_of_ns(UINT64_MAX), TRIVET_HISTOGRAM_BUCKETS - 1);
}

static void quantiles_of_few_values(void **state)
{
    (void)state;
    struct trivet_histogram histogram = {0};
    assert_true(trivet_histogram_quantile_us(&histogram, 0.5) == 0.0);
    trivet_histogram_record_ns(&histogram, 100000); /* bucket 96 … 112 µs */
    for (double q = -1.0; q <= 2.0; q += 0.25) {
        assert_true(trivet_histogram_quantile_us(&histogram, q) == 104.0);
    }
    assert_true(trivet_histogram_quantile_us(&histogram, NAN) == 104.0);
    trivet_histogram_record_ns(&histogram, UINT64_MAX);
    assert_true(isfinite(trivet_histogram_quantile_us(&histogram, 1.0)));
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_are_within_their_bound(void **state)
{
    (void)state;
    enum { COUNT = 20001 };
    static uint64_t values[COUNT];
    struct trivet_histogram histogram = {0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < COUNT; i++) { /* log-normal around 100 µs, as latencies are */
        values[i] = (uint64_t)(1e5 * exp(normal_next(&rng)));
        trivet_histogram_record_ns(&histogram, values[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), by_value);
    static const double quantiles[] = {0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(quantiles); i++) {
        double exact_us = (double)values[(size_t)(quantiles[i] * (COUNT - 1))] / 1000.0;
        double off = fabs(trivet_histogram_quantile_us(&histogram, quantiles[i]) / exact_us - 1.0);
        assert_true(off < 0.25);
        if (quantiles[i] >= 0.1 && quantiles[i] <= 0.99) {
            assert_true(off < 0.02);
        }
    }
}

static void totals_add_up_and_windows_come_back(void **state)
{
    (void)state;
    struct trivet_histogram before = {0};
    struct trivet_histogram window = {0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 6);
    for (int i = 0; i < 1000; i++) {
        trivet_histogram_record_ns(i % 3 == 0 ? &before : &window,
                                   trivet_rng_below(&rng, 1u << 30));
    }
    struct trivet_histogram total = before;
    trivet_histogram_merge(&total, &window);
    assert_int_equal(total.count, 1000);
    struct trivet_histogram back = total;
    trivet_histogram_subtract(&back, &before);
    assert_memory_equal(&back, &window, sizeof(window));
    trivet_histogram_subtract(&before, &total); /* a total that went back */
    assert_int_equal(before.count, 0);
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(before.buckets[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_the_contracts),
        cmocka_unit_test(quantiles_of_few_values),
        cmocka_unit_test(quantiles_are_within_their_bound),
        cmocka_unit_test(totals_add_up_and_windows_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
