/* Curves thinned for the pages. */
#include "monitor/remote/thin.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_short_curve(void **state)
{
    (void)state;
    double values[] = {3, 1, 2, 5};
    uint64_t iterations[4];
    assert_int_equal(trivet_remote_thin(values, 0, 4, iterations), 0);
    assert_int_equal(trivet_remote_thin(values, 4, 4, iterations), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(iterations[i], i + 1);
    }
    assert_true(values[1] == 1 && values[3] == 5);
}

/* Ends, order and spikes stay, wherever they are. */
static void test_long_curve(void **state)
{
    (void)state;
    enum { most = 10 };
    static double values[1000];
    for (size_t n = most + 1; n <= 1000; n += 7) {
        for (size_t spike = 0; spike < n; spike += 13) {
            uint64_t iterations[most];
            int seen = 0;
            for (size_t i = 0; i < n; i++) {
                values[i] = i == spike ? 1e9 : -(double)i;
            }
            size_t n_kept = trivet_remote_thin(values, n, most, iterations);
            assert_in_range(n_kept, 3, most);
            assert_int_equal(iterations[0], 1);
            assert_int_equal(iterations[n_kept - 1], n);
            for (size_t k = 0; k < n_kept; k++) {
                size_t at = (size_t)iterations[k] - 1;
                assert_true(k == 0 || iterations[k] > iterations[k - 1]);
                assert_true(values[k] == (at == spike ? 1e9 : -(double)at));
                seen += at == spike;
            }
            assert_int_equal(seen, 1);
        }
    }
}

static void test_no_numbers(void **state)
{
    (void)state;
    double values[] = {1, NAN, NAN, 7, NAN, -2, NAN, NAN, 4};
    uint64_t iterations[6];
    size_t n_kept = trivet_remote_thin(values, 9, 6, iterations);
    double least = INFINITY;
    double greatest = -INFINITY;
    for (size_t k = 0; k < n_kept; k++) {
        least = fmin(least, values[k]);
        greatest = fmax(greatest, values[k]);
    }
    assert_true(least == -2 && greatest == 7);
    for (size_t i = 0; i < 9; i++) {
        values[i] = NAN;
    }
    n_kept = trivet_remote_thin(values, 9, 6, iterations);
    assert_int_equal(iterations[n_kept - 1], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_curve),
        cmocka_unit_test(test_long_curve),
        cmocka_unit_test(test_no_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
