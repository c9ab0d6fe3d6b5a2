/* What the loop asks of trivetd, and what it makes of the answers. The loop's thread; blocks for as
 * long as trivetd takes, up to the deadline of each call. */
#ifndef TRIVET_MONITOR_LOOP_CALLS_H
#define TRIVET_MONITOR_LOOP_CALLS_H

#include "base/compiler.h"
#include "monitor/loop/client.h"
#include "monitor/loop/loop.h"
#include "trivet/v1/server.pb-c.h"

#include <trivet/error.h>

/* The running totals of the server; live until the client's arena is reset. */
enum trivet_status trivet_loop_ask_totals(struct trivet_loop_client *client,
                                          const Trivet__V1__StatsResponse **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* What the server tells of a model: all of `seen` but the time and the alerts. A model that is not
 * there has nothing in production. */
enum trivet_status
trivet_loop_observe(struct trivet_loop_client *client, const Trivet__V1__StatsResponse *totals,
                    const struct trivet_policy *policy, const struct trivet_loop_state *state,
                    struct trivet_loop_observation *seen, struct trivet_error *err) TRIVET_MUST_USE;
/* Make the call that is due. `err` keeps the message that the result borrows. */
void trivet_loop_perform(struct trivet_loop_client *client, const struct trivet_policy *policy,
                         const struct trivet_loop_state *state,
                         const struct trivet_loop_action *action, struct trivet_loop_result *result,
                         struct trivet_error *err);

#endif
