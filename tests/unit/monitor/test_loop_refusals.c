/* The loop when something is against it: gates, failures, time-outs, and other people. */
#include "monitor/loop/steps.h"
#include "unit/monitor/loop_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void refused_by(struct trivet_loop_scores scores, const char *words)
{
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, scores);
    expect_event(&world, TRIVET_LOOP_EVALUATE, TRIVET_LOOP_REFUSED, words);
    expect_tidied(&world, "deleted ds-hold and ds-train");
    world.seen.labelled += 1000;
    expect_nothing(&world, "cool-down");
}

static void test_scores(void **state)
{
    (void)state;
    struct trivet_loop_scores scores = better;
    scores.challenger = scores.champion;
    refused_by(scores, "not better enough");
    scores = better;
    scores.holdout_rows = 39;
    refused_by(scores, "39 rows of the 40");
    scores = better;
    scores.base_challenger = scores.base_champion - 0.051; /* learnt from wrong labels */
    refused_by(scores, "too much worse");
    scores = better;
    scores.greater_is_better = false;
    refused_by(scores, "not better enough");
    /* An error: less is better, and the drop is a share. */
    scores = (struct trivet_loop_scores){.metric = "mse",
                                         .holdout_rows = 60,
                                         .champion = 400,
                                         .challenger = 300,
                                         .quality = 400,
                                         .base_champion = 200,
                                         .base_challenger = 211};
    refused_by(scores, "too much worse");
    scores.base_challenger = 209;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, scores);
    expect_event(&world, TRIVET_LOOP_EVALUATE, TRIVET_LOOP_DONE, "mse 300 against");
}

static void test_small_holdout(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    world.policy.holdout_rows_min = 61;
    grow(&world);
    expect_event(&world, TRIVET_LOOP_GROW_HOLDOUT, TRIVET_LOOP_REFUSED, "60 labelled rows");
    expect_tidied(&world, "deleted ds-hold and ds-train");
}

/* A refusal with a split set ends the split, then the round, and leaves nothing. */
static void expect_cleared(struct world *world)
{
    expect_action(world, TRIVET_LOOP_CLEAR);
    assert_non_null(strstr(world->action.reason, "is over"));
    done(world, ok());
    expect_event(world, TRIVET_LOOP_CLEAR, TRIVET_LOOP_DONE, "over");
    end_split(world);
    expect_tidied(world, "deleted ds-hold and ds-train");
    assert_true(world->state.not_before_us > world->seen.now_us);
}

static void test_shadow_that_fails(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    world.seen.shadow_seen += 1000;
    world.seen.shadow_failed += 2; /* 0.2 % of 0.1 % */
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_REFUSED, "failed");
    expect_cleared(&world);
}

static void test_shadow_that_disagrees(void **state)
{
    (void)state;
    struct world world = world_make();
    world.policy.shadow_agreement_min = 0.8;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    world.seen.shadow_seen += 1000;
    world.seen.shadow_equal += 790;
    world.seen.now_us += 10 * S;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_REFUSED, "79.0 %");
    expect_cleared(&world);
}

static struct world canarying(void)
{
    struct world world = world_make();
    world.policy.canary = true;
    world.policy.shadow = false;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_CANARY);
    world.seen.champion = (struct trivet_loop_version){.rows = 9000, .failed = 9};
    return world;
}

static void test_canary(void **state)
{
    (void)state;
    struct world world = canarying();
    world.seen.challenger.rows = 999;
    world.seen.now_us += 10 * S;
    expect_nothing(&world, "999 of 1000 rows");
    world.seen.challenger.rows = 1000;
    world.seen.challenger.failed = 2; /* the champion's 0.1 %, and 0.1 % */
    look(&world);
    expect_event(&world, TRIVET_LOOP_CANARYING, TRIVET_LOOP_DONE, "0.20 % failed");
    expect_action(&world, TRIVET_LOOP_PROMOTE);

    world = canarying();
    world.seen.challenger.rows = 1000;
    world.seen.challenger.failed = 3;
    look(&world);
    expect_event(&world, TRIVET_LOOP_CANARYING, TRIVET_LOOP_REFUSED, "0.30 % failed");
    expect_cleared(&world);

    world = canarying();
    labels_come(&world, 100, 30);
    look(&world);
    expect_event(&world, TRIVET_LOOP_CANARYING, TRIVET_LOOP_REFUSED, "live accuracy 0.3");
    expect_cleared(&world);
}

static void test_promotion_refused(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    shadow(&world);
    expect_action(&world, TRIVET_LOOP_PROMOTE);
    done(&world, failed(TRIVET_FAILED_PRECONDITION, "f1_macro is 0.7; the gate asks for 0.9"));
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_REFUSED, "the gate asks");
    expect_cleared(&world);
}

static void test_calls_fail(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    char request_id[TRIVET_LOOP_REQUEST_ID_BYTES];
    memcpy(request_id, world.action.request_id, sizeof(request_id));
    assert_true(strlen(request_id) > 30);
    done(&world, failed(TRIVET_UNAVAILABLE, "nobody there"));
    assert_false(world.event.happened);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN); /* after a second */
    assert_string_equal(world.action.request_id, request_id);
    done(&world, failed(TRIVET_DEADLINE_EXCEEDED, "no reply"));
    expect_nothing(&world, "tries again: no reply"); /* after two */
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    done(&world, failed(TRIVET_FAILED_PRECONDITION, "keeps no features"));
    expect_event(&world, TRIVET_LOOP_GROW_TRAIN, TRIVET_LOOP_REFUSED, "keeps no features");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE); /* it grew nothing */

    world = world_make();
    begin_by_drift(&world);
    grow(&world);
    expect_action(&world, TRIVET_LOOP_TRAIN);
    done(&world, failed(TRIVET_INVALID_ARGUMENT, "no such column"));
    expect_event(&world, TRIVET_LOOP_TRAIN, TRIVET_LOOP_FAILED, "no such column");
    expect_tidied(&world, "deleted ds-hold and ds-train");
}

/* More rows than a minute is enough for: the next try waits longer, but not for ever. */
static void test_calls_may_take_longer(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    static const int minutes[] = {1, 2, 4, 8, 16, 32, 32, 32};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(minutes); i++) {
        world.seen.now_us += 64 * S;
        expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
        assert_int_equal(trivet_loop_work_timeout_ms(&world.state), minutes[i] * 60000);
        done(&world, failed(TRIVET_DEADLINE_EXCEEDED, "no reply"));
    }
    world.seen.now_us += 64 * S;
    grow(&world);
    assert_int_equal(trivet_loop_work_timeout_ms(&world.state), 60000);
    world = promoted();
    labels_come(&world, 200, 20);
    look(&world);
    expect_action(&world, TRIVET_LOOP_ROLLBACK);
    done(&world, failed(TRIVET_DEADLINE_EXCEEDED, "no reply"));
    assert_int_equal(trivet_loop_work_timeout_ms(&world.state), 60000);
}

static void test_time_outs(void **state)
{
    (void)state;
    struct world world = world_make();
    world.policy.cooldown_us = 10 * world.policy.step_timeout_us;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    expect_nothing(&world, "0 of 1000 rows");
    world.seen.now_us += world.policy.step_timeout_us; /* nobody calls the model */
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_FAILED, "step_timeout; 0 of 1000");
    /* The split is ours: its end stays due, however long and whatever is said against it. */
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.now_us += world.policy.step_timeout_us;
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, failed(TRIVET_INTERNAL, "the disk is full"));
    expect_nothing(&world, "tries again: the disk is full");
    world.seen.now_us += 64 * S;
    expect_cleared(&world);
    assert_false(world.state.split_is_ours);
}

static void test_clear_of_a_model_that_is_gone(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    world.seen.production = 0;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_REFUSED, "somebody else");
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, failed(TRIVET_NOT_FOUND, "no such model"));
    expect_event(&world, TRIVET_LOOP_CLEAR, TRIVET_LOOP_FAILED, "no such model");
    assert_false(world.state.split_is_ours);
}

/* While the end of ours was tried. */
static void test_clear_leaves_the_split_of_others(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    world.seen.now_us += world.policy.step_timeout_us;
    look(&world);
    expect_action(&world, TRIVET_LOOP_CLEAR);
    done(&world, failed(TRIVET_UNAVAILABLE, "gone"));
    world.seen.challenger_has_share = false;
    world.seen.now_us += 64 * S;
    look(&world);
    assert_false(world.action.due);
    expect_event(&world, TRIVET_LOOP_CLEAR, TRIVET_LOOP_SKIPPED, "somebody else split");
    assert_false(world.state.split_is_ours);
    expect_tidied(&world, "deleted ds-hold and ds-train");
}

/* The version is bad, and nothing but time spoke against its rollback. */
static void test_rollback_has_no_time_out(void **state)
{
    (void)state;
    struct world world = promoted();
    world.policy.step_timeout_us = 300 * S;
    labels_come(&world, 200, 20);
    look(&world);
    assert_int_equal(world.state.step, TRIVET_LOOP_ROLLBACK);
    world.seen.now_us += 600 * S; /* the server or the monitor was down */
    expect_action(&world, TRIVET_LOOP_ROLLBACK);
    done(&world, failed(TRIVET_INTERNAL, "the disk is full"));
    world.seen.now_us += 600 * S;
    expect_action(&world, TRIVET_LOOP_ROLLBACK);
    struct world none = world;
    done(&none, failed(TRIVET_FAILED_PRECONDITION, "nothing to go back to"));
    expect_event(&none, TRIVET_LOOP_ROLLBACK, TRIVET_LOOP_REFUSED, "nothing to go back to");
    done(&world, (struct trivet_loop_result){.version = 1});
    expect_event(&world, TRIVET_LOOP_ROLLBACK, TRIVET_LOOP_DONE, "live accuracy 0.1");
}

/* The policy was changed, and the monitor begun anew, in the middle of a round. */
static void test_turned_off_in_between(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    world.policy.train = false;
    look(&world);
    assert_false(world.action.due);
    expect_event(&world, TRIVET_LOOP_GROW_TRAIN, TRIVET_LOOP_SKIPPED, "train is turned off");
    assert_int_equal(world.state.step, TRIVET_LOOP_IDLE);

    world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    world.policy.evaluate = false;
    look(&world);
    expect_event(&world, TRIVET_LOOP_EVALUATE, TRIVET_LOOP_SKIPPED, "evaluate is turned off");
    world.policy.shadow = false;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOW, TRIVET_LOOP_SKIPPED, "shadow is turned off");
    assert_int_equal(world.state.step, TRIVET_LOOP_PROMOTE);

    /* A split that is set goes with what follows: here the end of the round. */
    world = world_make();
    world.policy.canary = true;
    world.policy.promote = false;
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    world.policy.shadow = false;
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_SKIPPED, "shadow is turned off");
    set_split(&world, TRIVET_LOOP_CANARY);
    world.policy.canary = false;
    look(&world);
    expect_event(&world, TRIVET_LOOP_CANARYING, TRIVET_LOOP_SKIPPED, "canary is turned off");
    look(&world);
    expect_event(&world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_SKIPPED, "waits for somebody");
    expect_action(&world, TRIVET_LOOP_CLEAR);

    world = promoted();
    labels_come(&world, 200, 20);
    look(&world);
    world.policy.rollback = false;
    look(&world);
    assert_false(world.action.due);
    expect_event(&world, TRIVET_LOOP_ROLLBACK, TRIVET_LOOP_SKIPPED, "rollback is turned off");
    assert_true(world.state.adopted);
}

static void test_pause(void **state)
{
    (void)state;
    struct world world = world_make();
    world.policy.pause_us = 10 * S;
    begin_by_drift(&world);
    expect_action(&world, TRIVET_LOOP_GROW_TRAIN);
    done(&world, (struct trivet_loop_result){.rows = 500, .id = "ds-train"});
    expect_nothing(&world, "pause");
    world.seen.now_us += 8 * S;
    expect_action(&world, TRIVET_LOOP_GROW_HOLDOUT);
}

static void test_gives_way(void **state)
{
    (void)state;
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    world.seen.production = 9;
    look(&world);
    expect_event(&world, TRIVET_LOOP_TRAIN, TRIVET_LOOP_REFUSED, "somebody else made version 9");
    expect_tidied(&world, "deleted ds-hold and ds-train");

    world = world_make();
    begin_by_drift(&world);
    grow(&world);
    world.seen.n_shares = 2;
    look(&world);
    expect_event(&world, TRIVET_LOOP_TRAIN, TRIVET_LOOP_REFUSED, "split the traffic");

    world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    set_split(&world, TRIVET_LOOP_SHADOW);
    end_split(&world);
    look(&world);
    expect_event(&world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_REFUSED, "ended the split");
    expect_tidied(&world, "deleted ds-hold and ds-train"); /* nothing of ours to clear */

    world = promoted();
    world.seen.production = 1;
    look(&world);
    expect_event(&world, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, "version 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_small_holdout),
        cmocka_unit_test(test_shadow_that_fails),
        cmocka_unit_test(test_shadow_that_disagrees),
        cmocka_unit_test(test_canary),
        cmocka_unit_test(test_promotion_refused),
        cmocka_unit_test(test_calls_fail),
        cmocka_unit_test(test_calls_may_take_longer),
        cmocka_unit_test(test_time_outs),
        cmocka_unit_test(test_clear_of_a_model_that_is_gone),
        cmocka_unit_test(test_clear_leaves_the_split_of_others),
        cmocka_unit_test(test_rollback_has_no_time_out),
        cmocka_unit_test(test_turned_off_in_between),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
