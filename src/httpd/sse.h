/* Server-Sent Events: one hub, any number of browsers that all get the same events.
 *
 * DESIGN. A broadcast copies the event into each client's bounded buffer, under the hub's lock; the
 * server's threads empty the buffers. A client with nothing to send is suspended (it costs no
 * wake-ups) and resumed by the next broadcast. A client whose buffer would overflow is cut off: the
 * browser connects again by itself. */
#ifndef TRIVET_HTTPD_SSE_H
#define TRIVET_HTTPD_SSE_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

struct trivet_sse_hub;

struct trivet_sse_options {
    size_t clients_max;      /* 0 = 32; more are answered 503 */
    size_t buffer_bytes_max; /* per client; 0 = 4 MiB */
    unsigned heartbeat_s;    /* 0 = 10 */
    unsigned replay_ms; /* a new client begins with the newest event up to this age; 0 = 1500 */
};

/* NULL when out of memory. Free it after the server that has it as a route was stopped. */
struct trivet_sse_hub *trivet_sse_create(const struct trivet_sse_options *options);
void trivet_sse_free(struct trivet_sse_hub *hub);

/* Send to all clients; one that connects within `replay_ms` begins with it. `event` is its
 * name, `data` its text (lines are kept). Any thread, never blocks on a client. */
void trivet_sse_broadcast(struct trivet_sse_hub *hub, const char *event, const char *data,
                          size_t data_bytes);
/* Sends a comment to all when nothing was broadcast for `heartbeat_s`, so that dead connections are
 * noticed. Call it about once a second. */
void trivet_sse_tick(struct trivet_sse_hub *hub);
/* Ends all streams and refuses new ones. */
void trivet_sse_close(struct trivet_sse_hub *hub);

size_t trivet_sse_clients(struct trivet_sse_hub *hub);
/* Clients cut off because they read too slowly, or because memory ran out. */
uint64_t trivet_sse_dropped(struct trivet_sse_hub *hub);

#endif
