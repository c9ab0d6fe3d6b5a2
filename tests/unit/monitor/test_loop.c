/* The loop against a small world: what begins a round, how it goes well, what is taken back, and
 * what restarts do to it. */
#include "unit/monitor/loop_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_kept(void **state)
{
    (void)state;
    struct world world = promoted();
    expect_nothing(&world, "0 of 100 labels");
    labels_come(&world, 100, 92);
    expect_nothing(&world, "live accuracy 0.92");
    labels_come(&world, 60, 55);
    expect_nothing(&world, "60 of 100 labels"); /* a block of its own */
    world.seen.now_us += 100 * S;
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_DONE, "kept after 1 good blocks");
    expect_tidied(&world, "deleted ds-hold; the next round grows from ds-train");
    /* The cool-down, although drift goes on and labels came. */
    labels_come(&world, 500, 460);
    expect_nothing(&world, "drift: the cool-down");
    assert_int_equal(trivet_loop_next_us(&world.policy, &world.state), world.state.not_before_us);
    world.seen.now_us += world.policy.cooldown_us;
    look(&world);
    expect_event(&world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "drift");
    assert_int_equal(world.event.round, 2);
    assert_int_equal(world.state.champion, 2);
}

static void test_rolled_back(void **state)
{
    (void)state;
    struct world world = promoted();
    world.policy.pause_us = 1000 * S; /* a rollback does not wait */
    labels_come(&world, 100, 95);
    expect_nothing(&world, "live accuracy 0.95");
    labels_come(&world, 99, 20);
    expect_nothing(&world, "99 of 100");
    labels_come(&world, 1, 0);
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "live accuracy 0.2000");
    expect_action(&world, TRIVET_LOOP_ROLLBACK);
    assert_non_null(strstr(world.action.reason, "loop, round 1: live accuracy 0.2000"));
    done(&world, (struct trivet_loop_result){.version = 1});
    expect_event(&world, TRIVET_LOOP_ROLLBACK, TRIVET_LOOP_DONE, "live accuracy");
    assert_int_equal(world.event.version, 1);
    world.seen.production = 1;
    expect_tidied(&world, "deleted ds-hold and ds-train");
    world.seen.labelled += 1000;
    expect_nothing(&world, "cool-down");
}

static void test_rollback_is_not_made_twice(void **state)
{
    (void)state;
    struct world world = promoted();
    labels_come(&world, 100, 10);
    look(&world);
    expect_action(&world, TRIVET_LOOP_ROLLBACK);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.production = 1; /* it had been made */
    look(&world);
    assert_false(world.action.due);
    expect_event(&world, TRIVET_LOOP_ROLLBACK, TRIVET_LOOP_DONE, "live accuracy");
    expect_tidied(&world, "deleted ds-hold and ds-train");
}

static void test_chance_does_not_roll_back(void **state)
{
    (void)state;
    /* Lower than 0.7 - 0.05, but not by three standard errors. */
    struct world world = promoted();
    labels_come(&world, 100, 55);
    expect_nothing(&world, "live accuracy 0.55");
    labels_come(&world, 100, 48);
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "0.48");
}

static void test_regression_rolls_back(void **state)
{
    (void)state;
    struct world world = promoted();
    world.state.scores.classification = false;
    world.state.scores.quality = 4;
    world.seen.challenger.squared_error = 450;
    world.seen.challenger.absolute_error = 169; /* as of normal errors */
    labels_come(&world, 100, 0);
    expect_nothing(&world, "live mean squared error 4.5");
    world.seen.challenger.squared_error += 1000;
    world.seen.challenger.absolute_error += 252;
    labels_come(&world, 100, 0);
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "error 10");
}

static void errors_come(struct world *world, double mse, double mae)
{
    world->seen.challenger.squared_error += 100 * mse;
    world->seen.challenger.absolute_error += 100 * mae;
    labels_come(world, 100, 0);
}

/* Worse than chance explains, but not by much: the next block has to say so too. */
static void test_regression_is_doubted_first(void **state)
{
    (void)state;
    struct world world = promoted();
    world.state.scores.classification = false;
    world.state.scores.quality = 4;
    errors_come(&world, 8.67, 2.35);
    expect_nothing(&world, "live mean squared error 8.67");
    assert_true(world.state.doubtful);
    errors_come(&world, 4, 1.6);
    expect_nothing(&world, "live mean squared error 4,");
    assert_false(world.state.doubtful);
    assert_int_equal(world.state.n_judged, 1);
    errors_come(&world, 8.67, 2.35);
    expect_nothing(&world, "live mean squared error 8.67");
    errors_come(&world, 8.67, 2.35);
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "error 8.67");
}

static void test_label_minimum(void **state)
{
    (void)state;
    struct world world = world_make();
    world.seen.drift = true;
    world.seen.labelled = 199;
    expect_nothing(&world, "drift: 199 of 200");
    expect_nothing(&world, "drift: 199 of 200");
    world.seen.labelled = 200;
    look(&world);
    expect_event(&world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "200 new labels");
}

static void test_triggers(void **state)
{
    (void)state;
    struct world world = world_make();
    world.seen.labelled = 1000;
    expect_nothing(&world, "nothing calls");
    world.seen.quality = true;
    world.policy.on_quality = false;
    expect_nothing(&world, "nothing calls");
    world.policy.on_quality = true;
    struct world copy = world;
    look(&copy);
    expect_event(&copy, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "quality; 1000");

    world.seen.quality = false;
    world.policy.new_labels = 1001;
    expect_nothing(&world, "nothing calls");
    world.policy.new_labels = 1000;
    copy = world;
    look(&copy);
    expect_event(&copy, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "labels; 1000");

    world.policy.new_labels = 0;
    world.policy.every_us = 3600 * S;
    expect_nothing(&world, "nothing calls"); /* the first hour begins at the first look */
    world.seen.now_us += 3600 * S;
    look(&world);
    expect_event(&world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "schedule; 1000");
}

static void test_switches(void **state)
{
    (void)state;
    struct world world = world_make();
    world.seen.drift = true;
    world.seen.labelled = 1000;
    world.enabled = false;
    expect_nothing(&world, "turned off");
    world.enabled = true;
    world.policy.enabled = false;
    expect_nothing(&world, "turned off");
    world.policy.enabled = true;
    world.policy.train = false;
    expect_nothing(&world, "training is turned off");
    world.policy.train = true;
    world.seen.production = 0;
    expect_nothing(&world, "no version is in production");
    world.seen.production = 1;
    world.seen.n_shares = 2;
    expect_nothing(&world, "somebody has split");
    world.seen.n_shares = 0;
    world.seen.reachable = false;
    expect_nothing(&world, "does not answer");
    world.seen.reachable = true;

    begin_by_drift(&world);
    world.enabled = false;
    expect_nothing(&world, "in the middle of a round");
    world.enabled = true;
    world.policy.evaluate = false;
    world.policy.shadow = false;
    world.policy.promote = false;
    grow(&world);
    train(&world);
    look(&world);
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_SKIPPED, "version 2 waits for somebody");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);
    expect_nothing(&world, "0 of 200 new labels");
}

static void test_rollback_turned_off(void **state)
{
    (void)state;
    struct world world = promoted();
    world.policy.rollback = false;
    labels_come(&world, 100, 10);
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_SKIPPED, "rollback is turned off");
    expect_tidied(&world, "deleted ds-hold; the next round grows from ds-train");
}

static void test_without_evaluation_nothing_is_watched(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    world.policy.evaluate = false;
    world.policy.shadow = false;
    grow(&world);
    train(&world);
    expect_action(&world, TRIVET_LOOP_PROMOTE);
    done(&world, ok());
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_DONE, "not watched");
    world.seen.production = 2;
    expect_tidied(&world, "deleted ds-hold; the next round grows from ds-train");
}

static void test_trivetd_restarts(void **state)
{
    (void)state;
    struct world world = promoted();
    labels_come(&world, 60, 55);
    expect_nothing(&world, "60 of 100");
    world.seen.reachable = false;
    expect_nothing(&world, "does not answer");
    /* Its totals begin anew: what is new since is not known, and does not count. */
    world.seen.reachable = true;
    world.seen.challenger = (struct trivet_loop_version){.labelled = 5, .weight = 5, .right = 5};
    expect_nothing(&world, "60 of 100");
    labels_come(&world, 39, 30);
    expect_nothing(&world, "99 of 100");
    labels_come(&world, 1, 1);
    expect_nothing(&world, "live accuracy 0.86");
}

static void test_monitor_restarts(void **state)
{
    (void)state;
    /* The state as stored before the call; the call was made, its answer lost. */
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    expect_action(&world, TRIVET_LOOP_SHADOW);
    const struct trivet_loop_action first = world.action;
    world.seen.n_shares = 2;
    world.seen.challenger_has_share = true;
    expect_action(&world, TRIVET_LOOP_SHADOW);
    assert_string_equal(world.action.request_id, first.request_id);
    assert_string_equal(world.action.reason, first.reason);
    done(&world, ok());
    world.seen.shadow_seen += 1000;
    world.seen.now_us += 10 * S;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_DONE, "1000");
    expect_action(&world, TRIVET_LOOP_PROMOTE);
    end_split(&world);
    world.seen.production = 2; /* made, and its answer lost */
    expect_action(&world, TRIVET_LOOP_PROMOTE);
    done(&world, ok());
    assert_int_equal(world.state.step, TRIVET_LOOP_WATCH);
}

static void test_request_ids_differ(void **state)
{
    (void)state;
    struct world a = world_make();
    struct world b = world_make();
    trivet_policy_defaults(&b.policy, "other");
    begin_by_drift(&a);
    begin_by_drift(&b);
    expect_action(&a, TRIVET_LOOP_GROW_TRAIN);
    expect_action(&b, TRIVET_LOOP_GROW_TRAIN);
    assert_string_not_equal(a.action.request_id, b.action.request_id);
    struct world c = world_make(); /* a history begun anew, a moment later */
    c.seen.now_us++;
    begin_by_drift(&c);
    expect_action(&c, TRIVET_LOOP_GROW_TRAIN);
    assert_string_not_equal(a.action.request_id, c.action.request_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_rolled_back),
        cmocka_unit_test(test_rollback_is_not_made_twice),
        cmocka_unit_test(test_chance_does_not_roll_back),
        cmocka_unit_test(test_regression_rolls_back),
        cmocka_unit_test(test_regression_is_doubted_first),
        cmocka_unit_test(test_label_minimum),
        cmocka_unit_test(test_triggers),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_rollback_turned_off),
        cmocka_unit_test(test_without_evaluation_nothing_is_watched),
        cmocka_unit_test(test_trivetd_restarts),
        cmocka_unit_test(test_monitor_restarts),
        cmocka_unit_test(test_request_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
