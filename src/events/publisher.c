/* DESIGN
 *
 * Any thread may send: under `send_lock` an event gets its sequence number, is packed into a
 * message of its size, and goes to the PUB socket, which never blocks: it queues up to
 * SEND_QUEUE_EVENTS per subscriber and drops the oldest of one that does not keep up. So the
 * numbers on the wire are ascending, and a gap is a loss.
 *
 * One ticker thread, TICK_NS apart: sends the totals of the versions that changed; once a second
 * the server's totals; every REPEAT_TICKS those of all versions, so that a subscriber that joined
 * late, or lost the last event, has them all again after 5 s. Only the ticker (and close, after it
 * has ended) sends totals of versions: those of one version are never out of order.
 *
 * nng's own threads run `count_subscriber`, which touches one counter.
 *
 * Lock order: send_lock and tick_lock are never held together, nor with a lock of totals. */
#include "events/publisher.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "events/sampler.h"
#include "sp/hang_up.h"
#include "sp/listen.h"

#include <assert.h>
#include <inttypes.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define TICK_NS          (100 * TRIVET_NS_PER_MS)
#define TICKS_PER_SECOND 10
#define REPEAT_TICKS     50 /* 5 s */
#define CLOSE_WAIT_NS    (200 * TRIVET_NS_PER_MS)
#define CLOSE_POLL_US    10000
/* Per subscriber. At some hundred bytes an event a stuck one holds 2 MB, and never more than
 * 64 MiB; that is 40 s of ten busy versions. nng's default of 16 is less than one tick. */
#define SEND_QUEUE_EVENTS 4096
/* A subscriber has nothing to send. */
#define RECV_BYTES_MAX 1024
/* All versions at their largest, some 8 KiB each. */
#define ARENA_BYTES_MAX  (64u << 20)
#define ARENA_BYTES_KEEP (256u << 10)
#define PREDICTION_BYTES 128
/* Who and why have at most 256. */
#define CHANGE_TEXT_BYTES 257

struct trivet_publisher {
    /* Set before threads. */
    bool has_socket;
    nng_socket socket;
    struct trivet_sp_listen *listen;
    uint64_t epoch;
    struct trivet_totals *totals;
    struct trivet_quality *quality; /* NULL = none */
    struct trivet_sampler *sampler;
    pthread_t ticker;

    atomic_int n_subscribers;
    atomic_int phase; /* Trivet__V1__ServerPhase */

    pthread_mutex_t send_lock;
    uint64_t sequence; /* send_lock */

    pthread_mutex_t tick_lock;
    pthread_cond_t tick_cond; /* CLOCK_MONOTONIC */
    bool stopping;            /* tick_lock */
    struct {
        void (*tick)(void *ctx, bool last);
        void *ctx;
    } ticks[TRIVET_PUBLISHER_TICKS_MAX]; /* tick_lock */
    size_t n_ticks;                      /* tick_lock; only grows */
};

static void count_subscriber(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)pipe;
    struct trivet_publisher *publisher = arg;
    atomic_fetch_add(&publisher->n_subscribers, event == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

/* Under send_lock. False when the event is lost. */
static bool send_frame(struct trivet_publisher *publisher, const char *topic,
                       const Trivet__V1__Event *event, size_t event_bytes)
{
    size_t topic_bytes = strlen(topic) + 1;
    nng_msg *message = NULL;
    if (nng_msg_alloc(&message, topic_bytes + event_bytes) != 0) {
        return false;
    }
    uint8_t *body = nng_msg_body(message);
    memcpy(body, topic, topic_bytes);
    (void)protobuf_c_message_pack(&event->base, body + topic_bytes);
    if (nng_sendmsg(publisher->socket, message, NNG_FLAG_NONBLOCK) != 0) {
        nng_msg_free(message); /* ours on failure */
        return false;
    }
    return true;
}

void trivet_publisher_send(struct trivet_publisher *publisher, const char *topic,
                           Trivet__V1__Event *event)
{
    assert(strlen(topic) <= TRIVET_TOPIC_BYTES_MAX && topic[strlen(topic) - 1] == '.');
    event->publisher_epoch = publisher->epoch;
    pthread_mutex_lock(&publisher->send_lock);
    event->sequence = publisher->sequence + 1;
    event->unix_us = trivet_clock_unix_us();
    size_t n_bytes = protobuf_c_message_get_packed_size(&event->base);
    /* An event too large for any subscriber takes no number; one that is lost on the way leaves a
     * gap, which is what a gap says. */
    bool fits = n_bytes <= TRIVET_EVENT_BYTES_MAX;
    bool sent = fits;
    if (fits) {
        publisher->sequence++;
        sent = !publisher->has_socket || send_frame(publisher, topic, event, n_bytes);
    }
    pthread_mutex_unlock(&publisher->send_lock);
    if (!sent) {
        trivet_totals_add_dropped_events(publisher->totals, 1);
    }
    if (!fits) {
        trivet_log(TRIVET_LOG_WARN, "event_dropped", "topic=%s bytes=%zu bytes_max=%u", topic,
                   n_bytes, TRIVET_EVENT_BYTES_MAX);
    }
}

/* "prediction.<model>."; models have at most 64 bytes. */
static bool prediction_topic(const char *model, char topic[TRIVET_TOPIC_BYTES_MAX + 1])
{
    return trivet_text_format(topic, TRIVET_TOPIC_BYTES_MAX + 1, "prediction.%s.", model);
}

static void send_totals(struct trivet_publisher *publisher, bool changed_only,
                        struct trivet_arena *arena)
{
    struct trivet_error err = {0};
    Trivet__V1__PredictionTotals **list = NULL;
    size_t n = 0;
    trivet_arena_reset(arena);
    if (trivet_totals_encode_predictions(publisher->totals, changed_only, arena, &list, &n, &err) !=
        TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=%s", err.message);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char topic[TRIVET_TOPIC_BYTES_MAX + 1];
        if (!prediction_topic(list[i]->model, topic)) {
            continue; /* cannot be: totals bounds the name */
        }
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
        event.prediction_totals = list[i];
        trivet_publisher_send(publisher, topic, &event);
    }
}

/* Outcomes, on the topics of their models. */
static void send_quality(struct trivet_publisher *publisher, bool changed_only,
                         struct trivet_arena *arena)
{
    struct trivet_error err = {0};
    struct trivet_quality_messages messages = {0};
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    trivet_arena_reset(arena);
    if (publisher->quality != NULL && trivet_quality_encode(publisher->quality, changed_only, arena,
                                                            &messages, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=%s", err.message);
    }
    for (size_t i = 0; i < messages.n_versions; i++) {
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        event.body_case = TRIVET__V1__EVENT__BODY_QUALITY_TOTALS;
        event.quality_totals = messages.versions[i];
        if (prediction_topic(messages.versions[i]->model, topic)) {
            trivet_publisher_send(publisher, topic, &event);
        }
    }
    for (size_t i = 0; i < messages.n_models; i++) {
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        event.body_case = TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS;
        event.unjoined_totals = messages.models[i];
        if (prediction_topic(messages.models[i]->model, topic)) {
            trivet_publisher_send(publisher, topic, &event);
        }
    }
}

static void send_server(struct trivet_publisher *publisher, struct trivet_arena *arena)
{
    struct trivet_error err = {0};
    Trivet__V1__ServerEvent server = TRIVET__V1__SERVER_EVENT__INIT;
    trivet_arena_reset(arena);
    if (trivet_totals_encode_server(publisher->totals, arena, &server.totals, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=%s", err.message);
    }
    server.phase = (Trivet__V1__ServerPhase)atomic_load(&publisher->phase);
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.body_case = TRIVET__V1__EVENT__BODY_SERVER;
    event.server = &server;
    trivet_publisher_send(publisher, "server.", &event);
}

/* Waits until `until_ns`; false when it is time to end. */
static bool wait_tick(struct trivet_publisher *publisher, int64_t until_ns)
{
    struct timespec until = trivet_clock_timespec(until_ns);
    pthread_mutex_lock(&publisher->tick_lock);
    int outcome = 0;
    while (!publisher->stopping && outcome == 0) {
        outcome = pthread_cond_timedwait(&publisher->tick_cond, &publisher->tick_lock, &until);
    }
    bool stopping = publisher->stopping;
    pthread_mutex_unlock(&publisher->tick_lock);
    return !stopping;
}

void trivet_publisher_add_tick(struct trivet_publisher *publisher,
                               void (*tick)(void *ctx, bool last), void *ctx)
{
    pthread_mutex_lock(&publisher->tick_lock);
    assert(publisher->n_ticks < TRIVET_PUBLISHER_TICKS_MAX);
    publisher->ticks[publisher->n_ticks].tick = tick;
    publisher->ticks[publisher->n_ticks].ctx = ctx;
    publisher->n_ticks++;
    pthread_mutex_unlock(&publisher->tick_lock);
}

static void call_ticks(struct trivet_publisher *publisher, bool last)
{
    pthread_mutex_lock(&publisher->tick_lock);
    size_t n = publisher->n_ticks;
    pthread_mutex_unlock(&publisher->tick_lock);
    for (size_t i = 0; i < n; i++) { /* those do not change any more */
        publisher->ticks[i].tick(publisher->ticks[i].ctx, last);
    }
}

static void *run_ticker(void *arg)
{
    struct trivet_publisher *publisher = arg;
    pthread_setname_np(pthread_self(), "trivet-events");
    struct trivet_arena *arena = trivet_arena_create(ARENA_BYTES_MAX, ARENA_BYTES_KEEP);
    if (arena == NULL) {
        trivet_log(TRIVET_LOG_ERROR, "events_off", "message=out of memory for the event ticker");
        return NULL;
    }
    int64_t next_ns = trivet_clock_monotonic_ns() + TICK_NS;
    for (uint64_t tick = 1; wait_tick(publisher, next_ns); tick++) {
        send_totals(publisher, tick % REPEAT_TICKS != 0, arena);
        call_ticks(publisher, false);
        send_quality(publisher, tick % REPEAT_TICKS != 0, arena);
        /* Between repeats, not behind one: a subscriber with a short queue must not lose the
         * repeated totals to it every time. */
        if (tick % TICKS_PER_SECOND == TICKS_PER_SECOND / 2) {
            send_server(publisher, arena);
        }
        /* After a stall (a suspended process) go on from now, without a burst. */
        int64_t now_ns = trivet_clock_monotonic_ns();
        next_ns = next_ns + TICK_NS > now_ns ? next_ns + TICK_NS : now_ns;
    }
    send_totals(publisher, true, arena);
    call_ticks(publisher, true);
    send_quality(publisher, true, arena);
    trivet_arena_free(arena);
    return NULL;
}

/* Into `room`, for packing: protobuf-c's structs have no const. */
static char *text_of(const char *text, char *room, size_t room_bytes)
{
    (void)trivet_text_copy(room, room_bytes, text == NULL ? "" : text);
    return room;
}

void trivet_publisher_model_change(struct trivet_publisher *publisher,
                                   const struct trivet_model_change *change)
{
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    char texts[5][CHANGE_TEXT_BYTES];
    Trivet__V1__ModelEvent body = TRIVET__V1__MODEL_EVENT__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    if (!trivet_text_format(topic, sizeof(topic), "model.%s.", change->model)) {
        return; /* no model has a name of that length */
    }
    body.model = text_of(change->model, texts[0], sizeof(texts[0]));
    body.version = change->version;
    body.change = change->change;
    body.alias = text_of(change->alias, texts[1], sizeof(texts[1]));
    body.identity = text_of(change->identity, texts[2], sizeof(texts[2]));
    body.reason = text_of(change->reason, texts[3], sizeof(texts[3]));
    body.peer = text_of(change->peer, texts[4], sizeof(texts[4]));
    body.traffic = change->traffic;
    body.n_traffic = change->n_traffic;
    event.body_case = TRIVET__V1__EVENT__BODY_MODEL;
    event.model = &body;
    trivet_publisher_send(publisher, topic, &event);
}

void trivet_publisher_model(struct trivet_publisher *publisher, const char *model, uint64_t version,
                            Trivet__V1__ModelChange change, const char *alias)
{
    const struct trivet_model_change whole = {
        .model = model, .version = version, .change = change, .alias = alias};
    trivet_publisher_model_change(publisher, &whole);
}

void trivet_publisher_phase(struct trivet_publisher *publisher, Trivet__V1__ServerPhase phase)
{
    atomic_store(&publisher->phase, (int)phase);
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 16u << 10);
    if (arena == NULL) {
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=out of memory");
        return;
    }
    send_server(publisher, arena);
    trivet_arena_free(arena);
}

static void send_sample(struct trivet_publisher *publisher, const char *model, uint64_t version,
                        const char *prediction_id, uint32_t row, enum trivet_status status,
                        double value, uint64_t total_us, double weight)
{
    char prediction[PREDICTION_BYTES];
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    char model_copy[TRIVET_TOPIC_BYTES_MAX + 1];
    if (!trivet_text_format(prediction, sizeof(prediction), "%s/%" PRIu32, prediction_id, row) ||
        !prediction_topic(model, topic)) {
        return;
    }
    (void)trivet_text_copy(model_copy, sizeof(model_copy), model);
    Trivet__V1__PredictionSample sample = TRIVET__V1__PREDICTION_SAMPLE__INIT;
    sample.model = model_copy;
    sample.version = version;
    sample.prediction = prediction;
    sample.weight = weight;
    sample.status = (Trivet__V1__Status)status;
    sample.value = status == TRIVET_OK ? value : 0;
    sample.total_us = total_us;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_SAMPLE;
    event.prediction_sample = &sample;
    trivet_publisher_send(publisher, topic, &event);
}

void trivet_publisher_sample(struct trivet_publisher *publisher, const char *model,
                             uint64_t version, const char *prediction_id, uint32_t row,
                             enum trivet_status status, double value, uint64_t total_us)
{
    bool failed = status != TRIVET_OK;
    if (!trivet_sampler_is_on(publisher->sampler, failed)) {
        return;
    }
    double weight = 1;
    uint64_t id_hash = trivet_hash_bytes(prediction_id, strlen(prediction_id));
    if (trivet_sampler_offer(publisher->sampler, model, version, failed,
                             trivet_publisher_row_hash(id_hash, row), trivet_clock_monotonic_ns(),
                             &weight)) {
        send_sample(publisher, model, version, prediction_id, row, status, value, total_us, weight);
    }
}

struct trivet_publisher_round trivet_publisher_begin_samples(struct trivet_publisher *publisher,
                                                             const char *model, uint64_t version,
                                                             uint64_t n_rows, int64_t now_ns)
{
    return (struct trivet_publisher_round){
        .limits = trivet_sampler_begin(publisher->sampler, model, version, n_rows, now_ns)};
}

void trivet_publisher_send_chosen(struct trivet_publisher *publisher,
                                  struct trivet_publisher_round *round, const char *model,
                                  uint64_t version, const char *prediction_id, uint32_t row,
                                  double value, uint64_t total_us)
{
    round->n_chosen++;
    if (round->n_sent < round->limits.room) {
        round->n_sent++;
        send_sample(publisher, model, version, prediction_id, row, TRIVET_OK, value, total_us,
                    round->limits.weight);
    }
}

void trivet_publisher_end_samples(struct trivet_publisher *publisher,
                                  const struct trivet_publisher_round *round, const char *model,
                                  uint64_t version)
{
    if (round->n_chosen > 0) {
        trivet_sampler_end(publisher->sampler, model, version, round->n_chosen, round->n_sent);
    }
}

uint64_t trivet_publisher_suppressed(struct trivet_publisher *publisher)
{
    return trivet_sampler_suppressed(publisher->sampler);
}

static int set_options(struct trivet_publisher *publisher)
{
    int rc = nng_socket_set_int(publisher->socket, NNG_OPT_SENDBUF, SEND_QUEUE_EVENTS);
    if (rc == 0) {
        rc = nng_socket_set_size(publisher->socket, NNG_OPT_RECVMAXSZ, RECV_BYTES_MAX);
    }
    if (rc == 0) {
        rc = nng_pipe_notify(publisher->socket, NNG_PIPE_EV_ADD_POST, count_subscriber, publisher);
    }
    if (rc == 0) {
        rc = nng_pipe_notify(publisher->socket, NNG_PIPE_EV_REM_POST, count_subscriber, publisher);
    }
    return rc;
}

/* On failure the socket is closed. */
static enum trivet_status open_socket(struct trivet_publisher *publisher, const char *url,
                                      struct trivet_error *err)
{
    int rc = nng_pub0_open(&publisher->socket);
    if (rc != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot open the PUB socket: %s",
                                nng_strerror(rc));
    }
    rc = set_options(publisher);
    enum trivet_status status =
        rc != 0 ? trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot set up the PUB socket: %s",
                                   nng_strerror(rc))
                : trivet_sp_listen_open(publisher->socket, TRIVET_SP_SUB, &url, 1,
                                        &publisher->listen, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "events: ");
        nng_close(publisher->socket);
        return status;
    }
    publisher->has_socket = true;
    return TRIVET_OK;
}

static void release(struct trivet_publisher *publisher)
{
    trivet_sp_listen_stop(publisher->listen);
    if (publisher->has_socket && !trivet_sp_hang_up(publisher->socket)) {
        trivet_log(TRIVET_LOG_WARN, "socket_left_open", "message=nng does not close it");
        return; /* nng may still look at it */
    }
    trivet_sp_listen_free(publisher->listen);
    trivet_sampler_free(publisher->sampler);
    pthread_cond_destroy(&publisher->tick_cond);
    pthread_mutex_destroy(&publisher->tick_lock);
    pthread_mutex_destroy(&publisher->send_lock);
    trivet_free(publisher);
}

static void init_locks(struct trivet_publisher *publisher)
{
    trivet_clock_init_condition(&publisher->tick_cond);
    pthread_mutex_init(&publisher->tick_lock, NULL);
    pthread_mutex_init(&publisher->send_lock, NULL);
}

enum trivet_status trivet_publisher_open(const struct trivet_publisher_options *options,
                                         struct trivet_publisher **out, struct trivet_error *err)
{
    struct trivet_publisher *publisher = trivet_calloc(1, sizeof(*publisher));
    if (publisher == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the event publisher");
    }
    init_locks(publisher);
    publisher->epoch = trivet_rng_entropy();
    publisher->totals = options->totals;
    publisher->quality = options->quality;
    atomic_store(&publisher->phase, TRIVET__V1__SERVER_PHASE__SERVER_PHASE_STARTED);
    publisher->sampler =
        trivet_sampler_create(options->samples_per_s_max, options->errors_per_s_max);
    enum trivet_status status = TRIVET_OK;
    if (publisher->sampler == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory for the sampler of events");
    }
    if (status == TRIVET_OK && options->url != NULL) {
        status = open_socket(publisher, options->url, err);
    }
    if (status == TRIVET_OK &&
        pthread_create(&publisher->ticker, NULL, run_ticker, publisher) != 0) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "cannot start the event ticker: too many threads");
    }
    if (status != TRIVET_OK) {
        release(publisher);
        return status;
    }
    *out = publisher;
    return TRIVET_OK;
}

void trivet_publisher_close(struct trivet_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    pthread_mutex_lock(&publisher->tick_lock);
    publisher->stopping = true;
    pthread_cond_signal(&publisher->tick_cond);
    pthread_mutex_unlock(&publisher->tick_lock);
    pthread_join(publisher->ticker, NULL); /* it sends the last totals */
    trivet_publisher_phase(publisher, TRIVET__V1__SERVER_PHASE__SERVER_PHASE_DRAINING);
    /* Closing the socket drops what is queued, and nng does not tell what is. */
    int64_t until_ns = trivet_clock_monotonic_ns() + CLOSE_WAIT_NS;
    while (atomic_load(&publisher->n_subscribers) > 0 && trivet_clock_monotonic_ns() < until_ns) {
        usleep(CLOSE_POLL_US);
    }
    release(publisher);
}

uint64_t trivet_publisher_epoch(const struct trivet_publisher *publisher)
{
    return publisher->epoch;
}

uint64_t trivet_publisher_sequence(struct trivet_publisher *publisher)
{
    pthread_mutex_lock(&publisher->send_lock);
    uint64_t sequence = publisher->sequence;
    pthread_mutex_unlock(&publisher->send_lock);
    return sequence;
}

const char *trivet_publisher_url(const struct trivet_publisher *publisher)
{
    return publisher->listen == NULL ? NULL : trivet_sp_listen_url(publisher->listen, 0);
}
