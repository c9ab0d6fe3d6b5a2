/* A damaged saved state is refused, whatever part of it is damaged; and memory that runs out at any
 * allocation is a status. */
#include "contract/estimators/subject.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/registry.h"
#include "wire/codec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS    40
#define NUMBERS 3

/* A saved pipeline that a test may damage: unpacked anew for every damage. */
struct saved {
    struct trivet_buffer packed;
    struct trivet_arena *arena;
    const char *subject;
};

static Trivet__V1__Pipeline *fresh(struct saved *saved)
{
    ProtobufCMessage *message = NULL;
    trivet_arena_reset(saved->arena);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__pipeline__descriptor, saved->arena,
                                         saved->packed.data, saved->packed.n_bytes, &message, NULL),
                     TRIVET_OK);
    return (Trivet__V1__Pipeline *)message;
}

static void refused(const struct saved *saved, const Trivet__V1__Pipeline *message,
                    const char *damage)
{
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = trivet_pipeline_load(message, &pipeline, &err);
    if (status != TRIVET_DATA_LOSS || pipeline != NULL || err.status != TRIVET_DATA_LOSS ||
        err.message[0] == '\0') {
        fail_msg("%s, %s: loaded with status %d '%s'", saved->subject, damage, (int)status,
                 err.message);
    }
}

static size_t n_steps(const Trivet__V1__Pipeline *message)
{
    return message->n_transformers + 1;
}

static Trivet__V1__Step *step_of(Trivet__V1__Pipeline *message, size_t i)
{
    return i < message->n_transformers ? message->transformers[i] : message->estimator;
}

static void damage_shape(struct saved *saved, size_t s, size_t t)
{
    Trivet__V1__Pipeline *message = fresh(saved);
    Trivet__V1__Tensor *tensor = step_of(message, s)->state[t];
    tensor->shape[0]++;
    refused(saved, message, "shape greater");
    tensor->shape[0] -= 2;
    refused(saved, message, "shape smaller");
    tensor->shape[0]++;
    tensor->n_shape = 0;
    refused(saved, message, "no shape");
}

/* One value fewer, and the shape says so. */
static void damage_length(struct saved *saved, size_t s, size_t t)
{
    Trivet__V1__Pipeline *message = fresh(saved);
    Trivet__V1__Tensor *tensor = step_of(message, s)->state[t];
    tensor->shape[0]--;
    tensor->n_f64 -= tensor->n_f64 > 0 ? 1 : 0;
    tensor->n_i64 -= tensor->n_i64 > 0 ? 1 : 0;
    tensor->n_text -= tensor->n_text > 0 ? 1 : 0;
    refused(saved, message, "one value fewer");
    tensor->shape[0] = 0;
    tensor->n_f64 = 0;
    tensor->n_i64 = 0;
    tensor->n_text = 0;
    refused(saved, message, "no values");
}

static void damage_values(struct saved *saved, size_t s, size_t t)
{
    static const double bad[3] = {NAN, INFINITY, -INFINITY};
    Trivet__V1__Pipeline *message = fresh(saved);
    Trivet__V1__Tensor *tensor = step_of(message, s)->state[t];
    for (size_t i = 0; i < tensor->n_f64; i++) {
        double kept = tensor->f64[i];
        for (size_t k = 0; k < 3; k++) {
            tensor->f64[i] = bad[k];
            refused(saved, message, "a number that is not finite");
        }
        tensor->f64[i] = kept;
    }
    for (size_t i = 0; i < tensor->n_i64; i++) {
        static const int64_t wrong[4] = {-1, 0, INT64_MAX, INT64_MIN};
        int64_t kept = tensor->i64[i];
        for (size_t k = 0; k < 4; k++) {
            tensor->i64[i] = wrong[k];
            refused(saved, message, "a count out of range");
        }
        tensor->i64[i] = kept;
    }
}

static void damage_tensors(struct saved *saved, size_t s, size_t t)
{
    char other_name[] = "other";
    Trivet__V1__Pipeline *message = fresh(saved);
    Trivet__V1__Step *step = step_of(message, s);
    Trivet__V1__Tensor *kept = step->state[t];
    char *kept_name = kept->name;
    kept->name = other_name;
    refused(saved, message, "another name");
    kept->name = kept_name;
    for (size_t i = 0; i < step->n_state; i++) {
        Trivet__V1__Tensor *replaced = step->state[i];
        step->state[i] = kept;
        if (i != t) {
            refused(saved, message, "a tensor twice");
        }
        step->state[i] = replaced;
    }
    step->state[t] = step->state[step->n_state - 1];
    step->n_state--;
    refused(saved, message, "a tensor less");
}

/* A text that is no value of the parameter. */
static const char *bad_value(const Trivet__V1__Step *step, const char *name)
{
    static const char too_long[] =
        "a text that is longer than the longest text that a parameter may have";
    const struct trivet_transformer_ops *transformer = NULL;
    const struct trivet_estimator_ops *estimator = NULL;
    const struct trivet_param_spec *spec = NULL;
    if (trivet_registry_transformer(step->name, &transformer, NULL) == TRIVET_OK) {
        spec = transformer->params;
    } else if (trivet_registry_estimator(step->name, &estimator, NULL) == TRIVET_OK) {
        spec = estimator->params;
    }
    assert_non_null(spec);
    while (strcmp(spec->name, name) != 0) {
        spec++;
    }
    assert_true(sizeof too_long > TRIVET_PARAM_TEXT_BYTES_MAX + 1);
    return spec->type == TRIVET_PARAM_TEXT ? too_long : "other";
}

static void damage_step(struct saved *saved, size_t s)
{
    char other_name[] = "other";
    Trivet__V1__Pipeline *message = fresh(saved);
    Trivet__V1__Step *step = step_of(message, s);
    char *kept_name = step->name;
    step->name = other_name;
    refused(saved, message, "an unknown step");
    step->name = kept_name;
    for (size_t i = 0; i < step->n_parameters; i++) {
        char *kept = step->parameters[i]->value;
        char bad[96];
        trivet_text_copy(bad, sizeof bad, bad_value(step, step->parameters[i]->name));
        step->parameters[i]->value = bad;
        refused(saved, message, "a parameter out of range");
        step->parameters[i]->value = kept;
    }
    for (size_t i = 0; i < step->n_columns; i++) {
        uint32_t kept = step->columns[i];
        step->columns[i] = UINT32_MAX;
        refused(saved, message, "a column beyond the layout");
        step->columns[i] = i > 0 ? step->columns[i - 1] : 10000;
        refused(saved, message, "a column twice");
        step->columns[i] = kept;
    }
    if (s < message->n_transformers) {
        step->n_columns--;
        refused(saved, message, "a column less");
    }
}

static void damage_target(struct saved *saved)
{
    Trivet__V1__Pipeline *message = fresh(saved);
    message->target = NULL;
    refused(saved, message, "no target");
    message = fresh(saved);
    message->target->name = message->inputs->columns[0]->name;
    refused(saved, message, "an input as target");
    message = fresh(saved);
    if (message->n_labels == 0) {
        message->target->type = TRIVET__V1__COLUMN_TYPE__COLUMN_TYPE_CATEGORICAL;
        refused(saved, message, "a number's target of text");
    }
}

static void damage_parts(struct saved *saved)
{
    char empty[] = "";
    char *labels[1] = {empty};
    Trivet__V1__Pipeline *message = fresh(saved);
    message->inputs = NULL;
    refused(saved, message, "no inputs");
    if (message->target != NULL) {
        damage_target(saved);
    } else {
        message = fresh(saved);
        message->target = message->inputs->columns[0];
        refused(saved, message, "a target of clusters");
    }
    message = fresh(saved);
    message->inputs->columns[0]->type = (Trivet__V1__ColumnType)99;
    refused(saved, message, "an unknown type");
    message = fresh(saved);
    message->estimator = NULL;
    refused(saved, message, "no estimator");
    message = fresh(saved);
    message->n_labels = 1;
    message->labels = labels;
    refused(saved, message, "labels of a regression, or a single class");
    message = fresh(saved);
    message->inputs->n_columns--;
    refused(saved, message, "an input less");
}

static void damage_body(const struct subject *subject)
{
    struct saved saved = {.subject = subject->name};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 1);
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    saved.arena = trivet_arena_create(1 << 22, 1 << 16);
    assert_non_null(saved.arena);
    subject_pack(pipeline, &saved.packed);
    damage_parts(&saved);
    size_t n = n_steps(fresh(&saved));
    for (size_t s = 0; s < n; s++) {
        damage_step(&saved, s);
        size_t n_tensors = step_of(fresh(&saved), s)->n_state;
        assert_true(n_tensors > 0);
        for (size_t t = 0; t < n_tensors; t++) {
            damage_shape(&saved, s, t);
            damage_length(&saved, s, t);
            damage_values(&saved, s, t);
            damage_tensors(&saved, s, t);
        }
    }
    trivet_buffer_release(&saved.packed);
    trivet_arena_free(saved.arena);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

/* Create and fit with the k-th allocation failing. */
static enum trivet_status fit_with_failure(const struct subject *subject,
                                           const struct subject_data *data, uint64_t k)
{
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {0};
    struct trivet_schema schema = fixture_schema(&data->table);
    trivet_alloc_fail_at(k);
    enum trivet_status status =
        trivet_pipeline_create(&subject->spec.spec, &schema, &pipeline, &err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_fit(pipeline, &data->table, NULL, 0, &context, &report, &err);
    }
    trivet_alloc_fail_at(0);
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
    trivet_schema_release(&schema);
    return status;
}

static enum trivet_status save_with_failure(const struct trivet_pipeline *pipeline, uint64_t k)
{
    struct trivet_error err = {0};
    Trivet__V1__Pipeline *message = NULL;
    struct trivet_buffer packed = {0};
    trivet_alloc_fail_at(k);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 0);
    enum trivet_status status = arena != NULL
                                    ? trivet_pipeline_save(pipeline, arena, &message, &err)
                                    : TRIVET_RESOURCE_EXHAUSTED;
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, &packed, &err);
    }
    trivet_alloc_fail_at(0);
    trivet_arena_free(arena);
    trivet_buffer_release(&packed);
    return status;
}

static enum trivet_status load_with_failure(const Trivet__V1__Pipeline *message, uint64_t k)
{
    struct trivet_error err = {0};
    struct trivet_pipeline *pipeline = NULL;
    trivet_alloc_fail_at(k);
    enum trivet_status status = trivet_pipeline_load(message, &pipeline, &err);
    trivet_alloc_fail_at(0);
    assert_true((status == TRIVET_OK) == (pipeline != NULL));
    trivet_pipeline_free(pipeline);
    return status;
}

static void predict_with_failure(const struct trivet_pipeline *pipeline,
                                 const struct trivet_table *table)
{
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        double out[ROWS * SUBJECT_OUTPUTS_MAX];
        size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
        struct trivet_row_status rows[ROWS] = {{0}};
        struct trivet_error err = {0};
        struct trivet_matrix matrix = {out, table->n_rows, n_outputs, n_outputs};
        trivet_alloc_fail_at(k);
        status = trivet_pipeline_predict(pipeline, table, matrix, rows, &err);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    }
}

static void allocation_body(const struct subject *subject)
{
    struct saved saved = {.subject = subject->name};
    struct subject_data *data = subject_data_make(subject, ROWS, NUMBERS, 2);
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        status = fit_with_failure(subject, data, k);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    }
    struct trivet_pipeline *pipeline = subject_fit_or_fail(subject, data);
    status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        status = save_with_failure(pipeline, k);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    }
    saved.arena = trivet_arena_create(1 << 22, 1 << 16);
    assert_non_null(saved.arena);
    subject_pack(pipeline, &saved.packed);
    const Trivet__V1__Pipeline *message = fresh(&saved);
    status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        status = load_with_failure(message, k);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    }
    predict_with_failure(pipeline, &data->table);
    trivet_buffer_release(&saved.packed);
    trivet_arena_free(saved.arena);
    trivet_pipeline_free(pipeline);
    trivet_free(data);
}

static void damaged_state_is_refused(void **state)
{
    (void)state;
    subject_each(damage_body);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    subject_each(allocation_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_state_is_refused),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
