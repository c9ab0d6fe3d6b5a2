/* What a look at the server leaves in the loop's state: what was counted, and that no time in it is
 * out of reach. Pure. */
#ifndef TRIVET_MONITOR_LOOP_LOOK_H
#define TRIVET_MONITOR_LOOP_LOOK_H

#include "monitor/loop/loop.h"

/* `seen` is reachable. Totals of another epoch of trivetd count from 0, so that none is lost and
 * none is taken for an older one. After the clock was set back, what is stored is no later than the
 * policy would make it now. */
void trivet_loop_look(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      const struct trivet_loop_observation *seen);
/* A step begins: but for the labels all is counted anew. */
void trivet_loop_look_restart(struct trivet_loop_state *state);
/* A block of labels was judged. */
void trivet_loop_look_restart_quality(struct trivet_loop_state *state);

#endif
