/* DESIGN
 * Loops and workers put rows: atomics of the version decide on the level, and a row that is chosen
 * is copied to the queue under its lock. The writer swaps the queue for an empty one and writes it
 * in one transaction, four times a second, when a flush asks for it, or when much is queued. A full
 * queue drops rows; nothing waits for the writer but a flush.
 *
 * Tokens: a version has burst_rows of them at first and gets rows_per_s. Every logged row takes
 * one. At every tick the writer sets the level by the rate of the tick before, and how many rows
 * may be logged until the next: twice as many as that level should let through, or all tokens but a
 * quarter. Beyond, the thread that puts raises the level step by step, at once. */
#include "events/prediction_log.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "events/prediction_log_internal.h"

#include <inttypes.h>
#include <string.h>

#define LEVELS_MAX     65536      /* read at the start */
#define ERASURES_MAX   4096       /* likewise */
#define RESERVED_BYTES (1u << 20) /* of the queue, from the start */
#define RAISE_STEP_MIN 64
#define TELL_FULL_NS   (60 * TRIVET_NS_PER_S)

/* --- models and versions --------------------------------------------------------------------- */

static void *make_room(void *list, size_t count)
{
    if (count > 0 && (count & (count - 1)) != 0) {
        return list;
    }
    return trivet_realloc_array(list, count == 0 ? 1 : 2 * count, sizeof(void *));
}

struct log_model *trivet_log_find_model(struct trivet_prediction_log *log, const char *name)
{
    for (size_t i = 0; i < log->n_models; i++) {
        if (strcmp(log->models[i]->name, name) == 0) {
            return log->models[i];
        }
    }
    struct log_model **list = make_room(log->models, log->n_models);
    if (list == NULL) {
        return NULL;
    }
    log->models = list;
    struct log_model *made = trivet_calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    (void)trivet_text_copy(made->name, sizeof(made->name), name);
    log->models[log->n_models++] = made;
    return made;
}

static uint64_t version_key(const char *model, uint64_t version)
{
    return trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)) ^ version);
}

/* A reference. Under names_lock. */
static struct trivet_log_version *find_version(struct trivet_prediction_log *log, const char *model,
                                               uint64_t version)
{
    uint64_t key = version_key(model, version);
    for (size_t i = log->n_versions; i-- > 0;) {
        struct trivet_log_version *each = log->versions[i];
        if (each->key == key && each->version == version && strcmp(each->model->name, model) == 0) {
            atomic_fetch_add(&each->n_refs, 1);
            return each;
        }
    }
    return NULL;
}

/* Nobody has it, and all its rows are written. Under names_lock. */
static bool is_idle(const struct trivet_prediction_log *log,
                    const struct trivet_log_version *version)
{
    return atomic_load(&version->n_refs) == 0 &&
           atomic_load(&version->released) < atomic_load(&log->n_settled);
}

/* Of the versions that nobody uses the place of the one that was used longest ago; NULL: all are in
 * use. Under names_lock. */
static struct trivet_log_version **make_place(struct trivet_prediction_log *log)
{
    struct trivet_log_version **chosen = NULL;
    for (size_t i = 0; i < log->n_versions; i++) {
        struct trivet_log_version *each = log->versions[i];
        if (is_idle(log, each) &&
            (chosen == NULL || atomic_load(&each->released) < atomic_load(&(*chosen)->released))) {
            chosen = &log->versions[i];
        }
    }
    if (chosen != NULL) {
        (*chosen)->next_dead = log->dead;
        log->dead = *chosen;
        *chosen = NULL;
    }
    return chosen;
}

/* Where a version can be put; NULL: nowhere. Under names_lock. */
static struct trivet_log_version **find_place(struct trivet_prediction_log *log)
{
    if (log->n_versions == TRIVET_LOG_VERSIONS_MAX) {
        struct trivet_log_version **place = make_place(log);
        int64_t now_ns = trivet_clock_monotonic_ns();
        if (place == NULL && now_ns >= log->full_ns) {
            log->full_ns = now_ns + TELL_FULL_NS;
            trivet_log(TRIVET_LOG_WARN, "log_versions_full",
                       "versions=%d message=more versions predict at once than can be logged; of "
                       "the others no outcome will join",
                       TRIVET_LOG_VERSIONS_MAX);
        }
        return place;
    }
    struct trivet_log_version **list = make_room(log->versions, log->n_versions);
    if (list == NULL) {
        return NULL;
    }
    log->versions = list;
    log->versions[log->n_versions] = NULL;
    return &log->versions[log->n_versions++];
}

static void free_version(struct trivet_log_version *version)
{
    if (version != NULL) {
        trivet_free(version->columns);
        trivet_free(version);
    }
}

/* With a reference. Under names_lock. */
static struct trivet_log_version *make_version(struct trivet_prediction_log *log, const char *model,
                                               uint64_t version, const void *columns,
                                               size_t columns_bytes)
{
    struct log_model *owner = trivet_log_find_model(log, model);
    struct trivet_log_version *made = owner == NULL ? NULL : trivet_calloc(1, sizeof(*made));
    struct trivet_log_version **place = made == NULL ? NULL : find_place(log);
    if (place == NULL) {
        trivet_free(made);
        return NULL;
    }
    made->columns = columns_bytes == 0 ? NULL : trivet_memdup(columns, columns_bytes);
    made->columns_bytes = made->columns == NULL ? 0 : columns_bytes;
    made->key = version_key(model, version);
    made->log = log;
    made->model = owner;
    made->version = version;
    atomic_store(&made->n_refs, 1);
    atomic_store(&made->n_tokens, log->options.burst_rows);
    (void)trivet_log_allow(log, made, log->options.burst_rows);
    *place = made;
    return made;
}

void trivet_log_version_release(struct trivet_log_version *version)
{
    if (version == NULL) {
        return;
    }
    /* What was put is in the queue by now, or was taken out of it. */
    unsigned long long now = atomic_load(&version->log->n_taken);
    unsigned long long before = atomic_load(&version->released);
    while (before < now && !atomic_compare_exchange_weak(&version->released, &before, now)) {
    }
    atomic_fetch_sub(&version->n_refs, 1);
}

void trivet_log_bury(struct trivet_prediction_log *log)
{
    pthread_mutex_lock(&log->names_lock);
    struct trivet_log_version *dead = log->dead;
    log->dead = NULL;
    pthread_mutex_unlock(&log->names_lock);
    while (dead != NULL) {
        struct trivet_log_version *next = dead->next_dead;
        free_version(dead);
        dead = next;
    }
}

struct trivet_log_version *trivet_prediction_log_find(struct trivet_prediction_log *log,
                                                      const char *model, uint64_t version)
{
    pthread_mutex_lock(&log->names_lock);
    struct trivet_log_version *found = find_version(log, model, version);
    pthread_mutex_unlock(&log->names_lock);
    return found;
}

struct trivet_log_version *trivet_prediction_log_add(struct trivet_prediction_log *log,
                                                     const char *model, uint64_t version,
                                                     const void *columns, size_t columns_bytes)
{
    pthread_mutex_lock(&log->names_lock);
    struct trivet_log_version *found = find_version(log, model, version);
    if (found == NULL) {
        found = make_version(log, model, version, columns, columns_bytes);
    }
    pthread_mutex_unlock(&log->names_lock);
    return found;
}

/* All features of the model that are in the log now: those up to *until, of none 0. False when that
 * cannot be written down. */
static bool begin_erasure(struct trivet_prediction_log *log, const char *model, uint64_t *until)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    trivet_prediction_log_flush(log); /* what was put before */
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_begin_erasure(txn, model, until, &err);
        if (status == TRIVET_OK) {
            status = trivet_store_commit(txn, &err);
        } else {
            trivet_store_abort(txn);
        }
    }
    if (status != TRIVET_OK) {
        trivet_log(TRIVET_LOG_ERROR, "log_failed", "model=%s message=%s", model, err.message);
    }
    return status == TRIVET_OK;
}

enum trivet_status trivet_prediction_log_keep_features(struct trivet_prediction_log *log,
                                                       const char *model, bool keep,
                                                       struct trivet_error *err)
{
    bool was_on = false;
    pthread_mutex_lock(&log->names_lock);
    struct log_model *found = trivet_log_find_model(log, model);
    if (found != NULL) {
        pthread_mutex_lock(&log->lock);
        was_on = atomic_exchange(&found->keeps_features, keep);
        pthread_mutex_unlock(&log->lock);
    }
    pthread_mutex_unlock(&log->names_lock);
    if (found == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the settings of '%.64s'", model);
    }
    if (keep) {
        return TRIVET_OK;
    }
    /* It may have been on before the program was started. */
    uint64_t until = log->opened_key;
    if (was_on && !begin_erasure(log, model, &until)) {
        until = UINT64_MAX; /* once the log can be written: rather too much than too little */
    }
    pthread_mutex_lock(&log->names_lock);
    found->erase_until = until > found->erase_until ? until : found->erase_until;
    pthread_mutex_unlock(&log->names_lock);
    return TRIVET_OK;
}

void trivet_log_note_level(struct log_model *model, unsigned level, int64_t unix_us)
{
    if (level > 0 && level < TRIVET_STORE_LEVELS && model->level_us[level] < unix_us) {
        model->level_us[level] = unix_us;
        model->level_dirty[level] = true;
    }
}

uint64_t trivet_prediction_log_hash(const struct trivet_prediction_log *log, const void *id,
                                    size_t id_bytes)
{
    return log == NULL ? trivet_hash_bytes(id, id_bytes)
                       : trivet_hash_keyed(&log->hash_key, id, id_bytes);
}

/* --- rows ------------------------------------------------------------------------------------ */

static void set_level(struct trivet_log_round *round, unsigned level)
{
    round->level = level;
    round->threshold = UINT64_MAX >> level;
}

struct trivet_log_round trivet_log_begin(struct trivet_prediction_log *log,
                                         struct trivet_log_version *version, uint64_t n_rows)
{
    struct trivet_log_round round = {.log = log, .version = version};
    if (version == NULL) {
        return round;
    }
    atomic_fetch_add_explicit(&version->n_offered, n_rows, memory_order_relaxed);
    set_level(&round, atomic_load_explicit(&version->level, memory_order_relaxed));
    round.keeps_features =
        atomic_load_explicit(&version->model->keeps_features, memory_order_relaxed);
    return round;
}

/* After a row took a token: the level that goes with what is left. */
static unsigned level_for(const struct trivet_log_version *version, int64_t n_tokens)
{
    int64_t below = atomic_load_explicit(&version->raise_below, memory_order_relaxed);
    if (n_tokens >= below) {
        return 0;
    }
    int64_t step = atomic_load_explicit(&version->raise_step, memory_order_relaxed);
    int64_t level = atomic_load_explicit(&version->base_level, memory_order_relaxed) + 1 +
                    (below - n_tokens) / step;
    return level < TRIVET_STORE_LEVELS ? (unsigned)level : TRIVET_STORE_LEVELS - 1;
}

double trivet_log_allow(const struct trivet_prediction_log *log, struct trivet_log_version *version,
                        int64_t n_tokens)
{
    const double tick_s = (double)LOG_TICK_NS / (double)TRIVET_NS_PER_S;
    double spare = (double)n_tokens - log->options.burst_rows / 4.0;
    double rows_per_s = log->options.rows_per_s + (spare > 0 ? spare : 0);
    /* What was spent in advance comes back. */
    rows_per_s = n_tokens < 0 ? rows_per_s / 2 : rows_per_s;
    double at_once = 2 * rows_per_s * tick_s > spare ? 2 * rows_per_s * tick_s : spare;
    double step = rows_per_s * tick_s / 4;
    atomic_store(&version->raise_below, n_tokens - (int64_t)at_once);
    atomic_store(&version->raise_step, step > RAISE_STEP_MIN ? (int64_t)step : RAISE_STEP_MIN);
    return rows_per_s;
}

static void take_token(struct trivet_log_round *round)
{
    struct trivet_log_version *version = round->version;
    int64_t n_tokens = atomic_fetch_sub_explicit(&version->n_tokens, 1, memory_order_relaxed) - 1;
    unsigned wanted = level_for(version, n_tokens);
    unsigned level = atomic_load_explicit(&version->level, memory_order_relaxed);
    while (level < wanted && !atomic_compare_exchange_weak(&version->level, &level, wanted)) {
    }
    set_level(round, level > wanted ? level : wanted);
}

/* Under the queue's lock. False: no room. */
static bool append(struct trivet_prediction_log *log, const struct queued_row *head, const char *id,
                   const char *label, const void *features)
{
    static const uint8_t zeros[8] = {0};
    size_t n_bytes = sizeof(*head) + head->id_bytes + head->label_bytes + head->features_bytes;
    size_t padded_bytes = (n_bytes + 7) & ~(size_t)7;
    if (log->queue.n_bytes + padded_bytes > log->options.queue_bytes_max ||
        trivet_buffer_reserve(&log->queue, padded_bytes, NULL) != TRIVET_OK) {
        return false;
    }
    /* Cannot fail: there is room. */
    (void)!trivet_buffer_append(&log->queue, head, sizeof(*head), NULL);
    (void)!trivet_buffer_append(&log->queue, id, head->id_bytes, NULL);
    (void)!trivet_buffer_append(&log->queue, label, head->label_bytes, NULL);
    (void)!trivet_buffer_append(&log->queue, features, head->features_bytes, NULL);
    (void)!trivet_buffer_append(&log->queue, zeros, padded_bytes - n_bytes, NULL);
    return true;
}

void trivet_log_put(struct trivet_log_round *round, const struct trivet_log_row *row)
{
    struct trivet_prediction_log *log = round->log;
    char id[TRIVET_STORE_PREDICTION_BYTES];
    bool has_features = row->features_bytes <= TRIVET_STORE_FEATURES_BYTES_MAX &&
                        round->keeps_features && row->features != NULL;
    struct queued_row head = {
        .version = round->version,
        .unix_us = trivet_clock_unix_us(),
        .number = row->number,
        .probability = row->probability,
        .label_bytes = row->label == NULL ? 0 : (uint32_t)strlen(row->label) + 1,
        .features_bytes = has_features ? (uint32_t)row->features_bytes : 0,
        .level = (uint16_t)round->level,
        .zeros = row->hash == 0 ? 64 : (uint16_t)__builtin_clzll(row->hash),
    };
    if (has_features && head.zeros < atomic_load_explicit(&round->version->model->keep_level,
                                                          memory_order_relaxed)) {
        head.features_bytes = 0;
        atomic_fetch_add(&log->n_stripped, 1);
    }
    bool fits = trivet_text_format(id, sizeof(id), "%.*s/%" PRIu32, (int)row->id_bytes, row->id,
                                   row->row) &&
                head.label_bytes <= TRIVET_STORE_LABEL_BYTES;
    head.id_bytes = (uint32_t)strlen(id) + 1;
    take_token(round);
    bool queued = false;
    if (fits) {
        pthread_mutex_lock(&log->lock);
        if (!atomic_load_explicit(&round->version->model->keeps_features, memory_order_relaxed)) {
            head.features_bytes = 0;
        }
        queued = append(log, &head, id, row->label, row->features);
        log->n_queued += queued;
        if (log->queue.n_bytes >= LOG_WAKE_BYTES) {
            pthread_cond_signal(&log->wanted);
        }
        pthread_mutex_unlock(&log->lock);
    }
    if (!queued) {
        atomic_fetch_add(&log->n_dropped, 1);
    }
}

/* --- outcomes -------------------------------------------------------------------------------- */

void trivet_prediction_log_flush(struct trivet_prediction_log *log)
{
    pthread_mutex_lock(&log->lock);
    /* One more than the rows: also when none is queued the writer takes note of the levels. */
    uint64_t until = ++log->n_queued;
    log->flush = true;
    pthread_cond_signal(&log->wanted);
    while (log->n_written < until) {
        pthread_cond_wait(&log->written, &log->lock);
    }
    pthread_mutex_unlock(&log->lock);
}

bool trivet_prediction_log_may_skip(struct trivet_prediction_log *log, const char *model,
                                    uint64_t hash)
{
    unsigned zeros = hash == 0 ? 64 : (unsigned)__builtin_clzll(hash);
    int64_t oldest_us = trivet_clock_unix_us() - log->options.keep_us;
    bool skipped = false;
    pthread_mutex_lock(&log->names_lock);
    const struct log_model *found = NULL;
    for (size_t i = 0; i < log->n_models && found == NULL; i++) {
        found = strcmp(log->models[i]->name, model) == 0 ? log->models[i] : NULL;
    }
    for (unsigned level = zeros + 1; found != NULL && level < TRIVET_STORE_LEVELS; level++) {
        skipped = skipped || (found->level_us[level] != 0 && found->level_us[level] >= oldest_us);
    }
    pthread_mutex_unlock(&log->names_lock);
    return skipped;
}

uint64_t trivet_prediction_log_dropped(struct trivet_prediction_log *log)
{
    return atomic_load(&log->n_dropped);
}

uint64_t trivet_prediction_log_repeated(struct trivet_prediction_log *log)
{
    return atomic_load(&log->n_repeated);
}

uint64_t trivet_prediction_log_stripped(struct trivet_prediction_log *log)
{
    return atomic_load(&log->n_stripped);
}

/* --- opening and closing --------------------------------------------------------------------- */

/* Nobody else is there yet. */
static enum trivet_status read_levels(struct trivet_prediction_log *log, struct trivet_error *err)
{
    struct trivet_store_level *levels = trivet_alloc_array(LEVELS_MAX, sizeof(*levels));
    size_t count = 0;
    if (levels == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the log");
    }
    struct trivet_error cause;
    if (trivet_store_log_list_levels(log->options.store, levels, LEVELS_MAX, &count, &cause) !=
        TRIVET_OK) {
        trivet_log(TRIVET_LOG_ERROR, "log_not_read", "message=%s", cause.message);
    }
    for (size_t i = 0; i < count; i++) {
        struct log_model *model = trivet_log_find_model(log, levels[i].model);
        if (model != NULL && levels[i].level < TRIVET_STORE_LEVELS) {
            model->level_us[levels[i].level] = levels[i].last_unix_us;
        }
    }
    trivet_free(levels);
    return TRIVET_OK;
}

/* Nobody else is there yet. */
static void read_key(struct trivet_prediction_log *log)
{
    uint8_t bytes[TRIVET_HASH_KEY_BYTES];
    struct trivet_error cause;
    if (trivet_store_log_get_key(log->options.store, bytes, &cause) == TRIVET_OK) {
        log->hash_key = trivet_hash_key_of(bytes);
        return;
    }
    /* Nothing is logged then, but the bins of drift are chosen by it too. */
    trivet_log(TRIVET_LOG_ERROR, "log_not_read", "message=%s", cause.message);
    log->hash_key =
        (struct trivet_hash_key){.low = trivet_rng_entropy(), .high = trivet_rng_entropy()};
}

/* Nobody else is there yet. */
static void read_erasures(struct trivet_prediction_log *log)
{
    struct trivet_store_erasure *erasures = trivet_alloc_array(ERASURES_MAX, sizeof(*erasures));
    struct trivet_error cause;
    size_t count = 0;
    enum trivet_status status =
        erasures == NULL ? trivet_error_set(&cause, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                         : trivet_store_log_list_erasures(log->options.store, erasures,
                                                          ERASURES_MAX, &count, &cause);
    if (status == TRIVET_OK) {
        status = trivet_store_log_newest(log->options.store, &log->opened_key, &cause);
    }
    if (status != TRIVET_OK) {
        trivet_log(TRIVET_LOG_ERROR, "log_not_read", "message=%s", cause.message);
        log->opened_key = UINT64_MAX;
    }
    for (size_t i = 0; i < count; i++) {
        struct log_model *model = trivet_log_find_model(log, erasures[i].model);
        if (model != NULL) {
            model->erase_until = erasures[i].until_key;
        }
    }
    trivet_free(erasures);
}

static void release(struct trivet_prediction_log *log)
{
    trivet_log_bury(log);
    for (size_t i = 0; i < log->n_versions; i++) {
        free_version(log->versions[i]);
    }
    for (size_t i = 0; i < log->n_models; i++) {
        trivet_free(log->models[i]);
    }
    trivet_free(log->versions);
    trivet_free(log->models);
    trivet_buffer_release(&log->queue);
    trivet_buffer_release(&log->batch);
    pthread_cond_destroy(&log->wanted);
    pthread_cond_destroy(&log->written);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->names_lock);
    trivet_free(log);
}

enum trivet_status trivet_prediction_log_open(const struct trivet_prediction_log_options *options,
                                              struct trivet_prediction_log **out,
                                              struct trivet_error *err)
{
    struct trivet_prediction_log *log = trivet_calloc(1, sizeof(*log));
    if (log == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the log");
    }
    log->options = *options;
    pthread_mutex_init(&log->names_lock, NULL);
    pthread_mutex_init(&log->lock, NULL);
    trivet_clock_init_condition(&log->wanted);
    pthread_cond_init(&log->written, NULL);
    read_key(log);
    enum trivet_status status = read_levels(log, err);
    read_erasures(log);
    if (status == TRIVET_OK) {
        status = trivet_buffer_reserve(&log->queue, RESERVED_BYTES, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_reserve(&log->batch, RESERVED_BYTES, err);
    }
    log->tick_ns = trivet_clock_monotonic_ns();
    if (status == TRIVET_OK && pthread_create(&log->writer, NULL, trivet_log_run, log) != 0) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "cannot start the writer of the log: too many threads");
    }
    if (status != TRIVET_OK) {
        release(log);
        return status;
    }
    *out = log;
    return TRIVET_OK;
}

void trivet_prediction_log_close(struct trivet_prediction_log *log)
{
    if (log == NULL) {
        return;
    }
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_signal(&log->wanted);
    pthread_mutex_unlock(&log->lock);
    pthread_join(log->writer, NULL);
    release(log);
}
