/* One column's score by hand-made counts; bins that hold them. */
#include "profile/drift.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "profile/significance.h"
#include "unit/profile/drift_columns.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#define LEVEL 1e-4

static struct trivet_error err;

static void assert_close(double value, double wanted)
{
    if (!(fabs(value - wanted) <= 1e-12 * fabs(wanted))) {
        fail_msg("%.17g instead of %.17g", value, wanted);
    }
}

/* chi2.sf, chi2.isf, hypergeom.cdf of SciPy 1.10 */
static void tails_are_scipys(void **state)
{
    (void)state;
    assert_close(trivet_chi_square_tail(12, 26.216967305535853), 0.01);
    assert_close(trivet_chi_square_tail(1, 0.5), 0.4795001221869535);
    assert_true(trivet_chi_square_tail(5, 0) == 1.0);
    assert_close(trivet_chi_square_limit(12, 0.01), 26.216967305535853);
    assert_close(trivet_chi_square_limit(1, 0.99), 0.00015708785790970184);
    assert_close(trivet_ks_limit(0.01), 1.6276236307187293);
    /* 1 in 10 of 2 marked and 3 drawn: C(8, 3) / C(10, 3) + 2 C(8, 2) / C(10, 3) */
    assert_close(trivet_hypergeometric(1, 10, 2, 3), (56.0 + 56.0) / 120.0);
    assert_true(trivet_hypergeometric(2, 10, 2, 3) == 1.0);
    /* Of 10 with 8 marked, 5 drawn: at least 3 of them. */
    assert_true(trivet_hypergeometric(2, 10, 8, 5) == 0.0);
}

struct column {
    size_t first[2];
    double cells[16];
    struct trivet_bins bins;
};

/* `counts` as of a profile's, then the missing ones. */
static void fill(struct column *column, const double *counts, size_t n_counts, double weight)
{
    *column = (struct column){.first = {0, n_counts}};
    column->bins =
        (struct trivet_bins){.n_columns = 1, .first = column->first, .cells = column->cells};
    for (size_t i = 0; i < n_counts; i++) {
        column->cells[i] = counts[i] * weight;
        column->bins.weights += counts[i] * weight;
        column->bins.squares += counts[i] * weight * weight;
    }
}

static struct trivet_drift_score score(const double *reference, const double *window, size_t n,
                                       double weight, bool categorical)
{
    struct column p;
    struct column q;
    struct trivet_drift_score out;
    fill(&p, reference, n, 1);
    fill(&q, window, n, weight);
    trivet_drift_score(&p.bins, &q.bins, 0, categorical, LEVEL, &out);
    return out;
}

static void equal_shares_score_nothing(void **state)
{
    (void)state;
    static const double reference[] = {0, 1000, 600, 400, 0, 100};
    static const double window[] = {0, 500, 300, 200, 0, 50};
    const struct trivet_drift_score out = score(reference, window, 6, 1, false);
    assert_true(fabs(out.psi) < 1e-15 && fabs(out.ks) < 1e-15 && out.js < 1e-7);
    assert_true(out.rows == 1050 && out.reference_rows == 2100);
    assert_close(out.missing, 1.0 / 21.0);
    for (size_t k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
        assert_false(out.found[k]);
    }
}

static void one_away_from_too_few_is_judged(void **state)
{
    (void)state;
    static const double reference[] = {0, 250, 250, 0, 0};
    static const double small_reference[] = {0, 249, 250, 0, 0};
    static const double window[] = {0, 400, 100, 0, 0};
    static const double small_window[] = {0, 400, 99, 0, 0};
    const size_t kind = TRIVET_DRIFT_DISTRIBUTION;
    assert_true(score(reference, window, 5, 1, false).found[kind]);
    assert_false(score(small_reference, window, 5, 1, false).found[kind]);
    assert_false(score(reference, small_window, 5, 1, false).found[kind]);
    assert_true(score(reference, small_window, 5, 1, false).psi > 0.2);
}

/* A sampled row that stands for many is one row in what chance does. */
static void weights_are_not_rows(void **state)
{
    (void)state;
    static const double reference[] = {0, 5000, 5000, 0, 0};
    static const double window[] = {0, 200, 200, 0, 0};
    const struct trivet_drift_score out = score(reference, window, 5, 50, false);
    assert_close(out.rows, 400);
    assert_close(out.psi + 1, 1);
}

static void a_constant_that_moves_is_found(void **state)
{
    (void)state;
    static const double reference[] = {0, 2000, 0, 0};
    static const double window[] = {0, 0, 500, 0};
    const struct trivet_drift_score out = score(reference, window, 4, 1, false);
    assert_true(out.found[TRIVET_DRIFT_DISTRIBUTION]);
    assert_true(out.found[TRIVET_DRIFT_OUT_OF_RANGE]);
    assert_false(out.found[TRIVET_DRIFT_MISSING]);
    assert_true(isfinite(out.psi) && out.ks == 1 && out.js == 1 && out.out_of_range == 1);
}

static void quality_is_told_from_drift(void **state)
{
    (void)state;
    /* 6 points more missing: quality, and no more drift than that. */
    static const double reference[] = {0, 1000, 1000, 0, 0};
    static const double gaps[] = {0, 470, 470, 0, 60};
    struct trivet_drift_score out = score(reference, gaps, 5, 1, false);
    assert_true(out.found[TRIVET_DRIFT_MISSING]);
    assert_true(out.ks < 1e-15);
    /* Under 5 points. */
    static const double few[] = {0, 476, 475, 0, 49};
    assert_false(score(reference, few, 5, 1, false).found[TRIVET_DRIFT_MISSING]);
    /* 2 % beyond the edges. */
    static const double beyond[] = {10, 490, 490, 10, 0};
    out = score(reference, beyond, 5, 1, false);
    assert_true(out.found[TRIVET_DRIFT_OUT_OF_RANGE]);
    assert_false(out.found[TRIVET_DRIFT_DISTRIBUTION]);
    /* Fewer missing than in the reference is drift at most. */
    assert_false(score(gaps, reference, 5, 1, false).found[TRIVET_DRIFT_MISSING]);
}

static void unknown_categories(void **state)
{
    (void)state;
    const size_t kind = TRIVET_DRIFT_OUT_OF_RANGE;
    static const double known[] = {1000, 900, 100, 0, 0};
    static const double window[] = {500, 440, 45, 15, 0};
    assert_true(score(known, window, 5, 1, true).found[kind]);
    /* Names that the reference dropped cannot be told from new ones. */
    static const double dropped[] = {1000, 900, 90, 10, 0};
    assert_false(score(dropped, window, 5, 1, true).found[kind]);
    /* Where names were seen once, others are to come: 3 of 503 here. */
    static const double singles[] = {250, 250, 1, 1, 1, 0, 0};
    static const double others[] = {490, 500, 0, 0, 0, 10, 0};
    const struct trivet_drift_score out = score(singles, others, 7, 1, true);
    assert_close(out.expected_out_of_range, 3.0 / 503.0);
    assert_false(out.found[kind]);
}

static void nothing_counted_scores_nothing(void **state)
{
    (void)state;
    static const double reference[] = {0, 1000, 1000, 0, 0};
    static const double nothing[] = {0, 0, 0, 0, 0};
    static const double missing[] = {0, 0, 0, 0, 600};
    assert_true(score(reference, nothing, 5, 1, false).psi == 0);
    assert_true(score(nothing, reference, 5, 1, false).psi == 0);
    const struct trivet_drift_score out = score(reference, missing, 5, 1, false);
    assert_true(out.found[TRIVET_DRIFT_MISSING] && out.found[TRIVET_DRIFT_DISTRIBUTION]);
    assert_true(out.ks == 0 && isfinite(out.ks_limit));
}

/* A profile may say anything of its rows: an answer, and soon. */
static void absurd_counts_are_scored(void **state)
{
    (void)state;
    static const double reference[] = {4e18, 4e18, 4e18, 4e18, 1e18};
    static const double window[] = {1e19, 1, 1, 1e19, 3e19};
    const struct trivet_drift_score out = score(reference, window, 5, 1, false);
    assert_true(isfinite(out.psi) && out.found[TRIVET_DRIFT_MISSING]);
    (void)score(window, reference, 5, 1, true);
    (void)score(window, reference, 2, 1, false);
}

/* --- bins --- */

static void merged_bins_are_those_of_all_rows(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 4096);
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 1);
    const Trivet__V1__Profile *profile = drift_reference(&rng, 700, arena);
    struct trivet_bins *bins[3];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(trivet_bins_create(profile, &bins[i], &err), TRIVET_OK);
    }
    struct trivet_rng again = rng;
    drift_fill(bins[0], profile, &rng, 300, 0, 0);
    drift_fill(bins[1], profile, &rng, 200, 0, 0);
    drift_fill(bins[2], profile, &again, 500, 0, 0);
    assert_true(trivet_bins_same_layout(bins[0], bins[1]));
    trivet_bins_merge(bins[0], bins[1]);
    assert_memory_equal(bins[0]->cells, bins[2]->cells,
                        bins[0]->first[DRIFT_COLUMNS] * sizeof(double));
    assert_true(trivet_bins_rows(bins[0]) == 500);
    trivet_bins_clear(bins[0]);
    assert_true(trivet_bins_rows(bins[0]) == 0);
    trivet_bins_add_profile(bins[0], profile);
    assert_true(trivet_bins_rows(bins[0]) == 700);
    /* Every row is in one cell of every column. */
    for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
        double sum = 0;
        for (size_t k = bins[0]->first[i]; k < bins[0]->first[i + 1]; k++) {
            sum += bins[0]->cells[k];
        }
        assert_true(sum == 700);
    }
    for (size_t i = 0; i < 3; i++) {
        trivet_bins_free(bins[i]);
    }
    trivet_arena_free(arena);
}

static void rows_merged_count_as_rows(void **state)
{
    (void)state;
    static const double some[] = {0, 250, 250, 0, 0};
    static const double others[] = {0, 100, 400, 0, 0};
    struct column into;
    struct column from;
    fill(&into, some, 5, 1);
    fill(&from, others, 5, 50);
    trivet_bins_merge_rows(&into.bins, &from.bins);
    assert_close(trivet_bins_rows(&into.bins), 1000);
    assert_close(into.cells[1], 350);
    assert_close(into.cells[2], 650);
    static const double nothing[] = {0, 0, 0, 0, 0};
    fill(&from, nothing, 5, 1);
    trivet_bins_merge_rows(&into.bins, &from.bins);
    assert_close(trivet_bins_rows(&into.bins), 1000);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 4096);
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 1);
    const Trivet__V1__Profile *profile = drift_reference(&rng, 50, arena);
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK && k < 100; k++) {
        struct trivet_bins *bins = NULL;
        trivet_alloc_fail_at(k);
        status = trivet_bins_create(profile, &bins, &err);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK ? bins != NULL
                                        : status == TRIVET_RESOURCE_EXHAUSTED && bins == NULL);
        trivet_bins_free(bins);
    }
    assert_int_equal(status, TRIVET_OK);
    trivet_arena_free(arena);
}

static void too_many_bins_are_refused(void **state)
{
    (void)state;
    Trivet__V1__FeatureProfile column = TRIVET__V1__FEATURE_PROFILE__INIT;
    Trivet__V1__FeatureProfile *columns[] = {&column, &column};
    Trivet__V1__Profile profile = TRIVET__V1__PROFILE__INIT;
    profile.features = columns;
    profile.n_features = 2;
    struct trivet_bins *bins = NULL;
    column.n_counts = TRIVET_BINS_CELLS_MAX / 2;
    assert_int_equal(trivet_bins_create(&profile, &bins, &err), TRIVET_DATA_LOSS);
    assert_null(bins);
    column.n_counts = SIZE_MAX;
    assert_int_equal(trivet_bins_create(&profile, &bins, &err), TRIVET_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tails_are_scipys),
        cmocka_unit_test(equal_shares_score_nothing),
        cmocka_unit_test(one_away_from_too_few_is_judged),
        cmocka_unit_test(weights_are_not_rows),
        cmocka_unit_test(a_constant_that_moves_is_found),
        cmocka_unit_test(quality_is_told_from_drift),
        cmocka_unit_test(unknown_categories),
        cmocka_unit_test(nothing_counted_scores_nothing),
        cmocka_unit_test(absurd_counts_are_scored),
        cmocka_unit_test(merged_bins_are_those_of_all_rows),
        cmocka_unit_test(rows_merged_count_as_rows),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(too_many_bins_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
