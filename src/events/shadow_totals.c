/* DESIGN
 *
 * Pairs are only ever added, at stable addresses, in a table that is probed in order: a place is
 * written before it is published, so that look-ups need no lock. What is skipped is counted on the
 * threads that answer calls, which must not wait for one that computes shadows at the lowest
 * priority: that count is atomic, the others are under the pair's lock. */
#include "events/shadow_totals.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "events/histogram_message.h"
#include "telemetry/histogram.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define MODEL_BYTES 65 /* with its NUL */
#define PLACES      (2 * TRIVET_SHADOW_PAIRS_MAX)
#define OTHER       "(other)"
/* A model's totals at their largest, some 2 KiB each. */
#define ARENA_BYTES_MAX ((size_t)8 << 20)
#define REPEAT_TICKS    50 /* 5 s */

struct trivet_shadow_pair {
    char model[MODEL_BYTES]; /* set before the pair is published, as the next two */
    uint64_t version;
    uint64_t answered_by;
    _Atomic uint64_t skipped;
    atomic_bool changed;  /* since it was sent */
    pthread_mutex_t lock; /* all below */
    struct trivet_shadow_counts counts;
    struct trivet_histogram compute;
};

struct trivet_shadow_totals {
    struct trivet_publisher *publisher; /* of the ticker, as is the next */
    uint64_t n_ticks;
    pthread_mutex_t lock; /* n_pairs, and adding to `places` */
    size_t n_pairs;
    _Atomic(struct trivet_shadow_pair *) places[PLACES];
};

struct trivet_shadow_totals *trivet_shadow_totals_create(void)
{
    struct trivet_shadow_totals *totals = trivet_calloc(1, sizeof(*totals));
    if (totals != NULL) {
        pthread_mutex_init(&totals->lock, NULL);
    }
    return totals;
}

void trivet_shadow_totals_free(struct trivet_shadow_totals *totals)
{
    if (totals == NULL) {
        return;
    }
    for (size_t i = 0; i < PLACES; i++) {
        struct trivet_shadow_pair *pair = atomic_load(&totals->places[i]);
        if (pair != NULL) {
            pthread_mutex_destroy(&pair->lock);
            trivet_free(pair);
        }
    }
    pthread_mutex_destroy(&totals->lock);
    trivet_free(totals);
}

/* --- pairs ----------------------------------------------------------------------------------- */

/* The place of the pair, or the free one where it belongs. */
static size_t find_place(const struct trivet_shadow_totals *totals, const char *model,
                         uint64_t version, uint64_t answered_by)
{
    uint64_t hash = trivet_hash_bytes(model, strlen(model));
    hash = trivet_hash_mix64(trivet_hash_mix64(hash ^ version) ^ answered_by);
    size_t place = (size_t)(hash % PLACES);
    const struct trivet_shadow_pair *pair;
    while ((pair = atomic_load_explicit(&totals->places[place], memory_order_acquire)) != NULL &&
           (pair->version != version || pair->answered_by != answered_by ||
            strcmp(pair->model, model) != 0)) {
        place = (place + 1) % PLACES;
    }
    return place;
}

/* Under the lock. NULL when out of memory. */
static struct trivet_shadow_pair *add_pair(struct trivet_shadow_totals *totals, const char *model,
                                           uint64_t version, uint64_t answered_by)
{
    if (totals->n_pairs >= TRIVET_SHADOW_PAIRS_MAX) {
        model = OTHER;
        version = 0;
        answered_by = 0;
    }
    size_t place = find_place(totals, model, version, answered_by);
    struct trivet_shadow_pair *pair = atomic_load(&totals->places[place]);
    if (pair != NULL) {
        return pair; /* another thread was faster */
    }
    pair = trivet_calloc(1, sizeof(*pair));
    if (pair != NULL) {
        (void)trivet_text_copy(pair->model, sizeof(pair->model), model);
        pair->version = version;
        pair->answered_by = answered_by;
        pthread_mutex_init(&pair->lock, NULL);
        totals->n_pairs++;
        atomic_store_explicit(&totals->places[place], pair, memory_order_release);
    }
    return pair;
}

struct trivet_shadow_pair *trivet_shadow_totals_pair(struct trivet_shadow_totals *totals,
                                                     const char *model, uint64_t version,
                                                     uint64_t answered_by)
{
    struct trivet_shadow_pair *pair = atomic_load_explicit(
        &totals->places[find_place(totals, model, version, answered_by)], memory_order_acquire);
    if (pair == NULL) {
        pthread_mutex_lock(&totals->lock);
        pair = add_pair(totals, model, version, answered_by);
        pthread_mutex_unlock(&totals->lock);
    }
    return pair;
}

void trivet_shadow_pair_add(struct trivet_shadow_pair *pair,
                            const struct trivet_shadow_counts *counts)
{
    pthread_mutex_lock(&pair->lock);
    pair->counts.compared += counts->compared;
    pair->counts.equal += counts->equal;
    pair->counts.failed += counts->failed;
    pair->counts.immense += counts->immense;
    pair->counts.absolute_difference += counts->absolute_difference;
    pair->counts.squared_difference += counts->squared_difference;
    if (counts->compute_ns > 0) {
        trivet_histogram_record_ns(&pair->compute, counts->compute_ns);
    }
    pthread_mutex_unlock(&pair->lock);
    atomic_store_explicit(&pair->changed, true, memory_order_release);
}

void trivet_shadow_pair_skip(struct trivet_shadow_pair *pair, uint64_t n_rows)
{
    atomic_fetch_add_explicit(&pair->skipped, n_rows, memory_order_relaxed);
    atomic_store_explicit(&pair->changed, true, memory_order_release);
}

/* --- messages -------------------------------------------------------------------------------- */

static enum trivet_status encode_pair(struct trivet_shadow_pair *pair, struct trivet_arena *arena,
                                      Trivet__V1__ShadowTotals **out, struct trivet_error *err)
{
    Trivet__V1__ShadowTotals *message = trivet_arena_alloc(arena, sizeof(*message));
    if (message == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the totals of shadows");
    }
    trivet__v1__shadow_totals__init(message);
    pthread_mutex_lock(&pair->lock);
    struct trivet_shadow_counts counts = pair->counts;
    struct trivet_histogram compute = pair->compute;
    pthread_mutex_unlock(&pair->lock);
    message->model = pair->model;
    message->version = pair->version;
    message->answered_by = pair->answered_by;
    message->compared = counts.compared;
    message->equal = counts.equal;
    message->absolute_difference = counts.absolute_difference;
    message->squared_difference = counts.squared_difference;
    message->failed = counts.failed;
    message->immense = counts.immense;
    message->skipped = atomic_load_explicit(&pair->skipped, memory_order_relaxed);
    *out = message;
    return trivet_histogram_encode(&compute, arena, &message->compute, err);
}

enum trivet_status trivet_shadow_totals_encode(struct trivet_shadow_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ShadowTotals ***out, size_t *n_out,
                                               struct trivet_error *err)
{
    pthread_mutex_lock(&totals->lock);
    size_t n_pairs = totals->n_pairs;
    pthread_mutex_unlock(&totals->lock);
    /* Those added since are not waited for. */
    Trivet__V1__ShadowTotals **list = trivet_arena_alloc_array(arena, n_pairs + 1, sizeof(*list));
    if (list == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the totals of shadows");
    }
    size_t n = 0;
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && n < n_pairs && i < PLACES; i++) {
        struct trivet_shadow_pair *pair =
            atomic_load_explicit(&totals->places[i], memory_order_acquire);
        if (pair != NULL) {
            status = encode_pair(pair, arena, &list[n], err);
            n += status == TRIVET_OK;
        }
    }
    *out = list;
    *n_out = n;
    return status;
}

/* --- events ---------------------------------------------------------------------------------- */

static void send_pair(struct trivet_shadow_totals *totals, struct trivet_shadow_pair *pair,
                      struct trivet_arena *arena)
{
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    struct trivet_error err;
    if (encode_pair(pair, arena, &event.shadow_totals, &err) != TRIVET_OK) {
        atomic_store(&pair->changed, true); /* with the next tick */
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=%s", err.message);
    } else if (trivet_text_format(topic, sizeof(topic), "prediction.%s.", pair->model)) {
        event.body_case = TRIVET__V1__EVENT__BODY_SHADOW_TOTALS;
        trivet_publisher_send(totals->publisher, topic, &event);
    }
}

/* The publisher's ticker. */
static void tick(void *ctx, bool last)
{
    struct trivet_shadow_totals *totals = ctx;
    struct trivet_arena *arena = NULL;
    bool all = ++totals->n_ticks % REPEAT_TICKS == 0;
    (void)last; /* what changed is sent at every tick */
    for (size_t i = 0; i < PLACES; i++) {
        struct trivet_shadow_pair *pair =
            atomic_load_explicit(&totals->places[i], memory_order_acquire);
        if (pair == NULL || (!atomic_exchange(&pair->changed, false) && !all)) {
            continue;
        }
        arena = arena != NULL ? arena : trivet_arena_create(ARENA_BYTES_MAX, 0);
        if (arena == NULL) {
            atomic_store(&pair->changed, true);
            break;
        }
        send_pair(totals, pair, arena);
    }
    trivet_arena_free(arena);
}

void trivet_shadow_totals_publish(struct trivet_shadow_totals *totals,
                                  struct trivet_publisher *publisher)
{
    totals->publisher = publisher;
    trivet_publisher_add_tick(publisher, tick, totals);
}
