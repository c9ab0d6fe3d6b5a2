/* Baselines, against DummyRegressor and DummyClassifier of scikit-learn 1.2. */
#include "trial.h"

#include "models/dummy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 6

static const double x[ROWS * 2] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static double regress(const char *settings, const double *y, size_t n_rows)
{
    struct trial trial;
    double before[ROWS];
    double out[ROWS];
    trial_make(&trial, &trivet_dummy_regressor_ops, settings, x, n_rows, 2, y, 0);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged);
    assert_int_equal(trial.ops->output_kind(trial.state), TRIVET_OUTPUT_VALUE);
    assert_int_equal(trial.ops->n_features(trial.state), 2);
    trial_predict(&trial, x, n_rows, before);
    trial_reload(&trial);
    trial_predict(&trial, x, n_rows, out);
    assert_memory_equal(before, out, n_rows * sizeof(double));
    assert_true(out[0] == out[n_rows - 1]);
    trial_free(&trial);
    return out[0];
}

static void regressor(void **state)
{
    (void)state;
    static const double y[ROWS] = {3.5, -1, 10, 2, 2.25, 40};
    /* DummyRegressor(strategy=…, quantile=…).fit(x, y).constant_ */
    trial_close(regress("", y, ROWS), 9.4583333333333339, 1e-14);
    trial_close(regress("strategy=median", y, ROWS), 2.875, 0);
    trial_close(regress("strategy=median", y, 5), 2.25, 0);
    trial_close(regress("strategy=quantile quantile=0.9", y, ROWS), 25, 1e-13);
    trial_close(regress("strategy=quantile quantile=0.3", y, ROWS), 2.125, 1e-15);
    trial_close(regress("strategy=quantile quantile=0", y, ROWS), -1, 0);
    trial_close(regress("strategy=quantile quantile=1", y, ROWS), 40, 0);
    trial_close(regress("strategy=constant constant=-2.5", y, ROWS), -2.5, 0);
    trial_close(regress("strategy=median", y, 1), 3.5, 0);
}

static void classify(const char *settings, const double *y, const double *expected)
{
    struct trial trial;
    double out[ROWS * 3];
    trial_make(&trial, &trivet_dummy_classifier_ops, settings, x, ROWS, 2, y, 3);
    trial_fit_or_fail(&trial);
    assert_int_equal(trial.ops->output_kind(trial.state), TRIVET_OUTPUT_PROBABILITIES);
    assert_int_equal(trial.ops->n_outputs(trial.state), 3);
    trial_predict(&trial, x, ROWS, out);
    trial_near(out, expected, 3, 1e-16);
    trial_reload(&trial);
    memset(out, 0, sizeof out);
    trial_predict(&trial, x, ROWS, out);
    trial_near(&out[15], expected, 3, 1e-16);
    trial_free(&trial);
}

static void classifier(void **state)
{
    (void)state;
    static const double y[ROWS] = {2, 0, 2, 1, 2, 1};
    static const double tied[ROWS] = {2, 0, 2, 1, 1, 0};
    /* DummyClassifier(strategy=…).fit(x, y).predict_proba(x)[0] */
    classify("", y, (const double[]){1.0 / 6, 1.0 / 3, 0.5});
    classify("strategy=most_frequent", y, (const double[]){0, 0, 1});
    classify("strategy=most_frequent", tied, (const double[]){1, 0, 0});
    classify("strategy=uniform", y, (const double[]){1.0 / 3, 1.0 / 3, 1.0 / 3});
}

static void refusals(void **state)
{
    (void)state;
    static const double y[ROWS] = {1, 2, 3, 4, 5, 6};
    struct trial trial;
    double out[ROWS];
    trial_refuses(&trivet_dummy_regressor_ops, "strategy=mode", "mean, median, quantile, constant");
    trial_refuses(&trivet_dummy_regressor_ops, "quantile=1.5", "quantile");
    trial_refuses(&trivet_dummy_classifier_ops, "strategy=stratified", "most_frequent");
    trial_make(&trial, &trivet_dummy_regressor_ops, "", x, ROWS, 2, y, 0);
    trial_fit_or_fail(&trial);
    struct trivet_const_matrix narrow = {x, ROWS, 1, 2};
    struct trivet_matrix to = {out, ROWS, 1, 1};
    assert_int_equal(trial.ops->predict(trial.state, narrow, to, &trial.err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "trained on 2 features"));
    trial_free(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regressor),
        cmocka_unit_test(classifier),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
