/* Least squares against scikit-learn's numbers, and where the design is hard. */
#include "base/alloc.h"
#include "base/rng.h"
#include "linalg/least_squares.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 40
#define COLS 4

/* One problem with its own memory. */
struct problem {
    double *x;
    double *y;
    double *w;
    bool *constant;
    struct trivet_least_squares_problem problem;
    struct trivet_least_squares_solution solution;
};

static void problem_make(struct problem *p, size_t n_rows, size_t n_cols)
{
    *p = (struct problem){0};
    p->x = trivet_calloc(n_rows * n_cols, sizeof(double));
    p->y = trivet_calloc(n_rows, sizeof(double));
    p->w = trivet_calloc(n_cols, sizeof(double));
    p->constant = trivet_calloc(n_cols, sizeof(bool));
    assert_non_null(p->x);
    assert_non_null(p->y);
    assert_non_null(p->w);
    assert_non_null(p->constant);
    p->problem = (struct trivet_least_squares_problem){
        .x = {p->x, n_rows, n_cols, n_cols}, .y = p->y, .intercept = true};
    p->solution =
        (struct trivet_least_squares_solution){.coefficients = p->w, .constant = p->constant};
}

static void problem_free(struct problem *p)
{
    trivet_free(p->x);
    trivet_free(p->y);
    trivet_free(p->w);
    trivet_free(p->constant);
}

static void solve(struct problem *p)
{
    struct trivet_error err = {0};
    enum trivet_status status = trivet_least_squares_solve(&p->problem, &p->solution, &err);
    if (status != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

static void random_design(struct problem *p, uint64_t seed)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    size_t n = p->problem.x.n_rows;
    for (size_t i = 0; i < n * p->problem.x.n_cols; i++) {
        p->x[i] = normal_next(&rng);
    }
    for (size_t i = 0; i < n; i++) {
        p->y[i] = normal_next(&rng);
    }
}

/* i = np.arange(40.)[:,None]; j = np.arange(1.,5.)[None,:]; y = np.arange(40) % 7.
 * X = np.sin(i*j) * [1,10,0.1,3] + [0,5,1e6,-2] */
static void reference_design(struct problem *p)
{
    static const double scale[COLS] = {1.0, 10.0, 0.1, 3.0};
    static const double offset[COLS] = {0.0, 5.0, 1e6, -2.0};
    problem_make(p, ROWS, COLS);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < COLS; j++) {
            p->x[i * COLS + j] = sin((double)i * (double)(j + 1)) * scale[j] + offset[j];
        }
        p->y[i] = (double)(i % 7);
    }
}

static void assert_near(double value, double expected, double relative)
{
    double scale = fabs(expected) > 1e-300 ? fabs(expected) : 1.0;
    if (!(fabs(value - expected) <= relative * scale)) {
        fail_msg("%.17g is not %.17g", value, expected);
    }
}

static void assert_solution(const struct problem *p, const double *w, double intercept)
{
    for (size_t j = 0; j < p->problem.x.n_cols; j++) {
        assert_near(p->solution.coefficients[j], w[j], 1e-8);
    }
    assert_near(p->solution.intercept, intercept, 1e-8);
}

static void ols_as_scikit_learn(void **state)
{
    (void)state;
    /* LinearRegression().fit(X, y) */
    static const double w[COLS] = {0.017595568950109303, -0.013442818432619637, 0.10750541593821517,
                                   -0.043550451004385586};
    struct problem p;
    reference_design(&p);
    solve(&p);
    assert_solution(&p, w, -107502.5602228583);
    assert_int_equal(p.solution.rank, 4);
    assert_near(p.solution.condition_number, 95.382824564712803, 1e-9);
    problem_free(&p);
}

static void ridge_as_scikit_learn(void **state)
{
    (void)state;
    /* Ridge(1.0).fit(X, y) */
    static const double w[COLS] = {0.016615541578319078, -0.013424611001421834,
                                   0.018941382311498247, -0.04324318689644934};
    struct problem p;
    reference_design(&p);
    p.problem.alpha = 1.0;
    solve(&p);
    assert_solution(&p, w, -18938.526098154725);
    problem_free(&p);
}

static void without_intercept_as_scikit_learn(void **state)
{
    (void)state;
    /* LinearRegression(fit_intercept=False), Ridge(0.25, fit_intercept=False) */
    static const double ols[COLS] = {0.01740881364997569, -0.013425481349619574,
                                     2.8557364871436622e-06, -0.043461141890049425};
    static const double ridge[COLS] = {0.017194974367108675, -0.013424479248111952,
                                       2.855857086250372e-06, -0.043402546838260864};
    struct problem p;
    reference_design(&p);
    p.problem.intercept = false;
    solve(&p);
    assert_solution(&p, ols, 0.0);
    assert_true(p.solution.intercept == 0.0);
    problem_free(&p);
    reference_design(&p);
    p.problem.intercept = false;
    p.problem.alpha = 0.25;
    solve(&p);
    assert_solution(&p, ridge, 0.0);
    problem_free(&p);
}

/* The third column is the sum of the others: of all solutions the least norm is orthogonal to
 * (1, 1, -1). */
static void collinear_gives_least_norm(void **state)
{
    (void)state;
    struct problem p;
    problem_make(&p, 50, 3);
    random_design(&p, 11);
    for (size_t i = 0; i < 50; i++) {
        double *row = &p.x[i * 3];
        row[2] = row[0] + row[1];
        p.y[i] = 2.0 * row[0] - row[1] + 5.0;
    }
    solve(&p);
    assert_int_equal(p.solution.rank, 2);
    assert_near(p.w[0] + p.w[2], 2.0, 1e-12);
    assert_near(p.w[1] + p.w[2], -1.0, 1e-12);
    assert_true(fabs(p.w[0] + p.w[1] - p.w[2]) < 1e-12);
    assert_near(p.solution.intercept, 5.0, 1e-12);
    problem_free(&p);
}

static void wide_design_interpolates(void **state)
{
    (void)state;
    struct problem p;
    problem_make(&p, 6, 9);
    random_design(&p, 12);
    double x[6 * 9];
    memcpy(x, p.x, sizeof x);
    solve(&p);
    assert_int_equal(p.solution.rank, 5);
    for (size_t i = 0; i < 6; i++) {
        double sum = p.solution.intercept;
        for (size_t j = 0; j < 9; j++) {
            sum += x[i * 9 + j] * p.w[j];
        }
        assert_true(fabs(sum - p.y[i]) < 1e-12);
    }
    problem_free(&p);
}

static void one_row_gives_its_value(void **state)
{
    (void)state;
    struct problem p;
    problem_make(&p, 1, 3);
    random_design(&p, 13);
    solve(&p);
    assert_int_equal(p.solution.rank, 0);
    assert_true(p.solution.condition_number == 0.0);
    for (size_t j = 0; j < 3; j++) {
        assert_true(p.constant[j]);
        assert_true(p.w[j] == 0.0);
    }
    assert_true(p.solution.intercept == p.y[0]);
    problem_free(&p);
}

static void constant_column_is_told(void **state)
{
    (void)state;
    struct problem p;
    problem_make(&p, 30, 2);
    random_design(&p, 14);
    for (size_t i = 0; i < 30; i++) {
        p.x[i * 2 + 1] = 0.1;
        p.y[i] = 3.0 * p.x[i * 2] + 1.0;
    }
    solve(&p);
    assert_int_equal(p.solution.rank, 1);
    assert_false(p.constant[0]);
    assert_true(p.constant[1]);
    assert_near(p.w[0], 3.0, 1e-12);
    assert_true(p.w[1] == 0.0);
    problem_free(&p);
}

/* A mean of 1e6 costs a deviation of 1 nothing: coefficients are those without the offset. */
static void offset_keeps_digits(void **state)
{
    (void)state;
    struct problem plain;
    struct problem moved;
    problem_make(&plain, 5000, 3);
    problem_make(&moved, 5000, 3);
    random_design(&plain, 15);
    for (size_t i = 0; i < 5000 * 3; i++) {
        moved.x[i] = plain.x[i] + 1e6;
        plain.x[i] = moved.x[i] - 1e6; /* exactly what is left of it */
    }
    memcpy(moved.y, plain.y, 5000 * sizeof(double));
    solve(&plain);
    solve(&moved);
    for (size_t j = 0; j < 3; j++) {
        assert_near(moved.w[j], plain.w[j], 1e-10);
    }
    problem_free(&plain);
    problem_free(&moved);
}

/* Nearly the same column, condition about 2 / e: true coefficients come back as far as the numbers
 * allow, through the normal equations (e = 1e-3) and through the SVD (e = 1e-7). */
static void ill_conditioned(void **state)
{
    (void)state;
    static const double epsilon[] = {1e-1, 1e-3, 1e-4, 1e-5, 1e-7};
    for (size_t k = 0; k < sizeof epsilon / sizeof epsilon[0]; k++) {
        struct problem p;
        problem_make(&p, 700, 3);
        random_design(&p, 16 + k);
        for (size_t i = 0; i < 700; i++) {
            double *row = &p.x[i * 3];
            row[1] = row[0] + epsilon[k] * row[1];
            p.y[i] = row[0] + 2.0 * row[1] + 3.0 * row[2] + 4.0;
        }
        solve(&p);
        assert_int_equal(p.solution.rank, 3);
        assert_true(p.solution.condition_number > 0.5 / epsilon[k]);
        double tolerance = 1e-13 * p.solution.condition_number;
        for (size_t j = 0; j < 3; j++) {
            assert_near(p.w[j], (double)(j + 1), tolerance);
        }
        problem_free(&p);
    }
}

static bool stop(void *ctx, double fraction)
{
    assert_true(fraction >= 0.0 && fraction <= 1.0);
    int *left = ctx;
    return (*left)-- > 0;
}

static void cancelled_at_any_point(void **state)
{
    (void)state;
    enum trivet_status status = TRIVET_CANCELLED;
    for (int calls = 0; calls < 50 && status == TRIVET_CANCELLED; calls++) {
        struct problem p;
        struct trivet_error err = {0};
        int left = calls;
        problem_make(&p, 2000, 3);
        random_design(&p, 17);
        for (size_t i = 0; i < 2000; i++) {
            p.x[i * 3] = p.x[i * 3 + 1];
        }
        p.problem.progress = stop;
        p.problem.progress_ctx = &left;
        status = trivet_least_squares_solve(&p.problem, &p.solution, &err);
        assert_true(status == TRIVET_CANCELLED || (status == TRIVET_OK && calls > 1));
        problem_free(&p);
    }
    assert_int_equal(status, TRIVET_OK);
}

static void refused(void **state)
{
    (void)state;
    struct problem p;
    struct trivet_error err = {0};
    problem_make(&p, 3, 2);
    random_design(&p, 18);
    p.problem.x.n_rows = 0;
    assert_int_equal(trivet_least_squares_solve(&p.problem, &p.solution, &err),
                     TRIVET_INVALID_ARGUMENT);
    p.problem.x.n_rows = 3;
    p.x[0] = 1e308;
    p.x[2] = -1e308;
    assert_int_equal(trivet_least_squares_solve(&p.problem, &p.solution, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "feature 0"));
    p.x[0] = 1.0;
    p.x[2] = 1.0;
    p.y[0] = 1.5e308;
    p.y[1] = -1.5e308;
    assert_int_equal(trivet_least_squares_solve(&p.problem, &p.solution, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "target"));
    problem_free(&p);
}

/* Squares beyond the range of a double go through QR and SVD, which scale. */
static void huge_values_are_solved(void **state)
{
    (void)state;
    struct problem p;
    problem_make(&p, 60, 2);
    random_design(&p, 19);
    for (size_t i = 0; i < 60; i++) {
        p.x[2 * i] *= 1e200;
        p.x[2 * i + 1] *= 1e200;
        p.y[i] = 3.0 * (p.x[2 * i] / 1e200) + 1.0;
    }
    solve(&p);
    assert_near(p.w[0], 3e-200, 1e-10);
    problem_free(&p);
}

static void allocation_failures(void **state)
{
    (void)state;
    for (int collinear = 0; collinear < 2; collinear++) {
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        for (uint64_t k = 1; status != TRIVET_OK; k++) {
            struct problem p;
            struct trivet_error err = {0};
            problem_make(&p, 20, 3);
            random_design(&p, 20);
            for (size_t i = 0; collinear == 1 && i < 20; i++) {
                p.x[3 * i] = p.x[3 * i + 1];
            }
            trivet_alloc_fail_at(k);
            status = trivet_least_squares_solve(&p.problem, &p.solution, &err);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
            problem_free(&p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ols_as_scikit_learn),
        cmocka_unit_test(ridge_as_scikit_learn),
        cmocka_unit_test(without_intercept_as_scikit_learn),
        cmocka_unit_test(collinear_gives_least_norm),
        cmocka_unit_test(wide_design_interpolates),
        cmocka_unit_test(one_row_gives_its_value),
        cmocka_unit_test(constant_column_is_told),
        cmocka_unit_test(offset_keeps_digits),
        cmocka_unit_test(ill_conditioned),
        cmocka_unit_test(cancelled_at_any_point),
        cmocka_unit_test(refused),
        cmocka_unit_test(huge_values_are_solved),
        cmocka_unit_test(allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
