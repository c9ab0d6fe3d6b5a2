/* TreeSHAP against XGBoost's pred_contribs. */
#include "booster.h"
#include "trial.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "models/tree_ensembles.h"
#include "models/trees.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS     120
#define FEATURES 4
#define CLASSES  3

static void run_kernel(const struct trivet_trees_kernel *kernel, struct trivet_const_matrix x,
                       float *margins)
{
    void *scratch = trivet_alloc_aligned(trivet_trees_kernel_scratch_bytes(kernel, x.n_rows), 1);
    assert_non_null(scratch);
    trivet_trees_kernel_run(kernel, x, margins, scratch);
    trivet_free(scratch);
}

static double x[ROWS * FEATURES];
static double y[ROWS];

static void make(size_t n_classes, bool missing)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < ROWS; i++) {
        double score = 0.0;
        for (size_t j = 0; j < FEATURES; j++) {
            double value = normal_next(&rng);
            score += value * (double)(j + 1) + value * value;
            x[i * FEATURES + j] = missing && trivet_rng_below(&rng, 8) == 0 ? NAN : value;
        }
        y[i] = score;
        if (n_classes > 0) {
            y[i] = fmin(fmax(floor(score / 5.0), 0.0), (double)n_classes - 1.0);
        }
    }
}

static void compare(const struct trivet_estimator_ops *ops, size_t n_classes, bool missing,
                    const char *ours, const char *theirs, size_t n_rounds)
{
    static double contributions[ROWS * CLASSES * FEATURES];
    static float margins[ROWS * CLASSES];
    double base[CLASSES];
    size_t n_margins = n_classes > 2 ? n_classes : 1;
    struct trial trial;
    struct booster booster;
    make(n_classes, missing);
    trial_make(&trial, ops, ours, x, ROWS, FEATURES, y, n_classes);
    trial_fit_or_fail(&trial);
    const struct trivet_trees *trees = trial.state;
    struct trivet_const_matrix rows = {x, ROWS, FEATURES, FEATURES};
    assert_int_equal(ops->n_explained(trial.state), n_margins);
    assert_int_equal(ops->explain(trial.state, rows, NULL, contributions, base, &trial.err),
                     TRIVET_OK);
    run_kernel(&trees->kernel, rows, margins);
    booster_train(&booster, theirs, n_rounds, x, ROWS, FEATURES, y);
    size_t n = ROWS * n_margins;
    const float *expected =
        booster_predict(&booster, BOOSTER_CONTRIBUTIONS, x, ROWS, n * (FEATURES + 1));
    for (size_t i = 0; i < n; i++) {
        double sum = base[i % n_margins];
        for (size_t j = 0; j < FEATURES; j++) {
            sum += contributions[i * FEATURES + j];
            trial_close(contributions[i * FEATURES + j], (double)expected[i * (FEATURES + 1) + j],
                        1e-5);
        }
        trial_close(base[i % n_margins], (double)expected[i * (FEATURES + 1) + FEATURES], 1e-5);
        trial_close(sum, (double)margins[i], 1e-5);
    }
    booster_free(&booster);
    trial_free(&trial);
}

static void of_numbers(void **state)
{
    (void)state;
    compare(&trivet_gradient_boosting_regressor_ops, 0, false, "n_estimators=10",
            "tree_method=hist", 10);
    compare(&trivet_gradient_boosting_regressor_ops, 0, true, "n_estimators=10", "tree_method=hist",
            10);
    compare(&trivet_decision_tree_regressor_ops, 0, false, "max_depth=12 min_child_weight=0",
            "tree_method=exact eta=1 reg_lambda=0 max_depth=12 min_child_weight=0", 1);
    compare(&trivet_decision_tree_regressor_ops, 0, false, "gamma=1e9",
            "tree_method=exact eta=1 reg_lambda=0 gamma=1e9", 1);
}

static void of_classes(void **state)
{
    (void)state;
    compare(&trivet_gradient_boosting_classifier_ops, 2, true, "n_estimators=15 base_score=0.2",
            "tree_method=hist objective=binary:logistic base_score=0.2", 15);
    compare(&trivet_gradient_boosting_classifier_ops, CLASSES, true, "n_estimators=10",
            "tree_method=hist objective=multi:softprob num_class=3", 10);
    compare(&trivet_random_forest_classifier_ops, CLASSES, false, "n_estimators=10",
            "tree_method=hist objective=multi:softprob num_class=3 eta=1 reg_lambda=1e-5 "
            "subsample=0.8 colsample_bynode=0.8 num_parallel_tree=10",
            1);
}

/* By hand: x0 < 0 leads to 1, else x1 < 0 leads to 2, else to 4; covers 4 (2, 2 (1, 1)). For x =
 * (1, 1): nothing known 2; x0 known 3; x1 known 0.5 * 1 + 0.5 * 4 = 2.5; both 4. */
static void of_one_small_tree(void **state)
{
    (void)state;
    static const int64_t kinds[5] = {TRIVET_TREES_SPLIT(0, false), TRIVET_TREES_LEAF,
                                     TRIVET_TREES_SPLIT(1, false), TRIVET_TREES_LEAF,
                                     TRIVET_TREES_LEAF};
    static const double values[5] = {0.0, 1.0, 0.0, 2.0, 4.0};
    static const double covers[5] = {4.0, 2.0, 2.0, 1.0, 1.0};
    static const double row[2] = {1.0, 1.0};
    struct trivet_trees trees = {.n_features = 2, .n_trees = 1, .n_nodes = 5};
    struct trivet_error err = {0};
    double contributions[2];
    double base = 0.0;
    assert_int_equal(trivet_trees_alloc(&trees, &err), TRIVET_OK);
    memcpy(trees.kinds, kinds, sizeof kinds);
    memcpy(trees.values, values, sizeof values);
    memcpy(trees.covers, covers, sizeof covers);
    trees.base[0] = 0.5;
    trees.tree_margins[0] = 1;
    assert_int_equal(trivet_trees_finish(&trees, "trees", &err), TRIVET_OK);
    struct trivet_const_matrix x_one = {row, 1, 2, 2};
    assert_int_equal(trivet_trees_explain(&trees, x_one, NULL, contributions, &base, &err),
                     TRIVET_OK);
    trial_close(base, 2.5, 1e-15);
    trial_close(contributions[0], (1.0 + 1.5) / 2.0, 1e-15);
    trial_close(contributions[1], (0.5 + 1.0) / 2.0, 1e-15);
    trivet_trees_release(&trees);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_numbers),
        cmocka_unit_test(of_classes),
        cmocka_unit_test(of_one_small_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
