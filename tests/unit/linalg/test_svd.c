/* Singular values and right vectors of tall, wide and rank-deficient matrices. */
#include "linalg/svd.h"

#include "base/rng.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define MOST 40

/* ||A v_k|| = s_k, A v_k are at right angles to each other, v_k too and of length 1, s descends. */
static void check(size_t n, size_t p, bool twice)
{
    double a[MOST * MOST];
    double kept[MOST * MOST];
    double s[MOST];
    double vt[MOST * MOST];
    double images[MOST][MOST];
    struct trivet_rng rng;
    struct trivet_error err = {0};
    trivet_rng_seed(&rng, 3);
    for (size_t i = 0; i < n * p; i++) {
        a[i] = normal_next(&rng);
    }
    for (size_t i = 0; twice && i < n; i++) {
        a[i * p + p - 1] = a[i * p]; /* the last column is the first one */
    }
    memcpy(kept, a, n * p * sizeof(double));
    assert_int_equal(trivet_linalg_svd_right((struct trivet_matrix){a, n, p, p}, s, vt, &err),
                     TRIVET_OK);
    size_t k = n < p ? n : p;
    for (size_t c = 0; c < k; c++) {
        for (size_t i = 0; i < n; i++) {
            images[c][i] = 0.0;
            for (size_t j = 0; j < p; j++) {
                images[c][i] += kept[i * p + j] * vt[c * p + j];
            }
        }
        assert_true(c == 0 || s[c] <= s[c - 1]);
        for (size_t d = 0; d <= c; d++) {
            double angle = 0.0;
            double image = 0.0;
            for (size_t j = 0; j < p; j++) {
                angle += vt[c * p + j] * vt[d * p + j];
            }
            for (size_t i = 0; i < n; i++) {
                image += images[c][i] * images[d][i];
            }
            assert_true(fabs(angle - (c == d ? 1.0 : 0.0)) < 1e-13);
            assert_true(fabs(image - (c == d ? s[c] * s[c] : 0.0)) < 1e-12 * s[0] * s[0]);
        }
    }
    assert_true(!twice || n < p || s[k - 1] < 1e-13 * s[0]);
}

static void tall_and_wide(void **state)
{
    (void)state;
    check(1, 1, false);
    check(40, 1, false);
    check(1, 40, false);
    check(12, 12, false);
    check(13, 12, false);
    check(40, 7, false);
    check(7, 40, false);
}

static void short_of_rank(void **state)
{
    (void)state;
    check(40, 7, true);
    check(12, 12, true);
    double a[6] = {0};
    double s[2] = {-1.0, -1.0};
    double vt[4];
    struct trivet_error err = {0};
    assert_int_equal(trivet_linalg_svd_right((struct trivet_matrix){a, 3, 2, 2}, s, vt, &err),
                     TRIVET_OK);
    assert_true(s[0] == 0.0 && s[1] == 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tall_and_wide),
        cmocka_unit_test(short_of_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
