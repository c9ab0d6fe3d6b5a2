#include "fixture.h"

#include "artefact/report_codec.h"
#include "base/alloc.h"

#include <string.h>

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    return 0;
}

static struct trivet_evaluation some_evaluation(void)
{
    return (struct trivet_evaluation){
        .task = TRIVET_TASK_REGRESSION,
        .n_rows = 7,
        .n_skipped = 2,
        .importance_metric = "",
        .n_metrics = 2,
        .metrics = {{.name = "r2", .value = 0.5, .defined = true}, {.name = "mape"}},
    };
}

static void test_evaluation(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err = {0};
    Trivet__V1__EvaluationReport *report = NULL;
    const struct trivet_evaluation evaluation = some_evaluation();
    assert_int_equal(trivet_evaluation_encode(&evaluation, fixture->arena, &report, &err),
                     TRIVET_OK);
    assert_int_equal(report->task, TRIVET__V1__TASK__TASK_REGRESSION);
    assert_int_equal(report->rows, 7);
    assert_int_equal(report->rows_skipped, 2);
    assert_int_equal(report->n_metrics, 2);
    assert_string_equal(report->metrics[0]->name, "r2");
    assert_true(report->metrics[0]->defined);
    assert_true(report->metrics[0]->value == 0.5);
    assert_false(report->metrics[1]->defined);
}

static void test_cross_validation(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err = {0};
    Trivet__V1__CrossValidation *message = NULL;
    struct trivet_cross_validation *validation = trivet_calloc(1, sizeof *validation);
    struct trivet_fold folds[2] = {{0}};
    assert_non_null(validation);
    validation->n_folds = 2;
    validation->folds = folds;
    folds[0].evaluation.importance_metric = "";
    folds[1] = (struct trivet_fold){.n_train = 5, .n_test = 4, .evaluation = some_evaluation()};
    validation->n_metrics = 1;
    validation->mean[0] = (struct trivet_metric){.name = "r2", .value = 0.25, .defined = true};
    validation->deviation[0] = (struct trivet_metric){.name = "r2", .value = 0.1, .defined = true};
    assert_int_equal(trivet_cross_validation_encode(validation, fixture->arena, &message, &err),
                     TRIVET_OK);
    assert_int_equal(message->n_folds, 2);
    assert_int_equal(message->folds[1]->index, 1);
    assert_int_equal(message->folds[1]->rows_train, 5);
    assert_int_equal(message->folds[1]->rows_test, 4);
    assert_int_equal(message->folds[1]->evaluation->rows, 7);
    assert_int_equal(message->n_mean, 1);
    assert_true(message->mean[0]->value == 0.25);
    assert_true(message->deviation[0]->value == 0.1);
    trivet_free(validation);
}

static void test_fit(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err = {0};
    Trivet__V1__FitReport *report = NULL;
    Trivet__V1__TrainingReport training = TRIVET__V1__TRAINING_REPORT__INIT;
    trivet_fit_report_warn(&fixture->fit, "a warning");
    assert_int_equal(
        trivet_fit_report_encode(&fixture->fit, fixture->pipeline, fixture->arena, &report, &err),
        TRIVET_OK);
    assert_int_equal(report->features, 2);
    assert_int_equal(report->rank, 2);
    assert_int_equal(report->n_constant_columns, 0);
    assert_string_equal(report->warnings[report->n_warnings - 1], "a warning");
    assert_int_equal(
        trivet_equations_encode(&fixture->fit, fixture->pipeline, fixture->arena, &training, &err),
        TRIVET_OK);
    assert_int_equal(training.n_coefficients, 2);
    assert_non_null(strstr(training.coefficients[0]->feature, "a"));
    assert_string_equal(training.coefficients[0]->output, "");
    assert_true(training.coefficients[0]->value > 0 && training.coefficients[1]->value < 0);
    assert_int_equal(training.n_intercepts, 1);
    assert_true(training.intercepts[0]->value == training.intercept);
}

static void test_arena_spent(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err = {0};
    const struct trivet_evaluation evaluation = some_evaluation();
    bool done = false;
    for (size_t budget = 16; !done; budget += 16) {
        struct trivet_arena *arena = trivet_arena_create(budget, 0);
        Trivet__V1__EvaluationReport *report = NULL;
        Trivet__V1__FitReport *fit = NULL;
        Trivet__V1__TrainingReport training = TRIVET__V1__TRAINING_REPORT__INIT;
        assert_non_null(arena);
        enum trivet_status status = trivet_evaluation_encode(&evaluation, arena, &report, &err);
        if (status == TRIVET_OK) {
            status = trivet_fit_report_encode(&fixture->fit, fixture->pipeline, arena, &fit, &err);
        }
        if (status == TRIVET_OK) {
            status =
                trivet_equations_encode(&fixture->fit, fixture->pipeline, arena, &training, &err);
        }
        done = status == TRIVET_OK;
        assert_true(done || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_arena_free(arena);
        assert_true(budget < 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_cross_validation),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_arena_spent),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
