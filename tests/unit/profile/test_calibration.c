/* Which classifiers are believed: calibrated ones and others, and how many rows that takes. */
#include "profile/calibration.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#define ROWS_MAX 2000

static double confidence[ROWS_MAX];
static bool right[ROWS_MAX];
static char why[TRIVET_CALIBRATION_TEXT_BYTES];

/* Confidences from 0.5 to 1; right as often as they say, less `too_sure`. */
static Trivet__V1__Calibration draw(struct trivet_rng *rng, size_t n_rows, double too_sure)
{
    Trivet__V1__Calibration out;
    for (size_t i = 0; i < n_rows; i++) {
        confidence[i] = 1.0 - 0.5 * trivet_rng_uniform(rng);
        right[i] = trivet_rng_uniform(rng) < confidence[i] - too_sure;
    }
    trivet_calibration_measure(confidence, right, n_rows, &out);
    return out;
}

static void test_numbers(void **state)
{
    (void)state;
    static const double sure[] = {0.6, 0.64, 0.9, 0.95, 1.0};
    static const bool is_right[] = {true, false, true, true, false};
    Trivet__V1__Calibration out;
    trivet_calibration_measure(sure, is_right, 5, &out);
    assert_int_equal(out.rows, 5);
    assert_true(fabs(out.confidence - 4.09 / 5) < 1e-12);
    assert_true(fabs(out.accuracy - 0.6) < 1e-12);
    /* |1 - 1.24| and |2 - 2.85| */
    assert_true(fabs(out.calibration_error - 1.09 / 5) < 1e-12);
    assert_true(trivet_calibration_is_sound(&out));
    assert_true(fabs(trivet_calibration_expect(&out, 0.7) - (0.7 + 0.6 - 0.818)) < 1e-12);
    assert_true(trivet_calibration_expect(&out, 0.0) == 0.0);
}

static void test_who_is_believed(void **state)
{
    (void)state;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    int n_good = 0;
    int n_beyond_chance = 0;
    int n_bad = 0;
    for (int i = 0; i < 1000; i++) {
        Trivet__V1__Calibration calibration = draw(&rng, 500, 0);
        n_good += trivet_calibration_is_good(&calibration, why);
        n_beyond_chance += calibration.calibration_error > calibration.calibration_error_by_chance;
        calibration = draw(&rng, 500, 0.15);
        n_bad += !trivet_calibration_is_good(&calibration, why);
    }
    print_message(
        "of 1000 calibrated ones %d believed, %d beyond chance; of 1000 that are 0.15 too "
        "sure %d not\n",
        n_good, n_beyond_chance, n_bad);
    assert_true(n_good >= 980);
    assert_true(n_beyond_chance <= 20);
    assert_true(n_bad >= 990);
    assert_non_null(strstr(why, "not calibrated: on 500 held-out rows"));
}

static void test_what_is_not_known(void **state)
{
    (void)state;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 6);
    assert_false(trivet_calibration_is_good(NULL, why));
    assert_non_null(strstr(why, "by an older Trivet"));
    Trivet__V1__Calibration calibration = draw(&rng, TRIVET_CALIBRATION_ROWS_MIN - 1, 0);
    assert_false(trivet_calibration_is_good(&calibration, why));
    assert_non_null(strstr(why, "59 held-out rows are too few"));
    calibration = draw(&rng, 500, 0);
    assert_true(trivet_calibration_is_good(&calibration, why));
    assert_string_equal(why, "");
    calibration.accuracy = (double)NAN;
    assert_false(trivet_calibration_is_sound(&calibration));
    assert_false(trivet_calibration_is_good(&calibration, why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_who_is_believed),
        cmocka_unit_test(test_what_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
