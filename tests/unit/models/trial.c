#include "trial.h"

#include "base/alloc.h"
#include "base/text.h"
#include "wire/codec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define GIVEN_MAX 12
#define TOLD_MAX  8192

static enum trivet_status parse(const struct trivet_estimator_ops *ops, const char *settings,
                                struct trivet_params *params, struct trivet_error *err)
{
    static char text[512];
    Trivet__V1__Parameter given[GIVEN_MAX];
    Trivet__V1__Parameter *list[GIVEN_MAX];
    size_t n = 0;
    char *rest = NULL;
    trivet_text_copy(text, sizeof text, settings);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_true(n < GIVEN_MAX && value != NULL);
        *value = '\0';
        given[n] = (Trivet__V1__Parameter)TRIVET__V1__PARAMETER__INIT;
        given[n].name = word;
        given[n].value = value + 1;
        list[n] = &given[n];
        n++;
    }
    return trivet_params_parse(ops->params, ops->name, list, n, params, err);
}

void trial_make(struct trial *trial, const struct trivet_estimator_ops *ops, const char *settings,
                const double *x, size_t n_rows, size_t n_cols, const double *y, size_t n_classes)
{
    memset(trial, 0, sizeof *trial);
    trial->ops = ops;
    double *copy = trivet_alloc_aligned(n_rows * n_cols, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, x, n_rows * n_cols * sizeof *copy);
    trial->data = (struct trivet_fit_data){{copy, n_rows, n_cols, n_cols}, y, n_classes};
    trial->context.seed = 7;
    trial->state = trivet_calloc(1, ops->state_bytes);
    assert_non_null(trial->state);
    trial_set(trial, settings);
}

void trial_set(struct trial *trial, const char *settings)
{
    if (parse(trial->ops, settings, &trial->params, &trial->err) != TRIVET_OK) {
        fail_msg("%s", trial->err.message);
    }
}

static void clear_state(struct trial *trial)
{
    trial->ops->release(trial->state);
    memset(trial->state, 0, trial->ops->state_bytes);
}

void trial_free(struct trial *trial)
{
    clear_state(trial);
    trivet_free(trial->state);
    trivet_free(trial->data.x.data);
    trivet_fit_report_release(&trial->report);
}

void trial_refuses(const struct trivet_estimator_ops *ops, const char *settings, const char *words)
{
    struct trivet_params params;
    struct trivet_error err = {0};
    assert_int_equal(parse(ops, settings, &params, &err), TRIVET_INVALID_ARGUMENT);
    if (strstr(err.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, words);
    }
}

enum trivet_status trial_fit(struct trial *trial)
{
    clear_state(trial);
    trivet_fit_report_release(&trial->report);
    memset(&trial->report, 0, sizeof trial->report);
    return trial->ops->fit(trial->state, &trial->params, &trial->data, &trial->context,
                           &trial->report, &trial->err);
}

void trial_fit_or_fail(struct trial *trial)
{
    if (trial_fit(trial) != TRIVET_OK) {
        fail_msg("%s", trial->err.message);
    }
}

struct told {
    size_t n;
    double losses[TOLD_MAX];
};

static void note_loss(void *ctx, uint64_t iteration, double loss)
{
    struct told *told = ctx;
    assert_true(told->n < TOLD_MAX);
    told->losses[told->n++] = loss;
    assert_int_equal(iteration, told->n);
}

void trial_fit_telling(struct trial *trial)
{
    static struct told told;
    told.n = 0;
    trial->context.loss = note_loss;
    trial->context.progress_ctx = &told;
    trial_fit_or_fail(trial);
    trial->context.loss = NULL;
    trial->context.progress_ctx = NULL;
    assert_int_equal(told.n, trial->report.n_losses);
    if (told.n > 0) {
        assert_memory_equal(told.losses, trial->report.loss_curve, told.n * sizeof(double));
    }
}

void trial_predict(const struct trial *trial, const double *x, size_t n_rows, double *out)
{
    size_t n_cols = trial->data.x.n_cols;
    size_t n_outputs = trial->ops->n_outputs(trial->state);
    struct trivet_error err = {0};
    struct trivet_const_matrix from = {x, n_rows, n_cols, n_cols};
    struct trivet_matrix to = {out, n_rows, n_outputs, n_outputs};
    if (trial->ops->predict(trial->state, from, to, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

void trial_reload(struct trial *trial)
{
    Trivet__V1__Step step = TRIVET__V1__STEP__INIT;
    struct trivet_arena *arena = trivet_arena_create((size_t)1 << 28, 0);
    struct trivet_buffer packed = {0};
    ProtobufCMessage *message = NULL;
    char name[64];
    assert_non_null(arena);
    trivet_text_copy(name, sizeof name, trial->ops->name);
    step.name = name;
    assert_int_equal(trial->ops->save(trial->state, arena, &step, &trial->err), TRIVET_OK);
    assert_int_equal(trivet_codec_pack(&step.base, &packed, &trial->err), TRIVET_OK);
    clear_state(trial);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__step__descriptor, arena, packed.data,
                                         packed.n_bytes, &message, &trial->err),
                     TRIVET_OK);
    if (trial->ops->load(trial->state, &trial->params, (const Trivet__V1__Step *)message,
                         &trial->err) != TRIVET_OK) {
        fail_msg("%s", trial->err.message);
    }
    trivet_buffer_release(&packed);
    trivet_arena_free(arena);
}

double trial_fact(const struct trial *trial, const char *name)
{
    for (size_t i = 0; i < trial->report.n_facts; i++) {
        if (strcmp(trial->report.facts[i].name, name) == 0) {
            return trial->report.facts[i].value;
        }
    }
    fail_msg("no fact '%s'", name);
    return 0.0;
}

bool trial_warned(const struct trial *trial, const char *words)
{
    for (size_t i = 0; i < trial->report.n_warnings; i++) {
        if (strstr(trial->report.warnings[i], words) != NULL) {
            return true;
        }
    }
    return false;
}

void trial_near(const double *values, const double *expected, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs(values[i] - expected[i]) <= tolerance)) {
            fail_msg("value %zu: %.17g, expected %.17g", i, values[i], expected[i]);
        }
    }
}

void trial_close(double value, double expected, double tolerance)
{
    trial_near(&value, &expected, 1, tolerance);
}
