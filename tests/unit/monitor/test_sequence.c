#include "monitor/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct trivet_sequence begun(uint64_t epoch, uint64_t first)
{
    struct trivet_sequence sequence = {0};
    assert_int_equal(trivet_sequence_epoch(&sequence, epoch), TRIVET_SEQUENCE_BEGINS);
    assert_true(trivet_sequence_event(&sequence, first));
    return sequence;
}

static void test_no_loss(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 1);
    for (uint64_t i = 2; i <= 1000; i++) {
        assert_true(trivet_sequence_event(&sequence, i));
    }
    assert_int_equal(sequence.lost, 0);
    assert_int_equal(sequence.events, 1000);
    assert_int_equal(sequence.last, 1000);
}

/* What came before a monitor started is not lost: it was not there. */
static void test_joining_late(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 5000);
    assert_int_equal(sequence.lost, 0);
    assert_false(trivet_sequence_event(&sequence, 4990));
    assert_false(trivet_sequence_event(&sequence, 1));
    assert_int_equal(sequence.lost, 0);
    assert_int_equal(sequence.duplicates, 2);
}

/* A number that cannot be would turn all that follow into late ones. */
static void test_absurd_numbers(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 5);
    assert_true(trivet_sequence_fits(&sequence, 7, 6));
    assert_true(trivet_sequence_fits(&sequence, 7, 1)); /* late */
    assert_true(trivet_sequence_fits(&sequence, 7, 5 + TRIVET_SEQUENCE_AHEAD_MAX));
    assert_false(trivet_sequence_fits(&sequence, 7, 6 + TRIVET_SEQUENCE_AHEAD_MAX));
    assert_false(trivet_sequence_fits(&sequence, 7, UINT64_MAX));
    assert_false(trivet_sequence_fits(&sequence, 8, UINT64_MAX));
}

static void test_gaps(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 1);
    assert_true(trivet_sequence_event(&sequence, 3));
    assert_int_equal(sequence.lost, 1);
    assert_true(trivet_sequence_event(&sequence, 1003));
    assert_int_equal(sequence.lost, 1000);
    assert_true(trivet_sequence_event(&sequence, 1004));
    assert_int_equal(sequence.lost, 1000);
    assert_int_equal(sequence.events, 4);
}

static void test_reorder_and_duplicates(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 1);
    assert_true(trivet_sequence_event(&sequence, 4));
    assert_int_equal(sequence.lost, 2);
    assert_true(trivet_sequence_event(&sequence, 3));
    assert_int_equal(sequence.lost, 1);
    assert_false(trivet_sequence_event(&sequence, 3));
    assert_false(trivet_sequence_event(&sequence, 4));
    assert_false(trivet_sequence_event(&sequence, 1));
    assert_true(trivet_sequence_event(&sequence, 2));
    assert_int_equal(sequence.lost, 0);
    assert_int_equal(sequence.duplicates, 3);
    assert_int_equal(sequence.events, 4);
    assert_int_equal(sequence.last, 4);
}

/* Late by the most that is remembered, and by one more. */
static void test_late_boundary(void **state)
{
    (void)state;
    const uint64_t max = TRIVET_SEQUENCE_LATE_MAX;
    struct trivet_sequence sequence = begun(7, 1);
    assert_true(trivet_sequence_event(&sequence, 1000));
    assert_int_equal(sequence.lost, 998);
    assert_true(trivet_sequence_event(&sequence, 1000 - max));
    assert_int_equal(sequence.lost, 997);
    assert_false(trivet_sequence_event(&sequence, 1000 - max - 1));
    assert_int_equal(sequence.lost, 997);
    /* A jump by exactly the memory's size keeps the last event known. */
    assert_true(trivet_sequence_event(&sequence, 1000 + max));
    assert_false(trivet_sequence_event(&sequence, 1000));
    assert_int_equal(sequence.lost, 997 + max - 1);
}

static void test_restart(void **state)
{
    (void)state;
    struct trivet_sequence sequence = begun(7, 10);
    assert_int_equal(trivet_sequence_epoch(&sequence, 7), TRIVET_SEQUENCE_CURRENT);
    assert_int_equal(trivet_sequence_epoch(&sequence, 8), TRIVET_SEQUENCE_BEGINS);
    assert_int_equal(sequence.restarts, 1);
    /* Its first two events were missed under our eyes. */
    assert_true(trivet_sequence_event(&sequence, 3));
    assert_int_equal(sequence.lost, 2);
    assert_true(trivet_sequence_event(&sequence, 1));
    assert_int_equal(sequence.lost, 1);
    /* A word of the old epoch that comes late changes nothing. */
    assert_int_equal(trivet_sequence_epoch(&sequence, 7), TRIVET_SEQUENCE_ENDED);
    assert_int_equal(sequence.epoch, 8);
    assert_int_equal(sequence.restarts, 1);
}

static void test_many_restarts(void **state)
{
    (void)state;
    struct trivet_sequence sequence = {0};
    for (uint64_t epoch = 1; epoch <= 100; epoch++) {
        assert_int_equal(trivet_sequence_epoch(&sequence, epoch), TRIVET_SEQUENCE_BEGINS);
        assert_true(trivet_sequence_event(&sequence, 1));
    }
    assert_int_equal(sequence.restarts, 99);
    assert_int_equal(sequence.lost, 0);
    assert_int_equal(sequence.n_ended, TRIVET_SEQUENCE_ENDED_MAX);
    for (uint64_t epoch = 100 - TRIVET_SEQUENCE_ENDED_MAX; epoch < 100; epoch++) {
        assert_int_equal(trivet_sequence_epoch(&sequence, epoch), TRIVET_SEQUENCE_ENDED);
    }
}

/* Every pattern of six events in any order and with repeats: lost is what never came. */
static void test_all_orders(void **state)
{
    (void)state;
    for (unsigned code = 0; code < 46656; code++) {
        struct trivet_sequence sequence = begun(7, 1);
        unsigned seen = 0;
        uint64_t highest = 1;
        unsigned rest = code;
        for (int i = 0; i < 6; i++, rest /= 6) {
            uint64_t number = 2 + rest % 6;
            bool fresh = (seen >> number & 1) == 0;
            assert_int_equal(trivet_sequence_event(&sequence, number), fresh);
            seen |= 1u << number;
            highest = number > highest ? number : highest;
        }
        assert_int_equal(sequence.lost, highest - 1 - (uint64_t)__builtin_popcount(seen));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_loss),
        cmocka_unit_test(test_joining_late),
        cmocka_unit_test(test_absurd_numbers),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_reorder_and_duplicates),
        cmocka_unit_test(test_late_boundary),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_many_restarts),
        cmocka_unit_test(test_all_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
