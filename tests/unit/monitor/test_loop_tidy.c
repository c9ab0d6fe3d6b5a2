/* What the loop deletes of a round, and what it must not. */
#include "unit/monitor/loop_world.h"

#include "monitor/loop/tidy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* In TIDY after the gates refused the challenger. */
static struct world refused(void)
{
    struct world world = world_make();
    struct trivet_loop_scores scores = better;
    scores.challenger = scores.champion;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, scores);
    assert_int_equal(world.state.step, TRIVET_LOOP_TIDY);
    return world;
}

static void expect_list(const struct world *world, const char *first, const char *second)
{
    const char *ids[2] = {"", ""};
    const size_t n = trivet_loop_tidy_list(&world->state, ids);
    assert_int_equal(n, (first[0] != '\0') + (second[0] != '\0'));
    assert_string_equal(n > 0 ? ids[0] : "", first);
    assert_string_equal(n > 1 ? ids[1] : "", second);
}

static void test_both_go(void **state)
{
    (void)state;
    struct world world = refused();
    world.policy.pause_us = 1000 * S; /* is not waited for */
    const int64_t not_before_us = world.state.not_before_us;
    expect_list(&world, "ds-hold", "ds-train");
    expect_tidied(&world, "deleted ds-hold and ds-train");
    assert_int_equal(world.event.version, 2);
    assert_int_equal(world.state.not_before_us, not_before_us); /* the round had ended before */
    assert_string_equal(world.state.train_dataset_id, "");
    assert_string_equal(world.state.holdout_dataset_id, "");
}

static void test_repeated_after_a_crash(void **state)
{
    (void)state;
    struct world world = refused();
    expect_action(&world, TRIVET_LOOP_TIDY);
    const struct trivet_loop_action first = world.action;
    expect_action(&world, TRIVET_LOOP_TIDY);
    assert_string_equal(world.action.request_id, first.request_id);
    expect_list(&world, "ds-hold", "ds-train");
    expect_tidied(&world, "deleted");
}

static void test_nothing_was_grown(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    done(&world, failed(TRIVET_INVALID_ARGUMENT, "no"));
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);

    world = world_make();
    begin_by_drift(&world);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    done(&world, (struct trivet_loop_result){.rows = 500, .id = "ds-train"});
    expect_action(&world, TRIVET_LOOP_GROW_HOLDOUT);
    done(&world, failed(TRIVET_INVALID_ARGUMENT, "no"));
    expect_tidied(&world, "deleted ds-train");
}

static void test_turned_off(void **state)
{
    (void)state;
    struct world world = world_make();
    world.policy.tidy = false;
    begin_by_drift(&world);
    grow(&world);
    world.seen.production = 9;
    look(&world);
    expect_event(&world, TRIVET_LOOP_TRAIN, TRIVET_LOOP_REFUSED, "version 9");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);

    world = refused();
    world.policy.tidy = false; /* since the round ended */
    look(&world);
    assert_false(world.action.due);
    expect_event(&world, TRIVET_LOOP_TIDY, TRIVET_LOOP_SKIPPED, "nothing is to be deleted");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
}

static void test_a_version_that_waits_keeps_both(void **state)
{
    (void)state;
    struct world world = world_make();
    world.policy.promote = false;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    shadow(&world);
    look(&world);
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_SKIPPED, "waits for somebody");
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, ok());
    end_split(&world);
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
    assert_string_equal(world.state.holdout_dataset_id, "ds-hold");
    expect_list(&world, "", "");
    /* The next round's go again. */
    world.policy.promote = true;
    world.seen.now_us += world.policy.cooldown_us;
    begin_by_drift(&world);
    grow(&world);
    expect_list(&world, "ds-hold", "ds-train");
}

/* Whoever put it there: it is what the next round grows from. */
static void test_what_production_needs_stays(void **state)
{
    (void)state;
    static const char kept[] = "deleted ds-hold; the next round grows from ds-train";
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    world.seen.production = 2;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOW, TRIVET_LOOP_REFUSED, "somebody else made version 2");
    expect_tidied(&world, kept);

    world = refused(); /* promoted against the gates, just now */
    world.seen.production = 2;
    expect_tidied(&world, kept);

    world = refused(); /* a version that somebody trained on the same rows */
    world.seen.production = 9;
    memcpy(world.seen.production_dataset_id, "ds-train", sizeof("ds-train"));
    expect_tidied(&world, kept);

    world = promoted(); /* a rollback of 9 comes back to it */
    world.seen.production = 9;
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "version 9");
    expect_tidied(&world, kept);

    world = promoted(); /* somebody took it back */
    world.seen.production = 1;
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "version 1");
    expect_tidied(&world, "deleted ds-hold and ds-train");

    /* The promotion was made, its answer lost, until the time was up. */
    world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    shadow(&world);
    expect_action(&world, TRIVET_LOOP_PROMOTE);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.production = 2;
    world.seen.now_us += world.policy.step_timeout_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_FAILED, "step_timeout");
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, ok());
    expect_tidied(&world, kept);
}

static void test_in_use(void **state)
{
    (void)state;
    struct world world = refused();
    expect_action(&world, TRIVET_LOOP_TIDY);
    done(&world, failed(TRIVET_FAILED_PRECONDITION, "a job uses dataset ds-train"));
    expect_event(&world, TRIVET_LOOP_TIDY, TRIVET_LOOP_REFUSED, "a job uses");
    expect_nothing(&world, "new labels");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
}

static void test_failures_that_may_pass(void **state)
{
    (void)state;
    struct world world = refused();
    expect_action(&world, TRIVET_LOOP_TIDY);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    assert_false(world.event.happened);
    expect_tidied(&world, "deleted ds-hold and ds-train");

    world = refused();
    expect_action(&world, TRIVET_LOOP_TIDY);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.now_us += world.policy.step_timeout_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_TIDY, TRIVET_LOOP_FAILED, "step_timeout; tries again: gone");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
}

/* Without a time limit the tries are limited. */
static void test_tries_are_bounded(void **state)
{
    (void)state;
    struct world world = refused();
    world.policy.step_timeout_us = 0;
    const int64_t began_us = world.seen.now_us;
    size_t n = 0;
    do {
        world.seen.now_us += 64 * S;
        expect_action(&world, TRIVET_LOOP_TIDY);
        done(&world, failed(TRIVET_DEADLINE_EXCEEDED, "no reply"));
        n++;
    } while (!world.event.happened && n < 1000);
    expect_event(&world, TRIVET_LOOP_TIDY, TRIVET_LOOP_FAILED, "no reply");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
    assert_in_range(n, 10, 100);
    assert_true(world.seen.now_us - began_us < 3 * 3600 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_go),
        cmocka_unit_test(test_repeated_after_a_crash),
        cmocka_unit_test(test_nothing_was_grown),
        cmocka_unit_test(test_turned_off),
        cmocka_unit_test(test_a_version_that_waits_keeps_both),
        cmocka_unit_test(test_what_production_needs_stays),
        cmocka_unit_test(test_in_use),
        cmocka_unit_test(test_failures_that_may_pass),
        cmocka_unit_test(test_tries_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
