#include "unit/monitor/loop_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct world world_make(void)
{
    struct world world = {.enabled = true};
    trivet_policy_defaults(&world.policy, "house");
    world.policy.pause_us = 0;
    world.policy.shadow_us = 10 * S;
    world.policy.watch_us = 100 * S;
    world.policy.canary_us = 10 * S;
    world.seen =
        (struct trivet_loop_observation){.now_us = 1000 * S, .reachable = true, .production = 1};
    return world;
}

void look(struct world *world)
{
    world->seen.now_us += S;
    trivet_loop_next(&world->policy, world->enabled, &world->state, &world->seen, &world->action,
                     &world->event);
}

void done(struct world *world, struct trivet_loop_result result)
{
    assert_true(world->action.due);
    trivet_loop_done(&world->policy, &world->state, &result, world->seen.now_us, &world->event);
}

void expect_action(struct world *world, enum trivet_loop_step step)
{
    look(world);
    if (!world->action.due || world->action.step != step) {
        fail_msg("expected %s; due %d, in step %s: %s", trivet_loop_step_name(step),
                 world->action.due, trivet_loop_step_name(world->state.step), world->state.why);
    }
}

void expect_nothing(struct world *world, const char *why)
{
    look(world);
    assert_false(world->action.due);
    assert_false(world->event.happened);
    if (strstr(world->state.why, why) == NULL) {
        fail_msg("'%s' does not say '%s'", world->state.why, why);
    }
}

void expect_event(const struct world *world, enum trivet_loop_step step,
                  enum trivet_loop_outcome outcome, const char *words)
{
    assert_true(world->event.happened);
    assert_string_equal(trivet_loop_step_name(world->event.step), trivet_loop_step_name(step));
    assert_string_equal(trivet_loop_outcome_name(world->event.outcome),
                        trivet_loop_outcome_name(outcome));
    if (strstr(world->event.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", world->event.text, words);
    }
}

const struct trivet_loop_scores better = {.metric = "f1_macro",
                                          .greater_is_better = true,
                                          .classification = true,
                                          .holdout_rows = 60,
                                          .champion = 0.7,
                                          .challenger = 0.95,
                                          .quality = 0.7,
                                          .base_champion = 0.96,
                                          .base_challenger = 0.95};

struct trivet_loop_result ok(void)
{
    return (struct trivet_loop_result){.status = TRIVET_OK};
}

struct trivet_loop_result failed(enum trivet_status status, const char *message)
{
    return (struct trivet_loop_result){.status = status, .message = message};
}

void begin_by_drift(struct world *world)
{
    world->seen.drift = true;
    world->seen.why_drift = "mean radius";
    world->seen.labelled += 300;
    look(world);
    expect_event(world, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, "drift (mean radius)");
    assert_int_equal(world->event.version, world->seen.production);
}

void grow(struct world *world)
{
    struct trivet_loop_result result = {.rows = 500, .id = "ds-train"};
    expect_action(world, TRIVET_LOOP_GROW_TRAIN);
    done(world, result);
    expect_event(world, TRIVET_LOOP_GROW_TRAIN, TRIVET_LOOP_DONE, "500 rows in ds-train");
    result = (struct trivet_loop_result){.rows = 60, .id = "ds-hold"};
    expect_action(world, TRIVET_LOOP_GROW_HOLDOUT);
    done(world, result);
}

void train(struct world *world)
{
    struct trivet_loop_result result = {.id = "job-1"};
    expect_action(world, TRIVET_LOOP_TRAIN);
    done(world, result);
    result.running = true;
    expect_action(world, TRIVET_LOOP_TRAINING);
    done(world, result);
    assert_false(world->event.happened);
    assert_string_equal(world->state.why, "job-1 is running");
    result.running = false;
    result.version = 2;
    expect_action(world, TRIVET_LOOP_TRAINING);
    done(world, result);
    expect_event(world, TRIVET_LOOP_TRAINING, TRIVET_LOOP_DONE, "job-1");
    assert_int_equal(world->event.version, 2);
}

void evaluate(struct world *world, struct trivet_loop_scores scores)
{
    expect_action(world, TRIVET_LOOP_EVALUATE);
    done(world, (struct trivet_loop_result){.scores = scores});
}

void set_split(struct world *world, enum trivet_loop_step step)
{
    expect_action(world, step);
    world->seen.n_shares = 2;
    world->seen.challenger_has_share = true;
    done(world, ok());
    expect_event(world, step, TRIVET_LOOP_DONE, "loop, round 1 by drift");
}

void end_split(struct world *world)
{
    world->seen.n_shares = 0;
    world->seen.challenger_has_share = false;
}

void shadow(struct world *world)
{
    set_split(world, TRIVET_LOOP_SHADOW);
    expect_nothing(world, "0 of 1000 rows");
    world->seen.shadow_seen += 1000;
    world->seen.shadow_equal += 700;
    expect_nothing(world, "70.0 % equal"); /* not long enough yet */
    world->seen.now_us += 10 * S;
    look(world);
    expect_event(world, TRIVET_LOOP_SHADOWING, TRIVET_LOOP_DONE, "1000 of 1000");
}

void promote(struct world *world)
{
    expect_action(world, TRIVET_LOOP_PROMOTE);
    done(world, ok());
    expect_event(world, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_DONE, "0.95 over 0.7 of version 1");
    end_split(world);
    world->seen.production = 2;
}

struct world promoted(void)
{
    struct world world = world_make();
    begin_by_drift(&world);
    grow(&world);
    train(&world);
    evaluate(&world, better);
    expect_event(&world, TRIVET_LOOP_EVALUATE, TRIVET_LOOP_DONE, "f1_macro 0.95 against");
    shadow(&world);
    promote(&world);
    return world;
}

void expect_tidied(struct world *world, const char *words)
{
    expect_action(world, TRIVET_LOOP_TIDY);
    done(world, ok());
    expect_event(world, TRIVET_LOOP_TIDY, TRIVET_LOOP_DONE, words);
    assert_int_equal(world->state.step, TRIVET_LOOP_IDLE);
}

void labels_come(struct world *world, double n, double right)
{
    world->seen.challenger.labelled += n;
    world->seen.challenger.weight += n;
    world->seen.challenger.right += right;
    world->seen.labelled += n;
}
