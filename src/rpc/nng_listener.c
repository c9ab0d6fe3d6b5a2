/* DESIGN
 * One REP socket listens on every URL. It has `exchanges_max` contexts, each with a receive and a
 * send aio and one exchange; a context is always in exactly one of: receiving, in the hands of
 * on_request, sending. nng's threads run the two callbacks below; they never block. A reply may
 * come from any thread. All contexts are opened at the start, those for parked long polls
 * included, so that nothing is opened or closed in a callback.
 *
 * close() closes the socket, which ends every receive and send with NNG_ECLOSED; exchanges that
 * are still in somebody's hands are waited for (`busy`, under `lock`). */
#include "rpc/listener.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/text.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define URL_BYTES 256

struct slot {
    struct trivet_exchange exchange; /* first: the exchange is cast back to its slot */
    struct trivet_listener *listener;
    nng_ctx ctx;
    nng_aio *receive;
    nng_aio *send;
    nng_msg *request;
    nng_msg *reply;
};

struct endpoint {
    char url[URL_BYTES];
    struct trivet_endpoint_guard *guard; /* ipc only */
};

struct trivet_listener {
    nng_socket socket;
    bool socket_open;
    struct trivet_listener_options options;
    struct endpoint *endpoints; /* options.n_urls */
    struct slot *slots;
    size_t n_slots; /* opened so far */
    pthread_mutex_t lock;
    pthread_cond_t idle;
    size_t busy; /* lock: exchanges in the hands of on_request */
};

static void slot_receive(struct slot *slot)
{
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
    slot->exchange.data = nng_msg_body(slot->request);
    slot->exchange.n_bytes = nng_msg_len(slot->request);
    slot->exchange.arrival_ns = trivet_clock_monotonic_ns();
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
};

static enum trivet_status nng_failure(struct trivet_error *err, const char *what, int rc)
{
    enum trivet_status status = rc == NNG_ENOMEM ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_UNAVAILABLE;
    return trivet_error_set(err, status, "%s: %s", what, nng_strerror(rc));
}

static bool scheme_is(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

/* The port that the system picked for a tcp URL with port 0. */
static void real_url(nng_listener listener, struct endpoint *endpoint)
{
    nng_sockaddr address;
    const char *colon = strrchr(endpoint->url, ':');
    if (!scheme_is(endpoint->url, "tcp://") || colon == NULL || strcmp(colon, ":0") != 0 ||
        nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address) != 0) {
        return;
    }
    /* Both families keep the port, in network order, in the same place. */
    const uint8_t *port = (const uint8_t *)&address.s_in.sa_port;
    char host[URL_BYTES];
    trivet_text_copy(host, sizeof(host), endpoint->url);
    host[colon - endpoint->url] = '\0';
    trivet_text_format(endpoint->url, sizeof(endpoint->url), "%s:%u", host,
                       (unsigned)port[0] << 8 | port[1]);
}

static enum trivet_status endpoint_open(struct trivet_listener *listener, size_t i,
                                        struct trivet_error *err)
{
    struct endpoint *endpoint = &listener->endpoints[i];
    const char *url = listener->options.urls[i];
    if (!scheme_is(url, "tcp://") && !scheme_is(url, "ipc://") && !scheme_is(url, "inproc://")) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "cannot listen on '%s': give tcp://HOST:PORT, ipc:///PATH or "
                                "inproc://NAME",
                                url);
    }
    if (!trivet_text_copy(endpoint->url, sizeof(endpoint->url), url)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the address '%.40s…' is too long",
                                url);
    }
    enum trivet_status status = trivet_endpoint_guard_take(url, &endpoint->guard, err);
    if (status != TRIVET_OK) {
        return status;
    }
    nng_listener handle;
    int rc = nng_listen(listener->socket, url, &handle, 0);
    if (rc != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot listen on '%s': %s; is another server running there?", url,
                                nng_strerror(rc));
    }
    real_url(handle, endpoint);
    return TRIVET_OK;
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

static void nng_listener_close_all(struct trivet_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    if (listener->socket_open) {
        nng_close(listener->socket);
    }
    pthread_mutex_lock(&listener->lock);
    while (listener->busy > 0) {
        pthread_cond_wait(&listener->idle, &listener->lock);
    }
    pthread_mutex_unlock(&listener->lock);
    for (size_t i = 0; i < listener->n_slots; i++) {
        nng_aio_stop(listener->slots[i].receive);
        nng_aio_stop(listener->slots[i].send);
        nng_aio_free(listener->slots[i].receive);
        nng_aio_free(listener->slots[i].send);
        nng_msg_free(listener->slots[i].request);
    }
    for (size_t i = 0; listener->endpoints != NULL && i < listener->options.n_urls; i++) {
        trivet_endpoint_guard_release(listener->endpoints[i].guard);
    }
    pthread_cond_destroy(&listener->idle);
    pthread_mutex_destroy(&listener->lock);
    trivet_free(listener->slots);
    trivet_free(listener->endpoints);
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
    listener->endpoints = trivet_calloc(options->n_urls, sizeof(*listener->endpoints));
    listener->slots = trivet_calloc(options->exchanges_max, sizeof(*listener->slots));
    enum trivet_status status =
        listener->endpoints == NULL || listener->slots == NULL
            ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
            : socket_open(listener, err);
    while (status == TRIVET_OK && listener->n_slots < options->exchanges_max) {
        status = slot_open(listener, &listener->slots[listener->n_slots], err);
        listener->n_slots += status == TRIVET_OK;
    }
    for (size_t i = 0; status == TRIVET_OK && i < options->n_urls; i++) {
        status = endpoint_open(listener, i, err);
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
    assert(i < listener->options.n_urls);
    return listener->endpoints[i].url;
}

const struct trivet_listener_ops trivet_nng_listener_ops = {
    .name = "nng",
    .open = nng_listener_open,
    .url = nng_listener_url,
    .close = nng_listener_close_all,
};
