/* Many calls of one method with a bounded number in flight, their results in order; what a busy
 * server refuses is sent again, in its place. */
#ifndef TRIVET_CLI_FLOW_H
#define TRIVET_CLI_FLOW_H

#include "base/buffer.h"
#include "clients/cli/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_cli_flow;

/* `window` calls in flight at most. One thread. */
enum trivet_status trivet_cli_flow_open(struct trivet_cli *cli, const char *method, size_t window,
                                        struct trivet_cli_flow **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_cli_flow_close(struct trivet_cli_flow *flow);
bool trivet_cli_flow_full(const struct trivet_cli_flow *flow);
bool trivet_cli_flow_empty(const struct trivet_cli_flow *flow);
/* Takes the bytes of `body` (it is empty afterwards), on success. The flow must not be full. */
enum trivet_status trivet_cli_flow_submit(struct trivet_cli_flow *flow, struct trivet_buffer *body,
                                          uint64_t tag, struct trivet_error *err) TRIVET_MUST_USE;
/* Waits for the oldest call; `tag` is what submit was given. RESOURCE_EXHAUSTED is waited out for
 * half a minute. Release the reply. The flow must not be empty. */
enum trivet_status trivet_cli_flow_next(struct trivet_cli_flow *flow, struct trivet_reply *out,
                                        uint64_t *tag, struct trivet_error *err) TRIVET_MUST_USE;

#endif
