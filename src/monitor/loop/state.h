/* The loop's state as text, so that it survives a restart. */
#ifndef TRIVET_MONITOR_LOOP_STATE_H
#define TRIVET_MONITOR_LOOP_STATE_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/loop/loop.h"

#include <trivet/error.h>

/* Append one JSON object. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_loop_state_write(const struct trivet_loop_state *state,
                                           struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* A state of an earlier version gets what that did not know; one in a step that this version does
 * not know gives its round up, which the log tells. DATA_LOSS for a text that was not written by
 * trivet_loop_state_write; `out` is untouched. */
enum trivet_status trivet_loop_state_read(const char *text, struct trivet_loop_state *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
