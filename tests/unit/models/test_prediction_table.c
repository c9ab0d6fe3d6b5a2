/* Predictions as columns: names, values, and the reasons of rows that have none. */
#include "fixture.h"

#include "models/prediction_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define N_ROWS      6
#define OUTPUTS_MAX 4

static const double xs[N_ROWS] = {0, 1, 2, 3, 4, 5};
static const double ys[N_ROWS] = {1, 3, 5, 7, 9, 11};
static const uint32_t kinds[N_ROWS] = {0, 0, 0, 1, 1, 1};
static const char *const kind_names[] = {"low", "high"};

struct made {
    struct trivet_schema schema;
    struct trivet_column columns[8];
    struct trivet_arena *arena;
};

static void release(struct made *made)
{
    trivet_schema_release(&made->schema);
    trivet_arena_free(made->arena);
}

/* Predictions of `x` beside a kept column "id". */
static void make(const struct trivet_pipeline *pipeline, const double *x, struct made *made)
{
    const struct trivet_column input = fixture_numbers("x", x);
    const struct trivet_table table = {.n_rows = N_ROWS, .n_columns = 1, .columns = &input};
    struct trivet_row_status rows[N_ROWS];
    double outputs[N_ROWS * OUTPUTS_MAX];
    struct trivet_error err = {0};
    memset(made, 0, sizeof *made);
    made->arena = trivet_arena_create(1u << 20, 0);
    assert_non_null(made->arena);
    fixture_predict(pipeline, &table, outputs, rows);
    assert_int_equal(trivet_schema_add(&made->schema, "id", TRIVET_COLUMN_NUMERIC, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_prediction_columns(pipeline, &made->schema, &err), TRIVET_OK);
    assert_int_equal(trivet_prediction_fill(pipeline, &table, outputs, rows, &made->schema,
                                            made->arena, made->columns, &err),
                     TRIVET_OK);
    assert_null(made->columns[0].name); /* not ours */
}

static struct trivet_pipeline *fit(const char *target, const char *estimator, const char *parameter,
                                   const char *value)
{
    struct fixture_spec spec;
    const struct trivet_column columns[] = {fixture_numbers("x", xs), fixture_numbers("y", ys),
                                            fixture_codes("kind", kinds, kind_names, 2)};
    /* The features are all columns but the target: only the one that is meant is there. */
    const struct trivet_column used[] = {columns[0], columns[strcmp(target, "kind") == 0 ? 2 : 1]};
    const struct trivet_table table = {
        .n_rows = N_ROWS, .n_columns = target[0] == '\0' ? 1 : 2, .columns = used};
    fixture_spec_init(&spec, target, estimator);
    if (parameter != NULL) {
        fixture_spec_parameter(&spec, parameter, value);
    }
    return fixture_fit(&spec, &table);
}

static void expect_names(const struct made *made, const char *const *names, size_t n_names)
{
    assert_int_equal(made->schema.n_columns, n_names + 1);
    for (size_t j = 0; j < n_names; j++) {
        assert_string_equal(made->schema.columns[j + 1].name, names[j]);
        assert_string_equal(made->columns[j + 1].name, names[j]);
        assert_int_equal(made->columns[j + 1].type, made->schema.columns[j + 1].type);
    }
}

static void values_and_reasons(void **state)
{
    (void)state;
    struct made made;
    static const double holes[N_ROWS] = {0, NAN, 2, NAN, 1e308, 5};
    static const char *const names[] = {"prediction", "error"};
    struct trivet_pipeline *pipeline = fit("y", "linear_regression", NULL, NULL);
    make(pipeline, holes, &made);
    expect_names(&made, names, 2);
    fixture_near(made.columns[1].numbers[5], 11, 1e-9);
    assert_true(isnan(made.columns[1].numbers[1]));
    assert_true(isnan(made.columns[1].numbers[4]));
    const struct trivet_column *errors = &made.columns[2];
    assert_int_equal(errors->n_dictionary, 2); /* each reason once */
    assert_int_equal(errors->codes[0], TRIVET_CODE_NULL);
    assert_int_equal(errors->codes[1], errors->codes[3]);
    assert_non_null(strstr(errors->dictionary[errors->codes[1]], "column 'x': missing"));
    assert_non_null(strstr(errors->dictionary[errors->codes[4]], "not a finite number"));
    release(&made);
    trivet_pipeline_free(pipeline);
}

static void labels_and_probabilities(void **state)
{
    (void)state;
    struct made made;
    static const char *const names[] = {"prediction", "probability:high", "probability:low",
                                        "error"};
    static const double holes[N_ROWS] = {0, NAN, 2, 3, 4, 5};
    struct trivet_pipeline *pipeline = fit("kind", "logistic_regression", NULL, NULL);
    make(pipeline, holes, &made);
    expect_names(&made, names, 4);
    const struct trivet_column *labels = &made.columns[1];
    assert_string_equal(labels->dictionary[labels->codes[0]], "low");
    assert_string_equal(labels->dictionary[labels->codes[5]], "high");
    assert_int_equal(labels->codes[1], TRIVET_CODE_NULL);
    fixture_near(made.columns[2].numbers[5] + made.columns[3].numbers[5], 1, 1e-12);
    assert_true(isnan(made.columns[2].numbers[1]));
    release(&made);
    trivet_pipeline_free(pipeline);
}

static void clusters_and_their_distance(void **state)
{
    (void)state;
    struct made made;
    static const char *const names[] = {"cluster", "distance", "error"};
    struct trivet_pipeline *pipeline = fit("", "kmeans", "n_clusters", "2");
    make(pipeline, xs, &made);
    expect_names(&made, names, 3);
    assert_true(made.columns[1].numbers[0] != made.columns[1].numbers[5]);
    fixture_near(made.columns[2].numbers[0], 1, 1e-9); /* of 0, 1, 2 */
    fixture_near(made.columns[2].numbers[4] + 1, 1, 1e-9);
    release(&made);
    trivet_pipeline_free(pipeline);
}

static void names_that_are_taken(void **state)
{
    (void)state;
    struct trivet_schema schema = {0};
    struct trivet_error err = {0};
    struct trivet_pipeline *pipeline = fit("y", "linear_regression", NULL, NULL);
    assert_int_equal(trivet_schema_add(&schema, "error", TRIVET_COLUMN_NUMERIC, &err), TRIVET_OK);
    assert_int_equal(trivet_prediction_columns(pipeline, &schema, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "error"));
    trivet_schema_release(&schema);
    trivet_pipeline_free(pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_reasons),
        cmocka_unit_test(labels_and_probabilities),
        cmocka_unit_test(clusters_and_their_distance),
        cmocka_unit_test(names_that_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
