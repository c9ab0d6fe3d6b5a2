/* The catalogue names what the tables of metrics give, in their order and with their task. */
#include "metrics/catalog.h"

#include "metrics/classification.h"
#include "metrics/regression.h"
#include "support.h"

static void names_are_unique_and_explained(void **state)
{
    (void)state;
    size_t count = 0;
    const struct trivet_metric_info *all = trivet_metric_catalog(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(trivet_metric_info_find(all[i].name), &all[i]);
        assert_true(strlen(all[i].help) > 0);
        /* A gate reads a name up to its comparison. */
        assert_int_equal(strspn(all[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                         strlen(all[i].name));
    }
    assert_null(trivet_metric_info_find("f2"));
    assert_null(trivet_metric_info_find(""));
    assert_null(trivet_metric_info_find(NULL));
}

static void assert_listed(const struct trivet_metric *metrics, size_t n_metrics,
                          enum trivet_metric_task task)
{
    const struct trivet_metric_info *first = trivet_metric_info_find(metrics[0].name);
    assert_non_null(first);
    for (size_t m = 0; m < n_metrics; m++) {
        assert_string_equal(first[m].name, metrics[m].name);
        assert_int_equal(first[m].task, task);
    }
}

static void tables_are_listed(void **state)
{
    (void)state;
    static const uint64_t counts[4] = {1, 0, 0, 1};
    static const double values[2] = {0.0, 1.0};
    struct trivet_metric regression[TRIVET_REGRESSION_METRICS];
    struct trivet_metric classification[TRIVET_CLASSIFICATION_METRICS];
    trivet_metrics_regression(values, values, 2, regression);
    trivet_metrics_classification(counts, 2, classification);
    assert_listed(regression, TRIVET_REGRESSION_METRICS, TRIVET_METRIC_REGRESSION);
    assert_listed(classification, TRIVET_CLASSIFICATION_METRICS, TRIVET_METRIC_CLASSIFICATION);
}

static void the_better_way(void **state)
{
    (void)state;
    static const char *const greater[] = {
        "r2",     "explained_variance", "accuracy", "f1_macro", "mcc", "roc_auc",
        "pr_auc", "silhouette",         "f1_micro"};
    static const char *const less[] = {"mse",      "rmse",          "mae",   "max_error",
                                       "log_loss", "pinball_loss",  "brier", "calibration_error",
                                       "inertia",  "davies_bouldin"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(greater); i++) {
        assert_true(trivet_metric_info_find(greater[i])->greater_is_better);
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(less); i++) {
        assert_false(trivet_metric_info_find(less[i])->greater_is_better);
    }
    assert_true(trivet_metric_info_find("roc_auc")->needs_scores);
    assert_false(trivet_metric_info_find("accuracy")->needs_scores);
}

static void every_task_has_a_main_metric(void **state)
{
    (void)state;
    static const struct {
        enum trivet_metric_task task;
        const char *name;
    } mains[] = {{TRIVET_METRIC_REGRESSION, "r2"},
                 {TRIVET_METRIC_CLASSIFICATION, "f1_macro"},
                 {TRIVET_METRIC_CLUSTERING, "silhouette"}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(mains); i++) {
        const struct trivet_metric_info *info = trivet_metric_info_main(mains[i].task);
        assert_string_equal(info->name, mains[i].name);
        assert_int_equal(info->task, mains[i].task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique_and_explained),
        cmocka_unit_test(tables_are_listed),
        cmocka_unit_test(the_better_way),
        cmocka_unit_test(every_task_has_a_main_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
