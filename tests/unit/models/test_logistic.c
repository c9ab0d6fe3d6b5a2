/* Logistic regression against LogisticRegression of scikit-learn 1.2. */
#include "trial.h"

#include "base/rng.h"
#include "models/logistic_objective.h"
#include "models/logistic_regression.h"
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

#define ROWS     30
#define FEATURES 2
#define ASKED    4
#define WIDE     24000

/* i = np.arange(30); X = np.c_[(i * 7) % 11 / 5 - 1, (i * 5) % 13 / 6 - 1]
 * three = ((X[:, 0]**2 + X[:, 1]**2) * 1.7).astype(int).clip(0, 2)
 * two = (X[:, 0] + 0.4 * X[:, 1] + ((i * 3) % 7 - 3) / 3 > 0).astype(int) */
struct data {
    double x[ROWS * FEATURES];
    double two[ROWS];
    double three[ROWS];
};

static const double asked[ASKED * FEATURES] = {0.1, -0.3, 0.7, 0.9, -0.8, 0.2, 1.5, -1.1};

/* LogisticRegression(solver='newton-cg', tol=1e-13, …).fit(X, …).predict_proba(asked); with l1
 * solver='saga', tol=1e-14; where every weight is 0 the shares of the classes, which saga's
 * intercept is far from still. */
#define SHARES 9.0 / 30.0, 16.0 / 30.0, 5.0 / 30.0

static const struct {
    const char *settings;
    double two[ASKED * 2];
    double three[ASKED * 3];
} expected[] = {
    {"penalty=l2",
     {0.5717269987618409, 0.42827300123815915, 0.18008415085003582, 0.8199158491499642,
      0.7664805470463458, 0.23351945295365414, 0.2510384307858099, 0.7489615692141901},
     {0.30947682975805113, 0.5425228807312785, 0.14800028951067026, 0.32044571210828565,
      0.6340027731638435, 0.04555151472787088, 0.28862492265353573, 0.4743475427120039,
      0.2370275346344603, 0.3179900858293224, 0.6156167779982586, 0.06639313617241895}},
    {"C=10",
     {0.6009506439048338, 0.3990493560951663, 0.09768954571661659, 0.9023104542833834,
      0.8608971612174044, 0.13910283878259555, 0.1462159669746247, 0.8537840330253753},
     {0.31702405813504, 0.5552022679299707, 0.12777367393498923, 0.32995455191606016,
      0.64397489051742, 0.026070557566519853, 0.27876995220038553, 0.46007354856060334,
      0.26115649923901113, 0.33014226258876495, 0.6334697490307928, 0.0363879883804423}},
    {"class_weight=balanced",
     {0.5423978680807421, 0.4576021319192579, 0.16267993963338023, 0.8373200603666198,
      0.7446763834778252, 0.2553236165221749, 0.22914566638293488, 0.7708543336170651},
     {0.35533404571184823, 0.35150132866882783, 0.293164625619324, 0.435543095526565,
      0.4711035853219231, 0.09335331915151182, 0.29378346926492155, 0.27929158326204306,
      0.4269249474730353, 0.4169799689160993, 0.4383875488157835, 0.1446324822681172}},
    {"fit_intercept=false",
     {0.5230669333694488, 0.47693306663055124, 0.15586438990166684, 0.8441356100983332,
      0.7259460957487587, 0.2740539042512414, 0.22061571018581572, 0.7793842898141843},
     {0.32947915462245947, 0.3307228776252454, 0.3397979677522952, 0.36194548354165557,
      0.45224605552987324, 0.1858084609284713, 0.3000433192737765, 0.2520906412403192,
      0.4478660394859042, 0.34412306737516885, 0.4548897106621749, 0.20098722196265625}},
    {"penalty=none",
     {0.6090976502182566, 0.3909023497817435, 0.08422945658007286, 0.9157705434199271,
      0.8789590602457145, 0.12104093975428556, 0.12736317759560256, 0.8726368224043974},
     {0.31858268187964617, 0.5578783451177596, 0.12353897300259432, 0.33149874312362615,
      0.6450358555901891, 0.023465401286184802, 0.2765608104596284, 0.45735963568246374,
      0.26607955385790794, 0.3324333531520904, 0.6357030068131463, 0.031863640034763316}},
    {"penalty=l1 C=0.3",
     {0.5185346617942612, 0.48146533820573884, 0.4025732265375791, 0.5974267734624209,
      0.6851547879519976, 0.3148452120480024, 0.2650291199363829, 0.7349708800636171},
     {SHARES, SHARES, SHARES, SHARES}},
    {"penalty=elastic_net l1_ratio=0.4 C=0.5",
     {0.5539565152901956, 0.44604348470980437, 0.24720221220775263, 0.7527977877922474,
      0.7234015251653775, 0.2765984748346225, 0.28298314743092856, 0.7170168525690714},
     {0.30130220896951415, 0.5379786876862348, 0.16071910334425094, 0.3151479882325305,
      0.5933089648361453, 0.09154304693132424, 0.2950038985852385, 0.48650251203984984,
      0.21849358937491165, 0.2991913385205739, 0.6044868754695105, 0.09632178600991555}},
};

static const struct data *data(void)
{
    static struct data made;
    for (size_t i = 0; i < ROWS; i++) {
        double u = (double)((i * 7) % 11) / 5.0 - 1.0;
        double v = (double)((i * 5) % 13) / 6.0 - 1.0;
        made.x[i * FEATURES] = u;
        made.x[i * FEATURES + 1] = v;
        made.three[i] = fmin(floor((u * u + v * v) * 1.7), 2.0);
        made.two[i] = u + 0.4 * v + ((double)((i * 3) % 7) - 3.0) / 3.0 > 0.0 ? 1.0 : 0.0;
    }
    return &made;
}

static void check(const char *settings, const double *y, size_t n_classes, const double *proba,
                  double tolerance)
{
    struct trial trial;
    double out[ASKED * 3];
    double again[ASKED * 3];
    const size_t n = ASKED * n_classes;
    trial_make(&trial, &trivet_logistic_regression_ops, settings, data()->x, ROWS, FEATURES, y,
               n_classes);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged && trial.report.iterations > 0);
    assert_int_equal(trial.report.n_equations, n_classes == 2 ? 1 : n_classes);
    assert_true(trial_fact(&trial, "objective") > 0.0);
    trial_predict(&trial, asked, ASKED, out);
    trial_near(out, proba, n, tolerance);
    trial_reload(&trial);
    trial_predict(&trial, asked, ASKED, again);
    assert_memory_equal(out, again, n * sizeof(double));
    for (size_t i = 0; i < ASKED; i++) {
        trial_predict(&trial, &asked[i * FEATURES], 1, again);
        assert_memory_equal(again, &out[i * n_classes], n_classes * sizeof(double));
    }
    trial_free(&trial);
}

static void as_scikit_learn(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof expected / sizeof expected[0]; k++) {
        static const char *const solvers[] = {"newton", "lbfgs"};
        for (size_t s = 0; s < 2; s++) {
            char settings[128];
            snprintf(settings, sizeof settings, "%s solver=%s tol=1e-7", expected[k].settings,
                     solvers[s]);
            check(settings, data()->two, 2, expected[k].two, 1e-7);
            check(settings, data()->three, 3, expected[k].three, 1e-7);
        }
    }
}

/* Central differences of the value, and of the gradient for the Hessian. */
static void derivatives(size_t n_classes, const double *y)
{
    static const double weights[3] = {1.0, 0.7, 2.0};
    const struct trivet_logistic_problem problem = {
        .x = {data()->x, ROWS, FEATURES, FEATURES},
        .y = y,
        .n_classes = n_classes,
        .weights = weights,
        .l2 = 0.3,
        .intercept = true,
        .n_threads = 2,
    };
    struct trivet_error err = {0};
    struct trivet_logistic_objective *objective = NULL;
    double theta[9];
    double gradient[9];
    double hessian[81];
    double value = 0.0;
    const size_t n = trivet_logistic_n_equations(&problem) * trivet_logistic_n_parameters(&problem);
    assert_int_equal(trivet_logistic_objective_create(&problem, true, &objective, &err), TRIVET_OK);
    for (size_t i = 0; i < n; i++) {
        theta[i] = 0.1 * (double)i - 0.25;
    }
    trivet_logistic_objective_evaluate(objective, theta, 1, &value, gradient, hessian);
    for (size_t i = 0; i < n; i++) {
        const double h = 1e-5;
        double up = 0.0;
        double down = 0.0;
        double gradient_up[9];
        double gradient_down[9];
        double kept = theta[i];
        theta[i] = kept + h;
        trivet_logistic_objective_evaluate(objective, theta, 1, &up, gradient_up, NULL);
        theta[i] = kept - h;
        trivet_logistic_objective_evaluate(objective, theta, 1, &down, gradient_down, NULL);
        theta[i] = kept;
        assert_true(fabs((up - down) / (2 * h) - gradient[i]) < 1e-7);
        for (size_t j = 0; j < n; j++) {
            double second = (gradient_up[j] - gradient_down[j]) / (2 * h);
            assert_true(fabs(second - hessian[i * n + j]) < 1e-7);
        }
    }
    trivet_logistic_objective_free(objective);
}

static void derivatives_of_the_loss(void **state)
{
    (void)state;
    derivatives(2, data()->two);
    derivatives(3, data()->three);
}

static void separated_classes_are_told(void **state)
{
    (void)state;
    static const double y[ROWS] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    double x[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        x[i] = (double)i;
    }
    struct trial trial;
    trial_make(&trial, &trivet_logistic_regression_ops, "penalty=none", x, ROWS, 1, y, 2);
    trial_fit_or_fail(&trial);
    assert_false(trial.report.converged);
    assert_true(trial_warned(&trial, "without error"));
    trial_free(&trial);
}

/* Many rows: the first steps look at a part of them, and threads share them. */
static void many_rows(void **state)
{
    (void)state;
    static double x[WIDE * 3];
    static double y[WIDE];
    struct trivet_rng rng;
    double sums[3][4];
    trivet_rng_seed(&rng, 3);
    for (size_t i = 0; i < WIDE; i++) {
        double z = 0.3;
        for (size_t j = 0; j < 3; j++) {
            x[i * 3 + j] = normal_next(&rng) + 1000.0;
            z += ((double)j - 0.5) * (x[i * 3 + j] - 1000.0);
        }
        y[i] = trivet_rng_uniform(&rng) < 1.0 / (1.0 + exp(-z)) ? 1.0 : 0.0;
    }
    for (unsigned t = 0; t < 3; t++) {
        struct trial trial;
        trial_make(&trial, &trivet_logistic_regression_ops,
                   t == 2 ? "solver=lbfgs tol=1e-6" : "penalty=l2", x, WIDE, 3, y, 2);
        trial.context.n_threads = t + 1;
        trial_fit_or_fail(&trial);
        assert_true(trial.report.converged);
        memcpy(sums[t], trial.report.coefficients, 3 * sizeof(double));
        sums[t][3] = trial.report.intercepts[0];
        trial_free(&trial);
    }
    for (size_t j = 0; j < 4; j++) {
        double scale = j == 3 ? 1000.0 : 1.0;
        assert_true(fabs(sums[1][j] - sums[0][j]) < 1e-9 * scale);
        assert_true(fabs(sums[2][j] - sums[0][j]) < 1e-4 * scale);
    }
}

static void refusals(void **state)
{
    (void)state;
    trial_refuses(&trivet_logistic_regression_ops, "penalty=l3", "l1");
    trial_refuses(&trivet_logistic_regression_ops, "C=0", "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(derivatives_of_the_loss),
        cmocka_unit_test(separated_classes_are_told),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
