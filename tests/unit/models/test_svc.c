/* Support vector machines against SVC and SVR of scikit-learn 1.2. */
#include "trial.h"

#include "base/rng.h"
#include "models/svc.h"
#include "models/svm_coupling.h"
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
#define KERNELS  4
#define WIDE     240

/* i = np.arange(30); X = np.c_[(i * 7) % 11 / 5 - 1, (i * 5) % 13 / 6 - 1]
 * y = ((X[:, 0]**2 + X[:, 1]**2) * 1.7).astype(int).clip(0, 2)
 * b = (y > 0).astype(int); t = X[:, 0] * X[:, 1] + 0.3 * X[:, 0] */
struct data {
    double x[ROWS * FEATURES];
    double y[ROWS];
    double b[ROWS];
    double t[ROWS];
};

static const double asked[ASKED * FEATURES] = {0.1, -0.3, 0.7, 0.9, -0.8, 0.2, 1.5, -1.1};

static const char *const kernels[KERNELS] = {"linear", "poly", "rbf", "sigmoid"};

/* By kernel: SVC(kernel=…, C=3, tol=1e-6, coef0=0.5).fit(X, b).decision_function(asked) */
static const double bin[KERNELS][4] = {
    {1.000000152396948, 0.9999999045988908, 0.9999998793002254, 1.0000005834439634},
    {-2.284119285218176, 2.58192586683003, 1.0714914940425637, 11.366049456260566},
    {-2.122028278278, 1.9881973399012036, 0.9463263384520456, 2.0619477673628506},
    {2.8388292583209873, 4.257039554588481, 1.0694164814838225, -3.2113871068388473}};
/* The same with class_weight='balanced'. */
static const double bal[KERNELS][4] = {
    {-0.2842105009137666, -1.6736842668174359, 0.34736820589094175, -1.2526311758268815},
    {-2.6738077203626895, 3.424914491128261, 0.8669255608060471, 13.913925089940438},
    {-2.7317273232047716, 1.6833148034219156, 0.4370095877009321, 1.9031532297815512},
    {3.083668638524304, -2.5397855118824486, 1.5965094468074676, -3.959690836975806}};
/* SVC(…, decision_function_shape='ovo').fit(X, y).decision_function(asked) */
static const double ovo[KERNELS][12] = {
    {-0.9999999597012454, 0.6466666546463968, 1.000000086443634, -1.000000378354793,
     1.966666654646397, 0.9999998872252525, -1.0000001266979595, -0.18333334535360435,
     1.0000002768816814, -0.9999996922476428, 1.9266666546463975, 0.9999997912539131},
    {2.284119285218176, 1.4035475378137132, 2.9099281542912703, -2.58192586683003,
     1.560763348539525, 5.15540899373665, -1.0714914940425637, 0.6442459836042261,
     1.8579051696178381, -11.366049456260566, -4.506828886328284, -7.24328158463692},
    {2.122028278278, 1.7072774180007486, 2.3746923071607826, -1.9881973399012036,
     0.4972875102297939, 1.2680046410761867, -0.9463263384520456, 0.3406957399146361,
     1.3845356355983962, -2.0619477673628506, -1.1000921722049615, -0.6495472282373919},
    {-3.86852696972977, -0.7937569684178698, 1.4750029956793116, 0.37402623816578595,
     2.1971363957183976, 2.6724101252508223, 0.238045853242991, -1.386561916394505,
     0.662413246711751, -3.8689381068473456, 4.618742249788301, 6.789801019703425}};
/* SVR(…, epsilon=0.05).fit(X, t).predict(asked) */
static const double svr[KERNELS][4] = {
    {0.13000019686638392, 0.06454467658565326, 0.019090332326368906, 0.30454687644032746},
    {-0.009373063774365467, 0.7825144908022799, -0.3262131825497712, -0.8327397955223077},
    {-0.039187398636661805, 0.6948839514204431, -0.3871897067433429, -0.2713445321413183},
    {3.5134617670178505, -5.913669790571166, 6.172918272757469, 10.866468593171456}};

static const struct data *data(void)
{
    static struct data made;
    for (size_t i = 0; i < ROWS; i++) {
        double u = (double)((i * 7) % 11) / 5.0 - 1.0;
        double v = (double)((i * 5) % 13) / 6.0 - 1.0;
        made.x[i * FEATURES] = u;
        made.x[i * FEATURES + 1] = v;
        made.y[i] = fmin(floor((u * u + v * v) * 1.7), 2.0);
        made.b[i] = made.y[i] > 0.0 ? 1.0 : 0.0;
        made.t[i] = u * v + 0.3 * u;
    }
    return &made;
}

/* Fits, predicts `asked` before and after saving and loading. */
static void check(const struct trivet_estimator_ops *ops, const char *settings, const double *y,
                  size_t n_classes, enum trivet_output_kind kind, const double *expected)
{
    struct trial trial;
    double out[ASKED * 3];
    double again[ASKED * 3];
    trial_make(&trial, ops, settings, data()->x, ROWS, FEATURES, y, n_classes);
    trial_fit_or_fail(&trial);
    assert_true(trial.report.converged && trial.report.iterations > 0);
    assert_true(trial_fact(&trial, "support_vectors") > 0.0);
    assert_int_equal(ops->output_kind(trial.state), kind);
    size_t n = ASKED * ops->n_outputs(trial.state);
    trial_predict(&trial, asked, ASKED, out);
    trial_near(out, expected, n, 1e-6);
    trial_reload(&trial);
    trial_predict(&trial, asked, ASKED, again);
    assert_memory_equal(out, again, n * sizeof(double));
    for (size_t i = 0; i < ASKED; i++) {
        trial_predict(&trial, &asked[i * FEATURES], 1, again);
        trial_near(again, &out[i * n / ASKED], n / ASKED, 1e-13);
    }
    assert_true(ops->memory_bytes(trial.state) > n);
    trial_free(&trial);
}

static void each_kernel(void **state)
{
    (void)state;
    for (size_t k = 0; k < KERNELS; k++) {
        char text[96];
        snprintf(text, sizeof text, "kernel=%s C=3 tol=1e-6 coef0=0.5", kernels[k]);
        check(&trivet_svc_ops, text, data()->b, 2, TRIVET_OUTPUT_MARGINS, bin[k]);
        check(&trivet_svc_ops, text, data()->y, 3, TRIVET_OUTPUT_PAIR_MARGINS, ovo[k]);
        snprintf(text, sizeof text, "kernel=%s C=3 tol=1e-6 coef0=0.5 class_weight=balanced",
                 kernels[k]);
        check(&trivet_svc_ops, text, data()->b, 2, TRIVET_OUTPUT_MARGINS, bal[k]);
        snprintf(text, sizeof text, "kernel=%s C=3 tol=1e-6 coef0=0.5 epsilon=0.05", kernels[k]);
        check(&trivet_svr_ops, text, data()->t, 0, TRIVET_OUTPUT_VALUE, svr[k]);
        snprintf(text, sizeof text, "kernel=%s C=3 tol=1e-6 coef0=0.5 shrinking=false cache_mb=1",
                 kernels[k]);
        check(&trivet_svc_ops, text, data()->b, 2, TRIVET_OUTPUT_MARGINS, bin[k]);
    }
}

static void widths_of_the_kernel(void **state)
{
    (void)state;
    /* SVC(gamma='auto', tol=1e-6).fit(X, b) */
    static const double automatic[ASKED] = {0.2250942432400158, 1.2513672428811824,
                                            0.9535949858846442, 1.7024931111422061};
    check(&trivet_svc_ops, "gamma=auto tol=1e-6", data()->b, 2, TRIVET_OUTPUT_MARGINS, automatic);
    check(&trivet_svc_ops, "gamma=0.5 tol=1e-6", data()->b, 2, TRIVET_OUTPUT_MARGINS, automatic);
    struct trial trial;
    trial_make(&trial, &trivet_svc_ops, "tol=1e-6", data()->x, ROWS, FEATURES, data()->b, 2);
    trial_fit_or_fail(&trial);
    trial_close(trial_fact(&trial, "gamma"), 1.2407983694990312, 1e-14); /* scale */
    trial_close(trial_fact(&trial, "support_vectors"), 19, 0);
    trial_free(&trial);
}

/* Classes 0 to n_classes - 1 round a circle of radius 2, overlapping; FEATURES + 1 wide. */
static void make_circle(size_t n_classes, double *x, double *y)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 3);
    for (size_t i = 0; i < WIDE; i++) {
        double angle = 6.283185307179586 * (double)(i % n_classes) / (double)n_classes;
        y[i] = (double)(i % n_classes);
        x[3 * i] = 2.0 * cos(angle) + normal_next(&rng);
        x[3 * i + 1] = 2.0 * sin(angle) + normal_next(&rng);
        x[3 * i + 2] = normal_next(&rng);
    }
}

/* Probabilities sum to 1, mean something on the training rows, and follow from the seed. */
static void probabilities_of(size_t n_classes, double right_least)
{
    double x[3 * WIDE];
    double y[WIDE];
    double out[5 * WIDE];
    double again[5 * WIDE];
    struct trial trial;
    make_circle(n_classes, x, y);
    trial_make(&trial, &trivet_svc_ops, "probability=true", x, WIDE, 3, y, n_classes);
    trial_fit_or_fail(&trial);
    assert_int_equal(trial.ops->output_kind(trial.state), TRIVET_OUTPUT_PROBABILITIES);
    assert_int_equal(trial.ops->n_outputs(trial.state), n_classes);
    trial_predict(&trial, x, WIDE, out);
    double loss = 0.0;
    for (size_t i = 0; i < WIDE; i++) {
        double sum = 0.0;
        for (size_t k = 0; k < n_classes; k++) {
            assert_true(out[i * n_classes + k] > 0.0);
            sum += out[i * n_classes + k];
        }
        trial_close(sum, 1.0, 1e-12);
        loss -= log(out[i * n_classes + (size_t)y[i]]) / WIDE;
    }
    if (!(exp(-loss) > right_least)) {
        fail_msg("%zu classes: log loss %g", n_classes, loss);
    }
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    trial_reload(&trial);
    trial_predict(&trial, x, WIDE, again);
    assert_memory_equal(out, again, n_classes * WIDE * sizeof(double));
    trial_free(&trial);
}

static void probabilities(void **state)
{
    (void)state;
    probabilities_of(2, 0.8);
    probabilities_of(3, 0.65);
    probabilities_of(5, 0.45);
}

static void coupling(void **state)
{
    (void)state;
    /* The optimality conditions, solved by numpy.linalg.solve: Q p + b = 0, sum p = 1. */
    static const double r[16] = {0, .7, .9, .4, .3, 0, .2, .35, .1, .8, 0, .55, .6, .65, .45, 0};
    static const double expected[4] = {0.35597530980529896, 0.13958253247427704,
                                       0.16747009561052498, 0.3369720621098991};
    double p[4];
    double scratch[20];
    assert_int_equal(trivet_svm_coupling_scratch(4), 20);
    trivet_svm_couple(r, 4, p, scratch);
    trial_near(p, expected, 4, 1e-11);
    /* Consistent pairs give the probabilities that they are of. */
    static const double of[3] = {0.5, 0.3, 0.2};
    double pairs[9] = {0};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            pairs[3 * i + j] = i == j ? 0.0 : of[i] / (of[i] + of[j]);
        }
    }
    trivet_svm_couple(pairs, 3, p, scratch);
    trial_near(p, of, 3, 1e-11);
}

/* A large offset of a column costs nothing; blocks of rows and tiles of vectors meet. */
static void offset_and_blocks(void **state)
{
    (void)state;
    double x[3 * WIDE];
    double y[WIDE];
    double plain[WIDE];
    double moved[WIDE];
    struct trial trial;
    make_circle(2, x, y);
    for (size_t i = 0; i < 3 * WIDE; i++) {
        x[i] = (x[i] + 1e6) - 1e6;
    }
    trial_make(&trial, &trivet_svc_ops, "gamma=4", x, WIDE, 3, y, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, x, WIDE, plain);
    for (size_t i = 0; i < WIDE; i++) {
        trial_predict(&trial, &x[3 * i], 1, &moved[i]);
    }
    trial_near(moved, plain, WIDE, 1e-12);
    trial_free(&trial);
    for (size_t i = 0; i < 3 * WIDE; i++) {
        x[i] += 1e6;
    }
    trial_make(&trial, &trivet_svc_ops, "gamma=4", x, WIDE, 3, y, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, x, WIDE, moved);
    trial_near(moved, plain, WIDE, 1e-12);
    trial_free(&trial);
}

/* Columns of zeros change nothing but what is stored for libsvm. */
static void sparse_rows(void **state)
{
    (void)state;
    enum { WIDTH = 32 };
    static double wide[ROWS * WIDTH];
    double narrow_out[ROWS];
    double wide_out[ROWS];
    struct trial trial;
    for (size_t i = 0; i < ROWS; i++) {
        wide[i * WIDTH + 3] = data()->x[i * FEATURES];
        wide[i * WIDTH + 30] = data()->x[i * FEATURES + 1];
    }
    trial_make(&trial, &trivet_svc_ops, "gamma=0.7", data()->x, ROWS, FEATURES, data()->b, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, data()->x, ROWS, narrow_out);
    trial_free(&trial);
    trial_make(&trial, &trivet_svc_ops, "gamma=0.7", wide, ROWS, WIDTH, data()->b, 2);
    trial_fit_or_fail(&trial);
    trial_predict(&trial, wide, ROWS, wide_out);
    trial_near(wide_out, narrow_out, ROWS, 1e-12);
    trial_free(&trial);
}

static void regression_without_vectors(void **state)
{
    (void)state;
    double out[ASKED];
    double y[ROWS];
    struct trial trial;
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = 42.0;
    }
    trial_make(&trial, &trivet_svr_ops, "", data()->x, ROWS, FEATURES, y, 0);
    trial_fit_or_fail(&trial);
    trial_close(trial_fact(&trial, "support_vectors"), 0, 0);
    trial_reload(&trial);
    trial_predict(&trial, asked, ASKED, out);
    trial_near(out, y, ASKED, 0.1 + 1e-12); /* epsilon */
    trial_free(&trial);
}

static bool stop(void *ctx, double fraction)
{
    double *last = ctx;
    assert_true(fraction >= *last && fraction <= 1.0);
    *last = fraction;
    return false;
}

static void refusals(void **state)
{
    (void)state;
    struct trial trial;
    double last = 0.0;
    double huge[ROWS * FEATURES];
    trial_refuses(&trivet_svc_ops, "kernel=cosine", "linear, poly, rbf, sigmoid");
    trial_refuses(&trivet_svc_ops, "C=0", "(0, inf)");
    trial_refuses(&trivet_svc_ops, "gamma=wide", "scale, auto");
    trial_refuses(&trivet_svr_ops, "epsilon=-1", "epsilon");
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        huge[i] = 1e12 * data()->x[i];
    }
    trial_make(&trial, &trivet_svc_ops, "kernel=poly gamma=1", huge, ROWS, FEATURES, data()->b, 2);
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "scale the features"));
    trial_free(&trial);
    trial_make(&trial, &trivet_svc_ops, "", data()->x, ROWS, FEATURES, data()->b, 2);
    trial.context.progress = stop;
    trial.context.progress_ctx = &last;
    assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
    trial_free(&trial);
}

/* A kernel so narrow that every row stands alone is said. */
static void warnings(void **state)
{
    (void)state;
    struct trial trial;
    trial_make(&trial, &trivet_svc_ops, "gamma=1e6", data()->x, ROWS, FEATURES, data()->b, 2);
    trial_fit_or_fail(&trial);
    assert_true(trial_warned(&trial, "every row is a support vector"));
    trial_free(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kernel),       cmocka_unit_test(widths_of_the_kernel),
        cmocka_unit_test(probabilities),     cmocka_unit_test(coupling),
        cmocka_unit_test(offset_and_blocks), cmocka_unit_test(regression_without_vectors),
        cmocka_unit_test(refusals),          cmocka_unit_test(sparse_rows),
        cmocka_unit_test(warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
