#include "events/quality.h"

#include "base/compiler.h"
#include "base/text.h"
#include "events/publisher.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct trivet_quality_messages encode(struct trivet_quality *quality, bool changed_only,
                                             struct trivet_arena *arena)
{
    struct trivet_quality_messages messages = {0};
    struct trivet_error err;
    assert_int_equal(trivet_quality_encode(quality, changed_only, arena, &messages, &err),
                     TRIVET_OK);
    return messages;
}

static void add_pair(struct trivet_quality *quality, const char *truth, const char *predicted,
                     double weight)
{
    const struct trivet_quality_outcome outcome = {.model = "m",
                                                   .version = 1,
                                                   .weight = weight,
                                                   .predicted = {.label = predicted},
                                                   .truth = {.label = truth}};
    trivet_quality_add_outcome(quality, &outcome);
}

static double weight_of(const Trivet__V1__QualityTotals *totals, const char *truth,
                        const char *predicted)
{
    for (size_t i = 0; i < totals->n_pairs; i++) {
        if (strcmp(totals->pairs[i]->truth, truth) == 0 &&
            strcmp(totals->pairs[i]->predicted, predicted) == 0) {
            return totals->pairs[i]->weight;
        }
    }
    return 0;
}

static void a_correction_takes_back_what_it_corrects(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    const struct trivet_quality_value before = {.number = 5};
    struct trivet_quality_outcome outcome = {.model = "m",
                                             .version = 1,
                                             .weight = 4,
                                             .predicted = {.number = 7},
                                             .truth = {.number = 5}};
    trivet_quality_add_outcome(quality, &outcome);
    outcome.before = &before;
    outcome.truth.number = 10;
    outcome.is_late = true;
    trivet_quality_add_outcome(quality, &outcome);
    trivet_quality_add_duplicate(quality, "m", 1);
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_int_equal(totals->labelled, 1);
    assert_int_equal(totals->corrected, 1);
    assert_int_equal(totals->duplicate, 1);
    assert_int_equal(totals->late, 1);
    assert_float_equal(totals->labelled_weight, 4, 0);
    assert_float_equal(totals->error, -12, 0);
    assert_float_equal(totals->absolute_error, 12, 0);
    assert_float_equal(totals->squared_error, 36, 0);
    assert_float_equal(totals->outcome, 40, 0);
    assert_float_equal(totals->squared_outcome, 400, 0);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

/* Of 30 classes, the truth is the class before: 30 right and 870 wrong pairs. */
static void pairs_beyond_the_bound_are_counted_together(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(4u << 20, 0);
    double right = 0;
    double wrong = 0;
    for (int truth = 0; truth < 30; truth++) {
        for (int predicted = 0; predicted < 30; predicted++) {
            char names[2][16];
            (void)trivet_text_format(names[0], sizeof(names[0]), "class %d", truth);
            (void)trivet_text_format(names[1], sizeof(names[1]), "class %d", predicted);
            add_pair(quality, names[0], names[1], 1);
            add_pair(quality, names[0], names[1], 1);
        }
    }
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_true(totals->n_pairs <= TRIVET_QUALITY_PAIRS_MAX);
    for (size_t i = 0; i < totals->n_pairs; i++) {
        bool same = strcmp(totals->pairs[i]->truth, totals->pairs[i]->predicted) == 0 &&
                    strcmp(totals->pairs[i]->truth, "(other)") != 0;
        *(same ? &right : &wrong) += totals->pairs[i]->weight;
    }
    assert_float_equal((right + totals->other_right), 60, 0);
    assert_float_equal(wrong, 1740, 0);
    assert_true(totals->other_right > 0);
    /* What has no place is taken back where it was added. */
    double other = weight_of(totals, "(other)", "(other)");
    add_pair(quality, "class 29", "class 28", -2);
    totals = encode(quality, false, arena).versions[0];
    assert_float_equal(weight_of(totals, "(other)", "(other)"), (other - 2), 0);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

static void an_event_holds_the_longest_labels(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(4u << 20, 0);
    char name[257];
    memset(name, 'x', sizeof(name));
    name[256] = '\0';
    for (int i = 0; i < 400; i++) {
        (void)trivet_text_format(name + 240, 17, "%d", i);
        add_pair(quality, name, name, 1);
    }
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = UINT64_MAX;
    event.sequence = UINT64_MAX;
    event.unix_us = INT64_MAX;
    event.body_case = TRIVET__V1__EVENT__BODY_QUALITY_TOTALS;
    event.quality_totals = encode(quality, false, arena).versions[0];
    assert_true(protobuf_c_message_get_packed_size(&event.base) <= TRIVET_EVENT_BYTES_MAX);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

static void totals_of_a_call_are_added_whole(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_quality *call = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    add_pair(quality, "a", "a", 1);
    add_pair(call, "a", "a", 2);
    add_pair(call, "b", "a", 3);
    trivet_quality_add_unjoined(call, "m", (struct trivet_unjoined){.unmatched = 5});
    trivet_quality_add_all(quality, call);
    struct trivet_quality_messages messages = encode(quality, true, arena);
    assert_int_equal(messages.n_versions, 1);
    assert_float_equal(weight_of(messages.versions[0], "a", "a"), 3, 0);
    assert_float_equal(weight_of(messages.versions[0], "b", "a"), 3, 0);
    assert_int_equal(messages.versions[0]->labelled, 3);
    assert_int_equal(messages.n_models, 1);
    assert_int_equal(messages.models[0]->unmatched, 5);
    messages = encode(quality, true, arena);
    assert_int_equal(messages.n_versions + messages.n_models, 0); /* nothing has changed */
    trivet_quality_add_logged(quality, "m", 1, 1, 1);
    assert_int_equal(encode(quality, true, arena).n_versions, 1);
    trivet_arena_free(arena);
    trivet_quality_free(call);
    trivet_quality_free(quality);
}

static void add_number(struct trivet_quality *quality, double truth, const double *before)
{
    const struct trivet_quality_value earlier = {.number = before != NULL ? *before : 0};
    const struct trivet_quality_outcome outcome = {.model = "m",
                                                   .version = 1,
                                                   .weight = 1,
                                                   .predicted = {.number = 0.1},
                                                   .truth = {.number = truth},
                                                   .before = before != NULL ? &earlier : NULL};
    trivet_quality_add_outcome(quality, &outcome);
}

/* An outcome far off that is corrected leaves nothing, and hides nothing while it stands. */
static void a_sum_holds_small_beside_large(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    const double wrong[] = {1e15, -3e59, 7e30};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(wrong); i++) {
        add_number(quality, wrong[i], NULL);
    }
    for (int i = 0; i < 100; i++) {
        add_number(quality, 1.1, NULL);
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(wrong); i++) {
        add_number(quality, 1.1, &wrong[i]);
    }
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_true(fabs(totals->squared_error - 103) < 1e-12);
    assert_true(fabs(totals->error + 103) < 1e-12);
    assert_true(fabs(totals->squared_outcome - 103 * 1.1 * 1.1) < 1e-12);
    assert_true(fabs(totals->squared_weight_fourth_error - 103) < 1e-12);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

/* Also of what was stored when there was no bound yet. */
static void no_total_is_infinite(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    const double stored = 1e200;
    assert_false(trivet_quality_is_countable(stored));
    assert_false(trivet_quality_is_countable((double)NAN));
    add_number(quality, 1.1, &stored);
    for (int i = 0; i < 1000; i++) {
        const struct trivet_quality_outcome outcome = {
            .model = "m",
            .version = 1,
            .weight = 0x1p63,
            .predicted = {.number = TRIVET_QUALITY_NUMBER_MAX},
            .truth = {.number = -TRIVET_QUALITY_NUMBER_MAX}};
        trivet_quality_add_outcome(quality, &outcome);
    }
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_true(isfinite(totals->squared_error));
    assert_true(isfinite(totals->squared_weight_fourth_error));
    assert_true(totals->squared_weight_fourth_error > 0);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

/* Outcomes that are no class of the version, each put right at once, take no place from those that
 * are; without that the matrix was "(other)" alone. */
static void made_up_classes_leave_room(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    struct trivet_quality_value before = {.label = "a"};
    struct trivet_quality_outcome outcome = {.model = "m",
                                             .version = 1,
                                             .weight = 1,
                                             .predicted = {.label = "a"},
                                             .truth = {.label = "a"}};
    trivet_quality_add_outcome(quality, &outcome);
    char names[2][16] = {"a", "a"};
    for (int i = 1; i <= 1000; i++) {
        (void)trivet_text_format(names[i % 2], sizeof(names[0]), "junk %d", i);
        outcome.is_foreign = i % 2 == 0; /* nobody need know it */
        before.label = names[(i + 1) % 2];
        outcome.before = &before;
        outcome.truth.label = names[i % 2];
        trivet_quality_add_outcome(quality, &outcome);
    }
    outcome.before = NULL;
    outcome.is_foreign = false;
    for (int i = 0; i < 200; i++) {
        outcome.truth.label = i % 2 == 0 ? "a" : "b";
        trivet_quality_add_outcome(quality, &outcome);
    }
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_float_equal(weight_of(totals, "a", "a"), 100, 0);
    assert_float_equal(weight_of(totals, "b", "a"), 100, 0);
    double wrong = 0;
    for (size_t i = 0; i < totals->n_pairs; i++) {
        wrong += strcmp(totals->pairs[i]->truth, totals->pairs[i]->predicted) != 0
                     ? totals->pairs[i]->weight
                     : 0;
    }
    wrong += weight_of(totals, "(other)", "(other)");
    assert_float_equal(totals->other_right, 0, 0);
    assert_float_equal(wrong, 101, 0);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

static void squared_weights_are_told(void **state)
{
    (void)state;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    add_pair(quality, "a", "a", 1);
    add_pair(quality, "a", "b", 4);
    const Trivet__V1__QualityTotals *totals = encode(quality, false, arena).versions[0];
    assert_float_equal(totals->squared_weight, 17, 0);
    assert_float_equal(totals->squared_weight_right, 1, 0);
    const struct trivet_quality_outcome outcome = {.model = "r",
                                                   .version = 1,
                                                   .weight = 4,
                                                   .predicted = {.number = 3},
                                                   .truth = {.number = 5}};
    trivet_quality_add_outcome(quality, &outcome);
    totals = encode(quality, false, arena).versions[1];
    assert_float_equal(totals->squared_weight, 16, 0);
    assert_float_equal(totals->squared_weight_absolute_error, 32, 0);
    assert_float_equal(totals->squared_weight_squared_error, 64, 0);
    assert_float_equal(totals->squared_weight_fourth_error, 256, 0);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

static const Trivet__V1__QualityTotals *find_version(const struct trivet_quality_messages *messages,
                                                     const char *model, uint64_t version)
{
    for (size_t i = 0; i < messages->n_versions; i++) {
        if (strcmp(messages->versions[i]->model, model) == 0 &&
            messages->versions[i]->version == version) {
            return messages->versions[i];
        }
    }
    return NULL;
}

static const Trivet__V1__UnjoinedTotals *find_model(const struct trivet_quality_messages *messages,
                                                    const char *model)
{
    for (size_t i = 0; i < messages->n_models; i++) {
        if (strcmp(messages->models[i]->model, model) == 0) {
            return messages->models[i];
        }
    }
    return NULL;
}

/* Versions that are made and left behind, half as many again as there is room for, beside one that
 * goes on. */
static void versions_without_news_make_room(void **state)
{
    (void)state;
    const uint64_t n_versions = TRIVET_QUALITY_VERSIONS_MAX + TRIVET_QUALITY_VERSIONS_MAX / 2;
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 0);
    for (uint64_t v = 1; v <= n_versions; v++) {
        trivet_quality_add_logged(quality, "m", v, v, 1);
        trivet_quality_add_logged(quality, "n", 1, 1, 1);
        trivet_arena_reset(arena);
        assert_int_equal(encode(quality, true, arena).n_versions, 2);
    }
    struct trivet_quality_messages all = encode(quality, false, arena);
    assert_int_equal(all.n_versions, TRIVET_QUALITY_VERSIONS_MAX);
    assert_int_equal(find_version(&all, "n", 1)->logged, n_versions);
    assert_int_equal(find_version(&all, "n", 1)->life, 0);
    assert_null(find_version(&all, "m", 1));
    assert_int_equal(find_version(&all, "m", n_versions)->logged, n_versions);
    /* One that is back begins at zero, and what it had is not in another's sums. */
    trivet_quality_add_logged(quality, "m", 1, 1, 1);
    struct trivet_quality_messages back = encode(quality, true, arena);
    assert_int_equal(back.n_versions, 1);
    assert_int_equal(back.versions[0]->logged, 1);
    assert_float_equal(back.versions[0]->logged_weight, 1, 0);
    assert_true(back.versions[0]->life > find_version(&all, "m", n_versions)->life);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

static void models_without_news_make_room(void **state)
{
    (void)state;
    const struct trivet_unjoined one = {.unmatched = 1};
    struct trivet_quality *quality = trivet_quality_create();
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 0);
    char name[32];
    for (int i = 0; i < TRIVET_QUALITY_VERSIONS_MAX; i++) {
        (void)trivet_text_format(name, sizeof(name), "stranger-%d", i);
        trivet_quality_add_unjoined(quality, name, one);
    }
    trivet_quality_add_unjoined(quality, "n", one); /* nobody was told of the others yet */
    struct trivet_quality_messages told = encode(quality, true, arena);
    assert_int_equal(find_model(&told, "(other)")->unmatched, 1);
    trivet_quality_add_unjoined(quality, "stranger-0", one);
    trivet_quality_add_unjoined(quality, "n", one);
    trivet_arena_reset(arena);
    told = encode(quality, false, arena);
    assert_int_equal(told.n_models, TRIVET_QUALITY_VERSIONS_MAX + 1);
    assert_int_equal(find_model(&told, "n")->unmatched, 1);
    assert_true(find_model(&told, "n")->life > 0);
    assert_int_equal(find_model(&told, "stranger-0")->unmatched, 2);
    assert_null(find_model(&told, "stranger-1"));
    assert_int_equal(find_model(&told, "(other)")->unmatched, 1);
    trivet_arena_free(arena);
    trivet_quality_free(quality);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_correction_takes_back_what_it_corrects),
        cmocka_unit_test(pairs_beyond_the_bound_are_counted_together),
        cmocka_unit_test(an_event_holds_the_longest_labels),
        cmocka_unit_test(totals_of_a_call_are_added_whole),
        cmocka_unit_test(a_sum_holds_small_beside_large),
        cmocka_unit_test(no_total_is_infinite),
        cmocka_unit_test(made_up_classes_leave_room),
        cmocka_unit_test(squared_weights_are_told),
        cmocka_unit_test(versions_without_news_make_room),
        cmocka_unit_test(models_without_news_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
