#include "profile/sort.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "support/normal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* As qsort has it, for counts on both sides of the switch between the methods. */
static void same_as_qsort(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 63, 64, 65, 1000, 50000};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 7);
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(counts); c++) {
        size_t count = counts[c];
        double *values = trivet_alloc_array(count, sizeof(*values));
        double *wanted = trivet_alloc_array(count, sizeof(*wanted));
        double *scratch = trivet_alloc_array(count, sizeof(*scratch));
        assert_true(values != NULL && wanted != NULL && scratch != NULL);
        for (size_t i = 0; i < count; i++) {
            double scale = i % 3 == 0 ? 1e-300 : i % 3 == 1 ? 1.0 : 1e300;
            values[i] = normal_next(&rng) * scale;
            wanted[i] = values[i];
        }
        trivet_profile_sort(values, scratch, count);
        qsort(wanted, count, sizeof(*wanted), compare_doubles);
        assert_memory_equal(values, wanted, count * sizeof(*values));
        trivet_free(values);
        trivet_free(wanted);
        trivet_free(scratch);
    }
}

static void extremes_and_equals(void **state)
{
    (void)state;
    enum { N = 128 };
    static const double some[] = {DBL_MAX, -DBL_MAX, 5e-324, -5e-324, 0.0, 1.0, 1.0, -1.0};
    double values[N];
    double scratch[N];
    for (size_t i = 0; i < N; i++) {
        values[i] = some[i % TRIVET_ARRAY_COUNT(some)];
    }
    trivet_profile_sort(values, scratch, N);
    for (size_t i = 1; i < N; i++) {
        assert_true(values[i - 1] <= values[i]);
    }
    assert_true(values[0] == -DBL_MAX && values[N - 1] == DBL_MAX);
    for (size_t i = 0; i < N; i++) {
        values[i] = 3.25;
    }
    trivet_profile_sort(values, scratch, N);
    assert_true(values[0] == 3.25 && values[N - 1] == 3.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_qsort),
        cmocka_unit_test(extremes_and_equals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
