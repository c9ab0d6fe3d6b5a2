/* Transformers through pipelines with unit weights: what comes out is what the transformer made. */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS         6
#define FEATURES_MAX 8

static const double target[ROWS] = {1, 2, 3, 5, 8, 13};
/* A = np.array([[1,2],[nan,2],[4,nan],[7,5],[7,1],[8,1]]) */
static const double first[ROWS] = {1, NAN, 4, 7, 7, 8};
static const double second[ROWS] = {2, 2, NAN, 5, 1, 1};

static void impute(const char *strategy, double expected_first, double expected_second)
{
    struct trivet_column columns[] = {fixture_numbers("a", first), fixture_numbers("b", second),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 3, columns};
    struct fixture_spec spec;
    double x[ROWS * FEATURES_MAX];
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", strategy, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &table, x, rows);
    fixture_near(x[2], expected_first, 1e-15);
    fixture_near(x[5], expected_second, 1e-15);
    assert_true(x[0] == 1.0 && x[1] == 2.0 && x[6] == 7.0);
    trivet_pipeline_free(pipeline);
}

static void imputer_numbers(void **state)
{
    (void)state;
    /* SimpleImputer(strategy=…).fit(A).statistics_ */
    impute("mean", 5.4, 2.2);
    impute("median", 7.0, 2.0);
    impute("most_frequent", 7.0, 1.0);
    impute("constant", 0.0, 0.0);
}

static void imputer_texts(void **state)
{
    (void)state;
    static const char *const words[] = {"pear", "fig", "apple"};
    /* pear and apple twice each: apple comes first by bytes. Code 9 is beyond the dictionary. */
    static const uint32_t codes[ROWS] = {0, 0, 2, 2, 1, TRIVET_CODE_NULL};
    static const uint32_t asked[2] = {9, 1};
    struct trivet_column columns[] = {fixture_codes("fruit", codes, words, 3),
                                      fixture_numbers("y", target)};
    struct trivet_column asked_columns[] = {fixture_codes("fruit", asked, words, 3)};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_table asked_table = {2, 1, asked_columns};
    struct fixture_spec spec;
    double x[2 * FEATURES_MAX];
    struct trivet_row_status rows[2];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", "most_frequent", NULL);
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 3);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "fruit=apple");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 1), "fruit=fig");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 2), "fruit=pear");
    fixture_transform(pipeline, &asked_table, x, rows);
    static const double expected[6] = {1, 0, 0, 0, 1, 0};
    assert_memory_equal(x, expected, sizeof expected);
    trivet_pipeline_free(pipeline);

    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    pipeline = fixture_fit(&spec, &table);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 2), "fruit=missing");
    trivet_pipeline_free(pipeline);
}

static void imputer_refusals(void **state)
{
    (void)state;
    static const double nothing[ROWS] = {NAN, NAN, NAN, NAN, NAN, NAN};
    static const char *const words[] = {"pear"};
    static const uint32_t codes[ROWS] = {0};
    struct trivet_column columns[] = {fixture_numbers("empty", nothing),
                                      fixture_codes("fruit", codes, words, 1),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 3, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", NULL, NULL, "fruit");
    fixture_refused(&spec, &table, "strategy=most_frequent");
    fixture_spec_init(&spec, "y", "linear_regression");
    spec.spec.default_transformers = true;
    fixture_fit_refused(&spec, &table, "column 'empty' has no value");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", "constant", "empty");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    trivet_pipeline_free(pipeline);
}

static void scaler_as_scikit_learn(void **state)
{
    (void)state;
    /* i = np.arange(40.); StandardScaler().fit(np.c_[np.sin(i), np.sin(3*i)*.1+1e6, i*0+7]) */
    static const double mean[3] = {0.028827456177878397, 999999.9992907073, 7.0};
    static const double scale[3] = {0.7044271509760434, 0.07329319046934613, 1.0};
    enum { N = 40 };
    static double a[N];
    static double b[N];
    static double c[N];
    static double y[N];
    static double x[N * 3];
    static struct trivet_row_status rows[N];
    for (size_t i = 0; i < N; i++) {
        a[i] = sin((double)i);
        b[i] = sin(3.0 * (double)i) * 0.1 + 1e6;
        c[i] = 7.0;
        y[i] = (double)(i % 7);
    }
    struct trivet_column columns[] = {fixture_numbers("a", a), fixture_numbers("b", b),
                                      fixture_numbers("c", c), fixture_numbers("y", y)};
    struct trivet_table table = {N, 4, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "standard_scaler", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &table, x, rows);
    for (size_t i = 0; i < N; i++) {
        fixture_near(x[i * 3], (a[i] - mean[0]) / scale[0], 1e-12);
        /* The mean itself has 1e-10 of room at 1e6. */
        assert_true(fabs(x[i * 3 + 1] - (b[i] - mean[1]) / scale[1]) < 1e-8);
        assert_true(x[i * 3 + 2] == 0.0);
    }
    double sum = 0.0;
    double squares = 0.0;
    for (size_t i = 0; i < N; i++) {
        sum += x[i * 3 + 1];
        squares += x[i * 3 + 1] * x[i * 3 + 1];
    }
    assert_true(fabs(sum) < 1e-7);
    fixture_near(squares / N, 1.0, 1e-12);
    trivet_pipeline_free(pipeline);
}

static void scaler_options(void **state)
{
    (void)state;
    static const double a[ROWS] = {2, 4, 4, 4, 5, 11}; /* mean 5, variance 48/6 = 8 */
    struct trivet_column columns[] = {fixture_numbers("a", a), fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    double x[ROWS];
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "standard_scaler", "with_mean", "false", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &table, x, rows);
    fixture_near(x[5], 11.0 / sqrt(8.0), 1e-15);
    trivet_pipeline_free(pipeline);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "standard_scaler", "with_std", "false", NULL);
    pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &table, x, rows);
    fixture_near(x[5], 6.0, 1e-15);
    trivet_pipeline_free(pipeline);
}

/* Like scikit-learn's: statistics over the values present, missing ones stay for an imputer. */
static void scaler_before_imputer(void **state)
{
    (void)state;
    struct trivet_column columns[] = {fixture_numbers("a", first), fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    double x[ROWS];
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "standard_scaler", NULL, NULL, NULL);
    fixture_spec_step(&spec, "imputer", "strategy", "constant", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &table, x, rows);
    assert_true(x[1] == 0.0);
    fixture_near(x[0], (1.0 - 5.4) / sqrt(6.64), 1e-14);
    trivet_pipeline_free(pipeline);
}

/* Other codes in the request's dictionary than in training: texts count. */
static void encoder_reads_texts(void **state)
{
    (void)state;
    static const char *const words[] = {"b", "a", "c"};
    static const char *const asked_words[] = {"c", "new", "a"};
    static const uint32_t codes[ROWS] = {0, 1, 2, 0, 1, 2};
    static const uint32_t asked[4] = {0, 1, 2, TRIVET_CODE_NULL};
    struct trivet_column columns[] = {fixture_codes("k", codes, words, 3),
                                      fixture_numbers("y", target)};
    struct trivet_column asked_columns[] = {fixture_codes("k", asked, asked_words, 3)};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_table asked_table = {4, 1, asked_columns};
    struct fixture_spec spec;
    double x[4 * FEATURES_MAX];
    struct trivet_row_status rows[4];
    static const double all[12] = {0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    static const double dropped[8] = {0, 1, 0, 0, 0, 0, 0, 0};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_memory_equal(x, all, sizeof all);
    assert_int_equal(rows[0].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[1].fault, TRIVET_ROW_UNSEEN_CATEGORY);
    assert_int_equal(rows[1].column, 0);
    assert_int_equal(rows[2].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[3].fault, TRIVET_ROW_MISSING);
    /* One row of a large dictionary is looked up without mapping the dictionary. */
    asked_table.n_rows = 1;
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_memory_equal(x, all, 3 * sizeof(double));
    asked_table.n_rows = 4;
    trivet_pipeline_free(pipeline);

    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", "drop", "first", NULL);
    pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 2);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "k=b");
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_memory_equal(x, dropped, sizeof dropped);
    assert_int_equal(rows[1].fault, TRIVET_ROW_UNSEEN_CATEGORY);
    trivet_pipeline_free(pipeline);

    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", "handle_unknown", "ignore", NULL);
    pipeline = fixture_fit(&spec, &table);
    fixture_transform(pipeline, &asked_table, x, rows);
    assert_memory_equal(x, all, sizeof all);
    assert_int_equal(rows[1].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[3].fault, TRIVET_ROW_MISSING);
    trivet_pipeline_free(pipeline);
}

/* Counts a 1, b 3, c 2: of two columns at most, the rarest two share the last. */
static void rare_categories_share_a_column(void **state)
{
    (void)state;
    static const char *const words[] = {"b", "a", "c"};
    static const char *const asked_words[] = {"c", "new", "a", "b"};
    static const uint32_t codes[ROWS] = {0, 1, 2, 0, 0, 2};
    static const uint32_t asked[4] = {0, 1, 2, 3};
    static const struct {
        const char *name;
        const char *value;
        double x[4][2];
    } cases[] = {
        {"max_categories", "2", {{0, 1}, {0, 0}, {0, 1}, {1, 0}}},
        {"min_frequency", "3", {{0, 1}, {0, 0}, {0, 1}, {1, 0}}},
        {"min_frequency", "0.4", {{0, 1}, {0, 0}, {0, 1}, {1, 0}}},
    };
    struct trivet_column columns[] = {fixture_codes("k", codes, words, 3),
                                      fixture_numbers("y", target)};
    struct trivet_column asked_columns[] = {fixture_codes("k", asked, asked_words, 4)};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_table asked_table = {4, 1, asked_columns};
    double x[4 * FEATURES_MAX];
    struct trivet_row_status rows[4];
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(cases); c++) {
        struct fixture_spec spec;
        fixture_spec_init(&spec, "y", "linear_regression");
        fixture_spec_step(&spec, "one_hot_encoder", cases[c].name, cases[c].value, NULL);
        struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
        assert_int_equal(trivet_pipeline_n_features(pipeline), 2);
        assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "k=b");
        assert_string_equal(trivet_pipeline_feature_name(pipeline, 1), "k=(infrequent)");
        fixture_transform(pipeline, &asked_table, x, rows);
        assert_memory_equal(x, cases[c].x, sizeof cases[c].x);
        assert_int_equal(rows[1].fault, TRIVET_ROW_UNSEEN_CATEGORY);
        trivet_pipeline_free(pipeline);
    }
}

/* OrdinalEncoder: places among ["a", "b", "c"]. */
static void ordinal_places(void **state)
{
    (void)state;
    static const char *const words[] = {"b", "a", "c", "not used"};
    static const char *const asked_words[] = {"c", "new", "a"};
    static const uint32_t codes[ROWS] = {0, 1, 2, 0, 1, TRIVET_CODE_NULL};
    static const uint32_t asked[4] = {0, 1, 2, TRIVET_CODE_NULL};
    static const struct {
        const char *handle_unknown;
        enum trivet_row_fault fault;
        double value;
    } cases[] = {{"error", TRIVET_ROW_UNSEEN_CATEGORY, 0.0},
                 {"use_value", TRIVET_ROW_FINE, -7.5},
                 {"ignore", TRIVET_ROW_FINE, -99.0}};
    struct trivet_column columns[] = {fixture_codes("k", codes, words, 4),
                                      fixture_numbers("y", target)};
    struct trivet_column asked_columns[] = {fixture_codes("k", asked, asked_words, 3)};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_table asked_table = {4, 1, asked_columns};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct fixture_spec spec;
        double x[ROWS];
        struct trivet_row_status rows[ROWS];
        fixture_spec_init(&spec, "y", "linear_regression");
        fixture_spec_step(&spec, "ordinal_encoder", "handle_unknown", cases[c].handle_unknown,
                          NULL);
        fixture_spec_step_parameter(&spec, "unknown_value", "-7.5");
        fixture_spec_step(&spec, "imputer", "strategy", "constant", "k");
        fixture_spec_step_parameter(&spec, "fill_value", "-99");
        struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
        assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "k");
        fixture_transform(pipeline, &table, x, rows);
        assert_true(x[0] == 1.0 && x[1] == 0.0 && x[2] == 2.0 && x[5] == -99.0);
        fixture_transform(pipeline, &asked_table, x, rows);
        assert_true(x[0] == 2.0 && x[2] == 0.0 && x[3] == -99.0);
        assert_int_equal(rows[1].fault, cases[c].fault);
        assert_true(x[1] == cases[c].value);
        /* Looked up alone, without a map of the dictionary. */
        asked_table.n_rows = 1;
        fixture_transform(pipeline, &asked_table, x, rows);
        assert_true(x[0] == 2.0);
        asked_table.n_rows = 4;
        trivet_pipeline_free(pipeline);
    }
}

static void encoder_refusals(void **state)
{
    (void)state;
    static const char *const words[] = {"a"};
    static const uint32_t codes[ROWS] = {0, 0, TRIVET_CODE_NULL, 0, 0, 0};
    static const uint32_t same[ROWS] = {0};
    struct trivet_column columns[] = {fixture_codes("k", codes, words, 1),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &table, "column 'k' is missing in 1 of 6 training rows");
    columns[0] = fixture_codes("k", same, words, 1);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", "drop", "first", NULL);
    fixture_fit_refused(&spec, &table, "leave no feature");
    static const uint32_t nothing[ROWS] = {9, 9, 9, 9, 9, TRIVET_CODE_NULL};
    columns[0] = fixture_codes("k", nothing, words, 1);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "ordinal_encoder", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &table, "column 'k' has no value in any of the 6 training rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(imputer_numbers),
        cmocka_unit_test(imputer_texts),
        cmocka_unit_test(imputer_refusals),
        cmocka_unit_test(scaler_as_scikit_learn),
        cmocka_unit_test(scaler_options),
        cmocka_unit_test(scaler_before_imputer),
        cmocka_unit_test(encoder_reads_texts),
        cmocka_unit_test(encoder_refusals),
        cmocka_unit_test(rare_categories_share_a_column),
        cmocka_unit_test(encoder_refusals),
        cmocka_unit_test(ordinal_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
