/* One call over a REQ context.
 *
 * DESIGN: the caller's thread starts the send; nng's threads run on_event, which starts the
 * receive once the send is done (before that, cancelling a receive crashes nng 1.5.2) and signals
 * the end. The caller's thread waits in trivet_request_finish, and five times a second looks
 * whether the connection has been down for longer than connecting may take.
 *
 * With the resend time infinite nng ends a call whose connection breaks (NNG_ECONNRESET). Then the
 * same request is sent once more, over the connection that nng makes anew: its request id makes
 * that safe for calls that change something. A second break ends the call. */
#include "clients/c/request.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <string.h>

#define LOOK_INTERVAL_MS 200
#define IDLE_CALLS_MAX   64
/* Our own end of a call that waits for a connection; no error that nng gives for a receive. */
#define GIVEN_UP NNG_ECONNABORTED

enum phase {
    PHASE_IDLE,
    PHASE_SENDING,
    PHASE_RECEIVING,
    PHASE_DONE,
};

struct trivet_request {
    struct trivet_client *client;
    struct trivet_request *next; /* of the client's idle list, under its lock */
    nng_ctx context;
    nng_aio *aio;

    /* Set by start, then only read until the call is done. */
    char method[TRIVET_METHOD_BYTES];
    char request_id[TRIVET_REQUEST_ID_BYTES];
    int timeout_ms;
    int64_t deadline_ns;

    pthread_mutex_t lock;
    pthread_cond_t ended;
    /* Under lock. */
    enum phase phase;
    int result;
    bool sent;
    nng_msg *again; /* owned: what to send once more; NULL once that is done */
    nng_msg *reply; /* owned */
};

static nng_duration remaining_ms(const struct trivet_request *call)
{
    int64_t left_ns = call->deadline_ns - trivet_clock_monotonic_ns();
    return left_ns <= TRIVET_NS_PER_MS ? 1 : (nng_duration)(left_ns / TRIVET_NS_PER_MS);
}

static void drop_message(nng_msg **message)
{
    if (*message != NULL) {
        nng_msg_free(*message);
        *message = NULL;
    }
}

/* The phase after an operation ended with `result`. Under the call's lock. */
static enum phase next_phase(struct trivet_request *call, int result)
{
    if (call->phase == PHASE_SENDING && result == 0) {
        call->sent = true;
        return PHASE_RECEIVING;
    }
    if (call->phase == PHASE_SENDING) {
        nng_msg_free(nng_aio_get_msg(call->aio)); /* not sent, so still ours */
        return PHASE_DONE;
    }
    if (result == NNG_ECONNRESET && call->again != NULL) {
        nng_aio_set_msg(call->aio, call->again);
        call->again = NULL;
        return PHASE_SENDING;
    }
    if (result == 0) {
        call->reply = nng_aio_get_msg(call->aio);
    }
    return PHASE_DONE;
}

/* nng's thread; never blocks. */
static void on_event(void *argument)
{
    struct trivet_request *call = argument;
    int result = nng_aio_result(call->aio);
    pthread_mutex_lock(&call->lock);
    enum phase phase = next_phase(call, result);
    call->phase = phase;
    if (phase == PHASE_DONE) {
        call->result = result;
        drop_message(&call->again);
        pthread_cond_signal(&call->ended);
    }
    pthread_mutex_unlock(&call->lock);
    if (phase == PHASE_DONE) {
        return;
    }
    nng_aio_set_timeout(call->aio, remaining_ms(call));
    if (phase == PHASE_RECEIVING) {
        nng_ctx_recv(call->context, call->aio);
    } else {
        nng_ctx_send(call->context, call->aio);
    }
}

static struct trivet_request *create(struct trivet_client *client)
{
    struct trivet_request *call = trivet_calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->client = client;
    if (nng_ctx_open(&call->context, client->socket) != 0) {
        goto fail;
    }
    if (nng_aio_alloc(&call->aio, on_event, call) != 0) {
        nng_ctx_close(call->context);
        goto fail;
    }
    trivet_clock_init_condition(&call->ended);
    pthread_mutex_init(&call->lock, NULL);
    return call;
fail:
    trivet_free(call);
    return NULL;
}

void trivet_request_free(struct trivet_request *call)
{
    if (call == NULL) {
        return;
    }
    nng_aio_stop(call->aio); /* no callback runs after this */
    if (call->phase == PHASE_SENDING) {
        nng_msg_free(nng_aio_get_msg(call->aio)); /* a repeat that the stopped aio did not take */
    }
    nng_ctx_close(call->context);
    nng_aio_free(call->aio);
    drop_message(&call->again);
    drop_message(&call->reply);
    pthread_cond_destroy(&call->ended);
    pthread_mutex_destroy(&call->lock);
    trivet_free(call);
}

enum trivet_status trivet_request_take(struct trivet_client *client, struct trivet_request **out,
                                       struct trivet_error *err)
{
    pthread_mutex_lock(&client->lock);
    struct trivet_request *call = client->idle;
    if (call != NULL) {
        client->idle = call->next;
        client->n_idle--;
    }
    pthread_mutex_unlock(&client->lock);
    if (call == NULL) {
        call = create(client);
    }
    if (call == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a call");
    }
    *out = call;
    return TRIVET_OK;
}

void trivet_request_put(struct trivet_request *call)
{
    if (call == NULL) {
        return;
    }
    struct trivet_client *client = call->client;
    bool kept = false;
    pthread_mutex_lock(&call->lock);
    bool idle = call->phase == PHASE_IDLE;
    pthread_mutex_unlock(&call->lock);
    if (idle) {
        pthread_mutex_lock(&client->lock);
        if (client->n_idle < IDLE_CALLS_MAX) {
            call->next = client->idle;
            client->idle = call;
            client->n_idle++;
            kept = true;
        }
        pthread_mutex_unlock(&client->lock);
    }
    if (!kept) {
        trivet_request_free(call);
    }
}

/* The frame as a message, at its final size: nng's append would copy again and again. */
static enum trivet_status make_message(const struct trivet_call *call, nng_msg **out,
                                       struct trivet_error *err)
{
    uint8_t head[TRIVET_CALL_HEAD_BYTES_MAX];
    size_t head_bytes = trivet_call_write_head(call, head);
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, head_bytes + call->body_bytes) != 0) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory: %zu bytes to send",
                                head_bytes + call->body_bytes);
    }
    uint8_t *to = nng_msg_body(message);
    memcpy(to, head, head_bytes);
    if (call->body_bytes > 0) {
        memcpy(to + head_bytes, call->body, call->body_bytes);
    }
    *out = message;
    return TRIVET_OK;
}

enum trivet_status trivet_request_start(struct trivet_request *call,
                                        const struct trivet_call *given, struct trivet_error *err)
{
    memcpy(call->method, given->method, given->method_bytes + 1);
    memcpy(call->request_id, given->request_id, given->request_id_bytes + 1);
    call->timeout_ms = given->timeout_ms;
    nng_msg *message = NULL;
    enum trivet_status status = make_message(given, &message, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (nng_msg_dup(&call->again, message) != 0) {
        nng_msg_free(message);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory: %zu bytes to send",
                                given->body_bytes);
    }
    int64_t wait_ms = (int64_t)call->timeout_ms + TRIVET_REPLY_GRACE_MS;
    call->deadline_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), wait_ms * TRIVET_NS_PER_MS);
    call->phase = PHASE_SENDING; /* no other thread knows the call yet */
    call->sent = false;
    call->result = 0;
    nng_aio_set_msg(call->aio, message);
    nng_aio_set_timeout(call->aio, remaining_ms(call));
    nng_ctx_send(call->context, call->aio);
    return TRIVET_OK;
}

/* Down for longer than connecting may take. */
static bool connection_gone(struct trivet_client *client)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    pthread_mutex_lock(&client->lock);
    bool gone = client->live_pipe == 0 &&
                now_ns - client->down_since_ns >= client->connect_timeout_ms * TRIVET_NS_PER_MS;
    pthread_mutex_unlock(&client->lock);
    return gone;
}

/* False when the call has not ended by then. */
static bool wait_for_end(struct trivet_request *call, int64_t until_ns)
{
    pthread_mutex_lock(&call->lock);
    while (call->phase != PHASE_DONE) {
        int64_t now_ns = trivet_clock_monotonic_ns();
        int64_t look_ns = trivet_clock_after_ns(now_ns, LOOK_INTERVAL_MS * TRIVET_NS_PER_MS);
        look_ns = look_ns < until_ns ? look_ns : until_ns;
        if (now_ns >= until_ns) {
            break;
        }
        struct timespec look = trivet_clock_timespec(look_ns);
        pthread_cond_timedwait(&call->ended, &call->lock, &look);
        if (call->phase == PHASE_DONE) {
            break;
        }
        pthread_mutex_unlock(&call->lock);
        if (connection_gone(call->client)) {
            nng_aio_abort(call->aio, GIVEN_UP); /* between two operations: at the next look */
        }
        pthread_mutex_lock(&call->lock);
    }
    bool ended = call->phase == PHASE_DONE;
    pthread_mutex_unlock(&call->lock);
    return ended;
}

/* What an error of the transport means for the caller. */
static enum trivet_status transport_error(struct trivet_request *call, struct trivet_error *err)
{
    const char *url = call->client->url;
    switch (call->result) {
    case NNG_ENOMEM:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory", call->method);
    case NNG_ECLOSED:
    case NNG_ECANCELED:
        return trivet_error_set(err, TRIVET_CANCELLED, "%s: the client was closed", call->method);
    case NNG_ECONNRESET:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "%s: the connection to %s broke twice during the call; look at the "
                                "server's log (a reply over the client's limit breaks it as well)",
                                call->method, url);
    case NNG_ETIMEDOUT:
        if (call->sent) {
            return trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                    "%s: no reply from %s within %d ms; repeat it with a longer "
                                    "timeout (request id %s)",
                                    call->method, url, call->timeout_ms, call->request_id);
        }
        break;
    default:
        break;
    }
    return trivet_error_set(err, TRIVET_UNAVAILABLE,
                            "%s: no connection to %s; start trivetd there, then repeat the call "
                            "(request id %s)",
                            call->method, url, call->request_id);
}

bool trivet_request_wait(struct trivet_request *call, int64_t until_ns)
{
    return wait_for_end(call, until_ns);
}

enum trivet_status trivet_request_finish(struct trivet_request *call, struct trivet_reply *out,
                                         struct trivet_error *err)
{
    (void)wait_for_end(call, TRIVET_NEVER_NS);
    call->phase = PHASE_IDLE; /* done: no other thread knows it any more */
    nng_msg *reply = call->reply;
    call->reply = NULL;
    if (reply == NULL) {
        return transport_error(call, err);
    }
    struct trivet_reply parsed = {0};
    enum trivet_status status = trivet_reply_parse(nng_msg_body(reply), nng_msg_len(reply),
                                                   call->method, call->request_id, &parsed, err);
    if (status != TRIVET_OK) {
        nng_msg_free(reply);
        return status;
    }
    status = trivet_reply_own(reply, &parsed, err);
    if (status == TRIVET_OK) {
        *out = parsed;
    }
    return status;
}

void trivet_request_settle(struct trivet_request *call, int64_t until_ns)
{
    pthread_mutex_lock(&call->lock);
    bool started = call->phase != PHASE_IDLE;
    pthread_mutex_unlock(&call->lock);
    if (started && wait_for_end(call, until_ns)) {
        call->phase = PHASE_IDLE;
        drop_message(&call->reply);
    }
}
