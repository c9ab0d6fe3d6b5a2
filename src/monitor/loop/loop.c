#include "monitor/loop/loop.h"

#include "base/hash.h"
#include "base/text.h"
#include "monitor/loop/judge.h"
#include "monitor/loop/look.h"
#include "monitor/loop/steps.h"
#include "monitor/loop/tidy.h"

#include <stdio.h>
#include <string.h>

#define RETRY_DOUBLES 6
/* Half an hour of them, where no step_timeout ends it: leftovers must not keep a round waiting. */
#define TIDY_TRIES_MAX 32

/* --- steps */

static void tell(const struct trivet_loop_state *state, enum trivet_loop_step step,
                 enum trivet_loop_outcome outcome, const char *text,
                 struct trivet_loop_event *event)
{
    *event = (struct trivet_loop_event){
        .happened = true,
        .round = state->round,
        .step = step,
        .outcome = outcome,
        .version = state->challenger,
    };
    (void)trivet_text_copy(event->text, sizeof(event->text), text);
}

static void advance(struct trivet_loop_state *state, enum trivet_loop_step step, int64_t now_us)
{
    state->step = step;
    state->step_since_us = now_us;
    state->retry_us = 0;
    state->n_retries = 0;
    state->n_judged = 0;
    state->doubtful = false;
    state->why[0] = '\0';
    trivet_loop_look_restart(state);
}

/* What follows the end of a round, or `CLEAR`. */
static enum trivet_loop_step closing(const struct trivet_policy *policy,
                                     const struct trivet_loop_state *state)
{
    const char *ids[2];
    return policy->tidy && trivet_loop_tidy_list(state, ids) > 0 ? TRIVET_LOOP_TIDY
                                                                 : TRIVET_LOOP_IDLE;
}

/* The round is over; the cool-down begins, and a split of ours goes first. */
static void end_round(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      enum trivet_loop_outcome outcome, const char *text, int64_t now_us,
                      struct trivet_loop_event *event)
{
    tell(state, state->step, outcome, text, event);
    if (state->step == TRIVET_LOOP_TIDY) {
        advance(state, TRIVET_LOOP_IDLE, now_us); /* the cool-down has begun */
        return;
    }
    state->not_before_us = now_us + policy->cooldown_us;
    state->split_is_ours = state->split_is_ours && state->step != TRIVET_LOOP_CLEAR;
    advance(state, state->split_is_ours ? TRIVET_LOOP_CLEAR : closing(policy, state), now_us);
}

static enum trivet_loop_trigger trigger_of(const struct trivet_policy *policy,
                                           const struct trivet_loop_state *state,
                                           const struct trivet_loop_observation *seen,
                                           const char **why)
{
    *why = NULL;
    if (policy->on_quality && seen->quality) {
        *why = seen->why_quality;
        return TRIVET_LOOP_BY_QUALITY;
    }
    if (policy->on_drift && seen->drift) {
        *why = seen->why_drift;
        return TRIVET_LOOP_BY_DRIFT;
    }
    if (policy->new_labels > 0 && state->labels.since >= (double)policy->new_labels) {
        return TRIVET_LOOP_BY_LABELS;
    }
    if (policy->every_us > 0 && seen->now_us - state->round_since_us >= policy->every_us) {
        return TRIVET_LOOP_BY_SCHEDULE;
    }
    return TRIVET_LOOP_BY_NOTHING;
}

static void begin_round(struct trivet_loop_state *state, enum trivet_loop_trigger trigger,
                        const char *why, const struct trivet_loop_observation *seen,
                        struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    state->trigger = trigger;
    state->round++;
    state->round_since_us = seen->now_us;
    state->champion = seen->production;
    state->challenger = 0;
    state->train_rows = 0;
    state->holdout_rows = 0;
    state->split_is_ours = false;
    state->scored = false;
    state->adopted = false;
    state->awaited = false;
    state->train_dataset_id[0] = '\0';
    state->holdout_dataset_id[0] = '\0';
    state->job_id[0] = '\0';
    state->scores = (struct trivet_loop_scores){0};
    (void)trivet_text_format(text, sizeof(text), "%s%s%s%s; %.0f new labels",
                             trivet_loop_trigger_name(trigger), why != NULL ? " (" : "",
                             why != NULL ? why : "", why != NULL ? ")" : "", state->labels.since);
    state->labels.since = 0;
    advance(state, TRIVET_LOOP_GROW_TRAIN, seen->now_us);
    tell(state, TRIVET_LOOP_IDLE, TRIVET_LOOP_BEGUN, text, event);
    event->version = state->champion;
}

static void consider_round(const struct trivet_policy *policy, struct trivet_loop_state *state,
                           const struct trivet_loop_observation *seen,
                           struct trivet_loop_event *event)
{
    const char *why = NULL;
    const enum trivet_loop_trigger trigger = trigger_of(policy, state, seen, &why);
    const double labels = state->labels.since;
    if (!policy->train) {
        (void)trivet_text_copy(state->why, sizeof(state->why), "training is turned off");
    } else if (seen->production == 0) {
        (void)trivet_text_copy(state->why, sizeof(state->why), "no version is in production");
    } else if (trigger == TRIVET_LOOP_BY_NOTHING) {
        (void)trivet_text_copy(state->why, sizeof(state->why), "nothing calls for a new version");
    } else if (labels < (double)policy->labels_min) {
        (void)trivet_text_format(state->why, sizeof(state->why), "%s: %.0f of %llu new labels",
                                 trivet_loop_trigger_name(trigger), labels,
                                 (unsigned long long)policy->labels_min);
    } else if (seen->now_us < state->not_before_us) {
        (void)trivet_text_format(state->why, sizeof(state->why), "%s: the cool-down",
                                 trivet_loop_trigger_name(trigger));
    } else if (seen->n_shares > 0) {
        (void)trivet_text_format(state->why, sizeof(state->why),
                                 "%s: somebody has split the traffic",
                                 trivet_loop_trigger_name(trigger));
    } else {
        begin_round(state, trigger, why, seen, event);
    }
}

/* Somebody else changed what this round works on: it gives way. */
static bool gives_way(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      const struct trivet_loop_observation *seen, struct trivet_loop_event *event)
{
    const enum trivet_loop_step step = state->step;
    const bool is_champion = seen->production == state->champion;
    const bool is_challenger = seen->production == state->challenger;
    char text[TRIVET_LOOP_TEXT_BYTES] = "";
    bool good = is_champion;
    if (step == TRIVET_LOOP_PROMOTE || step == TRIVET_LOOP_ROLLBACK) {
        good = is_champion || is_challenger; /* our own call may have been made */
    } else if (step == TRIVET_LOOP_WATCH) {
        good = is_challenger;
    } else if (step == TRIVET_LOOP_CLEAR || step == TRIVET_LOOP_TIDY) {
        good = true;
    }
    if (!good) {
        (void)trivet_text_format(text, sizeof(text),
                                 "somebody else made version %llu the one in production",
                                 (unsigned long long)seen->production);
        state->split_is_ours = state->split_is_ours && seen->challenger_has_share;
    } else if ((step == TRIVET_LOOP_SHADOWING || step == TRIVET_LOOP_CANARYING) &&
               !seen->challenger_has_share) {
        (void)trivet_text_copy(text, sizeof(text), "somebody else ended the split");
        state->split_is_ours = false;
    } else if (step < TRIVET_LOOP_WATCH && !state->split_is_ours && seen->n_shares > 0) {
        (void)trivet_text_copy(text, sizeof(text), "somebody else split the traffic");
    } else {
        return false;
    }
    end_round(policy, state, TRIVET_LOOP_REFUSED, text, seen->now_us, event);
    return true;
}

static void after_look(const struct trivet_policy *policy, struct trivet_loop_state *state,
                       enum trivet_loop_verdict verdict, const char *text, int64_t now_us,
                       struct trivet_loop_event *event)
{
    if (verdict == TRIVET_LOOP_BAD) {
        end_round(policy, state, TRIVET_LOOP_REFUSED, text, now_us, event);
    } else if (verdict == TRIVET_LOOP_GOOD) {
        tell(state, state->step, TRIVET_LOOP_DONE, text, event);
        advance(state, trivet_loop_step_after(policy, state->step), now_us);
    } else {
        (void)trivet_text_copy(state->why, sizeof(state->why), text);
    }
}

static void watch(const struct trivet_policy *policy, struct trivet_loop_state *state,
                  int64_t now_us, struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    enum trivet_loop_verdict verdict = trivet_loop_judge_quality(policy, state, text);
    if (verdict == TRIVET_LOOP_DOUBTFUL && state->doubtful) {
        verdict = TRIVET_LOOP_BAD; /* twice in a row is no chance */
    }
    if (verdict == TRIVET_LOOP_BAD && policy->rollback) {
        (void)trivet_text_copy(state->finding, sizeof(state->finding), text);
        tell(state, TRIVET_LOOP_WATCH, TRIVET_LOOP_REFUSED, text, event);
        advance(state, TRIVET_LOOP_ROLLBACK, now_us);
        return;
    }
    if (verdict == TRIVET_LOOP_BAD) {
        (void)trivet_text_format(text + strlen(text), sizeof(text) - strlen(text),
                                 "; rollback is turned off");
        end_round(policy, state, TRIVET_LOOP_SKIPPED, text, now_us, event);
        return;
    }
    if (verdict != TRIVET_LOOP_WAIT) {
        /* Each block of labels is judged by itself, so that a late fall is seen soon. */
        state->doubtful = verdict == TRIVET_LOOP_DOUBTFUL;
        state->n_judged += verdict == TRIVET_LOOP_GOOD;
        trivet_loop_look_restart_quality(state);
    }
    if (now_us - state->step_since_us >= policy->watch_us) {
        char kept[TRIVET_LOOP_TEXT_BYTES];
        (void)trivet_text_format(kept, sizeof(kept), "%s after %u good blocks; %s",
                                 state->n_judged > 0 ? "kept" : "kept, not judged", state->n_judged,
                                 text);
        end_round(policy, state, TRIVET_LOOP_DONE, kept, now_us, event);
        return;
    }
    (void)trivet_text_copy(state->why, sizeof(state->why), text);
}

/* What a call of this step is for, for the audit log. */
static void fill_reason(const struct trivet_loop_state *state, char *out)
{
    const struct trivet_loop_scores *scores = &state->scores;
    const char *trigger = trivet_loop_trigger_name(state->trigger);
    const unsigned long long round = state->round;
    if (state->step == TRIVET_LOOP_ROLLBACK) {
        (void)trivet_text_format(out, TRIVET_LOOP_TEXT_BYTES, "loop, round %llu: %s", round,
                                 state->finding);
    } else if (state->step == TRIVET_LOOP_CLEAR || state->step == TRIVET_LOOP_TIDY) {
        (void)trivet_text_format(out, TRIVET_LOOP_TEXT_BYTES, "loop, round %llu is over", round);
    } else if (state->scored) {
        (void)trivet_text_format(out, TRIVET_LOOP_TEXT_BYTES,
                                 "loop, round %llu by %s: %s %.4g over %.4g of version %llu on "
                                 "%llu held-out rows",
                                 round, trigger, scores->metric, scores->challenger,
                                 scores->champion, (unsigned long long)state->champion,
                                 (unsigned long long)scores->holdout_rows);
    } else {
        (void)trivet_text_format(out, TRIVET_LOOP_TEXT_BYTES, "loop, round %llu by %s", round,
                                 trigger);
    }
}

static void act(const struct trivet_policy *policy, struct trivet_loop_state *state, int64_t now_us,
                struct trivet_loop_action *action)
{
    const enum trivet_loop_step step = state->step;
    bool waits = step != TRIVET_LOOP_ROLLBACK && step != TRIVET_LOOP_CLEAR &&
                 step != TRIVET_LOOP_TIDY && step != TRIVET_LOOP_TRAINING;
    if (now_us < state->retry_us) {
        return;
    }
    if (waits && now_us < state->last_action_us + policy->pause_us) {
        (void)trivet_text_copy(state->why, sizeof(state->why), "the pause between two steps");
        return;
    }
    action->due = true;
    action->step = step;
    /* Not by the round's number: a history that was begun anew counts from 1 again. */
    (void)trivet_text_format(
        action->request_id, sizeof(action->request_id), "loop-%016llx-%llx-%s",
        (unsigned long long)trivet_hash_bytes(policy->model, strlen(policy->model)),
        (unsigned long long)state->round_since_us, trivet_loop_step_name(step));
    fill_reason(state, action->reason);
    /* Known before the call, so that a crash after it leaves no split behind. */
    state->split_is_ours =
        state->split_is_ours || step == TRIVET_LOOP_SHADOW || step == TRIVET_LOOP_CANARY;
    if (step != TRIVET_LOOP_TRAINING) {
        state->why[0] = '\0';
    }
}

static void go_on(const struct trivet_policy *policy, struct trivet_loop_state *state,
                  const struct trivet_loop_observation *seen, struct trivet_loop_action *action,
                  struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    enum trivet_loop_verdict verdict = TRIVET_LOOP_WAIT;
    switch (state->step) {
    case TRIVET_LOOP_SHADOWING:
        verdict = trivet_loop_judge_shadow(policy, state, seen->now_us, text);
        after_look(policy, state, verdict, text, seen->now_us, event);
        break;
    case TRIVET_LOOP_CANARYING:
        if (trivet_loop_judge_quality(policy, state, text) == TRIVET_LOOP_BAD) {
            verdict = TRIVET_LOOP_BAD;
        } else {
            verdict = trivet_loop_judge_canary(policy, state, seen->now_us, text);
        }
        after_look(policy, state, verdict, text, seen->now_us, event);
        break;
    case TRIVET_LOOP_WATCH:
        watch(policy, state, seen->now_us, event);
        break;
    case TRIVET_LOOP_PROMOTE:
        if (!policy->promote) {
            (void)trivet_text_format(text, sizeof(text),
                                     "promote is turned off: version %llu waits for somebody",
                                     (unsigned long long)state->challenger);
            state->awaited = true;
            end_round(policy, state, TRIVET_LOOP_SKIPPED, text, seen->now_us, event);
            break;
        }
        act(policy, state, seen->now_us, action);
        break;
    case TRIVET_LOOP_ROLLBACK:
        if (seen->production == state->champion) {
            /* By an earlier call of ours, or by somebody: a second one would go too far back. */
            end_round(policy, state, TRIVET_LOOP_DONE, state->finding, seen->now_us, event);
            event->version = state->champion;
            break;
        }
        if (!policy->rollback) {
            end_round(policy, state, TRIVET_LOOP_SKIPPED, "rollback is turned off", seen->now_us,
                      event);
            break;
        }
        act(policy, state, seen->now_us, action);
        break;
    case TRIVET_LOOP_CLEAR:
        if (seen->n_shares > 0 && !seen->challenger_has_share) {
            end_round(policy, state, TRIVET_LOOP_SKIPPED, "somebody else split the traffic",
                      seen->now_us, event);
            break;
        }
        act(policy, state, seen->now_us, action);
        break;
    case TRIVET_LOOP_TIDY:
        if (closing(policy, state) != TRIVET_LOOP_TIDY) {
            /* Since it began: turned off, or put into production. */
            end_round(policy, state, TRIVET_LOOP_SKIPPED, "nothing is to be deleted", seen->now_us,
                      event);
            break;
        }
        act(policy, state, seen->now_us, action);
        break;
    default:
        act(policy, state, seen->now_us, action);
        break;
    }
}

/* What undoes what the loop did stays due until it is done. */
static bool has_time_out(enum trivet_loop_step step)
{
    return step != TRIVET_LOOP_WATCH && !trivet_loop_step_undoes(step);
}

/* The state stands at a step that was turned off since. */
static bool turned_off(const struct trivet_policy *policy, struct trivet_loop_state *state,
                       int64_t now_us, struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    const enum trivet_loop_step step = state->step;
    const char *name = trivet_loop_step_off(policy, step);
    if (name == NULL) {
        return false;
    }
    (void)trivet_text_format(text, sizeof(text), "%s is turned off", name);
    if (step < TRIVET_LOOP_EVALUATE) {
        end_round(policy, state, TRIVET_LOOP_SKIPPED, text, now_us, event);
    } else {
        tell(state, step, TRIVET_LOOP_SKIPPED, text, event);
        advance(state, trivet_loop_step_after(policy, step), now_us);
    }
    return true;
}

void trivet_loop_next(const struct trivet_policy *policy, bool enabled,
                      struct trivet_loop_state *state, const struct trivet_loop_observation *seen,
                      struct trivet_loop_action *action, struct trivet_loop_event *event)
{
    *action = (struct trivet_loop_action){0};
    *event = (struct trivet_loop_event){0};
    if (!seen->reachable) {
        (void)trivet_text_copy(state->why, sizeof(state->why), "the server does not answer");
        return;
    }
    trivet_loop_look(policy, state, seen);
    if (!enabled || !policy->enabled) {
        (void)trivet_text_format(state->why, sizeof(state->why), "turned off%s",
                                 state->step == TRIVET_LOOP_IDLE ? ""
                                                                 : " in the middle of a round");
        return;
    }
    if (state->step == TRIVET_LOOP_IDLE) {
        consider_round(policy, state, seen, event);
        return;
    }
    trivet_loop_tidy_look(state, seen);
    if (gives_way(policy, state, seen, event)) {
        return;
    }
    if (has_time_out(state->step) && policy->step_timeout_us > 0 &&
        seen->now_us - state->step_since_us > policy->step_timeout_us) {
        char text[TRIVET_LOOP_TEXT_BYTES];
        (void)trivet_text_format(text, sizeof(text), "took longer than step_timeout%s%s",
                                 state->why[0] != '\0' ? "; " : "", state->why);
        end_round(policy, state, TRIVET_LOOP_FAILED, text, seen->now_us, event);
        return;
    }
    if (turned_off(policy, state, seen->now_us, event)) {
        return;
    }
    go_on(policy, state, seen, action, event);
}

/* --- results */

static bool may_pass(enum trivet_loop_step step, enum trivet_status status)
{
    switch (status) {
    case TRIVET_UNAVAILABLE:
    case TRIVET_DEADLINE_EXCEEDED:
    case TRIVET_RESOURCE_EXHAUSTED:
    case TRIVET_ABORTED:
    case TRIVET_CANCELLED:
        return true;
    case TRIVET_NOT_FOUND: /* the model: nothing is left to be undone */
        return false;
    case TRIVET_FAILED_PRECONDITION: /* no version to go back to */
        return step == TRIVET_LOOP_CLEAR;
    default:
        return trivet_loop_step_undoes(step);
    }
}

static void take_scores(const struct trivet_policy *policy, struct trivet_loop_state *state,
                        const struct trivet_loop_result *result, int64_t now_us,
                        struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    state->scores = result->scores;
    state->scored = true;
    after_look(policy, state, trivet_loop_judge_scores(policy, &state->scores, text), text, now_us,
               event);
}

static void take_dataset(const struct trivet_policy *policy, struct trivet_loop_state *state,
                         const struct trivet_loop_result *result, int64_t now_us,
                         struct trivet_loop_event *event)
{
    char text[TRIVET_LOOP_TEXT_BYTES];
    const bool is_holdout = state->step == TRIVET_LOOP_GROW_HOLDOUT;
    (void)trivet_text_format(text, sizeof(text), "%llu rows in %s",
                             (unsigned long long)result->rows, result->id);
    memcpy(is_holdout ? state->holdout_dataset_id : state->train_dataset_id, result->id,
           sizeof(result->id));
    *(is_holdout ? &state->holdout_rows : &state->train_rows) = result->rows;
    if (is_holdout && result->rows < policy->holdout_rows_min) {
        (void)trivet_text_format(text, sizeof(text), "%llu labelled rows held out, %llu are needed",
                                 (unsigned long long)result->rows,
                                 (unsigned long long)policy->holdout_rows_min);
        end_round(policy, state, TRIVET_LOOP_REFUSED, text, now_us, event);
        return;
    }
    tell(state, state->step, TRIVET_LOOP_DONE, text, event);
    advance(state, is_holdout ? TRIVET_LOOP_TRAIN : TRIVET_LOOP_GROW_HOLDOUT, now_us);
}

static void take_promotion(const struct trivet_policy *policy, struct trivet_loop_state *state,
                           const char *reason, int64_t now_us, struct trivet_loop_event *event)
{
    state->split_is_ours = false; /* Promote ends it */
    state->adopted = true;
    if (!state->scored) {
        end_round(policy, state, TRIVET_LOOP_DONE,
                  "in production; not watched, as evaluate is turned off", now_us, event);
        return;
    }
    tell(state, TRIVET_LOOP_PROMOTE, TRIVET_LOOP_DONE, reason, event);
    advance(state, TRIVET_LOOP_WATCH, now_us);
}

/* The call of the state's step went well. */
static void take_result(const struct trivet_policy *policy, struct trivet_loop_state *state,
                        const struct trivet_loop_result *result, int64_t now_us,
                        struct trivet_loop_event *event)
{
    char reason[TRIVET_LOOP_TEXT_BYTES];
    fill_reason(state, reason);
    switch (state->step) {
    case TRIVET_LOOP_GROW_TRAIN:
    case TRIVET_LOOP_GROW_HOLDOUT:
        take_dataset(policy, state, result, now_us, event);
        break;
    case TRIVET_LOOP_TRAIN:
        memcpy(state->job_id, result->id, sizeof(state->job_id));
        tell(state, TRIVET_LOOP_TRAIN, TRIVET_LOOP_DONE, state->job_id, event);
        advance(state, TRIVET_LOOP_TRAINING, now_us);
        break;
    case TRIVET_LOOP_TRAINING:
        if (result->running) {
            (void)trivet_text_format(state->why, sizeof(state->why), "%s is running",
                                     state->job_id);
            break;
        }
        state->challenger = result->version;
        tell(state, TRIVET_LOOP_TRAINING, TRIVET_LOOP_DONE, state->job_id, event);
        advance(state, trivet_loop_step_after(policy, TRIVET_LOOP_TRAINING), now_us);
        break;
    case TRIVET_LOOP_EVALUATE:
        take_scores(policy, state, result, now_us, event);
        break;
    case TRIVET_LOOP_SHADOW:
    case TRIVET_LOOP_CANARY:
        tell(state, state->step, TRIVET_LOOP_DONE, reason, event);
        advance(state,
                state->step == TRIVET_LOOP_SHADOW ? TRIVET_LOOP_SHADOWING : TRIVET_LOOP_CANARYING,
                now_us);
        break;
    case TRIVET_LOOP_PROMOTE:
        take_promotion(policy, state, reason, now_us, event);
        break;
    case TRIVET_LOOP_ROLLBACK:
        state->adopted = false;
        end_round(policy, state, TRIVET_LOOP_DONE, reason, now_us, event);
        event->version = result->version;
        break;
    case TRIVET_LOOP_CLEAR:
        state->split_is_ours = false;
        tell(state, TRIVET_LOOP_CLEAR, TRIVET_LOOP_DONE, reason, event);
        advance(state, closing(policy, state), now_us);
        break;
    case TRIVET_LOOP_TIDY:
        trivet_loop_tidy_done(state, reason);
        end_round(policy, state, TRIVET_LOOP_DONE, reason, now_us, event);
        break;
    default:
        break;
    }
}

void trivet_loop_done(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      const struct trivet_loop_result *result, int64_t now_us,
                      struct trivet_loop_event *event)
{
    const char *message = result->message != NULL ? result->message : "";
    *event = (struct trivet_loop_event){0};
    state->last_action_us = state->step == TRIVET_LOOP_TRAINING ? state->last_action_us : now_us;
    if (result->status == TRIVET_OK) {
        state->retry_us = 0;
        state->n_retries = 0;
        take_result(policy, state, result, now_us, event);
        return;
    }
    const bool gives_up = state->step == TRIVET_LOOP_TIDY && policy->step_timeout_us == 0 &&
                          state->n_retries + 1 >= TIDY_TRIES_MAX;
    if (may_pass(state->step, result->status) && !gives_up) {
        /* Goes on to its time-out, if it has one. */
        const uint32_t doubles =
            state->n_retries < RETRY_DOUBLES ? state->n_retries : RETRY_DOUBLES;
        state->n_retries++;
        state->retry_us = now_us + (TRIVET_LOOP_RETRY_US_MAX >> (RETRY_DOUBLES - doubles));
        (void)trivet_text_format(state->why, sizeof(state->why), "tries again: %s", message);
        return;
    }
    end_round(policy, state,
              result->status == TRIVET_FAILED_PRECONDITION ? TRIVET_LOOP_REFUSED
                                                           : TRIVET_LOOP_FAILED,
              message, now_us, event);
}

int64_t trivet_loop_next_us(const struct trivet_policy *policy,
                            const struct trivet_loop_state *state)
{
    if (state->step == TRIVET_LOOP_IDLE) {
        return state->not_before_us;
    }
    int64_t pause_us = state->last_action_us + policy->pause_us;
    return state->retry_us > pause_us ? state->retry_us : pause_us;
}
