/* Sampled Shapley values: linear functions, the axioms, the error and how it shrinks. */
#include "models/shapley.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "support/normal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define FEATURES   14 /* too many for all subsets of two rounds */
#define OUTPUTS    2
#define BACKGROUND 20
#define ROWS       3
#define VALUES     (ROWS * OUTPUTS * FEATURES)

static const double weights[FEATURES] = {1.0, -2.0, 0.5,  3.0, 0.0, 1.5, -0.5,
                                         2.0, 0.25, -1.0, 4.0, 0.0, 0.7, 0.1};

/* A model is a function of a row; its state points to one. */
struct model {
    void (*of)(const double *x, size_t n, double *out);
    size_t n_outputs;
    size_t *n_predicted;
};

static size_t n_outputs(const void *state)
{
    return ((const struct model *)state)->n_outputs;
}

static enum trivet_status predict(const void *state, struct trivet_const_matrix x,
                                  struct trivet_matrix out, struct trivet_error *err)
{
    (void)err;
    const struct model *model = state;
    for (size_t i = 0; i < x.n_rows; i++) {
        model->of(&x.data[i * x.stride], x.n_cols, &out.data[i * out.stride]);
    }
    *model->n_predicted += x.n_rows;
    return TRIVET_OK;
}

static const struct trivet_estimator_ops ops = {.predict = predict, .n_outputs = n_outputs};

static void linear(const double *x, size_t n, double *out)
{
    out[0] = 7.0;
    out[1] = -1.0;
    for (size_t j = 0; j < n; j++) {
        out[0] += weights[j] * x[j];
        out[1] -= 2.0 * weights[n - 1 - j] * x[j];
    }
}

/* Features 0 and 1 take part alike, 2 alone, and the others not at all. */
static void product(const double *x, size_t n, double *out)
{
    (void)n;
    out[0] = x[0] * x[1] + 3.0 * x[2] * x[2];
    out[1] = exp(0.3 * (x[0] + x[1] + x[2]));
}

static void tangled(const double *x, size_t n, double *out)
{
    double sum = 0.0;
    for (size_t j = 0; j < n; j++) {
        sum += weights[j] * x[j];
    }
    out[0] = 1.0 / (1.0 + exp(-sum)) + 0.1 * x[0] * x[5] * x[7];
    out[1] = fabs(sum) * x[3];
}

struct explained {
    double background[BACKGROUND * FEATURES];
    double x[ROWS * FEATURES];
    double contributions[VALUES];
    double errors[VALUES];
    double base[OUTPUTS];
    size_t n_predicted;
};

static enum trivet_status explain(struct explained *e,
                                  void (*of)(const double *x, size_t n, double *out),
                                  size_t n_features, size_t n_rounds, uint64_t seed)
{
    struct model model = {of, OUTPUTS, &e->n_predicted};
    struct trivet_shapley_problem problem = {
        .ops = &ops,
        .state = &model,
        .background = {e->background, BACKGROUND, n_features, FEATURES},
        .n_rounds = n_rounds,
        .seed = seed,
    };
    struct trivet_const_matrix x = {e->x, ROWS, n_features, FEATURES};
    e->n_predicted = 0;
    return trivet_shapley_explain(&problem, x, e->contributions, e->base, e->errors, NULL);
}

static struct explained *make(void)
{
    struct explained *e = trivet_calloc(1, sizeof *e);
    struct trivet_rng rng;
    assert_non_null(e);
    trivet_rng_seed(&rng, 21);
    for (size_t i = 0; i < BACKGROUND * FEATURES; i++) {
        e->background[i] = normal_next(&rng);
    }
    for (size_t i = 0; i < ROWS * FEATURES; i++) {
        e->x[i] = 1.0 + normal_next(&rng);
    }
    return e;
}

static double at(const double *values, size_t n_features, size_t row, size_t output, size_t j)
{
    return values[(row * OUTPUTS + output) * n_features + j];
}

/* Contributions add up to the output less the base, which is the mean over the background. */
static void check_sums(const struct explained *e,
                       void (*of)(const double *x, size_t n, double *out), size_t n_features)
{
    double out[OUTPUTS];
    double mean[OUTPUTS] = {0};
    for (size_t b = 0; b < BACKGROUND; b++) {
        of(&e->background[b * FEATURES], n_features, out);
        for (size_t k = 0; k < OUTPUTS; k++) {
            mean[k] += out[k] / BACKGROUND;
        }
    }
    for (size_t k = 0; k < OUTPUTS; k++) {
        assert_true(fabs(mean[k] - e->base[k]) <= 1e-12);
        for (size_t i = 0; i < ROWS; i++) {
            double sum = e->base[k];
            of(&e->x[i * FEATURES], n_features, out);
            for (size_t j = 0; j < n_features; j++) {
                sum += at(e->contributions, n_features, i, k, j);
            }
            assert_true(fabs(sum - out[k]) <= 1e-10);
        }
    }
}

static void linear_is_exact(void **state)
{
    (void)state;
    struct explained *e = make();
    for (size_t n = 1; n <= FEATURES; n++) {
        assert_int_equal(explain(e, linear, n, 2, 1), TRIVET_OK);
        check_sums(e, linear, n);
        for (size_t j = 0; j < n; j++) {
            double mean = 0.0;
            for (size_t b = 0; b < BACKGROUND; b++) {
                mean += e->background[b * FEATURES + j] / BACKGROUND;
            }
            for (size_t i = 0; i < ROWS; i++) {
                double moved = e->x[i * FEATURES + j] - mean;
                assert_true(fabs(at(e->contributions, n, i, 0, j) - weights[j] * moved) <= 1e-12);
                assert_true(fabs(at(e->contributions, n, i, 1, j) +
                                 2.0 * weights[n - 1 - j] * moved) <= 1e-12);
                assert_true(at(e->errors, n, i, 0, j) <= 1e-12);
            }
        }
    }
    trivet_free(e);
}

/* By sampling (FEATURES of them) and by all subsets (5). */
static void dummies_get_nothing_and_twins_the_same(void **state)
{
    (void)state;
    struct explained *e = make();
    for (size_t b = 0; b < BACKGROUND; b++) {
        e->background[b * FEATURES + 1] = e->background[b * FEATURES];
    }
    for (size_t i = 0; i < ROWS; i++) {
        e->x[i * FEATURES + 1] = e->x[i * FEATURES];
    }
    for (size_t n = 5; n <= FEATURES; n += FEATURES - 5) {
        assert_int_equal(explain(e, product, n, 40, 2), TRIVET_OK);
        check_sums(e, product, n);
        for (size_t i = 0; i < ROWS; i++) {
            for (size_t k = 0; k < OUTPUTS; k++) {
                double first = at(e->contributions, n, i, k, 0);
                double second = at(e->contributions, n, i, k, 1);
                double error = at(e->errors, n, i, k, 0) + at(e->errors, n, i, k, 1);
                assert_true(fabs(first - second) <= 3.0 * error + 1e-12);
                assert_true(first != 0.0);
                /* A product of two is exact by a pair of opposite orders. */
                assert_true(n == 5 ? error == 0.0 : k == 0 || error > 0.0);
                for (size_t j = 3; j < n; j++) {
                    assert_true(at(e->contributions, n, i, k, j) == 0.0);
                    assert_true(at(e->errors, n, i, k, j) == 0.0);
                }
            }
        }
    }
    trivet_free(e);
}

/* Ten features: all subsets when the rounds are many, sampled when they are two. */
static void sampling_against_all_subsets(void **state)
{
    (void)state;
    const size_t n = 10;
    double exact[VALUES];
    double worst = 0.0;
    double squares = 0.0;
    size_t n_compared = 0;
    struct explained *e = make();
    assert_int_equal(explain(e, tangled, n, 100, 3), TRIVET_OK);
    check_sums(e, tangled, n);
    assert_int_equal(e->n_predicted, ROWS * (1024 * BACKGROUND) + ROWS + BACKGROUND);
    memcpy(exact, e->contributions, sizeof exact);
    for (uint64_t seed = 0; seed < 20; seed++) {
        assert_int_equal(explain(e, tangled, n, 6, seed), TRIVET_OK);
        check_sums(e, tangled, n);
        assert_true(e->n_predicted <= ROWS * (6 * 2 * 10 * BACKGROUND) + ROWS + BACKGROUND);
        for (size_t v = 0; v < ROWS * OUTPUTS * n; v++) {
            if (e->errors[v] > 1e-12) {
                double off = (e->contributions[v] - exact[v]) / e->errors[v];
                worst = fmax(worst, fabs(off));
                squares += off * off;
                n_compared++;
            }
        }
    }
    /* In units of the error told, the true error is one: neither much less nor much more. */
    assert_true(n_compared > 800);
    assert_true(squares / (double)n_compared > 0.8 && squares / (double)n_compared < 1.25);
    assert_true(worst < 6.0);
    trivet_free(e);
}

static void the_error_shrinks_with_the_root(void **state)
{
    (void)state;
    double mean[2] = {0};
    struct explained *e = make();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(explain(e, tangled, FEATURES, i == 0 ? 8 : 128, 4), TRIVET_OK);
        check_sums(e, tangled, FEATURES);
        for (size_t v = 0; v < VALUES; v++) {
            mean[i] += e->errors[v] / VALUES;
        }
    }
    assert_true(mean[0] / mean[1] > 3.6 && mean[0] / mean[1] < 4.4);
    trivet_free(e);
}

static void seeds_and_neighbours(void **state)
{
    (void)state;
    double first[VALUES];
    struct explained *e = make();
    assert_int_equal(explain(e, tangled, FEATURES, 2, 5), TRIVET_OK);
    memcpy(first, e->contributions, sizeof first);
    assert_int_equal(explain(e, tangled, FEATURES, 2, 5), TRIVET_OK);
    assert_memory_equal(first, e->contributions, sizeof first);
    assert_int_equal(explain(e, tangled, FEATURES, 2, 6), TRIVET_OK);
    assert_memory_not_equal(first, e->contributions, sizeof first);
    /* The last row, now in front. */
    memcpy(e->x, &e->x[2 * FEATURES], FEATURES * sizeof(double));
    assert_int_equal(explain(e, tangled, FEATURES, 2, 5), TRIVET_OK);
    assert_memory_equal(&first[2 * OUTPUTS * FEATURES], e->contributions,
                        OUTPUTS * FEATURES * sizeof(double));
    /* A background row itself: nothing is to be walked there; missing values are values. */
    e->background[3] = NAN;
    memcpy(e->x, e->background, FEATURES * sizeof(double));
    assert_int_equal(explain(e, product, FEATURES, 2, 5), TRIVET_OK);
    check_sums(e, product, FEATURES);
    trivet_free(e);
}

static void wide(const double *x, size_t n, double *out)
{
    out[0] = 0.0;
    for (size_t j = 0; j < n; j++) {
        out[0] += x[j] * (double)(j % 5);
    }
    out[0] += x[0] * x[n - 1];
}

/* More columns than a batch has rows: a walk goes on over several batches. */
static void walks_longer_than_a_batch(void **state)
{
    (void)state;
    const size_t n = 3000;
    size_t n_predicted = 0;
    struct model model = {wide, 1, &n_predicted};
    double *x = trivet_calloc(3 * n, sizeof(double));
    double *contributions = trivet_calloc(n, sizeof(double));
    double *errors = trivet_calloc(n, sizeof(double));
    double base;
    assert_true(x != NULL && contributions != NULL && errors != NULL);
    for (size_t j = 0; j < n; j++) {
        x[j] = 1.0;
        x[2 * n + j] = 0.5;
    }
    struct trivet_shapley_problem problem = {
        .ops = &ops, .state = &model, .background = {&x[n], 2, n, n}, .n_rounds = 2};
    struct trivet_const_matrix row = {x, 1, n, n};
    assert_int_equal(trivet_shapley_explain(&problem, row, contributions, &base, errors, NULL),
                     TRIVET_OK);
    for (size_t j = 1; j + 1 < n; j++) {
        assert_true(fabs(contributions[j] - 0.75 * (double)(j % 5)) <= 1e-9);
    }
    assert_true(n_predicted == 2 * 2 * 2 * (n - 1) + 3);
    trivet_free(x);
    trivet_free(contributions);
    trivet_free(errors);
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct explained *e = make();
    for (size_t n = 4; n <= FEATURES; n += FEATURES - 4) {
        enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
        for (uint64_t k = 1; status != TRIVET_OK; k++) {
            trivet_alloc_fail_at(k);
            status = explain(e, linear, n, 2, 1);
            trivet_alloc_fail_at(0);
            assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
            assert_true(k > 1 || status != TRIVET_OK);
        }
    }
    trivet_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_exact),
        cmocka_unit_test(dummies_get_nothing_and_twins_the_same),
        cmocka_unit_test(sampling_against_all_subsets),
        cmocka_unit_test(the_error_shrinks_with_the_root),
        cmocka_unit_test(seeds_and_neighbours),
        cmocka_unit_test(walks_longer_than_a_batch),
        cmocka_unit_test(any_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
