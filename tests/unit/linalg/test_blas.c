/* The BLAS that is linked, and the dot product of the hot path. */
#include "base/rng.h"
#include "linalg/affine.h"
#include "linalg/blas.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define N_MAX 70

static void kernel_has_a_name(void **state)
{
    (void)state;
    char advice[256] = "";
    trivet_blas_init();
    assert_true(strlen(trivet_blas_kernel()) > 0);
    assert_non_null(strstr(trivet_blas_description(), "OpenBLAS"));
    if (trivet_blas_is_below_cpu(advice, sizeof advice)) {
        assert_non_null(strstr(advice, trivet_blas_kernel()));
    } else {
        assert_string_equal(advice, "");
    }
}

static void fill(double *values, size_t n, uint64_t seed)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        values[i] = normal_next(&rng);
    }
}

static void dot_of_every_length(void **state)
{
    (void)state;
    double a[N_MAX];
    double b[N_MAX];
    fill(a, N_MAX, 1);
    fill(b, N_MAX, 2);
    for (size_t n = 0; n <= N_MAX; n++) {
        double expected = 0.0;
        for (size_t i = 0; i < n; i++) {
            expected += a[i] * b[i];
        }
        assert_true(fabs(trivet_linalg_dot(a, b, n) - expected) <= 1e-13 * (double)(n + 1));
    }
}

/* Rows of a batch at any address and stride equal the row alone, bit by bit. */
static void affine_batch_equals_single(void **state)
{
    (void)state;
    enum { ROWS = 13, COLS = 19, STRIDE = 21 };
    double x[ROWS * STRIDE];
    double w[COLS];
    double out[2 * ROWS];
    fill(x, ROWS * STRIDE, 3);
    fill(w, COLS, 4);
    trivet_linalg_affine((struct trivet_const_matrix){x, ROWS, COLS, STRIDE}, w, 0.5, out, 2);
    for (size_t i = 0; i < ROWS; i++) {
        double row[COLS];
        double single;
        memcpy(row, &x[i * STRIDE], sizeof row);
        trivet_linalg_affine((struct trivet_const_matrix){row, 1, COLS, COLS}, w, 0.5, &single, 1);
        assert_memory_equal(&single, &out[2 * i], sizeof single);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_has_a_name),
        cmocka_unit_test(dot_of_every_length),
        cmocka_unit_test(affine_batch_equals_single),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
