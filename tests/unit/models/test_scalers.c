/* Scalers and the clipper against scikit-learn and numpy, over data with missing values, an offset
 * of 1000 and a constant. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "models/transformers/numeric.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    12
#define COLUMNS 3

/* i = np.arange(12.); a = np.sin(i)*3; a[3] = nan; X = np.c_[a, np.cos(i*i)+1e3, i*0+7] */
struct data {
    double numbers[COLUMNS + 1][ROWS];
    struct trivet_column columns[COLUMNS + 1];
    struct trivet_table table;
};

static void make_data(struct data *data)
{
    static const char *const names[COLUMNS + 1] = {"a", "b", "c", "y"};
    for (size_t i = 0; i < ROWS; i++) {
        double at = (double)i;
        data->numbers[0][i] = i == 3 ? NAN : sin(at) * 3.0;
        data->numbers[1][i] = cos(at * at) + 1e3;
        data->numbers[2][i] = 7.0;
        data->numbers[3][i] = (double)(i % 5);
    }
    for (size_t j = 0; j <= COLUMNS; j++) {
        data->columns[j] = fixture_numbers(names[j], data->numbers[j]);
    }
    data->table = (struct trivet_table){ROWS, COLUMNS + 1, data->columns};
}

/* The step, then an imputer that puts -99: rows 0, 5 and 11 are as expected, row 3 was missing. */
static void check(const char *transformer, const char *const parameters[][2],
                  const double expected[3 * COLUMNS])
{
    static const size_t looked_at[3] = {0, 5, 11};
    struct data data;
    struct fixture_spec spec;
    double x[ROWS * COLUMNS];
    struct trivet_row_status rows[ROWS];
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, transformer, NULL, NULL, NULL);
    for (size_t k = 0; parameters[k][0] != NULL; k++) {
        fixture_spec_step_parameter(&spec, parameters[k][0], parameters[k][1]);
    }
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    fixture_spec_step_parameter(&spec, "fill_value", "-99");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    fixture_transform(pipeline, &data.table, x, rows);
    for (size_t k = 0; k < 3; k++) {
        for (size_t j = 0; j < COLUMNS; j++) {
            double value = x[looked_at[k] * COLUMNS + j];
            /* The offset of 1000 costs three digits of what is left when it is taken away. */
            if (!(fabs(value - expected[k * COLUMNS + j]) <= (j == 1 ? 1e-12 : 2e-15))) {
                fail_msg("%s: row %zu column %zu: %.17g is not %.17g", transformer, looked_at[k], j,
                         value, expected[k * COLUMNS + j]);
            }
        }
        assert_int_equal(rows[looked_at[k]].fault, TRIVET_ROW_FINE);
    }
    assert_true(x[3 * COLUMNS] == -99.0);
    trivet_pipeline_free(pipeline);
}

static void min_max(void **state)
{
    (void)state;
    static const char *const parameters[][2] = {{"min", "-1"}, {"max", "2"}, {NULL, NULL}};
    static const double expected[9] = {
        0.5080166648862028,  2.0, -1.0, -0.9380712838587291, 1.986518817662045, -1.0, -1.0,
        0.39298363212742515, -1.0};
    check("min_max_scaler", parameters, expected);
}

static void robust(void **state)
{
    (void)state;
    static const char *const defaults[][2] = {{NULL, NULL}};
    static const double expected[9] = {0.0,
                                       0.6182399907532463,
                                       0.0,
                                       -0.6851217935399273,
                                       0.6099209626887467,
                                       0.0,
                                       -0.7144621342233255,
                                       -0.3734248298393205,
                                       0.0};
    static const char *const wide[][2] = {
        {"quantile_min", "10"}, {"quantile_max", "85"}, {NULL, NULL}};
    static const double expected_wide[9] = {0.0,
                                            0.364665060997204,
                                            0.0,
                                            -0.522771542991638,
                                            0.359758133393116,
                                            0.0,
                                            -0.5451592342249143,
                                            -0.22026234211299492,
                                            0.0};
    check("robust_scaler", defaults, expected);
    check("robust_scaler", wide, expected_wide);
}

static void max_abs(void **state)
{
    (void)state;
    static const char *const defaults[][2] = {{NULL, NULL}};
    static const double expected[9] = {
        0.0, 1.0, 1.0, -0.9589336659313746, 0.9999912116002632, 1.0, -1.0, 0.9989523840067931, 1.0};
    check("max_abs_scaler", defaults, expected);
}

static void clipper(void **state)
{
    (void)state;
    struct data data;
    make_data(&data);
    /* np.nanquantile(X[:, j], [.1, .8]): (-2.8767…, 2.5244…), (999.11…, 1000.845…) */
    static const char *const quantiles[][2] = {
        {"bounds", "quantile"}, {"lower", "0.1"}, {"upper", "0.8"}, {NULL, NULL}};
    const double expected[9] = {0.0,
                                1000.8451922942345,
                                7.0,
                                -2.8767728239894157,
                                1000.8451922942345,
                                7.0,
                                -2.8767728239894157,
                                data.numbers[1][11],
                                7.0};
    /* q1 - .2·(q3 - q1), q3 + .2·(q3 - q1): (-2.791…, 3.087…), (999.529…, 1001.0096…) */
    static const char *const iqr[][2] = {{"factor", "0.2"}, {NULL, NULL}};
    const double expected_iqr[9] = {0.0,
                                    1001.0,
                                    7.0,
                                    -2.7910197662131426,
                                    data.numbers[1][5],
                                    7.0,
                                    -2.7910197662131426,
                                    data.numbers[1][11],
                                    7.0};
    check("outlier_clipper", quantiles, expected);
    check("outlier_clipper", iqr, expected_iqr);
}

static void counts_are_told(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "outlier_clipper", "bounds", "quantile", "b");
    fixture_spec_step_parameter(&spec, "upper", "0.8");
    fixture_spec_step_parameter(&spec, "lower", "0");
    fixture_spec_step(&spec, "imputer", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_create(&spec, &data.table);
    assert_int_equal(trivet_pipeline_fit(pipeline, &data.table, NULL, 0, &context, &report, &err),
                     TRIVET_OK);
    double clipped = -1.0;
    for (size_t k = 0; k < report.n_facts; k++) {
        clipped =
            strcmp(report.facts[k].name, "clipped_values") == 0 ? report.facts[k].value : clipped;
    }
    assert_true(clipped == 3.0);
    bool warned = false;
    for (size_t k = 0; k < report.n_warnings; k++) {
        warned = warned || strstr(report.warnings[k], "3 of 12 values of column 'b'") != NULL;
    }
    assert_true(warned);
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
}

/* Beyond the training range: clip holds, and infinity is a fault all the same. */
static void clip(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    static const double asked[4] = {1e9, -1e9, INFINITY, 1000.0};
    double x[4];
    struct trivet_row_status rows[4];
    make_data(&data);
    struct trivet_column columns[2] = {data.columns[1], data.columns[3]};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_column asked_columns[1] = {fixture_numbers("b", asked)};
    struct trivet_table asked_table = {4, 1, asked_columns};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "min_max_scaler", "clip", "true", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_true(x[0] == 1.0 && x[1] == 0.0);
    assert_int_equal(rows[2].fault, TRIVET_ROW_INFINITE);
    assert_true(x[3] > 0.0 && x[3] < 1.0);
    trivet_pipeline_free(pipeline);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const scalers[] = {"min_max_scaler",  "robust_scaler",   "max_abs_scaler",
                                          "standard_scaler", "outlier_clipper", "imputer"};
    struct data data;
    struct fixture_spec spec;
    make_data(&data);
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[0][i] = NAN;
    }
    for (size_t k = 0; k < sizeof scalers / sizeof scalers[0]; k++) {
        fixture_spec_init(&spec, "y", "linear_regression");
        fixture_spec_step(&spec, scalers[k], NULL, NULL, NULL);
        fixture_fit_refused(&spec, &data.table,
                            "column 'a' has no value in any of the 12 training rows; leave");
    }
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "min_max_scaler", "max", "-1", NULL);
    fixture_fit_refused(&spec, &data.table, "min 0 is not below max -1");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "robust_scaler", "quantile_min", "80", NULL);
    fixture_fit_refused(&spec, &data.table, "quantile_min 80 is not below quantile_max 75");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "outlier_clipper", "lower", "1", NULL);
    fixture_fit_refused(&spec, &data.table, "lower 1 is above upper 0.99");
}

/* SimpleImputer(add_indicator=True) */
static void indicators(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    double x[ROWS * (COLUMNS + 1)];
    struct trivet_row_status rows[ROWS];
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "add_indicator", "true", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 4);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "a");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 3), "missing(a)");
    data.numbers[1][7] = NAN; /* no column stands for it: training had all of b */
    fixture_transform(pipeline, &data.table, x, rows);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(x[i * 4 + 3] == (i == 3 ? 1.0 : 0.0));
    }
    trivet_pipeline_free(pipeline);
}

static void fill_text(void **state)
{
    (void)state;
    static const char *const words[] = {"pear"};
    static const uint32_t codes[ROWS] = {0, 0, TRIVET_CODE_NULL};
    struct data data;
    struct fixture_spec spec;
    make_data(&data);
    struct trivet_column columns[2] = {fixture_codes("fruit", codes, words, 1), data.columns[3]};
    struct trivet_table table = {ROWS, 2, columns};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    fixture_spec_step_parameter(&spec, "fill_text", "none at all");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "fruit=none at all");
    trivet_pipeline_free(pipeline);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorted(void **state)
{
    (void)state;
    enum { N = 1000 };
    static double values[N];
    static double expected[N];
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 4);
    for (size_t i = 0; i < N; i++) {
        double number = normal_next(&rng);
        values[i] = i % 5 == 0 ? number * pow(10.0, 60.0 * number) : number;
    }
    values[7] = -1e308;
    values[8] = 5e-324;
    values[9] = -5e-324;
    values[10] = 1e308;
    values[11] = values[12];
    const struct trivet_column column = {
        .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = values};
    for (size_t n = 1; n <= N; n = n * 3 + 1) {
        double *found = NULL;
        size_t n_found = 0;
        memcpy(expected, values, n * sizeof(double));
        qsort(expected, n, sizeof(double), compare_numbers);
        assert_int_equal(trivet_numeric_sorted("a test", &column, n, &found, &n_found, NULL),
                         TRIVET_OK);
        assert_int_equal(n_found, n);
        assert_memory_equal(found, expected, n * sizeof(double));
        trivet_free(found);
    }
}

/* np.quantile([1, 2, 4, 8], q) */
static void quantiles(void **state)
{
    (void)state;
    static const double values[4] = {1, 2, 4, 8};
    static const double expected[5][2] = {
        {0.0, 1.0}, {0.1, 1.3}, {0.5, 3.0}, {0.75, 5.0}, {1.0, 8.0}};
    for (size_t k = 0; k < 5; k++) {
        fixture_near(trivet_numeric_quantile(values, 4, expected[k][0]), expected[k][1], 1e-15);
    }
    assert_true(trivet_numeric_quantile(values, 1, 0.3) == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(min_max),
        cmocka_unit_test(robust),
        cmocka_unit_test(max_abs),
        cmocka_unit_test(clipper),
        cmocka_unit_test(clip),
        cmocka_unit_test(refusals),
        cmocka_unit_test(counts_are_told),
        cmocka_unit_test(indicators),
        cmocka_unit_test(fill_text),
        cmocka_unit_test(sorted),
        cmocka_unit_test(quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
