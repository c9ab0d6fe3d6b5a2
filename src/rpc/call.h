/* One call, from its frame to its reply:
 *
 *   RECEIVED ─▶ DECODED ─▶ RUNNING ─▶ REPLIED
 *       └───────────┴── a fault ──────────▲
 *
 * A call is in the hands of one thread at a time: the transport's, then (control plane) the
 * executor's, then whoever finishes it. Everything made for it lives in its arena. */
#ifndef TRIVET_RPC_CALL_H
#define TRIVET_RPC_CALL_H

#include "base/arena.h"
#include "base/compiler.h"
#include "rpc/dispatch.h"
#include "rpc/executor.h"
#include "rpc/listener.h"
#include "store/store.h"
#include "trivet/v1/frame.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

#define TRIVET_REQUEST_ID_BYTES_MAX   64
#define TRIVET_TRACE_PARENT_BYTES_MAX 64

enum trivet_call_state {
    TRIVET_CALL_RECEIVED,
    TRIVET_CALL_DECODED,
    TRIVET_CALL_RUNNING,
    TRIVET_CALL_REPLIED,
};

struct trivet_call {
    struct trivet_work work; /* first: on the executor the work is cast back to its call */
    struct trivet_dispatch *dispatch;
    struct trivet_exchange *exchange;
    struct trivet_arena *arena;
    enum trivet_call_state state;
    const char *method_name; /* full, of the registered method; NULL = unknown */
    const struct trivet_method *method;
    void *service;
    const Trivet__V1__RequestHeader *header; /* NULL until decoded */
    const ProtobufCMessage *request;         /* of the method's type */
    const ProtobufCMessageDescriptor *response_type;
    const uint8_t *body; /* the packed request */
    size_t body_bytes;
    int64_t deadline_ns;
    /* For the reply: */
    Trivet__V1__Timings timings; /* total_us is filled on finish */
    bool replayed;
    struct trivet_store_call key; /* of a change that was begun */
    char peer[TRIVET_PEER_BYTES]; /* who began it */
    /* Free for the handler, for what runs later. */
    void *data;
    struct trivet_call *next_free; /* the dispatch's */
};

/* The two ends of a call; any thread, exactly one of them, once. `response` is of the method's type
 * and is packed before they return. Then the call is gone. */
void trivet_call_finish(struct trivet_call *call, const ProtobufCMessage *response);
void trivet_call_fail(struct trivet_call *call, const struct trivet_error *err);
/* Finish when `status` is OK, else fail; `response` is only looked at when it is OK. */
void trivet_call_end(struct trivet_call *call, enum trivet_status status,
                     const ProtobufCMessage *response, const struct trivet_error *err);
/* A handler for a method that this release does not serve yet. */
void trivet_call_unimplemented(struct trivet_call *call, void *service);

/* Move a data-plane call to the executor, where `run` goes on with it (it casts its work back);
 * when the queue is full the call fails and is gone. */
void trivet_call_defer(struct trivet_call *call, void (*run)(struct trivet_work *work));

/* The key under which the answer to a state-changing call is kept. */
enum trivet_status trivet_call_key(const struct trivet_call *call, struct trivet_store_call *out,
                                   struct trivet_error *err) TRIVET_MUST_USE;
/* Who makes the change, by which call, and why; borrows of the call. After its key is known. */
struct trivet_store_cause trivet_call_cause(const struct trivet_call *call, const char *reason);
/* For what takes long before it changes anything: DEADLINE_EXCEEDED when nobody waits any more. */
enum trivet_status trivet_call_check_deadline(const struct trivet_call *call,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* Begin a change: *txn is open, unless the call was made before; then *txn is NULL and *earlier the
 * first answer, in the call's arena, and the call is marked as replayed. */
enum trivet_status trivet_call_begin_change(struct trivet_call *call, struct trivet_store *store,
                                            enum trivet_store_domain domain,
                                            struct trivet_store_txn **txn,
                                            ProtobufCMessage **earlier,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Keep `response` as the answer and commit; the transaction is gone whatever is returned. */
enum trivet_status trivet_call_commit_change(struct trivet_call *call, struct trivet_store_txn *txn,
                                             const ProtobufCMessage *response,
                                             struct trivet_error *err) TRIVET_MUST_USE;

/* --- for the dispatch ---- */
/* Decode the frame in call->exchange and run it, or answer what is wrong with it. */
void trivet_call_start(struct trivet_call *call);

#endif
