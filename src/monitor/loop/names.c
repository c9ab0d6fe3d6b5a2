#include "monitor/loop/loop.h"

#include <string.h>

static const char *const steps[TRIVET_LOOP_STEP_COUNT] = {
    "idle",   "grow_train", "grow_holdout", "train", "training", "evaluate", "shadow", "shadowing",
    "canary", "canarying",  "promote",      "watch", "rollback", "clear",    "tidy",
};
static const char *const triggers[TRIVET_LOOP_TRIGGER_COUNT] = {"nothing", "drift", "quality",
                                                                "schedule", "labels"};
static const char *const outcomes[TRIVET_LOOP_OUTCOME_COUNT] = {"begun", "done", "skipped",
                                                                "refused", "failed"};

const char *trivet_loop_step_name(enum trivet_loop_step step)
{
    return step < TRIVET_LOOP_STEP_COUNT ? steps[step] : "unknown";
}

const char *trivet_loop_trigger_name(enum trivet_loop_trigger trigger)
{
    return trigger < TRIVET_LOOP_TRIGGER_COUNT ? triggers[trigger] : "unknown";
}

const char *trivet_loop_outcome_name(enum trivet_loop_outcome outcome)
{
    return outcome < TRIVET_LOOP_OUTCOME_COUNT ? outcomes[outcome] : "unknown";
}

/* The place of `name`; `n` when it is none. */
static size_t place_of(const char *name, const char *const *names, size_t n)
{
    size_t i = 0;
    while (i < n && (name == NULL || strcmp(name, names[i]) != 0)) {
        i++;
    }
    return i;
}

bool trivet_loop_step_parse(const char *name, enum trivet_loop_step *out)
{
    *out = (enum trivet_loop_step)place_of(name, steps, TRIVET_LOOP_STEP_COUNT);
    return *out < TRIVET_LOOP_STEP_COUNT;
}

bool trivet_loop_trigger_parse(const char *name, enum trivet_loop_trigger *out)
{
    *out = (enum trivet_loop_trigger)place_of(name, triggers, TRIVET_LOOP_TRIGGER_COUNT);
    return *out < TRIVET_LOOP_TRIGGER_COUNT;
}

bool trivet_loop_outcome_parse(const char *name, enum trivet_loop_outcome *out)
{
    *out = (enum trivet_loop_outcome)place_of(name, outcomes, TRIVET_LOOP_OUTCOME_COUNT);
    return *out < TRIVET_LOOP_OUTCOME_COUNT;
}
