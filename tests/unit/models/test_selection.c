/* Steps that keep some columns and drop the others, against scikit-learn. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    40
#define COLUMNS 8

/* i = np.arange(40)
 * X = np.stack([np.sin(i*(j+1.7)*.37) + .3*j*np.cos(i*.11) for j in range(8)], 1)
 * X[:,3] = .1; X[:,6] = X[:,2]; y = np.cos(i*.11) + .4*np.sin(i*2.7*.37) */
struct data {
    double numbers[COLUMNS + 1][ROWS];
    struct trivet_column columns[COLUMNS + 1];
    struct trivet_table table;
};

static void make_data(struct data *data)
{
    static const char *const names[COLUMNS + 1] = {"c0", "c1", "c2", "c3", "c4",
                                                   "c5", "c6", "c7", "y"};
    for (size_t i = 0; i < ROWS; i++) {
        double at = (double)i;
        for (size_t j = 0; j < COLUMNS; j++) {
            data->numbers[j][i] =
                sin(at * ((double)j + 1.7) * 0.37) + 0.3 * (double)j * cos(at * 0.11);
        }
        data->numbers[3][i] = 0.1;
        data->numbers[6][i] = data->numbers[2][i];
        data->numbers[COLUMNS][i] = cos(at * 0.11) + 0.4 * sin(at * 2.7 * 0.37);
    }
    for (size_t j = 0; j <= COLUMNS; j++) {
        data->columns[j] = fixture_numbers(names[j], data->numbers[j]);
    }
    data->table = (struct trivet_table){ROWS, COLUMNS + 1, data->columns};
}

/* `expected`: the digits of the columns that stay. */
static void keeps(const struct data *data, const char *transformer, const char *parameter,
                  const char *value, const char *expected)
{
    struct fixture_spec spec;
    char kept[COLUMNS + 1] = "";
    double x[ROWS * COLUMNS];
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, transformer, parameter, value, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data->table);
    size_t n = trivet_pipeline_n_features(pipeline);
    fixture_transform(pipeline, &data->table, x, rows);
    for (size_t k = 0; k < n; k++) {
        size_t column = (size_t)(trivet_pipeline_feature_name(pipeline, k)[1] - '0');
        kept[k] = (char)('0' + column);
        for (size_t i = 0; i < ROWS; i++) {
            assert_true(x[i * n + k] == data->numbers[column][i]);
        }
    }
    assert_string_equal(kept, expected);
    trivet_pipeline_free(pipeline);
}

/* np.flatnonzero(SelectKBest(f_regression, k=k).fit(X, y).get_support()); columns 2 and 6 are
 * equal: the later one is kept. */
static void best_for_numbers(void **state)
{
    (void)state;
    struct data data;
    make_data(&data);
    keeps(&data, "select_k_best", "k", "1", "7");
    keeps(&data, "select_k_best", "k", "3", "457");
    keeps(&data, "select_k_best", "k", "4", "1457");
    keeps(&data, "select_k_best", "k", "5", "14567");
    keeps(&data, "select_k_best", "k", "7", "0124567");
    keeps(&data, "select_k_best", "k", "8", "01234567");
    keeps(&data, "select_k_best", "k", "all", "01234567");
    keeps(&data, "select_k_best", "k", "0.5", "1457");
    keeps(&data, "select_k_best", "k", "0.01", "7");
    keeps(&data, "select_k_best", "k", "9", "01234567");
}

/* The same with f_classif and c = i % 3, through the ops table. */
static void best_for_classes(void **state)
{
    (void)state;
    static const struct {
        const char *k;
        const char *kept;
    } cases[] = {{"1", "4"}, {"3", "456"}, {"4", "2456"}, {"5", "24567"}, {"7", "0124567"}};
    const struct trivet_transformer_ops *ops = NULL;
    struct data data;
    double classes[ROWS];
    make_data(&data);
    for (size_t i = 0; i < ROWS; i++) {
        classes[i] = (double)(i % 3);
    }
    assert_int_equal(trivet_registry_transformer("select_k_best", &ops, NULL), TRIVET_OK);
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char name[] = "k";
        char value[8];
        char kept[COLUMNS + 1] = "";
        Trivet__V1__Parameter given = TRIVET__V1__PARAMETER__INIT;
        Trivet__V1__Parameter *list[1] = {&given};
        struct trivet_params params;
        struct trivet_fit_context context = {0};
        struct trivet_fit_report report = {0};
        struct trivet_error err = {0};
        const struct trivet_transform_data fit = {data.columns, COLUMNS, ROWS, classes, 3};
        void *fitted = trivet_calloc(1, ops->state_bytes);
        assert_non_null(fitted);
        trivet_text_copy(value, sizeof value, cases[c].k);
        given.name = name;
        given.value = value;
        assert_int_equal(trivet_params_parse(ops->params, ops->name, list, 1, &params, &err),
                         TRIVET_OK);
        assert_int_equal(ops->fit(fitted, &params, &fit, &context, &report, &err), TRIVET_OK);
        for (size_t k = 0; k < ops->n_outputs(fitted); k++) {
            kept[k] = (char)('0' + ops->output_source(fitted, k));
        }
        assert_string_equal(kept, cases[c].kept);
        ops->release(fitted);
        trivet_free(fitted);
        trivet_fit_report_release(&report);
    }
}

static void by_variance(void **state)
{
    (void)state;
    struct data data;
    make_data(&data);
    /* X.var(0): .4995, .5588, .6865, 0, 1.2422, 1.6295, .6865, 2.7304 */
    keeps(&data, "variance_threshold", NULL, NULL, "0124567");
    keeps(&data, "variance_threshold", "threshold", "0.6", "24567");
    keeps(&data, "variance_threshold", "threshold", "2", "7");
}

static void by_correlation(void **state)
{
    (void)state;
    struct data data;
    make_data(&data);
    /* np.corrcoef(X.T): 1 of 2 and 6; .759 of 5 and 7, .699 of 4 and 7, .676 of 4 and 5 */
    keeps(&data, "drop_correlated", NULL, NULL, "0123457");
    keeps(&data, "drop_correlated", "threshold", "0.75", "012345");
    keeps(&data, "drop_correlated", "threshold", "0.68", "012345");
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[6][i] = 5.0 - 2.0 * data.numbers[2][i]; /* the other way */
    }
    keeps(&data, "drop_correlated", NULL, NULL, "0123457");
    /* 5 goes because of 4, and so does not speak against 7: .759 with it, .699 with 4. */
    keeps(&data, "drop_correlated", "threshold", "0.67", "01234");
    for (size_t i = 0; i < ROWS; i++) {
        data.numbers[0][i] = sin((double)i);
        data.numbers[1][i] = data.numbers[0][i] + 0.9 * cos((double)i);
        data.numbers[2][i] = data.numbers[1][i] + 1.2 * cos((double)i);
    }
    keeps(&data, "drop_correlated", "threshold", "0.7", "023456");
}

static void refusals(void **state)
{
    (void)state;
    struct data data;
    struct fixture_spec spec;
    make_data(&data);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "variance_threshold", "threshold", "3", NULL);
    fixture_fit_refused(&spec, &data.table, "no column varies by more than 3, 'c0' neither; lower");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "select_k_best", "k", "2.5", NULL);
    fixture_fit_refused(&spec, &data.table, "k=2.5 is neither a whole number nor below 1");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "select_k_best", "k", "0", NULL);
    fixture_refused(&spec, &data.table, "all");
    data.numbers[4][7] = NAN;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "select_k_best", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &data.table,
                        "select_k_best: column 'c4' is missing in 1 of 40 training rows");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "drop_correlated", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &data.table,
                        "drop_correlated: column 'c4' is missing in 1 of 40 training rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_for_numbers), cmocka_unit_test(best_for_classes),
        cmocka_unit_test(by_variance),      cmocka_unit_test(by_correlation),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
