/* Evaluation and cross-validation of whole pipelines. */
#include "evaluation/cross_validate.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "data/split.h"
#include "metrics/regression.h"
#include "support/normal.h"
#include "unit/models/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS 9000

enum { MSE, RMSE, MAE, R2 };

/* y = 2 a - b + noise of deviation 0.5 */
struct data {
    double a[ROWS];
    double b[ROWS];
    double y[ROWS];
    struct trivet_column columns[3];
    struct trivet_table table;
};

static struct data data;

static void make_data(size_t n_rows)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < n_rows; i++) {
        data.a[i] = normal_next(&rng);
        data.b[i] = normal_next(&rng);
        data.y[i] = 2.0 * data.a[i] - data.b[i] + 0.5 * normal_next(&rng);
    }
    data.columns[0] = fixture_numbers("y", data.y);
    data.columns[1] = fixture_numbers("a", data.a);
    data.columns[2] = fixture_numbers("b", data.b);
    data.table = (struct trivet_table){n_rows, 3, data.columns};
}

static struct trivet_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = trivet_arena_create((size_t)1 << 30, 0);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    trivet_arena_free(arena);
    return 0;
}

/* Metrics alone. */
static enum trivet_status evaluate(const struct trivet_pipeline *pipeline,
                                   const struct trivet_table *table, const char *target,
                                   const size_t *rows, size_t n_rows, struct trivet_evaluation *out,
                                   struct trivet_error *err)
{
    static const struct trivet_evaluate_options nothing = {0};
    return trivet_evaluate(pipeline, table, target, rows, n_rows, &nothing, arena, out, err);
}

/* Shuffled folds over all rows of the data. */
static struct trivet_validation_plan shuffled_plan(const struct fixture_spec *spec,
                                                   const struct trivet_schema *schema,
                                                   size_t n_folds, uint64_t seed)
{
    static size_t rows[ROWS];
    static const struct trivet_splitter splitter = {.kind = TRIVET_SPLIT_SHUFFLED};
    for (size_t i = 0; i < data.table.n_rows; i++) {
        rows[i] = i;
    }
    return (struct trivet_validation_plan){
        .spec = &spec->spec,
        .schema = schema,
        .table = &data.table,
        .rows = rows,
        .n_rows = data.table.n_rows,
        .splitter = &splitter,
        .n_folds = n_folds,
        .seed = seed,
    };
}

static enum trivet_status cross_validate(const struct fixture_spec *spec, size_t n_folds,
                                         uint64_t seed, trivet_fold_cb on_fold, void *ctx,
                                         struct trivet_cross_validation *out,
                                         struct trivet_error *err)
{
    struct trivet_schema schema = fixture_schema(&data.table);
    struct trivet_validation_plan plan = shuffled_plan(spec, &schema, n_folds, seed);
    plan.on_fold = on_fold;
    plan.ctx = ctx;
    enum trivet_status status = trivet_cross_validate(&plan, arena, out, err);
    trivet_schema_release(&schema);
    return status;
}

static void spec_make(struct fixture_spec *spec)
{
    fixture_spec_init(spec, "y", "linear_regression");
    spec->spec.default_transformers = true;
}

static void all_rows_in_slices(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct trivet_evaluation evaluation;
    struct trivet_error err = {0};
    make_data(ROWS);
    spec_make(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    assert_int_equal(evaluate(pipeline, &data.table, "y", NULL, 0, &evaluation, &err), TRIVET_OK);
    assert_int_equal(evaluation.task, TRIVET_TASK_REGRESSION);
    assert_int_equal(evaluation.n_rows, ROWS);
    assert_int_equal(evaluation.n_skipped, 0);
    assert_int_equal(evaluation.n_metrics, TRIVET_REGRESSION_METRICS);
    /* R² = 5 / 5.25, within the noise of 9,000 rows */
    assert_true(fabs(evaluation.metrics[R2].value - 5.0 / 5.25) < 0.005);
    assert_true(fabs(evaluation.metrics[RMSE].value - 0.5) < 0.02);
    fixture_near(evaluation.metrics[RMSE].value, sqrt(evaluation.metrics[MSE].value), 1e-15);
    trivet_pipeline_free(pipeline);
}

static void rows_without_outcome_are_skipped(void **state)
{
    (void)state;
    static const size_t rows[5] = {7, 3, 4999, 12, 0};
    struct fixture_spec spec;
    struct trivet_evaluation evaluation;
    struct trivet_error err = {0};
    make_data(5000);
    spec_make(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    data.y[3] = NAN;       /* no outcome */
    data.a[12] = INFINITY; /* no prediction */
    assert_int_equal(evaluate(pipeline, &data.table, "y", rows, 5, &evaluation, &err), TRIVET_OK);
    assert_int_equal(evaluation.n_rows, 3);
    assert_int_equal(evaluation.n_skipped, 2);
    assert_int_equal(evaluation.n_unpredicted, 1);
    assert_int_equal(evaluate(pipeline, &data.table, "y", &rows[1], 1, &evaluation, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "none of 1 rows"));
    trivet_pipeline_free(pipeline);
}

static void missing_columns_are_named(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct trivet_evaluation evaluation;
    struct trivet_error err = {0};
    make_data(100);
    spec_make(&spec);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &data.table);
    assert_int_equal(evaluate(pipeline, &data.table, "z", NULL, 0, &evaluation, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "z"));
    struct trivet_table narrow = {100, 2, data.columns};
    assert_int_equal(evaluate(pipeline, &narrow, "y", NULL, 0, &evaluation, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "b"));
    trivet_pipeline_free(pipeline);
}

/* Fold k by hand: fit on the others, score on it. */
static double score_by_hand(const struct fixture_spec *spec, const uint32_t *fold_of_row,
                            size_t n_rows, uint32_t fold)
{
    static size_t train[ROWS];
    static size_t test[ROWS];
    size_t n_train = 0;
    size_t n_test = 0;
    struct trivet_evaluation evaluation;
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    for (size_t i = 0; i < n_rows; i++) {
        if (fold_of_row[i] == fold) {
            test[n_test++] = i;
        } else {
            train[n_train++] = i;
        }
    }
    struct trivet_pipeline *pipeline = fixture_create(spec, &data.table);
    assert_int_equal(
        trivet_pipeline_fit(pipeline, &data.table, train, n_train, &context, &report, &err),
        TRIVET_OK);
    assert_int_equal(evaluate(pipeline, &data.table, "y", test, n_test, &evaluation, &err),
                     TRIVET_OK);
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
    return evaluation.metrics[R2].value;
}

static enum trivet_fold_verdict count_folds(void *ctx, size_t fold, size_t n_folds,
                                            const struct trivet_fold *done)
{
    size_t *count = ctx;
    assert_true(fold == 0 || done[fold - 1].n_test > 0);
    assert_int_equal(fold, *count);
    assert_int_equal(n_folds, 5);
    (*count)++;
    return TRIVET_FOLD_GO_ON;
}

static void folds_refit_the_whole_pipeline(void **state)
{
    (void)state;
    enum { N = 203, FOLDS = 5 };
    uint32_t fold_of_row[N];
    struct fixture_spec spec;
    struct trivet_error err = {0};
    size_t count = 0;
    double sum = 0.0;
    struct trivet_cross_validation *result = trivet_calloc(1, sizeof *result);
    assert_non_null(result);
    make_data(N);
    spec_make(&spec);
    assert_int_equal(cross_validate(&spec, FOLDS, 42, count_folds, &count, result, &err),
                     TRIVET_OK);
    assert_int_equal(count, FOLDS);
    assert_int_equal(result->n_folds, FOLDS);
    assert_int_equal(trivet_split_folds(N, FOLDS, 42, fold_of_row, &err), TRIVET_OK);
    for (uint32_t k = 0; k < FOLDS; k++) {
        const struct trivet_fold *fold = &result->folds[k];
        double r2 = score_by_hand(&spec, fold_of_row, N, k);
        assert_int_equal(fold->n_train + fold->n_test, N);
        assert_true(fold->n_test == N / FOLDS || fold->n_test == N / FOLDS + 1);
        assert_int_equal(fold->evaluation.n_rows, fold->n_test);
        assert_true(fold->evaluation.metrics[R2].value == r2);
        sum += r2;
    }
    assert_string_equal(result->mean[R2].name, "r2");
    fixture_near(result->mean[R2].value, sum / FOLDS, 1e-14);
    assert_true(result->deviation[R2].value > 0.0 && result->deviation[R2].defined);
    trivet_free(result);
}

static void leave_one_out_has_no_r2(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct trivet_error err = {0};
    struct trivet_cross_validation *result = trivet_calloc(1, sizeof *result);
    assert_non_null(result);
    make_data(10);
    spec_make(&spec);
    assert_int_equal(cross_validate(&spec, 10, 1, NULL, NULL, result, &err), TRIVET_OK);
    assert_false(result->mean[R2].defined);
    assert_true(result->mean[MAE].defined);
    trivet_free(result);
}

static enum trivet_fold_verdict cancel_at_second(void *ctx, size_t fold, size_t n_folds,
                                                 const struct trivet_fold *done)
{
    (void)ctx;
    (void)n_folds;
    (void)done;
    return fold < 1 ? TRIVET_FOLD_GO_ON : TRIVET_FOLD_CANCEL;
}

static void refusals(void **state)
{
    (void)state;
    static const size_t folds[4] = {0, 1, 11, TRIVET_FOLDS_MAX + 1};
    struct fixture_spec spec;
    struct trivet_error err = {0};
    struct trivet_cross_validation *result = trivet_calloc(1, sizeof *result);
    assert_non_null(result);
    make_data(10);
    spec_make(&spec);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(cross_validate(&spec, folds[k], 1, NULL, NULL, result, &err),
                         TRIVET_INVALID_ARGUMENT);
        assert_int_equal(err.n_violations, 1);
    }
    assert_int_equal(cross_validate(&spec, 5, 1, cancel_at_second, NULL, result, &err),
                     TRIVET_CANCELLED);
    data.y[4] = NAN;
    assert_int_equal(cross_validate(&spec, 5, 1, NULL, NULL, result, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "fold "));
    assert_int_equal(result->n_folds, 0);
    trivet_free(result);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct fixture_spec spec;
    struct trivet_cross_validation *result = trivet_calloc(1, sizeof *result);
    assert_non_null(result);
    make_data(30);
    spec_make(&spec);
    struct trivet_schema schema = fixture_schema(&data.table);
    const struct trivet_validation_plan plan = shuffled_plan(&spec, &schema, 2, 1);
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        status = trivet_cross_validate(&plan, arena, result, &err);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    }
    trivet_schema_release(&schema);
    trivet_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_in_slices),
        cmocka_unit_test(rows_without_outcome_are_skipped),
        cmocka_unit_test(missing_columns_are_named),
        cmocka_unit_test(folds_refit_the_whole_pipeline),
        cmocka_unit_test(leave_one_out_has_no_r2),
        cmocka_unit_test(refusals),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
