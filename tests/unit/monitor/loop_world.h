/* One model of one server, the loop that looks at it, and the ways through a round. */
#ifndef TRIVET_TESTS_UNIT_MONITOR_LOOP_WORLD_H
#define TRIVET_TESTS_UNIT_MONITOR_LOOP_WORLD_H

#include "monitor/loop/loop.h"

#define S INT64_C(1000000)

struct world {
    struct trivet_policy policy;
    bool enabled;
    struct trivet_loop_state state;
    struct trivet_loop_observation seen;
    struct trivet_loop_action action;
    struct trivet_loop_event event;
};

extern const struct trivet_loop_scores better;

struct world world_make(void);
/* A second goes by. */
void look(struct world *world);
void done(struct world *world, struct trivet_loop_result result);
void expect_action(struct world *world, enum trivet_loop_step step);
void expect_nothing(struct world *world, const char *why);
void expect_event(const struct world *world, enum trivet_loop_step step,
                  enum trivet_loop_outcome outcome, const char *words);
struct trivet_loop_result ok(void);
struct trivet_loop_result failed(enum trivet_status status, const char *message);
void begin_by_drift(struct world *world);
void grow(struct world *world);
void train(struct world *world);
void evaluate(struct world *world, struct trivet_loop_scores scores);
void set_split(struct world *world, enum trivet_loop_step step);
void end_split(struct world *world);
void shadow(struct world *world);
void promote(struct world *world);
struct world promoted(void);
/* The last step of a round; `words` say what was deleted. */
void expect_tidied(struct world *world, const char *words);
void labels_come(struct world *world, double n, double right);

#endif
