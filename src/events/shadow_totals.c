/* DESIGN
 *
 * Pairs stay where they are to the end, and are found in a table that is probed in order, without a
 * lock. A full table gives a new pair of versions the place of the one that nobody holds and that
 * had no news for the longest time, once the last of them were sent. Whoever finds a pair takes a
 * reference and looks again whether it is still the right one; who gives it away makes sure that
 * there is no reference and lets nobody take one meanwhile (BUSY). Entries of the table move then:
 * what is not found is looked up again under the lock, where nothing moves.
 *
 * What is skipped is counted on the threads that answer calls, which must not wait for one that
 * computes shadows at the lowest priority: that count is atomic, the others are under the pair's
 * lock. A pair that is given away is held by nobody, so that its lock is not that thread's. */
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
#define BUSY            (1u << 31)

struct trivet_shadow_pair {
    _Atomic uint64_t key;  /* of whose it is */
    atomic_uint n_refs;    /* or BUSY: it is being given away */
    _Atomic uint64_t used; /* tick of the last news */
    _Atomic uint64_t skipped;
    atomic_bool changed;     /* since it was sent */
    pthread_mutex_t lock;    /* all below */
    char model[MODEL_BYTES]; /* does not change while there is a reference, as the next three */
    uint64_t version;
    uint64_t answered_by;
    uint64_t life;
    struct trivet_shadow_counts counts;
    struct trivet_histogram compute;
};

struct trivet_shadow_totals {
    struct trivet_publisher *publisher; /* of the ticker */
    _Atomic uint64_t n_ticks;           /* written by it */
    pthread_mutex_t lock;               /* adding to and giving away of pairs, and the next two */
    uint64_t n_reused;                  /* pairs given away, ever */
    uint64_t full_tick;                 /* all were in use then; 0 = never */
    _Atomic size_t n_pairs;             /* only grows */
    struct trivet_shadow_pair *pairs[TRIVET_SHADOW_PAIRS_MAX + 1]; /* the last is "(other)" */
    _Atomic(struct trivet_shadow_pair *) places[PLACES];
};

/* Whose a pair is. */
struct pair_name {
    uint64_t key;
    const char *model;
    uint64_t version;
    uint64_t answered_by;
};

struct trivet_shadow_totals *trivet_shadow_totals_create(void)
{
    struct trivet_shadow_totals *totals = trivet_calloc(1, sizeof(*totals));
    if (totals != NULL) {
        atomic_init(&totals->n_ticks, 1);
        pthread_mutex_init(&totals->lock, NULL);
    }
    return totals;
}

void trivet_shadow_totals_free(struct trivet_shadow_totals *totals)
{
    if (totals == NULL) {
        return;
    }
    for (size_t i = 0; i < totals->n_pairs; i++) {
        pthread_mutex_destroy(&totals->pairs[i]->lock);
        trivet_free(totals->pairs[i]);
    }
    pthread_mutex_destroy(&totals->lock);
    trivet_free(totals);
}

/* --- pairs ----------------------------------------------------------------------------------- */

static struct pair_name name_of(const char *model, uint64_t version, uint64_t answered_by)
{
    uint64_t hash = trivet_hash_bytes(model, strlen(model));
    hash = trivet_hash_mix64(trivet_hash_mix64(hash ^ version) ^ answered_by);
    return (struct pair_name){hash, model, version, answered_by};
}

/* A reference, if it is that pair now. */
static bool take_pair(struct trivet_shadow_pair *pair, const struct pair_name *name)
{
    unsigned n_refs = atomic_load(&pair->n_refs);
    do {
        if (n_refs >= BUSY) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&pair->n_refs, &n_refs, n_refs + 1));
    if (pair->version == name->version && pair->answered_by == name->answered_by &&
        strcmp(pair->model, name->model) == 0) {
        return true;
    }
    atomic_fetch_sub(&pair->n_refs, 1);
    return false;
}

/* With a reference. NULL: there is none, or, without the lock, perhaps none. */
static struct trivet_shadow_pair *find_pair(struct trivet_shadow_totals *totals,
                                            const struct pair_name *name)
{
    for (size_t i = 0; i < PLACES; i++) {
        struct trivet_shadow_pair *pair =
            atomic_load_explicit(&totals->places[(name->key + i) % PLACES], memory_order_acquire);
        if (pair == NULL) {
            return NULL;
        }
        if (atomic_load(&pair->key) == name->key && take_pair(pair, name)) {
            return pair;
        }
    }
    return NULL;
}

/* --- under the lock */

static void insert_pair(struct trivet_shadow_totals *totals, struct trivet_shadow_pair *pair)
{
    size_t place = (size_t)(atomic_load(&pair->key) % PLACES);
    while (atomic_load(&totals->places[place]) != NULL) {
        place = (place + 1) % PLACES;
    }
    atomic_store_explicit(&totals->places[place], pair, memory_order_release);
}

/* Those behind it that are found by way of its place move up. */
static void remove_pair(struct trivet_shadow_totals *totals, const struct trivet_shadow_pair *pair)
{
    size_t hole = (size_t)(atomic_load(&pair->key) % PLACES);
    while (atomic_load(&totals->places[hole]) != pair) {
        hole = (hole + 1) % PLACES;
    }
    struct trivet_shadow_pair *next;
    for (size_t at = (hole + 1) % PLACES; (next = atomic_load(&totals->places[at])) != NULL;
         at = (at + 1) % PLACES) {
        size_t from_home = (at + PLACES - (size_t)(atomic_load(&next->key) % PLACES)) % PLACES;
        if (from_home >= (at + PLACES - hole) % PLACES) {
            atomic_store_explicit(&totals->places[hole], next, memory_order_release);
            hole = at;
        }
    }
    atomic_store(&totals->places[hole], NULL);
}

/* Nobody else has it. */
static void name_pair(struct trivet_shadow_totals *totals, struct trivet_shadow_pair *pair,
                      const struct pair_name *name)
{
    (void)trivet_text_copy(pair->model, sizeof(pair->model), name->model);
    pair->version = name->version;
    pair->answered_by = name->answered_by;
    pair->life = totals->n_reused;
    atomic_store(&pair->key, name->key);
    atomic_store(&pair->used, atomic_load(&totals->n_ticks));
}

/* False when it is in use after all. */
static bool give_pair(struct trivet_shadow_totals *totals, struct trivet_shadow_pair *pair,
                      const struct pair_name *name)
{
    unsigned none = 0;
    if (!atomic_compare_exchange_strong(&pair->n_refs, &none, BUSY)) {
        return false;
    }
    pthread_mutex_lock(&pair->lock);
    bool idle = !atomic_load(&pair->changed);
    if (idle) {
        remove_pair(totals, pair);
        totals->n_reused++;
        name_pair(totals, pair, name);
        pair->counts = (struct trivet_shadow_counts){0};
        pair->compute = (struct trivet_histogram){0};
        atomic_store(&pair->skipped, 0);
    }
    pthread_mutex_unlock(&pair->lock);
    atomic_store(&pair->n_refs, idle ? 1 : 0);
    if (idle) {
        insert_pair(totals, pair);
    }
    return idle;
}

/* NULL: all are in use. */
static struct trivet_shadow_pair *least_used(const struct trivet_shadow_totals *totals)
{
    struct trivet_shadow_pair *chosen = NULL;
    for (size_t i = 0; i < TRIVET_SHADOW_PAIRS_MAX; i++) {
        struct trivet_shadow_pair *each = totals->pairs[i];
        if (atomic_load(&each->n_refs) == 0 && !atomic_load(&each->changed) &&
            (chosen == NULL || atomic_load(&each->used) < atomic_load(&chosen->used))) {
            chosen = each;
        }
    }
    return chosen;
}

/* NULL: all are in use. They stay so until the next tick, and calls do not look for more. */
static struct trivet_shadow_pair *reuse_pair(struct trivet_shadow_totals *totals,
                                             const struct pair_name *name)
{
    uint64_t tick = atomic_load(&totals->n_ticks);
    struct trivet_shadow_pair *pair = totals->full_tick == tick ? NULL : least_used(totals);
    while (pair != NULL && !give_pair(totals, pair, name)) {
        pair = least_used(totals);
    }
    totals->full_tick = pair == NULL ? tick : totals->full_tick;
    return pair;
}

/* NULL when out of memory. */
static struct trivet_shadow_pair *add_pair(struct trivet_shadow_totals *totals,
                                           const struct pair_name *name)
{
    size_t n_pairs = atomic_load(&totals->n_pairs);
    struct trivet_shadow_pair *pair = trivet_calloc(1, sizeof(*pair));
    if (pair != NULL) {
        name_pair(totals, pair, name);
        atomic_init(&pair->n_refs, 1);
        pthread_mutex_init(&pair->lock, NULL);
        totals->pairs[n_pairs] = pair;
        atomic_store_explicit(&totals->n_pairs, n_pairs + 1, memory_order_release);
        insert_pair(totals, pair);
    }
    return pair;
}

static struct trivet_shadow_pair *get_pair(struct trivet_shadow_totals *totals,
                                           const struct pair_name *name)
{
    const struct pair_name other = name_of(OTHER, 0, 0);
    bool full = atomic_load(&totals->n_pairs) >= TRIVET_SHADOW_PAIRS_MAX;
    struct trivet_shadow_pair *pair = find_pair(totals, name);
    if (pair == NULL) {
        pair = full ? reuse_pair(totals, name) : add_pair(totals, name);
    }
    if (pair == NULL && full) {
        pair = find_pair(totals, &other);
        pair = pair != NULL ? pair : add_pair(totals, &other);
    }
    return pair;
}

/* --- any thread */

struct trivet_shadow_pair *trivet_shadow_totals_pair(struct trivet_shadow_totals *totals,
                                                     const char *model, uint64_t version,
                                                     uint64_t answered_by)
{
    const struct pair_name name = name_of(model, version, answered_by);
    struct trivet_shadow_pair *pair = find_pair(totals, &name);
    if (pair == NULL) {
        pthread_mutex_lock(&totals->lock);
        pair = get_pair(totals, &name);
        pthread_mutex_unlock(&totals->lock);
    }
    return pair;
}

void trivet_shadow_pair_release(struct trivet_shadow_pair *pair)
{
    if (pair != NULL) {
        atomic_fetch_sub(&pair->n_refs, 1);
    }
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

/* A pair as it was at one moment. */
struct copied_pair {
    char model[MODEL_BYTES];
    uint64_t version;
    uint64_t answered_by;
    uint64_t life;
    uint64_t skipped;
    struct trivet_shadow_counts counts;
    struct trivet_histogram compute;
};

/* Under the pair's lock. */
static void copy_pair(const struct trivet_shadow_pair *pair, struct copied_pair *out)
{
    memcpy(out->model, pair->model, sizeof(out->model));
    out->version = pair->version;
    out->answered_by = pair->answered_by;
    out->life = pair->life;
    out->skipped = atomic_load_explicit(&pair->skipped, memory_order_relaxed);
    out->counts = pair->counts;
    out->compute = pair->compute;
}

static enum trivet_status encode_pair(const struct copied_pair *pair, struct trivet_arena *arena,
                                      Trivet__V1__ShadowTotals **out, struct trivet_error *err)
{
    const struct trivet_shadow_counts *counts = &pair->counts;
    Trivet__V1__ShadowTotals *message = trivet_arena_alloc(arena, sizeof(*message));
    char *model = trivet_arena_strdup(arena, pair->model);
    if (message == NULL || model == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the totals of shadows");
    }
    trivet__v1__shadow_totals__init(message);
    message->model = model;
    message->version = pair->version;
    message->answered_by = pair->answered_by;
    message->life = pair->life;
    message->compared = counts->compared;
    message->equal = counts->equal;
    message->absolute_difference = counts->absolute_difference;
    message->squared_difference = counts->squared_difference;
    message->failed = counts->failed;
    message->immense = counts->immense;
    message->skipped = pair->skipped;
    *out = message;
    return trivet_histogram_encode(&pair->compute, arena, &message->compute, err);
}

enum trivet_status trivet_shadow_totals_encode(struct trivet_shadow_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ShadowTotals ***out, size_t *n_out,
                                               struct trivet_error *err)
{
    /* Those added since are not waited for. */
    size_t n_pairs = atomic_load_explicit(&totals->n_pairs, memory_order_acquire);
    Trivet__V1__ShadowTotals **list = trivet_arena_alloc_array(arena, n_pairs + 1, sizeof(*list));
    if (list == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the totals of shadows");
    }
    size_t n = 0;
    enum trivet_status status = TRIVET_OK;
    for (; status == TRIVET_OK && n < n_pairs; n += status == TRIVET_OK) {
        struct copied_pair copy;
        pthread_mutex_lock(&totals->pairs[n]->lock);
        copy_pair(totals->pairs[n], &copy);
        pthread_mutex_unlock(&totals->pairs[n]->lock);
        status = encode_pair(&copy, arena, &list[n], err);
    }
    *out = list;
    *n_out = n;
    return status;
}

/* --- events ---------------------------------------------------------------------------------- */

/* What it has to tell, if it has changed or `all` are told. */
static bool take_news(struct trivet_shadow_totals *totals, struct trivet_shadow_pair *pair,
                      bool all, struct copied_pair *out)
{
    pthread_mutex_lock(&pair->lock);
    bool changed = atomic_exchange(&pair->changed, false);
    if (changed || all) {
        copy_pair(pair, out);
    }
    if (changed) {
        atomic_store(&pair->used, atomic_load(&totals->n_ticks));
    }
    pthread_mutex_unlock(&pair->lock);
    return changed || all;
}

static bool send_pair(struct trivet_shadow_totals *totals, const struct copied_pair *pair,
                      struct trivet_arena *arena)
{
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    struct trivet_error err;
    if (encode_pair(pair, arena, &event.shadow_totals, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "totals_not_sent", "message=%s", err.message);
        return false;
    }
    if (trivet_text_format(topic, sizeof(topic), "prediction.%s.", pair->model)) {
        event.body_case = TRIVET__V1__EVENT__BODY_SHADOW_TOTALS;
        trivet_publisher_send(totals->publisher, topic, &event);
    }
    return true;
}

/* The publisher's ticker. */
static void tick(void *ctx, bool last)
{
    struct trivet_shadow_totals *totals = ctx;
    struct trivet_arena *arena = NULL;
    bool all = (atomic_fetch_add(&totals->n_ticks, 1) + 1) % REPEAT_TICKS == 0;
    size_t n_pairs = atomic_load_explicit(&totals->n_pairs, memory_order_acquire);
    (void)last; /* what changed is sent at every tick */
    for (size_t i = 0; i < n_pairs; i++) {
        struct copied_pair copy;
        if (!take_news(totals, totals->pairs[i], all, &copy)) {
            continue;
        }
        arena = arena != NULL ? arena : trivet_arena_create(ARENA_BYTES_MAX, 0);
        if (arena == NULL || !send_pair(totals, &copy, arena)) {
            atomic_store(&totals->pairs[i]->changed, true); /* with the next tick */
        }
    }
    trivet_arena_free(arena);
}

void trivet_shadow_totals_publish(struct trivet_shadow_totals *totals,
                                  struct trivet_publisher *publisher)
{
    totals->publisher = publisher;
    trivet_publisher_add_tick(publisher, tick, totals);
}
