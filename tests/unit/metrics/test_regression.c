/* Regression metrics against scikit-learn 1.2, and where a definition gives nothing. */
#include "metrics/regression.h"

#include "support.h"

#include <stdlib.h>

enum { MSE, RMSE, MAE, R2, MAPE, EXPLAINED, MEDIAN, LARGEST, PINBALL };

static const char *const names[] = {
    "mse",       "rmse",         "mae", "r2", "mape", "explained_variance", "median_absolute_error",
    "max_error", "pinball_loss",
};

static void assert_value(const struct trivet_metric *out, size_t index, double expected)
{
    assert_metric(&out[index], names[index], expected);
}

static void as_scikit_learn(void **state)
{
    (void)state;
    /* t = [3., -.5, 2, 7, 4.25]; p = [2.5, 0., 2, 8, 5]: mean_squared_error(t, p) … */
    static const double t[] = {3.0, -0.5, 2.0, 7.0, 4.25};
    static const double p[] = {2.5, 0.0, 2.0, 8.0, 5.0};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 5, out);
    assert_value(out, MSE, 0.4125);
    assert_value(out, RMSE, 0.6422616289332564);
    assert_value(out, MAE, 0.55);
    assert_value(out, R2, 0.9328175895765473);
    assert_value(out, MAPE, 0.2971988795518207);
    assert_value(out, EXPLAINED, 0.9527687296416938);
    assert_value(out, MEDIAN, 0.5);
    assert_value(out, LARGEST, 1.0);
    assert_value(out, PINBALL, 0.275);
}

static void pinball_takes_a_quantile(void **state)
{
    (void)state;
    /* mean_pinball_loss(t, p, alpha=…) of the same */
    static const double t[] = {3.0, -0.5, 2.0, 7.0, 4.25};
    static const double p[] = {2.5, 0.0, 2.0, 8.0, 5.0};
    struct trivet_metric high = trivet_metrics_pinball(t, p, 5, 0.9);
    struct trivet_metric low = trivet_metrics_pinball(t, p, 5, 0.0);
    assert_metric(&high, "pinball_loss", 0.13499999999999998);
    assert_metric(&low, "pinball_loss", 0.45);
    struct trivet_metric none = trivet_metrics_pinball(NULL, NULL, 0, 0.9);
    assert_undefined(&none, "pinball_loss");
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Against sorting: errors over many magnitudes, with ties and zeros, even and odd counts. */
static void the_median_is_that_of_the_sorted_errors(void **state)
{
    (void)state;
    enum { N = 257 };
    double t[N];
    double p[N];
    double errors[N];
    uint64_t word = 1;
    for (size_t n = 1; n <= N; n++) {
        for (size_t i = 0; i < n; i++) {
            word = word * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            t[i] = ldexp((double)(word >> 56), (int)(word >> 40) % 40 - 20);
            p[i] = word % 5 == 0 ? t[i] : 1.0;
            errors[i] = fabs(t[i] - p[i]);
        }
        qsort(errors, n, sizeof(*errors), compare_doubles);
        struct trivet_metric out[TRIVET_REGRESSION_METRICS];
        trivet_metrics_regression(t, p, n, out);
        assert_true(out[MEDIAN].value == (errors[(n - 1) / 2] + errors[n / 2]) / 2.0);
        assert_true(out[LARGEST].value == errors[n - 1]);
    }
}

static void no_rows_define_nothing(void **state)
{
    (void)state;
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(NULL, NULL, 0, out);
    for (size_t m = 0; m < TRIVET_REGRESSION_METRICS; m++) {
        assert_undefined(&out[m], names[m]);
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
    assert_value(out, MSE, 1.0);
    assert_value(out, MAPE, 0.5);
    /* explained_variance_score([2.], [3.]) is 1: a single error does not vary. */
    assert_value(out, EXPLAINED, 1.0);
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
    assert_value(out, R2, 1.0);
    assert_value(out, EXPLAINED, 1.0);
    assert_true(out[MSE].value == 0.0);
    trivet_metrics_regression(t, shifted, 3, out);
    assert_value(out, R2, 0.0);
    assert_value(out, EXPLAINED, 1.0);
    trivet_metrics_regression(t, missed, 3, out);
    assert_value(out, R2, 0.0);
    assert_value(out, EXPLAINED, 0.0);
}

static void zero_truth_divides_by_epsilon(void **state)
{
    (void)state;
    /* mean_absolute_percentage_error([0., 1], [1, 1]) */
    static const double t[] = {0.0, 1.0};
    static const double p[] = {1.0, 1.0};
    struct trivet_metric out[TRIVET_REGRESSION_METRICS];
    trivet_metrics_regression(t, p, 2, out);
    assert_value(out, MAPE, 2251799813685248.0);
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
    assert_value(moved, R2, plain[R2].value);
    assert_value(moved, MSE, plain[MSE].value);
    assert_value(moved, EXPLAINED, plain[EXPLAINED].value);
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
    assert_value(out, MAE, 2e200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(pinball_takes_a_quantile),
        cmocka_unit_test(the_median_is_that_of_the_sorted_errors),
        cmocka_unit_test(no_rows_define_nothing),
        cmocka_unit_test(one_row_has_no_r2),
        cmocka_unit_test(constant_truth),
        cmocka_unit_test(zero_truth_divides_by_epsilon),
        cmocka_unit_test(large_offset_keeps_digits),
        cmocka_unit_test(overflow_is_not_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
