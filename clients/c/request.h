/* One call in flight, and the connection that calls share. Internal to libtrivet. */
#ifndef TRIVET_CLIENT_REQUEST_H
#define TRIVET_CLIENT_REQUEST_H

#include "base/arena.h"
#include "base/compiler.h"

#include <trivet/client.h>

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_REQUEST_ID_BYTES  65
#define TRIVET_METHOD_BYTES      128
#define TRIVET_URL_BYTES         256
#define TRIVET_STREAM_WINDOW_MAX 4096
/* How long closing a stream lets its calls end by themselves. */
#define TRIVET_SETTLE_MS 1000

struct trivet_request;

struct trivet_client {
    /* Set at open, then only read. */
    nng_socket socket;
    char url[TRIVET_URL_BYTES];
    int connect_timeout_ms;
    int call_timeout_ms;

    pthread_mutex_t lock;
    /* Under lock. */
    struct trivet_request *idle; /* owned list */
    size_t n_idle;
    int live_pipe;         /* nng's id, 0 = not connected */
    int64_t down_since_ns; /* monotonic; meaningful while live_pipe is 0 */
    bool was_connected;
};

/* A call object that is ready to start: an idle one or a new one. Give it back with
 * trivet_request_put, whatever its state: an unfinished call is abandoned. */
enum trivet_status trivet_request_take(struct trivet_client *client, struct trivet_request **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_request_put(struct trivet_request *call);
/* Ends what is in flight and releases it; waits for callbacks. */
void trivet_request_free(struct trivet_request *call);

/* Sends; does not wait. `request_id` NULL or "" = a random one. */
enum trivet_status trivet_request_start(struct trivet_request *call, const char *method,
                                        const void *body, size_t body_bytes, const char *request_id,
                                        int timeout_ms, struct trivet_error *err) TRIVET_MUST_USE;
/* Waits for the end of a started call. */
enum trivet_status trivet_request_finish(struct trivet_request *call, struct trivet_reply *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

/* Lets a call that nobody waits for any more end by itself, for so long; its reply is dropped. */
void trivet_request_settle(struct trivet_request *call, int64_t until_ns);

/* Takes `message` on success and on failure. Checks frame, header and request id; an error of the
 * server comes through unchanged. `arena` is scratch. */
enum trivet_status trivet_reply_decode(nng_msg *message, const char *method, const char *request_id,
                                       struct trivet_arena *arena, struct trivet_reply *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
