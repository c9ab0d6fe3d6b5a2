/* What an outcome is taken for: the form that it gets, what no prediction can have, and where it is
 * counted. */
#include "../store/fixture.h"
#include "lifecycle/feedback.h"

#include "base/compiler.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

#define NOW_US INT64_C(1700000000000000)

struct bench {
    struct fixture fixture;
    struct trivet_feedback feedback;
    struct trivet_feedback_target target;
    struct trivet_arena *arena;
};

static const struct trivet_feedback_target *target_of(void *context, uint64_t version)
{
    const struct bench *bench = context;
    return version == 1 ? &bench->target : NULL;
}

static void put(struct bench *bench, const char *id, const char *label, double number)
{
    const struct trivet_store_prediction prediction = {.model = "m",
                                                       .id = id,
                                                       .version = 1,
                                                       .predicted_unix_us = NOW_US,
                                                       .number = number,
                                                       .label = label,
                                                       .probability = -1};
    bool added = false;
    assert_ok(&bench->fixture,
              trivet_store_log_put(bench->feedback.txn, &prediction, &added, &bench->fixture.err));
    assert_true(added);
}

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){0};
    fixture_open(&bench->fixture, fixture_backends[0]);
    bench->arena = trivet_arena_create(1u << 20, 0);
    bench->feedback = (struct trivet_feedback){
        .txn = fixture_begin(&bench->fixture, TRIVET_STORE_LOG),
        .model = "m",
        .now_unix_us = NOW_US,
        .target_of = target_of,
        .context = bench,
        .quality = trivet_quality_create(),
    };
}

static void close_bench(struct bench *bench)
{
    trivet_store_abort(bench->feedback.txn);
    trivet_quality_free(bench->feedback.quality);
    trivet_arena_free(bench->arena);
    fixture_close(&bench->fixture);
}

static void add(struct bench *bench, const char *id, const char *label, double number)
{
    const struct trivet_feedback_outcome outcome = {
        .prediction = id, .label = label, .number = number};
    assert_ok(&bench->fixture,
              trivet_feedback_add(&bench->feedback, &outcome, &bench->fixture.err));
}

static struct trivet_quality_messages totals_of(struct bench *bench)
{
    struct trivet_quality_messages out = {0};
    struct trivet_error err;
    assert_int_equal(
        trivet_quality_encode(bench->feedback.quality, false, bench->arena, &out, &err), TRIVET_OK);
    return out;
}

static void numbers_of_a_numeric_target_are_one_class(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    bench.target = (struct trivet_feedback_target){.known = true, .is_numeric = true};
    static const char *const ones[] = {"1.0", " 1", "1e0", "1"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(ones); i++) {
        char id[8];
        (void)trivet_text_format(id, sizeof(id), "a/%zu", i);
        put(&bench, id, "1", 0);
        add(&bench, id, ones[i], 0);
    }
    put(&bench, "b/0", "1", 0);
    add(&bench, "b/0", NULL, 1);
    add(&bench, "b/0", "1.00", 0); /* the same again */
    put(&bench, "b/1", "0", 0);
    add(&bench, "b/1", NULL, -0.0);
    put(&bench, "b/2", "1", 0);
    add(&bench, "b/2", "spam", 0); /* no number, so wrong */
    const Trivet__V1__QualityTotals *totals = totals_of(&bench).versions[0];
    assert_int_equal(bench.feedback.counts.joined, 7);
    assert_int_equal(bench.feedback.counts.duplicate, 1);
    assert_int_equal(totals->n_pairs, 3);
    assert_string_equal(totals->pairs[0]->truth, "1");
    assert_float_equal(totals->pairs[0]->weight, 5, 0);
    assert_string_equal(totals->pairs[1]->truth, "0");
    close_bench(&bench);
}

static void texts_of_a_text_target_stay_texts(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    bench.target = (struct trivet_feedback_target){.known = true};
    put(&bench, "a/0", "7", 0);
    add(&bench, "a/0", "007", 0);
    put(&bench, "a/1", "7", 0);
    add(&bench, "a/1", NULL, 7);
    struct trivet_quality_messages totals = totals_of(&bench);
    assert_int_equal(bench.feedback.counts.joined, 1);
    assert_int_equal(bench.feedback.counts.invalid, 1);
    assert_string_equal(totals.versions[0]->pairs[0]->truth, "007");
    assert_int_equal(totals.versions[0]->invalid, 1);
    /* Where nothing is known of the target, a class that reads as a number is one. */
    bench.target = (struct trivet_feedback_target){0};
    put(&bench, "a/2", "7", 0);
    add(&bench, "a/2", "7.0", 0);
    put(&bench, "a/3", "seven", 0);
    add(&bench, "a/3", "7.0", 0);
    put(&bench, "a/4", "seven", 0);
    add(&bench, "a/4", NULL, 7);
    assert_int_equal(bench.feedback.counts.joined, 3);
    assert_int_equal(bench.feedback.counts.invalid, 2);
    totals = totals_of(&bench);
    assert_int_equal(totals.versions[0]->n_pairs, 3);
    assert_string_equal(totals.versions[0]->pairs[1]->truth, "7");
    close_bench(&bench);
}

static void numbers_have_bounds(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put(&bench, "a/0", NULL, 5);
    add(&bench, "a/0", NULL, 1e200); /* no square */
    add(&bench, "a/0", NULL, (double)NAN);
    add(&bench, "a/0", "five", 0);
    bench.target = (struct trivet_feedback_target){
        .known = true, .bounded = true, .lowest = -1e4, .highest = 1e4};
    add(&bench, "a/0", NULL, 1.1e4);
    put(&bench, "a/1", NULL, 1e15); /* what it answered to who knows what */
    add(&bench, "a/1", NULL, 1e15);
    assert_int_equal(bench.feedback.counts.invalid, 5);
    add(&bench, "a/0", "5.5", 0); /* a text that is a number */
    assert_int_equal(bench.feedback.counts.joined, 1);
    struct trivet_quality_messages totals = totals_of(&bench);
    assert_int_equal(totals.versions[0]->invalid, 4);
    assert_int_equal(totals.models[0]->invalid, 1);
    assert_float_equal(totals.versions[0]->squared_error, 0.25, 0);
    put(&bench, "a/2", NULL, 1e15); /* a version that runs away is that wrong */
    add(&bench, "a/2", NULL, 5);
    assert_int_equal(bench.feedback.counts.joined, 2);
    totals = totals_of(&bench);
    assert_float_equal(totals.versions[0]->squared_error, 1e30, 1e17);
    close_bench(&bench);
}

static void times_have_bounds(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench);
    put(&bench, "a/0", NULL, 5);
    static const int64_t times_us[] = {INT64_MIN, -1, INT64_MAX};
    struct trivet_feedback_outcome outcome = {.prediction = "a/0", .number = 5};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(times_us); i++) {
        outcome.observed_unix_us = times_us[i];
        assert_ok(&bench.fixture,
                  trivet_feedback_add(&bench.feedback, &outcome, &bench.fixture.err));
    }
    assert_int_equal(bench.feedback.counts.invalid, 3);
    outcome.observed_unix_us = NOW_US + 2 * TRIVET_FEEDBACK_LATE_US;
    assert_ok(&bench.fixture, trivet_feedback_add(&bench.feedback, &outcome, &bench.fixture.err));
    assert_int_equal(bench.feedback.counts.late, 1);
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_a_numeric_target_are_one_class),
        cmocka_unit_test(texts_of_a_text_target_stay_texts),
        cmocka_unit_test(numbers_have_bounds),
        cmocka_unit_test(times_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
