/* Trees against XGBoost's own predictions, of the model that it trains on the same data. */
#include "booster.h"
#include "trial.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "models/tree_ensembles.h"
#include "models/trees.h"
#include "support/normal.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS     403 /* not a whole number of lanes */
#define FEATURES 5
#define CLASSES  4

struct data {
    double x[ROWS * FEATURES];
    double numbers[ROWS];
    double two[ROWS];
    double more[ROWS];
};

/* `missing`: of 100 values; values repeat, so that some are equal to thresholds. */
static void run_kernel(const struct trivet_trees_kernel *kernel, struct trivet_const_matrix x,
                       float *margins)
{
    void *scratch = trivet_alloc_aligned(trivet_trees_kernel_scratch_bytes(kernel, x.n_rows), 1);
    assert_non_null(scratch);
    trivet_trees_kernel_run(kernel, x, margins, scratch);
    trivet_free(scratch);
}

static const struct data *make(unsigned missing)
{
    static struct data made;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 11);
    for (size_t i = 0; i < ROWS; i++) {
        double *row = &made.x[i * FEATURES];
        double score = 0.2 * normal_next(&rng);
        for (size_t j = 0; j < FEATURES; j++) {
            row[j] = normal_next(&rng);
            row[j] = j == 1 ? round(row[j] * 4.0) / 4.0 : row[j];
            row[j] = j == 2 && row[j] < 0.0 ? -0.0 : row[j];
            score += (j % 2 == 0 ? 1.0 : -0.5) * row[j] + row[j] * row[0];
        }
        for (size_t j = 0; j < FEATURES; j++) {
            row[j] = trivet_rng_below(&rng, 100) < missing ? NAN : row[j];
        }
        made.numbers[i] = 3.0 + 2.0 * score;
        made.two[i] = score > 0.5 ? 1.0 : 0.0;
        made.more[i] = fmin(fmax(floor(score + 1.0), 0.0), CLASSES - 1.0);
    }
    return &made;
}

/* Regression and two classes; `theirs` says all that is not XGBoost's default. */
struct example {
    const struct trivet_estimator_ops *regressor;
    const struct trivet_estimator_ops *classifier;
    const char *ours;
    const char *theirs;
    size_t n_rounds;
};

static const struct example examples[] = {
    {&trivet_gradient_boosting_regressor_ops, &trivet_gradient_boosting_classifier_ops,
     "n_estimators=20", "tree_method=hist", 20},
    {&trivet_gradient_boosting_regressor_ops, &trivet_gradient_boosting_classifier_ops,
     "n_estimators=7 learning_rate=0.8 max_depth=3 min_child_weight=2.5 gamma=0.3 reg_lambda=2 "
     "reg_alpha=0.1 tree_method=exact base_score=0.3",
     "tree_method=exact eta=0.8 max_depth=3 min_child_weight=2.5 gamma=0.3 reg_lambda=2 "
     "reg_alpha=0.1 base_score=0.3",
     7},
    {&trivet_gradient_boosting_regressor_ops, &trivet_gradient_boosting_classifier_ops,
     "n_estimators=9 subsample=0.6 colsample_bytree=0.7 colsample_bynode=0.5 max_bins=16 "
     "tree_method=approx",
     "tree_method=approx subsample=0.6 colsample_bytree=0.7 colsample_bynode=0.5 max_bin=16", 9},
    {&trivet_gradient_boosting_regressor_ops, &trivet_gradient_boosting_classifier_ops,
     "n_estimators=4 max_depth=20 min_child_weight=0 reg_lambda=0.1", /* deeper than complete */
     "tree_method=hist max_depth=20 min_child_weight=0 reg_lambda=0.1", 4},
    {&trivet_decision_tree_regressor_ops, &trivet_decision_tree_classifier_ops, "max_depth=4",
     "tree_method=exact eta=1 reg_lambda=0 max_depth=4", 1},
    {&trivet_decision_tree_regressor_ops, &trivet_decision_tree_classifier_ops, "gamma=1e9",
     "tree_method=exact eta=1 reg_lambda=0 gamma=1e9", 1}, /* a root alone */
    {&trivet_random_forest_regressor_ops, &trivet_random_forest_classifier_ops, "n_estimators=25",
     "tree_method=hist eta=1 reg_lambda=1e-5 subsample=0.8 colsample_bynode=0.8 "
     "num_parallel_tree=25",
     1},
};

/* Trains both on y, compares all outputs, one row alone and after saving. */
static void compare(const struct trivet_estimator_ops *ops, const struct example *example,
                    const struct data *data, const double *y, size_t n_classes)
{
    static double out[ROWS * CLASSES];
    static double again[ROWS * CLASSES];
    static const char *const objectives[3] = {"reg:squarederror", "binary:logistic",
                                              "multi:softprob num_class=4"};
    size_t n_margins = n_classes > 2 ? n_classes : 1;
    size_t n_outputs = n_classes > 0 ? n_classes : 1;
    char theirs[400];
    struct trial trial;
    struct booster booster;
    trial_make(&trial, ops, example->ours, data->x, ROWS, FEATURES, y, n_classes);
    trial_fit_or_fail(&trial);
    snprintf(theirs, sizeof theirs, "%s objective=%s", example->theirs,
             objectives[n_classes < 2       ? 0
                        : n_classes - 1 < 2 ? 1
                                            : 2]);
    booster_train(&booster, theirs, example->n_rounds, data->x, ROWS, FEATURES, y);
    const float *expected =
        booster_predict(&booster, BOOSTER_VALUES, data->x, ROWS, ROWS * n_margins);
    assert_int_equal(ops->n_outputs(trial.state), n_outputs);
    trial_predict(&trial, data->x, ROWS, out);
    for (size_t i = 0; i < ROWS * n_margins; i++) {
        double found = out[n_classes == 2 ? 2 * i + 1 : i];
        trial_close(found, (double)expected[i], n_classes > 0 ? 1e-6 : 0.0);
    }
    trial_reload(&trial);
    trial_predict(&trial, data->x, ROWS, again);
    assert_memory_equal(out, again, ROWS * n_outputs * sizeof(double));
    for (size_t i = 0; i < ROWS; i++) {
        trial_predict(&trial, &data->x[i * FEATURES], 1, again);
        assert_memory_equal(&out[i * n_outputs], again, n_outputs * sizeof(double));
    }
    for (size_t n = 2; n <= 2 * TRIVET_TREES_LANES; n++) {
        trial_predict(&trial, data->x, n, again);
        assert_memory_equal(out, again, n * n_outputs * sizeof(double));
    }
    booster_free(&booster);
    trial_free(&trial);
}

static void compare_all(const struct data *data)
{
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(examples); i++) {
        compare(examples[i].regressor, &examples[i], data, data->numbers, 0);
        compare(examples[i].classifier, &examples[i], data, data->two, 2);
        compare(examples[i].classifier, &examples[i], data, data->more, CLASSES);
    }
}

static void predictions_are_xgboosts(void **state)
{
    (void)state;
    compare_all(make(0));
}

static void missing_values_go_their_way(void **state)
{
    (void)state;
    compare_all(make(20));
}

/* Margins of two classes sum leaves as XGBoost does: bit for bit. */
static void margins_are_bitwise(void **state)
{
    (void)state;
    const struct data *data = make(10);
    static float margins[ROWS * CLASSES];
    struct trial trial;
    struct booster booster;
    trial_make(&trial, &trivet_gradient_boosting_classifier_ops, "n_estimators=60", data->x, ROWS,
               FEATURES, data->more, CLASSES);
    trial_fit_or_fail(&trial);
    const struct trivet_trees *trees = trial.state;
    struct trivet_const_matrix x = {data->x, ROWS, FEATURES, FEATURES};
    run_kernel(&trees->kernel, x, margins);
    booster_train(&booster, "tree_method=hist objective=multi:softprob num_class=4", 60, data->x,
                  ROWS, FEATURES, data->more);
    assert_memory_equal(margins,
                        booster_predict(&booster, BOOSTER_MARGINS, data->x, ROWS, ROWS * CLASSES),
                        sizeof margins);
    booster_free(&booster);
    trial_free(&trial);
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    const struct data *data = make(0);
    static double out[ROWS * CLASSES];
    struct trial trial;
    trial_make(&trial, &trivet_random_forest_classifier_ops, "", data->x, ROWS, FEATURES,
               data->more, CLASSES);
    trial_fit_or_fail(&trial);
    assert_int_equal(trial.ops->output_kind(trial.state), TRIVET_OUTPUT_PROBABILITIES);
    trial_predict(&trial, data->x, ROWS, out);
    for (size_t i = 0; i < ROWS; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < CLASSES; k++) {
            assert_true(out[i * CLASSES + k] > 0.0);
            sum += out[i * CLASSES + k];
        }
        trial_close(sum, 1.0, 1e-15);
    }
    trial_free(&trial);
}

/* Weights n / (k n_c): a rare class of a constant x is as probable as the other. */
static void classes_are_balanced(void **state)
{
    (void)state;
    double x[40] = {0};
    double y[40] = {0};
    double out[2];
    struct trial trial;
    for (size_t i = 0; i < 4; i++) {
        y[i * 10] = 1.0;
    }
    trial_make(&trial, &trivet_gradient_boosting_classifier_ops, "class_weight=balanced", x, 40, 1,
               y, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, x, 1, out);
    trial_close(out[1], 0.5, 1e-6);
    assert_true(trial_warned(&trial, "no tree has a split"));
    trial_free(&trial);
    trial_make(&trial, &trivet_gradient_boosting_classifier_ops, "", x, 40, 1, y, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, x, 1, out);
    trial_close(out[1], 0.1, 1e-3);
    trial_free(&trial);
    trial_make(&trial, &trivet_gradient_boosting_classifier_ops, "scale_pos_weight=9", x, 40, 1, y,
               2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, x, 1, out);
    trial_close(out[1], 0.5, 1e-6);
    trial_free(&trial);
    y[1] = 2.0;
    trial_make(&trial, &trivet_gradient_boosting_classifier_ops, "scale_pos_weight=9", x, 40, 1, y,
               3);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "class_weight"));
    trial_free(&trial);
}

/* A target of noise: more rounds do not help, and are dropped. */
static void early_stopping_keeps_the_best(void **state)
{
    (void)state;
    const struct data *data = make(0);
    struct trivet_rng rng;
    static double noise[ROWS];
    struct trial trial;
    trivet_rng_seed(&rng, 3);
    for (size_t i = 0; i < ROWS; i++) {
        noise[i] = normal_next(&rng) + data->x[i * FEATURES];
    }
    trial_make(&trial, &trivet_gradient_boosting_regressor_ops,
               "n_estimators=300 early_stopping_rounds=5 validation_fraction=0.3", data->x, ROWS,
               FEATURES, noise, 0);
    trial_fit_telling(&trial);
    size_t best = (size_t)trial_fact(&trial, "best_round");
    assert_int_equal(trial.report.iterations, best + 5);
    assert_int_equal(trial.report.n_losses, best + 5);
    assert_true(best < 100 && trial_fact(&trial, "trees") == (double)best);
    for (size_t i = 0; i < trial.report.n_losses; i++) {
        assert_true(trial.report.loss_curve[i] >= trial.report.loss_curve[best - 1]);
    }
    trial_free(&trial);
    trial_make(&trial, &trivet_gradient_boosting_regressor_ops,
               "early_stopping_rounds=5 validation_fraction=0.01", data->x, 20, FEATURES, noise, 0);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "validation_fraction"));
    trial_free(&trial);
}

static void numbers_beyond_single_precision(void **state)
{
    (void)state;
    double x[8] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1e300};
    double y[8] = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0};
    double out = 0.0;
    struct trial trial;
    trial_make(&trial, &trivet_decision_tree_regressor_ops, "", x, 8, 1, y, 0);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "single"));
    trial_free(&trial);
    x[7] = 8.0;
    y[2] = -1e300;
    trial_make(&trial, &trivet_decision_tree_regressor_ops, "", x, 8, 1, y, 0);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "target of row 2"));
    y[2] = 3.0;
    trial_fit_or_fail(&trial);
    x[0] = 1e300; /* served all the same: greater than any threshold */
    trial_predict(&trial, x, 1, &out);
    trial_close(out, 8.0, 1e-6);
    trial_free(&trial);
    for (size_t i = 0; i < 8; i++) {
        x[i] = 1e9 + (double)i; /* two steps of single precision are 128 */
    }
    trial_make(&trial, &trivet_decision_tree_regressor_ops, "", x, 8, 1, y, 0);
    trial_fit_or_fail(&trial);
    double all[8];
    trial_reload(&trial);
    trial_predict(&trial, x, 8, all);
    trial_near(all, y, 8, 1e-6);
    trial_free(&trial);
    for (size_t i = 0; i < 8; i++) {
        y[i] = 1e9 + 0.1 * (double)i;
    }
    trial_make(&trial, &trivet_decision_tree_regressor_ops, "", x, 8, 1, y, 0);
    trial_fit_or_fail(&trial);
    trial_reload(&trial);
    trial_predict(&trial, x, 8, all);
    trial_near(all, y, 8, 1e-6);
    double contributions[8];
    double base = 0.0;
    struct trivet_const_matrix rows = {x, 8, 1, 1};
    assert_int_equal(trial.ops->explain(trial.state, rows, NULL, contributions, &base, &trial.err),
                     TRIVET_OK);
    for (size_t i = 0; i < 8; i++) {
        trial_close(base + contributions[i], y[i], 1e-6);
    }
    trial_free(&trial);
}

static bool stop_at_third(void *ctx, double fraction)
{
    size_t *n_calls = ctx;
    assert_true(fraction > 0.0 && fraction <= 1.0);
    return ++*n_calls < 3;
}

static void fit_is_cancelled(void **state)
{
    (void)state;
    const struct data *data = make(0);
    size_t n_calls = 0;
    struct trial trial;
    trial_make(&trial, &trivet_gradient_boosting_regressor_ops, "", data->x, ROWS, FEATURES,
               data->numbers, 0);
    trial.context.progress = stop_at_third;
    trial.context.progress_ctx = &n_calls;
    assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
    assert_int_equal(n_calls, 3);
    trial_free(&trial);
}

static void parameters_are_checked(void **state)
{
    (void)state;
    trial_refuses(&trivet_gradient_boosting_classifier_ops, "base_score=1", "base_score");
    trial_refuses(&trivet_gradient_boosting_regressor_ops, "tree_method=best", "hist");
    trial_refuses(&trivet_decision_tree_regressor_ops, "max_depth=31", "max_depth");
    trial_refuses(&trivet_decision_tree_regressor_ops, "n_estimators=2", "n_estimators");
    trial_refuses(&trivet_random_forest_regressor_ops, "subsample=0", "subsample");
}

/* What is read comes from a file that may be damaged. */
static void structure_is_checked(void **state)
{
    (void)state;
    static const int64_t good[5] = {TRIVET_TREES_SPLIT(0, true), TRIVET_TREES_LEAF,
                                    TRIVET_TREES_SPLIT(1, false), TRIVET_TREES_LEAF,
                                    TRIVET_TREES_LEAF};
    for (size_t damage = 0; damage < 9; damage++) {
        struct trivet_trees trees = {.n_features = 2, .n_trees = 1, .n_nodes = 5};
        struct trivet_error err = {0};
        assert_int_equal(trivet_trees_alloc(&trees, &err), TRIVET_OK);
        memcpy(trees.kinds, good, sizeof good);
        trees.base[0] = 0.5;
        trees.tree_margins[0] = 1;
        for (size_t i = 0; i < 5; i++) {
            trees.values[i] = 0.25;
            trees.covers[i] = 1.0;
        }
        trees.kinds[1] = damage == 1 ? TRIVET_TREES_SPLIT(1, false) : trees.kinds[1];
        trees.kinds[2] = damage == 2 ? TRIVET_TREES_LEAF : trees.kinds[2];
        trees.kinds[2] = damage == 3 ? TRIVET_TREES_SPLIT(2, false) : trees.kinds[2];
        trees.tree_margins[0] = damage == 4 ? 2 : 1;
        trees.values[0] = damage == 5 ? 0.1 : 0.25; /* no single-precision number */
        trees.covers[2] = damage == 6 ? 0.0 : 1.0;
        trees.covers[1] = damage == 7 ? -1.0 : 1.0;
        trees.values[4] = damage == 8 ? 1e300 : 0.25;
        assert_int_equal(trivet_trees_finish(&trees, "trees", &err),
                         damage == 0 ? TRIVET_OK : TRIVET_DATA_LOSS);
        trivet_trees_release(&trees);
    }
}

/* A chain of splits, as deep as is allowed and one deeper. */
static void depth_is_limited(void **state)
{
    (void)state;
    for (size_t depth = TRIVET_TREES_DEPTH_MAX; depth <= TRIVET_TREES_DEPTH_MAX + 1; depth++) {
        struct trivet_trees trees = {.n_features = 1, .n_trees = 1, .n_nodes = 2 * depth + 1};
        struct trivet_error err = {0};
        double x[2] = {-100.0, 0.0};
        float margins[2];
        assert_int_equal(trivet_trees_alloc(&trees, &err), TRIVET_OK);
        trees.base[0] = 0.0;
        trees.tree_margins[0] = 1;
        for (size_t i = 0; i < trees.n_nodes; i++) {
            bool split = i < depth;
            trees.kinds[i] = split ? TRIVET_TREES_SPLIT(0, false) : TRIVET_TREES_LEAF;
            trees.values[i] = split ? -(double)i : (double)(i - depth);
            trees.covers[i] = 1.0;
        }
        enum trivet_status status = trivet_trees_finish(&trees, "trees", &err);
        assert_int_equal(status, depth <= TRIVET_TREES_DEPTH_MAX ? TRIVET_OK : TRIVET_DATA_LOSS);
        if (status == TRIVET_OK) {
            struct trivet_const_matrix rows = {x, 2, 1, 1};
            run_kernel(&trees.kernel, rows, margins);
            trial_close((double)margins[0], 0.0, 0.0);
            trial_close((double)margins[1], (double)depth, 0.0);
        }
        trivet_trees_release(&trees);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predictions_are_xgboosts),
        cmocka_unit_test(missing_values_go_their_way),
        cmocka_unit_test(margins_are_bitwise),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(classes_are_balanced),
        cmocka_unit_test(early_stopping_keeps_the_best),
        cmocka_unit_test(numbers_beyond_single_precision),
        cmocka_unit_test(fit_is_cancelled),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(structure_is_checked),
        cmocka_unit_test(depth_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
