/* Tells an HTTP address of alerts that fire and end: one POST of JSON each, in order.
 *
 * DESIGN. What has to be told is a queue in the history, written with the alert itself; so a
 * restart loses none of it, and one that was delivered just before a crash may come twice (its id
 * and state tell). While the history cannot be written the queue is in memory (outbox.h). One
 * thread takes the oldest, posts it until it is answered by 2xx, with pauses of 1 s that double up
 * to a minute, and goes on to the next. A message that is refused three times by a status that is
 * about the message (400, 413, 422 …) is given up; statuses about the address, access or load (401,
 * 403, 404, 429, 5xx …) never end it. Of the address only scheme, host and port are told: the rest
 * is often a secret. Nobody waits for it. */
#ifndef TRIVET_MONITOR_WEBHOOK_H
#define TRIVET_MONITOR_WEBHOOK_H

#include "base/compiler.h"
#include "monitor/alerts/outbox.h"

#include <trivet/error.h>

#include <stdint.h>

struct trivet_webhook;

struct trivet_webhook_state {
    uint64_t delivered;
    uint64_t failed;  /* attempts */
    uint64_t refused; /* messages given up: the peer refused them for good */
    uint64_t waiting; /* messages, as the two that follow: outbox.h */
    uint64_t held;
    uint64_t dropped;
    char message[256]; /* why the last attempt failed; empty after a good one */
};

/* `url`, borrowed: http:// or https://. INVALID_ARGUMENT for another; RESOURCE_EXHAUSTED. Before
 * any other thread runs: it sets libcurl up. */
enum trivet_status trivet_webhook_start(struct trivet_outbox *outbox, const char *url,
                                        struct trivet_webhook **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* The queue has grown. Any thread. */
void trivet_webhook_wake(struct trivet_webhook *webhook);
/* Any thread. */
void trivet_webhook_state(struct trivet_webhook *webhook, struct trivet_webhook_state *out);
/* Breaks the request in flight off, within a second. */
void trivet_webhook_stop(struct trivet_webhook *webhook);

#endif
