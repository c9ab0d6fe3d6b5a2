/* Linear support vector machines against LinearSVC and LinearSVR of scikit-learn 1.2. */
#include "trial.h"

#include "base/rng.h"
#include "models/linear_svc.h"
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
#define WIDE     3000

/* i = np.arange(30); X = np.c_[(i * 7) % 11 / 5 - 1, (i * 5) % 13 / 6 - 1]
 * three = ((X[:, 0]**2 + X[:, 1]**2) * 1.7).astype(int).clip(0, 2)
 * two = (X[:, 0] + 0.4 * X[:, 1] + ((i * 3) % 7 - 3) / 3 > 0).astype(int)
 * numbers = X[:, 0] * X[:, 1] + 0.3 * X[:, 0] */
struct data {
    double x[ROWS * FEATURES];
    double two[ROWS];
    double three[ROWS];
    double numbers[ROWS];
};

static const double asked[ASKED * FEATURES] = {0.1, -0.3, 0.7, 0.9, -0.8, 0.2, 1.5, -1.1};

/* LinearSVC(…, tol=1e-12, max_iter=10**7).fit(X, …).decision_function(asked), dual=False but for
 * the hinge. */
static const struct {
    const char *settings;
    bool smooth; /* for all solvers */
    double two[ASKED];
    double three[ASKED * 3];
} classes[] = {
    {"C=1",
     true,
     {-0.11883315044599489, 0.86929247469765913, -0.64857381591181573, 0.69600549078828022},
     {-0.40100968396345804, 0.049655924582352406, -0.63785807565624131, -0.27447074099195673,
      0.36806600327066596, -1.0924970654819881, -0.45408629723711513, -0.10039438416786477,
      -0.42590383866363046, -0.31976714352021945, 0.27990263858720948, -0.96302356269067912}},
    {"C=3 intercept_scaling=2",
     true,
     {-0.12445412363754813, 0.89415351528125542, -0.67445111467780872, 0.72164830235418131},
     {-0.40686687765667034, 0.050580262948754118, -0.64918544298512926, -0.27833840053249159,
      0.3754683481001197, -1.1175130069707608, -0.46208977672108986, -0.10365093802141899,
      -0.42992031054855184, -0.32229376719532071, 0.28727709801581691, -0.98559568558171962}},
    {"fit_intercept=false",
     true,
     {-0.04323996696500635, 0.9261557420344364, -0.55522630552556851, 0.74408074108631628},
     {-0.023724146722996577, -0.015534097088106788, 0.00080100500628127317, 0.13991036528161732,
      0.29646635291470569, -0.38029287683048013, -0.034591713933929173, -0.17287758048487806,
      0.27658522865767915, -0.0090855561900095444, 0.2262209138807118, -0.4253381583634897}},
    {"class_weight=balanced",
     true,
     {-0.076062524863756295, 0.91421669679448381, -0.6027340208016212, 0.73394098730481117},
     {-0.35745753211495501, -0.1704855832887211, -0.43309669778786103, -0.22352688615319116,
      0.14641453185267175, -1.0399627681761154, -0.414195829151422, -0.31564003765386794,
      -0.17497365695389239, -0.27059078669500325, 0.052119937816995837, -0.82832020995714151}},
    {"loss=hinge C=0.5",
     false,
     {-0.22499999999814158, 1.4250000000013761, -0.9750000000010498, 0.92500000000641736},
     {-1.0000000000002949, 0.12500000000000039, -1.0000000000001763, -0.99999999999982314,
      1.1750000000000003, -1.0000000000004501, -1.0000000000004325, -0.22333333333333322,
      -1.0000000000001656, -1.0000000000000859, 0.6550000000000008, -1.0000000000001885}},
    {"loss=hinge C=0.5 class_weight=balanced",
     false,
     {0.041152597402597191, 1.6687499999999997, -0.82646103896103962, 1.375568181818182},
     {-1.0000000000002627, -0.73999999999958277, -0.88206896551725045, -0.99999999999988209,
      -0.458688524591155, -1.2917241379316251, -1.000000000000226, -0.86786885246108003,
      -0.69586206896613123, -1.0000000000003255, -0.54393442622518751, -1.1675862068956055}},
    {"penalty=l1 C=0.5",
     false,
     {-0.062021784380130472, 0.80707502361673145, -0.5736878347466362, 0.72625121028053274},
     {-0.36419482229046163, 0.030099913745365948, -0.62266453470547056, -0.3470820535322347,
      0.23706267516079205, -0.95941734071820006, -0.38986397542780205, -0.10496048359610574,
      -0.43153405243226733, -0.32426502852126543, 0.23849933623034439, -0.91694481411841566}},
};

/* LinearSVR(…, tol=1e-12, max_iter=10**7).fit(X, numbers).predict(asked) */
static const struct {
    const char *settings;
    double numbers[ASKED];
} numbers[] = {
    {"C=2 epsilon=0.05 tol=1e-8",
     {0.1300000000008118, 0.064545454545163347, 0.019090909092212505, 0.30454545454551291}},
    {"loss=squared_epsilon_insensitive C=2 epsilon=0.05",
     {0.15511538182726978, 0.11387358257022986, -0.027365281239311284, 0.4413349964714407}},
    {"loss=squared_epsilon_insensitive fit_intercept=false",
     {0.048252076575478607, 0.0009284308026925028, -0.13900346877167985, 0.34203356270976698}},
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
        made.numbers[i] = u * v + 0.3 * u;
    }
    return &made;
}

static void check(const struct trivet_estimator_ops *ops, const char *settings, const double *y,
                  size_t n_classes, const double *expected, double tolerance)
{
    struct trial trial;
    double out[ASKED * 3];
    double again[ASKED * 3];
    trial_make(&trial, ops, settings, data()->x, ROWS, FEATURES, y, n_classes);
    trial_fit_or_fail(&trial);
    const size_t n_outputs = ops->n_outputs(trial.state);
    assert_int_equal(n_outputs, n_classes > 2 ? n_classes : 1);
    assert_int_equal(trial.report.n_equations, n_outputs);
    if (!trial.report.converged) {
        fail_msg("%s: not converged", settings);
    }
    assert_true(trial.report.iterations > 0 && trial_fact(&trial, "objective") > 0.0);
    if (strstr(settings, "newton") != NULL) { /* nearer than the reference is */
        assert_true(trial.report.gradient_norm > 0.0 && trial.report.gradient_norm < 1e-9);
    }
    trial_predict(&trial, asked, ASKED, out);
    trial_near(out, expected, ASKED * n_outputs, tolerance);
    trial_reload(&trial);
    for (size_t i = 0; i < ASKED; i++) {
        trial_predict(&trial, &asked[i * FEATURES], 1, &again[i * n_outputs]);
    }
    assert_memory_equal(again, out, ASKED * n_outputs * sizeof(double));
    trial_free(&trial);
}

static void as_scikit_learn(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        double tolerance;
    } solvers[] = {{"solver=auto tol=1e-8", 2e-7},
                   {"solver=coordinate_descent tol=1e-4", 1e-3},
                   {"solver=trust_region tol=1e-8", 2e-7},
                   {"solver=newton", 2e-7}};
    for (size_t s = 0; s < sizeof solvers / sizeof solvers[0]; s++) {
        char settings[128];
        for (size_t k = 0; k < sizeof classes / sizeof classes[0]; k++) {
            snprintf(settings, sizeof settings, "%s %s", classes[k].settings, solvers[s].settings);
            if (s < 2 || classes[k].smooth) {
                check(&trivet_linear_svc_ops, settings, data()->two, 2, classes[k].two,
                      solvers[s].tolerance);
                check(&trivet_linear_svc_ops, settings, data()->three, 3, classes[k].three,
                      solvers[s].tolerance);
            }
        }
    }
}

/* The tolerance that is the default leaves decision values within a thousandth. */
static void defaults(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof classes / sizeof classes[0]; k++) {
        check(&trivet_linear_svc_ops, classes[k].settings, data()->two, 2, classes[k].two, 1e-3);
        check(&trivet_linear_svc_ops, classes[k].settings, data()->three, 3, classes[k].three,
              1e-3);
    }
    check(&trivet_linear_svr_ops, "C=2 epsilon=0.05", data()->numbers, 0, numbers[0].numbers, 1e-3);
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        check(&trivet_linear_svr_ops, numbers[k].settings, data()->numbers, 0, numbers[k].numbers,
              5e-8);
    }
}

static double objective_of(const char *settings, const double *x, const double *y, bool of_classes,
                           double *gradient_norm)
{
    struct trial trial;
    trial_make(&trial, of_classes ? &trivet_linear_svc_ops : &trivet_linear_svr_ops, settings, x,
               WIDE, 3, y, of_classes ? 2 : 0);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged);
    *gradient_norm = trial.report.gradient_norm;
    assert_true(trial.report.iterations < 20 || strstr(settings, "trust") != NULL);
    const double objective = trial_fact(&trial, "objective");
    trial_free(&trial);
    return objective;
}

/* Blocks of rows come into the Hessian and leave it again; an offset and a narrow column. */
static void many_rows(void **state)
{
    (void)state;
    static double x[WIDE * 3];
    static double y[WIDE];
    static double u[WIDE];
    struct trivet_rng rng;
    double norm = 0.0;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < WIDE; i++) {
        x[3 * i] = normal_next(&rng);
        x[3 * i + 1] = 30.0 + normal_next(&rng);
        x[3 * i + 2] = 0.01 * normal_next(&rng);
        u[i] = 2.0 * x[3 * i] - x[3 * i + 1] + 50.0 * x[3 * i + 2] + normal_next(&rng);
        y[i] = u[i] + 30.0 > 0.0 ? 1.0 : 0.0;
    }
    const double trusted = objective_of("solver=trust_region tol=1e-9", x, y, true, &norm);
    trial_close(objective_of("solver=newton", x, y, true, &norm), trusted, 1e-9 * trusted);
    assert_true(norm > 0.0 && norm < 1e-4);
    objective_of("loss=squared_epsilon_insensitive epsilon=0.3", x, u, false, &norm);
    assert_true(norm > 0.0 && norm < 1e-4);
}

/* Full steps go too far here: rows change sides again and again, or none does on a shorter step. */
static void shortened_steps(void **state)
{
    (void)state;
    enum { N_ROWS = 300, WIDTH = 40 };
    static double x[N_ROWS * WIDTH];
    static double y[N_ROWS];
    struct trivet_rng rng;
    struct trial trial;
    trivet_rng_seed(&rng, 8);
    for (size_t i = 0; i < N_ROWS; i++) {
        for (size_t j = 0; j < WIDTH; j++) {
            const double value = normal_next(&rng);
            x[i * WIDTH + j] = value * value * value;
        }
        y[i] = x[i * WIDTH] + x[i * WIDTH + 1] > 3.0 ? 1.0 : 0.0;
    }
    trial_make(&trial, &trivet_linear_svc_ops, "C=100", x, N_ROWS, WIDTH, y, 2);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged);
    assert_true(trial.report.gradient_norm < 1e-6);
    trial_free(&trial);
}

/* The seed decides the order of the coordinates. */
static void repeatable(void **state)
{
    (void)state;
    struct trial trial;
    double first[ASKED];
    double second[ASKED];
    trial_make(&trial, &trivet_linear_svc_ops, "loss=hinge tol=0.1", data()->x, ROWS, FEATURES,
               data()->two, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, asked, ASKED, first);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, asked, ASKED, second);
    assert_memory_equal(first, second, sizeof first);
    trial_free(&trial);
}

/* A row's contributions and the base are its margin. */
static void explained(void **state)
{
    (void)state;
    static const double means[FEATURES] = {0.2, -0.1};
    struct trial trial;
    struct trivet_const_matrix x = {asked, ASKED, FEATURES, FEATURES};
    double out[ASKED * 3];
    double contributions[ASKED * 3 * FEATURES];
    double base[3];
    trial_make(&trial, &trivet_linear_svc_ops, "", data()->x, ROWS, FEATURES, data()->three, 3);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, asked, ASKED, out);
    assert_int_equal(trivet_linear_svc_ops.n_explained(trial.state), 3);
    assert_int_equal(
        trivet_linear_svc_ops.explain(trial.state, x, means, contributions, base, &trial.err),
        TRIVET_OK);
    for (size_t k = 0; k < ASKED * 3; k++) {
        trial_close(base[k % 3] + contributions[2 * k] + contributions[2 * k + 1], out[k], 1e-14);
    }
    trial_free(&trial);
}

static void not_converged_is_told(void **state)
{
    (void)state;
    double x[ROWS * FEATURES];
    struct trial trial;
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        x[i] = 300.0 * data()->x[i];
    }
    trial_make(&trial, &trivet_linear_svc_ops, "loss=hinge C=1000 tol=1e-10", x, ROWS, FEATURES,
               data()->two, 2);
    trial_fit_or_fail(&trial);
    assert_false(trial.report.converged);
    assert_int_equal(trial.report.iterations, 1000);
    assert_true(trial_warned(&trial, "scale the features"));
    trial_free(&trial);
}

static bool stop(void *ctx, double fraction)
{
    double *last = ctx;
    assert_true(fraction >= *last && fraction <= 1.0);
    *last = fraction;
    return false;
}

static void refused_fit(const char *settings, const double *x, const char *words)
{
    struct trial trial;
    trial_make(&trial, &trivet_linear_svc_ops, settings, x, ROWS, FEATURES, data()->two, 2);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    if (strstr(trial.err.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", trial.err.message, words);
    }
    trial_free(&trial);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const cancelled[] = {"", "loss=hinge", "penalty=l1", "solver=trust_region"};
    double huge[ROWS * FEATURES];
    trial_refuses(&trivet_linear_svc_ops, "loss=log", "squared_hinge, hinge");
    trial_refuses(&trivet_linear_svc_ops, "C=0", "C");
    trial_refuses(&trivet_linear_svr_ops, "epsilon=-1", "epsilon");
    refused_fit("penalty=l1 loss=hinge", data()->x, "loss=squared_hinge");
    refused_fit("penalty=l1 solver=newton", data()->x, "solver=coordinate_descent");
    refused_fit("loss=hinge solver=trust_region", data()->x, "loss=hinge");
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        huge[i] = 1e160 * data()->x[i];
    }
    refused_fit("", huge, "scale them");
    refused_fit("loss=hinge", huge, "scale them");
    for (size_t k = 0; k < sizeof cancelled / sizeof cancelled[0]; k++) {
        struct trial trial;
        double last = 0.0;
        trial_make(&trial, &trivet_linear_svc_ops, cancelled[k], data()->x, ROWS, FEATURES,
                   data()->two, 2);
        trial.context.progress = stop;
        trial.context.progress_ctx = &last;
        assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
        trial_free(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_scikit_learn),
        cmocka_unit_test(defaults),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(shortened_steps),
        cmocka_unit_test(repeatable),
        cmocka_unit_test(explained),
        cmocka_unit_test(not_converged_is_told),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
