/* Kernels of support vector machines against the C library in long double. */
#include "linalg/kernels.h"

#include "base/rng.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after its prerequisites */
#include <cmocka.h>

/* Not a multiple of any vector. */
#define N      1003
#define ROUNDS 100

static void near(double value, long double expected, double tolerance, double at)
{
    if (!(fabsl((long double)value - expected) <= (long double)tolerance)) {
        fail_msg("%.17g gives %.17g, expected %.17Lg", at, value, expected);
    }
}

static void exponential(void **state)
{
    (void)state;
    static const double widths[] = {708.0, 30.0, 1.0, 1e-9};
    struct trivet_rng rng;
    double x[N];
    double y[N];
    trivet_rng_seed(&rng, 1);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < N; i++) {
            y[i] = x[i] = widths[round % 4] * (2.0 * trivet_rng_uniform(&rng) - 1.0);
        }
        trivet_linalg_exp(y, N);
        for (size_t i = 0; i < N; i++) {
            long double expected = expl((long double)x[i]);
            near(y[i], expected, 2.0 * DBL_EPSILON * (double)expected, x[i]);
        }
    }
}

static void exponential_of_edges(void **state)
{
    (void)state;
    double x[8] = {0.0, -0.0, -708.5, -1e300, -INFINITY, 709.5, 1e300, INFINITY};
    trivet_linalg_exp(x, 8);
    assert_true(x[0] == 1.0 && x[1] == 1.0);
    assert_true(x[2] == 0.0 && x[3] == 0.0 && x[4] == 0.0);
    assert_true(isinf(x[5]) && isinf(x[6]) && isinf(x[7]));
}

static void radial(void **state)
{
    (void)state;
    struct trivet_rng rng;
    double dots[N];
    double kept[N];
    double norms[N];
    trivet_rng_seed(&rng, 2);
    for (size_t i = 0; i < N; i++) {
        norms[i] = 4.0 * trivet_rng_uniform(&rng);
        kept[i] = dots[i] = (2.0 * trivet_rng_uniform(&rng) - 1.0) * sqrt(3.0 * norms[i]);
    }
    trivet_linalg_kernel_rbf(dots, norms, 3.0, 0.7, N);
    for (size_t i = 0; i < N; i++) {
        long double distance2 = 3.0L + (long double)norms[i] - 2.0L * (long double)kept[i];
        near(dots[i], expl(-(long double)0.7 * distance2), 2e-15, kept[i]);
    }
    /* What rounding made negative is a distance of 0. */
    double same[1] = {1.0 + 1e-9};
    trivet_linalg_kernel_rbf(same, (const double[]){1.0}, 1.0, 1e9, 1);
    assert_true(same[0] == 1.0);
}

static void polynomial(void **state)
{
    (void)state;
    struct trivet_rng rng;
    double dots[N];
    double kept[N];
    trivet_rng_seed(&rng, 3);
    for (uint64_t degree = 0; degree <= 11; degree++) {
        for (size_t i = 0; i < N; i++) {
            kept[i] = dots[i] = 6.0 * trivet_rng_uniform(&rng) - 3.0;
        }
        trivet_linalg_kernel_polynomial(dots, 0.5, 0.25, degree, N);
        for (size_t i = 0; i < N; i++) {
            long double expected = powl(0.5L * (long double)kept[i] + 0.25L, (long double)degree);
            near(dots[i], expected, 16.0 * DBL_EPSILON * fabs((double)expected) + 1e-25, kept[i]);
        }
    }
    double zero[1] = {0.0};
    trivet_linalg_kernel_polynomial(zero, 1.0, 0.0, 0, 1);
    assert_true(zero[0] == 1.0);
}

static void sigmoid(void **state)
{
    (void)state;
    struct trivet_rng rng;
    double dots[N];
    double kept[N];
    trivet_rng_seed(&rng, 4);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < N; i++) {
            kept[i] = dots[i] =
                (round % 2 == 0 ? 40.0 : 1.0) * (2.0 * trivet_rng_uniform(&rng) - 1.0);
        }
        trivet_linalg_kernel_sigmoid(dots, 1.0, 0.0, N);
        for (size_t i = 0; i < N; i++) {
            near(dots[i], tanhl((long double)kept[i]), 4e-16, kept[i]);
        }
    }
    double far[2] = {-1e300, 1e300};
    trivet_linalg_kernel_sigmoid(far, 2.0, 1.0, 2);
    assert_true(far[0] == -1.0 && far[1] == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential), cmocka_unit_test(exponential_of_edges),
        cmocka_unit_test(radial),      cmocka_unit_test(polynomial),
        cmocka_unit_test(sigmoid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
