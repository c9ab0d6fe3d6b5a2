/* Steps that make other features of numbers, against scikit-learn. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/brent.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS       30
#define COLUMNS    3
#define OUTPUT_MAX 20

struct data {
    double numbers[COLUMNS + 1][ROWS];
    struct trivet_column columns[COLUMNS + 1];
    struct trivet_table table;
};

static void set_table(struct data *data, size_t n_rows)
{
    static const char *const names[COLUMNS + 1] = {"a", "b", "c", "y"};
    for (size_t i = 0; i < n_rows; i++) {
        data->numbers[COLUMNS][i] = (double)(i % 7) + 0.1 * (double)i;
    }
    for (size_t j = 0; j <= COLUMNS; j++) {
        data->columns[j] = fixture_numbers(names[j], data->numbers[j]);
    }
    data->table = (struct trivet_table){n_rows, COLUMNS + 1, data->columns};
}

/* Fits the step on the table and transforms it. Features missing become -99. */
static struct trivet_pipeline *make(const struct data *data, const char *transformer,
                                    const char *const parameters[][2], double *x,
                                    struct trivet_row_status *rows)
{
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, transformer, NULL, NULL, NULL);
    for (size_t k = 0; parameters[k][0] != NULL; k++) {
        fixture_spec_step_parameter(&spec, parameters[k][0], parameters[k][1]);
    }
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    fixture_spec_step_parameter(&spec, "fill_value", "-99");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data->table);
    assert_true(trivet_pipeline_n_features(pipeline) <= OUTPUT_MAX);
    fixture_transform(pipeline, &data->table, x, rows);
    return pipeline;
}

/* i = np.arange(30.); a = np.exp(np.sin(i*1.3)*1.5); b = np.sin(i)*4+1; b[4] = nan
 * c = (2+np.cos(i*i))**3 */
static void make_skewed(struct data *data)
{
    for (size_t i = 0; i < ROWS; i++) {
        double at = (double)i;
        data->numbers[0][i] = exp(sin(at * 1.3) * 1.5);
        data->numbers[1][i] = i == 4 ? NAN : sin(at) * 4.0 + 1.0;
        data->numbers[2][i] = pow(2.0 + cos(at * at), 3.0);
    }
    set_table(data, ROWS);
}

/* The power agrees to 1e-8 where the likelihood is flat to rounding, and so do the values. */
static void check_bent(const struct data *data, const char *const parameters[][2],
                       const double *expected)
{
    static const size_t looked_at[3] = {0, 7, 29};
    double x[ROWS * OUTPUT_MAX];
    struct trivet_row_status rows[ROWS];
    struct trivet_pipeline *pipeline = make(data, "power_transformer", parameters, x, rows);
    size_t n = trivet_pipeline_n_features(pipeline);
    double worst = 0.0;
    for (size_t k = 0; k < 3; k++) {
        for (size_t j = 0; j < n; j++) {
            worst = fmax(worst, fabs(x[looked_at[k] * n + j] - expected[k * n + j]));
        }
    }
    print_message("power_transformer %s: largest difference %.2g\n", parameters[0][1], worst);
    assert_true(worst < 1e-6);
    trivet_pipeline_free(pipeline);
}

static void powers(void **state)
{
    (void)state;
    struct data data;
    static const char *const yeo_johnson[][2] = {
        {"method", "yeo_johnson"}, {"standardize", "true"}, {NULL, NULL}};
    static const char *const yeo_johnson_raw[][2] = {
        {"method", "yeo_johnson"}, {"standardize", "false"}, {NULL, NULL}};
    static const char *const box_cox[][2] = {{"method", "box_cox"}, {NULL, NULL}};
    static const char *const box_cox_raw[][2] = {
        {"method", "box_cox"}, {"standardize", "false"}, {NULL, NULL}};
    /* PowerTransformer(method=…, standardize=…).fit_transform(X)[[0, 7, 29]] */
    /* lambdas_ -0.5740255888123073, 1.0007620280719867, 0.4529011696617539 */
    static const double expected_yeo_johnson[] = {
        -0.10455609786690437, -0.10156803708284765, 1.316973529436856,
        0.41410838992413684,  0.84972247294401,     0.14510820837793295,
        -0.10316357270496895, -1.0614750589135413,  0.6036451852327412};
    /* lambdas_ -0.5740255888123073, 1.0007620280719867, 0.4529011696617539 */
    static const double expected_yeo_johnson_raw[] = {
        0.5718563913630766, 1.0002944218313654, 7.778577531655556,
        0.7385415832463583, 3.630586130613504,  4.890305665743712,
        0.5723039125049386, -1.653821701593166, 6.020452130469945};
    /* lambdas_ 4.728397478868752e-05, 0.46336862419659236 */
    static const double expected_box_cox[] = {-4.595899043966353e-05, 1.292075570969026,
                                              0.45894904296240385,    0.16904783786211322,
                                              0.0012315622462167747,  0.6104870648624017};
    /* lambdas_ 4.728397478868752e-05, 0.46336862419659236 */
    static const double expected_box_cox_raw[] = {0.0,
                                                  7.7804274448640305,
                                                  0.4786529600262624,
                                                  4.713665180495807,
                                                  0.001332235250537301,
                                                  5.919146686843862};
    make_skewed(&data);
    check_bent(&data, yeo_johnson, expected_yeo_johnson);
    check_bent(&data, yeo_johnson_raw, expected_yeo_johnson_raw);
    data.columns[1] = data.columns[2];
    data.columns[2] = data.columns[3];
    data.table.n_columns = 3;
    check_bent(&data, box_cox, expected_box_cox);
    check_bent(&data, box_cox_raw, expected_box_cox_raw);
}

static double parabola(double x, void *ctx)
{
    return (x - *(double *)ctx) * (x - *(double *)ctx);
}

static void brent(void **state)
{
    (void)state;
    double at[4] = {0.3, -17.0, 0.0, 4e5};
    for (size_t k = 0; k < 4; k++) {
        double found = trivet_brent_minimise(parabola, &at[k], -2.0, 2.0);
        assert_true(fabs(found - at[k]) <= 1e-7 * fmax(1.0, fabs(at[k])));
    }
}

static void logarithms(void **state)
{
    (void)state;
    struct data data;
    double x[ROWS * OUTPUT_MAX];
    struct trivet_row_status rows[ROWS];
    static const char *const log1p_raw[][2] = {
        {"method", "log1p"}, {"standardize", "false"}, {NULL, NULL}};
    make_skewed(&data);
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[1][i] = -0.5;
    }
    struct trivet_pipeline *pipeline = make(&data, "power_transformer", log1p_raw, x, rows);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(x[i * 3] == log1p(data.numbers[0][i]));
    }
    /* What the method cannot take fails its row alone. */
    data.numbers[1][3] = -1.0;
    data.numbers[2][5] = NAN;
    fixture_transform(pipeline, &data.table, x, rows);
    assert_int_equal(rows[2].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[3].fault, TRIVET_ROW_OUT_OF_DOMAIN);
    assert_int_equal(rows[3].column, 1);
    assert_int_equal(rows[5].fault, TRIVET_ROW_FINE);
    char text[256];
    trivet_row_fault_text(rows[3], &data.table, text, sizeof text);
    assert_non_null(strstr(text, "'b'"));
    assert_int_equal(trivet_row_fault_status(TRIVET_ROW_OUT_OF_DOMAIN), TRIVET_INVALID_ARGUMENT);
    trivet_pipeline_free(pipeline);
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "power_transformer", "method", "box_cox", NULL);
    fixture_fit_refused(&spec, &data.table, "takes only numbers above 0, but column 'b'");
}

/* PolynomialFeatures().fit(X).get_feature_names_out(["a", "b", "c"]) and its values, joined. */
static void check_products(const char *const parameters[][2], const char *names,
                           const double *first_row)
{
    struct data data = {0};
    double x[ROWS * OUTPUT_MAX];
    struct trivet_row_status rows[ROWS];
    char joined[256] = "";
    static const double values[2][COLUMNS] = {{2.0, 3.0, 5.0}, {7.0, -1.0, 0.5}};
    for (size_t j = 0; j < COLUMNS; j++) {
        data.numbers[j][0] = values[0][j];
        data.numbers[j][1] = values[1][j];
    }
    set_table(&data, 2);
    struct trivet_pipeline *pipeline = make(&data, "polynomial_features", parameters, x, rows);
    for (size_t k = 0; k < trivet_pipeline_n_features(pipeline); k++) {
        size_t used = strlen(joined);
        trivet_text_format(&joined[used], sizeof joined - used, "%s%s", k > 0 ? "|" : "",
                           trivet_pipeline_feature_name(pipeline, k));
        assert_true(x[k] == first_row[k]);
    }
    assert_string_equal(joined, names);
    trivet_pipeline_free(pipeline);
}

static void products(void **state)
{
    (void)state;
    static const char *const defaults[][2] = {{NULL, NULL}};
    static const char *const cubes[][2] = {{"degree", "3"}, {NULL, NULL}};
    static const char *const interactions[][2] = {
        {"degree", "3"}, {"interaction_only", "true"}, {NULL, NULL}};
    static const char *const bias[][2] = {{"include_bias", "true"}, {NULL, NULL}};
    static const double by_default[] = {2, 3, 5, 4, 6, 10, 9, 15, 25};
    static const double cubed[] = {2,  3,  5,  4,  6,  10, 9,  15, 25, 8,
                                   12, 20, 18, 30, 50, 27, 45, 75, 125};
    static const double crossed[] = {2, 3, 5, 6, 10, 15, 30};
    static const double biased[] = {1, 2, 3, 5, 4, 6, 10, 9, 15, 25};
    check_products(defaults, "a|b|c|a^2|a b|a c|b^2|b c|c^2", by_default);
    check_products(cubes,
                   "a|b|c|a^2|a b|a c|b^2|b c|c^2|a^3|a^2 b|a^2 c|a b^2|a b c|a c^2|b^3|b^2 c|b "
                   "c^2|c^3",
                   cubed);
    check_products(interactions, "a|b|c|a b|a c|b c|a b c", crossed);
    check_products(bias, "1|a|b|c|a^2|a b|a c|b^2|b c|c^2", biased);
}

static void too_many_products(void **state)
{
    (void)state;
    enum { WIDE = 400, FEW = 3 };
    static double values[FEW] = {1, 2, 4};
    static char names[WIDE][8];
    static struct trivet_column columns[WIDE];
    struct fixture_spec spec;
    for (size_t j = 0; j < WIDE; j++) {
        trivet_text_format(names[j], sizeof names[j], "c%zu", j);
        columns[j] = fixture_numbers(names[j], values);
    }
    struct trivet_table table = {FEW, WIDE, columns};
    fixture_spec_init(&spec, "c0", "linear_regression");
    fixture_spec_step(&spec, "polynomial_features", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &table, "degree 2 of 399 columns makes 80199 columns, more than");
}

/* KBinsDiscretizer; i = np.arange(30.), X = np.c_[np.sin(i), np.cos(i*.7), i*0+3]: 6 rows. */
static void check_bins(const char *const parameters[][2], size_t width, const double *expected)
{
    struct data data;
    double x[ROWS * OUTPUT_MAX];
    struct trivet_row_status rows[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[0][i] = sin((double)i);
        data.numbers[1][i] = cos((double)i * 0.7);
        data.numbers[2][i] = 3.0;
    }
    set_table(&data, ROWS);
    struct trivet_pipeline *pipeline = make(&data, "quantile_binner", parameters, x, rows);
    assert_int_equal(trivet_pipeline_n_features(pipeline), width);
    assert_memory_equal(x, expected, 6 * width * sizeof(double));
    trivet_pipeline_free(pipeline);
}

static void bins(void **state)
{
    (void)state;
    static const char *const quartiles[][2] = {
        {"n_bins", "4"}, {"encode", "ordinal"}, {NULL, NULL}};
    static const char *const even[][2] = {
        {"strategy", "uniform"}, {"encode", "ordinal"}, {NULL, NULL}};
    static const char *const thirds[][2] = {{"n_bins", "3"}, {NULL, NULL}};
    static const double in_quartiles[] = {1, 3, 0, 3, 3, 0, 3, 2, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0};
    static const double in_even[] = {2, 4, 0, 4, 4, 0, 4, 2, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0};
    static const double in_thirds[] = {0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1,
                                       0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1,
                                       1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1};
    check_bins(quartiles, 3, in_quartiles);
    check_bins(even, 3, in_even);
    check_bins(thirds, 7, in_thirds);
}

/* Quantiles that coincide, values beyond, and missing ones. t = [0]*5 + [1, 2, 3, 3, 3]:
 * bin_edges_ are 0, 1.4, 3. */
static void bins_that_coincide(void **state)
{
    (void)state;
    static const double t[10] = {0, 0, 0, 0, 0, 1, 2, 3, 3, 3};
    static const double y[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 9};
    static const double asked[5] = {-5, 9, 1.5, 1.25, NAN};
    struct trivet_column columns[] = {fixture_numbers("t", t), fixture_numbers("y", y)};
    struct trivet_table table = {10, 2, columns};
    struct trivet_column asked_columns[] = {fixture_numbers("t", asked)};
    struct trivet_table asked_table = {5, 1, asked_columns};
    static const double expected[8] = {1, 0, 0, 1, 0, 1, 1, 0};
    struct fixture_spec spec;
    double x[10];
    struct trivet_row_status rows[5];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "quantile_binner", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 2);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 1), "t bin 1");
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_memory_equal(x, expected, sizeof expected);
    assert_int_equal(rows[3].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[4].fault, TRIVET_ROW_MISSING);
    trivet_pipeline_free(pipeline);
}

/* Normalizer(norm=…).transform(X) */
static void lengths(void **state)
{
    (void)state;
    static const char *const norms[] = {"l2", "l1", "max"};
    static const double expected[3][6] = {
        {0.3244428422615251, 0.48666426339228763, 0.8111071056538127, 0.9874838622020375,
         -0.14106912317171966, 0.07053456158585983},
        {0.2, 0.3, 0.5, 0.8235294117647058, -0.11764705882352941, 0.058823529411764705},
        {0.4, 0.6, 1.0, 1.0, -0.14285714285714285, 0.07142857142857142}};
    for (size_t k = 0; k < 3; k++) {
        const char *const parameters[][2] = {{"norm", norms[k]}, {NULL, NULL}};
        struct data data = {.numbers = {{2, 7, 0}, {3, -1, 0}, {5, 0.5, 0}}};
        double x[ROWS * OUTPUT_MAX];
        struct trivet_row_status rows[ROWS];
        set_table(&data, 3);
        struct trivet_pipeline *pipeline = make(&data, "normalizer", parameters, x, rows);
        for (size_t i = 0; i < 6; i++) {
            fixture_near(x[i], expected[k][i], 1e-15);
        }
        assert_true(x[6] == 0.0 && x[7] == 0.0 && x[8] == 0.0);
        data.numbers[1][0] = NAN;
        fixture_transform(pipeline, &data.table, x, rows);
        assert_int_equal(rows[0].fault, TRIVET_ROW_MISSING);
        assert_int_equal(rows[0].column, 1);
        assert_int_equal(rows[1].fault, TRIVET_ROW_FINE);
        trivet_pipeline_free(pipeline);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers),
        cmocka_unit_test(brent),
        cmocka_unit_test(logarithms),
        cmocka_unit_test(products),
        cmocka_unit_test(too_many_products),
        cmocka_unit_test(bins),
        cmocka_unit_test(bins_that_coincide),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
