/* Regression metrics against scikit-learn 1.2, and where a definition gives nothing. */
#include "metrics/regression.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

enum { MSE, RMSE, MAE, R2, MAPE, EXPLAINED };

static void assert_metric(const struct trivet_metric *metric, double expected)
{
    assert_true(metric->defined);
    if (!(fabs(metric->value - expected) <= 1e-12 * fabs(expected))) {
        fail_msg("%s is %.17g, not %.17g", metric->name, metric->value, expected);
    }
}

static void as_scikit_learn(void **state)
{
    (void)state;
    /* t = [3., -.5, 2, 7, 4.25]; p = [2.5, 0., 2, 8, 5]: mean_squared_error(t, p) … */
    static const double t[] = {3.0, -0.5, 2.0, 7.0, 4.25};
    static const double p[] = {2.5, 0.0, 2.0, 8.0, 5.0};
    static const char *const names[] = {"mse", "rmse", "mae", "r2", "mape", "explained_variance"};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 5, out);
    for (size_t m = 0; m < TRIVET_REGRESSION_METRICS; m++) {
        assert_string_equal(out[m].name, names[m]);
    }
    assert_metric(&out[MSE], 0.4125);
    assert_metric(&out[RMSE], 0.6422616289332564);
    assert_metric(&out[MAE], 0.55);
    assert_metric(&out[R2], 0.9328175895765473);
    assert_metric(&out[MAPE], 0.2971988795518207);
    assert_metric(&out[EXPLAINED], 0.9527687296416938);
}

static void no_rows_define_nothing(void **state)
{
    (void)state;
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(NULL, NULL, 0, out);
    for (size_t m = 0; m < TRIVET_REGRESSION_METRICS; m++) {
        assert_false(out[m].defined);
        assert_true(out[m].value == 0.0);
    }
}

static void one_row_has_no_r2(void **state)
{
    (void)state;
    static const double t[] = {2.0};
    static const double p[] = {3.0};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 1, out);
    assert_false(out[R2].defined);
    assert_metric(&out[MSE], 1.0);
    assert_metric(&out[MAPE], 0.5);
    /* explained_variance_score([2.], [3.]) is 1: a single error does not vary. */
    assert_metric(&out[EXPLAINED], 1.0);
}

static void constant_truth(void **state)
{
    (void)state;
    /* 0.1 has no exact mean in binary: the deviation must be 0 nevertheless. */
    static const double t[] = {0.1, 0.1, 0.1};
    static const double met[] = {0.1, 0.1, 0.1};
    static const double shifted[] = {0.2, 0.2, 0.2};
    static const double missed[] = {0.2, 0.1, 0.1};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, met, 3, out);
    assert_metric(&out[R2], 1.0);
    assert_metric(&out[EXPLAINED], 1.0);
    assert_true(out[MSE].value == 0.0);
    trivet_metrics_regression(t, shifted, 3, out);
    assert_metric(&out[R2], 0.0);
    assert_metric(&out[EXPLAINED], 1.0);
    trivet_metrics_regression(t, missed, 3, out);
    assert_metric(&out[R2], 0.0);
    assert_metric(&out[EXPLAINED], 0.0);
}

static void zero_truth_divides_by_epsilon(void **state)
{
    (void)state;
    /* mean_absolute_percentage_error([0., 1], [1, 1]) */
    static const double t[] = {0.0, 1.0};
    static const double p[] = {1.0, 1.0};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 2, out);
    assert_metric(&out[MAPE], 2251799813685248.0);
}

static void large_offset_keeps_digits(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double t[N];
    static double p[N];
    static double t0[N];
    static double p0[N];
    for (size_t i = 0; i < N; i++) {
        t0[i] = (double)(i % 8);
        p0[i] = t0[i] + (i % 2 == 0 ? 0.25 : -0.25);
        t[i] = t0[i] + 1e9;
        p[i] = p0[i] + 1e9;
    }
    struct trivet_metric plain[TRIVET_REGRESSION_METRICS];
    struct trivet_metric moved[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t0, p0, N, plain);
    trivet_metrics_regression(t, p, N, moved);
    assert_metric(&moved[R2], plain[R2].value);
    assert_metric(&moved[MSE], plain[MSE].value);
    assert_metric(&moved[EXPLAINED], plain[EXPLAINED].value);
}

static void overflow_is_not_defined(void **state)
{
    (void)state;
    static const double t[] = {1e200, -1e200};
    static const double p[] = {-1e200, 1e200};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 2, out);
    assert_false(out[MSE].defined);
    assert_true(out[MSE].value == 0.0);
    assert_metric(&out[MAE], 2e200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(no_rows_define_nothing),
        cmocka_unit_test(one_row_has_no_r2),
        cmocka_unit_test(constant_truth),
        cmocka_unit_test(zero_truth_divides_by_epsilon),
        cmocka_unit_test(large_offset_keeps_digits),
        cmocka_unit_test(overflow_is_not_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
