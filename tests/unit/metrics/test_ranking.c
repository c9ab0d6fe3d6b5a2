/* Areas under the curves, and the curves, against scikit-learn 1.2: roc_auc_score,
 * average_precision_score, roc_curve, precision_recall_curve. */
#include "metrics/ranking.h"

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/rng.h"
#include "support.h"

static struct trivet_error err;

static const uint32_t truth[] = {0, 0, 1, 1, 0, 1, 1, 0, 1, 0};
static const double scores[] = {.1, .4, .35, .8, .4, .4, .9, .2, .8, .8};

static struct trivet_ranking *rank_rows(const double *of, const uint32_t *classes, size_t n_rows)
{
    struct trivet_ranking *ranking = NULL;
    assert_int_equal(trivet_ranking_create(of, 1, classes, 1, n_rows, &ranking, &err), TRIVET_OK);
    return ranking;
}

static void assert_areas(const double *of, const uint32_t *classes, size_t n_rows, double roc_auc,
                         double pr_auc)
{
    struct trivet_ranking *ranking = rank_rows(of, classes, n_rows);
    struct trivet_metric roc = trivet_ranking_roc_auc(ranking);
    struct trivet_metric pr = trivet_ranking_pr_auc(ranking);
    assert_metric(&roc, "roc_auc", roc_auc);
    assert_metric(&pr, "pr_auc", pr_auc);
    trivet_ranking_free(ranking);
}

static void ties_count_as_in_scikit_learn(void **state)
{
    (void)state;
    assert_areas(scores, truth, 10, 0.76, 0.7392857142857143);
    /* All of one score say nothing; only the order of scores counts, whatever they are. */
    assert_areas((const double[]){7, 7, 7, 7}, (const uint32_t[]){1, 0, 0, 1}, 4, 0.5, 0.5);
    assert_areas((const double[]){-1e300, (double)INFINITY, 3, (double)-INFINITY},
                 (const uint32_t[]){0, 1, 1, 0}, 4, 1.0, 1.0);
    assert_areas((const double[]){4, 3, 2, 1}, (const uint32_t[]){0, 0, 0, 1}, 4, 0.0, 0.25);
}

static void one_class_defines_nothing(void **state)
{
    (void)state;
    static const uint32_t ones[] = {1, 1, 1};
    static const uint32_t zeros[] = {0, 0, 0};
    const uint32_t *const cases[] = {ones, zeros, ones};
    for (size_t c = 0; c < 3; c++) {
        struct trivet_ranking *ranking = rank_rows(scores, cases[c], c == 2 ? 0 : 3);
        struct trivet_metric roc = trivet_ranking_roc_auc(ranking);
        struct trivet_metric pr = trivet_ranking_pr_auc(ranking);
        struct trivet_curve_point points[TRIVET_CURVE_POINTS_MIN];
        assert_undefined(&roc, "roc_auc");
        assert_undefined(&pr, "pr_auc");
        assert_int_equal(trivet_ranking_roc_curve(ranking, points, TRIVET_CURVE_POINTS_MIN), 0);
        assert_int_equal(trivet_ranking_pr_curve(ranking, points, TRIVET_CURVE_POINTS_MIN), 0);
        trivet_ranking_free(ranking);
    }
}

static void curves_are_those_of_scikit_learn(void **state)
{
    (void)state;
    static const struct trivet_curve_point roc[] = {{0, 0, 1.9},  {0, .2, .9},  {.2, .6, .8},
                                                    {.6, .8, .4}, {.6, 1, .35}, {1, 1, .1}};
    static const struct trivet_curve_point pr[] = {{0, 1, 1.9},     {.2, 1, .9},
                                                   {.6, .75, .8},   {.8, 0.5714285714285714, .4},
                                                   {1, 0.625, .35}, {1, 0.5555555555555556, .2},
                                                   {1, .5, .1}};
    struct trivet_curve_point points[11];
    struct trivet_ranking *ranking = rank_rows(scores, truth, 10);
    assert_int_equal(trivet_ranking_points_max(ranking), 7);
    assert_int_equal(trivet_ranking_roc_curve(ranking, points, 7), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_near(points[i].x, roc[i].x);
        assert_near(points[i].y, roc[i].y);
        assert_near(points[i].threshold, roc[i].threshold);
    }
    assert_int_equal(trivet_ranking_pr_curve(ranking, points, 7), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_near(points[i].x, pr[i].x);
        assert_near(points[i].y, pr[i].y);
        assert_near(points[i].threshold, pr[i].threshold);
    }
    trivet_ranking_free(ranking);
}

static double area(const struct trivet_curve_point *points, size_t count)
{
    double sum = 0.0;
    for (size_t i = 1; i < count; i++) {
        assert_true(points[i].x >= points[i - 1].x);
        assert_true(points[i].threshold < points[i - 1].threshold);
        sum += (points[i].x - points[i - 1].x) * (points[i].y + points[i - 1].y) / 2.0;
    }
    return sum;
}

enum { MANY = 5000 };

/* Positives score higher by `shift`; every fourth row has the same score. Returns the
 * share of positives. */
static double fill(double shift, double *out, uint32_t *classes)
{
    struct trivet_rng rng;
    double n_positive = 0.0;
    trivet_rng_seed(&rng, 11);
    for (size_t i = 0; i < MANY; i++) {
        classes[i] = trivet_rng_uniform(&rng) < 0.2;
        n_positive += classes[i];
        out[i] = i % 4 == 0 ? 0.6 : trivet_rng_uniform(&rng) + (classes[i] ? shift : 0.0);
    }
    return n_positive / MANY;
}

static void thinned_curves_keep_their_area(void **state)
{
    (void)state;
    static double many[MANY];
    static uint32_t classes[MANY];
    static struct trivet_curve_point points[MANY + 1];
    static const double shifts[] = {0.0, 0.3, 2.0};
    static const size_t n_points[] = {TRIVET_CURVE_POINTS_MIN, 5, 20, 100, 500};
    for (size_t s = 0; s < TRIVET_ARRAY_COUNT(shifts); s++) {
        double share = fill(shifts[s], many, classes);
        struct trivet_ranking *ranking = rank_rows(many, classes, MANY);
        double exact = trivet_ranking_roc_auc(ranking).value;
        size_t all = trivet_ranking_roc_curve(ranking, points, MANY + 1);
        assert_true(all <= trivet_ranking_points_max(ranking));
        assert_near(area(points, all), exact);
        for (size_t n = 0; n < TRIVET_ARRAY_COUNT(n_points); n++) {
            size_t count = trivet_ranking_roc_curve(ranking, points, n_points[n]);
            assert_true(count >= 2 && count <= n_points[n]);
            assert_true(points[0].x == 0.0 && points[0].y == 0.0);
            assert_true(points[count - 1].x == 1.0 && points[count - 1].y == 1.0);
            assert_true(fabs(area(points, count) - exact) < 1.0 / (double)n_points[n]);
            count = trivet_ranking_pr_curve(ranking, points, n_points[n]);
            assert_true(count >= 2 && count <= n_points[n]);
            assert_true(points[0].x == 0.0 && points[0].y == 1.0);
            assert_true(points[count - 1].x == 1.0);
            assert_near(points[count - 1].y, share);
            (void)area(points, count);
        }
        trivet_ranking_free(ranking);
    }
}

static const uint32_t truth3[] = {0, 1, 2, 2, 1, 0, 2, 1};
static const double scores3[] = {.7, .2,  .1,  .3, .4, .3, .1, .2, .7, .25, .5, .25,
                                 .5, .25, .25, .6, .3, .1, .1, .1, .8, .2,  .7, .1};

/* roc_auc_score(multi_class="ovr", average=…), average_precision_score(np.eye(3)[t], average=…) */
static void several_classes_one_against_the_rest(void **state)
{
    (void)state;
    struct trivet_ranking_metrics out;
    assert_int_equal(
        trivet_metrics_ranking(truth3, scores3, 8, 3, TRIVET_AVERAGE_MACRO, &out, &err), TRIVET_OK);
    assert_metric(&out.roc_auc, "roc_auc", 0.9);
    assert_metric(&out.pr_auc, "pr_auc", 0.8740740740740741);
    assert_int_equal(
        trivet_metrics_ranking(truth3, scores3, 8, 3, TRIVET_AVERAGE_WEIGHTED, &out, &err),
        TRIVET_OK);
    assert_metric(&out.roc_auc, "roc_auc", 0.8875);
    assert_metric(&out.pr_auc, "pr_auc", 0.8583333333333334);
}

static void two_classes_are_judged_by_the_second(void **state)
{
    (void)state;
    double columns[20];
    struct trivet_ranking_metrics out;
    for (size_t i = 0; i < 10; i++) {
        columns[2 * i] = 0.0;
        columns[2 * i + 1] = scores[i];
    }
    assert_int_equal(
        trivet_metrics_ranking(truth, columns, 10, 2, TRIVET_AVERAGE_MACRO, &out, &err), TRIVET_OK);
    assert_metric(&out.roc_auc, "roc_auc", 0.76);
    assert_metric(&out.pr_auc, "pr_auc", 0.7392857142857143);
}

static void classes_without_rows_are_left_out(void **state)
{
    (void)state;
    /* Classes 0 and 2 of three, ranked without fault; class 1's column would be at fault. */
    static const uint32_t classes[] = {0, 2, 0};
    static const double of[] = {.6, .3, .1, .1, .2, .7, .5, .4, .1};
    struct trivet_ranking_metrics out;
    assert_int_equal(trivet_metrics_ranking(classes, of, 3, 3, TRIVET_AVERAGE_MACRO, &out, &err),
                     TRIVET_OK);
    assert_metric(&out.roc_auc, "roc_auc", 1.0);
    assert_metric(&out.pr_auc, "pr_auc", 1.0);
    static const uint32_t same[] = {2, 2, 2};
    assert_int_equal(trivet_metrics_ranking(same, of, 3, 3, TRIVET_AVERAGE_MACRO, &out, &err),
                     TRIVET_OK);
    assert_undefined(&out.roc_auc, "roc_auc");
    assert_undefined(&out.pr_auc, "pr_auc");
    static const uint32_t only[] = {0, 0, 0};
    assert_int_equal(trivet_metrics_ranking(only, of, 3, 1, TRIVET_AVERAGE_MACRO, &out, &err),
                     TRIVET_OK);
    assert_undefined(&out.roc_auc, "roc_auc");
}

static void what_cannot_be_ranked_is_refused(void **state)
{
    (void)state;
    static const double bad[] = {.5, .25, (double)NAN, 1};
    struct trivet_ranking *ranking = NULL;
    assert_int_equal(trivet_ranking_create(bad, 1, truth, 1, 4, &ranking, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "row 3 is not a number"));
    for (uint64_t fault = 1; fault <= 5; fault++) {
        trivet_alloc_fail_at(fault);
        enum trivet_status status = trivet_ranking_create(scores, 1, truth, 1, 10, &ranking, &err);
        trivet_alloc_fail_at(0);
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    }
    assert_null(ranking);
    trivet_ranking_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ties_count_as_in_scikit_learn),
        cmocka_unit_test(one_class_defines_nothing),
        cmocka_unit_test(curves_are_those_of_scikit_learn),
        cmocka_unit_test(thinned_curves_keep_their_area),
        cmocka_unit_test(several_classes_one_against_the_rest),
        cmocka_unit_test(two_classes_are_judged_by_the_second),
        cmocka_unit_test(classes_without_rows_are_left_out),
        cmocka_unit_test(what_cannot_be_ranked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
