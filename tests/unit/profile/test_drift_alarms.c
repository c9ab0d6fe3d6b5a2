/* False alarms and found drift, on columns of 30 shapes: single windows, as no confirmation by a
 * second one may be needed to hide a wrong threshold.
 *   TRIVET_DRIFT_LONG=1   200 windows for each of the 20 references instead of 10 */
#include "profile/drift.h"

#include "base/arena.h"
#include "unit/profile/drift_columns.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REFERENCES 20
#define LEVEL      (0.01 / DRIFT_COLUMNS)

static struct trivet_error err;

struct reference {
    struct trivet_arena *arena;
    const Trivet__V1__Profile *profile;
    struct trivet_bins *bins;
    struct trivet_bins *window;
};

static struct reference reference_make(struct trivet_rng *rng, size_t n_rows)
{
    struct reference reference = {.arena = trivet_arena_create(64u << 20, 4096)};
    assert_non_null(reference.arena);
    reference.profile = drift_reference(rng, n_rows, reference.arena);
    assert_int_equal(trivet_bins_create(reference.profile, &reference.bins, &err), TRIVET_OK);
    assert_int_equal(trivet_bins_create(reference.profile, &reference.window, &err), TRIVET_OK);
    trivet_bins_add_profile(reference.bins, reference.profile);
    return reference;
}

static void reference_free(struct reference *reference)
{
    trivet_bins_free(reference->bins);
    trivet_bins_free(reference->window);
    trivet_arena_free(reference->arena);
}

static size_t windows_each(void)
{
    return getenv("TRIVET_DRIFT_LONG") != NULL ? 200 : 10;
}

/* Of each kind, over all feature windows. */
struct tally {
    size_t found[TRIVET_DRIFT_FINDING_COUNT];
    size_t plain; /* PSI > 0.1, whatever the rows */
    size_t by_column[DRIFT_COLUMNS];
    size_t windows;
};

static void tally_window(const struct reference *reference, struct tally *tally)
{
    for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
        struct trivet_drift_score score;
        trivet_drift_score(reference->bins, reference->window, i, i >= DRIFT_NUMBERS, LEVEL,
                           &score);
        for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            tally->found[k] += score.found[k];
            tally->by_column[i] += score.found[k];
        }
        tally->plain += score.psi > 0.1;
    }
    tally->windows += DRIFT_COLUMNS;
}

static struct tally undisturbed(size_t n_rows, size_t n_reference, size_t n_windows)
{
    struct tally tally = {.windows = 0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, n_rows);
    for (size_t r = 0; r < REFERENCES; r++) {
        struct reference reference = reference_make(&rng, n_reference);
        for (size_t w = 0; w < n_windows; w++) {
            trivet_bins_clear(reference.window);
            drift_fill(reference.window, reference.profile, &rng, n_rows, SIZE_MAX, 0);
            tally_window(&reference, &tally);
        }
        reference_free(&reference);
    }
    print_message("n = %5zu, m = %zu: of %zu feature windows %zu drift, %zu missing, %zu out of "
                  "range; PSI > 0.1 in %.2f %%\n",
                  n_rows, n_reference, tally.windows, tally.found[TRIVET_DRIFT_DISTRIBUTION],
                  tally.found[TRIVET_DRIFT_MISSING], tally.found[TRIVET_DRIFT_OUT_OF_RANGE],
                  100.0 * (double)tally.plain / (double)tally.windows);
    for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
        if (tally.by_column[i] > 0) {
            print_message("    column %zu: %zu\n", i, tally.by_column[i]);
        }
    }
    return tally;
}

static void undisturbed_windows_are_quiet(void **state)
{
    (void)state;
    static const size_t sizes[] = {500, 1000, 10000};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(sizes); i++) {
        const struct tally tally = undisturbed(sizes[i], 2000, windows_each());
        for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            /* LEVEL is 1 % for all columns together: far below 1 % of the feature windows. */
            assert_true(tally.found[k] * 1000 <= tally.windows);
        }
    }
}

/* The threshold of 0.1 alone rings: the test above can fail. */
static void the_plain_rule_rings(void **state)
{
    (void)state;
    const struct tally tally = undisturbed(100, 2000, 2);
    assert_true(tally.plain * 10 > tally.windows);
    assert_int_equal(tally.found[TRIVET_DRIFT_DISTRIBUTION], 0);
}

/* The smallest reference that is judged, against the largest windows: its own noise is in all. */
static void small_references_are_quiet(void **state)
{
    (void)state;
    const struct tally few = undisturbed(500, 500, windows_each());
    const struct tally many = undisturbed(5000, 500, windows_each() / 5);
    for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        assert_true(few.found[k] * 1000 <= few.windows);
        assert_true(many.found[k] * 1000 <= many.windows);
    }
    const struct tally unjudged = undisturbed(500, 499, 1);
    assert_int_equal(unjudged.found[TRIVET_DRIFT_DISTRIBUTION], 0);
}

/* Two windows of 500 rows each, column `shifted` moved: in how many drift was found, by column. */
static double two_windows(struct trivet_rng *rng, const struct reference *reference, size_t shifted,
                          size_t found[DRIFT_COLUMNS])
{
    const double by = 0.5 * reference->profile->features[shifted]->deviation;
    double least = HUGE_VAL;
    memset(found, 0, DRIFT_COLUMNS * sizeof(*found));
    for (size_t w = 0; w < 2; w++) {
        trivet_bins_clear(reference->window);
        drift_fill(reference->window, reference->profile, rng, 500, shifted, by);
        for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
            struct trivet_drift_score score;
            trivet_drift_score(reference->bins, reference->window, i, i >= DRIFT_NUMBERS, LEVEL,
                               &score);
            found[i] += score.found[TRIVET_DRIFT_DISTRIBUTION];
            if (i == shifted) {
                least = fmin(least, fmax(score.psi / score.psi_limit, score.ks / score.ks_limit));
            }
        }
    }
    return least;
}

/* Half a deviation, in each of the numeric columns in turn: in both of two windows there, in both
 * nowhere else, and in one elsewhere as seldom as the level says. */
static void a_shift_is_found_and_named(void **state)
{
    (void)state;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 7);
    size_t n_shifts = 0;
    size_t n_named = 0;
    size_t n_once = 0;
    size_t n_twice = 0;
    double least = HUGE_VAL;
    for (size_t r = 0; r < REFERENCES; r++) {
        struct reference reference = reference_make(&rng, 2000);
        for (size_t shifted = 0; shifted < DRIFT_NUMBERS; shifted++) {
            if (shifted % 12 == 10) {
                continue; /* 3 % of its values are there: 15 of a window of 500 */
            }
            size_t found[DRIFT_COLUMNS];
            least = fmin(least, two_windows(&rng, &reference, shifted, found));
            n_shifts++;
            n_named += found[shifted] == 2;
            for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
                n_once += i != shifted && found[i] == 1;
                n_twice += i != shifted && found[i] == 2;
            }
        }
        reference_free(&reference);
    }
    print_message("0.5 sigma, n = 500, m = 2000: %zu of %zu found in both windows, the least %.2f "
                  "times the limit; elsewhere in one window %zu, in both %zu\n",
                  n_named, n_shifts, least, n_once, n_twice);
    assert_int_equal(n_named, n_shifts);
    assert_int_equal(n_twice, 0);
    assert_true(n_once * 100 <= n_shifts * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(undisturbed_windows_are_quiet),
        cmocka_unit_test(the_plain_rule_rings),
        cmocka_unit_test(small_references_are_quiet),
        cmocka_unit_test(a_shift_is_found_and_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
