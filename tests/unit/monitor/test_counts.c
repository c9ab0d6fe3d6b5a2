#include "base/alloc.h"
#include "messages.h"
#include "monitor/counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct trivet_monitor_counts counts_of(uint64_t ok, uint64_t bad)
{
    struct totals_message totals;
    struct trivet_monitor_counts counts;
    struct trivet_error err;
    totals_fill(&totals, "m", 1, ok, bad, 100);
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err), TRIVET_OK);
    return counts;
}

static void test_read(void **state)
{
    (void)state;
    struct trivet_monitor_counts counts = counts_of(10, 3);
    assert_int_equal(trivet_monitor_counts_calls(&counts), 13);
    assert_int_equal(trivet_monitor_counts_failed_calls(&counts), 3);
    assert_int_equal(trivet_monitor_counts_failed_rows(&counts), 3);
    assert_int_equal(counts.rows[TRIVET_OK], 10);
    assert_int_equal(counts.total.count, 13);
    assert_int_equal(counts.total.sum_ns, 1300000);
}

static void test_unknown_code_and_no_histogram(void **state)
{
    (void)state;
    struct totals_message totals;
    struct trivet_monitor_counts counts;
    struct trivet_error err;
    totals_fill(&totals, "m", 1, 1, 2, 100);
    totals.codes[1].status = (Trivet__V1__Status)99;
    totals.message.total = NULL;
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err), TRIVET_OK);
    assert_int_equal(counts.calls[TRIVET_UNKNOWN], 2);
    assert_int_equal(counts.total.count, 0);
    totals.codes[1].status = (Trivet__V1__Status)-1;
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err), TRIVET_OK);
    assert_int_equal(counts.calls[TRIVET_UNKNOWN], 2);
}

static void test_bad_histograms(void **state)
{
    (void)state;
    struct totals_message totals;
    struct trivet_monitor_counts counts = {.batches = 42};
    struct trivet_error err;
    totals_fill(&totals, "m", 1, 1, 0, 100);
    totals.buckets[0] = TRIVET_HISTOGRAM_BUCKETS - 1;
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err), TRIVET_OK);
    counts.batches = 42;
    totals.buckets[0] = TRIVET_HISTOGRAM_BUCKETS;
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err),
                     TRIVET_INVALID_ARGUMENT);
    totals.buckets[0] = 0;
    totals.histogram.n_counts = 0;
    assert_int_equal(trivet_monitor_counts_read(&totals.message, &counts, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(counts.batches, 42);
}

static void test_add_subtract_cover(void **state)
{
    (void)state;
    struct trivet_monitor_counts older = counts_of(10, 3);
    struct trivet_monitor_counts newer = counts_of(12, 3);
    assert_true(trivet_monitor_counts_cover(&newer, &older));
    assert_true(trivet_monitor_counts_cover(&older, &older));
    assert_false(trivet_monitor_counts_cover(&older, &newer));
    struct trivet_monitor_counts delta = newer;
    trivet_monitor_counts_subtract(&delta, &older);
    assert_int_equal(trivet_monitor_counts_calls(&delta), 2);
    assert_int_equal(delta.total.count, 2);
    trivet_monitor_counts_add(&delta, &older);
    assert_memory_equal(&delta, &newer, sizeof(newer));
    /* More of one thing and less of another is not newer. */
    struct trivet_monitor_counts mixed = counts_of(20, 2);
    assert_false(trivet_monitor_counts_cover(&mixed, &older));
}

static void test_pack_round_trip(void **state)
{
    (void)state;
    struct trivet_monitor_counts counts = counts_of(10, 3);
    struct trivet_monitor_counts back;
    struct trivet_error err;
    counts.queue.buckets[0] = 5;
    counts.queue.buckets[131] = UINT64_MAX;
    counts.calls[16] = 9;
    struct trivet_arena *arena = trivet_arena_create(65536, 0);
    struct trivet_buffer packed = {0};
    assert_non_null(arena);
    assert_int_equal(trivet_monitor_counts_pack(&counts, &packed, &err), TRIVET_OK);
    assert_int_equal(trivet_monitor_counts_unpack(packed.data, packed.n_bytes, arena, &back, &err),
                     TRIVET_OK);
    assert_memory_equal(&back, &counts, sizeof(counts));
    /* Nothing at all packs to a few bytes, and back. */
    const struct trivet_monitor_counts zero = {0};
    packed.n_bytes = 0;
    assert_int_equal(trivet_monitor_counts_pack(&zero, &packed, &err), TRIVET_OK);
    assert_int_equal(trivet_monitor_counts_unpack(packed.data, packed.n_bytes, arena, &back, &err),
                     TRIVET_OK);
    assert_memory_equal(&back, &zero, sizeof(zero));
    assert_int_equal(trivet_monitor_counts_unpack("\xff\xff\xff", 3, arena, &back, &err),
                     TRIVET_INVALID_ARGUMENT);
    trivet_buffer_release(&packed);
    trivet_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_unknown_code_and_no_histogram),
        cmocka_unit_test(test_bad_histograms),
        cmocka_unit_test(test_add_subtract_cover),
        cmocka_unit_test(test_pack_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
