/* The writer of the log: batches, and the levels by the rate. */
#include "base/log.h"
#include "events/prediction_log_internal.h"

#include <math.h>
#include <string.h>

#define COMPLAIN_NS (60 * TRIVET_NS_PER_S)

void trivet_log_complain(struct trivet_prediction_log *log, const struct trivet_error *err)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    if (now_ns >= log->complain_ns) {
        log->complain_ns = now_ns + COMPLAIN_NS;
        trivet_log(TRIVET_LOG_ERROR, "log_failed", "dropped=%llu message=%s",
                   (unsigned long long)atomic_load(&log->n_dropped), err->message);
    }
}

/* --- levels ---------------------------------------------------------------------------------- */

/* The lowest that lets no more than `rows_per_s_max` through. */
static unsigned choose_level(double rows_per_s, double rows_per_s_max)
{
    unsigned level = 0;
    while (level < TRIVET_STORE_LEVELS - 1 && rows_per_s > rows_per_s_max) {
        rows_per_s /= 2;
        level++;
    }
    return level;
}

/* Under names_lock. */
static void tick_version(struct trivet_prediction_log *log, struct trivet_log_version *version,
                         double seconds)
{
    uint64_t n_offered = atomic_load_explicit(&version->n_offered, memory_order_relaxed);
    double rows_per_s = (double)(n_offered - version->n_offered_before) / seconds;
    version->n_offered_before = n_offered;
    int64_t n_tokens = atomic_load(&version->n_tokens);
    int64_t refill = llround(seconds * log->options.rows_per_s);
    int64_t room = (int64_t)log->options.burst_rows - n_tokens;
    refill = refill < room ? refill : room;
    n_tokens = atomic_fetch_add(&version->n_tokens, refill) + refill;
    unsigned level = choose_level(rows_per_s, trivet_log_allow(log, version, n_tokens));
    atomic_store(&version->base_level, level);
    /* Only the threads that put raise it in between: what it was is the highest of the tick. It may
     * be in force also where nothing was offered: a long round goes on. */
    unsigned before = atomic_exchange(&version->level, level);
    trivet_log_note_level(version->model, before, trivet_clock_unix_us());
}

/* Takes note of the levels in force; sets them anew when it is time for it. */
static void look_at_levels(struct trivet_prediction_log *log)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    bool is_tick = now_ns - log->tick_ns >= LOG_TICK_NS;
    double seconds = (double)(now_ns - log->tick_ns) / (double)TRIVET_NS_PER_S;
    pthread_mutex_lock(&log->names_lock);
    for (size_t i = 0; i < log->n_versions; i++) {
        struct trivet_log_version *version = log->versions[i];
        if (is_tick) {
            tick_version(log, version, seconds);
        } else {
            trivet_log_note_level(version->model, atomic_load(&version->level),
                                  trivet_clock_unix_us());
        }
    }
    pthread_mutex_unlock(&log->names_lock);
    if (is_tick) {
        log->tick_ns = now_ns;
    }
}

/* --- a batch --------------------------------------------------------------------------------- */

static enum trivet_status put_row(struct trivet_store_txn *txn, const struct queued_row *row,
                                  const uint8_t *bytes, bool *added, struct trivet_error *err)
{
    struct trivet_log_version *version = row->version;
    const struct trivet_store_prediction prediction = {
        .model = version->model->name,
        .id = (const char *)bytes,
        .version = version->version,
        .predicted_unix_us = row->unix_us,
        .level = row->level,
        .zeros = row->zeros,
        .number = row->number,
        .label = row->label_bytes == 0 ? NULL : (const char *)bytes + row->id_bytes,
        .probability = row->probability,
        .columns = {.data = version->columns, .n_bytes = version->columns_bytes},
        .features = {.data = (uint8_t *)(uintptr_t)bytes + row->id_bytes + row->label_bytes,
                     .n_bytes = row->features_bytes},
    };
    return trivet_store_log_put(txn, &prediction, added, err);
}

/* Rows that the store refuses are dropped on their own. */
static enum trivet_status put_rows(struct trivet_prediction_log *log, struct trivet_store_txn *txn,
                                   uint64_t *n_refused, uint64_t *n_repeated,
                                   struct trivet_error *err)
{
    for (size_t at = 0; at < log->batch.n_bytes;) {
        struct queued_row row;
        bool added = false;
        memcpy(&row, log->batch.data + at, sizeof(row));
        enum trivet_status status =
            put_row(txn, &row, log->batch.data + at + sizeof(row), &added, err);
        if (status == TRIVET_INVALID_ARGUMENT) {
            trivet_log_complain(log, err);
            (*n_refused)++;
        } else if (status != TRIVET_OK) {
            return status;
        }
        row.version->n_added += added;
        if (added && row.features_bytes > 0) {
            row.version->kept_added.n_rows++;
            row.version->kept_added.n_bytes += row.features_bytes;
        }
        *n_repeated += status == TRIVET_OK && !added;
        row.version->weight_added += added ? ldexp(1, row.level) : 0;
        size_t n_bytes = sizeof(row) + row.id_bytes + row.label_bytes + row.features_bytes;
        at += (n_bytes + 7) & ~(size_t)7;
    }
    return TRIVET_OK;
}

static uint64_t count_rows(const struct trivet_buffer *batch)
{
    uint64_t n_rows = 0;
    for (size_t at = 0; at < batch->n_bytes; n_rows++) {
        struct queued_row row;
        memcpy(&row, batch->data + at, sizeof(row));
        size_t n_bytes = sizeof(row) + row.id_bytes + row.label_bytes + row.features_bytes;
        at += (n_bytes + 7) & ~(size_t)7;
    }
    return n_rows;
}

/* The writer alone reads and clears what is dirty; names_lock guards the times. */
static enum trivet_status put_levels(struct trivet_prediction_log *log,
                                     struct trivet_store_txn *txn, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&log->names_lock);
    size_t n_models = log->n_models;
    pthread_mutex_unlock(&log->names_lock);
    for (size_t i = 0; status == TRIVET_OK && i < n_models; i++) {
        pthread_mutex_lock(&log->names_lock);
        struct log_model *model = log->models[i];
        pthread_mutex_unlock(&log->names_lock);
        for (unsigned level = 1; status == TRIVET_OK && level < TRIVET_STORE_LEVELS; level++) {
            if (model->level_dirty[level]) {
                status = trivet_store_log_put_level(txn, model->name, level, model->level_us[level],
                                                    err);
            }
        }
    }
    return status;
}

static bool any_level_dirty(struct trivet_prediction_log *log, bool clear)
{
    bool found = false;
    pthread_mutex_lock(&log->names_lock);
    for (size_t i = 0; i < log->n_models; i++) {
        for (unsigned level = 1; level < TRIVET_STORE_LEVELS; level++) {
            found = found || log->models[i]->level_dirty[level];
            log->models[i]->level_dirty[level] = log->models[i]->level_dirty[level] && !clear;
        }
    }
    pthread_mutex_unlock(&log->names_lock);
    return found;
}

/* What was added, to the totals; or with `written` false, forgotten. */
static void settle(struct trivet_prediction_log *log, bool written)
{
    pthread_mutex_lock(&log->names_lock);
    size_t n_versions = log->n_versions;
    pthread_mutex_unlock(&log->names_lock);
    for (size_t i = 0; i < n_versions; i++) {
        pthread_mutex_lock(&log->names_lock);
        struct trivet_log_version *version = log->versions[i];
        pthread_mutex_unlock(&log->names_lock);
        if (written && version->n_added > 0) {
            version->model->n_rows += version->n_added;
            version->model->kept.n_rows += version->kept_added.n_rows;
            version->model->kept.n_bytes += version->kept_added.n_bytes;
            trivet_quality_add_logged(log->options.quality, version->model->name, version->version,
                                      version->n_added, version->weight_added);
        }
        version->n_added = 0;
        version->kept_added = (struct trivet_store_kept){.n_rows = 0};
        version->weight_added = 0;
    }
}

static void write_batch(struct trivet_prediction_log *log)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    uint64_t n_refused = 0;
    uint64_t n_repeated = 0;
    if (log->batch.n_bytes == 0 && !any_level_dirty(log, false)) {
        return;
    }
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = put_rows(log, txn, &n_refused, &n_repeated, &err);
    }
    if (status == TRIVET_OK) {
        status = put_levels(log, txn, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, &err);
    } else {
        trivet_store_abort(txn);
    }
    if (status == TRIVET_OK) {
        (void)any_level_dirty(log, true);
        atomic_fetch_add(&log->n_repeated, n_repeated);
    } else {
        n_refused = count_rows(&log->batch);
    }
    atomic_fetch_add(&log->n_dropped, n_refused);
    if (status != TRIVET_OK) {
        trivet_log_complain(log, &err);
    }
    settle(log, status == TRIVET_OK);
    log->batch.n_bytes = 0;
}

/* --- the thread ------------------------------------------------------------------------------ */

/* Waits for something to do and takes the queue. False: it was the last time. */
static bool take_queue(struct trivet_prediction_log *log, uint64_t *until)
{
    struct timespec tick = trivet_clock_timespec(log->tick_ns + LOG_TICK_NS);
    int outcome = 0;
    pthread_mutex_lock(&log->lock);
    while (!log->stopping && !log->flush && log->queue.n_bytes < LOG_WAKE_BYTES && outcome == 0) {
        outcome = pthread_cond_timedwait(&log->wanted, &log->lock, &tick);
    }
    struct trivet_buffer taken = log->queue;
    log->queue = log->batch;
    log->batch = taken;
    log->flush = false;
    atomic_fetch_add(&log->n_taken, 1);
    *until = log->n_queued;
    bool goes_on = !log->stopping;
    pthread_mutex_unlock(&log->lock);
    return goes_on;
}

void *trivet_log_run(void *arg)
{
    struct trivet_prediction_log *log = arg;
    pthread_setname_np(pthread_self(), "trivet-log");
    trivet_log_count_rows(log);
    bool goes_on = true;
    while (goes_on) {
        uint64_t until = 0;
        goes_on = take_queue(log, &until);
        look_at_levels(log);
        write_batch(log);
        atomic_fetch_add(&log->n_settled, 1);
        trivet_log_bury(log);
        pthread_mutex_lock(&log->lock);
        log->n_written = until;
        pthread_cond_broadcast(&log->written);
        pthread_mutex_unlock(&log->lock);
        if (goes_on) {
            trivet_log_bound(log);
        }
    }
    return NULL;
}
