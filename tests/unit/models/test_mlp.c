/* Multi-layer perceptrons: fits, refusals, and what is saved. */
#include "models/mlp.h"

#include "base/alloc.h"
#include "base/text.h"
#include "linalg/blas.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS      300
#define FEATURES  4
#define GIVEN_MAX 8

/* Data and a state of the classifier or the regressor, through the table of functions. */
struct subject {
    const struct trivet_estimator_ops *ops;
    double x[ROWS * FEATURES];
    double y[ROWS];
    struct trivet_fit_data data;
    struct trivet_params params;
    struct trivet_fit_report report;
    struct trivet_fit_context context;
    struct trivet_error err;
    void *state;
};

/* `settings`: "name=value" parted by spaces. */
static void subject_params(struct subject *subject, const char *settings)
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
    if (trivet_params_parse(subject->ops->params, subject->ops->name, list, n, &subject->params,
                            &subject->err) != TRIVET_OK) {
        fail_msg("%s", subject->err.message);
    }
}

/* n_classes rings round the origin of the first two features, or 0: a curved surface. */
static struct subject *subject_make(size_t n_classes, const char *settings)
{
    struct subject *subject = trivet_calloc(1, sizeof *subject);
    struct trivet_rng rng;
    assert_non_null(subject);
    subject->ops = n_classes > 0 ? &trivet_mlp_classifier_ops : &trivet_mlp_regressor_ops;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < ROWS; i++) {
        double *row = &subject->x[i * FEATURES];
        for (size_t j = 0; j < FEATURES; j++) {
            row[j] = normal_next(&rng);
        }
        double r2 = row[0] * row[0] + row[1] * row[1];
        size_t ring = r2 < 0.8 ? 0 : (r2 < 2.2 ? 1 : 2);
        subject->y[i] = n_classes > 0 ? (double)(ring < n_classes ? ring : n_classes - 1)
                                      : 50000.0 + 20000.0 * (sin(2.0 * row[0]) + row[1]);
    }
    subject->data =
        (struct trivet_fit_data){{subject->x, ROWS, FEATURES, FEATURES}, subject->y, n_classes};
    subject->context.seed = 11;
    subject->state = trivet_calloc(1, subject->ops->state_bytes);
    assert_non_null(subject->state);
    subject_params(subject, settings);
    return subject;
}

static enum trivet_status subject_fit(struct subject *subject)
{
    subject->ops->release(subject->state);
    memset(subject->state, 0, subject->ops->state_bytes);
    trivet_fit_report_release(&subject->report);
    return subject->ops->fit(subject->state, &subject->params, &subject->data, &subject->context,
                             &subject->report, &subject->err);
}

static struct subject *subject_fitted(size_t n_classes, const char *settings)
{
    struct subject *subject = subject_make(n_classes, settings);
    if (subject_fit(subject) != TRIVET_OK) {
        fail_msg("%s", subject->err.message);
    }
    return subject;
}

static void subject_free(struct subject *subject)
{
    subject->ops->release(subject->state);
    trivet_fit_report_release(&subject->report);
    trivet_free(subject->state);
    trivet_free(subject);
}

/* out (ROWS, n_outputs) */
static void subject_predict(const struct subject *subject, const void *state, double *out)
{
    size_t n = subject->ops->n_outputs(state);
    struct trivet_const_matrix x = {subject->x, ROWS, FEATURES, FEATURES};
    struct trivet_matrix to = {out, ROWS, n, n};
    assert_int_equal(subject->ops->predict(state, x, to, NULL), TRIVET_OK);
}

static double fact(const struct subject *subject, const char *name)
{
    for (size_t i = 0; i < subject->report.n_facts; i++) {
        if (strcmp(subject->report.facts[i].name, name) == 0) {
            return subject->report.facts[i].value;
        }
    }
    fail_msg("no fact '%s'", name);
    return 0.0;
}

static bool warned(const struct subject *subject, const char *words)
{
    for (size_t i = 0; i < subject->report.n_warnings; i++) {
        if (strstr(subject->report.warnings[i], words) != NULL) {
            return true;
        }
    }
    return false;
}

/* Share of rows right, or R². */
static double subject_score(const struct subject *subject)
{
    double out[ROWS * 3];
    size_t n = subject->ops->n_outputs(subject->state);
    double n_right = 0.0;
    double mean = 0.0;
    double residual = 0.0;
    double spread = 0.0;
    subject_predict(subject, subject->state, out);
    for (size_t i = 0; i < ROWS; i++) {
        const double *row = &out[i * n];
        size_t greatest = 0;
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            greatest = row[j] > row[greatest] ? j : greatest;
            sum += row[j];
        }
        assert_true(n == 1 || fabs(sum - 1.0) < 1e-14);
        n_right += (double)greatest == subject->y[i] ? 1.0 : 0.0;
        mean += subject->y[i] / ROWS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        residual += pow(subject->y[i] - out[i * n], 2.0);
        spread += pow(subject->y[i] - mean, 2.0);
    }
    return n > 1 ? n_right / ROWS : 1.0 - residual / spread;
}

static void learns(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "learning_rate=0.02",
        "activation=tanh hidden_layers=30,20 learning_rate=0.02",
        "activation=logistic hidden_layers=50 learning_rate=0.05 epochs=400",
        "solver=sgd learning_rate=0.2 epochs=400",
        "solver=sgd learning_rate=0.2 schedule=adaptive nesterov=false epochs=400",
        "learning_rate=0.01 dropout=0.1 epochs=400 n_iter_no_change=50",
        "batch_size=32 shuffle=false learning_rate=0.01",
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(settings); i++) {
        for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
            struct subject *subject = subject_fitted(n_classes, settings[i]);
            double score = subject_score(subject);
            if (!(score > 0.93)) {
                fail_msg("%s, %zu classes: %g", settings[i], n_classes, score);
            }
            assert_int_equal(subject->report.n_losses, subject->report.iterations);
            const double *losses = subject->report.loss_curve;
            assert_true(losses[subject->report.n_losses - 1] < 0.5 * losses[0]);
            subject_free(subject);
        }
    }
}

static void early_stopping_keeps_the_best_epoch(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
        struct subject *subject = subject_fitted(
            n_classes, "early_stopping=true learning_rate=0.02 validation_fraction=0.2");
        assert_true(fact(subject, "validation_rows") == 60.0);
        double best = fact(subject, "best_validation_score");
        assert_true(best > 0.85 && best <= 1.0);
        assert_true(subject->report.converged && subject->report.iterations < 200);
        assert_true(subject_score(subject) > 0.85);
        subject_free(subject);
    }
    /* All but six rows may be set aside; one of each class must be left. */
    struct subject *subject =
        subject_make(3, "early_stopping=true validation_fraction=0.98 epochs=1");
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    subject->data.x.n_rows = 20;
    assert_int_equal(subject_fit(subject), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(subject->err.message, "validation_fraction"));
    subject_free(subject);
}

static void the_scale_of_the_target_does_not_matter(void **state)
{
    (void)state;
    double plain[ROWS];
    double scaled[ROWS];
    struct subject *subject = subject_fitted(0, "epochs=30");
    subject_predict(subject, subject->state, plain);
    for (size_t i = 0; i < ROWS; i++) {
        subject->y[i] = 1024.0 * subject->y[i];
    }
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    subject_predict(subject, subject->state, scaled);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(fabs(scaled[i] / 1024.0 - plain[i]) <= 1e-9 * fabs(plain[i]));
    }
    /* Unscaled, thirty epochs come nowhere near a mean of 50 million. */
    subject_params(subject, "epochs=30 scale_target=false");
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    assert_true(subject_score(subject) < 0.0);
    for (size_t i = 0; i < ROWS; i++) {
        subject->y[i] = 0.1;
    }
    subject_params(subject, "");
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    subject_predict(subject, subject->state, plain);
    assert_true(fabs(plain[7] - 0.1) < 0.05);
    subject_free(subject);
}

static bool stop_at_a_half(void *ctx, double fraction)
{
    (*(size_t *)ctx)++;
    return fraction < 0.5;
}

static bool count_and_stop(void *ctx, double fraction)
{
    (*(size_t *)ctx)++;
    assert_true(fraction > 0.0 && fraction < 1.0);
    return false;
}

static void refusals_and_warnings(void **state)
{
    (void)state;
    size_t n_asked = 0;
    struct subject *subject = subject_make(2, "epochs=10 tol=0");
    subject->context.progress = stop_at_a_half;
    subject->context.progress_ctx = &n_asked;
    assert_int_equal(subject_fit(subject), TRIVET_CANCELLED);
    assert_int_equal(n_asked, 5);
    subject->context.progress = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        subject->x[i * FEATURES] *= 1000.0;
        subject->x[i * FEATURES + 2] = 0.25;
    }
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    assert_true(!subject->report.converged && subject->report.iterations == 10);
    assert_true(warned(subject, "10 epochs ran out") && warned(subject, "1 of 4 features have"));
    assert_true(warned(subject, "look unscaled, feature 0"));
    assert_true(subject->report.constant[2] && !subject->report.constant[0]);
    subject_free(subject);
    subject = subject_make(0, "solver=sgd learning_rate=1e6 scale_target=false");
    assert_int_equal(subject_fit(subject), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(subject->err.message, "learning_rate"));
    subject->y[3] = 1e300;
    subject_params(subject, "epochs=2");
    assert_int_equal(subject_fit(subject), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(subject->err.message, "target"));
    subject_free(subject);
}

/* An epoch of many multiplications is asked in its midst. */
static void long_epochs_can_be_cancelled(void **state)
{
    (void)state;
    size_t n_asked = 0;
    struct subject *subject = subject_make(0, "epochs=1 hidden_layers=1500,1500 batch_size=100");
    subject->context.progress = count_and_stop;
    subject->context.progress_ctx = &n_asked;
    assert_int_equal(subject_fit(subject), TRIVET_CANCELLED);
    assert_int_equal(n_asked, 1);
    subject_free(subject);
}

/* The same seed gives the same bits; another seed, dropout or shuffle gives others. */
static void seeds(void **state)
{
    (void)state;
    static const char *const other[] = {"epochs=3 dropout=0.5", "epochs=3 shuffle=false",
                                        "epochs=3 alpha=1", "epochs=3 early_stopping=true"};
    double first[ROWS * 3];
    double second[ROWS * 3];
    struct subject *subject = subject_fitted(3, "epochs=3");
    subject_predict(subject, subject->state, first);
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    subject_predict(subject, subject->state, second);
    assert_memory_equal(first, second, sizeof first);
    subject->context.n_threads = 2; /* the products are too small to be shared */
    trivet_blas_set_threads(2);
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    trivet_blas_set_threads(1);
    subject->context.n_threads = 1;
    subject_predict(subject, subject->state, second);
    assert_memory_equal(first, second, sizeof first);
    subject->context.seed = 12;
    assert_int_equal(subject_fit(subject), TRIVET_OK);
    subject_predict(subject, subject->state, second);
    assert_memory_not_equal(first, second, sizeof first);
    subject->context.seed = 11;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(other); i++) {
        subject_params(subject, other[i]);
        assert_int_equal(subject_fit(subject), TRIVET_OK);
        subject_predict(subject, subject->state, second);
        assert_memory_not_equal(first, second, sizeof first);
    }
    subject_free(subject);
}

/* A view with a stride, more rows than a block, and one row at a time give the same; without memory
 * nothing is written. */
static void predictions_by_block_and_row(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
        struct subject *subject = subject_fitted(n_classes, "epochs=2 hidden_layers=300,7");
        size_t n = subject->ops->n_outputs(subject->state);
        double all[ROWS * 3];
        double wide[ROWS * 5];
        double wide_x[ROWS * (FEATURES + 1)];
        subject_predict(subject, subject->state, all);
        for (size_t i = 0; i < ROWS; i++) {
            memcpy(&wide_x[i * (FEATURES + 1)], &subject->x[i * FEATURES],
                   FEATURES * sizeof(double));
        }
        memset(wide, 0, sizeof wide);
        struct trivet_const_matrix x = {wide_x, ROWS, FEATURES, FEATURES + 1};
        struct trivet_matrix to = {wide, ROWS, n, 5};
        trivet_alloc_fail_at(1);
        assert_int_equal(subject->ops->predict(subject->state, x, to, NULL),
                         TRIVET_RESOURCE_EXHAUSTED);
        trivet_alloc_fail_at(0);
        assert_true(wide[0] == 0.0);
        assert_int_equal(subject->ops->predict(subject->state, x, to, NULL), TRIVET_OK);
        for (size_t i = 0; i < ROWS; i++) {
            double single[3];
            struct trivet_const_matrix one = {&subject->x[i * FEATURES], 1, FEATURES, FEATURES};
            struct trivet_matrix to_one = {single, 1, n, n};
            assert_int_equal(subject->ops->predict(subject->state, one, to_one, NULL), TRIVET_OK);
            for (size_t k = 0; k < n; k++) {
                double tolerance = 1e-13 * (1.0 + fabs(all[i * n + k]));
                assert_true(fabs(single[k] - all[i * n + k]) <= tolerance);
                assert_true(fabs(wide[i * 5 + k] - all[i * n + k]) <= tolerance);
            }
            assert_true(wide[i * 5 + n] == 0.0);
        }
        x.n_cols = FEATURES + 1;
        assert_int_equal(subject->ops->predict(subject->state, x, to, &subject->err),
                         TRIVET_INVALID_ARGUMENT);
        subject_free(subject);
    }
}

static enum trivet_status reload(const struct subject *subject, const Trivet__V1__Step *step,
                                 void *state)
{
    memset(state, 0, subject->ops->state_bytes);
    return subject->ops->load(state, &subject->params, step, NULL);
}

static void saved_and_loaded(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
        double before[ROWS * 3] = {0};
        double after[ROWS * 3] = {0};
        char name[] = "mlp";
        Trivet__V1__Step step = TRIVET__V1__STEP__INIT;
        struct trivet_arena *arena = trivet_arena_create(1 << 20, 0);
        struct subject *subject = subject_fitted(n_classes, "epochs=2 hidden_layers=6,5");
        void *loaded = trivet_calloc(1, subject->ops->state_bytes);
        assert_true(arena != NULL && loaded != NULL);
        step.name = name;
        assert_int_equal(subject->ops->save(subject->state, arena, &step, NULL), TRIVET_OK);
        assert_int_equal(step.n_state, 7);
        assert_int_equal(reload(subject, &step, loaded), TRIVET_OK);
        assert_int_equal(subject->ops->n_features(loaded), FEATURES);
        assert_int_equal(subject->ops->output_kind(loaded),
                         subject->ops->output_kind(subject->state));
        subject_predict(subject, subject->state, before);
        subject_predict(subject, loaded, after);
        assert_memory_equal(before, after, sizeof before);
        subject->ops->release(loaded);
        int64_t *widths = step.state[0]->i64;
        for (size_t l = 0; l < 4; l++) {
            int64_t kept = widths[l];
            widths[l] = kept + 1;
            assert_int_equal(reload(subject, &step, loaded), TRIVET_DATA_LOSS);
            widths[l] = kept;
        }
        subject_params(subject, "hidden_layers=6,5,1");
        assert_int_equal(reload(subject, &step, loaded), TRIVET_DATA_LOSS);
        subject_free(subject);
        trivet_free(loaded);
        trivet_arena_free(arena);
    }
}

static void any_allocation_of_a_fit_may_fail(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 2; n_classes += 2) {
        struct subject *subject = subject_make(n_classes, "epochs=1 early_stopping=true");
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        for (uint64_t k = 1; status != TRIVET_OK; k++) {
            trivet_alloc_fail_at(k);
            status = subject_fit(subject);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        }
        subject_free(subject);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),
        cmocka_unit_test(early_stopping_keeps_the_best_epoch),
        cmocka_unit_test(the_scale_of_the_target_does_not_matter),
        cmocka_unit_test(refusals_and_warnings),
        cmocka_unit_test(long_epochs_can_be_cancelled),
        cmocka_unit_test(seeds),
        cmocka_unit_test(predictions_by_block_and_row),
        cmocka_unit_test(saved_and_loaded),
        cmocka_unit_test(any_allocation_of_a_fit_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
