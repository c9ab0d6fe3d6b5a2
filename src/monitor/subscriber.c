/* A stock nng SUB socket. A receive has no time-out and is never cancelled: either crashes nng
 * 1.5.2. Its callback, on a thread of nng's, wakes ours, and so does a stop: closing the socket
 * would not do for that, as nng may hang in it before it ends the receive (sp/hang_up.h); then
 * socket and subscriber are left behind. nng's pipe callbacks set one atomic and never wait. */
#include "monitor/subscriber.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "sp/hang_up.h"
#include "wire/codec.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>

#include <string.h>

#define TOPIC_BYTES_MAX    128
#define MESSAGE_BYTES_MAX  ((size_t)64 << 10)
#define ARENA_BUDGET_BYTES ((size_t)1 << 20)
#define RECEIVE_QUEUE      8192
#define RECONNECT_MIN_MS   100
#define RECONNECT_MAX_MS   1000

struct trivet_monitor_subscriber {
    struct trivet_monitor *monitor;
    size_t source;
    nng_socket socket;
    struct trivet_arena *arena; /* the thread's */
    pthread_t thread;
    nng_aio *aio;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool receiving; /* lock: the aio is nng's */
    bool stopping;  /* lock */
};

/* A thread of nng's. */
static void on_received(void *arg)
{
    struct trivet_monitor_subscriber *subscriber = arg;
    pthread_mutex_lock(&subscriber->lock);
    subscriber->receiving = false;
    pthread_cond_signal(&subscriber->changed);
    pthread_mutex_unlock(&subscriber->lock);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    struct trivet_monitor_subscriber *subscriber = arg;
    if (event == NNG_PIPE_EV_ADD_POST) {
        trivet_monitor_pipe_up(subscriber->monitor, subscriber->source, nng_pipe_id(pipe));
    } else {
        trivet_monitor_pipe_down(subscriber->monitor, subscriber->source, nng_pipe_id(pipe));
    }
}

/* "topic \0 Event" */
static enum trivet_status take_message(struct trivet_monitor_subscriber *subscriber,
                                       const char *body, size_t n_bytes, struct trivet_error *err)
{
    size_t topic_max = n_bytes < TOPIC_BYTES_MAX ? n_bytes : TOPIC_BYTES_MAX;
    const char *nul = memchr(body, '\0', topic_max);
    ProtobufCMessage *message = NULL;
    enum trivet_status status = TRIVET_INVALID_ARGUMENT;
    if (nul == NULL) {
        (void)trivet_error_set(err, status, "an event without a topic");
    } else {
        const char *packed = nul + 1;
        status = trivet_codec_unpack(&trivet__v1__event__descriptor, subscriber->arena, packed,
                                     n_bytes - (size_t)(packed - body), &message, err);
    }
    if (status != TRIVET_OK) {
        trivet_monitor_count_malformed(subscriber->monitor, subscriber->source);
        return status;
    }
    return trivet_monitor_event(subscriber->monitor, subscriber->source,
                                (const Trivet__V1__Event *)message, trivet_clock_unix_us(), err);
}

/* The next message; NULL when it is time to end. */
static nng_msg *receive(struct trivet_monitor_subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->lock);
    bool stopping = subscriber->stopping;
    subscriber->receiving = !stopping;
    pthread_mutex_unlock(&subscriber->lock);
    if (stopping) {
        return NULL;
    }
    nng_recv_aio(subscriber->socket, subscriber->aio);
    pthread_mutex_lock(&subscriber->lock);
    while (subscriber->receiving && !subscriber->stopping) {
        (void)pthread_cond_wait(&subscriber->changed, &subscriber->lock);
    }
    stopping = subscriber->stopping;
    pthread_mutex_unlock(&subscriber->lock);
    if (stopping || nng_aio_result(subscriber->aio) != 0) {
        return NULL; /* a message that came meanwhile goes with the aio */
    }
    nng_msg *msg = nng_aio_get_msg(subscriber->aio);
    nng_aio_set_msg(subscriber->aio, NULL);
    return msg;
}

static void *receive_events(void *arg)
{
    struct trivet_monitor_subscriber *subscriber = arg;
    const char *url = subscriber->monitor->sources[subscriber->source].events_url;
    bool complained = false;
    nng_msg *msg = NULL;
    while ((msg = receive(subscriber)) != NULL) {
        struct trivet_error err;
        enum trivet_status status =
            take_message(subscriber, nng_msg_body(msg), nng_msg_len(msg), &err);
        nng_msg_free(msg);
        trivet_arena_reset(subscriber->arena);
        if (status != TRIVET_OK && !complained) {
            complained = true; /* the rest is counted: one bad publisher must not fill the log */
            trivet_log(TRIVET_LOG_WARN, "event_refused", "events=%s message=%s", url, err.message);
        }
    }
    return NULL;
}

/* One nng call failed. */
static enum trivet_status nng_failed(int code, const char *url, struct trivet_error *err)
{
    enum trivet_status status = code == NNG_EADDRINVAL || code == NNG_ENOTSUP || code == NNG_EINVAL
                                    ? TRIVET_INVALID_ARGUMENT
                                    : TRIVET_UNAVAILABLE;
    return trivet_error_set(err, status,
                            "cannot subscribe to '%s': %s; an address looks like "
                            "tcp://127.0.0.1:7601 or ipc:///run/trivet/events",
                            url, nng_strerror(code));
}

static int open_socket(struct trivet_monitor_subscriber *subscriber, const char *url)
{
    nng_socket socket = NNG_SOCKET_INITIALIZER;
    int failed = nng_sub0_open(&socket);
    if (failed != 0) {
        return failed;
    }
    const nng_pipe_ev events[] = {NNG_PIPE_EV_ADD_POST, NNG_PIPE_EV_REM_POST};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(events) && failed == 0; i++) {
        failed = nng_pipe_notify(socket, events[i], on_pipe, subscriber);
    }
    failed =
        failed != 0 ? failed : nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, MESSAGE_BYTES_MAX);
    failed = failed != 0 ? failed : nng_socket_set_int(socket, NNG_OPT_RECVBUF, RECEIVE_QUEUE);
    failed = failed != 0 ? failed : nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
    failed = failed != 0 ? failed : nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
    failed = failed != 0 ? failed : nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, "", 0);
    failed = failed != 0 ? failed : nng_dial(socket, url, NULL, NNG_FLAG_NONBLOCK);
    if (failed != 0) {
        (void)nng_close(socket);
        return failed;
    }
    subscriber->socket = socket;
    return 0;
}

/* The socket is closed, or was never open. */
static void release(struct trivet_monitor_subscriber *subscriber)
{
    if (subscriber->aio != NULL) {
        nng_msg *left = nng_aio_get_msg(subscriber->aio);
        if (left != NULL) {
            nng_msg_free(left);
        }
        nng_aio_free(subscriber->aio); /* waits for its callback */
    }
    pthread_cond_destroy(&subscriber->changed);
    pthread_mutex_destroy(&subscriber->lock);
    trivet_arena_free(subscriber->arena);
    trivet_free(subscriber);
}

enum trivet_status trivet_monitor_subscriber_start(struct trivet_monitor *monitor, size_t source,
                                                   struct trivet_monitor_subscriber **out,
                                                   struct trivet_error *err)
{
    struct trivet_monitor_subscriber *subscriber = trivet_calloc(1, sizeof(*subscriber));
    if (subscriber == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a subscriber");
    }
    subscriber->monitor = monitor;
    subscriber->source = source;
    pthread_mutex_init(&subscriber->lock, NULL);
    pthread_cond_init(&subscriber->changed, NULL);
    subscriber->arena = trivet_arena_create(ARENA_BUDGET_BYTES, MESSAGE_BYTES_MAX);
    if (subscriber->arena == NULL ||
        nng_aio_alloc(&subscriber->aio, on_received, subscriber) != 0) {
        release(subscriber);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a subscriber");
    }
    const char *url = monitor->sources[source].events_url;
    int failed = open_socket(subscriber, url);
    enum trivet_status status = failed != 0 ? nng_failed(failed, url, err) : TRIVET_OK;
    if (status == TRIVET_OK &&
        pthread_create(&subscriber->thread, NULL, receive_events, subscriber) != 0) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no thread for a subscriber");
        if (!trivet_sp_hang_up(subscriber->socket)) {
            return status; /* nng may still look at it */
        }
    }
    if (status != TRIVET_OK) {
        release(subscriber);
        return status;
    }
    *out = subscriber;
    return TRIVET_OK;
}

void trivet_monitor_subscriber_stop(struct trivet_monitor_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    pthread_mutex_lock(&subscriber->lock);
    subscriber->stopping = true;
    pthread_cond_signal(&subscriber->changed);
    pthread_mutex_unlock(&subscriber->lock);
    (void)pthread_join(subscriber->thread, NULL);
    if (trivet_sp_hang_up(subscriber->socket)) {
        nng_aio_wait(subscriber->aio);
        release(subscriber);
    } /* else nng may still look at it */
}
