#include "monitor/upkeep.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "monitor/registry.h"

#include <string.h>

#define US_PER_S 1000000
/* In the place of a version: a model's outcomes that joined to nothing. */
#define UNJOINED UINT64_MAX

static uint64_t key_of(size_t source, const char *model, uint64_t version)
{
    uint64_t hash = trivet_hash_bytes(model, strlen(model)) ^ trivet_hash_mix64(version);
    return trivet_hash_mix64(hash + source) | 1;
}

static uint64_t sum_of(const struct trivet_monitor_counts *counts)
{
    uint64_t sum = trivet_monitor_counts_calls(counts);
    for (size_t i = 0; i < TRIVET_STATUS_COUNT; i++) {
        sum += counts->rows[i];
    }
    return sum;
}

static uint64_t sum_of_unjoined(const struct trivet_unjoined_counts *counts)
{
    return counts->unmatched + counts->not_sampled + counts->refused + counts->invalid;
}

/* Its place, or TRIVET_MONITOR_GONE_MAX. */
static size_t find_gone(const struct trivet_monitor *monitor, uint64_t key)
{
    const struct trivet_monitor_upkeep *upkeep = &monitor->upkeep;
    size_t n =
        upkeep->n_gone < TRIVET_MONITOR_GONE_MAX ? (size_t)upkeep->n_gone : TRIVET_MONITOR_GONE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (upkeep->gone[i].key == key) {
            return i;
        }
    }
    return TRIVET_MONITOR_GONE_MAX;
}

bool trivet_monitor_is_gone(const struct trivet_monitor *monitor, size_t source, const char *model,
                            uint64_t version, const struct trivet_monitor_counts *counts)
{
    if (monitor->upkeep.n_gone == 0 || trivet_monitor_find(monitor, model, version) != NULL) {
        return false;
    }
    size_t at = find_gone(monitor, key_of(source, model, version));
    return at < TRIVET_MONITOR_GONE_MAX &&
           (counts == NULL || monitor->upkeep.gone[at].sum == sum_of(counts));
}

bool trivet_monitor_is_unjoined_gone(const struct trivet_monitor *monitor, size_t source,
                                     const char *model, const struct trivet_unjoined_counts *counts)
{
    if (monitor->upkeep.n_gone == 0 || trivet_live_unjoined_find(&monitor->live, model) != NULL) {
        return false;
    }
    size_t at = find_gone(monitor, key_of(source, model, UNJOINED));
    return at < TRIVET_MONITOR_GONE_MAX && monitor->upkeep.gone[at].sum == sum_of_unjoined(counts);
}

void trivet_monitor_returned(const struct trivet_monitor *monitor,
                             struct trivet_monitor_series *series)
{
    for (size_t i = 0; i < monitor->n_sources && monitor->upkeep.n_gone > 0; i++) {
        series->returned[i] =
            find_gone(monitor, key_of(i, series->model, series->version)) < TRIVET_MONITOR_GONE_MAX;
    }
}

void trivet_monitor_gone_forget(struct trivet_monitor *monitor, size_t source)
{
    struct trivet_monitor_upkeep *upkeep = &monitor->upkeep;
    for (size_t i = 0; i < TRIVET_MONITOR_GONE_MAX && upkeep->n_gone > 0; i++) {
        if (upkeep->gone[i].source == source) {
            upkeep->gone[i].key = 0;
        }
    }
    for (size_t i = 0; i < monitor->n_series; i++) {
        monitor->series[i]->returned[source] = false;
    }
}

void trivet_monitor_set_deleted(struct trivet_monitor *monitor, size_t source, const char *model,
                                uint64_t version, bool deleted)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        if (series->parts[source] != NULL && strcmp(series->model, model) == 0 &&
            (version == 0 || version == series->version)) {
            series->parts[source]->deleted = deleted;
            series->active_us = monitor->upkeep.ticked_us;
        }
    }
}

bool trivet_monitor_has_room(const struct trivet_monitor *monitor, const char *model,
                             uint64_t version)
{
    return monitor->n_series < TRIVET_MONITOR_SERIES_MAX ||
           trivet_monitor_find(monitor, model, version) != NULL;
}

static void remember(struct trivet_monitor *monitor, size_t source, uint64_t key, uint64_t sum)
{
    struct trivet_monitor_upkeep *upkeep = &monitor->upkeep;
    size_t at = find_gone(monitor, key); /* it was gone before */
    at = at < TRIVET_MONITOR_GONE_MAX ? at : upkeep->n_gone++ % TRIVET_MONITOR_GONE_MAX;
    upkeep->gone[at] = (struct trivet_monitor_gone){.key = key, .sum = sum, .source = source};
}

/* The history is to forget it. */
static void forget(struct trivet_monitor *monitor, const char *model, uint64_t version)
{
    struct trivet_monitor_upkeep *upkeep = &monitor->upkeep;
    if (upkeep->n_forgotten == TRIVET_MONITOR_FORGOTTEN_MAX) {
        upkeep->n_forgotten--;
        memmove(upkeep->forgotten, upkeep->forgotten + 1,
                upkeep->n_forgotten * sizeof(upkeep->forgotten[0]));
    }
    struct trivet_monitor_forgotten *last = &upkeep->forgotten[upkeep->n_forgotten++];
    (void)trivet_text_copy(last->model, sizeof(last->model), model);
    last->version = version;
}

static void let_go(struct trivet_monitor *monitor, size_t at)
{
    struct trivet_monitor_series *series = monitor->series[at];
    for (size_t i = 0; i < monitor->n_sources; i++) {
        if (series->parts[i] != NULL) {
            remember(monitor, i, key_of(i, series->model, series->version),
                     sum_of(&series->parts[i]->current));
        }
    }
    forget(monitor, series->model, series->version);
    monitor->n_series--;
    memmove(monitor->series + at, monitor->series + at + 1,
            (monitor->n_series - at) * sizeof(struct trivet_monitor_series *));
    trivet_monitor_series_free(monitor, series);
}

static bool is_deleted(const struct trivet_monitor *monitor,
                       const struct trivet_monitor_series *series)
{
    bool deleted = false;
    bool alive = false;
    for (size_t i = 0; i < monitor->n_sources; i++) {
        deleted = deleted || (series->parts[i] != NULL && series->parts[i]->deleted);
        alive = alive || (series->parts[i] != NULL && !series->parts[i]->deleted);
    }
    return deleted && !alive;
}

/* The series that goes first; n_series when none may. */
static size_t least_wanted(const struct trivet_monitor *monitor, int64_t now_us)
{
    size_t least = monitor->n_series;
    bool least_deleted = false;
    for (size_t i = 0; i < monitor->n_series; i++) {
        const struct trivet_monitor_series *series = monitor->series[i];
        bool deleted = is_deleted(monitor, series);
        bool idle = deleted || now_us - series->active_us >= TRIVET_MONITOR_IDLE_US;
        bool before =
            least == monitor->n_series || deleted > least_deleted ||
            (deleted == least_deleted && series->active_us < monitor->series[least]->active_us);
        if (idle && before) {
            least = i;
            least_deleted = deleted;
        }
    }
    return least;
}

static void make_room(struct trivet_monitor *monitor, int64_t now_us)
{
    for (size_t i = monitor->n_series; i-- > 0;) {
        if (is_deleted(monitor, monitor->series[i]) &&
            now_us - monitor->series[i]->active_us >= TRIVET_MONITOR_DELETED_US) {
            let_go(monitor, i);
        }
    }
    while (monitor->n_series > TRIVET_MONITOR_SERIES_MAX - TRIVET_MONITOR_ROOM) {
        size_t least = least_wanted(monitor, now_us);
        if (least == monitor->n_series) {
            return;
        }
        let_go(monitor, least);
    }
}

/* Of too many models, the one whose outcomes joined to nothing longest ago. */
static void make_room_for_models(struct trivet_monitor *monitor, int64_t now_us)
{
    struct trivet_live_all *live = &monitor->live;
    while (live->n_models > TRIVET_LIVE_MODELS_MAX - TRIVET_MONITOR_ROOM) {
        size_t least = 0;
        for (size_t i = 1; i < live->n_models; i++) {
            least = live->models[i]->active_us < live->models[least]->active_us ? i : least;
        }
        const struct trivet_unjoined *unjoined = live->models[least];
        if (now_us - unjoined->active_us < TRIVET_MONITOR_IDLE_US) {
            return;
        }
        for (size_t i = 0; i < monitor->n_sources; i++) {
            remember(monitor, i, key_of(i, unjoined->model, UNJOINED),
                     sum_of_unjoined(&unjoined->current[i]));
        }
        forget(monitor, unjoined->model, 0);
        trivet_live_unjoined_let_go(live, least);
    }
}

/* The clock was set back: what lies ahead of it would keep all that comes out of the windows until
 * it has caught up. */
static void begin_windows(struct trivet_monitor *monitor, int64_t now_us)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        trivet_window_free(series->window);
        series->window = NULL;
        series->active_us = now_us;
        series->last_change_us = series->last_change_us > now_us ? now_us : series->last_change_us;
        if (series->live.quality != NULL) {
            trivet_quality_set_back(series->live.quality, now_us);
        }
    }
    for (size_t i = 0; i < monitor->live.n_models; i++) {
        struct trivet_unjoined *unjoined = monitor->live.models[i];
        unjoined->active_us = unjoined->active_us > now_us ? now_us : unjoined->active_us;
    }
    for (size_t i = 0; i < monitor->n_sources; i++) {
        struct trivet_monitor_source *source = &monitor->sources[i];
        source->last_contact_us =
            source->last_contact_us > now_us ? now_us : source->last_contact_us;
        source->last_event_us = source->last_event_us > now_us ? now_us : source->last_event_us;
    }
}

void trivet_monitor_tick(struct trivet_monitor *monitor, int64_t now_us)
{
    pthread_mutex_lock(&monitor->lock);
    if (now_us < monitor->upkeep.ticked_us - TRIVET_MONITOR_CLOCK_BACK_US) {
        begin_windows(monitor, now_us);
    }
    monitor->upkeep.ticked_us = now_us;
    make_room(monitor, now_us);
    make_room_for_models(monitor, now_us);
    for (size_t i = 0; i < monitor->n_series; i++) {
        if (monitor->series[i]->window != NULL) {
            trivet_window_expire(monitor->series[i]->window, now_us / US_PER_S);
        }
    }
    trivet_monitor_drift_tick(monitor, now_us);
    trivet_monitor_jobs_tick(&monitor->jobs, now_us);
    pthread_mutex_unlock(&monitor->lock);
}
