/* Pipelines: default steps against scikit-learn's, placement of columns, refusals, row faults. */
#include "fixture.h"

#include "base/arena.h"
#include "models/registry.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 8

static const double area[ROWS] = {50, 80, NAN, 120, 65, 200, 95, 70};
static const double rooms[ROWS] = {2, 3, 3, NAN, 2, 6, 4, 3};
static const double price[ROWS] = {100, 210, 150, 260, 120, 480, 230, 140};
static const char *const towns[] = {"York", "Bath", "Leeds"};
static const uint32_t town[ROWS] = {0, 1, 0, TRIVET_CODE_NULL, 2, 1, 0, 2};

/* area, town, rooms, price */
static struct trivet_table houses(struct trivet_column columns[4])
{
    columns[0] = fixture_numbers("area", area);
    columns[1] = fixture_codes("town", town, towns, 3);
    columns[2] = fixture_numbers("rooms", rooms);
    columns[3] = fixture_numbers("price", price);
    return (struct trivet_table){ROWS, 4, columns};
}

static void default_spec(struct fixture_spec *spec)
{
    fixture_spec_init(spec, "price", "linear_regression");
    spec->spec.default_transformers = true;
}

/* ColumnTransformer([(make_pipeline(SimpleImputer(), StandardScaler()), ['area', 'rooms']),
 * (make_pipeline(SimpleImputer('most_frequent'), OneHotEncoder()), ['town'])]), LinearRegression()
 */
static void default_steps_as_scikit_learn(void **state)
{
    (void)state;
    static const double coefficients[5] = {67.92719844297527, 34.03846485055196, 29.49651351465353,
                                           -16.275371780191435, -13.22114173446212};
    static const double predictions[ROWS] = {
        91.71505368750148,  209.3682431085851,  193.19739429771283, 236.7298856168113,
        111.88927927523514, 480.63175689141485, 218.3576663979744,  148.1107207247648};
    static const char *const names[5] = {"area", "rooms", "town=Bath", "town=Leeds", "town=York"};
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    struct trivet_error err = {0};
    double out[ROWS];
    struct trivet_row_status rows[ROWS];
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_create(&spec, &table);
    assert_int_equal(trivet_pipeline_fit(pipeline, &table, NULL, 0, &context, &report, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 5);
    assert_int_equal(report.n_features, 5);
    for (size_t j = 0; j < 5; j++) {
        assert_string_equal(trivet_pipeline_feature_name(pipeline, j), names[j]);
        fixture_near(report.coefficients[j], coefficients[j], 1e-8);
        assert_false(report.constant[j]);
    }
    fixture_near(report.intercepts[0], 214.55528543361552, 1e-8);
    assert_true(report.converged);
    assert_int_equal(report.rank, 4); /* the three towns add up to one */
    assert_int_equal(report.n_warnings, 1);
    assert_non_null(strstr(report.warnings[0], "rank 4 of 5"));
    fixture_predict(pipeline, &table, out, rows);
    for (size_t i = 0; i < ROWS; i++) {
        fixture_near(out[i], predictions[i], 1e-10);
    }
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
}

static void ridge_as_scikit_learn(void **state)
{
    (void)state;
    /* The same with Ridge(0.5) */
    static const double predictions[ROWS] = {
        94.650618227508,   205.97439965620237, 192.74841683454827, 233.3322496305914,
        112.5130721528109, 471.60761101268577, 224.92779117292247, 154.2458413127309};
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    double out[ROWS];
    struct trivet_row_status rows[ROWS];
    default_spec(&spec);
    fixture_spec_parameter(&spec, "penalty", "l2");
    fixture_spec_parameter(&spec, "alpha", "0.5");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_predict(pipeline, &table, out, rows);
    for (size_t i = 0; i < ROWS; i++) {
        fixture_near(out[i], predictions[i], 1e-10);
    }
    trivet_pipeline_free(pipeline);
}

static void what_it_is(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "imputer(mean): area, rooms",    "standard_scaler: area, rooms",
        "imputer(most_frequent): town",  "one_hot_encoder: town",
        "linear_regression(penalty=l2)",
    };
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    char text[128];
    default_spec(&spec);
    fixture_spec_parameter(&spec, "penalty", "l2");
    struct trivet_pipeline *pipeline = fixture_create(&spec, &table);
    size_t unfitted_bytes = trivet_pipeline_memory_bytes(pipeline);
    trivet_pipeline_free(pipeline);
    pipeline = fixture_fit(&spec, &table);
    for (size_t i = 0; i < 5; i++) {
        assert_true(trivet_pipeline_step_text(pipeline, i, text, sizeof text));
        assert_string_equal(text, texts[i]);
    }
    assert_false(trivet_pipeline_step_text(pipeline, 5, text, sizeof text));
    assert_int_equal(trivet_pipeline_task(pipeline), TRIVET_TASK_REGRESSION);
    assert_int_equal(trivet_pipeline_inputs(pipeline)->n_columns, 3);
    assert_string_equal(trivet_pipeline_inputs(pipeline)->columns[1].name, "town");
    assert_string_equal(trivet_pipeline_target(pipeline)->name, "price");
    assert_int_equal(trivet_pipeline_n_outputs(pipeline), 1);
    assert_int_equal(trivet_pipeline_labels(pipeline)->n_labels, 0);
    assert_true(trivet_pipeline_memory_bytes(pipeline) > unfitted_bytes);
    trivet_pipeline_free(pipeline);
}

/* An encoder with as many outputs as inputs stands where the column was, else at the end. */
static void outputs_take_places(void **state)
{
    (void)state;
    static const uint32_t two_towns[ROWS] = {0, 1, 0, 1, 0, 1, 0, 1};
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    columns[1] = fixture_codes("town", two_towns, towns, 3);
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "imputer", NULL, NULL, NULL);
    fixture_spec_step(&spec, "one_hot_encoder", "drop", "first", NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 3);
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 0), "area");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 1), "town=York");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 2), "rooms");
    trivet_pipeline_free(pipeline);
}

/* A step named after raw columns applies to what was made of them; an unnamed one to the raw
 * columns of its type. */
static void steps_follow_their_columns(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    char text[128];
    double out[ROWS];
    struct trivet_row_status rows[ROWS];
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "imputer", "strategy", "most_frequent", NULL);
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    fixture_spec_step(&spec, "standard_scaler", NULL, NULL, NULL);
    fixture_spec_step(&spec, "standard_scaler", "with_mean", "false", "town");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    assert_true(trivet_pipeline_step_text(pipeline, 0, text, sizeof text));
    assert_string_equal(text, "imputer(most_frequent): area, town, rooms");
    assert_true(trivet_pipeline_step_text(pipeline, 2, text, sizeof text));
    assert_string_equal(text, "standard_scaler: area, rooms");
    assert_true(trivet_pipeline_step_text(pipeline, 3, text, sizeof text));
    assert_string_equal(text, "standard_scaler(with_mean=false): town");
    assert_string_equal(trivet_pipeline_feature_name(pipeline, 2), "town=Bath");
    fixture_predict(pipeline, &table, out, rows);
    assert_true(isfinite(out[3]));
    trivet_pipeline_free(pipeline);
}

static void chosen_columns_and_rows(void **state)
{
    (void)state;
    char column_rooms[] = "rooms";
    char *names[1] = {column_rooms};
    static const size_t chosen[4] = {0, 4, 5, 7};
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    struct trivet_error err = {0};
    fixture_spec_init(&spec, "price", "linear_regression");
    spec.spec.columns = names;
    spec.spec.n_columns = 1;
    struct trivet_pipeline *pipeline = fixture_create(&spec, &table);
    assert_int_equal(trivet_pipeline_fit(pipeline, &table, chosen, 4, &context, &report, &err),
                     TRIVET_OK);
    /* np.polyfit([2, 2, 6, 3], [100, 120, 480, 140], 1) */
    fixture_near(report.coefficients[0], 93.953488372093023, 1e-12);
    fixture_near(report.intercepts[0], -95.348837209302326, 1e-12);
    trivet_fit_report_release(&report);
    static const size_t beyond[1] = {ROWS};
    assert_int_equal(trivet_pipeline_fit(pipeline, &table, beyond, 1, &context, &report, &err),
                     TRIVET_OUT_OF_RANGE);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 0);
    trivet_pipeline_free(pipeline);
}

static void create_refusals(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    char target[] = "price";
    char *names[1] = {target};
    fixture_spec_init(&spec, "price", "magic");
    fixture_refused(&spec, &table, "linear_regression");
    fixture_spec_init(&spec, "cost", "linear_regression");
    fixture_refused(&spec, &table, "area, town, rooms, price");
    fixture_spec_init(&spec, "", "linear_regression");
    fixture_refused(&spec, &table, "no target is named");
    fixture_spec_init(&spec, "town", "linear_regression");
    fixture_refused(&spec, &table, "holds text");
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_refused(&spec, &table, "add a one_hot_encoder");
    spec.spec.columns = names;
    spec.spec.n_columns = 1;
    fixture_refused(&spec, &table, "is the target");
    default_spec(&spec);
    fixture_spec_parameter(&spec, "alpha", "-1");
    fixture_refused(&spec, &table, "[0, inf)");
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "magic", NULL, NULL, NULL);
    fixture_refused(&spec, &table, "there are: ");
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "imputer", NULL, NULL, "garden");
    fixture_refused(&spec, &table, "imputer: feature 'garden' is not in the data");
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "standard_scaler", NULL, NULL, "town");
    fixture_refused(&spec, &table, "put a one_hot_encoder");
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, "area");
    fixture_refused(&spec, &table, "does not take the numeric column 'area'");
    struct trivet_table alone = {ROWS, 1, &columns[3]};
    default_spec(&spec);
    fixture_refused(&spec, &alone, "no column besides the target");
    struct trivet_table numbers = {ROWS, 2, &columns[2]};
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_spec_step(&spec, "one_hot_encoder", NULL, NULL, NULL);
    fixture_refused(&spec, &numbers, "finds no column");
}

static void fit_refusals(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct trivet_table numbers = {ROWS, 2, &columns[2]};
    struct fixture_spec spec;
    double values[ROWS];
    fixture_spec_init(&spec, "price", "linear_regression");
    fixture_fit_refused(&spec, &numbers, "column 'rooms' is missing in 1 of 8 training rows");
    memcpy(values, price, sizeof values);
    values[2] = NAN;
    columns[3] = fixture_numbers("price", values);
    default_spec(&spec);
    fixture_fit_refused(&spec, &table, "target 'price' is missing in row 3");
    values[2] = INFINITY;
    fixture_fit_refused(&spec, &table, "target 'price' is infinite in row 3");
    columns[3] = fixture_numbers("price", price);
    columns[0] = fixture_numbers("area", values);
    fixture_fit_refused(&spec, &table, "column 'area' is infinite in row 3");
    table.n_rows = 0;
    fixture_fit_refused(&spec, &table, "no rows");
}

/* One bad row does not fail its neighbours; faults name the raw column. */
static void row_faults(void **state)
{
    (void)state;
    static const double asked_area[4] = {50, INFINITY, 80, 80};
    static const double asked_rooms[4] = {2, 3, 3, NAN};
    static const char *const asked_towns[] = {"Paris", "Bath"};
    static const uint32_t asked_town[4] = {1, 1, 0, 1};
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct trivet_column asked_columns[3] = {fixture_codes("town", asked_town, asked_towns, 2),
                                             fixture_numbers("rooms", asked_rooms),
                                             fixture_numbers("area", asked_area)};
    struct trivet_table asked = {4, 3, asked_columns};
    struct fixture_spec spec;
    double out[4];
    struct trivet_row_status rows[4];
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_predict(pipeline, &asked, out, rows);
    assert_true(isfinite(out[0]) && isfinite(out[3]));
    assert_int_equal(rows[1].fault, TRIVET_ROW_INFINITE);
    assert_int_equal(rows[1].column, 0);
    assert_int_equal(rows[2].fault, TRIVET_ROW_UNSEEN_CATEGORY);
    assert_int_equal(rows[2].column, 1);
    assert_true(isnan(out[1]) && isnan(out[2]));
    trivet_pipeline_free(pipeline);

    struct trivet_table numbers = {ROWS, 2, &columns[2]};
    static const double whole[ROWS] = {2, 3, 3, 4, 2, 6, 4, 3};
    columns[2] = fixture_numbers("rooms", whole);
    fixture_spec_init(&spec, "price", "linear_regression");
    pipeline = fixture_fit(&spec, &numbers);
    asked_columns[1] = fixture_numbers("rooms", asked_rooms);
    fixture_predict(pipeline, &asked, out, rows);
    assert_int_equal(rows[3].fault, TRIVET_ROW_MISSING);
    assert_int_equal(rows[3].column, 0);
    static const double huge[4] = {1, 1.5e308, 2, 3};
    asked_columns[1] = fixture_numbers("rooms", huge);
    fixture_predict(pipeline, &asked, out, rows);
    assert_int_equal(rows[1].fault, TRIVET_ROW_OVERFLOW);
    assert_true(isnan(out[1]) && isfinite(out[2]));
    trivet_pipeline_free(pipeline);
}

/* What was a fault before stays it, and gives zeros. */
static void earlier_faults_stay(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    struct trivet_error err = {0};
    struct trivet_table bound;
    double x[ROWS * 5];
    struct trivet_row_status rows[ROWS] = {[2] = {TRIVET_ROW_NAN, 2}};
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 0);
    assert_non_null(arena);
    assert_int_equal(
        trivet_table_bind(&table, trivet_pipeline_inputs(pipeline), arena, &bound, &err),
        TRIVET_OK);
    struct trivet_matrix matrix = {x, ROWS, 5, 5};
    assert_int_equal(trivet_pipeline_transform(pipeline, &bound, arena, matrix, rows, &err),
                     TRIVET_OK);
    assert_int_equal(rows[2].fault, TRIVET_ROW_NAN);
    assert_int_equal(rows[2].column, 2);
    for (size_t j = 0; j < 5; j++) {
        assert_true(x[2 * 5 + j] == 0.0);
    }
    matrix.n_cols = 4;
    assert_int_equal(trivet_pipeline_transform(pipeline, &bound, arena, matrix, rows, &err),
                     TRIVET_INVALID_ARGUMENT);
    matrix.n_cols = 5;
    bound.n_columns = 2;
    assert_int_equal(trivet_pipeline_transform(pipeline, &bound, arena, matrix, rows, &err),
                     TRIVET_INVALID_ARGUMENT);
    trivet_arena_free(arena);
    trivet_pipeline_free(pipeline);
}

static void unfitted_refuses(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    struct trivet_error err = {0};
    double out[ROWS];
    struct trivet_row_status rows[ROWS] = {{0}};
    struct trivet_matrix matrix = {out, ROWS, 1, 1};
    Trivet__V1__Pipeline *message = NULL;
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_create(&spec, &table);
    assert_int_equal(trivet_pipeline_predict(pipeline, &table, matrix, rows, &err),
                     TRIVET_FAILED_PRECONDITION);
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 0);
    assert_non_null(arena);
    assert_int_equal(trivet_pipeline_save(pipeline, arena, &message, &err),
                     TRIVET_FAILED_PRECONDITION);
    trivet_arena_free(arena);
    trivet_pipeline_free(pipeline);
}

/* More rows than a slice: the slices meet without a gap. */
static void many_rows(void **state)
{
    (void)state;
    enum { N = 10000 };
    static double x[N];
    static double y[N];
    static double out[N];
    static struct trivet_row_status rows[N];
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i;
        y[i] = 2.0 * (double)i + 1.0;
    }
    struct trivet_column columns[2] = {fixture_numbers("x", x), fixture_numbers("y", y)};
    struct trivet_table table = {N, 2, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_predict(pipeline, &table, out, rows);
    for (size_t i = 0; i < N; i++) {
        assert_true(fabs(out[i] - y[i]) < 1e-8);
    }
    trivet_pipeline_free(pipeline);
}

/* One fitted pipeline, asked by several threads at once. */
struct asker {
    const struct trivet_pipeline *pipeline;
    const struct trivet_table *table;
    const double *expected;
    bool agreed;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    asker->agreed = true;
    for (int k = 0; k < 50; k++) {
        double out[ROWS];
        struct trivet_row_status rows[ROWS] = {{0}};
        struct trivet_matrix matrix = {out, ROWS, 1, 1};
        enum trivet_status status =
            trivet_pipeline_predict(asker->pipeline, asker->table, matrix, rows, NULL);
        asker->agreed =
            asker->agreed && status == TRIVET_OK && memcmp(out, asker->expected, sizeof out) == 0;
    }
    return NULL;
}

static void any_thread_predicts(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    double expected[ROWS];
    struct trivet_row_status rows[ROWS];
    pthread_t threads[THREADS];
    struct asker askers[THREADS];
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    fixture_predict(pipeline, &table, expected, rows);
    for (size_t i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){pipeline, &table, expected, false};
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(askers[i].agreed);
    }
    trivet_pipeline_free(pipeline);
}

static bool never(void *ctx, double fraction)
{
    (void)ctx;
    (void)fraction;
    return false;
}

static void cancelled(void **state)
{
    (void)state;
    struct trivet_column columns[4];
    struct trivet_table table = houses(columns);
    struct fixture_spec spec;
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.progress = never};
    default_spec(&spec);
    struct trivet_pipeline *pipeline = fixture_create(&spec, &table);
    assert_int_equal(trivet_pipeline_fit(pipeline, &table, NULL, 0, &context, &report, &err),
                     TRIVET_CANCELLED);
    assert_int_equal(trivet_pipeline_n_features(pipeline), 0);
    trivet_pipeline_free(pipeline);
}

static void registry_is_sorted(void **state)
{
    (void)state;
    const struct trivet_estimator_ops *const *estimators = trivet_registry_estimators();
    const struct trivet_transformer_ops *const *transformers = trivet_registry_transformers();
    const struct trivet_transformer_ops *found = NULL;
    for (size_t i = 1; estimators[0] != NULL && estimators[i] != NULL; i++) {
        assert_true(strcmp(estimators[i - 1]->name, estimators[i]->name) < 0);
    }
    for (size_t i = 1; transformers[0] != NULL && transformers[i] != NULL; i++) {
        assert_true(strcmp(transformers[i - 1]->name, transformers[i]->name) < 0);
    }
    assert_int_equal(trivet_registry_transformer("imputer", &found, NULL), TRIVET_OK);
    assert_string_equal(found->name, "imputer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_steps_as_scikit_learn),
        cmocka_unit_test(ridge_as_scikit_learn),
        cmocka_unit_test(what_it_is),
        cmocka_unit_test(outputs_take_places),
        cmocka_unit_test(steps_follow_their_columns),
        cmocka_unit_test(chosen_columns_and_rows),
        cmocka_unit_test(create_refusals),
        cmocka_unit_test(fit_refusals),
        cmocka_unit_test(row_faults),
        cmocka_unit_test(earlier_faults_stay),
        cmocka_unit_test(unfitted_refuses),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(any_thread_predicts),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(registry_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
