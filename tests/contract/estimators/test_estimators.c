/* The contract of every estimator and transformer: what holds for all of them, tried on each. */
#include "contract/estimators/subject.h"

#include "base/alloc.h"
#include "models/registry.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    60
#define NUMBERS 3
/* A row alone against the row in a batch, relative to the spread of the target. */
#define BATCH_TOLERANCE 1e-12

static void predict(const struct trivet_pipeline *pipeline, const struct subject_data *data,
                    double *out)
{
    struct trivet_row_status rows[SUBJECT_ROWS_MAX];
    fixture_predict(pipeline, &data->table, out, rows);
    for (size_t i = 0; i < data->n_rows; i++) {
        assert_int_equal(rows[i].fault, TRIVET_ROW_FINE);
    }
    for (size_t i = 0; i < data->n_rows * trivet_pipeline_n_outputs(pipeline); i++) {
        assert_true(isfinite(out[i]));
    }
}

static void tables_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; trivet_registry_estimators()[i] != NULL; i++) {
        const struct trivet_estimator_ops *ops = trivet_registry_estimators()[i];
        assert_true(ops->name != NULL && ops->summary != NULL && ops->params != NULL);
        assert_true(ops->state_bytes > 0 && ops->fit != NULL && ops->predict != NULL);
        assert_true(ops->save != NULL && ops->load != NULL && ops->release != NULL);
        assert_true(ops->n_features != NULL && ops->n_outputs != NULL);
        assert_true(ops->memory_bytes != NULL);
    }
    for (size_t i = 0; trivet_registry_transformers()[i] != NULL; i++) {
        const struct trivet_transformer_ops *ops = trivet_registry_transformers()[i];
        assert_true(ops->name != NULL && ops->summary != NULL && ops->params != NULL);
        assert_true(ops->state_bytes > 0 && ops->fit != NULL && ops->transform != NULL);
        assert_true(ops->save != NULL && ops->load != NULL && ops->release != NULL);
        assert_true(ops->accepts != NULL && ops->output_type != NULL && ops->n_outputs != NULL);
        assert_true(ops->output_name != NULL && ops->output_source != NULL);
        assert_true(ops->memory_bytes != NULL);
    }
}

static void check_defaults(const struct trivet_param_spec *specs, const char *owner)
{
    struct trivet_params params;
    char text[64];
    assert_int_equal(trivet_params_parse(specs, owner, NULL, 0, &params, NULL), TRIVET_OK);
    for (size_t i = 0; i < params.n_params; i++) {
        assert_true(specs[i].help != NULL && specs[i].help[0] != '\0');
        trivet_params_format(&params, i, text, sizeof text);
        assert_string_equal(text, specs[i].default_text);
    }
}

static void defaults_are_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; trivet_registry_estimators()[i] != NULL; i++) {
        const struct trivet_estimator_ops *ops = trivet_registry_estimators()[i];
        check_defaults(ops->params, ops->name);
    }
    for (size_t i = 0; trivet_registry_transformers()[i] != NULL; i++) {
        const struct trivet_transformer_ops *ops = trivet_registry_transformers()[i];
        check_defaults(ops->params, ops->name);
    }
}

static void round_trip_body(const struct subject *subject)
{
    double before[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
    double after[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
    struct trivet_buffer packed = {0};
    struct trivet_buffer again = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 1);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    struct trivet_arena *arena = trivet_arena_create(1 << 22, 0);
    assert_non_null(arena);
    subject_pack(pipeline, &packed);
    struct trivet_pipeline *loaded = subject_unpack(&packed, arena);
    trivet_arena_free(arena); /* a loaded pipeline borrows nothing from the message */
    predict(pipeline, data, before);
    predict(loaded, data, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(trivet_pipeline_n_features(loaded), trivet_pipeline_n_features(pipeline));
    for (size_t j = 0; j < trivet_pipeline_n_features(pipeline); j++) {
        assert_string_equal(trivet_pipeline_feature_name(loaded, j),
                            trivet_pipeline_feature_name(pipeline, j));
    }
    assert_true(trivet_pipeline_memory_bytes(loaded) > 0);
    subject_pack(loaded, &again);
    assert_int_equal(again.n_bytes, packed.n_bytes);
    assert_memory_equal(again.data, packed.data, packed.n_bytes);
    trivet_buffer_release(&packed);
    trivet_buffer_release(&again);
    trivet_pipeline_free(loaded);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void deterministic_body(const struct subject *subject)
{
    struct trivet_buffer first = {0};
    struct trivet_buffer second = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 2);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = 7};
    subject_pack(pipeline, &first);
    /* Fitting again starts anew, on the same object. */
    assert_int_equal(trivet_pipeline_fit(pipeline, &data->table, NULL, 0, &context, &report, NULL),
                     TRIVET_OK);
    trivet_fit_report_release(&report);
    subject_pack(pipeline, &second);
    assert_int_equal(first.n_bytes, second.n_bytes);
    assert_memory_equal(first.data, second.data, first.n_bytes);
    trivet_buffer_release(&first);
    trivet_buffer_release(&second);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

/* A row alone, or with the rows before that its features look back to. */
static void batch_body(const struct subject *subject)
{
    double batch[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 3);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    size_t history_max = trivet_pipeline_history_rows(pipeline);
    assert_true(n_outputs <= SUBJECT_OUTPUTS_MAX);
    predict(pipeline, data, batch);
    for (size_t i = 0; i < ROWS; i++) {
        struct trivet_column columns[SUBJECT_COLS_MAX + 3];
        size_t history = i < history_max ? i : history_max;
        struct trivet_table one =
            trivet_table_slice(&data->table, i - history, history + 1, columns);
        struct trivet_row_status rows[ROWS];
        double alone[ROWS * SUBJECT_OUTPUTS_MAX];
        const double *single = &alone[history * n_outputs];
        fixture_predict(pipeline, &one, alone, rows);
        for (size_t k = 0; k < n_outputs; k++) {
            assert_true(fabs(single[k] - batch[i * n_outputs + k]) <= BATCH_TOLERANCE * 10.0);
        }
    }
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void widths_body(const struct subject *subject)
{
    struct trivet_error err = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 4);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    size_t n_features = trivet_pipeline_n_features(pipeline);
    double x[4 * SUBJECT_COLS_MAX] = {0};
    double out[SUBJECT_OUTPUTS_MAX + 1] = {-1.0};
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    assert_true(n_features + 2 <= 4 * SUBJECT_COLS_MAX);
    for (size_t width = 0; width <= n_features + 2; width++) {
        struct trivet_const_matrix wrong = {x, 1, width, width};
        struct trivet_matrix to = {out, 1, n_outputs, n_outputs};
        enum trivet_status status = trivet_pipeline_estimate(pipeline, wrong, to, &err);
        assert_int_equal(status, width == n_features ? TRIVET_OK : TRIVET_INVALID_ARGUMENT);
        assert_true(width == n_features || out[0] == -1.0);
        out[0] = -1.0;
    }
    struct trivet_const_matrix right = {x, 1, n_features, n_features};
    struct trivet_matrix wide = {out, 1, n_outputs + 1, n_outputs + 1};
    assert_int_equal(trivet_pipeline_estimate(pipeline, right, wide, &err),
                     TRIVET_INVALID_ARGUMENT);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

/* Infinity is always refused; NaN unless the subject imputes, or takes it as it is. */
static void not_finite_body(const struct subject *subject)
{
    static const double bad[3] = {INFINITY, -INFINITY, NAN};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 5);
    struct trivet_pipeline *good = subject_fit_or_fail(subject, data);
    for (size_t k = 0; k < 3; k++) {
        struct trivet_pipeline *pipeline = NULL;
        struct trivet_error err = {0};
        struct trivet_row_status rows[SUBJECT_ROWS_MAX];
        double out[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
        double kept = data->numbers[1][20];
        bool imputed = isnan(bad[k]) && (subject->with_missing || subject->takes_missing);
        data->numbers[1][20] = bad[k];
        enum trivet_status status = subject_fit(subject, data, 7, &pipeline, &err);
        assert_int_equal(status, imputed ? TRIVET_OK : TRIVET_INVALID_ARGUMENT);
        assert_true(imputed || strstr(err.message, "'n1'") != NULL);
        trivet_pipeline_free(pipeline);
        fixture_predict(good, &data->table, out, rows);
        enum trivet_row_fault fault = isnan(bad[k]) ? TRIVET_ROW_MISSING : TRIVET_ROW_INFINITE;
        assert_int_equal(rows[20].fault, imputed ? TRIVET_ROW_FINE : fault);
        assert_int_equal(rows[20].column, imputed ? 0 : 1);
        assert_int_equal(rows[19].fault, TRIVET_ROW_FINE);
        size_t n_outputs = trivet_pipeline_n_outputs(good);
        assert_true(isfinite(out[19 * n_outputs]) && isfinite(out[21 * n_outputs]));
        data->numbers[1][20] = kept;
    }
    trivet_pipeline_free(good);
    trivet_free(data);
}

static void single_row_body(const struct subject *subject)
{
    double out[SUBJECT_OUTPUTS_MAX];
    struct subject_data *data = subject_data_make(subject, 1, NUMBERS, 6);
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = subject_fit(subject, data, 7, &pipeline, &err);
    /* drop=first leaves numbers only; everything must still be fine or be said. */
    if (status == TRIVET_OK) {
        predict(pipeline, data, out);
    } else {
        assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
        assert_true(strlen(err.message) > 0);
    }
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void wide_body(const struct subject *subject)
{
    double out[6 * SUBJECT_OUTPUTS_MAX];
    struct subject_data *data = subject_data_make(subject, 6, 20, 7);
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = subject_fit(subject, data, 7, &pipeline, &err);
    if (status == TRIVET_OK) {
        predict(pipeline, data, out);
    } else {
        assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
        assert_true(strlen(err.message) > 0);
    }
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void constant_and_collinear_body(const struct subject *subject)
{
    double out[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, 4, 8);
    for (size_t i = 0; i < ROWS; i++) {
        data->numbers[2][i] = 0.1;
        data->numbers[3][i] =
            2.0 * data->numbers[0][i] + (subject->positive ? 1.0 : -1.0) * data->numbers[1][i];
    }
    subject_data_set_target(data, 4);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    predict(pipeline, data, out);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static const char *transformer_name(const struct subject *subject)
{
    return subject->transformer != NULL ? subject->transformer->name : "";
}

static void one_value_body(const struct subject *subject)
{
    double out[ROWS * SUBJECT_OUTPUTS_MAX] = {0};
    struct subject_data *data = subject_data_make(subject, ROWS, 1, 9);
    for (size_t i = 0; i < ROWS; i++) {
        data->numbers[0][i] = subject->positive ? 7.25 : -7.25;
    }
    subject_data_set_target(data, 1);
    if (strcmp(transformer_name(subject), "variance_threshold") == 0) {
        struct trivet_pipeline *none = NULL;
        struct trivet_error err = {0};
        assert_int_equal(subject_fit(subject, data, 7, &none, &err), TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "'n0'"));
        trivet_free(data);
        return;
    }
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    predict(pipeline, data, out);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

/* True when the subject's model does not change under an offset of its inputs: a network starts
 * from weights that expect scaled ones, and says so; powers and tanh of x·z do not know distances;
 * the intercept of a linear support vector machine is penalised. */
static bool is_shift_invariant(const struct subject *subject)
{
    static const char *const varying[] = {"polynomial_features", "power_transformer", "normalizer",
                                          NULL};
    for (size_t k = 0; varying[k] != NULL; k++) {
        if (strcmp(transformer_name(subject), varying[k]) == 0) {
            return false;
        }
    }
    static const char *const others[] = {"constant", "mlp_", "kernel=poly", "kernel=sigmoid",
                                         "linear_sv"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(others); i++) {
        if (strstr(subject->name, others[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static void offset_body(const struct subject *subject)
{
    double plain[SUBJECT_ROWS_MAX * SUBJECT_OUTPUTS_MAX];
    double moved[SUBJECT_ROWS_MAX * SUBJECT_OUTPUTS_MAX];
    if (!is_shift_invariant(subject)) {
        return;
    }
    struct subject_data *data = subject_data_make(subject, SUBJECT_ROWS_MAX, NUMBERS, 10);
    for (size_t j = 0; j < NUMBERS; j++) {
        for (size_t i = 0; i < SUBJECT_ROWS_MAX; i++) {
            data->numbers[j][i] = (data->numbers[j][i] + 1e6) - 1e6;
        }
    }
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    predict(pipeline, data, plain);
    trivet_pipeline_free(pipeline);
    for (size_t j = 0; j < NUMBERS; j++) {
        for (size_t i = 0; i < SUBJECT_ROWS_MAX; i++) {
            data->numbers[j][i] += 1e6;
        }
    }
    pipeline = subject_fit_or_fail(subject, data);
    predict(pipeline, data, moved);
    for (size_t i = 0; i < SUBJECT_ROWS_MAX * trivet_pipeline_n_outputs(pipeline); i++) {
        if (!(fabs(moved[i] - plain[i]) < 1e-7)) {
            fail_msg("%s: output %zu: %.17g with the offset, %.17g without", subject->name, i,
                     moved[i], plain[i]);
        }
    }
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void round_trip(void **state)
{
    (void)state;
    subject_each(round_trip_body);
}

static void deterministic(void **state)
{
    (void)state;
    subject_each(deterministic_body);
}

static void batch_against_single(void **state)
{
    (void)state;
    subject_each(batch_body);
}

static void wrong_widths(void **state)
{
    (void)state;
    subject_each(widths_body);
}

static void not_finite(void **state)
{
    (void)state;
    subject_each(not_finite_body);
}

static void single_row(void **state)
{
    (void)state;
    subject_each(single_row_body);
}

static void more_columns_than_rows(void **state)
{
    (void)state;
    subject_each(wide_body);
}

static void constant_and_collinear(void **state)
{
    (void)state;
    subject_each(constant_and_collinear_body);
    subject_each(one_value_body);
}

static void mean_1e6_deviation_1(void **state)
{
    (void)state;
    subject_each(offset_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_complete),
        cmocka_unit_test(defaults_are_allowed),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(deterministic),
        cmocka_unit_test(batch_against_single),
        cmocka_unit_test(wrong_widths),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(single_row),
        cmocka_unit_test(more_columns_than_rows),
        cmocka_unit_test(constant_and_collinear),
        cmocka_unit_test(mean_1e6_deviation_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
