#include "profile/profile.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct trivet_error err;
static struct trivet_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = trivet_arena_create(16u << 20, 4096);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    trivet_arena_free(arena);
    return 0;
}

static void assert_close(double value, double wanted)
{
    if (!(fabs(value - wanted) <= 1e-14 * fabs(wanted))) {
        fail_msg("%.17g instead of %.17g", value, wanted);
    }
}

static Trivet__V1__FeatureProfile numeric(const double *values, size_t n_rows)
{
    Trivet__V1__FeatureProfile profile;
    assert_int_equal(trivet_profile_numeric("x", values, n_rows, 1, arena, &profile, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_OK);
    assert_int_equal(profile.n_counts, profile.n_edges + 1);
    uint64_t total = 0;
    for (size_t i = 0; i < profile.n_counts; i++) {
        total += profile.counts[i];
    }
    assert_int_equal(total + profile.missing, n_rows);
    return profile;
}

/* x = np.array([3.5,-1.25,8.0,0.1,2.75,9.5,4.0,-7.0,1.5,6.25,5.5,0.3,12.0])
 * q = np.quantile(x, np.arange(11)/10); np.histogram(x, q)[0]; x.mean(); x.std() */
static void quantiles_are_numpys(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    const double values[] = {
        3.5, -1.25, nan, 8.0, 0.1, 2.75, 9.5, 4.0, nan, -7.0, 6.25, 1.5, 5.5, 0.3, (double)INFINITY,
        12.0};
    static const double edges[] = {
        -7.0, -0.9799999999999998, 0.18000000000000008, 1.0199999999999996, 2.500000000000001,
        3.5,  4.299999999999999,   5.799999999999999,   7.3000000000000025, 9.200000000000001,
        12.0};
    static const uint64_t counts[] = {0, 2, 1, 1, 1, 1, 2, 1, 1, 1, 2, 0};
    Trivet__V1__FeatureProfile profile = numeric(values, TRIVET_ARRAY_COUNT(values));
    assert_string_equal(profile.name, "x");
    assert_int_equal(profile.rows, 16);
    assert_int_equal(profile.missing, 3);
    assert_int_equal(profile.n_edges, 11);
    assert_memory_equal(profile.edges, edges, sizeof(edges));
    assert_memory_equal(profile.counts, counts, sizeof(counts));
    assert_close(profile.mean, 3.473076923076923);
    assert_close(profile.deviation, 4.7996640661539);
    assert_true(profile.minimum == -7.0 && profile.maximum == 12.0);
}

/* i = np.arange(1000); y = ((i*7919)%1009)/8.0+1e6
 * q = np.quantile(y, np.arange(11)/10); np.histogram(y, q)[0]; y.mean(); y.std() */
static void a_large_offset_loses_nothing(void **state)
{
    (void)state;
    static const double edges[] = {1000000.0,   1000012.6125, 1000025.225, 1000037.8375,
                                   1000050.575, 1000063.1875, 1000075.675, 1000088.2875,
                                   1000100.9,   1000113.3875, 1000126.0};
    double values[2000];
    for (size_t i = 0; i < 1000; i++) {
        values[2 * i] = (double)((i * 7919) % 1009) / 8.0 + 1e6;
        values[2 * i + 1] = -5;
    }
    Trivet__V1__FeatureProfile profile;
    assert_int_equal(trivet_profile_numeric("y", values, 1000, 2, arena, &profile, &err),
                     TRIVET_OK);
    assert_int_equal(profile.n_edges, 11);
    assert_memory_equal(profile.edges, edges, sizeof(edges));
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(profile.counts[i], i == 0 || i == 11 ? 0 : 100);
    }
    assert_close(profile.mean, 1000063.08475);
    assert_close(profile.deviation, 36.419883888303374);
}

static void bins_hold_their_lower_edge_and_the_last_both(void **state)
{
    (void)state;
    double values[101];
    for (size_t i = 0; i <= 100; i++) {
        values[i] = (double)i;
    }
    Trivet__V1__FeatureProfile profile = numeric(values, 101);
    assert_int_equal(profile.n_edges, 11);
    assert_int_equal(trivet_profile_bin(&profile, -0.001), 0);
    assert_int_equal(trivet_profile_bin(&profile, 0), 1);
    assert_int_equal(trivet_profile_bin(&profile, 9.999), 1);
    assert_int_equal(trivet_profile_bin(&profile, 10), 2);
    assert_int_equal(trivet_profile_bin(&profile, 99.999), 10);
    assert_int_equal(trivet_profile_bin(&profile, 100), 10);
    assert_int_equal(trivet_profile_bin(&profile, 100.001), 11);
}

/* A repeated value is in no bin with another one. */
static void repeated_values_have_bins_of_their_own(void **state)
{
    (void)state;
    double values[1000];
    for (size_t n_ones = 1; n_ones < 1000; n_ones += 37) {
        for (size_t i = 0; i < 1000; i++) {
            values[i] = i < n_ones ? 1 : 0;
        }
        Trivet__V1__FeatureProfile profile = numeric(values, 1000);
        size_t zero = trivet_profile_bin(&profile, 0);
        size_t one = trivet_profile_bin(&profile, 1);
        assert_true(zero != one);
        assert_int_equal(profile.counts[zero], 1000 - n_ones);
        assert_int_equal(profile.counts[one], n_ones);
    }
    for (size_t i = 0; i < 1000; i++) {
        values[i] = i < 900 ? 0 : (double)i;
    }
    Trivet__V1__FeatureProfile profile = numeric(values, 1000);
    assert_int_equal(profile.counts[trivet_profile_bin(&profile, 0)], 900);
}

static void constant_columns(void **state)
{
    (void)state;
    static const double constants[] = {0, 42, -1e-300, DBL_MAX, -DBL_MAX};
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(constants); c++) {
        double value = constants[c];
        const double values[] = {value, value, value};
        Trivet__V1__FeatureProfile profile = numeric(values, 3);
        assert_true(profile.minimum == value && profile.maximum == value && profile.mean == value);
        assert_true(profile.deviation == 0);
        size_t bin = trivet_profile_bin(&profile, value);
        assert_int_equal(profile.counts[bin], 3);
        if (value < DBL_MAX) {
            assert_int_equal(profile.n_edges, 2);
            assert_true(trivet_profile_bin(&profile, value + 1 + fabs(value) * 0.1) > bin);
            assert_int_equal(bin, 1);
        }
    }
}

static void few_values_and_none(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    const double two[] = {1, nan, 3};
    Trivet__V1__FeatureProfile profile = numeric(two, 3);
    assert_int_equal(profile.missing, 1);
    assert_int_equal(profile.n_edges, 11);
    assert_true(profile.edges[5] == 2 && profile.mean == 2 && profile.deviation == 1);
    const double none[] = {nan, nan};
    profile = numeric(none, 2);
    assert_int_equal(profile.missing, 2);
    assert_int_equal(profile.n_edges, 0);
    assert_int_equal(profile.n_counts, 1);
    assert_int_equal(trivet_profile_bin(&profile, 1), 0);
    assert_true(profile.mean == 0 && profile.deviation == 0);
    profile = numeric(none, 0);
    assert_int_equal(profile.rows, 0);
}

static void extremes_do_not_overflow(void **state)
{
    (void)state;
    const double values[] = {-DBL_MAX, DBL_MAX, -DBL_MAX, DBL_MAX};
    Trivet__V1__FeatureProfile profile = numeric(values, 4);
    assert_true(isfinite(profile.mean) && isfinite(profile.deviation));
    for (size_t i = 0; i < profile.n_edges; i++) {
        assert_true(isfinite(profile.edges[i]));
    }
}

static void categories_are_counted(void **state)
{
    (void)state;
    static const char *const dictionary[] = {"Oslo", "Bern", "unused", "Ärö"};
    static const uint32_t codes[] = {0, 9, 1, 9, 0, 9, 3, 9, UINT32_MAX, 9, 4, 9, 0, 9};
    Trivet__V1__FeatureProfile profile;
    assert_int_equal(
        trivet_profile_categorical("city", codes, 7, 2, dictionary, 4, arena, &profile, &err),
        TRIVET_OK);
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_OK);
    assert_true(profile.categorical);
    assert_int_equal(profile.rows, 7);
    assert_int_equal(profile.missing, 2);
    assert_int_equal(profile.n_categories, 3);
    assert_string_equal(profile.categories[0], "Bern");
    assert_string_equal(profile.categories[1], "Oslo");
    assert_string_equal(profile.categories[2], "Ärö");
    static const uint64_t counts[] = {1, 3, 1, 0};
    assert_int_equal(profile.n_counts, 4);
    assert_memory_equal(profile.counts, counts, sizeof(counts));
    assert_int_equal(trivet_profile_category(&profile, "Oslo"), 1);
    assert_int_equal(trivet_profile_category(&profile, "unused"), 3);
    assert_int_equal(trivet_profile_category(&profile, ""), 3);
}

static void rare_categories_are_other(void **state)
{
    (void)state;
    enum { N = TRIVET_PROFILE_CATEGORIES_MAX + 40 };
    static char texts[N][8];
    static const char *dictionary[N];
    static uint32_t codes[3 * N];
    size_t n_rows = 0;
    for (uint32_t i = 0; i < N; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "c%03u", i);
        dictionary[i] = texts[i];
        /* The last 50 three times, the others once. */
        for (uint32_t k = 0; k < (i >= N - 50 ? 3u : 1u); k++) {
            codes[n_rows++] = i;
        }
    }
    Trivet__V1__FeatureProfile profile;
    assert_int_equal(
        trivet_profile_categorical("c", codes, n_rows, 1, dictionary, N, arena, &profile, &err),
        TRIVET_OK);
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_OK);
    assert_int_equal(profile.n_categories, TRIVET_PROFILE_CATEGORIES_MAX);
    assert_int_equal(profile.counts[TRIVET_PROFILE_CATEGORIES_MAX], 40);
    assert_int_equal(profile.counts[trivet_profile_category(&profile, dictionary[N - 1])], 3);
    /* Of the equals the first by bytes stay: c000 … c205. */
    assert_int_equal(trivet_profile_category(&profile, "c205"), 205);
    assert_int_equal(trivet_profile_category(&profile, "c206"), TRIVET_PROFILE_CATEGORIES_MAX);
}

static void damaged_profiles_are_refused(void **state)
{
    (void)state;
    double edges[] = {1, 2, 3};
    uint64_t counts[] = {0, 1, 2, 0};
    char name[] = "x";
    char b[] = "b";
    char a[] = "a";
    char *categories[] = {b, a};
    Trivet__V1__FeatureProfile profile = TRIVET__V1__FEATURE_PROFILE__INIT;
    profile.name = name;
    profile.edges = edges;
    profile.n_edges = 3;
    profile.counts = counts;
    profile.n_counts = 4;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_OK);
    profile.n_counts = 3;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    profile.n_counts = 4;
    edges[1] = 1;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    edges[1] = (double)NAN;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    assert_non_null(strstr(err.message, "'x'"));
    profile = (Trivet__V1__FeatureProfile)TRIVET__V1__FEATURE_PROFILE__INIT;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    profile.categorical = true;
    profile.categories = categories;
    profile.n_categories = 2;
    profile.counts = counts;
    profile.n_counts = 3;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    profile.n_categories = 1;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_DATA_LOSS);
    profile.n_counts = 2;
    assert_int_equal(trivet_profile_check(&profile, &err), TRIVET_OK);
    assert_int_equal(trivet_profile_check(NULL, &err), TRIVET_DATA_LOSS);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const char *const dictionary[] = {"a", "b"};
    static const uint32_t codes[] = {0, 1, 1};
    static const double values[] = {1, 2, 3};
    for (uint64_t k = 1;; k++) {
        Trivet__V1__FeatureProfile profile;
        trivet_alloc_fail_at(k);
        struct trivet_arena *fresh = trivet_arena_create(1u << 20, 0);
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        if (fresh != NULL) {
            status = trivet_profile_numeric("x", values, 3, 1, fresh, &profile, &err);
        }
        if (status == TRIVET_OK) {
            status =
                trivet_profile_categorical("c", codes, 3, 1, dictionary, 2, fresh, &profile, &err);
        }
        uint64_t counted = trivet_alloc_fail_at(0);
        trivet_arena_free(fresh);
        if (counted < k) {
            assert_int_equal(status, TRIVET_OK);
            break;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    }
}

#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, make_arena, free_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ARENA(quantiles_are_numpys),
        WITH_ARENA(a_large_offset_loses_nothing),
        WITH_ARENA(bins_hold_their_lower_edge_and_the_last_both),
        WITH_ARENA(repeated_values_have_bins_of_their_own),
        WITH_ARENA(constant_columns),
        WITH_ARENA(few_values_and_none),
        WITH_ARENA(extremes_do_not_overflow),
        WITH_ARENA(categories_are_counted),
        WITH_ARENA(rare_categories_are_other),
        WITH_ARENA(damaged_profiles_are_refused),
        WITH_ARENA(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
