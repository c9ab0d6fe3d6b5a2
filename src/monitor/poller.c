#include "monitor/poller.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "trivet/v1/models.pb-c.h"
#include "wire/codec.h"

#include <trivet/client.h>

#include <stdbool.h>

#define PERIOD_NS          (2 * TRIVET_NS_PER_S)
#define CONNECT_TIMEOUT_MS 1000
#define CALL_TIMEOUT_MS    1500
#define PROFILES_MAX       16 /* of one poll */
#define REPLY_BYTES_MAX    ((size_t)64 << 20)
#define ARENA_BUDGET_BYTES ((size_t)128 << 20)
#define ARENA_KEEP_BYTES   ((size_t)256 << 10)

struct trivet_monitor_poller {
    struct trivet_monitor *monitor;
    size_t source;
    struct trivet_client *client; /* the thread's; NULL = not connected */
    struct trivet_arena *arena;   /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* stopping */
    pthread_cond_t wake;
    bool stopping;
};

/* Until `deadline_ns` or interrupted; false when it is time to end. */
static bool wait_until(struct trivet_monitor_poller *poller, int64_t deadline_ns)
{
    struct timespec until = trivet_clock_timespec(deadline_ns);
    pthread_mutex_lock(&poller->lock);
    while (!poller->stopping && trivet_clock_monotonic_ns() < deadline_ns) {
        (void)pthread_cond_timedwait(&poller->wake, &poller->lock, &until);
    }
    bool goes_on = !poller->stopping;
    pthread_mutex_unlock(&poller->lock);
    return goes_on;
}

/* What the call failed by is in `err`; the caller releases the reply of one that did not. */
static enum trivet_status ask(struct trivet_monitor_poller *poller, struct trivet_reply *reply,
                              struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    const struct trivet_client_options options = {
        .url = poller->monitor->sources[poller->source].server_url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .call_timeout_ms = CALL_TIMEOUT_MS,
        .reply_bytes_max = REPLY_BYTES_MAX,
    };
    if (poller->client == NULL) {
        status = trivet_client_open(&options, &poller->client, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    status =
        trivet_client_call(poller->client, "trivet.v1.Server/Stats", NULL, 0, NULL, 0, reply, err);
    if (status != TRIVET_OK) {
        /* A new connection at the next turn: the server may have come back elsewhere. */
        trivet_client_close(poller->client);
        poller->client = NULL;
    }
    return status;
}

/* An answer that says nothing of use: the server is up all the same. */
static enum trivet_status take_reply(struct trivet_monitor_poller *poller,
                                     const struct trivet_reply *reply, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__stats_response__descriptor, poller->arena, reply->body,
                            reply->body_bytes, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_monitor_stats(poller->monitor, poller->source,
                                      (const Trivet__V1__StatsResponse *)message,
                                      trivet_clock_unix_us(), err);
    } else {
        trivet_monitor_set_server_up(poller->monitor, poller->source);
        trivet_monitor_count_malformed(poller->monitor, poller->source);
    }
    trivet_arena_reset(poller->arena);
    return status;
}

static const Trivet__V1__Profile *profile_of(const Trivet__V1__Model *model, uint64_t version)
{
    for (size_t i = 0; i < model->n_versions; i++) {
        if (model->versions[i]->version == version) {
            return model->versions[i]->profile;
        }
    }
    return NULL;
}

/* The reference profile of a version, from its artefact; all of it in the poller's arena. */
static enum trivet_status describe(struct trivet_monitor_poller *poller, char *model,
                                   uint64_t version, struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    struct trivet_reply reply = {0};
    ProtobufCMessage *message = NULL;
    Trivet__V1__DescribeModelRequest request = TRIVET__V1__DESCRIBE_MODEL_REQUEST__INIT;
    request.model = model;
    request.version = version;
    enum trivet_status status = trivet_codec_pack(&request.base, &packed, err);
    if (status == TRIVET_OK) {
        status = trivet_client_call(poller->client, "trivet.v1.Models/Describe", packed.data,
                                    packed.n_bytes, NULL, 0, &reply, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__model__descriptor, poller->arena, reply.body,
                                     reply.body_bytes, &message, err);
        trivet_reply_release(&reply);
    }
    if (status == TRIVET_OK) {
        const Trivet__V1__Model *found = (const Trivet__V1__Model *)message;
        trivet_live_test_take(poller->monitor, found);
        status = trivet_monitor_drift_profile(poller->monitor, model, version,
                                              profile_of(found, version), err);
    }
    trivet_arena_reset(poller->arena);
    trivet_buffer_release(&packed);
    return status;
}

/* What drift is to be told from. One that cannot be had is asked for again later. */
static void fetch_profiles(struct trivet_monitor_poller *poller)
{
    char model[TRIVET_MONITOR_MODEL_BYTES];
    uint64_t version = 0;
    struct trivet_error err;
    for (int i = 0; i < PROFILES_MAX; i++) {
        int64_t now_us = trivet_clock_unix_us();
        if (!trivet_monitor_drift_wanted(poller->monitor, poller->source, now_us, model,
                                         &version) &&
            !trivet_live_test_wanted(poller->monitor, poller->source, now_us, model, &version)) {
            return;
        }
        if (describe(poller, model, version, &err) != TRIVET_OK) {
            trivet_log(TRIVET_LOG_WARN, "drift_not_watched", "model=%s version=%llu message=%s",
                       model, (unsigned long long)version, err.message);
        }
    }
}

/* What the poller's log lines follow. */
struct polled {
    bool up;
    bool first;
    bool unread; /* the last answer was of no use */
};

/* One poll; logs when the answer changes between good and bad. */
static void poll_once(struct trivet_monitor_poller *poller, struct polled *was)
{
    struct trivet_error err;
    struct trivet_reply reply = {0};
    const char *url = poller->monitor->sources[poller->source].server_url;
    bool up = ask(poller, &reply, &err) == TRIVET_OK;
    if (!up) {
        trivet_monitor_set_server_down(poller->monitor, poller->source, err.message);
    }
    if (up && !was->up) {
        trivet_log(TRIVET_LOG_INFO, "server_up", "server=%s", url);
    } else if (!up && (was->up || was->first)) {
        trivet_log(TRIVET_LOG_WARN, "server_down", "server=%s message=%s", url, err.message);
    }
    if (up) {
        bool unread = take_reply(poller, &reply, &err) != TRIVET_OK;
        trivet_reply_release(&reply);
        if (unread && !was->unread) {
            trivet_log(TRIVET_LOG_WARN, "stats_unread", "server=%s message=%s", url, err.message);
        }
        was->unread = unread;
        fetch_profiles(poller);
    }
    was->up = up;
    was->first = false;
}

static void *poll_server(void *arg)
{
    struct trivet_monitor_poller *poller = arg;
    struct polled was = {.first = true};
    int64_t due_ns = trivet_clock_monotonic_ns();
    while (wait_until(poller, due_ns)) {
        int64_t late_ns = trivet_clock_monotonic_ns() - due_ns;
        if (late_ns > PERIOD_NS) {
            /* The process was stopped. Let the backlog of events in first: they know when their
             * calls happened, Stats does not. */
            due_ns = trivet_clock_monotonic_ns() + TRIVET_NS_PER_S;
            continue;
        }
        poll_once(poller, &was);
        due_ns = trivet_clock_monotonic_ns() + PERIOD_NS;
    }
    trivet_client_close(poller->client);
    return NULL;
}

enum trivet_status trivet_monitor_poller_start(struct trivet_monitor *monitor, size_t source,
                                               struct trivet_monitor_poller **out,
                                               struct trivet_error *err)
{
    struct trivet_monitor_poller *poller = trivet_calloc(1, sizeof(*poller));
    if (poller != NULL) {
        poller->arena = trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES);
    }
    if (poller == NULL || poller->arena == NULL) {
        trivet_free(poller);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a poller");
    }
    poller->monitor = monitor;
    poller->source = source;
    pthread_mutex_init(&poller->lock, NULL);
    trivet_clock_init_condition(&poller->wake);
    if (pthread_create(&poller->thread, NULL, poll_server, poller) != 0) {
        pthread_cond_destroy(&poller->wake);
        pthread_mutex_destroy(&poller->lock);
        trivet_arena_free(poller->arena);
        trivet_free(poller);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no thread for a poller");
    }
    *out = poller;
    return TRIVET_OK;
}

void trivet_monitor_poller_interrupt(struct trivet_monitor_poller *poller)
{
    pthread_mutex_lock(&poller->lock);
    poller->stopping = true;
    pthread_cond_signal(&poller->wake);
    pthread_mutex_unlock(&poller->lock);
}

void trivet_monitor_poller_stop(struct trivet_monitor_poller *poller)
{
    if (poller == NULL) {
        return;
    }
    trivet_monitor_poller_interrupt(poller);
    (void)pthread_join(poller->thread, NULL);
    pthread_cond_destroy(&poller->wake);
    pthread_mutex_destroy(&poller->lock);
    trivet_arena_free(poller->arena);
    trivet_free(poller);
}
