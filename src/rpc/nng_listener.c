/* DESIGN
 * One REP socket listens on every URL. It has `exchanges_max` contexts, each with a receive and a
 * send aio and one exchange; a context is always in exactly one of: receiving, in the hands of
 * on_request, sending. nng's threads run the two callbacks below; they never block. A reply may
 * come from any thread. All contexts are opened at the start, those for parked long polls
 * included, so that nothing is opened or closed in a callback.
 *
 * close() first stops the receives, then waits for exchanges that are still in somebody's hands
 * (`busy`, under `lock`) and for sends on their way, and closes the socket last: nng 1.5.2 crashes
 * when a context is used while its socket closes. */
#include "rpc/listener.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "sp/hang_up.h"
#include "sp/listen.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* nng closes a connection without waiting for what it has been given to send. */
#define FLUSH_MS 50

struct slot {
    struct trivet_exchange exchange; /* first: the exchange is cast back to its slot */
    struct trivet_listener *listener;
    nng_ctx ctx;
    nng_aio *receive;
    nng_aio *send;
    nng_msg *request;
    nng_msg *reply;
};

struct trivet_listener {
    nng_socket socket;
    bool socket_open;
    struct trivet_listener_options options;
    struct trivet_sp_listen *addresses;
    struct slot *slots;
    size_t n_slots; /* opened so far */
    atomic_bool closing;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t busy; /* lock: exchanges in the hands of on_request */
};

static void slot_receive(struct slot *slot)
{
    if (atomic_load(&slot->listener->closing)) {
        return;
    }
    nng_ctx_recv(slot->ctx, slot->receive);
}

static void set_busy(struct trivet_listener *listener, bool busy)
{
    pthread_mutex_lock(&listener->lock);
    listener->busy += busy ? 1 : (size_t)-1;
    if (listener->busy == 0) {
        pthread_cond_broadcast(&listener->idle);
    }
    pthread_mutex_unlock(&listener->lock);
}

/* nng's thread: a request has arrived, or the socket is closed. */
static void on_received(void *arg)
{
    struct slot *slot = arg;
    int rc = nng_aio_result(slot->receive);
    if (rc == NNG_ECLOSED || rc == NNG_ECANCELED) {
        return;
    }
    if (rc != 0) {
        trivet_log(TRIVET_LOG_WARN, "receive_failed", "message=%s", nng_strerror(rc));
        slot_receive(slot);
        return;
    }
    slot->request = nng_aio_get_msg(slot->receive);
    if (atomic_load(&slot->listener->closing)) {
        return; /* freed with the slot */
    }
    slot->exchange.data = nng_msg_body(slot->request);
    slot->exchange.n_bytes = nng_msg_len(slot->request);
    slot->exchange.arrival_ns = trivet_clock_monotonic_ns();
    slot->exchange.traffic_turn = 0;
    set_busy(slot->listener, true);
    slot->listener->options.on_request(slot->listener->options.ctx, &slot->exchange);
}

/* nng's thread: the reply is on its way, or its caller has gone. */
static void on_sent(void *arg)
{
    struct slot *slot = arg;
    int rc = nng_aio_result(slot->send);
    if (rc != 0) {
        nng_msg_free(nng_aio_get_msg(slot->send));
        if (rc == NNG_ECLOSED) {
            return;
        }
    }
    slot_receive(slot);
}

/* nng tells it of a message's pipe. */
static void exchange_peer(struct trivet_exchange *exchange, char text[TRIVET_PEER_BYTES])
{
    const struct slot *slot = (const struct slot *)exchange;
    nng_pipe pipe = nng_msg_get_pipe(slot->request);
    nng_sockaddr address;
    uint64_t uid = 0;
    const char *made = NULL;
    text[0] = '\0';
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0) {
        return;
    }
    if (address.s_family == NNG_AF_INET) {
        made = inet_ntop(AF_INET, &address.s_in.sa_addr, text, TRIVET_PEER_BYTES);
    } else if (address.s_family == NNG_AF_INET6) {
        made = inet_ntop(AF_INET6, address.s_in6.sa_addr, text, TRIVET_PEER_BYTES);
    } else if (nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid) == 0) {
        made = text;
        (void)trivet_text_format(text, TRIVET_PEER_BYTES, "uid:%" PRIu64, uid);
    }
    if (made == NULL) {
        text[0] = '\0';
    }
}

static uint8_t *exchange_reserve(struct trivet_exchange *exchange, size_t n_bytes)
{
    struct slot *slot = (struct slot *)exchange;
    nng_msg_free(slot->reply);
    slot->reply = NULL;
    if (nng_msg_alloc(&slot->reply, n_bytes) != 0) {
        slot->reply = NULL;
        return NULL;
    }
    return nng_msg_body(slot->reply);
}

static void exchange_send(struct trivet_exchange *exchange)
{
    struct slot *slot = (struct slot *)exchange;
    struct trivet_listener *listener = slot->listener;
    nng_msg_free(slot->request);
    slot->request = NULL;
    slot->exchange.data = NULL;
    nng_msg *reply = slot->reply;
    slot->reply = NULL;
    if (reply == NULL) {
        slot_receive(slot);
    } else {
        nng_aio_set_msg(slot->send, reply);
        nng_ctx_send(slot->ctx, slot->send);
    }
    /* Last: close() may free the listener as soon as nothing is busy. */
    set_busy(listener, false);
}

static const struct trivet_exchange_ops exchange_ops = {
    .reserve = exchange_reserve,
    .send = exchange_send,
    .peer = exchange_peer,
};

static enum trivet_status nng_failure(struct trivet_error *err, const char *what, int rc)
{
    enum trivet_status status = rc == NNG_ENOMEM ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_UNAVAILABLE;
    return trivet_error_set(err, status, "%s: %s", what, nng_strerror(rc));
}

static enum trivet_status slot_open(struct trivet_listener *listener, struct slot *slot,
                                    struct trivet_error *err)
{
    slot->listener = listener;
    slot->exchange.ops = &exchange_ops;
    int rc = nng_ctx_open(&slot->ctx, listener->socket);
    if (rc != 0) {
        return nng_failure(err, "cannot open a request context", rc);
    }
    rc = nng_aio_alloc(&slot->receive, on_received, slot);
    if (rc == 0) {
        rc = nng_aio_alloc(&slot->send, on_sent, slot);
    }
    if (rc != 0) {
        nng_aio_free(slot->receive);
        nng_ctx_close(slot->ctx);
        return nng_failure(err, "cannot make a request context", rc);
    }
    nng_aio_set_timeout(slot->send, listener->options.send_timeout_ms);
    return TRIVET_OK;
}

/* From here on requests are dropped; whoever has one in hand may still answer it. */
static void refuse_requests(struct trivet_listener *listener)
{
    atomic_store(&listener->closing, true);
    for (size_t i = 0; i < listener->n_slots; i++) {
        nng_aio_stop(listener->slots[i].receive);
    }
}

static void wait_until_idle(struct trivet_listener *listener)
{
    pthread_mutex_lock(&listener->lock);
    while (listener->busy > 0) {
        pthread_cond_wait(&listener->idle, &listener->lock);
    }
    pthread_mutex_unlock(&listener->lock);
    for (size_t i = 0; i < listener->n_slots; i++) {
        nng_aio_wait(listener->slots[i].send);
        nng_aio_stop(listener->slots[i].send);
    }
}

static void nng_listener_close_all(struct trivet_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    refuse_requests(listener);
    wait_until_idle(listener);
    trivet_sp_listen_stop(listener->addresses);
    if (listener->socket_open) {
        nng_msleep(FLUSH_MS);
        if (!trivet_sp_hang_up(listener->socket)) {
            trivet_log(TRIVET_LOG_WARN, "socket_left_open", "message=nng does not close it");
            return; /* nng may still look at all of it */
        }
    }
    trivet_sp_listen_free(listener->addresses);
    for (size_t i = 0; i < listener->n_slots; i++) {
        nng_aio_free(listener->slots[i].receive);
        nng_aio_free(listener->slots[i].send);
        nng_msg_free(listener->slots[i].request);
    }
    pthread_cond_destroy(&listener->idle);
    pthread_mutex_destroy(&listener->lock);
    trivet_free(listener->slots);
    trivet_free(listener);
}

static enum trivet_status socket_open(struct trivet_listener *listener, struct trivet_error *err)
{
    int rc = nng_rep0_open(&listener->socket);
    if (rc != 0) {
        return nng_failure(err, "cannot open the REP socket", rc);
    }
    listener->socket_open = true;
    /* Before listen: the default is unlimited, and memory is taken on the peer's word. */
    rc = nng_socket_set_size(listener->socket, NNG_OPT_RECVMAXSZ,
                             listener->options.message_bytes_max);
    return rc == 0 ? TRIVET_OK : nng_failure(err, "cannot bound the size of messages", rc);
}

static enum trivet_status nng_listener_open(const struct trivet_listener_options *options,
                                            struct trivet_listener **out, struct trivet_error *err)
{
    struct trivet_listener *listener = trivet_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    listener->options = *options;
    pthread_mutex_init(&listener->lock, NULL);
    pthread_cond_init(&listener->idle, NULL);
    listener->slots = trivet_calloc(options->exchanges_max, sizeof(*listener->slots));
    enum trivet_status status =
        listener->slots == NULL ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                                : socket_open(listener, err);
    while (status == TRIVET_OK && listener->n_slots < options->exchanges_max) {
        status = slot_open(listener, &listener->slots[listener->n_slots], err);
        listener->n_slots += status == TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        status = trivet_sp_listen_open(listener->socket, TRIVET_SP_REQ, options->urls,
                                       options->n_urls, &listener->addresses, err);
    }
    if (status != TRIVET_OK) {
        nng_listener_close_all(listener);
        return status;
    }
    for (size_t i = 0; i < listener->n_slots; i++) {
        slot_receive(&listener->slots[i]);
    }
    *out = listener;
    return TRIVET_OK;
}

static const char *nng_listener_url(const struct trivet_listener *listener, size_t i)
{
    return trivet_sp_listen_url(listener->addresses, i);
}

const struct trivet_listener_ops trivet_nng_listener_ops = {
    .name = "nng",
    .open = nng_listener_open,
    .url = nng_listener_url,
    .close = nng_listener_close_all,
};
