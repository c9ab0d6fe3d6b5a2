/* Drift over a restart of the monitor, and the windows of the past. */
#include "base/arena.h"
#include "base/rng.h"
#include "messages.h"
#include "monitor/drift/keep.h"
#include "monitor/history/drift.h"
#include "monitor/history/internal.h"
#include "unit/profile/drift_columns.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S           1000000LL
#define SHIFTED     4
#define WINDOW_ROWS 1000

static struct trivet_error err;
static char folder[64];
static char path[96];

struct scene {
    struct trivet_arena *arena;
    struct trivet_rng rng;
    const Trivet__V1__Profile *profile; /* the next one, with the one after it */
    Trivet__V1__Profile reference;
    Trivet__V1__Calibration calibration;
    struct trivet_bins *rows;
    struct trivet_monitor *monitor;
    struct trivet_history *history;
    int64_t now_us;
};

static void open_history(struct scene *scene)
{
    if (trivet_history_open(path, 0, &scene->history, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

static struct trivet_monitor_series *series_of(struct scene *scene)
{
    struct trivet_monitor_series *series = NULL;
    assert_int_equal(trivet_monitor_series_get(scene->monitor, "m", 1, &series, &err), TRIVET_OK);
    return series;
}

static int begin(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-drift-XXXXXX");
    if (scene == NULL || mkdtemp(folder) == NULL) {
        free(scene);
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    scene->arena = trivet_arena_create(64u << 20, 4096);
    scene->now_us = T0_US;
    trivet_rng_seed(&scene->rng, 3);
    trivet__v1__calibration__init(&scene->calibration);
    scene->calibration.rows = 400;
    scene->calibration.confidence = scene->calibration.accuracy = 0.9;
    scene->reference = *drift_reference(&scene->rng, 2000, scene->arena);
    scene->reference.calibration = &scene->calibration;
    scene->profile = &scene->reference;
    scene->monitor = make_monitor(1);
    assert_int_equal(trivet_bins_create(scene->profile, &scene->rows, &err), TRIVET_OK);
    struct trivet_monitor_drift *drift = NULL;
    assert_int_equal(
        trivet_monitor_drift_create(&scene->monitor->drift_options, scene->profile, &drift, &err),
        TRIVET_OK);
    assert_int_equal(trivet_monitor_drift_attach(scene->monitor, series_of(scene), drift, &err),
                     TRIVET_OK);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    char name[128];
    trivet_history_close(scene->history);
    trivet_monitor_free(scene->monitor);
    trivet_bins_free(scene->rows);
    trivet_arena_free(scene->arena);
    free(scene);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static void serve(struct scene *scene, size_t n_rows, double by)
{
    struct trivet_monitor_drift *drift = series_of(scene)->drift;
    trivet_bins_clear(scene->rows);
    drift_fill(scene->rows, scene->profile, &scene->rng, n_rows, SHIFTED, by);
    drift->open.sum += 0.9 * (double)n_rows;
    drift->open.weights += (double)n_rows;
    drift->fed = true;
    assert_int_equal(trivet_drift_watch_take(drift->watch, scene->rows, scene->now_us, &err),
                     TRIVET_OK);
}

static void window(struct scene *scene, double by)
{
    serve(scene, WINDOW_ROWS, by);
    scene->now_us += 61 * S;
    trivet_monitor_tick(scene->monitor, scene->now_us);
}

static void save(struct scene *scene, bool last)
{
    if (trivet_history_save_drift(scene->history, scene->monitor, scene->now_us, last, &err) !=
        TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

static void restart(struct scene *scene)
{
    trivet_history_close(scene->history);
    trivet_monitor_free(scene->monitor);
    scene->monitor = make_monitor(1);
    open_history(scene);
    assert_int_equal(trivet_history_load_drift(scene->history, scene->monitor, scene->now_us, &err),
                     TRIVET_OK);
}

static struct trivet_drift_summary summary(struct scene *scene)
{
    struct trivet_drift_summary out;
    trivet_monitor_drift_summary(series_of(scene), &out);
    return out;
}

static void test_restart(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    window(scene, 5);
    save(scene, false);
    struct trivet_drift_summary before = summary(scene);
    assert_int_equal(before.told[TRIVET_DRIFT_DISTRIBUTION].n_pending, 1);
    serve(scene, 70, 5); /* is lost in a crash, kept at a clean stop */
    restart(scene);
    struct trivet_drift_summary after = summary(scene);
    assert_true(after.known && after.n_windows == 1 && after.open_rows == 0);
    assert_true(after.closed_us == before.closed_us && after.psi_max == before.psi_max);
    assert_true(fabs(after.expected_accuracy - 0.9) < 1e-9);
    assert_int_equal(after.told[TRIVET_DRIFT_DISTRIBUTION].n_pending, 1);
    assert_string_equal(after.told[TRIVET_DRIFT_DISTRIBUTION].worst,
                        scene->profile->features[SHIFTED]->name);
    serve(scene, 70, 5);
    save(scene, true);
    restart(scene);
    assert_true(summary(scene).open_rows == 70);
    window(scene, 5);
    assert_int_equal(summary(scene).told[TRIVET_DRIFT_DISTRIBUTION].n_firing, 1);
    assert_true(summary(scene).rows == WINDOW_ROWS + 70);
    /* Nothing of it after a day without news. */
    save(scene, false);
    scene->now_us += TRIVET_HISTORY_DRIFT_OLD_US + S;
    restart(scene);
    assert_false(summary(scene).watched);
}

static size_t read_all(struct scene *scene, struct trivet_history_drift_window *windows, size_t max)
{
    size_t n = 0;
    assert_int_equal(
        trivet_history_read_drift(scene->history, "m", 1, 0, INT64_MAX, windows, max, &n, &err),
        TRIVET_OK);
    return n;
}

static void test_windows(void **state)
{
    struct scene *scene = *state;
    struct trivet_history_drift_window windows[3];
    open_history(scene);
    for (int i = 0; i < 5; i++) {
        window(scene, i < 3 ? 0 : 5);
        save(scene, false);
        save(scene, false); /* nothing new */
    }
    assert_int_equal(read_all(scene, windows, 3), 3);
    assert_int_equal(windows[2].unix_s, scene->now_us / S);
    assert_int_equal(windows[0].unix_s, scene->now_us / S - 2 * 61);
    assert_int_equal(windows[2].n_columns, DRIFT_COLUMNS);
    assert_true(windows[2].rows == WINDOW_ROWS && windows[2].psi_max > 0.1);
    assert_int_equal(windows[0].n_firing, 0);
    assert_int_equal(windows[2].n_firing, 1);
    assert_true((float)windows[2].psi_max == windows[2].scores[SHIFTED].psi);
    assert_true(windows[0].scores[SHIFTED].psi < 0.1F);
    assert_true(fabs(windows[2].expected_accuracy - 0.9) < 1e-9);
    trivet_history_drift_release(windows, 3);
}

static int64_t count_windows(struct scene *scene)
{
    sqlite3_stmt *row = NULL;
    assert_int_equal(
        trivet_history_prepare(scene->history, "SELECT count(*) FROM drift_window", &row, &err),
        TRIVET_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return n;
}

/* One of ten minutes stays of what is older than a day; and no more than so many columns in all. */
static void test_retention(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    for (int i = 0; i < 20; i++) {
        window(scene, 0);
        save(scene, false);
    }
    assert_int_equal(count_windows(scene), 20);
    scene->now_us += TRIVET_HISTORY_DRIFT_FINE_S * S;
    for (int i = 0; i < 21; i++) {
        window(scene, 0);
        save(scene, false);
    }
    assert_true(count_windows(scene) <= 21 + 4);
    assert_true(count_windows(scene) >= 21 + 2);
    scene->history->drift_scores_max = 10LL * DRIFT_COLUMNS;
    window(scene, 0);
    save(scene, false);
    assert_true(count_windows(scene) <= 10);
}

static void test_deleted(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    window(scene, 0);
    save(scene, false);
    trivet_monitor_drift_deleted(scene->monitor, 0, "m", 0);
    save(scene, false);
    restart(scene);
    assert_false(summary(scene).watched);
    assert_int_equal(count_windows(scene), 1); /* what was stays to be looked at */
}

static void test_damaged(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    window(scene, 0);
    save(scene, false);
    assert_int_equal(
        trivet_history_exec(scene->history, "UPDATE drift SET state = substr(state, 1, 100)", &err),
        TRIVET_OK);
    restart(scene);
    assert_false(summary(scene).watched);
}

static void test_failed_save(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    window(scene, 0);
    assert_int_equal(trivet_history_exec(scene->history, "ALTER TABLE drift RENAME TO other", &err),
                     TRIVET_OK);
    assert_int_not_equal(
        trivet_history_save_drift(scene->history, scene->monitor, scene->now_us, false, &err),
        TRIVET_OK);
    assert_true(scene->monitor->history_failing);
    assert_int_equal(trivet_history_exec(scene->history, "ALTER TABLE other RENAME TO drift", &err),
                     TRIVET_OK);
    save(scene, false);
    assert_int_equal(count_windows(scene), 1);
}

/* A file of the first version. */
static void test_migration(void **state)
{
    struct scene *scene = *state;
    open_history(scene);
    send_totals(scene->monitor, 0, 7, 1, "m", 1, 100, 3, T0_US);
    assert_int_equal(trivet_history_save(scene->history, scene->monitor, T0_US, &err), TRIVET_OK);
    assert_int_equal(trivet_history_exec(scene->history,
                                         "DROP TABLE drift; DROP TABLE drift_window;"
                                         "DROP TABLE alert; DROP TABLE webhook;"
                                         "DROP TABLE outcome; DROP TABLE outcome_sum;"
                                         "DROP TABLE quality_point; DROP TABLE quality_slot;"
                                         "DROP TABLE thinned;"
                                         "DROP INDEX sample_at;"
                                         "PRAGMA user_version=1",
                                         &err),
                     TRIVET_OK);
    trivet_history_close(scene->history);
    open_history(scene);
    window(scene, 0);
    save(scene, false);
    assert_int_equal(count_windows(scene), 1);
    struct trivet_history_point points[2];
    size_t n = 0;
    assert_int_equal(trivet_history_read(scene->history, "m", 1, 0, INT64_MAX, points, 2, &n, &err),
                     TRIVET_OK);
    assert_int_equal(n, 1);
    assert_int_equal(points[0].predictions, 100);
}

static void test_state_of_every_length(void **state)
{
    struct scene *scene = *state;
    struct trivet_buffer bytes = {0};
    struct trivet_monitor_drift *drift = series_of(scene)->drift;
    window(scene, 5);
    assert_int_equal(trivet_drift_keep(drift, &bytes, &err), TRIVET_OK);
    for (size_t n = 0; n < bytes.n_bytes; n += 97) {
        assert_int_equal(trivet_drift_restore(drift, bytes.data, n, &err), TRIVET_DATA_LOSS);
    }
    assert_int_equal(trivet_drift_restore(drift, bytes.data, bytes.n_bytes, &err), TRIVET_OK);
    trivet_buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_windows, begin, end),
        cmocka_unit_test_setup_teardown(test_retention, begin, end),
        cmocka_unit_test_setup_teardown(test_deleted, begin, end),
        cmocka_unit_test_setup_teardown(test_damaged, begin, end),
        cmocka_unit_test_setup_teardown(test_failed_save, begin, end),
        cmocka_unit_test_setup_teardown(test_migration, begin, end),
        cmocka_unit_test_setup_teardown(test_state_of_every_length, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
