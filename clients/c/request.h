/* One call in flight over nng, and the client. Internal to libtrivet. */
#ifndef TRIVET_CLIENT_REQUEST_H
#define TRIVET_CLIENT_REQUEST_H

#include "base/compiler.h"
#include "clients/c/pool.h"

#include <trivet/client.h>

#include <nng/nng.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_URL_BYTES 256
/* How long closing a stream lets its calls end by themselves. */
#define TRIVET_SETTLE_MS 1000

struct trivet_request;

struct trivet_client {
    /* Set at open, then only read. */
    struct trivet_pool *pool; /* connections of our own; NULL = what follows is nng's */
    bool has_socket;
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

/* trivet_client_call whose reply goes to `take`. */
enum trivet_status trivet_client_take_reply(struct trivet_client *client, const char *method,
                                            const void *body, size_t body_bytes,
                                            const char *request_id, int timeout_ms,
                                            trivet_reply_take take, void *context,
                                            struct trivet_error *err) TRIVET_MUST_USE;

/* A call object that is ready to start: an idle one or a new one. Give it back with
 * trivet_request_put, whatever its state: an unfinished call is abandoned. */
enum trivet_status trivet_request_take(struct trivet_client *client, struct trivet_request **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_request_put(struct trivet_request *call);
/* Ends what is in flight and releases it; waits for callbacks. */
void trivet_request_free(struct trivet_request *call);

/* Sends; does not wait. */
enum trivet_status trivet_request_start(struct trivet_request *call,
                                        const struct trivet_call *given,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* False when the started call has not ended by then. */
bool trivet_request_wait(struct trivet_request *call, int64_t until_ns);
/* Waits for the end of a started call. */
enum trivet_status trivet_request_finish(struct trivet_request *call, struct trivet_reply *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

/* Lets a call that nobody waits for any more end by itself, for so long; its reply is dropped. */
void trivet_request_settle(struct trivet_request *call, int64_t until_ns);

#endif
