/* What the loop keeps of its looks: totals that begin anew, and a clock that is set. */
#include "unit/monitor/loop_world.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY (86400 * S)

/* Whatever the new totals look like beside the old ones. */
static void test_another_epoch(void **state)
{
    (void)state;
    struct world world = promoted();
    world.state.scores.quality = 0.93;
    world.state.epoch = 0; /* of an earlier version: the look takes what there is */
    world.seen.epoch = UINT64_MAX;
    labels_come(&world, 300, 300);
    expect_nothing(&world, "live accuracy 1.0000");
    /* More of all: as a difference, 91 of 120. */
    world.seen.epoch = 8;
    world.seen.challenger =
        (struct trivet_loop_version){.labelled = 420, .weight = 420, .right = 391};
    expect_nothing(&world, "on 420 labels");
    /* Fewer: none is lost. */
    labels_come(&world, 90, 0);
    world.seen.challenger = (struct trivet_loop_version){.labelled = 60, .weight = 60, .right = 55};
    world.seen.epoch = 9;
    expect_nothing(&world, "60 of 100 labels");
    labels_come(&world, 40, 40);
    expect_nothing(&world, "live accuracy 0.9500");
    assert_int_equal(world.state.epoch, 9);
}

static void test_labels_of_another_epoch(void **state)
{
    (void)state;
    struct world world = world_make();
    world.seen.epoch = 7;
    world.seen.drift = true;
    world.seen.labelled = 150;
    expect_nothing(&world, "drift: 150 of 200");
    world.seen.epoch = 8;
    world.seen.labelled = 30;
    expect_nothing(&world, "drift: 180 of 200");
}

static void test_clock_was_ahead(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    world.seen.now_us += 3 * 365 * DAY;
    look(&world);
    expect_event(&world, TRIVET_LOOP_GROW_TRAIN, TRIVET_LOOP_FAILED, "step_timeout");
    world.seen.now_us -= 3 * 365 * DAY;
    world.seen.labelled += 1000;
    expect_nothing(&world, "cool-down");
    world.seen.now_us += world.policy.cooldown_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "drift");
}

static void test_clock_is_set_back(void **state)
{
    (void)state;
    struct world world = world_make();
    world.seen.now_us += 400 * DAY;
    world.policy.pause_us = 10 * S;
    world.policy.every_us = 3600 * S;
    begin_by_drift(&world);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    done(&world, (struct trivet_loop_result){.rows = 500, .id = "ds-train"});
    const int64_t round_since_us = world.state.round_since_us;
    world.seen.now_us -= 365 * DAY;
    expect_nothing(&world, "pause");
    world.seen.now_us += 10 * S;
    expect_action(&world, TRIVET_LOOP_GROW_HOLDOUT);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.now_us -= 10 * DAY;
    expect_nothing(&world, "tries again");
    world.seen.now_us += 64 * S;
    expect_action(&world, TRIVET_LOOP_GROW_HOLDOUT);
    assert_true(world.state.round_since_us == round_since_us); /* it names the round's calls */
    /* The step has a time-out of its whole length again. */
    world.seen.now_us += world.policy.step_timeout_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_GROW_HOLDOUT, TRIVET_LOOP_FAILED, "step_timeout");
    expect_tidied(&world, "deleted ds-train");
    /* And the schedule goes on. */
    world.seen.drift = false;
    world.seen.labelled += 1000;
    world.policy.cooldown_us = 0;
    expect_nothing(&world, "nothing calls");
    world.seen.now_us += world.policy.every_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "schedule");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_epoch),
        cmocka_unit_test(test_labels_of_another_epoch),
        cmocka_unit_test(test_clock_was_ahead),
        cmocka_unit_test(test_clock_is_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
