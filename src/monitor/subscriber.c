/* A stock nng SUB socket. The thread blocks in a receive without a time-out (one with a time-out
 * is not safe in nng 1.5.2); closing the socket ends it. nng's pipe
 * callbacks set one atomic and never wait. */
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
};

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

static void *receive_events(void *arg)
{
    struct trivet_monitor_subscriber *subscriber = arg;
    const char *url = subscriber->monitor->sources[subscriber->source].events_url;
    bool complained = false;
    nng_msg *msg = NULL;
    while (nng_recvmsg(subscriber->socket, &msg, 0) == 0) {
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

enum trivet_status trivet_monitor_subscriber_start(struct trivet_monitor *monitor, size_t source,
                                                   struct trivet_monitor_subscriber **out,
                                                   struct trivet_error *err)
{
    struct trivet_monitor_subscriber *subscriber = trivet_calloc(1, sizeof(*subscriber));
    if (subscriber != NULL) {
        subscriber->arena = trivet_arena_create(ARENA_BUDGET_BYTES, MESSAGE_BYTES_MAX);
    }
    if (subscriber == NULL || subscriber->arena == NULL) {
        trivet_free(subscriber);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a subscriber");
    }
    subscriber->monitor = monitor;
    subscriber->source = source;
    const char *url = monitor->sources[source].events_url;
    int failed = open_socket(subscriber, url);
    enum trivet_status status = failed != 0 ? nng_failed(failed, url, err) : TRIVET_OK;
    if (status == TRIVET_OK &&
        pthread_create(&subscriber->thread, NULL, receive_events, subscriber) != 0) {
        (void)nng_close(subscriber->socket);
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no thread for a subscriber");
    }
    if (status != TRIVET_OK) {
        trivet_arena_free(subscriber->arena);
        trivet_free(subscriber);
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
    bool closed = trivet_sp_hang_up(subscriber->socket);
    (void)pthread_join(subscriber->thread, NULL);
    if (!closed) {
        return; /* nng may still look at it */
    }
    trivet_arena_free(subscriber->arena);
    trivet_free(subscriber);
}
