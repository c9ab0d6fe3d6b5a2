/* What outcomes of a version can be, as the loaded version tells: its classes, and for numbers the
 * range that they cannot be out of by chance. Of a version that is not loaded nothing is known: an
 * outcome is not worth loading one. Within src/rpc. */
#ifndef TRIVET_RPC_OUTCOME_TARGET_H
#define TRIVET_RPC_OUTCOME_TARGET_H

#include "lifecycle/feedback.h"
#include "serving/servable_set.h"

#include <stddef.h>

#define TRIVET_OUTCOME_TARGETS 8

/* How far from zero a number may lie, as a multiple of the farthest that the version predicted for
 * the rows it was trained on, plus its error there. Beyond it one outcome would outweigh the
 * squares of 10^8 others. */
#define TRIVET_OUTCOME_FAR 1e4

struct trivet_outcome_target {
    uint64_t version; /* 0 = a free place */
    struct trivet_servable *servable;
    struct trivet_feedback_target target;
};

/* Of one call; the rest of it zeroed. */
struct trivet_outcome_targets {
    struct trivet_servable_set *servables; /* borrowed */
    const char *model;                     /* borrowed */
    struct trivet_outcome_target places[TRIVET_OUTCOME_TARGETS];
    size_t next; /* to be used again */
};

/* For struct trivet_feedback; `targets` is a struct trivet_outcome_targets. */
const struct trivet_feedback_target *trivet_outcome_target(void *targets, uint64_t version);
void trivet_outcome_targets_release(struct trivet_outcome_targets *targets);

#endif
