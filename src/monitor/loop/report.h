/* The loop as JSON, for pages and events. Pure. */
#ifndef TRIVET_MONITOR_LOOP_REPORT_H
#define TRIVET_MONITOR_LOOP_REPORT_H

#include "monitor/history/loop.h"
#include "monitor/loop/loop.h"
#include "monitor/loop/policy.h"

#include <jansson.h>

/* {"kind": "loop_step", "model", "unix_us", "round", "step", "outcome", "version", "text"}. NULL
 * when out of memory. */
json_t *trivet_loop_report_step(const char *model, const struct trivet_history_loop_step *step);
/* One model: where it is, what it waits for and until when, its switches, its last steps (newest
 * first). NULL when out of memory. */
json_t *trivet_loop_report_model(const struct trivet_policy *policy,
                                 const struct trivet_loop_state *state,
                                 const struct trivet_history_loop_step *steps, size_t n_steps);

#endif
