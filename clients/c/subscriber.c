/* Events over a SUB socket.
 *
 * DESIGN: a receive has no time-out and is never cancelled: either crashes nng 1.5.2. Its callback,
 * on a thread of nng's, tells the one that waits in trivet_subscriber_next, which an interrupt
 * wakes too. Closing the socket would not do for that: nng may hang in it before it ends the
 * receive (sp/hang_up.h); then all of this is left behind. */
#include "base/alloc.h"
#include "clients/c/dial.h"
#include "clients/c/reply.h"
#include "sp/hang_up.h"

#include <trivet/client.h>

#include <nng/protocol/pubsub0/sub.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS   5000
#define RECONNECT_FIRST_MS   50
#define RECONNECT_SLOWEST_MS 1000
/* An event is at most 16 KiB; the topic comes on top. */
#define EVENT_BYTES_MAX ((size_t)64 * 1024)
/* Events that wait here while the reader is busy; then the oldest are dropped. */
#define EVENTS_QUEUED_MAX 8192

struct trivet_subscriber {
    nng_socket socket;
    nng_aio *aio;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under lock. */
    bool receiving; /* the aio is nng's */
    bool interrupted;
};

/* A thread of nng's. */
static void on_received(void *arg)
{
    struct trivet_subscriber *subscriber = arg;
    pthread_mutex_lock(&subscriber->lock);
    subscriber->receiving = false;
    pthread_cond_broadcast(&subscriber->changed);
    pthread_mutex_unlock(&subscriber->lock);
}

static int configure(nng_socket socket, const char *topic)
{
    int rv = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, EVENT_BYTES_MAX);
    rv = rv != 0 ? rv : nng_socket_set_int(socket, NNG_OPT_RECVBUF, EVENTS_QUEUED_MAX);
    rv = rv != 0 ? rv : nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_FIRST_MS);
    rv = rv != 0 ? rv : nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_SLOWEST_MS);
    return rv != 0 ? rv : nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, topic, strlen(topic));
}

/* The socket is closed. */
static void release(struct trivet_subscriber *subscriber)
{
    if (subscriber->aio != NULL) {
        nng_msg *left = nng_aio_get_msg(subscriber->aio);
        if (left != NULL) {
            nng_msg_free(left); /* came when nobody asked any more */
        }
        nng_aio_free(subscriber->aio); /* waits for its callback */
    }
    pthread_cond_destroy(&subscriber->changed);
    pthread_mutex_destroy(&subscriber->lock);
    trivet_free(subscriber);
}

enum trivet_status trivet_subscriber_open(const char *url, const char *topic,
                                          struct trivet_subscriber **out, struct trivet_error *err)
{
    struct trivet_subscriber *subscriber = trivet_calloc(1, sizeof(*subscriber));
    if (subscriber == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a subscriber");
    }
    pthread_mutex_init(&subscriber->lock, NULL);
    pthread_cond_init(&subscriber->changed, NULL);
    if (nng_aio_alloc(&subscriber->aio, on_received, subscriber) != 0 ||
        nng_sub0_open(&subscriber->socket) != 0) {
        release(subscriber);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "cannot open a socket; memory or "
                                "threads are used up");
    }
    enum trivet_status status = TRIVET_OK;
    int rv = configure(subscriber->socket, topic != NULL ? topic : "");
    if (rv != 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "cannot subscribe to '%s': %s",
                                  topic, nng_strerror(rv));
    } else {
        status = trivet_dial(subscriber->socket, url != NULL ? url : TRIVET_DEFAULT_EVENTS_URL,
                             CONNECT_TIMEOUT_MS, "the events of a Trivet server", err);
    }
    if (status != TRIVET_OK) {
        trivet_subscriber_close(subscriber);
        return status;
    }
    *out = subscriber;
    return TRIVET_OK;
}

/* "topic \0 Event" → its parts. */
static enum trivet_status split(nng_msg *message, char *topic, size_t topic_bytes,
                                struct trivet_reply *out, struct trivet_error *err)
{
    const uint8_t *data = nng_msg_body(message);
    size_t n_bytes = nng_msg_len(message);
    const uint8_t *end = n_bytes > 0 ? memchr(data, '\0', n_bytes) : NULL;
    if (end == NULL) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "an event of %zu bytes without a topic; does trivetd publish "
                                "there?",
                                n_bytes);
    }
    size_t length = (size_t)(end - data);
    if (length >= topic_bytes) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "an event's topic of %zu bytes; room for %zu", length, topic_bytes);
    }
    memcpy(topic, data, length + 1);
    *out = (struct trivet_reply){.body = end + 1, .body_bytes = n_bytes - length - 1};
    return TRIVET_OK;
}

/* The next message: 0, or nng's error; NNG_ECANCELED after an interrupt. */
static int receive(struct trivet_subscriber *subscriber, nng_msg **message)
{
    pthread_mutex_lock(&subscriber->lock);
    bool interrupted = subscriber->interrupted;
    subscriber->receiving = !interrupted;
    pthread_mutex_unlock(&subscriber->lock);
    if (interrupted) {
        return NNG_ECANCELED;
    }
    nng_recv_aio(subscriber->socket, subscriber->aio);
    pthread_mutex_lock(&subscriber->lock);
    while (subscriber->receiving && !subscriber->interrupted) {
        pthread_cond_wait(&subscriber->changed, &subscriber->lock);
    }
    interrupted = subscriber->interrupted;
    pthread_mutex_unlock(&subscriber->lock);
    if (interrupted) {
        return NNG_ECANCELED; /* a message that came meanwhile goes with the aio */
    }
    int rv = nng_aio_result(subscriber->aio);
    if (rv == 0) {
        *message = nng_aio_get_msg(subscriber->aio);
        nng_aio_set_msg(subscriber->aio, NULL);
    }
    return rv;
}

enum trivet_status trivet_subscriber_next(struct trivet_subscriber *subscriber, char *topic,
                                          size_t topic_bytes, struct trivet_reply *out,
                                          struct trivet_error *err)
{
    nng_msg *message = NULL;
    int rv = receive(subscriber, &message);
    if (rv == NNG_ECANCELED) {
        return trivet_error_set(err, TRIVET_CANCELLED, "the subscriber was interrupted");
    }
    if (rv != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "receiving events failed: %s",
                                nng_strerror(rv));
    }
    struct trivet_reply event = {0};
    enum trivet_status status = split(message, topic, topic_bytes, &event, err);
    if (status != TRIVET_OK) {
        nng_msg_free(message);
        return status;
    }
    status = trivet_reply_own(message, &event, err);
    if (status == TRIVET_OK) {
        *out = event;
    }
    return status;
}

void trivet_subscriber_interrupt(struct trivet_subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->lock);
    subscriber->interrupted = true;
    pthread_cond_broadcast(&subscriber->changed);
    pthread_mutex_unlock(&subscriber->lock);
}

void trivet_subscriber_close(struct trivet_subscriber *subscriber)
{
    if (subscriber != NULL && trivet_sp_hang_up(subscriber->socket)) {
        nng_aio_wait(subscriber->aio);
        release(subscriber);
    }
}
