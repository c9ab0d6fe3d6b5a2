/* Steps that look back, against pandas; and a long table against its own rows. */
#include "fixture.h"

#include "base/alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 10
#define LONG 9001 /* three slices of a prediction */
#define NONE (-99.0)

static const double series[ROWS] = {3, 1, 4, 1, 5, NAN, 2, 6, 5, 3.5};
static const double target[ROWS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11};

/* The step on the series; NONE stands where a value is missing. */
static void made_by(const char *transformer, const char *const parameters[][2],
                    const char *const *names, double *x)
{
    struct trivet_column columns[] = {fixture_numbers("s", series), fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, transformer, NULL, NULL, NULL);
    for (size_t k = 0; parameters[k][0] != NULL; k++) {
        fixture_spec_step_parameter(&spec, parameters[k][0], parameters[k][1]);
    }
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    fixture_spec_step_parameter(&spec, "fill_value", "-99");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    for (size_t k = 0; names[k] != NULL; k++) {
        assert_string_equal(trivet_pipeline_feature_name(pipeline, k), names[k]);
        assert_int_equal(trivet_pipeline_n_features(pipeline) > k, true);
    }
    fixture_transform(pipeline, &table, x, rows);
    trivet_pipeline_free(pipeline);
}

static void lags(void **state)
{
    (void)state;
    static const char *const kept[][2] = {{"lags", "1,3"}, {NULL, NULL}};
    static const char *const kept_names[] = {"s", "s lag 1", "s lag 3", NULL};
    static const char *const alone[][2] = {{"keep", "false"}, {NULL, NULL}};
    static const char *const alone_names[] = {"s lag 1", NULL};
    double x[ROWS * 3];
    made_by("lag", kept, kept_names, x);
    for (size_t i = 0; i < ROWS; i++) {
        double expected[3] = {series[i], i < 1 ? NAN : series[i - 1], i < 3 ? NAN : series[i - 3]};
        for (size_t k = 0; k < 3; k++) {
            assert_true(x[i * 3 + k] == (isnan(expected[k]) ? NONE : expected[k]));
        }
    }
    made_by("lag", alone, alone_names, x);
    assert_true(x[0] == NONE && x[1] == 3.0 && x[6] == NONE && x[9] == 5.0);
}

/* getattr(s.shift(1).rolling(3), statistic)(); rows 3, 4, 5 and 9 have a value. */
static void rolling(void **state)
{
    (void)state;
    static const struct {
        const char *statistic;
        double at[4];
    } cases[] = {
        {"mean", {2.6666666666666665, 2.0, 3.3333333333333335, 4.333333333333333}},
        {"sum", {8.0, 6.0, 10.0, 13.0}},
        {"min", {1.0, 1.0, 1.0, 2.0}},
        {"max", {4.0, 4.0, 5.0, 6.0}},
        {"std", {1.5275252316519468, 1.7320508075688772, 2.0816659994661326, 2.081665999466133}},
    };
    static const size_t present[4] = {3, 4, 5, 9};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const char *const parameters[][2] = {
            {"statistic", cases[c].statistic}, {"keep", "false"}, {NULL, NULL}};
        static const char *const names[] = {NULL};
        double x[ROWS];
        made_by("rolling_window", parameters, names, x);
        size_t n_none = 0;
        for (size_t i = 0; i < ROWS; i++) {
            n_none += x[i] == NONE ? 1 : 0;
        }
        assert_int_equal(n_none, ROWS - 4);
        for (size_t k = 0; k < 4; k++) {
            fixture_near(x[present[k]], cases[c].at[k], 1e-15);
        }
    }
    /* s.rolling(2).mean() */
    static const char *const parameters[][2] = {{"window", "2"}, {"shift", "0"}, {NULL, NULL}};
    static const char *const names[] = {"s", "s mean 2", NULL};
    static const double expected[ROWS] = {NONE, 2, 2.5, 2.5, 3, NONE, NONE, 4, 5.5, 4.25};
    double x[ROWS * 2];
    made_by("rolling_window", parameters, names, x);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(x[i * 2 + 1] == expected[i]);
    }
}

/* Where a prediction is made slice by slice, a slice's first rows look back into the one before. */
static void long_tables(void **state)
{
    (void)state;
    double *numbers = trivet_alloc_array(LONG, 3 * sizeof(double));
    struct trivet_row_status *rows = trivet_alloc_array(LONG, sizeof *rows);
    assert_true(numbers != NULL && rows != NULL);
    double *y = &numbers[LONG];
    double *out = &numbers[2 * LONG];
    for (size_t i = 0; i < LONG; i++) {
        numbers[i] = sin(0.7 * (double)i * (double)i);
        y[i] = i < 2 ? 0.0 : 3.0 * numbers[i - 2] + numbers[i - 1];
    }
    struct trivet_column columns[] = {fixture_numbers("s", numbers), fixture_numbers("y", y)};
    struct trivet_table table = {LONG, 2, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "lag", "lags", "1,2", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_history_rows(pipeline), 2);
    fixture_predict(pipeline, &table, out, rows);
    for (size_t i = 0; i < LONG; i++) {
        assert_int_equal(rows[i].fault, i < 2 ? TRIVET_ROW_MISSING : TRIVET_ROW_FINE);
        if (i >= 2 && !(fabs(out[i] - y[i]) < 1e-12)) {
            fail_msg("row %zu: %.17g is not %.17g", i, out[i], y[i]);
        }
    }
    /* A bad row fails itself; what looks back to it finds a missing value. */
    numbers[4097] = INFINITY;
    fixture_predict(pipeline, &table, out, rows);
    assert_int_equal(rows[4096].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[4097].fault, TRIVET_ROW_INFINITE);
    assert_int_equal(rows[4098].fault, TRIVET_ROW_MISSING);
    assert_int_equal(rows[4099].fault, TRIVET_ROW_MISSING);
    assert_int_equal(rows[4100].fault, TRIVET_ROW_FINE);
    trivet_pipeline_free(pipeline);
    trivet_free(numbers);
    trivet_free(rows);
}

static void refusals(void **state)
{
    (void)state;
    struct trivet_column columns[] = {fixture_numbers("s", target), fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "lag", "lags", "2,1,2", NULL);
    fixture_fit_refused(&spec, &table, "2 is twice among the lags");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "lag", "lags", "10", NULL);
    fixture_fit_refused(&spec, &table, "look back 10 rows");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "lag", "lags", "0", NULL);
    fixture_refused(&spec, &table, "lags");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "rolling_window", "statistic", "std", NULL);
    fixture_spec_step_parameter(&spec, "window", "1");
    fixture_fit_refused(&spec, &table, "a window of at least 2 rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lags),
        cmocka_unit_test(rolling),
        cmocka_unit_test(long_tables),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
