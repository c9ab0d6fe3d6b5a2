/* Versions that a server lets go and takes up again within its epoch: their totals begin at zero in
 * another life, and nothing is lost, counted twice or taken for late. */
#include "messages.h"
#include "monitor/history/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000LL

static char folder[64];
static char path[96];
static char name[] = "m";

/* All that a server tells of one version, after `n` of everything. */
struct telling {
    uint64_t version;
    uint64_t life;
    uint64_t n;
};

static int begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-lives-XXXXXX");
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

static void stats(struct trivet_monitor *monitor, const struct telling *telling, int64_t at_s)
{
    static char truth[] = "a";
    struct trivet_error err;
    struct totals_message totals;
    Trivet__V1__QualityTotals quality = TRIVET__V1__QUALITY_TOTALS__INIT;
    Trivet__V1__ClassPairCount pair = TRIVET__V1__CLASS_PAIR_COUNT__INIT;
    Trivet__V1__ClassPairCount *pairs[] = {&pair};
    Trivet__V1__ShadowTotals shadow = TRIVET__V1__SHADOW_TOTALS__INIT;
    Trivet__V1__PredictionTotals *predictions[] = {&totals.message};
    Trivet__V1__QualityTotals *qualities[] = {&quality};
    Trivet__V1__ShadowTotals *shadows[] = {&shadow};
    Trivet__V1__StatsResponse response = TRIVET__V1__STATS_RESPONSE__INIT;
    totals_fill(&totals, name, telling->version, telling->n, 0, 100);
    totals.message.life = telling->life;
    pair.truth = truth;
    pair.predicted = truth;
    pair.weight = (double)telling->n;
    quality.model = name;
    quality.version = telling->version;
    quality.life = telling->life;
    quality.logged = telling->n;
    quality.labelled = telling->n;
    quality.labelled_weight = (double)telling->n;
    quality.pairs = pairs;
    quality.n_pairs = 1;
    shadow.model = name;
    shadow.version = telling->version;
    shadow.answered_by = 99;
    shadow.life = telling->life;
    shadow.compared = telling->n;
    shadow.equal = telling->n;
    shadow.absolute_difference = (double)telling->n;
    response.publisher_epoch = 7;
    response.predictions = predictions;
    response.n_predictions = 1;
    response.quality = qualities;
    response.n_quality = 1;
    response.shadows = shadows;
    response.n_shadows = 1;
    if (trivet_monitor_stats(monitor, 0, &response, T0_US + at_s * S, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

/* All of them are `n` for good. */
static void assert_all(struct trivet_monitor *monitor, uint64_t version, uint64_t n)
{
    struct trivet_error err;
    struct trivet_quality_sums ever;
    struct trivet_shadow_sums shadow;
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, name, version);
    assert_non_null(series);
    assert_int_equal(predictions_of(monitor, name, version), n);
    assert_int_equal(trivet_quality_ever(series->live.quality, &ever, &err), TRIVET_OK);
    assert_float_equal(ever.values[TRIVET_QUALITY_LABELLED], n, 0);
    assert_float_equal(ever.pairs[0], n, 0);
    trivet_quality_sums_release(&ever);
    trivet_live_shadow_sum(series->live.shadows[0], &shadow);
    assert_int_equal(shadow.compared, n);
    assert_float_equal(shadow.absolute_difference, n, 0);
}

static uint64_t window_calls(struct trivet_monitor *monitor, uint64_t version)
{
    struct trivet_monitor_counts sum = {0};
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, name, version);
    if (series->window != NULL) {
        trivet_window_sum(series->window, T0_S, T0_S + 100, &sum);
    }
    return trivet_monitor_counts_calls(&sum);
}

static void test_a_version_goes_and_comes_back(void **state)
{
    (void)state;
    struct trivet_monitor *monitor = make_monitor(1);
    stats(monitor, &(struct telling){1, 0, 100}, 1);
    stats(monitor, &(struct telling){1, 0, 110}, 2);
    /* Gone: its place is another's, which has its own totals from zero on. */
    stats(monitor, &(struct telling){2, 1, 3}, 3);
    assert_all(monitor, 1, 110);
    assert_all(monitor, 2, 3);
    assert_int_equal(window_calls(monitor, 2), 3);
    /* Back with fewer than it had, in all of which nothing is late … */
    stats(monitor, &(struct telling){1, 2, 0}, 4);
    assert_all(monitor, 1, 110);
    stats(monitor, &(struct telling){1, 2, 5}, 5);
    assert_all(monitor, 1, 115);
    assert_int_equal(window_calls(monitor, 1), 15); /* the 100 were there before we looked */
    stats(monitor, &(struct telling){1, 2, 5}, 6);
    assert_all(monitor, 1, 115);
    assert_int_equal(monitor->stale, 0);
    /* … but what was said in the life before. */
    stats(monitor, &(struct telling){1, 0, 111}, 7);
    assert_all(monitor, 1, 115);
    assert_int_equal(monitor->stale, 3);
    /* Back with more than it had. */
    stats(monitor, &(struct telling){1, 8, 1000}, 8);
    assert_all(monitor, 1, 1115);
    trivet_monitor_free(monitor);
}

/* A monitor that was away knows which life it had seen. */
static void test_over_a_restart_of_the_monitor(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    struct trivet_monitor *monitor = make_monitor(1);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    stats(monitor, &(struct telling){1, 0, 100}, 1);
    stats(monitor, &(struct telling){1, 4, 50}, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(trivet_history_save(history, monitor, T0_US + 3 * S, &err), TRIVET_OK);
        trivet_monitor_free(monitor);
        monitor = make_monitor(1);
        assert_int_equal(trivet_history_load(history, monitor, &err), TRIVET_OK);
        assert_all(monitor, 1, i == 0 ? 150 : 151);
        if (i < 2) {
            stats(monitor, &(struct telling){1, 4, 51}, 10);
            assert_all(monitor, 1, 151);
        } else {
            stats(monitor, &(struct telling){1, 5, 20}, 10);
            assert_all(monitor, 1, 171);
        }
    }
    trivet_monitor_free(monitor);
    trivet_history_close(history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_version_goes_and_comes_back, begin, end),
        cmocka_unit_test_setup_teardown(test_over_a_restart_of_the_monitor, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
