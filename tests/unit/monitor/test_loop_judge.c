/* The judge of live quality against drawn errors: how often a quiet day is taken for a fall, how
 * soon a fall is found, and what a single label can do. */
#include "monitor/loop/judge.h"

#include "base/hash.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define BLOCK   100
#define BLOCKS  240 /* of a day */
#define HOLDOUT 200

typedef double (*draw)(uint64_t *seed);

static double uniform(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return ((double)(trivet_hash_mix64(*seed) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(uniform(seed)));
    return radius * cos(6.283185307179586 * uniform(seed));
}

static double laplace(uint64_t *seed)
{
    double u = uniform(seed) - 0.5;
    return copysign(log(1 - 2 * fabs(u)), u);
}

/* Student's t of 3 degrees of freedom: no fourth moment, the square has no variance. */
static double student(uint64_t *seed)
{
    double z = normal(seed);
    double square = 0;
    for (int i = 0; i < 3; i++) {
        double x = normal(seed);
        square += x * x;
    }
    return z / sqrt(square / 3);
}

static void add(struct trivet_loop_state *state, double weight, double error)
{
    const double square = weight * weight;
    struct trivet_loop_meter *meters = state->quality;
    meters[TRIVET_LOOP_LABELLED].since += 1;
    meters[TRIVET_LOOP_WEIGHT].since += weight;
    meters[TRIVET_LOOP_SQUARED_ERROR].since += weight * error * error;
    meters[TRIVET_LOOP_ABSOLUTE_ERROR].since += weight * fabs(error);
    meters[TRIVET_LOOP_SQUARED_WEIGHT].since += square;
    meters[TRIVET_LOOP_SQUARED_WEIGHT_ABSOLUTE_ERROR].since += square * fabs(error);
    meters[TRIVET_LOOP_SQUARED_WEIGHT_SQUARED_ERROR].since += square * error * error;
}

static void add_class(struct trivet_loop_state *state, double weight, bool right)
{
    struct trivet_loop_meter *meters = state->quality;
    meters[TRIVET_LOOP_LABELLED].since += 1;
    meters[TRIVET_LOOP_WEIGHT].since += weight;
    meters[TRIVET_LOOP_RIGHT].since += right ? weight : 0;
    meters[TRIVET_LOOP_SQUARED_WEIGHT].since += weight * weight;
    meters[TRIVET_LOOP_SQUARED_WEIGHT_RIGHT].since += right ? weight * weight : 0;
}

static void clear(struct trivet_loop_state *state)
{
    for (size_t i = 0; i < TRIVET_LOOP_QUALITY_METERS; i++) {
        state->quality[i].since = 0;
    }
}

static const struct trivet_policy policy = {.watch_labels = BLOCK, .watch_drop = 0.05};

static enum trivet_loop_verdict judge(const struct trivet_loop_state *state)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    return trivet_loop_judge_quality(&policy, state, text);
}

/* The champion on a holdout of drawn errors. */
static struct trivet_loop_state scored(draw error, uint64_t *seed)
{
    struct trivet_loop_state state = {.scored = true};
    for (int i = 0; i < HOLDOUT; i++) {
        double e = error(seed);
        state.scores.quality += e * e / HOLDOUT;
        state.scores.error += fabs(e) / HOLDOUT;
    }
    state.scores.holdout_rows = HOLDOUT;
    return state;
}

/* The block, from 1, after which the loop would roll back; 0 = never. */
static int rolled_back(draw error, double scale, uint64_t *seed)
{
    struct trivet_loop_state state = scored(error, seed);
    bool doubtful = false;
    for (int block = 1; block <= BLOCKS; block++) {
        clear(&state);
        for (int i = 0; i < BLOCK; i++) {
            add(&state, 1, scale * error(seed));
        }
        enum trivet_loop_verdict verdict = judge(&state);
        if (verdict == TRIVET_LOOP_BAD || (verdict == TRIVET_LOOP_DOUBTFUL && doubtful)) {
            return block;
        }
        doubtful = verdict == TRIVET_LOOP_DOUBTFUL;
    }
    return 0;
}

static void a_quiet_day_is_quiet(void **state)
{
    (void)state;
    static const draw draws[] = {normal, laplace, student};
    for (size_t k = 0; k < 3; k++) {
        uint64_t seed = 1 + k;
        int n = 0;
        for (int day = 0; day < 300; day++) {
            n += rolled_back(draws[k], 1, &seed) > 0;
        }
        print_message("rolled back on %d of 300 quiet days\n", n);
        assert_true(n <= 5);
    }
}

static void a_fall_is_found(void **state)
{
    (void)state;
    static const draw draws[] = {normal, laplace, student};
    for (size_t k = 0; k < 3; k++) {
        uint64_t seed = 11 + k;
        int n_doubled = 0;
        int n_found_soon = 0;
        for (int i = 0; i < 100; i++) {
            int block = rolled_back(draws[k], sqrt(2), &seed);
            n_doubled += block > 0;
            block = rolled_back(draws[k], 2, &seed);
            n_found_soon += block > 0 && block <= 4;
        }
        print_message(
            "doubled: found %d of 100 within a day; four times: %d of 100 within 4 blocks\n",
            n_doubled, n_found_soon);
        assert_true(n_doubled >= (k == 0 ? 99 : 75));
        assert_true(n_found_soon >= 90);
    }
}

static void one_label_does_not_roll_back(void **state)
{
    (void)state;
    static const double sizes[] = {10, 100, 1e6, 1e50};
    uint64_t seed = 5;
    for (size_t k = 0; k < 4; k++) {
        struct trivet_loop_state at = scored(normal, &seed);
        for (int i = 0; i < BLOCK - 1; i++) {
            add(&at, 1, normal(&seed));
        }
        add(&at, 1, sizes[k]);
        assert_int_equal(judge(&at), TRIVET_LOOP_GOOD);
    }
}

/* A few that stand for most of the predictions say little, however many others there are. */
static void weights_count_as_what_they_are(void **state)
{
    (void)state;
    struct trivet_loop_state at = {.scored = true};
    at.scores.classification = true;
    at.scores.quality = 0.95;
    for (int i = 0; i < 980; i++) {
        add_class(&at, 1, true);
    }
    for (int i = 0; i < 20; i++) {
        add_class(&at, 8192, i % 2 == 0);
    }
    assert_int_equal(judge(&at), TRIVET_LOOP_BAD); /* 10 of 20 */
    clear(&at);
    for (int i = 0; i < 980; i++) {
        add_class(&at, 1, true);
    }
    for (int i = 0; i < 20; i++) {
        add_class(&at, 8192, i % 5 != 0);
    }
    assert_int_equal(judge(&at), TRIVET_LOOP_GOOD); /* 16 of 20 */
    clear(&at);
    for (int i = 0; i < 999; i++) {
        add_class(&at, 1, true);
    }
    add_class(&at, 8192, false);
    assert_int_equal(judge(&at), TRIVET_LOOP_WAIT); /* one alone */
}

/* More old labels were put right, or wrong, than new ones came. */
static void corrections_are_no_wonder(void **state)
{
    (void)state;
    struct trivet_loop_state at = {.scored = true};
    at.scores.classification = true;
    at.scores.quality = 0.9;
    for (int i = 0; i < BLOCK; i++) {
        add_class(&at, 1, false);
    }
    at.quality[TRIVET_LOOP_RIGHT].since = -50;
    at.quality[TRIVET_LOOP_SQUARED_WEIGHT_RIGHT].since = -50;
    assert_int_equal(judge(&at), TRIVET_LOOP_BAD);
    at.quality[TRIVET_LOOP_RIGHT].since = 150;
    at.quality[TRIVET_LOOP_SQUARED_WEIGHT_RIGHT].since = 150;
    assert_int_equal(judge(&at), TRIVET_LOOP_GOOD);
    at.quality[TRIVET_LOOP_WEIGHT].since = -1;
    assert_int_equal(judge(&at), TRIVET_LOOP_WAIT);
}

static void what_is_no_number_is_not_good(void **state)
{
    (void)state;
    static const double values[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    uint64_t seed = 3;
    for (size_t k = 0; k < 3; k++) {
        for (size_t meter = 0; meter < TRIVET_LOOP_QUALITY_METERS; meter++) {
            struct trivet_loop_state at = scored(normal, &seed);
            for (int i = 0; i < BLOCK; i++) {
                add(&at, 1, 100);
            }
            at.quality[meter].since = values[k];
            assert_int_equal(judge(&at), TRIVET_LOOP_WAIT);
            at.scores.classification = true;
            assert_int_equal(judge(&at), TRIVET_LOOP_WAIT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_day_is_quiet),
        cmocka_unit_test(a_fall_is_found),
        cmocka_unit_test(one_label_does_not_roll_back),
        cmocka_unit_test(weights_count_as_what_they_are),
        cmocka_unit_test(corrections_are_no_wonder),
        cmocka_unit_test(what_is_no_number_is_not_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
