/* Which steps a policy leaves out, and which may not be left undone. Pure. */
#ifndef TRIVET_MONITOR_LOOP_STEPS_H
#define TRIVET_MONITOR_LOOP_STEPS_H

#include "monitor/loop.h"

/* The next one that is on. For a step from TRAINING to CANARYING. */
enum trivet_loop_step trivet_loop_step_after(const struct trivet_policy *policy,
                                             enum trivet_loop_step step);
/* The switch by which `step` is left out; NULL: it is on. The last ones are not judged here, as
 * what is in production decides with them. A job that runs may end, whatever the switch says. */
const char *trivet_loop_step_off(const struct trivet_policy *policy, enum trivet_loop_step step);
/* Takes back what the loop did; without harm when it is made twice, or not known to have been. */
bool trivet_loop_step_undoes(enum trivet_loop_step step);

#endif
