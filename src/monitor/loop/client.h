/* Calls of the loop: one connection, one thread; a call on its way is given up within a quarter of
 * a second when the program ends. */
#ifndef TRIVET_MONITOR_LOOP_CLIENT_H
#define TRIVET_MONITOR_LOOP_CLIENT_H

#include "base/arena.h"
#include "base/compiler.h"

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>
#include <trivet/client.h>
#include <trivet/error.h>

/* The thread's, but for `stopping`. */
struct trivet_loop_client {
    const char *url;              /* borrowed */
    struct trivet_client *client; /* NULL = not connected */
    struct trivet_arena *arena;   /* answers; the owner resets it, or puts another there */
    atomic_bool stopping;         /* set by any thread: calls end with CANCELLED */
};

/* `url` is borrowed. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_loop_client_init(struct trivet_loop_client *client, const char *url,
                                           struct trivet_error *err) TRIVET_MUST_USE;
void trivet_loop_client_release(struct trivet_loop_client *client);
/* One for a client's answers; NULL when out of memory. */
struct trivet_arena *trivet_loop_client_arena(void);

/* One call; the answer lives until the arena is reset. `request_id` NULL = one of libtrivet's, for
 * calls that change nothing. */
enum trivet_status trivet_loop_client_call(struct trivet_loop_client *client, const char *method,
                                           const ProtobufCMessage *request, const char *request_id,
                                           int timeout_ms,
                                           const ProtobufCMessageDescriptor *answer_type,
                                           ProtobufCMessage **out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

#endif
