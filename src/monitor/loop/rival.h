/* Whether another loop works on the same model: two monitors with a policy for one server. */
#ifndef TRIVET_MONITOR_LOOP_RIVAL_H
#define TRIVET_MONITOR_LOOP_RIVAL_H

#include "base/compiler.h"
#include "monitor/loop/client.h"
#include "monitor/loop/loop.h"

#include <trivet/error.h>

/* Before and after the round's training was asked for. Of two loops the one that asked first goes
 * on: FAILED_PRECONDITION for the other, with the job's id. What a call fails with else. The loop's
 * thread; blocks. */
enum trivet_status trivet_loop_rival_check(struct trivet_loop_client *client, const char *model,
                                           const struct trivet_loop_state *state,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
