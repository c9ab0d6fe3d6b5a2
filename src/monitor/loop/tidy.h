/* What a round leaves on the server, and what of it goes when the round is over: never more than
 * the datasets that this round grew. Pure, as loop.h. */
#ifndef TRIVET_MONITOR_LOOP_TIDY_H
#define TRIVET_MONITOR_LOOP_TIDY_H

#include "monitor/loop/loop.h"

/* Whether the training dataset is needed: follows what is in production. */
void trivet_loop_tidy_look(struct trivet_loop_state *state,
                           const struct trivet_loop_observation *seen);
/* Datasets to delete: the ids, of the state; how many, at most two. */
size_t trivet_loop_tidy_list(const struct trivet_loop_state *state, const char *ids[2]);
/* They are gone: what is told of it, and the state forgets them. */
void trivet_loop_tidy_done(struct trivet_loop_state *state, char text[TRIVET_LOOP_TEXT_BYTES]);

#endif
