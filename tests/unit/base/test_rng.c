#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static void numbers_are_the_references(void **state)
{
    (void)state;
    /* First outputs of the authors' xoshiro256** from the state 1, 2, 3, 4. */
    static const uint64_t expected[] = {11520, 0, 1509978240, UINT64_C(1215971899390074240)};
    struct trivet_rng rng = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(expected); i++) {
        assert_true(trivet_rng_next(&rng) == expected[i]);
    }
    trivet_rng_seed(&rng, 0);
    assert_true(rng.s[0] == UINT64_C(0xe220a8397b1dcdaf)); /* SplitMix64 seeded with 0 */
    assert_true(rng.s[1] == UINT64_C(0x6e789e6aa1b965f4));
}

static void a_seed_repeats(void **state)
{
    (void)state;
    struct trivet_rng a;
    struct trivet_rng b;
    struct trivet_rng c;
    trivet_rng_seed(&a, 42);
    trivet_rng_seed(&b, 42);
    trivet_rng_seed(&c, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t value = trivet_rng_next(&a);
        assert_true(value == trivet_rng_next(&b));
        assert_true(value != trivet_rng_next(&c));
    }
}

static void below_is_bounded_and_even(void **state)
{
    (void)state;
    struct trivet_rng rng;
    unsigned counts[7] = {0};
    trivet_rng_seed(&rng, 1);
    for (int i = 0; i < 70000; i++) {
        counts[trivet_rng_below(&rng, 7)]++;
    }
    for (size_t i = 0; i < 7; i++) {
        assert_in_range(counts[i], 9600, 10400);
    }
    assert_int_equal(trivet_rng_below(&rng, 1), 0);
    /* A bound just over a half of 2^64: without a rejection half the values come twice as often. */
    uint64_t bound = (UINT64_C(1) << 63) + 1;
    unsigned low = 0;
    for (int i = 0; i < 10000; i++) {
        uint64_t value = trivet_rng_below(&rng, bound);
        assert_true(value < bound);
        low += value < bound / 4;
    }
    assert_in_range(low, 2300, 2700);
}

static void moments_fit(void **state)
{
    (void)state;
    struct trivet_rng rng;
    double sum = 0;
    const int n = 200000;
    trivet_rng_seed(&rng, 7);
    for (int i = 0; i < n; i++) {
        double u = trivet_rng_uniform(&rng);
        assert_true(u >= 0.0 && u < 1.0);
        sum += u;
    }
    assert_true(fabs(sum / n - 0.5) < 0.003);
}

static void a_shuffle_is_a_permutation(void **state)
{
    (void)state;
    struct trivet_rng rng;
    size_t indices[100];
    size_t again[100];
    int seen[100] = {0};
    for (size_t i = 0; i < 100; i++) {
        indices[i] = again[i] = i;
    }
    trivet_rng_seed(&rng, 3);
    trivet_rng_shuffle(&rng, indices, 100);
    trivet_rng_seed(&rng, 3);
    trivet_rng_shuffle(&rng, again, 100);
    assert_memory_equal(indices, again, sizeof(indices));
    size_t n_moved = 0;
    for (size_t i = 0; i < 100; i++) {
        seen[indices[i]]++;
        n_moved += indices[i] != i;
    }
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(seen[i], 1);
    }
    assert_true(n_moved > 80);
    trivet_rng_shuffle(&rng, indices, 0);
    trivet_rng_shuffle(&rng, indices, 1);
}

static void entropy_differs(void **state)
{
    (void)state;
    uint64_t a = trivet_rng_entropy();
    assert_true(a != 0);
    assert_true(a != trivet_rng_entropy());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_references), cmocka_unit_test(a_seed_repeats),
        cmocka_unit_test(below_is_bounded_and_even),  cmocka_unit_test(moments_fit),
        cmocka_unit_test(a_shuffle_is_a_permutation), cmocka_unit_test(entropy_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
