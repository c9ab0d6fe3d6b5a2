/* Which steps a policy leaves out, which may not be left undone, and how long one is waited for.
 * Pure. */
#ifndef TRIVET_MONITOR_LOOP_STEPS_H
#define TRIVET_MONITOR_LOOP_STEPS_H

#include "monitor/loop/loop.h"

/* The next one that is on. For a step from TRAINING to CANARYING. */
enum trivet_loop_step trivet_loop_step_after(const struct trivet_policy *policy,
                                             enum trivet_loop_step step);
/* The switch by which `step` is left out; NULL: it is on. The last ones are not judged here, as
 * what is in production decides with them. A job that runs may end, whatever the switch says. */
const char *trivet_loop_step_off(const struct trivet_policy *policy, enum trivet_loop_step step);
/* Takes back what the loop did; without harm when it is made twice, or not known to have been. */
bool trivet_loop_step_undoes(enum trivet_loop_step step);
/* For a call that reads, loads or scores rows: longer with each try, as one that was too large for
 * the last would never end. One that undoes has no such work, and is tried again soon. */
int trivet_loop_work_timeout_ms(const struct trivet_loop_state *state);

#endif
