/* Multi-layer perceptrons: fits, refusals, and what is saved. */
#include "models/mlp.h"

#include "trial.h"

#include "base/alloc.h"
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

#define ROWS     300
#define FEATURES 4

/* The target of the trial at hand. */
static double y[ROWS];

/* n_classes rings round the origin of the first two features, or 0: a curved surface. */
static void make(struct trial *trial, size_t n_classes, const char *settings)
{
    double x[ROWS * FEATURES];
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < ROWS; i++) {
        double *row = &x[i * FEATURES];
        for (size_t j = 0; j < FEATURES; j++) {
            row[j] = normal_next(&rng);
        }
        double r2 = row[0] * row[0] + row[1] * row[1];
        size_t ring = r2 < 0.8 ? 0 : (r2 < 2.2 ? 1 : 2);
        y[i] = n_classes > 0 ? (double)(ring < n_classes ? ring : n_classes - 1)
                             : 50000.0 + 20000.0 * (sin(2.0 * row[0]) + row[1]);
    }
    trial_make(trial, n_classes > 0 ? &trivet_mlp_classifier_ops : &trivet_mlp_regressor_ops,
               settings, x, ROWS, FEATURES, y, n_classes);
    trial->context.seed = 11;
}

static void make_fitted(struct trial *trial, size_t n_classes, const char *settings)
{
    make(trial, n_classes, settings);
    trial_fit_telling(trial);
}

/* out (ROWS, n_outputs): of the training rows. */
static void predict(const struct trial *trial, double *out)
{
    trial_predict(trial, trial->data.x.data, ROWS, out);
}

/* Share of rows right, or R². */
static double score(const struct trial *trial)
{
    double out[ROWS * 3];
    size_t n = trial->ops->n_outputs(trial->state);
    double n_right = 0.0;
    double mean = 0.0;
    double residual = 0.0;
    double spread = 0.0;
    predict(trial, out);
    for (size_t i = 0; i < ROWS; i++) {
        const double *row = &out[i * n];
        size_t greatest = 0;
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            greatest = row[j] > row[greatest] ? j : greatest;
            sum += row[j];
        }
        assert_true(n == 1 || fabs(sum - 1.0) < 1e-14);
        n_right += (double)greatest == y[i] ? 1.0 : 0.0;
        mean += y[i] / ROWS;
    }
    for (size_t i = 0; i < ROWS; i++) {
        residual += pow(y[i] - out[i * n], 2.0);
        spread += pow(y[i] - mean, 2.0);
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
            struct trial trial;
            make_fitted(&trial, n_classes, settings[i]);
            double reached = score(&trial);
            if (!(reached > 0.93)) {
                fail_msg("%s, %zu classes: %g", settings[i], n_classes, reached);
            }
            assert_int_equal(trial.report.n_losses, trial.report.iterations);
            const double *losses = trial.report.loss_curve;
            assert_true(losses[trial.report.n_losses - 1] < 0.5 * losses[0]);
            trial_free(&trial);
        }
    }
}

static void early_stopping_keeps_the_best_epoch(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
        struct trial trial;
        make_fitted(&trial, n_classes,
                    "early_stopping=true learning_rate=0.02 validation_fraction=0.2");
        assert_true(trial_fact(&trial, "validation_rows") == 60.0);
        double best = trial_fact(&trial, "best_validation_score");
        assert_true(best > 0.85 && best <= 1.0);
        assert_true(trial.report.converged && trial.report.iterations < 200);
        assert_true(score(&trial) > 0.85);
        trial_free(&trial);
    }
    /* All but six rows may be set aside; one of each class must be left. */
    struct trial trial;
    make(&trial, 3, "early_stopping=true validation_fraction=0.98 epochs=1");
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    trial.data.x.n_rows = 20;
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "validation_fraction"));
    trial_free(&trial);
}

static void the_scale_of_the_target_does_not_matter(void **state)
{
    (void)state;
    double plain[ROWS];
    double scaled[ROWS];
    struct trial trial;
    make_fitted(&trial, 0, "epochs=30");
    predict(&trial, plain);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = 1024.0 * y[i];
    }
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    predict(&trial, scaled);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(fabs(scaled[i] / 1024.0 - plain[i]) <= 1e-9 * fabs(plain[i]));
    }
    /* Unscaled, thirty epochs come nowhere near a mean of 50 million. */
    trial_set(&trial, "epochs=30 scale_target=false");
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    assert_true(score(&trial) < 0.0);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] = 0.1;
    }
    trial_set(&trial, "");
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    predict(&trial, plain);
    assert_true(fabs(plain[7] - 0.1) < 0.05);
    trial_free(&trial);
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
    struct trial trial;
    make(&trial, 2, "epochs=10 tol=0");
    trial.context.progress = stop_at_a_half;
    trial.context.progress_ctx = &n_asked;
    assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
    assert_int_equal(n_asked, 5);
    trial.context.progress = NULL;
    for (size_t i = 0; i < ROWS; i++) {
        trial.data.x.data[i * FEATURES] *= 1000.0;
        trial.data.x.data[i * FEATURES + 2] = 0.25;
    }
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    assert_true(!trial.report.converged && trial.report.iterations == 10);
    assert_true(trial_warned(&trial, "10 epochs ran out") &&
                trial_warned(&trial, "1 of 4 features have"));
    assert_true(trial_warned(&trial, "look unscaled, feature 0"));
    assert_true(trial.report.constant[2] && !trial.report.constant[0]);
    trial_free(&trial);
    make(&trial, 0, "solver=sgd learning_rate=1e6 scale_target=false");
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "learning_rate"));
    y[3] = 1e300;
    trial_set(&trial, "epochs=2");
    assert_int_equal(trial_fit(&trial), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(trial.err.message, "target"));
    trial_free(&trial);
}

/* An epoch of many multiplications is asked in its midst. */
static void long_epochs_can_be_cancelled(void **state)
{
    (void)state;
    size_t n_asked = 0;
    struct trial trial;
    make(&trial, 0, "epochs=1 hidden_layers=1500,1500 batch_size=100");
    trial.context.progress = count_and_stop;
    trial.context.progress_ctx = &n_asked;
    assert_int_equal(trial_fit(&trial), TRIVET_CANCELLED);
    assert_int_equal(n_asked, 1);
    trial_free(&trial);
}

/* The same seed gives the same bits; another seed, dropout or shuffle gives others. */
static void seeds(void **state)
{
    (void)state;
    static const char *const other[] = {"epochs=3 dropout=0.5", "epochs=3 shuffle=false",
                                        "epochs=3 alpha=1", "epochs=3 early_stopping=true"};
    double first[ROWS * 3];
    double second[ROWS * 3];
    struct trial trial;
    make_fitted(&trial, 3, "epochs=3");
    predict(&trial, first);
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    predict(&trial, second);
    assert_memory_equal(first, second, sizeof first);
    trial.context.n_threads = 2; /* the products are too small to be shared */
    trivet_blas_set_threads(2);
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    trivet_blas_set_threads(1);
    trial.context.n_threads = 1;
    predict(&trial, second);
    assert_memory_equal(first, second, sizeof first);
    trial.context.seed = 12;
    assert_int_equal(trial_fit(&trial), TRIVET_OK);
    predict(&trial, second);
    assert_memory_not_equal(first, second, sizeof first);
    trial.context.seed = 11;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(other); i++) {
        trial_set(&trial, other[i]);
        assert_int_equal(trial_fit(&trial), TRIVET_OK);
        predict(&trial, second);
        assert_memory_not_equal(first, second, sizeof first);
    }
    trial_free(&trial);
}

/* A view with a stride, more rows than a block, and one row at a time give the same; without memory
 * nothing is written. */
static void predictions_by_block_and_row(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 3; n_classes += n_classes == 0 ? 2 : 1) {
        struct trial trial;
        make_fitted(&trial, n_classes, "epochs=2 hidden_layers=300,7");
        size_t n = trial.ops->n_outputs(trial.state);
        double all[ROWS * 3];
        double wide[ROWS * 5];
        double wide_x[ROWS * (FEATURES + 1)];
        predict(&trial, all);
        for (size_t i = 0; i < ROWS; i++) {
            memcpy(&wide_x[i * (FEATURES + 1)], &trial.data.x.data[i * FEATURES],
                   FEATURES * sizeof(double));
        }
        memset(wide, 0, sizeof wide);
        struct trivet_const_matrix x = {wide_x, ROWS, FEATURES, FEATURES + 1};
        struct trivet_matrix to = {wide, ROWS, n, 5};
        trivet_alloc_fail_at(1);
        assert_int_equal(trial.ops->predict(trial.state, x, to, NULL), TRIVET_RESOURCE_EXHAUSTED);
        trivet_alloc_fail_at(0);
        assert_true(wide[0] == 0.0);
        assert_int_equal(trial.ops->predict(trial.state, x, to, NULL), TRIVET_OK);
        for (size_t i = 0; i < ROWS; i++) {
            double single[3];
            struct trivet_const_matrix one = {&trial.data.x.data[i * FEATURES], 1, FEATURES,
                                              FEATURES};
            struct trivet_matrix to_one = {single, 1, n, n};
            assert_int_equal(trial.ops->predict(trial.state, one, to_one, NULL), TRIVET_OK);
            for (size_t k = 0; k < n; k++) {
                double tolerance = 1e-13 * (1.0 + fabs(all[i * n + k]));
                assert_true(fabs(single[k] - all[i * n + k]) <= tolerance);
                assert_true(fabs(wide[i * 5 + k] - all[i * n + k]) <= tolerance);
            }
            assert_true(wide[i * 5 + n] == 0.0);
        }
        x.n_cols = FEATURES + 1;
        assert_int_equal(trial.ops->predict(trial.state, x, to, &trial.err),
                         TRIVET_INVALID_ARGUMENT);
        trial_free(&trial);
    }
}

static enum trivet_status reload(const struct trial *trial, const Trivet__V1__Step *step,
                                 void *state)
{
    memset(state, 0, trial->ops->state_bytes);
    return trial->ops->load(state, &trial->params, step, NULL);
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
        struct trial trial;
        make_fitted(&trial, n_classes, "epochs=2 hidden_layers=6,5");
        void *loaded = trivet_calloc(1, trial.ops->state_bytes);
        assert_true(arena != NULL && loaded != NULL);
        step.name = name;
        assert_int_equal(trial.ops->save(trial.state, arena, &step, NULL), TRIVET_OK);
        assert_int_equal(step.n_state, 7);
        assert_int_equal(reload(&trial, &step, loaded), TRIVET_OK);
        assert_int_equal(trial.ops->n_features(loaded), FEATURES);
        assert_int_equal(trial.ops->output_kind(loaded), trial.ops->output_kind(trial.state));
        predict(&trial, before);
        struct trial copy = trial;
        copy.state = loaded;
        predict(&copy, after);
        assert_memory_equal(before, after, sizeof before);
        trial.ops->release(loaded);
        int64_t *widths = step.state[0]->i64;
        for (size_t l = 0; l < 4; l++) {
            int64_t kept = widths[l];
            widths[l] = kept + 1;
            assert_int_equal(reload(&trial, &step, loaded), TRIVET_DATA_LOSS);
            widths[l] = kept;
        }
        trial_set(&trial, "hidden_layers=6,5,1");
        assert_int_equal(reload(&trial, &step, loaded), TRIVET_DATA_LOSS);
        trial_free(&trial);
        trivet_free(loaded);
        trivet_arena_free(arena);
    }
}

static void any_allocation_of_a_fit_may_fail(void **state)
{
    (void)state;
    for (size_t n_classes = 0; n_classes <= 2; n_classes += 2) {
        struct trial trial;
        make(&trial, n_classes, "epochs=1 early_stopping=true");
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        for (uint64_t k = 1; status != TRIVET_OK; k++) {
            trivet_alloc_fail_at(k);
            status = trial_fit(&trial);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        }
        trial_free(&trial);
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
