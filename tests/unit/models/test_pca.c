/* Principal components against scikit-learn. */
#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    30
#define COLUMNS 4
#define WIDE    7

/* i = np.arange(30.)
 * X = np.c_[np.sin(i)*3+100, np.cos(i*.7)+.5*np.sin(i), i*.1+np.cos(i*i), np.sin(2.2*i)] */
struct data {
    double numbers[COLUMNS + 1][ROWS];
    struct trivet_column columns[COLUMNS + 1];
    struct trivet_table table;
};

static void make_data(struct data *data)
{
    static const char *const names[COLUMNS + 1] = {"a", "b", "c", "d", "y"};
    for (size_t i = 0; i < ROWS; i++) {
        double at = (double)i;
        data->numbers[0][i] = sin(at) * 3.0 + 100.0;
        data->numbers[1][i] = cos(at * 0.7) + 0.5 * sin(at);
        data->numbers[2][i] = at * 0.1 + cos(at * at);
        data->numbers[3][i] = sin(2.2 * at);
        data->numbers[4][i] = (double)(i % 5);
    }
    for (size_t j = 0; j <= COLUMNS; j++) {
        data->columns[j] = fixture_numbers(names[j], data->numbers[j]);
    }
    data->table = (struct trivet_table){ROWS, COLUMNS + 1, data->columns};
}

/* Rows 0, 13 and 29 of PCA(svd_solver="full", …).fit_transform(X). */
static void check(const char *n_components, const char *whiten, size_t n, const double *expected)
{
    static const size_t looked_at[3] = {0, 13, 29};
    struct data data;
    struct fixture_spec spec;
    double x[ROWS * COLUMNS];
    struct trivet_row_status rows[ROWS];
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", "n_components", n_components, NULL);
    fixture_spec_step_parameter(&spec, "whiten", whiten);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), n);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 1), "pca1");
    fixture_transform(pipeline, &data.table, x, rows);
    double worst = 0.0;
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < n; k++) {
            worst = fmax(worst, fabs(x[looked_at[i] * n + k] - expected[i * n + k]));
        }
    }
    print_message("pca n_components=%s: largest difference %.2g\n", n_components, worst);
    assert_true(worst < 1e-12);
    trivet_pipeline_free(pipeline);
}

static void components(void **state)
{
    (void)state;
    static const double all[12] = {
        -0.12220896135656868, 0.5398328042025505,  -0.10932096833006152, -0.9411615240767754,
        -0.8807455772342402,  -0.4682064194018163, 0.4717062557960979,   1.0558840689440498,
        2.1799852729693465,   -1.8534181717177707, -0.783154671487118,   -0.046464478195879934};
    static const double two[6] = {-0.12220896135656868, 0.5398328042025505, -0.8807455772342402,
                                  -0.4682064194018163,  2.1799852729693465, -1.8534181717177707};
    static const double white[6] = {-0.05591661147892353, 0.49655266914468604, -0.4029844268972684,
                                    -0.4306688023675864,  0.9974504994174888,  -1.704823665851937};
    check("all", "false", 4, all);
    check("2", "true", 2, white);
    check("0.8", "false", 2, two);
}

/* W = X.T[:, :7]: fewer rows than columns. */
static void more_columns_than_rows(void **state)
{
    (void)state;
    static const double expected[12] = {
        198.25049656065048,  -0.006595558884118617, 0.00038103380989604424, -66.59634115180815,
        -1.616202538284126,  -0.8722538412537925,   -65.5256940640074,      1.638341171391,
        -0.8441853044283161, -66.12846134483493,    -0.015543074222753632,  1.7160581118722054};
    struct data data;
    double numbers[WIDE][COLUMNS];
    double y[COLUMNS] = {1, 2, 3, 5};
    struct trivet_column columns[WIDE + 1];
    static const char *const names[WIDE] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6"};
    double x[COLUMNS * COLUMNS];
    struct trivet_row_status rows[COLUMNS];
    struct fixture_spec spec;
    make_data(&data);
    for (size_t j = 0; j < WIDE; j++) {
        for (size_t i = 0; i < COLUMNS; i++) {
            numbers[j][i] = data.numbers[i][j];
        }
        columns[j] = fixture_numbers(names[j], numbers[j]);
    }
    columns[WIDE] = fixture_numbers("y", y);
    struct trivet_table table = {COLUMNS, WIDE + 1, columns};
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 4);
    fixture_transform(pipeline, &table, x, rows);
    for (size_t i = 0; i < COLUMNS; i++) {
        for (size_t k = 0; k < 3; k++) {
            assert_true(fabs(x[i * 4 + k] - expected[i * 3 + k]) < 1e-11);
        }
        assert_true(fabs(x[i * 4 + 3]) < 1e-12); /* centred rows have no fourth direction */
    }
    trivet_pipeline_free(pipeline);
}

static double fact(const struct trivet_fit_report *report, const char *name)
{
    for (size_t k = 0; k < report->n_facts; k++) {
        if (strcmp(report->facts[k].name, name) == 0) {
            return report->facts[k].value;
        }
    }
    fail_msg("no fact %s", name);
    return 0.0;
}

static void variance_is_told(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    struct trivet_error err = {0};
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", "n_components", "2", NULL);
    struct trivet_pipeline *pipeline = fixture_create(&spec, &data.table);
    assert_int_equal(trivet_pipeline_fit(pipeline, &data.table, NULL, 0, &context, &report, &err),
                     TRIVET_OK);
    /* explained_variance_ratio_ */
    fixture_near(fact(&report, "explained_variance_ratio_1"), 0.6881480732757259, 1e-13);
    fixture_near(fact(&report, "explained_variance_ratio_2"), 0.17027284226081, 1e-13);
    fixture_near(fact(&report, "explained_variance_ratio"), 0.6881480732757259 + 0.17027284226081,
                 1e-13);
    assert_true(fact(&report, "pca_components") == 2.0);
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
}

static void faults(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    double x[ROWS * COLUMNS];
    struct trivet_row_status rows[ROWS];
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    data.numbers[2][3] = NAN;
    data.numbers[1][4] = INFINITY;
    fixture_transform(pipeline, &data.table, x, rows);
    assert_int_equal(rows[2].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[3].fault, TRIVET_ROW_MISSING);
    assert_int_equal(rows[3].column, 2);
    assert_int_equal(rows[4].fault, TRIVET_ROW_INFINITE);
    assert_int_equal(rows[4].column, 1);
    assert_int_equal(rows[5].fault, TRIVET_ROW_FINE);
    trivet_pipeline_free(pipeline);
    data.numbers[1][4] = 0.0;
    fixture_fit_refused(&spec, &data.table, "pca: column 'c' is missing in 1 of 30 training rows");
    data.numbers[2][3] = 0.0;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", "n_components", "5", NULL);
    fixture_fit_refused(&spec, &data.table,
                        "n_components=5 is neither below 1 nor a whole number "
                        "up to 4");
    data.numbers[0][0] = 1e200;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "pca", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &data.table, "column 'a' are too large to be squared");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components),
        cmocka_unit_test(more_columns_than_rows),
        cmocka_unit_test(variance_is_told),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
