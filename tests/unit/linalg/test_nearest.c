/* The nearest of several points. */
#include "linalg/nearest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after its prerequisites */
#include <cmocka.h>

#define N      37
#define POINTS 5

static void nearest_of_five(void **state)
{
    (void)state;
    double scores[POINTS * N];
    double least[N];
    int64_t nearest[N];
    static const double offsets[POINTS] = {0.5, 0.0, -0.5, 0.25, 0.0};
    for (size_t i = 0; i < POINTS * N; i++) {
        scores[i] = (double)((i * 29) % 31) / 8.0; /* exact, with ties */
    }
    trivet_linalg_nearest((struct trivet_const_matrix){scores, POINTS, N, N}, offsets, least,
                          nearest);
    for (size_t i = 0; i < N; i++) {
        size_t best = 0;
        for (size_t j = 1; j < POINTS; j++) {
            best = scores[j * N + i] + offsets[j] < scores[best * N + i] + offsets[best] ? j : best;
        }
        assert_int_equal(nearest[i], best);
        assert_true(least[i] == scores[best * N + i] + offsets[best]);
    }
}

static void sums_of_the_least(void **state)
{
    (void)state;
    double scores[N];
    double norms[N];
    double closest[N];
    double taken[N];
    double expected = 0.0;
    for (size_t i = 0; i < N; i++) {
        scores[i] = -(double)(i % 11);
        norms[i] = (double)(i % 7);
        closest[i] = i == 5 ? (double)INFINITY : (double)(i % 5);
        double term = fmin(fmax(scores[i] + norms[i] + 2.5, 0.0), closest[i]);
        taken[i] = term;
        expected += term;
    }
    assert_true(trivet_linalg_sum_least(scores, norms, 2.5, closest, N) == expected);
    assert_true(trivet_linalg_take_least(scores, norms, 2.5, closest, N) == expected);
    assert_memory_equal(closest, taken, sizeof taken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_of_five),
        cmocka_unit_test(sums_of_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
