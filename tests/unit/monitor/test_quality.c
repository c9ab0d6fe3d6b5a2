#include "base/alloc.h"
#include "messages.h"
#include "monitor/history/history.h"
#include "monitor/history/quality.h"
#include "monitor/pages/report_quality.h"
#include "outcomes.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S    1000000LL
#define HOUR (3600 * S)

static char folder[64];
static char path[96];

static int begin(void **state)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-quality-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    struct trivet_monitor *monitor = make_monitor(1);
    send_stats(monitor, 0, 7, "m", 1, 0, 0, T0_US);
    *state = monitor;
    return 0;
}

static int end(void **state)
{
    trivet_monitor_free(*state);
    (void)unlink(path);
    return rmdir(folder);
}

static struct trivet_quality *quality_of(struct trivet_monitor *monitor)
{
    struct trivet_monitor_series *series = trivet_monitor_find(monitor, "m", 1);
    assert_non_null(series);
    assert_non_null(series->live.quality);
    return series->live.quality;
}

static struct trivet_quality_statement over(struct trivet_monitor *monitor, int64_t now_us,
                                            int64_t window_us)
{
    struct trivet_quality_sums sums;
    struct trivet_quality_statement at;
    struct trivet_error err;
    assert_int_equal(trivet_quality_window(quality_of(monitor), now_us, window_us, &sums, &err),
                     TRIVET_OK);
    trivet_quality_state(quality_of(monitor), &sums, &at);
    trivet_quality_sums_release(&sums);
    return at;
}

static double ever(struct trivet_monitor *monitor, enum trivet_quality_sum which)
{
    struct trivet_quality_sums sums;
    struct trivet_error err;
    assert_int_equal(trivet_quality_ever(quality_of(monitor), &sums, &err), TRIVET_OK);
    double value = sums.values[which];
    trivet_quality_sums_release(&sums);
    return value;
}

/* A server that is heard of all the time. */
static void keep_contact(struct trivet_monitor *monitor, int64_t from_us, int64_t to_us)
{
    for (int64_t at_us = from_us; at_us <= to_us; at_us += 9 * S) {
        send_stats(monitor, 0, 7, "m", 1, 0, 0, at_us);
    }
}

static void test_classification(void **state)
{
    struct trivet_monitor *monitor = *state;
    send_classes(monitor, 7, 1, 0, 90, 9, T0_US);
    struct trivet_quality_statement at = over(monitor, T0_US, HOUR);
    assert_int_equal(at.task, TRIVET_QUALITY_CLASSES);
    assert_int_equal(at.labels, 99);
    assert_false(at.enough);
    assert_false(at.accuracy.known);
    send_classes(monitor, 7, 2, 0, 90, 10, T0_US);
    at = over(monitor, T0_US, HOUR);
    assert_true(at.enough);
    assert_float_equal(at.accuracy.value, 0.9, 1e-12);
    /* scipy.stats.binomtest(90, 100).proportion_ci(method="wilson"). */
    assert_float_equal(at.accuracy.lower, 0.8256343384950865, 1e-9);
    assert_float_equal(at.accuracy.upper, 0.9447708629393249, 1e-9);
    /* F1 of a: 2·90/190; of b: 0. */
    assert_true(at.f1_known);
    assert_float_equal(at.f1_macro, (float)(90.0 / 190.0), 1e-6);
}

static void test_regression(void **state)
{
    struct trivet_monitor *monitor = *state;
    send_numbers(monitor, 7, 1, 400, 50.0, 0.5, T0_US);
    struct trivet_quality_statement at = over(monitor, T0_US, HOUR);
    assert_int_equal(at.task, TRIVET_QUALITY_NUMBERS);
    assert_float_equal(at.mae.value, 0.5, 1e-9);
    assert_float_equal(at.mse.value, 0.25, 1e-9);
    assert_float_equal(at.r2.value, 0.75, 1e-6);
    assert_float_equal(at.bias, 0.5, 1e-9);
    assert_float_equal(at.mae.upper, at.mae.lower, 1e-6); /* every error is the same */
    assert_false(at.accuracy.known);
}

/* 900 labels that stand for one prediction each and 100 for 32: no more than 163 equal ones tell.
 */
static void test_weights(void **state)
{
    struct trivet_monitor *monitor = *state;
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    totals.labelled = 1000;
    totals.labelled_weight = 4100;
    totals.squared_weight = 900 + 100 * 32 * 32;
    totals.squared_weight_right = 0.9 * totals.squared_weight;
    totals.other_right = 0.9 * 4100;
    Trivet__V1__ClassPairCount wrong = TRIVET__V1__CLASS_PAIR_COUNT__INIT;
    Trivet__V1__ClassPairCount *pairs[] = {&wrong};
    char names[] = "a\0b";
    wrong.truth = names;
    wrong.predicted = names + 2;
    wrong.weight = 0.1 * 4100;
    totals.pairs = pairs;
    totals.n_pairs = 1;
    totals.invalid = 7;
    send_quality(monitor, 7, 1, &totals, T0_US);
    struct trivet_quality_statement at = over(monitor, T0_US, HOUR);
    assert_float_equal(at.effective, 162.73, 0.01);
    assert_float_equal(at.accuracy.value, 0.9, 1e-6);
    assert_float_equal(at.accuracy.lower, 0.8443, 1e-4);
    assert_float_equal(at.accuracy.upper, 0.9373, 1e-4);
    assert_float_equal(ever(monitor, TRIVET_QUALITY_INVALID), 7, 0);
    /* Were the wrong ones those of great weight, less would be known. */
    totals.squared_weight_right = 0.1 * totals.squared_weight;
    totals.labelled++;
    send_quality(monitor, 7, 2, &totals, T0_US);
    assert_true(over(monitor, T0_US, HOUR).accuracy.lower < 0.8);
}

/* Made-up classes that were put right take no place for ever. */
static void test_places_of_pairs(void **state)
{
    struct trivet_monitor *monitor = *state;
    char names[] = "a\0junk 0000";
    Trivet__V1__ClassPairCount pair = TRIVET__V1__CLASS_PAIR_COUNT__INIT;
    Trivet__V1__ClassPairCount *pairs[] = {&pair};
    int64_t now_us = T0_US;
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    totals.labelled = 1;
    totals.labelled_weight = 1;
    totals.pairs = pairs;
    totals.n_pairs = 1;
    pair.predicted = names;
    pair.truth = names + 2;
    pair.weight = 1;
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(names + 2, sizeof(names) - 2, "junk %04u", i);
        totals.corrected = i;
        send_quality(monitor, 7, 1 + i, &totals, now_us);
    }
    assert_int_equal(quality_of(monitor)->n_pairs, TRIVET_QUALITY_PAIRS_MAX);
    /* What it is now, and nothing of what it was. */
    struct trivet_quality_sums sums;
    struct trivet_error err;
    assert_int_equal(trivet_quality_ever(quality_of(monitor), &sums, &err), TRIVET_OK);
    double all = 0.0;
    for (size_t i = 0; i < sums.n_pairs; i++) {
        all += sums.pairs[i];
        assert_true(sums.pairs[i] == 0.0 ||
                    strcmp(quality_of(monitor)->pairs[i].truth, "junk 0599") == 0);
    }
    assert_true(all == 1.0);
    assert_true(sums.values[TRIVET_QUALITY_OTHER_WRONG] == 0.0);
    trivet_quality_sums_release(&sums);
}

/* The squared error by its own fourth power: heavy tails make it unsure. */
static void test_heavy_tails(void **state)
{
    struct trivet_monitor *monitor = *state;
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    totals.labelled = 400;
    totals.labelled_weight = 400;
    totals.squared_weight = 400;
    totals.absolute_error = 200;
    totals.squared_error = 400;
    totals.squared_outcome = 1600;
    totals.squared_weight_absolute_error = 200;
    totals.squared_weight_squared_error = 400;
    totals.squared_weight_fourth_error = 400 * 100;
    send_quality(monitor, 7, 1, &totals, T0_US);
    struct trivet_quality_statement at = over(monitor, T0_US, HOUR);
    assert_float_equal(at.mse.upper, (float)(1 + 1.95996 * sqrt(40000 - 400) / 400), 1e-4);
    assert_float_equal(at.mae.upper, (float)(0.5 + 1.95996 * sqrt(0.75 / 400)), 1e-4);
    assert_float_equal(at.r2.lower, (float)(1 - at.mse.upper / 4), 1e-4);
}

/* A correction in the window takes back what came before it. */
static void test_correction(void **state)
{
    struct trivet_monitor *monitor = *state;
    send_classes(monitor, 7, 1, 0, 100, 100, T0_US);
    keep_contact(monitor, T0_US, T0_US + 2 * HOUR);
    send_classes(monitor, 7, 2, 50, 150, 50, T0_US + 2 * HOUR);
    struct trivet_quality_sums sums;
    struct trivet_error err;
    assert_int_equal(
        trivet_quality_window(quality_of(monitor), T0_US + 2 * HOUR, HOUR, &sums, &err), TRIVET_OK);
    assert_float_equal(sums.pairs[0], 50, 0);
    assert_float_equal(sums.pairs[1], -50, 0);
    trivet_quality_sums_release(&sums);
    assert_float_equal(over(monitor, T0_US + 2 * HOUR, 24 * HOUR).accuracy.value, 0.75, 1e-12);
    /* Older totals change nothing, though their sums are not all smaller. */
    send_classes(monitor, 7, 3, 0, 100, 100, T0_US + 2 * HOUR);
    assert_float_equal(over(monitor, T0_US + 2 * HOUR, 24 * HOUR).accuracy.value, 0.75, 1e-12);
}

/* The window goes back with the clock: what was half an hour old stays that old. */
static void test_clock_set_back(void **state)
{
    struct trivet_monitor *monitor = *state;
    for (uint64_t i = 1; i <= 360; i++) {
        send_classes(monitor, 7, i, 0, (double)i, 0, T0_US + 23 * HOUR + (int64_t)i * 10 * S);
    }
    trivet_quality_set_back(quality_of(monitor), T0_US);
    send_classes(monitor, 7, 361, 0, 360, 20, T0_US + 10 * S);
    assert_in_range(over(monitor, T0_US + 10 * S, HOUR / 2).labels, 190, 260);
    assert_int_equal(over(monitor, T0_US + 10 * S, 24 * HOUR).labels, 380);
}

/* Windows of any length from bounded memory: never short of what is asked, and little more. */
static void test_windows(void **state)
{
    struct trivet_monitor *monitor = *state;
    static const int64_t windows_s[] = {10, 60, 300, 3600, 6 * 3600, 20 * 3600};
    int64_t now_us = T0_US;
    double worst = 0.0;
    for (uint64_t i = 1; i <= 9000; i++) {
        now_us = T0_US + (int64_t)i * 10 * S;
        send_classes(monitor, 7, i, 0, 10.0 * (double)i, 0, now_us);
    }
    assert_in_range(quality_of(monitor)->n_slots, 1, TRIVET_QUALITY_SLOTS_MAX);
    for (size_t k = 0; k < sizeof(windows_s) / sizeof(windows_s[0]); k++) {
        double labels = (double)over(monitor, now_us, windows_s[k] * S).labels;
        assert_true(labels >= (double)windows_s[k]);
        worst = fmax(worst, (labels - 20.0) / (double)windows_s[k]);
    }
    print_message("a window of up to 20 h is at most %.2f times as long as asked\n", worst);
    assert_true(worst <= 1.25);
    /* After a day without outcomes, and one more of them, the old are gone. */
    keep_contact(monitor, now_us, now_us + 25 * HOUR);
    send_classes(monitor, 7, 9001, 0, 90010, 0, now_us + 25 * HOUR);
    assert_int_equal(over(monitor, now_us + 25 * HOUR, 24 * HOUR).labels, 10);
}

static void test_new_epoch(void **state)
{
    struct trivet_monitor *monitor = *state;
    send_classes(monitor, 7, 1, 0, 90, 10, T0_US);
    send_classes(monitor, 8, 1, 0, 5, 5, T0_US + S);
    assert_float_equal(ever(monitor, TRIVET_QUALITY_LABELLED), 110, 0);
    assert_int_equal(over(monitor, T0_US + S, HOUR).labels, 110);
}

static void test_many_classes(void **state)
{
    struct trivet_monitor *monitor = *state;
    enum { n = TRIVET_QUALITY_PAIRS_MAX + 100 };
    static Trivet__V1__ClassPairCount pairs[n];
    static Trivet__V1__ClassPairCount *list[n];
    static char names[n][24];
    struct trivet_error err;
    char model[] = "m";
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    for (int i = 0; i < n; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "class %d", i);
        trivet__v1__class_pair_count__init(&pairs[i]);
        pairs[i].truth = names[i];
        pairs[i].predicted = names[i];
        pairs[i].weight = 1;
        list[i] = &pairs[i];
    }
    totals.model = model;
    totals.version = 1;
    totals.labelled = n;
    totals.labelled_weight = n;
    totals.pairs = list;
    totals.n_pairs = n;
    pthread_mutex_lock(&monitor->lock);
    assert_int_equal(trivet_live_quality(monitor, 0, &totals, T0_US, &err), TRIVET_OK);
    pthread_mutex_unlock(&monitor->lock);
    struct trivet_quality_statement at = over(monitor, T0_US, HOUR);
    assert_float_equal(at.accuracy.value, 1.0, 0);
    assert_false(at.f1_known);
    pairs[0].weight = NAN;
    pthread_mutex_lock(&monitor->lock);
    assert_int_equal(trivet_live_quality(monitor, 0, &totals, T0_US, &err),
                     TRIVET_INVALID_ARGUMENT);
    pthread_mutex_unlock(&monitor->lock);
}

static struct trivet_history *open_history(void)
{
    struct trivet_history *history = NULL;
    struct trivet_error err;
    if (trivet_history_open(path, 0, &history, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return history;
}

static void send_others(struct trivet_monitor *monitor, uint64_t sequence)
{
    struct trivet_error err;
    char model[] = "m";
    Trivet__V1__ShadowTotals shadow = TRIVET__V1__SHADOW_TOTALS__INIT;
    Trivet__V1__UnjoinedTotals unjoined = TRIVET__V1__UNJOINED_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    shadow.model = model;
    shadow.version = 1;
    shadow.answered_by = 3;
    shadow.compared = 200;
    shadow.equal = 150;
    shadow.absolute_difference = 20;
    unjoined.model = model;
    unjoined.unmatched = 4;
    unjoined.not_sampled = 5;
    unjoined.refused = 6;
    event.publisher_epoch = 7;
    event.sequence = sequence;
    event.unix_us = T0_US;
    event.body_case = TRIVET__V1__EVENT__BODY_SHADOW_TOTALS;
    event.shadow_totals = &shadow;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err), TRIVET_OK);
    event.sequence++;
    event.body_case = TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS;
    event.unjoined_totals = &unjoined;
    assert_int_equal(trivet_monitor_event(monitor, 0, &event, T0_US, &err), TRIVET_OK);
}

static json_t *report(struct trivet_monitor *monitor, struct trivet_history *history, bool shadow)
{
    struct trivet_buffer text = {0};
    struct trivet_error err;
    enum trivet_status status =
        shadow ? trivet_report_shadow(monitor, "m", 1, &text, &err)
               : trivet_report_quality(monitor, history, "m", 1, 24, T0_US + S, &text, &err);
    assert_int_equal(status, TRIVET_OK);
    json_t *json = json_loadb((const char *)text.data, text.n_bytes, 0, NULL);
    trivet_buffer_release(&text);
    return json;
}

/* Totals, unjoined outcomes and shadows outlast the monitor, and are not counted twice; what an
 * ended epoch left stays. */
static void test_restart(void **state)
{
    struct trivet_monitor *monitor = *state;
    struct trivet_history *history = open_history();
    struct trivet_error err;
    send_classes(monitor, 7, 1, 0, 90, 10, T0_US);
    send_others(monitor, 2);
    assert_int_equal(trivet_history_save(history, monitor, T0_US, &err), TRIVET_OK);
    for (uint64_t epoch = 7; epoch <= 8; epoch++) {
        trivet_monitor_free(monitor);
        trivet_history_close(history);
        history = open_history();
        monitor = make_monitor(1);
        assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
        assert_float_equal(ever(monitor, TRIVET_QUALITY_LABELLED), 100, 0);
        send_classes(monitor, epoch, 9, 0, epoch == 7 ? 90 : 15, epoch == 7 ? 10 : 5, T0_US + S);
        assert_float_equal(ever(monitor, TRIVET_QUALITY_LABELLED), epoch == 7 ? 100 : 120, 0);
    }
    json_t *json = report(monitor, history, false);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "unjoined"), "refused")), 6);
    json_t *points = json_object_get(json, "history");
    assert_int_equal(json_array_size(points), 1);
    json_t *point = json_array_get(points, 0);
    assert_float_equal(json_real_value(json_object_get(point, "coverage")), 0.5, 1e-9);
    point = json_object_get(point, "accuracy");
    assert_float_equal(json_real_value(json_object_get(point, "value")), 0.9, 1e-9);
    /* The window of the monitor before it; what came while none looked is in no window. */
    assert_true(json_boolean_value(json_object_get(json, "enough")));
    assert_int_equal(json_integer_value(json_object_get(json, "labels")), 100);
    assert_int_equal(json_integer_value(json_object_get(json, "labelled")), 120);
    assert_string_equal(json_string_value(json_object_get(json, "task")), "classification");
    json_decref(json);
    json = report(monitor, history, true);
    json_t *first = json_array_get(json_object_get(json, "shadows"), 0);
    assert_float_equal(json_real_value(json_object_get(first, "agreement")), 0.75, 1e-9);
    assert_float_equal(json_real_value(json_object_get(first, "mean_absolute_difference")), 0.1,
                       1e-9);
    json_decref(json);
    trivet_history_close(history);
    *state = monitor;
}

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    char *words = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &words) != SQLITE_OK) {
        fail_msg("%s", words);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t count_rows(const char *where)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM sample WHERE %s", where);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(row, 0);
    (void)sqlite3_finalize(row);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

/* Three hours of points of each age; then as many saves as they have buckets. */
static void test_thinning(void **state)
{
    struct trivet_monitor *monitor = *state;
    struct trivet_error err;
    char sql[1024];
    trivet_history_close(open_history());
    for (int i = 0; i < 4; i++) {
        static const int64_t days[] = {400, 60, 2, 0};
        (void)snprintf(sql, sizeof(sql),
                       "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < "
                       "1079) INSERT INTO sample(unix_s, model, version, predictions, calls, "
                       "failed_calls, failed_rows, p50_us, p99_us) SELECT %lld + 10 * i, 'm', 1, "
                       "i, i, 0, 0, 1, 1 FROM n",
                       (long long)(T0_S - T0_S % 3600 - days[i] * 86400 - 4 * 3600));
        run_sql(sql);
    }
    struct trivet_history *history = open_history();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(trivet_history_save(history, monitor, T0_US, &err), TRIVET_OK);
    }
    trivet_history_close(history);
    (void)snprintf(sql, sizeof(sql), "unix_s < %lld", (long long)(T0_S - 365 * 86400));
    assert_int_equal(count_rows(sql), 0);
    (void)snprintf(sql, sizeof(sql), "unix_s BETWEEN %lld AND %lld",
                   (long long)(T0_S - 365 * 86400), (long long)(T0_S - 30 * 86400));
    assert_int_equal(count_rows(sql), 3);
    (void)snprintf(sql, sizeof(sql), "unix_s BETWEEN %lld AND %lld", (long long)(T0_S - 30 * 86400),
                   (long long)(T0_S - 86400));
    assert_int_equal(count_rows(sql), 36);
    (void)snprintf(sql, sizeof(sql), "unix_s > %lld", (long long)(T0_S - 86400));
    assert_int_equal(count_rows(sql), 1080);
    /* The newest of each bucket is what stays. */
    assert_int_equal(count_rows("predictions = 1079"), 3);
}

/* A file of the first schema is brought forward with what it holds. */
static void test_migration(void **state)
{
    (void)state;
    run_sql("PRAGMA application_id=1953658484; PRAGMA user_version=1;"
            "CREATE TABLE source(id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, epoch INTEGER "
            "NOT NULL, lost INTEGER NOT NULL, restarts INTEGER NOT NULL) STRICT;"
            "CREATE TABLE total(source INTEGER NOT NULL REFERENCES source(id), model TEXT NOT "
            "NULL, version INTEGER NOT NULL, base BLOB NOT NULL, current BLOB NOT NULL, PRIMARY "
            "KEY(source, model, version)) STRICT, WITHOUT ROWID;"
            "CREATE TABLE sample(id INTEGER PRIMARY KEY AUTOINCREMENT, unix_s INTEGER NOT NULL,"
            " model TEXT NOT NULL, version INTEGER NOT NULL, predictions INTEGER NOT NULL,"
            " calls INTEGER NOT NULL, failed_calls INTEGER NOT NULL, failed_rows INTEGER NOT NULL,"
            " p50_us REAL NOT NULL, p99_us REAL NOT NULL) STRICT;"
            "CREATE INDEX sample_of ON sample(model, version, unix_s);"
            "INSERT INTO source VALUES(1, 'tcp://server-0', 77, 5, 6)");
    struct trivet_error err;
    for (int i = 0; i < 2; i++) {
        struct trivet_history *history = open_history();
        struct trivet_monitor *monitor = make_monitor(1);
        assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
        assert_int_equal(monitor->sources[0].sequence.lost, 5);
        assert_int_equal(trivet_history_save(history, monitor, T0_US, &err), TRIVET_OK);
        trivet_monitor_free(monitor);
        trivet_history_close(history);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_classification, begin, end),
        cmocka_unit_test_setup_teardown(test_regression, begin, end),
        cmocka_unit_test_setup_teardown(test_weights, begin, end),
        cmocka_unit_test_setup_teardown(test_heavy_tails, begin, end),
        cmocka_unit_test_setup_teardown(test_places_of_pairs, begin, end),
        cmocka_unit_test_setup_teardown(test_correction, begin, end),
        cmocka_unit_test_setup_teardown(test_clock_set_back, begin, end),
        cmocka_unit_test_setup_teardown(test_windows, begin, end),
        cmocka_unit_test_setup_teardown(test_new_epoch, begin, end),
        cmocka_unit_test_setup_teardown(test_many_classes, begin, end),
        cmocka_unit_test_setup_teardown(test_restart, begin, end),
        cmocka_unit_test_setup_teardown(test_thinning, begin, end),
        cmocka_unit_test_setup_teardown(test_migration, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
