#include "monitor/loop/look.h"

#include <math.h>

/* `values` and meters belong together; the first value only grows. Where it fell all the same, it
 * is not known what was between: that is not counted, rather than too much. What is no number is
 * not looked at: it would stay in the state for good. */
static void meters_take(struct trivet_loop_meter *meters, const double *values, size_t n, bool anew)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i])) {
            return;
        }
    }
    const bool fell = !anew && values[0] < meters[0].last;
    for (size_t i = 0; i < n; i++) {
        const double from = anew ? 0 : meters[i].last;
        meters[i].since += fell ? 0 : values[i] - from;
        meters[i].last = values[i];
    }
}

static void meters_restart(struct trivet_loop_meter *meters, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        meters[i].since = 0;
    }
}

void trivet_loop_look_restart_quality(struct trivet_loop_state *state)
{
    meters_restart(state->quality, TRIVET_ARRAY_COUNT(state->quality));
}

void trivet_loop_look_restart(struct trivet_loop_state *state)
{
    meters_restart(state->champion_rows, TRIVET_ARRAY_COUNT(state->champion_rows));
    meters_restart(state->challenger_rows, TRIVET_ARRAY_COUNT(state->challenger_rows));
    meters_restart(state->shadow, TRIVET_ARRAY_COUNT(state->shadow));
    trivet_loop_look_restart_quality(state);
}

static void take_meters(struct trivet_loop_state *state, const struct trivet_loop_observation *seen)
{
    const struct trivet_loop_version *champion = &seen->champion;
    const struct trivet_loop_version *challenger = &seen->challenger;
    const double rows[2] = {champion->rows, champion->failed};
    const double new_rows[2] = {challenger->rows, challenger->failed};
    const double quality[TRIVET_LOOP_QUALITY_METERS] = {
        [TRIVET_LOOP_LABELLED] = challenger->labelled,
        [TRIVET_LOOP_WEIGHT] = challenger->weight,
        [TRIVET_LOOP_RIGHT] = challenger->right,
        [TRIVET_LOOP_SQUARED_ERROR] = challenger->squared_error,
        [TRIVET_LOOP_ABSOLUTE_ERROR] = challenger->absolute_error,
        [TRIVET_LOOP_SQUARED_WEIGHT] = challenger->squared_weight,
        [TRIVET_LOOP_SQUARED_WEIGHT_RIGHT] = challenger->squared_weight_right,
        [TRIVET_LOOP_SQUARED_WEIGHT_ABSOLUTE_ERROR] = challenger->squared_weight_absolute_error,
        [TRIVET_LOOP_SQUARED_WEIGHT_SQUARED_ERROR] = challenger->squared_weight_squared_error,
    };
    const double shadow[3] = {seen->shadow_seen, seen->shadow_equal, seen->shadow_failed};
    /* An earlier version kept no epoch. */
    const bool anew = state->epoch != 0 && seen->epoch != state->epoch;
    if (!state->labels_known) {
        /* Labels that were there before the first look may be learnt from. */
        state->labels.since = seen->labelled;
        state->labels.last = seen->labelled;
        state->labels_known = true;
        state->round_since_us = seen->now_us;
    }
    state->epoch = seen->epoch;
    meters_take(&state->labels, &seen->labelled, 1, anew);
    meters_take(state->champion_rows, rows, TRIVET_ARRAY_COUNT(rows), anew);
    meters_take(state->challenger_rows, new_rows, TRIVET_ARRAY_COUNT(new_rows), anew);
    meters_take(state->quality, quality, TRIVET_ARRAY_COUNT(quality), anew);
    meters_take(state->shadow, shadow, TRIVET_ARRAY_COUNT(shadow), anew);
}

static void clamp(int64_t *time_us, int64_t latest_us)
{
    *time_us = *time_us < latest_us ? *time_us : latest_us;
}

static void clamp_times(const struct trivet_policy *policy, struct trivet_loop_state *state,
                        int64_t now_us)
{
    clamp(&state->not_before_us, now_us + policy->cooldown_us);
    clamp(&state->last_action_us, now_us);
    clamp(&state->step_since_us, now_us);
    clamp(&state->retry_us, now_us + TRIVET_LOOP_RETRY_US_MAX);
    if (state->step == TRIVET_LOOP_IDLE) {
        clamp(&state->round_since_us, now_us); /* inside of a round it names its calls */
    }
}

void trivet_loop_look(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      const struct trivet_loop_observation *seen)
{
    clamp_times(policy, state, seen->now_us);
    take_meters(state, seen);
}
