#include "base/alloc.h"
#include "messages.h"
#include "monitor/alerts/facts.h"
#include "monitor/history/history.h"
#include "monitor/history/internal.h"
#include "outcomes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000LL

static uint64_t sequence;
static char folder[64];
static char path[96];

static int begin(void **state)
{
    (void)state;
    sequence = 0;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-upkeep-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void serve(struct trivet_monitor *monitor, uint64_t version, uint64_t calls, int64_t at_s)
{
    send_totals(monitor, 0, 7, ++sequence, "m", version, calls, 0, T0_US + at_s * S);
}

static void send_model(struct trivet_monitor *monitor, size_t source, uint64_t version,
                       Trivet__V1__ModelChange change, int64_t at_s)
{
    static char model[] = "m";
    struct trivet_error err;
    Trivet__V1__ModelEvent body = TRIVET__V1__MODEL_EVENT__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    body.model = model;
    body.version = version;
    body.change = change;
    event.publisher_epoch = 7;
    event.sequence = ++sequence;
    event.unix_us = T0_US + at_s * S;
    event.body_case = TRIVET__V1__EVENT__BODY_MODEL;
    event.model = &body;
    assert_int_equal(trivet_monitor_event(monitor, source, &event, event.unix_us, &err), TRIVET_OK);
}

static void tick(struct trivet_monitor *monitor, int64_t at_s)
{
    trivet_monitor_tick(monitor, T0_US + at_s * S);
}

static bool knows(struct trivet_monitor *monitor, uint64_t version)
{
    return trivet_monitor_find(monitor, "m", version) != NULL;
}

static uint64_t window_calls(struct trivet_monitor *monitor, uint64_t version, int64_t at_s)
{
    struct trivet_monitor_counts sum = {0};
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, "m", version);
    if (series != NULL && series->window != NULL) {
        trivet_window_sum(series->window, T0_S, T0_S + at_s + 1, &sum);
    }
    return trivet_monitor_counts_calls(&sum);
}

/* Some thousand versions, one after the other: the newest and the busy ones are always known. */
static void test_room_for_new_versions(void **state)
{
    (void)state;
    const uint64_t n_versions = 3 * TRIVET_MONITOR_SERIES_MAX;
    struct trivet_monitor *monitor = make_monitor(1);
    for (uint64_t v = 1; v <= n_versions; v++) {
        int64_t at_s = (int64_t)v;
        serve(monitor, v, v, at_s);
        serve(monitor, 1, 10 * v, at_s);
        tick(monitor, at_s);
        assert_true(knows(monitor, v));
        assert_int_equal(window_calls(monitor, v, at_s), v > 1 ? v : 10);
    }
    assert_int_equal(monitor->untracked, 0);
    assert_int_equal(monitor->n_series, TRIVET_MONITOR_SERIES_MAX - TRIVET_MONITOR_ROOM);
    assert_int_equal(predictions_of(monitor, "m", 1), 10 * n_versions);
    assert_false(knows(monitor, 2));
    assert_true(knows(monitor, n_versions - 900));
    /* Server.Stats tells of those that are gone, too: nothing new brings none back. */
    int64_t at_s = (int64_t)n_versions + 1;
    send_stats(monitor, 0, 7, "m", 2, 2, 0, T0_US + at_s * S);
    assert_false(knows(monitor, 2));
    /* News do, as totals and not as calls of this second. */
    send_stats(monitor, 0, 7, "m", 2, 1002, 0, T0_US + at_s * S);
    assert_int_equal(predictions_of(monitor, "m", 2), 1002);
    assert_int_equal(window_calls(monitor, 2, at_s), 0);
    serve(monitor, 2, 1003, at_s + 1);
    assert_int_equal(window_calls(monitor, 2, at_s + 1), 1);
    /* Gone once more, by what it said last. */
    tick(monitor, 2 * at_s);
    for (uint64_t v = 1; v <= TRIVET_MONITOR_ROOM; v++) {
        serve(monitor, n_versions + v, 1, 2 * at_s + 120);
    }
    tick(monitor, 2 * at_s + 120);
    for (uint64_t v = 1; v <= TRIVET_MONITOR_SERIES_MAX - 2 * TRIVET_MONITOR_ROOM; v++) {
        serve(monitor, n_versions + 100 + v, 1, 2 * at_s + 180);
        tick(monitor, 2 * at_s + 180);
    }
    assert_false(knows(monitor, 2));
    send_stats(monitor, 0, 7, "m", 2, 1003, 0, T0_US + (2 * at_s + 181) * S);
    assert_false(knows(monitor, 2));
    /* After a restart of the server all begins at zero. */
    at_s = 2 * at_s + 182;
    send_totals(monitor, 0, 8, 1, "m", 3, 5, 0, T0_US + at_s * S);
    assert_int_equal(window_calls(monitor, 3, at_s), 5);
    trivet_monitor_free(monitor);
}

/* Busy ones never make room. */
static void test_all_are_busy(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    for (uint64_t v = 1; v <= TRIVET_MONITOR_SERIES_MAX; v++) {
        serve(monitor, v, 1, 1);
    }
    for (int64_t s = 1; s < 59; s++) {
        tick(monitor, s);
    }
    assert_int_equal(monitor->n_series, TRIVET_MONITOR_SERIES_MAX);
    serve(monitor, 5, 2, 59);
    tick(monitor, 70);
    assert_int_equal(monitor->n_series, TRIVET_MONITOR_SERIES_MAX - TRIVET_MONITOR_ROOM);
    assert_true(knows(monitor, 5));
    trivet_monitor_free(monitor);
}

static void test_deleted(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(2);
    const int64_t after_s = TRIVET_MONITOR_DELETED_US / S + 2;
    serve(monitor, 1, 10, 1);
    serve(monitor, 2, 10, 1);
    serve(monitor, 3, 10, 1);
    send_totals(monitor, 1, 9, 1, "m", 3, 10, 0, T0_US + S);
    send_model(monitor, 0, 1, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, 2);
    send_model(monitor, 0, 2, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, 2);
    send_model(monitor, 0, 3, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, 2);
    tick(monitor, 3);
    assert_true(knows(monitor, 1)); /* it can still be looked at */
    send_model(monitor, 0, 2, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_VERSION_CREATED, 4);
    tick(monitor, after_s);
    assert_false(knows(monitor, 1));
    assert_true(knows(monitor, 2)); /* made again */
    assert_true(knows(monitor, 3)); /* another server has it */
    send_stats(monitor, 0, 7, "m", 1, 10, 0, T0_US + after_s * S);
    send_classes(monitor, 7, ++sequence, 0, 50, 40, T0_US + after_s * S);
    assert_false(knows(monitor, 1)); /* nor do outcomes that come late bring it back */
    /* All of the model. */
    send_model(monitor, 0, 0, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, after_s);
    tick(monitor, 2 * after_s);
    assert_false(knows(monitor, 2));
    trivet_monitor_free(monitor);
}

static void send_unjoined(struct trivet_monitor *monitor, const char *model, uint64_t unmatched,
                          uint64_t life, int64_t at_s)
{
    char name[65];
    struct trivet_error err;
    Trivet__V1__UnjoinedTotals unjoined = TRIVET__V1__UNJOINED_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    (void)snprintf(name, sizeof(name), "%s", model);
    unjoined.model = name;
    unjoined.unmatched = unmatched;
    unjoined.life = life;
    event.publisher_epoch = 7;
    event.sequence = ++sequence;
    event.unix_us = T0_US + at_s * S;
    event.body_case = TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS;
    event.unjoined_totals = &unjoined;
    if (trivet_monitor_event(monitor, 0, &event, event.unix_us, &err) != TRIVET_OK) {
        fail_msg("%s: %s", name, err.message);
    }
}

static uint64_t unmatched_of(const struct trivet_monitor *monitor, const char *model)
{
    struct trivet_unjoined_counts sum = {0};
    const struct trivet_unjoined *unjoined = trivet_live_unjoined_find(&monitor->live, model);
    if (unjoined != NULL) {
        trivet_live_unjoined_sum(unjoined, &sum);
    }
    return sum.unmatched;
}

static int64_t rows_of(struct trivet_history *history, const char *table, int version)
{
    char sql[96];
    sqlite3_stmt *row = NULL;
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE version = %d", table, version);
    assert_int_equal(sqlite3_prepare_v2(history->db, sql, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return n;
}

static void save(struct trivet_history *history, struct trivet_monitor *monitor, int64_t at_s)
{
    struct trivet_error err;
    assert_int_equal(trivet_history_save(history, monitor, T0_US + at_s * S, &err), TRIVET_OK);
}

static void test_history_forgets(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    const int64_t gone_s = TRIVET_MONITOR_DELETED_US / S + 2;
    struct trivet_monitor *monitor = make_monitor(1);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    send_stats(monitor, 0, 7, "m", 1, 0, 0, T0_US);
    send_classes(monitor, 7, ++sequence, 0, 50, 40, T0_US + S);
    serve(monitor, 1, 10, 1);
    serve(monitor, 2, 10, 1);
    save(history, monitor, 2);
    assert_int_equal(rows_of(history, "total", 1), 1);
    assert_int_equal(rows_of(history, "outcome", 1), 1);
    assert_int_equal(rows_of(history, "sample", 1), 1);
    send_model(monitor, 0, 1, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, 2);
    send_model(monitor, 0, 2, TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED, 2);
    tick(monitor, gone_s);
    assert_int_equal(monitor->n_series, 0);
    serve(monitor, 2, 11, gone_s); /* back before the history has forgotten it */
    save(history, monitor, gone_s);
    const char *const tables[] = {"total", "outcome", "sample", "quality_point", "quality_slot"};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        assert_int_equal(rows_of(history, tables[i], 1), 0);
    }
    assert_int_equal(rows_of(history, "total", 2), 1);
    assert_int_equal(rows_of(history, "sample", 2), 1);
    assert_int_equal(monitor->upkeep.n_forgotten, 0);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

/* Models come and go, or names are made up: the newest and those with news are counted. */
static void test_room_for_new_models(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    struct trivet_monitor *monitor = make_monitor(1);
    char name[32];
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    const int n_models = TRIVET_LIVE_MODELS_MAX + 500;
    for (int i = 0; i < n_models; i++) {
        (void)snprintf(name, sizeof(name), "stranger-%d", i);
        send_unjoined(monitor, name, 1, 0, i);
        send_unjoined(monitor, "m", (uint64_t)i + 1, 0, i);
        tick(monitor, i);
        assert_int_equal(unmatched_of(monitor, name), 1);
    }
    assert_int_equal(monitor->live.n_models, TRIVET_LIVE_MODELS_MAX - TRIVET_MONITOR_ROOM);
    assert_int_equal(unmatched_of(monitor, "m"), n_models);
    assert_int_equal(unmatched_of(monitor, "stranger-0"), 0);
    save(history, monitor, n_models);
    assert_int_equal(rows_of(history, "outcome_sum", 0), 2 * (int64_t)monitor->live.n_models);
    /* The server goes on to tell of it; only news bring it back, and the history then has it. */
    send_unjoined(monitor, "stranger-0", 1, 0, n_models);
    assert_int_equal(unmatched_of(monitor, "stranger-0"), 0);
    send_unjoined(monitor, "stranger-0", 2, 0, n_models);
    assert_int_equal(unmatched_of(monitor, "stranger-0"), 2);
    while (monitor->upkeep.n_forgotten > 0) {
        save(history, monitor, n_models);
    }
    trivet_monitor_free(monitor);
    monitor = make_monitor(1);
    assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
    assert_int_equal(unmatched_of(monitor, "stranger-0"), 2);
    assert_int_equal(unmatched_of(monitor, "stranger-1"), 0);
    /* The server had let it go and takes it up again. */
    send_unjoined(monitor, "stranger-0", 1, 9, n_models);
    assert_int_equal(unmatched_of(monitor, "stranger-0"), 3);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

/* A history with more than there is room for does not keep the monitor from its start. */
static void test_history_of_too_many_sums(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    struct trivet_monitor *monitor = make_monitor(1);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    serve(monitor, 1, 10, 1);
    save(history, monitor, 2);
    assert_int_equal(
        sqlite3_exec(history->db,
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)"
                     " INSERT INTO outcome_sum(model, version, answered_by, source, a, b, c, d,"
                     " absolute, squared) SELECT 'm', 1, i, 0, i, 0, 0, 0, 0, 0 FROM n;"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <"
                     " 1500) INSERT INTO outcome_sum(model, version, answered_by, source, a, b, c,"
                     " d, absolute, squared) SELECT 's' || i, 0, 0, 1, i, 0, 0, 0, 0, 0 FROM n",
                     NULL, NULL, NULL),
        SQLITE_OK);
    trivet_monitor_free(monitor);
    monitor = make_monitor(1);
    if (trivet_history_load(history, monitor, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    const struct trivet_monitor_live *live = &trivet_monitor_find(monitor, "m", 1)->live;
    assert_int_equal(live->n_shadows, TRIVET_LIVE_SHADOWS_MAX);
    for (size_t i = 0; i < live->n_shadows; i++) {
        assert_true(live->shadows[i]->answered_by > 12); /* the newest */
        assert_int_equal(live->shadows[i]->base.compared, live->shadows[i]->answered_by);
    }
    assert_int_equal(monitor->live.n_models, TRIVET_LIVE_MODELS_MAX);
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

/* A history with more versions than can be known is read all the same, and new ones find room. */
static void test_history_of_too_many(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    struct trivet_monitor *monitor = make_monitor(1);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    for (uint64_t v = 1; v <= TRIVET_MONITOR_SERIES_MAX; v++) {
        serve(monitor, v, v, 1);
    }
    save(history, monitor, 2);
    assert_int_equal(sqlite3_exec(history->db,
                                  "INSERT INTO total SELECT source, 'z', version, base, current"
                                  " FROM total WHERE version <= 50",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    trivet_monitor_free(monitor);
    monitor = make_monitor(1);
    assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
    assert_int_equal(monitor->n_series, TRIVET_MONITOR_SERIES_MAX);
    tick(monitor, 30);
    serve(monitor, 7, 8, 31);
    tick(monitor, 63); /* the one with news is not among those that go */
    assert_true(knows(monitor, 7));
    serve(monitor, 5000, 1, 64);
    assert_true(knows(monitor, 5000));
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

/* Rules follow versions that come and go. */
static void test_alerts_follow(void **state)
{
    (void)state;
    struct trivet_alert_rules rules;
    struct trivet_monitor *monitor = make_monitor(1);
    trivet_alert_rules_default(&rules);
    struct trivet_alert_facts *facts = trivet_alert_facts_create(monitor, &rules, T0_US);
    struct trivet_alerts *alerts = trivet_alerts_create(&rules, T0_US);
    send_stats(monitor, 0, 7, "m", 1, 0, 0, T0_US);
    size_t n = 0;
    for (uint64_t v = 1; v <= 1500; v++) {
        int64_t at_s = (int64_t)v;
        send_totals(monitor, 0, 7, v, "m", 1500 - v + 1, 10, v == 1490 ? 90 : 0, T0_US + at_s * S);
        tick(monitor, at_s);
        trivet_alert_facts_judge(facts, alerts, T0_US + at_s * S);
    }
    const struct trivet_alert *active = trivet_alerts_active(alerts, &n);
    assert_int_equal(n, 1);
    assert_int_equal(active->version, 11);
    trivet_alerts_free(alerts);
    trivet_alert_facts_free(facts);
    trivet_monitor_free(monitor);
}

/* No memory for a new version: the rules of the others go on with what they counted. */
static void test_alerts_out_of_memory(void **state)
{
    (void)state;
    struct trivet_alert_rules rules;
    struct trivet_monitor *monitor = make_monitor(1);
    trivet_alert_rules_default(&rules);
    struct trivet_alert_facts *facts = trivet_alert_facts_create(monitor, &rules, T0_US);
    struct trivet_alerts *alerts = trivet_alerts_create(&rules, T0_US);
    send_stats(monitor, 0, 7, "m", 7, 0, 0, T0_US);
    send_totals(monitor, 0, 7, ++sequence, "m", 7, 10, 90, T0_US + S);
    size_t n = 0;
    for (int64_t s = 2; s < 10; s++) {
        tick(monitor, s);
        trivet_alert_facts_judge(facts, alerts, T0_US + s * S);
    }
    assert_non_null(trivet_alerts_active(alerts, &n));
    assert_int_equal(n, 1);
    serve(monitor, 3, 1, 10); /* before it in every list */
    (void)trivet_alloc_fail_at(1);
    trivet_alert_facts_judge(facts, alerts, T0_US + 10 * S);
    (void)trivet_alloc_fail_at(0);
    send_totals(monitor, 0, 7, ++sequence, "m", 7, 10, 190, T0_US + 11 * S);
    for (int64_t s = 11; s < 16; s++) {
        trivet_alert_facts_judge(facts, alerts, T0_US + s * S);
    }
    const struct trivet_alert *active = trivet_alerts_active(alerts, &n);
    assert_int_equal(n, 1);
    assert_int_equal(active->version, 7);
    assert_float_equal(active->value, 0.95, 1e-9); /* of all 200 calls, not of the last 100 */
    trivet_alerts_free(alerts);
    trivet_alert_facts_free(facts);
    trivet_monitor_free(monitor);
}

static void test_clock_set_back(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    serve(monitor, 1, 10, 3600);
    tick(monitor, 3600);
    tick(monitor, 1);
    serve(monitor, 1, 15, 2);
    assert_int_equal(predictions_of(monitor, "m", 1), 15);
    assert_int_equal(window_calls(monitor, 1, 2), 5);
    assert_true(monitor->sources[0].last_contact_us <= T0_US + 2 * S);
    trivet_monitor_free(monitor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_room_for_new_versions, begin, end),
        cmocka_unit_test_setup_teardown(test_all_are_busy, begin, end),
        cmocka_unit_test_setup_teardown(test_deleted, begin, end),
        cmocka_unit_test_setup_teardown(test_history_forgets, begin, end),
        cmocka_unit_test_setup_teardown(test_history_of_too_many, begin, end),
        cmocka_unit_test_setup_teardown(test_room_for_new_models, begin, end),
        cmocka_unit_test_setup_teardown(test_history_of_too_many_sums, begin, end),
        cmocka_unit_test_setup_teardown(test_alerts_follow, begin, end),
        cmocka_unit_test_setup_teardown(test_alerts_out_of_memory, begin, end),
        cmocka_unit_test_setup_teardown(test_clock_set_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
