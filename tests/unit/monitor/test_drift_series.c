/* Snapshots of bins on their way into the windows of a version: whole, in pieces, lost, of a new
 * epoch, of several sources, and what is told of them. */
#include "monitor/drift/series.h"

#include "base/arena.h"
#include "base/rng.h"
#include "messages.h"
#include "monitor/pages/exposition.h"
#include "unit/profile/drift_columns.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S      1000000LL
#define EPOCH  7
#define PIECES 3

static struct trivet_error err;

/* A server that serves "m" version 1. */
struct source {
    size_t index;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t snapshot;
    struct trivet_bins *totals;
    double confidence;
};

struct scene {
    struct trivet_arena *arena;
    struct trivet_rng rng;
    const Trivet__V1__Profile *profile; /* the next one, with the one after it */
    Trivet__V1__Profile reference;
    Trivet__V1__Calibration calibration;
    struct trivet_monitor *monitor;
    struct source sources[2];
    int64_t now_us;
};

static void scene_make(struct scene *scene)
{
    *scene = (struct scene){.arena = trivet_arena_create(64u << 20, 4096), .now_us = T0_US};
    trivet_rng_seed(&scene->rng, 3);
    trivet__v1__calibration__init(&scene->calibration);
    scene->calibration.rows = 400;
    scene->calibration.confidence = 0.875;
    scene->calibration.accuracy = 0.75;
    scene->calibration.calibration_error = 0.03;
    scene->calibration.calibration_error_by_chance = 0.04;
    scene->reference = *drift_reference(&scene->rng, 2000, scene->arena);
    scene->reference.calibration = &scene->calibration;
    scene->profile = &scene->reference;
    scene->monitor = make_monitor(2);
    for (size_t i = 0; i < 2; i++) {
        scene->sources[i] = (struct source){.index = i, .epoch = EPOCH + i};
        assert_int_equal(trivet_bins_create(scene->profile, &scene->sources[i].totals, &err),
                         TRIVET_OK);
    }
}

static void scene_free(struct scene *scene)
{
    trivet_monitor_free(scene->monitor);
    for (size_t i = 0; i < 2; i++) {
        trivet_bins_free(scene->sources[i].totals);
    }
    trivet_arena_free(scene->arena);
}

/* The first call of the version, under the monitor's eyes or not. */
static void first_call(struct scene *scene, struct source *source, bool seen)
{
    source->sequence = seen ? 1 : 1000;
    send_totals(scene->monitor, source->index, source->epoch, source->sequence++, "m", 1, 1, 0,
                scene->now_us);
}

static void serve(struct scene *scene, struct source *source, size_t n_rows, size_t shifted,
                  double by)
{
    drift_fill(source->totals, scene->profile, &scene->rng, n_rows, shifted, by);
    source->confidence += 0.75 * (double)n_rows;
}

static enum trivet_status send_piece(struct scene *scene, struct source *source, size_t piece)
{
    static char model[] = "m";
    const struct trivet_bins *totals = source->totals;
    const size_t from = totals->n_columns * piece / PIECES;
    const size_t to = totals->n_columns * (piece + 1) / PIECES;
    Trivet__V1__BinTotals body = TRIVET__V1__BIN_TOTALS__INIT;
    body.model = model;
    body.version = 1;
    body.snapshot = source->snapshot;
    body.first_column = (uint32_t)from;
    body.columns = (uint32_t)totals->n_columns;
    body.cells = totals->cells + totals->first[from];
    body.n_cells = totals->first[to] - totals->first[from];
    body.weights = totals->weights;
    body.squares = totals->squares;
    body.confidence = source->confidence;
    body.confidence_weights = totals->weights;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = source->epoch;
    event.sequence = source->sequence++;
    event.unix_us = scene->now_us;
    event.body_case = TRIVET__V1__EVENT__BODY_BIN_TOTALS;
    event.bin_totals = &body;
    return trivet_monitor_event(scene->monitor, source->index, &event, scene->now_us, &err);
}

/* A snapshot without piece `lost` (PIECES: whole). */
static void publish(struct scene *scene, struct source *source, size_t lost)
{
    source->snapshot++;
    for (size_t i = 0; i < PIECES; i++) {
        if (i != lost) {
            assert_int_equal(send_piece(scene, source, i), TRIVET_OK);
        } else {
            source->sequence++;
        }
    }
}

static void bring_profile(struct scene *scene, struct source *source)
{
    char model[TRIVET_MONITOR_MODEL_BYTES];
    uint64_t version = 0;
    publish(scene, source, PIECES);
    assert_true(
        trivet_monitor_drift_wanted(scene->monitor, source->index, scene->now_us, model, &version));
    assert_string_equal(model, "m");
    assert_int_equal(version, 1);
    /* Once in a while only. */
    assert_false(
        trivet_monitor_drift_wanted(scene->monitor, source->index, scene->now_us, model, &version));
    assert_int_equal(trivet_monitor_drift_profile(scene->monitor, "m", 1, scene->profile, &err),
                     TRIVET_OK);
}

static struct trivet_drift_summary summary(struct scene *scene)
{
    struct trivet_drift_summary out;
    pthread_mutex_lock(&scene->monitor->lock);
    trivet_monitor_drift_summary(trivet_monitor_find(scene->monitor, "m", 1), &out);
    pthread_mutex_unlock(&scene->monitor->lock);
    return out;
}

static void test_every_row_is_taken_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    serve(&scene, source, 100, SIZE_MAX, 0);
    bring_profile(&scene, source);
    assert_true(summary(&scene).watched);
    assert_false(summary(&scene).known);
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 100);
    publish(&scene, source, PIECES); /* the same again */
    assert_true(summary(&scene).open_rows == 100);
    serve(&scene, source, 50, SIZE_MAX, 0);
    for (size_t lost = 0; lost < PIECES; lost++) {
        publish(&scene, source, lost);
        assert_true(summary(&scene).open_rows == 100);
    }
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 150);
    source->snapshot -= 2; /* late ones */
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 150);
    scene_free(&scene);
}

static void test_what_was_before_is_no_news(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, false);
    serve(&scene, source, 100000, SIZE_MAX, 0);
    bring_profile(&scene, source);
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 0);
    serve(&scene, source, 10, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    assert_true(fabs(summary(&scene).open_rows - 10) < 1e-6);
    scene_free(&scene);
}

static void test_a_new_epoch_and_another_source(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    serve(&scene, source, 100, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    /* The server starts anew; its snapshots too. */
    source->epoch = 99;
    source->snapshot = 0;
    trivet_bins_clear(source->totals);
    source->confidence = 0;
    first_call(&scene, source, true);
    serve(&scene, source, 30, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 130);
    first_call(&scene, &scene.sources[1], true);
    serve(&scene, &scene.sources[1], 7, SIZE_MAX, 0);
    publish(&scene, &scene.sources[1], PIECES);
    assert_true(summary(&scene).open_rows == 137);
    scene_free(&scene);
}

/* The server let go of the totals of a version that was unloaded. */
static void test_totals_that_begin_again(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    serve(&scene, source, 100, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    trivet_bins_clear(source->totals);
    serve(&scene, source, 20, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    assert_true(summary(&scene).open_rows == 120);
    scene_free(&scene);
}

static void test_a_shift_is_told_by_name(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    for (int window = 0; window < 2; window++) {
        serve(&scene, source, 1000, 4, 5.0);
        publish(&scene, source, PIECES);
        scene.now_us += 61 * S;
        trivet_monitor_tick(scene.monitor, scene.now_us);
        struct trivet_drift_summary told = summary(&scene);
        assert_true(told.known);
        assert_int_equal(told.n_windows, window + 1);
        assert_true(fabs(told.rows - 1000) < 1e-6);
        assert_int_equal(told.closed_us, scene.now_us);
        /* 0.75 sure, and 0.125 too sure on the held-out rows. */
        assert_true(fabs(told.expected_accuracy - 0.625) < 1e-9);
        assert_true(fabs(told.reference_accuracy - 0.75) < 1e-9);
        assert_string_equal(told.expected_doubt, "");
        const struct trivet_drift_told *drift = &told.told[TRIVET_DRIFT_DISTRIBUTION];
        assert_int_equal(drift->n_pending, window == 0);
        assert_int_equal(drift->n_firing, window == 1);
        assert_string_equal(drift->worst, scene.profile->features[4]->name);
        assert_true(drift->excess > 1 && drift->value > 0.1 && told.psi_max == drift->value);
        assert_int_equal(drift->since_us, scene.now_us);
    }
    /* And by number for Prometheus: names of columns are no labels. */
    struct trivet_buffer page = {0};
    assert_int_equal(
        trivet_exposition_write(&(struct trivet_exposition_sources){.monitor = scene.monitor},
                                T0_US, &page, &err),
        TRIVET_OK);
    static const char *const lines[] = {
        "\ntrivet_monitor_drift_columns{model=\"m\",version=\"1\",finding=\"distribution\","
        "state=\"firing\"} 1\n",
        "\ntrivet_monitor_drift_columns{model=\"m\",version=\"1\",finding=\"missing\","
        "state=\"firing\"} 0\n",
        "\ntrivet_monitor_drift_windows_total{model=\"m\",version=\"1\"} 2\n",
        "\ntrivet_monitor_expected_accuracy_ratio{model=\"m\",version=\"1\"} 0.625\n",
        "\ntrivet_monitor_reference_accuracy_ratio{model=\"m\",version=\"1\"} 0.75\n",
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(lines); i++) {
        assert_non_null(strstr((const char *)page.data, lines[i]));
    }
    assert_null(strstr((const char *)page.data, scene.profile->features[4]->name));
    trivet_buffer_release(&page);
    scene_free(&scene);
}

/* One that is too sure of itself: what it expects is not told, and why. */
static void test_an_overconfident_one_is_not_believed(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    scene.calibration.calibration_error = 0.1;
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    serve(&scene, source, 1000, SIZE_MAX, 0);
    publish(&scene, source, PIECES);
    scene.now_us += 61 * S;
    trivet_monitor_tick(scene.monitor, scene.now_us);
    const struct trivet_drift_summary told = summary(&scene);
    assert_true(told.known && isnan(told.expected_accuracy));
    assert_true(fabs(told.reference_accuracy - 0.75) < 1e-9);
    assert_non_null(strstr(told.expected_doubt, "87.5 % sure and 75.0 % right"));
    scene_free(&scene);
}

static void test_bins_that_cannot_be(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    source->snapshot++;
    source->totals->cells[0] = (double)NAN;
    assert_int_equal(send_piece(&scene, source, 0), TRIVET_INVALID_ARGUMENT);
    source->totals->cells[0] = -1;
    assert_int_equal(send_piece(&scene, source, 0), TRIVET_INVALID_ARGUMENT);
    source->totals->cells[0] = 0;
    source->totals->n_columns--;
    assert_int_equal(send_piece(&scene, source, 0), TRIVET_INVALID_ARGUMENT);
    source->totals->n_columns++;
    assert_true(summary(&scene).watched);
    scene_free(&scene);
}

static void test_deleted_and_out_of_room(void **state)
{
    (void)state;
    struct scene scene;
    scene_make(&scene);
    struct source *source = &scene.sources[0];
    first_call(&scene, source, true);
    bring_profile(&scene, source);
    publish(&scene, source, PIECES);
    assert_true(scene.monitor->drift_budget.bytes > 10000);
    pthread_mutex_lock(&scene.monitor->lock);
    trivet_monitor_drift_deleted(scene.monitor, 0, "m", 0);
    pthread_mutex_unlock(&scene.monitor->lock);
    assert_int_equal(scene.monitor->drift_budget.bytes, 0);
    assert_false(summary(&scene).watched);
    scene.monitor->drift_budget.bytes_max = 10000;
    publish(&scene, source, PIECES);
    assert_int_equal(trivet_monitor_drift_profile(scene.monitor, "m", 1, scene.profile, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    assert_int_equal(scene.monitor->drift_budget.refused, 1);
    publish(&scene, source, PIECES);
    assert_false(summary(&scene).watched);
    scene_free(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_taken_once),
        cmocka_unit_test(test_what_was_before_is_no_news),
        cmocka_unit_test(test_a_new_epoch_and_another_source),
        cmocka_unit_test(test_totals_that_begin_again),
        cmocka_unit_test(test_a_shift_is_told_by_name),
        cmocka_unit_test(test_an_overconfident_one_is_not_believed),
        cmocka_unit_test(test_bins_that_cannot_be),
        cmocka_unit_test(test_deleted_and_out_of_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
