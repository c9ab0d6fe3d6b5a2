/* From a frame to the handler of its method. The generated service descriptors say which methods
 * there are; a row per method says how it is served, and start-up checks one against the other. */
#ifndef TRIVET_RPC_DISPATCH_H
#define TRIVET_RPC_DISPATCH_H

#include "base/compiler.h"
#include "events/totals.h"
#include "rpc/executor.h"
#include "rpc/listener.h"

#include <protobuf-c/protobuf-c.h>
#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_call;

enum trivet_plane {
    TRIVET_PLANE_DATA,    /* runs on the transport's thread: never blocks */
    TRIVET_PLANE_CONTROL, /* runs on the executor: may wait for disk */
};

/* How one method is served; a service's rows end with name == NULL. */
struct trivet_method {
    const char *name; /* "Predict" */
    enum trivet_plane plane;
    bool changes_state; /* needs a request id */
    uint32_t timeout_ms_default;
    size_t request_bytes_max; /* of the body */
    /* Ends in trivet_call_finish or trivet_call_fail, then or later. `service` is what was
     * registered. */
    void (*handle)(struct trivet_call *call, void *service);
};

struct trivet_dispatch_options {
    size_t calls_max;                 /* in hand at a time */
    size_t request_bytes_in_hand_max; /* of all calls together; beyond: RESOURCE_EXHAUSTED */
    size_t frame_bytes_max;
    struct trivet_totals *totals;     /* counts every call; borrowed */
    struct trivet_executor *executor; /* borrowed */
};

struct trivet_dispatch;

enum trivet_status trivet_dispatch_create(const struct trivet_dispatch_options *options,
                                          struct trivet_dispatch **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* No call may be in hand. */
void trivet_dispatch_free(struct trivet_dispatch *dispatch);

/* INTERNAL unless `rows` holds each method of the descriptor once and nothing else. Borrows all. */
enum trivet_status trivet_dispatch_add(struct trivet_dispatch *dispatch,
                                       const ProtobufCServiceDescriptor *descriptor,
                                       const struct trivet_method *rows, void *service,
                                       struct trivet_error *err) TRIVET_MUST_USE;

/* on_request of a listener; `ctx` is the dispatch. */
void trivet_dispatch_on_request(void *dispatch, struct trivet_exchange *exchange);

/* Calls in hand, those that wait included. Any thread. */
size_t trivet_dispatch_in_hand(struct trivet_dispatch *dispatch);
/* Any thread. */
bool trivet_dispatch_is_draining(const struct trivet_dispatch *dispatch);
/* From now on every call but Live and Ready is answered UNAVAILABLE; waits until no call is in
 * hand, at most until `deadline_ns`; false when some still are. */
bool trivet_dispatch_drain(struct trivet_dispatch *dispatch, int64_t deadline_ns);

#endif
