#include "monitor/loop/steps.h"

#define WORK_TIMEOUT_MS 60000
#define DOUBLES_MAX     5 /* to half an hour */

enum trivet_loop_step trivet_loop_step_after(const struct trivet_policy *policy,
                                             enum trivet_loop_step step)
{
    if (policy->evaluate && step < TRIVET_LOOP_EVALUATE) {
        return TRIVET_LOOP_EVALUATE;
    }
    if (policy->shadow && step < TRIVET_LOOP_SHADOW) {
        return TRIVET_LOOP_SHADOW;
    }
    if (policy->canary && step < TRIVET_LOOP_CANARY) {
        return TRIVET_LOOP_CANARY;
    }
    return TRIVET_LOOP_PROMOTE;
}

const char *trivet_loop_step_off(const struct trivet_policy *policy, enum trivet_loop_step step)
{
    switch (step) {
    case TRIVET_LOOP_GROW_TRAIN:
    case TRIVET_LOOP_GROW_HOLDOUT:
    case TRIVET_LOOP_TRAIN:
        return policy->train ? NULL : "train";
    case TRIVET_LOOP_EVALUATE:
        return policy->evaluate ? NULL : "evaluate";
    case TRIVET_LOOP_SHADOW:
    case TRIVET_LOOP_SHADOWING:
        return policy->shadow ? NULL : "shadow";
    case TRIVET_LOOP_CANARY:
    case TRIVET_LOOP_CANARYING:
        return policy->canary ? NULL : "canary";
    default:
        return NULL;
    }
}

bool trivet_loop_step_undoes(enum trivet_loop_step step)
{
    return step == TRIVET_LOOP_ROLLBACK || step == TRIVET_LOOP_CLEAR;
}

int trivet_loop_work_timeout_ms(const struct trivet_loop_state *state)
{
    if (trivet_loop_step_undoes(state->step)) {
        return WORK_TIMEOUT_MS;
    }
    return WORK_TIMEOUT_MS << (state->n_retries < DOUBLES_MAX ? state->n_retries : DOUBLES_MAX);
}
