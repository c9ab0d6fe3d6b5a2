/* DESIGN
 *
 * Slots stay where they are to the end, so one that is held is used without the table's lock. The
 * data path takes one slot's lock for a few additions; an encoder copies a slot under its lock and
 * builds the message from the copy.
 *
 * A full table gives a new version the slot of the one that was let go of longest ago, once its
 * last additions were encoded. Whose a slot is changes under the table's lock and the slot's:
 * either is enough to read it. Only there is a lock taken while another one is held, in this order.
 *
 * A version's totals and the flag `changed` live under the same lock: the encode that clears the
 * flag has the additions that set it. */
#include "events/totals.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "events/histogram_message.h"
#include "telemetry/usage.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MODEL_BYTES  TRIVET_TOTALS_MODEL_BYTES
#define METHOD_BYTES 65
/* Twice the slots: probes stay short. */
#define INDEX_COUNT 8192
/* More than the contract has. All of them with every status still fit in one event. */
#define METHODS_MAX 48
#define OTHER       "(other)"

/* Whose a slot is and what it has counted: what is told of it. */
struct told {
    char model[MODEL_BYTES]; /* changes under both locks, as do the next two */
    uint64_t version;
    uint64_t life;
    struct trivet_version_counts counters;
};

struct trivet_version_totals {
    struct trivet_totals *totals;
    atomic_uint n_refs;     /* raised under the table's lock */
    atomic_ullong released; /* when a reference was given back last, by totals->n_released */
    pthread_mutex_t lock;   /* all below */
    bool changed;           /* added to since the last encode of what changed */
    bool loaded;
    struct told told;
};

struct method {
    char name[METHOD_BYTES];
    uint64_t calls[TRIVET_STATUS_COUNT];
};

struct trivet_totals {
    atomic_ullong n_released; /* references given back, ever */
    pthread_mutex_t lock;     /* slots, n_slots, n_reused, index */
    size_t n_slots;
    uint64_t n_reused; /* slots given to another version, ever */
    struct trivet_version_totals *slots[TRIVET_TOTALS_VERSIONS_MAX + 1]; /* the last is "(other)" */
    uint16_t index[INDEX_COUNT]; /* slot number + 1; 0 = free */

    pthread_mutex_t methods_lock; /* methods, n_methods, unknown */
    size_t n_methods;
    struct method methods[METHODS_MAX + 1]; /* the last is "(other)" */
    uint64_t unknown[TRIVET_STATUS_COUNT];

    _Atomic uint64_t events_dropped;

    pthread_mutex_t source_lock; /* below; held while the source is read */
    void (*read_source)(void *ctx, struct trivet_saturation *out);
    void *source_ctx;
};

struct trivet_totals *trivet_totals_create(void)
{
    struct trivet_totals *totals = trivet_calloc(1, sizeof(*totals));
    if (totals == NULL) {
        return NULL;
    }
    pthread_mutex_init(&totals->lock, NULL);
    pthread_mutex_init(&totals->methods_lock, NULL);
    pthread_mutex_init(&totals->source_lock, NULL);
    return totals;
}

void trivet_totals_free(struct trivet_totals *totals)
{
    if (totals == NULL) {
        return;
    }
    for (size_t i = 0; i < totals->n_slots; i++) {
        pthread_mutex_destroy(&totals->slots[i]->lock);
        trivet_free(totals->slots[i]);
    }
    pthread_mutex_destroy(&totals->lock);
    pthread_mutex_destroy(&totals->methods_lock);
    pthread_mutex_destroy(&totals->source_lock);
    trivet_free(totals);
}

void trivet_totals_set_source(struct trivet_totals *totals,
                              void (*read)(void *ctx, struct trivet_saturation *out), void *ctx)
{
    pthread_mutex_lock(&totals->source_lock);
    totals->read_source = read;
    totals->source_ctx = ctx;
    pthread_mutex_unlock(&totals->source_lock);
}

void trivet_totals_read_saturation(struct trivet_totals *totals, struct trivet_saturation *out)
{
    *out = (struct trivet_saturation){0};
    pthread_mutex_lock(&totals->source_lock);
    if (totals->read_source != NULL) {
        totals->read_source(totals->source_ctx, out);
    }
    pthread_mutex_unlock(&totals->source_lock);
}

void trivet_totals_add_dropped_events(struct trivet_totals *totals, uint64_t count)
{
    atomic_fetch_add_explicit(&totals->events_dropped, count, memory_order_relaxed);
}

uint64_t trivet_totals_dropped_events(const struct trivet_totals *totals)
{
    return atomic_load_explicit(&totals->events_dropped, memory_order_relaxed);
}

/* Where the search begins. */
static size_t home_of(const char *model, uint64_t version)
{
    uint64_t hash = trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)) ^ version);
    return (size_t)(hash % INDEX_COUNT);
}

/* A place in the index: that of the version, or the free one where it belongs. Under the lock. */
static size_t find_place(const struct trivet_totals *totals, const char *model, uint64_t version)
{
    size_t place = home_of(model, version);
    while (totals->index[place] != 0) {
        const struct trivet_version_totals *slot = totals->slots[totals->index[place] - 1];
        if (slot->told.version == version && strcmp(slot->told.model, model) == 0) {
            break;
        }
        place = (place + 1) % INDEX_COUNT;
    }
    return place;
}

static void name_slot(struct trivet_version_totals *slot, const char *model, uint64_t version)
{
    (void)trivet_text_copy(slot->told.model, sizeof(slot->told.model), model); /* it fits */
    slot->told.version = version;
    slot->told.life = slot->totals->n_reused;
    slot->loaded = strcmp(model, OTHER) == 0;
}

static struct trivet_version_totals *add_slot(struct trivet_totals *totals, const char *model,
                                              uint64_t version)
{
    struct trivet_version_totals *slot = trivet_calloc(1, sizeof(*slot));
    if (slot == NULL) {
        return NULL;
    }
    slot->totals = totals;
    name_slot(slot, model, version);
    pthread_mutex_init(&slot->lock, NULL);
    totals->slots[totals->n_slots++] = slot;
    totals->index[find_place(totals, model, version)] = (uint16_t)totals->n_slots;
    return slot;
}

/* Nobody holds it, and its last additions were told. */
static bool is_idle(struct trivet_version_totals *slot)
{
    if (atomic_load(&slot->n_refs) > 0) {
        return false;
    }
    pthread_mutex_lock(&slot->lock);
    bool changed = slot->changed;
    pthread_mutex_unlock(&slot->lock);
    return !changed;
}

/* Takes a version out of the index: those behind it that are found by way of its place move up. */
static void free_place(struct trivet_totals *totals, size_t hole)
{
    for (size_t at = (hole + 1) % INDEX_COUNT; totals->index[at] != 0;
         at = (at + 1) % INDEX_COUNT) {
        const struct trivet_version_totals *slot = totals->slots[totals->index[at] - 1];
        size_t from_home =
            (at + INDEX_COUNT - home_of(slot->told.model, slot->told.version)) % INDEX_COUNT;
        if (from_home >= (at + INDEX_COUNT - hole) % INDEX_COUNT) {
            totals->index[hole] = totals->index[at];
            hole = at;
        }
    }
    totals->index[hole] = 0;
}

/* The slot that was let go of longest ago gets another version; NULL: all are in use. */
static struct trivet_version_totals *reuse_slot(struct trivet_totals *totals, const char *model,
                                                uint64_t version)
{
    struct trivet_version_totals *chosen = NULL;
    for (size_t i = 0; i < TRIVET_TOTALS_VERSIONS_MAX; i++) {
        struct trivet_version_totals *each = totals->slots[i];
        if ((chosen == NULL || atomic_load(&each->released) < atomic_load(&chosen->released)) &&
            is_idle(each)) {
            chosen = each;
        }
    }
    if (chosen == NULL) {
        return NULL;
    }
    size_t place = find_place(totals, chosen->told.model, chosen->told.version);
    const uint16_t number = totals->index[place];
    free_place(totals, place);
    totals->n_reused++;
    pthread_mutex_lock(&chosen->lock);
    name_slot(chosen, model, version);
    chosen->told.counters = (struct trivet_version_counts){0};
    pthread_mutex_unlock(&chosen->lock);
    totals->index[find_place(totals, model, version)] = number;
    return chosen;
}

/* NULL when out of memory. Under the lock. */
static struct trivet_version_totals *find_slot(struct trivet_totals *totals, const char *model,
                                               uint64_t version)
{
    struct trivet_version_totals *slot = NULL;
    size_t place = find_place(totals, model, version);
    if (totals->index[place] != 0) {
        return totals->slots[totals->index[place] - 1];
    }
    if (totals->n_slots < TRIVET_TOTALS_VERSIONS_MAX || strcmp(model, OTHER) == 0) {
        return add_slot(totals, model, version);
    }
    slot = reuse_slot(totals, model, version);
    return slot != NULL ? slot : find_slot(totals, OTHER, 0);
}

struct trivet_version_totals *trivet_totals_version(struct trivet_totals *totals, const char *model,
                                                    uint64_t version)
{
    bool fits = strlen(model) < MODEL_BYTES;
    pthread_mutex_lock(&totals->lock);
    struct trivet_version_totals *slot =
        find_slot(totals, fits ? model : OTHER, fits ? version : 0);
    if (slot != NULL) {
        atomic_fetch_add(&slot->n_refs, 1);
    }
    pthread_mutex_unlock(&totals->lock);
    return slot;
}

void trivet_version_totals_release(void *held)
{
    struct trivet_version_totals *slot = held;
    if (slot != NULL) {
        atomic_store(&slot->released, atomic_fetch_add(&slot->totals->n_released, 1) + 1);
        atomic_fetch_sub(&slot->n_refs, 1);
    }
}

void trivet_version_totals_set_loaded(struct trivet_version_totals *slot, bool loaded)
{
    if (slot == NULL) {
        return;
    }
    pthread_mutex_lock(&slot->lock);
    slot->loaded = loaded || strcmp(slot->told.model, OTHER) == 0;
    pthread_mutex_unlock(&slot->lock);
}

void trivet_version_totals_add(struct trivet_version_totals *slot,
                               const struct trivet_prediction_record *record)
{
    assert(record->status < TRIVET_STATUS_COUNT);
    pthread_mutex_lock(&slot->lock);
    struct trivet_version_counts *counters = &slot->told.counters;
    counters->calls[record->status]++;
    for (size_t i = 0; i < TRIVET_STATUS_COUNT; i++) {
        counters->rows[i] += record->rows[i];
    }
    trivet_histogram_record_ns(&counters->queue, record->queue_ns);
    trivet_histogram_record_ns(&counters->compute, record->compute_ns);
    trivet_histogram_record_ns(&counters->total, record->total_ns);
    counters->batches += record->batches;
    slot->changed = true;
    pthread_mutex_unlock(&slot->lock);
}

/* The time from one moment to the other; clocks of two threads may be read a little apart. */
static uint64_t span_ns(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)(to_ns - from_ns) : 0;
}

void trivet_version_totals_add_batch(struct trivet_version_totals *slot,
                                     const struct trivet_served_call *calls, size_t n_calls,
                                     int64_t started_ns, int64_t computed_ns, int64_t ended_ns)
{
    uint64_t compute_ns = span_ns(started_ns, computed_ns);
    pthread_mutex_lock(&slot->lock);
    struct trivet_version_counts *counters = &slot->told.counters;
    for (size_t i = 0; i < n_calls; i++) {
        counters->rows[TRIVET_OK] += calls[i].rows;
        trivet_histogram_record_ns(&counters->queue, span_ns(calls[i].arrival_ns, started_ns));
        trivet_histogram_record_ns(&counters->compute, compute_ns);
        trivet_histogram_record_ns(&counters->total, span_ns(calls[i].arrival_ns, ended_ns));
    }
    counters->calls[TRIVET_OK] += n_calls;
    counters->batches++;
    slot->changed = true;
    pthread_mutex_unlock(&slot->lock);
}

/* Under methods_lock. */
static struct method *find_method(struct trivet_totals *totals, const char *name)
{
    for (size_t i = 0; i < totals->n_methods; i++) {
        if (strcmp(totals->methods[i].name, name) == 0) {
            return &totals->methods[i];
        }
    }
    if (totals->n_methods >= METHODS_MAX) {
        struct method *other = &totals->methods[METHODS_MAX];
        (void)trivet_text_copy(other->name, sizeof(other->name), OTHER);
        totals->n_methods = METHODS_MAX + 1;
        return other;
    }
    struct method *method = &totals->methods[totals->n_methods++];
    (void)trivet_text_copy(method->name, sizeof(method->name), name);
    return method;
}

void trivet_totals_add_calls(struct trivet_totals *totals, const char *method,
                             enum trivet_status status, uint64_t n_calls)
{
    assert(status < TRIVET_STATUS_COUNT);
    bool fits = method != NULL && strlen(method) < METHOD_BYTES;
    pthread_mutex_lock(&totals->methods_lock);
    if (method == NULL) {
        totals->unknown[status] += n_calls;
    } else {
        find_method(totals, fits ? method : OTHER)->calls[status] += n_calls;
    }
    pthread_mutex_unlock(&totals->methods_lock);
}

static void *take(struct trivet_arena *arena, size_t count, size_t bytes, struct trivet_error *err)
{
    void *memory = trivet_arena_alloc_array(arena, count > 0 ? count : 1, bytes);
    if (memory == NULL) {
        (void)trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                               "out of memory while encoding running totals");
    }
    return memory;
}

/* Statuses that were counted at all. */
static enum trivet_status encode_codes(const uint64_t counts[TRIVET_STATUS_COUNT],
                                       struct trivet_arena *arena, Trivet__V1__CodeCount ***out,
                                       size_t *n_out, struct trivet_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < TRIVET_STATUS_COUNT; i++) {
        n += counts[i] != 0;
    }
    Trivet__V1__CodeCount **list = take(arena, n, sizeof(*list), err);
    Trivet__V1__CodeCount *codes = list != NULL ? take(arena, n, sizeof(*codes), err) : NULL;
    if (codes == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    n = 0;
    for (size_t i = 0; i < TRIVET_STATUS_COUNT; i++) {
        if (counts[i] == 0) {
            continue;
        }
        trivet__v1__code_count__init(&codes[n]);
        codes[n].status = (Trivet__V1__Status)i;
        codes[n].count = counts[i];
        list[n] = &codes[n];
        n++;
    }
    *out = list;
    *n_out = n;
    return TRIVET_OK;
}

static enum trivet_status encode_version(const struct told *told, struct trivet_arena *arena,
                                         Trivet__V1__PredictionTotals **out,
                                         struct trivet_error *err)
{
    const struct trivet_version_counts *counters = &told->counters;
    Trivet__V1__PredictionTotals *message = take(arena, 1, sizeof(*message), err);
    char *model = take(arena, 1, sizeof(told->model), err);
    if (message == NULL || model == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    trivet__v1__prediction_totals__init(message);
    message->model = memcpy(model, told->model, sizeof(told->model));
    message->version = told->version;
    message->life = told->life;
    message->batches = counters->batches;
    enum trivet_status status =
        encode_codes(counters->calls, arena, &message->calls, &message->n_calls, err);
    if (status == TRIVET_OK) {
        status = encode_codes(counters->rows, arena, &message->rows, &message->n_rows, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_histogram_encode(&counters->queue, arena, &message->queue, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_histogram_encode(&counters->compute, arena, &message->compute, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_histogram_encode(&counters->total, arena, &message->total, err);
    }
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}

/* False when it is to be left out. */
static bool copy_slot(struct trivet_version_totals *slot, bool changed_only, struct told *out)
{
    pthread_mutex_lock(&slot->lock);
    bool wanted = !changed_only || slot->changed;
    if (wanted) {
        *out = slot->told;
    }
    if (changed_only) {
        slot->changed = false;
    }
    pthread_mutex_unlock(&slot->lock);
    return wanted;
}

/* What was cleared for an encode that failed is to come with the next one. */
static void mark_changed(struct trivet_totals *totals, size_t n_slots)
{
    for (size_t i = 0; i < n_slots; i++) {
        pthread_mutex_lock(&totals->slots[i]->lock);
        totals->slots[i]->changed = true;
        pthread_mutex_unlock(&totals->slots[i]->lock);
    }
}

enum trivet_status trivet_totals_encode_predictions(struct trivet_totals *totals, bool changed_only,
                                                    struct trivet_arena *arena,
                                                    Trivet__V1__PredictionTotals ***out,
                                                    size_t *n_out, struct trivet_error *err)
{
    size_t n_slots = trivet_totals_n_versions(totals);
    Trivet__V1__PredictionTotals **list =
        take(arena, n_slots, sizeof(Trivet__V1__PredictionTotals *), err);
    if (list == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    size_t n = 0;
    for (size_t i = 0; i < n_slots; i++) {
        struct told copy;
        if (!copy_slot(totals->slots[i], changed_only, &copy)) {
            continue;
        }
        enum trivet_status status = encode_version(&copy, arena, &list[n], err);
        if (status != TRIVET_OK) {
            if (changed_only) {
                mark_changed(totals, i + 1);
            }
            return status;
        }
        n++;
    }
    *out = list;
    *n_out = n;
    return TRIVET_OK;
}

/* Under methods_lock. */
static enum trivet_status encode_methods(struct trivet_totals *totals, struct trivet_arena *arena,
                                         Trivet__V1__ServerTotals *message,
                                         struct trivet_error *err)
{
    size_t n = totals->n_methods;
    message->methods = take(arena, n, sizeof(*message->methods), err);
    Trivet__V1__MethodTotals *methods =
        message->methods != NULL ? take(arena, n, sizeof(*methods), err) : NULL;
    if (methods == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    for (size_t i = 0; i < n; i++) {
        trivet__v1__method_totals__init(&methods[i]);
        methods[i].method = totals->methods[i].name; /* never changes once set */
        message->methods[i] = &methods[i];
        enum trivet_status status = encode_codes(totals->methods[i].calls, arena, &methods[i].calls,
                                                 &methods[i].n_calls, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    message->n_methods = n;
    return encode_codes(totals->unknown, arena, &message->unknown_method,
                        &message->n_unknown_method, err);
}

static void encode_saturation(struct trivet_totals *totals, Trivet__V1__ServerTotals *message)
{
    struct trivet_saturation now;
    trivet_totals_read_saturation(totals, &now);
    message->queue_rows = now.queue_rows;
    message->queue_rows_max = now.queue_rows_max;
    message->calls_in_hand = now.calls_in_hand;
    message->calls_max = now.calls_max;
    message->connections = now.connections;
    message->connections_max = now.connections_max;
    message->model_bytes = now.model_bytes;
    message->model_bytes_max = now.model_bytes_max;
    message->models_loaded = now.models_loaded;
    message->jobs_queued = now.jobs_queued;
    message->jobs_running = now.jobs_running;
}

enum trivet_status trivet_totals_encode_server(struct trivet_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ServerTotals **out,
                                               struct trivet_error *err)
{
    Trivet__V1__ServerTotals *message = take(arena, 1, sizeof(*message), err);
    if (message == NULL) {
        return TRIVET_RESOURCE_EXHAUSTED;
    }
    trivet__v1__server_totals__init(message);
    pthread_mutex_lock(&totals->methods_lock);
    enum trivet_status status = encode_methods(totals, arena, message, err);
    pthread_mutex_unlock(&totals->methods_lock);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_usage usage = trivet_usage_now();
    message->cpu_seconds = usage.cpu_seconds;
    message->rss_bytes = usage.rss_bytes;
    message->threads = usage.n_threads;
    message->open_files = usage.n_open_files;
    message->events_dropped = trivet_totals_dropped_events(totals);
    encode_saturation(totals, message);
    *out = message;
    return TRIVET_OK;
}

size_t trivet_totals_n_versions(struct trivet_totals *totals)
{
    pthread_mutex_lock(&totals->lock);
    size_t n = totals->n_slots; /* slots below it stay where they are */
    pthread_mutex_unlock(&totals->lock);
    return n;
}

bool trivet_totals_read_version(struct trivet_totals *totals, size_t i,
                                char model[TRIVET_TOTALS_MODEL_BYTES], uint64_t *version,
                                struct trivet_version_counts *out)
{
    struct trivet_version_totals *slot = totals->slots[i];
    pthread_mutex_lock(&slot->lock);
    bool loaded = slot->loaded;
    if (loaded) {
        memcpy(model, slot->told.model, sizeof(slot->told.model));
        *version = slot->told.version;
        *out = slot->told.counters;
    }
    pthread_mutex_unlock(&slot->lock);
    return loaded;
}

size_t trivet_totals_n_methods(struct trivet_totals *totals)
{
    pthread_mutex_lock(&totals->methods_lock);
    size_t n = totals->n_methods;
    pthread_mutex_unlock(&totals->methods_lock);
    return n;
}

void trivet_totals_read_method(struct trivet_totals *totals, size_t i, const char **name,
                               uint64_t calls[TRIVET_STATUS_COUNT])
{
    pthread_mutex_lock(&totals->methods_lock);
    bool known = i < totals->n_methods;
    *name = known ? totals->methods[i].name : NULL; /* never changes once set */
    memcpy(calls, known ? totals->methods[i].calls : totals->unknown, sizeof(totals->unknown));
    pthread_mutex_unlock(&totals->methods_lock);
}
