#include "monitor/registry.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

#define US_PER_S 1000000
/* An event that seems older than this is no backlog: a clock was set. */
#define BACKLOG_US_MAX 300000000
/* No date: a peer may send anything. */
#define YEAR_9999_US 253402300800000000

struct trivet_monitor *trivet_monitor_create(const char *const *server_urls,
                                             const char *const *events_urls, size_t n_sources,
                                             int64_t now_us)
{
    struct trivet_monitor *monitor = trivet_calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        return NULL;
    }
    monitor->series =
        trivet_calloc(TRIVET_MONITOR_SERIES_MAX, sizeof(struct trivet_monitor_series *));
    if (monitor->series == NULL) {
        trivet_free(monitor);
        return NULL;
    }
    pthread_mutex_init(&monitor->lock, NULL);
    monitor->n_sources = n_sources;
    for (size_t i = 0; i < n_sources; i++) {
        monitor->sources[i].server_url = server_urls[i];
        monitor->sources[i].events_url = events_urls[i];
    }
    monitor->budget.bytes_max = TRIVET_MONITOR_WINDOW_BYTES_MAX;
    monitor->drift_budget.bytes_max = TRIVET_MONITOR_DRIFT_BYTES_MAX;
    monitor->drift_options = (struct trivet_drift_options)TRIVET_DRIFT_OPTIONS_DEFAULT;
    monitor->started_us = now_us;
    monitor->upkeep.ticked_us = now_us;
    return monitor;
}

void trivet_monitor_series_free(struct trivet_monitor *monitor,
                                struct trivet_monitor_series *series)
{
    for (size_t k = 0; k < TRIVET_MONITOR_SOURCES_MAX; k++) {
        trivet_free(series->parts[k]);
    }
    trivet_window_free(series->window);
    trivet_monitor_drift_free(&monitor->drift_budget, series->drift);
    trivet_live_series_release(&series->live);
    trivet_free(series);
}

void trivet_monitor_free(struct trivet_monitor *monitor)
{
    if (monitor == NULL) {
        return;
    }
    for (size_t i = 0; i < monitor->n_series; i++) {
        trivet_monitor_series_free(monitor, monitor->series[i]);
    }
    trivet_free(monitor->series);
    trivet_live_release(&monitor->live);
    pthread_mutex_destroy(&monitor->lock);
    trivet_free(monitor);
}

/* Index of the first series that is not before (model, version). */
static size_t lower_bound(const struct trivet_monitor *monitor, const char *model, uint64_t version)
{
    size_t from = 0;
    size_t to = monitor->n_series;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct trivet_monitor_series *at = monitor->series[middle];
        int order = strcmp(at->model, model);
        if (order < 0 || (order == 0 && at->version < version)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static bool series_is(const struct trivet_monitor *monitor, size_t at, const char *model,
                      uint64_t version)
{
    return at < monitor->n_series && monitor->series[at]->version == version &&
           strcmp(monitor->series[at]->model, model) == 0;
}

struct trivet_monitor_series *trivet_monitor_find(const struct trivet_monitor *monitor,
                                                  const char *model, uint64_t version)
{
    size_t at = lower_bound(monitor, model, version);
    return series_is(monitor, at, model, version) ? monitor->series[at] : NULL;
}

enum trivet_status trivet_monitor_series_get(struct trivet_monitor *monitor, const char *model,
                                             uint64_t version, struct trivet_monitor_series **out,
                                             struct trivet_error *err)
{
    size_t at = lower_bound(monitor, model, version);
    if (series_is(monitor, at, model, version)) {
        *out = monitor->series[at];
        return TRIVET_OK;
    }
    if (model[0] == '\0' || strlen(model) >= TRIVET_MONITOR_MODEL_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a model name has 1 to %d bytes, this one %zu",
                                TRIVET_MONITOR_MODEL_BYTES - 1, strlen(model));
    }
    if (monitor->n_series == TRIVET_MONITOR_SERIES_MAX) {
        monitor->untracked++;
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "%s:%llu is not tracked: %d versions already are", model,
                                (unsigned long long)version, TRIVET_MONITOR_SERIES_MAX);
    }
    struct trivet_monitor_series *series = trivet_calloc(1, sizeof(*series));
    if (series == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for model %s",
                                model);
    }
    (void)trivet_text_copy(series->model, sizeof(series->model), model);
    series->version = version;
    series->serial = ++monitor->next_serial;
    series->active_us = monitor->upkeep.ticked_us;
    trivet_monitor_returned(monitor, series);
    memmove(monitor->series + at + 1, monitor->series + at,
            (monitor->n_series - at) * sizeof(struct trivet_monitor_series *));
    monitor->series[at] = series;
    monitor->n_series++;
    *out = series;
    return TRIVET_OK;
}

bool trivet_monitor_from_zero(const struct trivet_monitor *monitor, size_t source,
                              const struct trivet_monitor_series *series)
{
    return monitor->sources[source].synchronised && !series->returned[source];
}

enum trivet_status trivet_monitor_part_get(struct trivet_monitor_series *series, size_t source,
                                           struct trivet_monitor_part **out,
                                           struct trivet_error *err)
{
    if (series->parts[source] == NULL) {
        series->parts[source] = trivet_calloc(1, sizeof(struct trivet_monitor_part));
    }
    if (series->parts[source] == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for model %s",
                                series->model);
    }
    *out = series->parts[source];
    return TRIVET_OK;
}

void trivet_monitor_series_sum(const struct trivet_monitor_series *series,
                               struct trivet_monitor_counts *out)
{
    *out = (struct trivet_monitor_counts){0};
    for (size_t i = 0; i < TRIVET_MONITOR_SOURCES_MAX; i++) {
        if (series->parts[i] != NULL) {
            trivet_monitor_counts_add(out, &series->parts[i]->base);
            trivet_monitor_counts_add(out, &series->parts[i]->current);
        }
    }
}

/* The source's epoch has ended: its final totals become part of the base. */
static void fold_epoch(struct trivet_monitor *monitor, size_t source)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_part *part = monitor->series[i]->parts[source];
        if (part != NULL) {
            trivet_monitor_counts_add(&part->base, &part->current);
            part->current = (struct trivet_monitor_counts){0};
            part->live = false;
            monitor->series[i]->unsaved = true;
        }
    }
    monitor->sources[source].resources = (struct trivet_monitor_resources){0};
    trivet_monitor_gone_forget(monitor, source);
    trivet_live_fold(monitor, source);
    trivet_monitor_jobs_forget(&monitor->jobs, source);
}

/* A message of the source at `at_us`. False when its epoch has ended. */
static bool take_contact(struct trivet_monitor *monitor, size_t index, uint64_t epoch,
                         int64_t at_us)
{
    struct trivet_monitor_source *source = &monitor->sources[index];
    bool silent = at_us - source->last_contact_us > TRIVET_MONITOR_SILENCE_US;
    bool watched = source->last_contact_us > 0 && !silent;
    switch (trivet_sequence_epoch(&source->sequence, epoch)) {
    case TRIVET_SEQUENCE_ENDED:
        monitor->stale++;
        return false;
    case TRIVET_SEQUENCE_BEGINS:
        fold_epoch(monitor, index);
        source->synchronised = watched;
        break;
    case TRIVET_SEQUENCE_CURRENT:
        break;
    }
    if (silent) {
        source->contact++;
        source->synchronised = false;
    }
    if (at_us > source->last_contact_us) {
        source->last_contact_us = at_us;
    }
    return true;
}

/* When an event happened, by our clock: its own time, moved by the least delay seen, so that a
 * backlog read at once falls into the seconds it belongs to. */
static int64_t local_time(struct trivet_monitor_source *source, const Trivet__V1__Event *event,
                          int64_t now_us)
{
    if (event->unix_us < 0 || event->unix_us > YEAR_9999_US) {
        return now_us;
    }
    int64_t offset_us = now_us - event->unix_us;
    if (event->publisher_epoch != source->clock_epoch || offset_us < source->clock_offset_us ||
        offset_us - source->clock_offset_us > BACKLOG_US_MAX) {
        source->clock_epoch = event->publisher_epoch;
        source->clock_offset_us = offset_us;
    }
    source->lag_us = offset_us - source->clock_offset_us;
    return event->unix_us + source->clock_offset_us;
}

static void add_to_window(struct trivet_monitor *monitor, struct trivet_monitor_series *series,
                          const struct trivet_monitor_counts *delta, int64_t at_us)
{
    if (series->window == NULL) {
        series->window = trivet_window_create(&monitor->budget);
    }
    if (series->window == NULL) {
        monitor->budget.dropped_slots++; /* totals stay exact; the charts have a hole */
        return;
    }
    trivet_window_add(series->window, at_us / US_PER_S, delta);
}

/* The server had let the version go, and its totals begin at zero again. */
static void fold_life(struct trivet_monitor_series *series, struct trivet_monitor_part *part,
                      uint64_t life)
{
    if (life > part->current.life) {
        trivet_monitor_counts_add(&part->base, &part->current);
        part->current = (struct trivet_monitor_counts){.life = life};
        series->unsaved = true;
    }
}

static enum trivet_status take_totals(struct trivet_monitor *monitor, size_t index,
                                      const Trivet__V1__PredictionTotals *message, int64_t at_us,
                                      struct trivet_error *err)
{
    struct trivet_monitor_source *source = &monitor->sources[index];
    struct trivet_monitor_counts counts;
    struct trivet_monitor_series *series = NULL;
    struct trivet_monitor_part *part = NULL;
    enum trivet_status status = trivet_monitor_counts_read(message, &counts, err);
    if (status == TRIVET_OK &&
        trivet_monitor_is_gone(monitor, index, message->model, message->version, &counts)) {
        return TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_series_get(monitor, message->model, message->version, &series, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_monitor_part_get(series, index, &part, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    fold_life(series, part, counts.life);
    if (counts.life < part->current.life || !trivet_monitor_counts_cover(&counts, &part->current)) {
        monitor->stale++;
        return TRIVET_OK;
    }
    bool from_zero = trivet_monitor_from_zero(monitor, index, series);
    bool continues = part->live ? part->contact == source->contact : from_zero;
    if (!part->live && from_zero) {
        part->zero_epoch = source->sequence.epoch;
    }
    struct trivet_monitor_counts delta = counts;
    trivet_monitor_counts_subtract(&delta, &part->current);
    part->current = counts;
    part->live = true;
    part->contact = source->contact;
    if (trivet_monitor_counts_calls(&delta) + trivet_monitor_counts_rows(&delta) == 0) {
        return TRIVET_OK;
    }
    series->unsaved = true;
    series->active_us = monitor->upkeep.ticked_us;
    if (continues) {
        add_to_window(monitor, series, &delta, at_us);
        series->last_change_us = at_us > series->last_change_us ? at_us : series->last_change_us;
    }
    return TRIVET_OK;
}

static void read_calls(Trivet__V1__CodeCount *const *list, size_t n,
                       uint64_t out[TRIVET_STATUS_COUNT])
{
    for (size_t i = 0; i < n; i++) {
        unsigned code = (unsigned)list[i]->status;
        out[code < TRIVET_STATUS_COUNT ? code : TRIVET_UNKNOWN] += list[i]->count;
    }
}

static void take_server(struct trivet_monitor_source *source,
                        const Trivet__V1__ServerTotals *totals)
{
    struct trivet_monitor_resources *to = &source->resources;
    *to = (struct trivet_monitor_resources){
        .known = true,
        .cpu_seconds = totals->cpu_seconds,
        .rss_bytes = totals->rss_bytes,
        .threads = totals->threads,
        .open_files = totals->open_files,
        .queue_rows = totals->queue_rows,
        .events_dropped = totals->events_dropped,
    };
    read_calls(totals->unknown_method, totals->n_unknown_method, to->unknown_method);
    for (size_t i = 0; i < totals->n_methods && to->n_methods < TRIVET_MONITOR_METHODS_MAX; i++) {
        struct trivet_monitor_method *method = &to->methods[to->n_methods];
        if (trivet_text_copy(method->name, sizeof(method->name), totals->methods[i]->method)) {
            read_calls(totals->methods[i]->calls, totals->methods[i]->n_calls, method->calls);
            to->n_methods++;
        }
    }
}

/* Bins of a version that has no totals yet are not missed: the next ones hold them. */
static enum trivet_status take_bins(struct trivet_monitor *monitor, size_t index,
                                    const Trivet__V1__BinTotals *piece, int64_t at_us,
                                    struct trivet_error *err)
{
    uint64_t epoch = monitor->sources[index].sequence.epoch;
    struct trivet_monitor_series *series =
        trivet_monitor_find(monitor, piece->model, piece->version);
    if (series == NULL || series->parts[index] == NULL) {
        return TRIVET_OK;
    }
    return trivet_monitor_drift_piece(monitor, series, index, epoch,
                                      series->parts[index]->zero_epoch == epoch, piece, at_us, err);
}

/* What comes back of predictions; `*taken` false for any other event. */
static enum trivet_status take_live(struct trivet_monitor *monitor, size_t index,
                                    const Trivet__V1__Event *event, int64_t at_us, bool *taken,
                                    struct trivet_error *err)
{
    *taken = true;
    switch (event->body_case) {
    case TRIVET__V1__EVENT__BODY_QUALITY_TOTALS:
        return trivet_live_quality(monitor, index, event->quality_totals, at_us, err);
    case TRIVET__V1__EVENT__BODY_SHADOW_TOTALS:
        return trivet_live_shadow(monitor, index, event->shadow_totals, err);
    case TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS:
        return trivet_live_unjoined(monitor, index, event->unjoined_totals, err);
    default:
        *taken = false;
        return TRIVET_OK;
    }
}

static void take_model(struct trivet_monitor *monitor, size_t index,
                       const Trivet__V1__ModelEvent *event)
{
    switch (event->change) {
    case TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED:
        trivet_monitor_drift_deleted(monitor, index, event->model, event->version);
        trivet_monitor_set_deleted(monitor, index, event->model, event->version, true);
        break;
    case TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_VERSION_CREATED:
    case TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_LOADED:
        trivet_monitor_set_deleted(monitor, index, event->model, event->version, false);
        break;
    default:
        break;
    }
}

static enum trivet_status take_event(struct trivet_monitor *monitor, size_t index,
                                     const Trivet__V1__Event *event, int64_t now_us,
                                     struct trivet_error *err)
{
    struct trivet_monitor_source *source = &monitor->sources[index];
    if (event->publisher_epoch == 0 || event->sequence == 0 ||
        !trivet_sequence_fits(&source->sequence, event->publisher_epoch, event->sequence)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "an event without epoch or with no sequence number that can be");
    }
    int64_t at_us = local_time(source, event, now_us);
    if (!take_contact(monitor, index, event->publisher_epoch, at_us)) {
        return TRIVET_OK;
    }
    source->last_event_us = now_us;
    source->synchronised |= event->sequence == 1;
    if (!trivet_sequence_event(&source->sequence, event->sequence)) {
        return TRIVET_OK;
    }
    bool taken = false;
    enum trivet_status status = take_live(monitor, index, event, at_us, &taken, err);
    if (taken) {
        return status;
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS) {
        return take_totals(monitor, index, event->prediction_totals, at_us, err);
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_BIN_TOTALS) {
        return take_bins(monitor, index, event->bin_totals, at_us, err);
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_MODEL) {
        take_model(monitor, index, event->model);
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_JOB) {
        trivet_monitor_jobs_take(&monitor->jobs, index, event->job, now_us);
    }
    if (event->body_case == TRIVET__V1__EVENT__BODY_SERVER && event->server->totals != NULL) {
        take_server(source, event->server->totals);
        trivet_resource_ring_add(&source->history, event->server->totals, event->publisher_epoch,
                                 at_us);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_monitor_event(struct trivet_monitor *monitor, size_t source,
                                        const Trivet__V1__Event *event, int64_t now_us,
                                        struct trivet_error *err)
{
    pthread_mutex_lock(&monitor->lock);
    enum trivet_status status = take_event(monitor, source, event, now_us, err);
    monitor->sources[source].malformed += status == TRIVET_INVALID_ARGUMENT;
    pthread_mutex_unlock(&monitor->lock);
    return status;
}

/* One that cannot be taken does not keep the others from their repair. */
static void take_all_totals(struct trivet_monitor *monitor, size_t index,
                            const Trivet__V1__StatsResponse *stats, int64_t now_us)
{
    struct trivet_monitor_refusals *refusals = &monitor->sources[index].refusals;
    const char *server = monitor->sources[index].server_url;
    struct trivet_error err;
    for (size_t i = 0; i < stats->n_predictions; i++) {
        const Trivet__V1__PredictionTotals *totals = stats->predictions[i];
        if (take_totals(monitor, index, totals, now_us, &err) != TRIVET_OK) {
            trivet_monitor_refuse(refusals, server, "prediction", totals->model, totals->version,
                                  &err);
        }
    }
    for (size_t i = 0; i < stats->n_quality; i++) {
        const Trivet__V1__QualityTotals *totals = stats->quality[i];
        if (trivet_live_quality(monitor, index, totals, now_us, &err) != TRIVET_OK) {
            trivet_monitor_refuse(refusals, server, "quality", totals->model, totals->version,
                                  &err);
        }
    }
    for (size_t i = 0; i < stats->n_shadows; i++) {
        const Trivet__V1__ShadowTotals *totals = stats->shadows[i];
        if (trivet_live_shadow(monitor, index, totals, &err) != TRIVET_OK) {
            trivet_monitor_refuse(refusals, server, "shadow", totals->model, totals->version, &err);
        }
    }
    for (size_t i = 0; i < stats->n_unjoined; i++) {
        const Trivet__V1__UnjoinedTotals *totals = stats->unjoined[i];
        if (trivet_live_unjoined(monitor, index, totals, &err) != TRIVET_OK) {
            trivet_monitor_refuse(refusals, server, "unjoined", totals->model, 0, &err);
        }
    }
}

enum trivet_status trivet_monitor_stats(struct trivet_monitor *monitor, size_t index,
                                        const Trivet__V1__StatsResponse *stats, int64_t now_us,
                                        struct trivet_error *err)
{
    trivet_monitor_set_server_up(monitor, index);
    if (stats->publisher_epoch == 0) {
        trivet_monitor_count_malformed(monitor, index);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "Server.Stats without an epoch");
    }
    pthread_mutex_lock(&monitor->lock);
    struct trivet_monitor_source *source = &monitor->sources[index];
    if (take_contact(monitor, index, stats->publisher_epoch, now_us)) {
        take_all_totals(monitor, index, stats, now_us);
        if (stats->server != NULL) {
            take_server(source, stats->server);
            trivet_resource_ring_add(&source->history, stats->server, stats->publisher_epoch,
                                     now_us);
        }
        source->synchronised = true;
    }
    pthread_mutex_unlock(&monitor->lock);
    return TRIVET_OK;
}

void trivet_monitor_pipe_up(struct trivet_monitor *monitor, size_t source, int pipe)
{
    atomic_store(&monitor->sources[source].pipe, pipe);
}

void trivet_monitor_pipe_down(struct trivet_monitor *monitor, size_t source, int pipe)
{
    /* Also told of pipes that never came up: those change nothing. */
    (void)atomic_compare_exchange_strong(&monitor->sources[source].pipe, &pipe, 0);
}

void trivet_monitor_set_server_up(struct trivet_monitor *monitor, size_t source)
{
    pthread_mutex_lock(&monitor->lock);
    monitor->sources[source].server_up = true;
    monitor->sources[source].server_why[0] = '\0';
    pthread_mutex_unlock(&monitor->lock);
}

void trivet_monitor_set_server_down(struct trivet_monitor *monitor, size_t source, const char *why)
{
    pthread_mutex_lock(&monitor->lock);
    monitor->sources[source].server_up = false;
    (void)trivet_text_copy(monitor->sources[source].server_why, TRIVET_MONITOR_WHY_BYTES, why);
    pthread_mutex_unlock(&monitor->lock);
}

void trivet_monitor_count_malformed(struct trivet_monitor *monitor, size_t source)
{
    pthread_mutex_lock(&monitor->lock);
    monitor->sources[source].malformed++;
    pthread_mutex_unlock(&monitor->lock);
}
