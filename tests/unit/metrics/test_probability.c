/* Probabilities against scikit-learn 1.2: log_loss, brier_score_loss, calibration_curve. */
#include "metrics/probability.h"

#include "base/alloc.h"
#include "base/compiler.h"
#include "metrics/catalog.h"
#include "support.h"

static struct trivet_error err;

enum { N = 10, N3 = 8 };

static const uint32_t truth[N] = {0, 0, 1, 1, 0, 1, 1, 0, 1, 0};
static const double positive[N] = {.1, .4, .35, .8, .4, .4, .9, .2, .8, .8};
static const uint32_t truth3[N3] = {0, 1, 2, 2, 1, 0, 2, 1};
static const double rows3[N3 * 3] = {.7, .2,  .1,  .3, .4, .3, .1, .2, .7, .25, .5, .25,
                                     .5, .25, .25, .6, .3, .1, .1, .1, .8, .2,  .7, .1};

/* (n_rows, 2) of the second column. */
static void fill(const double *of, size_t n_rows, double *out)
{
    for (size_t i = 0; i < n_rows; i++) {
        out[2 * i] = 1.0 - of[i];
        out[2 * i + 1] = of[i];
    }
}

static void two_classes(void **state)
{
    (void)state;
    double rows[2 * N];
    fill(positive, N, rows);
    struct trivet_metric log_loss = trivet_metrics_log_loss(truth, rows, N, 2);
    struct trivet_metric brier = trivet_metrics_brier(truth, rows, N, 2);
    assert_metric(&log_loss, "log_loss", 0.5477353701597196);
    assert_metric(&brier, "brier", 0.18825000000000003);
}

static void three_classes(void **state)
{
    (void)state;
    /* Brier: ((P - np.eye(3)[t]) ** 2).sum(1).mean() */
    struct trivet_metric log_loss = trivet_metrics_log_loss(truth3, rows3, N3, 3);
    struct trivet_metric brier = trivet_metrics_brier(truth3, rows3, N3, 3);
    assert_metric(&log_loss, "log_loss", 0.6866091826262917);
    assert_metric(&brier, "brier", 0.37875000000000003);
}

static void certain_and_wrong_is_clipped(void **state)
{
    (void)state;
    static const double two[] = {1, 0, 1, 0, .25, .75};
    static const double three[] = {1, 0, 0, 1, 0, 0, .25, .75, 0};
    struct trivet_metric metric = trivet_metrics_log_loss((const uint32_t[]){0, 1, 1}, two, 3, 2);
    assert_metric(&metric, "log_loss", 12.110445153856311);
    metric = trivet_metrics_log_loss((const uint32_t[]){0, 2, 1}, three, 3, 3);
    assert_metric(&metric, "log_loss", 12.110445153856311);
    /* Rows are divided by their sum: log_loss([0, 1], [[2/8, 2/8], [.5, .5]]) */
    metric =
        trivet_metrics_log_loss((const uint32_t[]){0, 1}, (const double[]){.25, .25, .5, .5}, 2, 2);
    assert_metric(&metric, "log_loss", 0.6931471805599453);
}

static void the_calibration_table(void **state)
{
    (void)state;
    /* calibration_curve(t, p, n_bins=5): four bins, the third is empty. */
    static const uint64_t counts[5] = {2, 4, 0, 3, 1};
    static const double predicted[5] = {0.15, 0.3875, 0, 0.8, 0.9};
    static const double observed[5] = {0, 0.5, 0, 2.0 / 3.0, 1};
    double rows[2 * N];
    struct trivet_calibration_bin bins[5];
    fill(positive, N, rows);
    trivet_metrics_calibration(truth, rows, N, 2, bins, 5);
    for (size_t b = 0; b < 5; b++) {
        assert_int_equal(bins[b].n_rows, counts[b]);
        assert_near(bins[b].mean_predicted, predicted[b]);
        assert_near(bins[b].fraction_observed, observed[b]);
        assert_near(bins[b].lower, (double)b / 5.0);
        assert_near(bins[b].upper, (double)(b + 1) / 5.0);
    }
    /* Σ n_b / n × |observed - predicted| */
    struct trivet_metric error = trivet_metrics_calibration_error(bins, 5);
    assert_metric(&error, "calibration_error", 0.125);
}

/* np.searchsorted(np.linspace(0, 1, 11)[1:-1], p) */
static void edges_belong_to_the_lower_bin(void **state)
{
    (void)state;
    static const double p[] = {
        0, .1, .2, .3, .30000000000000004, .6000000000000001, .6, .7000000000000001, .9, 1};
    static const size_t wanted[] = {0, 0, 1, 2, 2, 5, 5, 6, 8, 9};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(p); i++) {
        double row[2];
        struct trivet_calibration_bin bins[10];
        fill(&p[i], 1, row);
        trivet_metrics_calibration(truth, row, 1, 2, bins, 10);
        assert_int_equal(bins[wanted[i]].n_rows, 1);
    }
    static const double outside[] = {1.25, -0.25, -0.25, 1.25};
    struct trivet_calibration_bin bins[10];
    trivet_metrics_calibration(truth, outside, 2, 2, bins, 10);
    assert_int_equal(bins[0].n_rows, 1);
    assert_int_equal(bins[9].n_rows, 1);
    trivet_metrics_calibration(truth, outside, 2, 2, bins, 1);
    assert_int_equal(bins[0].n_rows, 2);
}

static void all_of_them_are_catalogued(void **state)
{
    (void)state;
    static const char *const names[] = {"roc_auc", "pr_auc", "log_loss", "brier",
                                        "calibration_error"};
    /* The last: of the largest probability of a row and whether it is the true class's. */
    static const double wanted[] = {0.9, 0.8740740740740741, 0.6866091826262917,
                                    0.37875000000000003, 0.3875};
    struct trivet_metric out[TRIVET_PROBABILITY_METRICS];
    assert_int_equal(trivet_metrics_probability(truth3, rows3, N3, 3, out, &err), TRIVET_OK);
    for (size_t m = 0; m < TRIVET_PROBABILITY_METRICS; m++) {
        assert_metric(&out[m], names[m], wanted[m]);
        const struct trivet_metric_info *info = trivet_metric_info_find(names[m]);
        assert_int_equal(info->task, TRIVET_METRIC_CLASSIFICATION);
        assert_true(info->needs_scores);
    }
    double rows[2 * N];
    fill(positive, N, rows);
    assert_int_equal(trivet_metrics_probability(truth, rows, N, 2, out, &err), TRIVET_OK);
    assert_metric(&out[0], "roc_auc", 0.76);
    assert_metric(&out[4], "calibration_error", 0.125);
}

static void where_nothing_is_defined(void **state)
{
    (void)state;
    static const double certain[] = {1, 1, 1};
    static const uint32_t same[] = {0, 0, 0};
    struct trivet_metric out[TRIVET_PROBABILITY_METRICS];
    assert_int_equal(trivet_metrics_probability(NULL, NULL, 0, 3, out, &err), TRIVET_OK);
    for (size_t m = 0; m < TRIVET_PROBABILITY_METRICS; m++) {
        assert_false(out[m].defined);
    }
    assert_int_equal(trivet_metrics_probability(same, certain, 3, 1, out, &err), TRIVET_OK);
    for (size_t m = 0; m < TRIVET_PROBABILITY_METRICS; m++) {
        assert_false(out[m].defined);
    }
    /* Rows of one class of three: the ranking is not defined, the rest is. */
    assert_int_equal(trivet_metrics_probability(same, rows3, 3, 3, out, &err), TRIVET_OK);
    assert_undefined(&out[0], "roc_auc");
    assert_undefined(&out[1], "pr_auc");
    assert_metric(&out[2], "log_loss", -(log(.7) + log(.3) + log(.1)) / 3.0);
    assert_true(out[3].defined && out[4].defined);
}

static void without_memory_or_numbers(void **state)
{
    (void)state;
    struct trivet_metric out[TRIVET_PROBABILITY_METRICS] = {{.name = "kept"}};
    trivet_alloc_fail_at(3);
    enum trivet_status status = trivet_metrics_probability(truth3, rows3, N3, 3, out, &err);
    trivet_alloc_fail_at(0);
    assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    static const double bad[] = {(double)NAN, .5, .5, .5};
    assert_int_equal(trivet_metrics_probability(truth, (const double[]){.5, .5, .5, (double)NAN}, 2,
                                                2, out, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_metrics_probability(truth, bad, 1, 3, out, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_string_equal(out[0].name, "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes),
        cmocka_unit_test(three_classes),
        cmocka_unit_test(certain_and_wrong_is_clipped),
        cmocka_unit_test(the_calibration_table),
        cmocka_unit_test(edges_belong_to_the_lower_bin),
        cmocka_unit_test(all_of_them_are_catalogued),
        cmocka_unit_test(where_nothing_is_defined),
        cmocka_unit_test(without_memory_or_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
