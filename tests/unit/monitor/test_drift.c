/* Windows of one version: when they close, what has to happen before something is told, what is
 * told. The statistics themselves: tests/unit/profile. */
#include "monitor/drift/drift.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "unit/profile/drift_columns.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <string.h>

#define WINDOW_US 1000000

static struct trivet_error err;
static const struct trivet_drift_options defaults = TRIVET_DRIFT_OPTIONS_DEFAULT;

/* A watch, and what is served to it. */
struct served {
    struct trivet_arena *arena;
    struct trivet_rng rng;
    const Trivet__V1__Profile *profile;
    struct trivet_bins *rows;
    struct trivet_drift_watch *watch;
    int64_t now_us;
};

static struct served served_make(uint64_t seed, size_t n_reference, double wanted)
{
    struct served served = {.arena = trivet_arena_create(64u << 20, 4096), .now_us = 5};
    assert_non_null(served.arena);
    trivet_rng_seed(&served.rng, seed);
    served.profile = drift_reference(&served.rng, n_reference, served.arena);
    struct trivet_drift_options options = defaults;
    options.window_us = WINDOW_US;
    options.reference_rows_wanted = wanted;
    assert_int_equal(trivet_bins_create(served.profile, &served.rows, &err), TRIVET_OK);
    assert_int_equal(trivet_drift_watch_create(served.profile, &options, &served.watch, &err),
                     TRIVET_OK);
    return served;
}

static void served_free(struct served *served)
{
    trivet_drift_watch_free(served->watch);
    trivet_bins_free(served->rows);
    trivet_arena_free(served->arena);
}

/* Serve one window of `n_rows` in a few pieces. */
static void serve(struct served *served, size_t n_rows, size_t shifted, double by)
{
    const uint64_t before = trivet_drift_watch_n_windows(served->watch);
    for (size_t part = 0; part < 4; part++) {
        trivet_bins_clear(served->rows);
        drift_fill(served->rows, served->profile, &served->rng, n_rows / 4, shifted, by);
        assert_int_equal(trivet_drift_watch_take(served->watch, served->rows, served->now_us, &err),
                         TRIVET_OK);
        served->now_us += WINDOW_US / 4;
    }
    assert_int_equal(trivet_drift_watch_n_windows(served->watch), before);
    assert_true(trivet_drift_watch_tick(served->watch, served->now_us));
}

static enum trivet_drift_state state_of(const struct served *served, size_t column)
{
    size_t n_columns = 0;
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(served->watch, &n_columns);
    assert_int_equal(n_columns, DRIFT_COLUMNS);
    return columns[column].tracks[TRIVET_DRIFT_DISTRIBUTION].state;
}

static double deviation(const struct served *served, size_t column)
{
    return served->profile->features[column]->deviation;
}

static void a_shift_fires_in_two_windows_and_ends_in_two(void **state)
{
    (void)state;
    struct served served = served_make(1, 2000, 0);
    serve(&served, 500, SIZE_MAX, 0);
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_QUIET);
    serve(&served, 500, 0, 0.5 * deviation(&served, 0));
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_PENDING);
    serve(&served, 500, 0, 0.5 * deviation(&served, 0));
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_FIRING);
    size_t named[3];
    assert_int_equal(trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_DISTRIBUTION, named, 3),
                     1);
    size_t n_columns = 0;
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(served.watch, &n_columns);
    assert_string_equal(columns[named[0]].name, "x0");
    assert_int_equal(columns[0].tracks[TRIVET_DRIFT_DISTRIBUTION].since_us, served.now_us);
    serve(&served, 500, SIZE_MAX, 0);
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_FIRING);
    serve(&served, 500, SIZE_MAX, 0);
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_QUIET);
    served_free(&served);
}

static void one_window_alone_is_not_told(void **state)
{
    (void)state;
    struct served served = served_make(2, 2000, 0);
    for (size_t i = 0; i < 4; i++) {
        serve(&served, 500, i % 2 == 0 ? 0 : SIZE_MAX, deviation(&served, 0));
        assert_int_equal(state_of(&served, 0),
                         i % 2 == 0 ? TRIVET_DRIFT_PENDING : TRIVET_DRIFT_QUIET);
    }
    /* Firing is not ended by one quiet window among others. */
    for (size_t i = 0; i < 6; i++) {
        serve(&served, 500, i < 2 || i % 2 == 1 ? 0 : SIZE_MAX, deviation(&served, 0));
        assert_int_equal(state_of(&served, 0), i == 0 ? TRIVET_DRIFT_PENDING : TRIVET_DRIFT_FIRING);
    }
    served_free(&served);
}

/* 20 references, 10 windows each of every size: nothing is ever confirmed. */
static void undisturbed_serving_is_quiet(void **state)
{
    (void)state;
    static const size_t sizes[] = {500, 1000, 4000};
    size_t n_pending = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        for (size_t i = 0; i < TRIVET_ARRAY_COUNT(sizes); i++) {
            struct served served = served_make(100 * seed + i, 2000, 2000);
            for (size_t w = 0; w < 10; w++) {
                serve(&served, sizes[i], SIZE_MAX, 0);
                for (size_t column = 0; column < DRIFT_COLUMNS; column++) {
                    assert_int_not_equal(state_of(&served, column), TRIVET_DRIFT_FIRING);
                    n_pending += state_of(&served, column) == TRIVET_DRIFT_PENDING;
                }
            }
            served_free(&served);
        }
    }
    print_message("pending in %zu of %d feature windows\n", n_pending, 20 * 3 * 10 * DRIFT_COLUMNS);
    assert_true(n_pending <= 20 * 3 * 10 / 100);
}

/* Each numeric column of the first dozen moved, with the others as they are: only it, by name. */
static void the_moved_column_is_named(void **state)
{
    (void)state;
    for (size_t shifted = 0; shifted < 10; shifted++) {
        struct served served = served_make(shifted, 2000, 2000);
        serve(&served, 500, shifted, 0.5 * deviation(&served, shifted));
        serve(&served, 500, shifted, 0.5 * deviation(&served, shifted));
        size_t named = SIZE_MAX;
        assert_int_equal(
            trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_DISTRIBUTION, &named, 1), 1);
        assert_int_equal(named, shifted);
        served_free(&served);
    }
}

static void a_window_waits_for_rows_and_for_time(void **state)
{
    (void)state;
    struct served served = served_make(3, 2000, 0);
    drift_fill(served.rows, served.profile, &served.rng, 499, SIZE_MAX, 0);
    assert_int_equal(trivet_drift_watch_take(served.watch, served.rows, 0, &err), TRIVET_OK);
    assert_false(trivet_drift_watch_tick(served.watch, 100 * (int64_t)WINDOW_US));
    assert_true(trivet_drift_watch_open_rows(served.watch) == 499);
    trivet_bins_clear(served.rows);
    /* No rows open no window. */
    assert_int_equal(trivet_drift_watch_take(served.watch, served.rows, 0, &err), TRIVET_OK);
    drift_fill(served.rows, served.profile, &served.rng, 1, SIZE_MAX, 0);
    assert_int_equal(
        trivet_drift_watch_take(served.watch, served.rows, 100 * (int64_t)WINDOW_US, &err),
        TRIVET_OK);
    assert_int_equal(trivet_drift_watch_n_windows(served.watch), 1);
    assert_true(trivet_drift_watch_open_rows(served.watch) == 0);
    assert_true(trivet_bins_rows(trivet_drift_watch_window(served.watch)) == 500);
    /* Rows enough at once: not before its time. */
    trivet_bins_clear(served.rows);
    drift_fill(served.rows, served.profile, &served.rng, 600, SIZE_MAX, 0);
    const int64_t begun_us = 200 * (int64_t)WINDOW_US;
    assert_int_equal(trivet_drift_watch_take(served.watch, served.rows, begun_us, &err), TRIVET_OK);
    assert_false(trivet_drift_watch_tick(served.watch, begun_us + WINDOW_US - 1));
    assert_true(trivet_drift_watch_tick(served.watch, begun_us + WINDOW_US));
    assert_false(trivet_drift_watch_tick(served.watch, begun_us + 2 * WINDOW_US));
    served_free(&served);
}

/* 455 rows are too few to be judged against; undisturbed windows make them enough, disturbed ones
 * do not. */
static void a_small_reference_grows_by_what_is_undisturbed(void **state)
{
    (void)state;
    struct served served = served_make(4, 455, 2000);
    const struct trivet_bins *reference = trivet_drift_watch_reference(served.watch);
    for (size_t i = 0; i < 3; i++) {
        serve(&served, 500, 0, deviation(&served, 0));
        assert_true(trivet_bins_rows(reference) == 455);
        assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_QUIET);
    }
    for (size_t i = 0; i < 8; i++) {
        serve(&served, 500, SIZE_MAX, 0);
    }
    assert_true(trivet_bins_rows(reference) >= 2000 && trivet_bins_rows(reference) < 2500);
    serve(&served, 500, 0, 0.5 * deviation(&served, 0));
    serve(&served, 500, 0, 0.5 * deviation(&served, 0));
    assert_int_equal(state_of(&served, 0), TRIVET_DRIFT_FIRING);
    served_free(&served);

    served = served_make(4, 455, 0);
    serve(&served, 500, SIZE_MAX, 0);
    assert_true(trivet_bins_rows(trivet_drift_watch_reference(served.watch)) == 455);
    served_free(&served);
}

/* Column 1 moves by half a deviation, column 8 by two, all categories go missing: of the kind that
 * is asked for, the farthest first. */
static void what_fires_is_ordered(void **state)
{
    (void)state;
    struct served served = served_make(5, 600, 0);
    for (size_t w = 0; w < 2; w++) {
        trivet_bins_clear(served.rows);
        for (size_t row = 0; row < 600; row++) {
            for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
                if (i < DRIFT_NUMBERS) {
                    const double by = i == 1 ? 0.5 : i == 8 ? 2.0 : 0.0;
                    trivet_bins_add_number(
                        served.rows, served.profile, i,
                        drift_draw_number(&served.rng, i) + by * deviation(&served, i), 1);
                } else {
                    trivet_bins_add_category(served.rows, served.profile, i, NULL, 1);
                }
            }
            trivet_bins_add_row(served.rows, 1);
        }
        assert_int_equal(trivet_drift_watch_take(served.watch, served.rows, served.now_us, &err),
                         TRIVET_OK);
        served.now_us += WINDOW_US;
        assert_true(trivet_drift_watch_tick(served.watch, served.now_us));
    }
    size_t missing[DRIFT_COLUMNS];
    assert_int_equal(
        trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_MISSING, missing, DRIFT_COLUMNS),
        DRIFT_COLUMNS - DRIFT_NUMBERS);
    /* The one of them in which a fifth was missing before is the last. */
    assert_int_equal(missing[DRIFT_COLUMNS - DRIFT_NUMBERS - 1], DRIFT_COLUMNS - 1);
    size_t beyond[4];
    assert_int_equal(trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_OUT_OF_RANGE, beyond, 4),
                     2);
    size_t n_columns = 0;
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(served.watch, &n_columns);
    assert_true(columns[beyond[0]].score.out_of_range > columns[beyond[1]].score.out_of_range);
    size_t first = 0;
    assert_int_equal(trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_OUT_OF_RANGE, &first, 1),
                     2);
    assert_int_equal(first, beyond[0]);
    assert_int_equal(trivet_drift_watch_firing(served.watch, TRIVET_DRIFT_OUT_OF_RANGE, NULL, 0),
                     2);
    served_free(&served);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct served served = served_make(6, 600, 0);
    struct trivet_drift_watch *watch = NULL;
    struct trivet_drift_options options = defaults;
    options.rows_min = 499;
    assert_int_equal(trivet_drift_watch_create(served.profile, &options, &watch, &err),
                     TRIVET_INVALID_ARGUMENT);
    options = defaults;
    options.level = 0;
    assert_int_equal(trivet_drift_watch_create(served.profile, &options, &watch, &err),
                     TRIVET_INVALID_ARGUMENT);
    options = defaults;
    options.confirm = 0;
    assert_int_equal(trivet_drift_watch_create(served.profile, &options, &watch, &err),
                     TRIVET_INVALID_ARGUMENT);
    /* Bins of another profile. */
    struct served other = served_make(6, 50, 0);
    assert_int_equal(trivet_drift_watch_take(served.watch, other.rows, 0, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_true(trivet_drift_watch_open_rows(served.watch) == 0);
    /* A damaged profile. */
    Trivet__V1__FeatureProfile *column = other.profile->features[0];
    column->n_counts--;
    assert_int_equal(trivet_drift_watch_create(other.profile, &defaults, &watch, &err),
                     TRIVET_DATA_LOSS);
    column->n_counts++;
    assert_null(watch);
    served_free(&other);
    served_free(&served);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct served served = served_make(8, 50, 0);
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK && k < 100; k++) {
        struct trivet_drift_watch *watch = NULL;
        trivet_alloc_fail_at(k);
        status = trivet_drift_watch_create(served.profile, &defaults, &watch, &err);
        trivet_alloc_fail_at(0);
        assert_true((status == TRIVET_OK) == (watch != NULL));
        trivet_drift_watch_free(watch);
    }
    assert_int_equal(status, TRIVET_OK);
    served_free(&served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shift_fires_in_two_windows_and_ends_in_two),
        cmocka_unit_test(one_window_alone_is_not_told),
        cmocka_unit_test(undisturbed_serving_is_quiet),
        cmocka_unit_test(the_moved_column_is_named),
        cmocka_unit_test(a_window_waits_for_rows_and_for_time),
        cmocka_unit_test(a_small_reference_grows_by_what_is_undisturbed),
        cmocka_unit_test(what_fires_is_ordered),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
