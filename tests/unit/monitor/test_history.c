#include "base/alloc.h"
#include "messages.h"
#include "monitor/history/history.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000LL

static char folder[64];
static char path[96];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-history-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    char name[128];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, endings[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static struct trivet_history *open_history(uint64_t samples_max)
{
    struct trivet_history *history = NULL;
    struct trivet_error err;
    if (trivet_history_open(path, samples_max, &history, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return history;
}

static void save(struct trivet_history *history, struct trivet_monitor *monitor, int64_t at_us)
{
    struct trivet_error err;
    if (trivet_history_save(history, monitor, at_us, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

/* A monitor with what the file holds. */
static struct trivet_monitor *restart(struct trivet_history **history)
{
    struct trivet_error err;
    trivet_history_close(*history);
    *history = open_history(0);
    struct trivet_monitor *monitor = make_monitor(2);
    assert_int_equal(trivet_history_load(*history, monitor, &err), TRIVET_OK);
    return monitor;
}

static void test_restart_in_the_same_epoch(void **state)
{
    (void)state;
    struct trivet_history *history = open_history(0);
    struct trivet_monitor *monitor = make_monitor(2);
    struct trivet_error err;
    assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
    send_totals(monitor, 0, 7, 1, "m", 1, 100, 3, T0_US);
    send_totals(monitor, 0, UINT64_MAX, 1, "m", 1, 10, 1, T0_US);
    send_totals(monitor, 0, UINT64_MAX, 4, "m", 1, 20, 1, T0_US);
    send_totals(monitor, 1, 99, 1, "n", UINT64_MAX, 5, 0, T0_US);
    save(history, monitor, T0_US);
    trivet_monitor_free(monitor);

    monitor = restart(&history);
    assert_int_equal(predictions_of(monitor, "m", 1), 120);
    assert_int_equal(predictions_of(monitor, "n", UINT64_MAX), 5);
    assert_int_equal(monitor->sources[0].sequence.lost, 2);
    assert_int_equal(monitor->sources[0].sequence.restarts, 1);
    /* The server ran on: its totals replace, they do not add. */
    send_totals(monitor, 0, UINT64_MAX, 90, "m", 1, 50, 1, T0_US + 60 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 150);
    assert_int_equal(monitor->sources[0].sequence.lost, 2);
    save(history, monitor, T0_US + 60 * S);
    trivet_monitor_free(monitor);

    monitor = restart(&history);
    send_stats(monitor, 0, UINT64_MAX, "m", 1, 50, 1, T0_US + 120 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 150);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

static void test_restart_in_another_epoch(void **state)
{
    (void)state;
    struct trivet_history *history = open_history(0);
    struct trivet_monitor *monitor = make_monitor(2);
    send_totals(monitor, 0, 7, 1, "m", 1, 100, 0, T0_US);
    save(history, monitor, T0_US);
    trivet_monitor_free(monitor);
    monitor = restart(&history);
    send_stats(monitor, 0, 8, "m", 1, 5, 0, T0_US + 60 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 105);
    save(history, monitor, T0_US + 60 * S);
    trivet_monitor_free(monitor);
    monitor = restart(&history);
    assert_int_equal(predictions_of(monitor, "m", 1), 105);
    send_stats(monitor, 0, 8, "m", 1, 6, 0, T0_US + 120 * S);
    assert_int_equal(predictions_of(monitor, "m", 1), 106);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

static size_t read_points(struct trivet_history *history, struct trivet_history_point *points,
                          size_t points_max)
{
    struct trivet_error err;
    size_t n = 0;
    assert_int_equal(
        trivet_history_read(history, "m", 1, 0, INT64_MAX, points, points_max, &n, &err),
        TRIVET_OK);
    return n;
}

static void test_samples(void **state)
{
    (void)state;
    enum { kept = 5 };
    struct trivet_history_point points[20];
    struct trivet_history *history = open_history(kept);
    struct trivet_monitor *monitor = make_monitor(1);
    for (uint64_t i = 1; i <= 12; i++) {
        int64_t at_us = T0_US + (int64_t)i * 10 * S;
        send_totals(monitor, 0, 7, i, "m", 1, 10 * i, i, at_us);
        save(history, monitor, at_us);
        save(history, monitor, at_us + S); /* nothing new: no sample */
    }
    assert_int_equal(read_points(history, points, 20), kept);
    assert_int_equal(points[0].predictions, 80);
    assert_int_equal(points[kept - 1].predictions, 120);
    assert_int_equal(points[kept - 1].calls, 132);
    assert_int_equal(points[kept - 1].failed_calls, 12);
    assert_int_equal(points[kept - 1].unix_s, T0_S + 120);
    assert_float_equal(points[kept - 1].p50_us, 100, 13);
    /* The newest, when there are more than asked for; in order. */
    assert_int_equal(read_points(history, points, 2), 2);
    assert_int_equal(points[0].predictions, 110);
    assert_int_equal(points[1].predictions, 120);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

static void test_one_monitor_per_file(void **state)
{
    (void)state;
    struct trivet_history *first = open_history(0);
    struct trivet_history *second = NULL;
    struct trivet_error err;
    assert_int_equal(trivet_history_open(path, 0, &second, &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "in use"));
    assert_null(second);
    trivet_history_close(first);
    trivet_history_close(open_history(0));
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_foreign_files(void **state)
{
    (void)state;
    struct trivet_history *history = NULL;
    struct trivet_error err;
    run_sql("CREATE TABLE other(a)");
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_FAILED_PRECONDITION);
    assert_int_equal(unlink(path), 0);
    trivet_history_close(open_history(0));
    run_sql("PRAGMA user_version = 99");
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "schema 99"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) {
        (void)fputs("not a database. ", file);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_DATA_LOSS);
    assert_int_equal(trivet_history_open("/nonexistent/h.db", 0, &history, &err),
                     TRIVET_UNAVAILABLE);
    assert_non_null(strstr(err.message, "/nonexistent/h.db"));
}

/* A write that fails loses nothing: the next one brings it. */
static void test_failed_save(void **state)
{
    (void)state;
    struct trivet_history *history = open_history(0);
    struct trivet_monitor *monitor = make_monitor(1);
    struct trivet_error err;
    send_totals(monitor, 0, 7, 1, "m", 1, 100, 0, T0_US);
    trivet_history_close(history);
    run_sql("CREATE TRIGGER refuse BEFORE INSERT ON sample BEGIN SELECT RAISE(ABORT, 'no'); END");
    history = open_history(0);
    assert_int_equal(trivet_history_save(history, monitor, T0_US, &err), TRIVET_UNAVAILABLE);
    assert_true(monitor->history_failing);
    trivet_history_close(history);
    run_sql("DROP TRIGGER refuse");
    history = open_history(0);
    save(history, monitor, T0_US);
    assert_false(monitor->history_failing);
    trivet_monitor_free(monitor);
    monitor = restart(&history);
    assert_int_equal(predictions_of(monitor, "m", 1), 100);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

/* Saving and loading with every allocation failing once: a status, no leak, nothing lost. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct trivet_history *history = open_history(0);
    struct trivet_monitor *monitor = make_monitor(1);
    struct trivet_error err;
    uint64_t sent = 0;
    for (uint64_t k = 1, counted = 1; counted >= k; k++) {
        sent++;
        send_totals(monitor, 0, 7, sent, "m", 1, sent, 0, T0_US);
        (void)trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_history_save(history, monitor, T0_US, &err);
        counted = trivet_alloc_fail_at(0);
        assert_int_equal(status, counted >= k ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_OK);
    }
    save(history, monitor, T0_US);
    trivet_monitor_free(monitor);
    for (uint64_t k = 1, counted = 1; counted >= k; k++) {
        monitor = make_monitor(1);
        (void)trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_history_load(history, monitor, &err);
        counted = trivet_alloc_fail_at(0);
        assert_int_equal(status, counted >= k ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_OK);
        assert_int_equal(predictions_of(monitor, "m", 1), status == TRIVET_OK ? sent : 0);
        trivet_monitor_free(monitor);
    }
    trivet_history_close(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart_in_the_same_epoch, begin, end),
        cmocka_unit_test_setup_teardown(test_restart_in_another_epoch, begin, end),
        cmocka_unit_test_setup_teardown(test_samples, begin, end),
        cmocka_unit_test_setup_teardown(test_one_monitor_per_file, begin, end),
        cmocka_unit_test_setup_teardown(test_foreign_files, begin, end),
        cmocka_unit_test_setup_teardown(test_failed_save, begin, end),
        cmocka_unit_test_setup_teardown(test_out_of_memory, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
