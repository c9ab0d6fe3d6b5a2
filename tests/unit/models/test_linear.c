/* Linear regression by coordinate and by gradient descent; exact solutions are tried with the
 * pipeline and in linalg. */
#include "trial.h"

#include "models/linear_regression.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS     30
#define FEATURES 3

/* i = np.arange(30); X = np.c_[(i * 7) % 11 / 5 - 1, (i * 5) % 13 / 6 - 1, (i * 3) % 7 / 3 - 1]
 * t = X[:, 0] * 2 - 0.3 * X[:, 1] + 0.5 + ((i * 11) % 5 - 2) / 5 */
struct data {
    double x[ROWS * FEATURES];
    double t[ROWS];
};

static const struct data *data(void)
{
    static struct data made;
    for (size_t i = 0; i < ROWS; i++) {
        double *row = &made.x[i * FEATURES];
        row[0] = (double)((i * 7) % 11) / 5.0 - 1.0;
        row[1] = (double)((i * 5) % 13) / 6.0 - 1.0;
        row[2] = (double)((i * 3) % 7) / 3.0 - 1.0;
        made.t[i] = row[0] * 2.0 - 0.3 * row[1] + 0.5 + ((double)((i * 11) % 5) - 2.0) / 5.0;
    }
    return &made;
}

static void make(struct trial *trial, const char *settings)
{
    trial_make(trial, &trivet_linear_regression_ops, settings, data()->x, ROWS, FEATURES, data()->t,
               0);
}

/* Coefficients, then the intercept. */
static void check(const char *settings, const double *expected, double tolerance)
{
    struct trial trial;
    make(&trial, settings);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged);
    trial_near(trial.report.coefficients, expected, FEATURES, tolerance);
    trial_near(trial.report.intercepts, &expected[FEATURES], 1, tolerance);
    trial_free(&trial);
}

static void elastic_nets_as_scikit_learn(void **state)
{
    (void)state;
    /* ElasticNet(alpha, l1_ratio, tol=1e-14, max_iter=1000000).fit(X, t): coef_, intercept_ */
    static const struct {
        const char *settings;
        double expected[FEATURES + 1];
    } nets[] = {
        {"penalty=l1 alpha=0.05",
         {1.8970389702539854, -0.21644620499398687, 0, 0.5046221279801807}},
        {"penalty=l1 alpha=0.2", {1.468955682316805, 0, 0, 0.5187472575691092}},
        {"penalty=elastic_net alpha=0.1",
         {1.6698911943333326, -0.13762888693611686, 0, 0.5107158829169288}},
        {"penalty=elastic_net alpha=0.3 l1_ratio=0.1",
         {1.1391430620834642, -0.03641132261692374, 0, 0.5217287632926735}},
        {"penalty=elastic_net alpha=0.1 fit_intercept=false",
         {1.6967938483698366, -0.18810432022638396, 0, 0}},
    };
    for (size_t k = 0; k < sizeof nets / sizeof nets[0]; k++) {
        char settings[160];
        snprintf(settings, sizeof settings, "%s tol=1e-13", nets[k].settings);
        check(settings, nets[k].expected, 1e-11);
    }
}

/* So many columns are not multiplied with each other. */
static void more_columns_than_rows(void **state)
{
    (void)state;
    /* i = np.arange(30)[:, None]; j = np.arange(1100)[None, :]
     * X = ((i * 7 + j * 13 + (i * j) % 17) % 23) / 11 - 1
     * t = 2 * X[:, 3] - X[:, 700] + 0.5 + ((np.arange(30) * 11) % 5 - 2) / 5
     * ElasticNet(alpha=0.1, l1_ratio=…, tol=1e-14, max_iter=10**6).fit(X, t).predict(X[:4]) */
    enum { WIDTH = 1100 };
    static const struct {
        const char *settings;
        double expected[4];
    } nets[] = {
        {"penalty=l1 alpha=0.1 tol=1e-13 max_iter=100000",
         {0.79531111323929404, -0.18580275971648597, 0.68338569045520947, -0.89332820790107959}},
        {"penalty=elastic_net alpha=0.1 tol=1e-13 max_iter=100000",
         {0.65731527660113476, -0.21271769086053294, 0.79040600829463292, -1.5149578562517791}}};
    static double x[ROWS * WIDTH];
    double t[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        double *row = &x[i * WIDTH];
        for (size_t j = 0; j < WIDTH; j++) {
            row[j] = (double)((i * 7 + j * 13 + (i * j) % 17) % 23) / 11.0 - 1.0;
        }
        t[i] = 2.0 * row[3] - row[700] + 0.5 + ((double)((i * 11) % 5) - 2.0) / 5.0;
    }
    for (size_t k = 0; k < sizeof nets / sizeof nets[0]; k++) {
        struct trial trial;
        double out[4];
        trial_make(&trial, &trivet_linear_regression_ops, nets[k].settings, x, ROWS, WIDTH, t, 0);
        trial_fit_or_fail(&trial);
        assert_true(trial.report.converged);
        trial_predict(&trial, x, 4, out);
        trial_near(out, nets[k].expected, 4, 1e-6);
        trial_free(&trial);
    }
}

static void duality_gap_is_told(void **state)
{
    (void)state;
    struct trial trial;
    make(&trial, "penalty=l1 alpha=0.2");
    trial_fit_or_fail(&trial);
    double squares = 0.0;
    double mean = 0.0;
    for (size_t i = 0; i < ROWS; i++) {
        mean += data()->t[i] / ROWS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        squares += (data()->t[i] - mean) * (data()->t[i] - mean);
    }
    assert_true(trial_fact(&trial, "duality_gap") <= 1e-4 * squares);
    assert_true(trial_fact(&trial, "zero_coefficients") >= 1.0);
    trial_free(&trial);
    make(&trial, "penalty=l1 alpha=0.01 max_iter=1 tol=1e-12");
    trial_fit_or_fail(&trial);
    assert_false(trial.report.converged);
    assert_true(trial_warned(&trial, "not converged after 1 sweeps"));
    trial_free(&trial);
    make(&trial, "penalty=l1 alpha=100");
    trial_fit_or_fail(&trial);
    assert_true(trial_warned(&trial, "every coefficient is zero"));
    trial_free(&trial);
}

/* Descents end where the exact solution is, and their loss falls all the way. */
static void descent_reaches_the_exact_solution(void **state)
{
    (void)state;
    static const char *const penalties[] = {"penalty=none", "penalty=l2 alpha=3"};
    for (size_t k = 0; k < 2; k++) {
        struct trial trial;
        double expected[FEATURES + 1];
        char settings[160];
        make(&trial, penalties[k]);
        trial_fit_or_fail(&trial);
        memcpy(expected, trial.report.coefficients, FEATURES * sizeof(double));
        expected[FEATURES] = trial.report.intercepts[0];
        trial_free(&trial);
        snprintf(settings, sizeof settings,
                 "%s solver=gradient_descent learning_rate=0.5 epochs=5000 epoch_tol=1e-15",
                 penalties[k]);
        make(&trial, settings);
        trial_fit_telling(&trial);
        trial_near(trial.report.coefficients, expected, FEATURES, 1e-6);
        trial_near(trial.report.intercepts, &expected[FEATURES], 1, 1e-6);
        assert_true(trial.report.n_losses == trial.report.iterations);
        for (size_t i = 1; i < trial.report.n_losses; i++) {
            assert_true(trial.report.loss_curve[i] <= trial.report.loss_curve[i - 1] + 1e-15);
        }
        trial_free(&trial);
    }
}

static void batches_and_schedules(void **state)
{
    (void)state;
    static const char *const schedules[] = {"inverse_scaling", "step"};
    double losses[2];
    for (size_t k = 0; k < 2; k++) {
        struct trial trial;
        char settings[160];
        snprintf(settings, sizeof settings,
                 "solver=gradient_descent schedule=%s batch_size=7 epochs=300 learning_rate=0.1",
                 schedules[k]);
        make(&trial, settings);
        trial_fit_or_fail(&trial);
        assert_true(fabs(trial.report.coefficients[0] - 2.0) < 0.1);
        losses[k] = trial.report.loss_curve[trial.report.n_losses - 1];
        trial_free(&trial);
    }
    assert_true(losses[0] != losses[1]);
}

static void divergence_is_refused(void **state)
{
    (void)state;
    struct trial trial;
    make(&trial, "solver=gradient_descent learning_rate=100");
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "diverges"));
    trial_free(&trial);
}

static void solvers_go_with_penalties(void **state)
{
    (void)state;
    static const char *const wrong[] = {"solver=exact penalty=l1",
                                        "solver=gradient_descent penalty=elastic_net",
                                        "solver=coordinate_descent penalty=l2"};
    for (size_t k = 0; k < 3; k++) {
        struct trial trial;
        make(&trial, wrong[k]);
        assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(trial.err.message, "is not for penalty="));
        trial_free(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elastic_nets_as_scikit_learn),
        cmocka_unit_test(more_columns_than_rows),
        cmocka_unit_test(duality_gap_is_told),
        cmocka_unit_test(descent_reaches_the_exact_solution),
        cmocka_unit_test(batches_and_schedules),
        cmocka_unit_test(divergence_is_refused),
        cmocka_unit_test(solvers_go_with_penalties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
