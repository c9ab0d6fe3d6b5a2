#include "monitor/live.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/registry.h"

#include <math.h>
#include <string.h>

_Static_assert(TRIVET_LIVE_SOURCES == TRIVET_MONITOR_SOURCES_MAX, "one part per source");
_Static_assert(TRIVET_QUALITY_SOURCES == TRIVET_MONITOR_SOURCES_MAX, "one part per source");

void trivet_live_series_release(struct trivet_monitor_live *live)
{
    trivet_quality_free(live->quality);
    for (size_t i = 0; i < live->n_shadows; i++) {
        for (size_t s = 0; s < TRIVET_LIVE_SOURCES; s++) {
            trivet_free(live->shadows[i]->current[s]);
        }
        trivet_free(live->shadows[i]);
    }
    *live = (struct trivet_monitor_live){0};
}

void trivet_live_release(struct trivet_live_all *all)
{
    for (size_t i = 0; i < all->n_models; i++) {
        trivet_free(all->models[i]);
    }
    trivet_free(all->models);
    *all = (struct trivet_live_all){0};
}

/* --- outcomes --------------------------------------------------------------------------------- */

enum trivet_status trivet_live_quality(struct trivet_monitor *monitor, size_t index,
                                       const Trivet__V1__QualityTotals *totals, int64_t at_us,
                                       struct trivet_error *err)
{
    const struct trivet_monitor_source *source = &monitor->sources[index];
    struct trivet_monitor_series *series = NULL;
    struct trivet_quality_part *part = NULL;
    bool stale = false;
    if (trivet_monitor_is_gone(monitor, index, totals->model, totals->version, NULL)) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_monitor_series_get(monitor, totals->model, totals->version, &series, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (series->live.quality == NULL) {
        series->live.quality = trivet_quality_create(&monitor->live.quality_bytes);
        if (series->live.quality == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
        }
    }
    status = trivet_quality_part_get(series->live.quality, index, &part, err);
    if (status == TRIVET_OK) {
        bool continues = part->live ? part->contact == source->contact
                                    : trivet_monitor_from_zero(monitor, index, series);
        bool unsaved = series->live.quality->changed;
        series->live.quality->changed = false;
        status =
            trivet_quality_take(series->live.quality, index, totals, continues, at_us, &stale, err);
        bool news = series->live.quality->changed;
        series->live.quality->changed = unsaved || news;
        series->active_us = news ? monitor->upkeep.ticked_us : series->active_us;
    }
    if (status == TRIVET_OK && !stale) {
        part->live = true;
        part->contact = source->contact;
    }
    monitor->stale += stale;
    return status;
}

/* --- shadows ---------------------------------------------------------------------------------- */

static void add_shadow(struct trivet_shadow_sums *into, const struct trivet_shadow_sums *from)
{
    into->compared += from->compared;
    into->equal += from->equal;
    into->failed += from->failed;
    into->skipped += from->skipped;
    into->immense += from->immense;
    into->absolute_difference += from->absolute_difference;
    into->squared_difference += from->squared_difference;
    trivet_histogram_merge(&into->compute, &from->compute);
}

static struct trivet_shadow *shadow_find(const struct trivet_monitor_live *live,
                                         uint64_t answered_by)
{
    struct trivet_shadow *shadow = NULL;
    for (size_t i = 0; i < live->n_shadows; i++) {
        shadow = live->shadows[i]->answered_by == answered_by ? live->shadows[i] : shadow;
    }
    return shadow;
}

bool trivet_live_shadow_has_room(const struct trivet_monitor *monitor, const char *model,
                                 uint64_t version, uint64_t answered_by)
{
    const struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    return series == NULL ? trivet_monitor_has_room(monitor, model, version)
                          : series->live.n_shadows < TRIVET_LIVE_SHADOWS_MAX ||
                                shadow_find(&series->live, answered_by) != NULL;
}

static enum trivet_status shadow_get(struct trivet_monitor_live *live, uint64_t answered_by,
                                     size_t source, struct trivet_shadow_sums **out,
                                     struct trivet_error *err)
{
    struct trivet_shadow *shadow = shadow_find(live, answered_by);
    if (shadow == NULL) {
        if (live->n_shadows == TRIVET_LIVE_SHADOWS_MAX) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "a version is told as the shadow of %d others at most",
                                    TRIVET_LIVE_SHADOWS_MAX);
        }
        shadow = trivet_calloc(1, sizeof(*shadow));
        if (shadow == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a shadow");
        }
        shadow->answered_by = answered_by;
        live->shadows[live->n_shadows++] = shadow;
    }
    if (source == TRIVET_LIVE_SOURCES) {
        *out = &shadow->base;
        return TRIVET_OK;
    }
    if (shadow->current[source] == NULL) {
        shadow->current[source] = trivet_calloc(1, sizeof(struct trivet_shadow_sums));
        if (shadow->current[source] == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a shadow");
        }
    }
    *out = shadow->current[source];
    return TRIVET_OK;
}

enum trivet_status trivet_live_shadow_slot(struct trivet_monitor *monitor, const char *model,
                                           uint64_t version, uint64_t answered_by, size_t source,
                                           struct trivet_shadow_sums **out,
                                           struct trivet_error *err)
{
    struct trivet_monitor_series *series = NULL;
    enum trivet_status status = trivet_monitor_series_get(monitor, model, version, &series, err);
    return status == TRIVET_OK ? shadow_get(&series->live, answered_by, source, out, err) : status;
}

enum trivet_status trivet_live_shadow(struct trivet_monitor *monitor, size_t index,
                                      const Trivet__V1__ShadowTotals *totals,
                                      struct trivet_error *err)
{
    struct trivet_monitor_series *series = NULL;
    struct trivet_shadow_sums *current = NULL;
    struct trivet_shadow_sums *base = NULL;
    struct trivet_shadow_sums sums = {
        .life = totals->life,
        .compared = totals->compared,
        .equal = totals->equal,
        .failed = totals->failed,
        .skipped = totals->skipped,
        .immense = totals->immense,
        .absolute_difference = totals->absolute_difference,
        .squared_difference = totals->squared_difference,
    };
    if (trivet_monitor_is_gone(monitor, index, totals->model, totals->version, NULL)) {
        return TRIVET_OK;
    }
    if (!isfinite(sums.absolute_difference) || !isfinite(sums.squared_difference)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "a shadow's difference is no number");
    }
    enum trivet_status status =
        trivet_monitor_histogram_read(totals->compute, "compute", &sums.compute, err);
    if (status == TRIVET_OK) {
        status = trivet_monitor_series_get(monitor, totals->model, totals->version, &series, err);
    }
    if (status == TRIVET_OK) {
        status = shadow_get(&series->live, totals->answered_by, index, &current, err);
    }
    if (status == TRIVET_OK) {
        status = shadow_get(&series->live, totals->answered_by, TRIVET_LIVE_SOURCES, &base, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    /* The server had let the pair go, and its totals begin at zero again. */
    if (sums.life > current->life) {
        add_shadow(base, current);
        *current = (struct trivet_shadow_sums){.life = sums.life};
        series->live.shadows_changed = true;
    }
    if (sums.life < current->life || sums.compared < current->compared ||
        sums.equal < current->equal || sums.failed < current->failed ||
        sums.skipped < current->skipped) {
        monitor->stale++;
        return TRIVET_OK;
    }
    bool same = current->compared == sums.compared && current->failed == sums.failed &&
                current->skipped == sums.skipped;
    series->live.shadows_changed = series->live.shadows_changed || !same;
    series->active_us = same ? series->active_us : monitor->upkeep.ticked_us;
    *current = sums;
    return TRIVET_OK;
}

void trivet_live_shadow_sum(const struct trivet_shadow *shadow, struct trivet_shadow_sums *out)
{
    *out = shadow->base;
    for (size_t s = 0; s < TRIVET_LIVE_SOURCES; s++) {
        if (shadow->current[s] != NULL) {
            add_shadow(out, shadow->current[s]);
        }
    }
}

/* --- outcomes that joined to nothing ---------------------------------------------------------- */

static size_t lower_bound(const struct trivet_live_all *all, const char *model)
{
    size_t from = 0;
    size_t to = all->n_models;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(all->models[middle]->model, model) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

const struct trivet_unjoined *trivet_live_unjoined_find(const struct trivet_live_all *all,
                                                        const char *model)
{
    size_t at = lower_bound(all, model);
    bool found = at < all->n_models && strcmp(all->models[at]->model, model) == 0;
    return found ? all->models[at] : NULL;
}

bool trivet_live_unjoined_has_room(const struct trivet_live_all *all, const char *model)
{
    return all->n_models < TRIVET_LIVE_MODELS_MAX || trivet_live_unjoined_find(all, model) != NULL;
}

void trivet_live_unjoined_let_go(struct trivet_live_all *all, size_t at)
{
    trivet_free(all->models[at]);
    all->n_models--;
    memmove(all->models + at, all->models + at + 1,
            (all->n_models - at) * sizeof(struct trivet_unjoined *));
}

enum trivet_status trivet_live_unjoined_get(struct trivet_live_all *all, const char *model,
                                            struct trivet_unjoined **out, struct trivet_error *err)
{
    size_t at = lower_bound(all, model);
    if (at < all->n_models && strcmp(all->models[at]->model, model) == 0) {
        *out = all->models[at];
        return TRIVET_OK;
    }
    struct trivet_unjoined *made = trivet_calloc(1, sizeof(*made));
    if (made == NULL || all->n_models == TRIVET_LIVE_MODELS_MAX) {
        trivet_free(made);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "no room for outcomes of model %s that joined to nothing", model);
    }
    if (model[0] == '\0' || !trivet_text_copy(made->model, sizeof(made->model), model)) {
        trivet_free(made);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "a model name has 1 to 64 bytes");
    }
    struct trivet_unjoined **models =
        trivet_realloc_array(all->models, all->n_models + 1, sizeof(struct trivet_unjoined *));
    if (models == NULL) {
        trivet_free(made);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for outcomes");
    }
    all->models = models;
    memmove(models + at + 1, models + at, (all->n_models - at) * sizeof(struct trivet_unjoined *));
    models[at] = made;
    all->n_models++;
    *out = made;
    return TRIVET_OK;
}

static void add_unjoined(struct trivet_unjoined_counts *into,
                         const struct trivet_unjoined_counts *from)
{
    into->unmatched += from->unmatched;
    into->not_sampled += from->not_sampled;
    into->refused += from->refused;
    into->invalid += from->invalid;
}

enum trivet_status trivet_live_unjoined(struct trivet_monitor *monitor, size_t index,
                                        const Trivet__V1__UnjoinedTotals *totals,
                                        struct trivet_error *err)
{
    struct trivet_unjoined *unjoined = NULL;
    const struct trivet_unjoined_counts counts = {totals->unmatched, totals->not_sampled,
                                                  totals->refused, totals->invalid};
    if (trivet_monitor_is_unjoined_gone(monitor, index, totals->model, &counts)) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_live_unjoined_get(&monitor->live, totals->model, &unjoined, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_unjoined_counts *current = &unjoined->current[index];
    /* The server had let the model go, and its totals begin at zero again. */
    if (totals->life > unjoined->lives[index]) {
        add_unjoined(&unjoined->base, current);
        *current = (struct trivet_unjoined_counts){0};
        unjoined->lives[index] = totals->life;
        unjoined->changed = true;
    }
    if (totals->life < unjoined->lives[index] || counts.unmatched < current->unmatched ||
        counts.not_sampled < current->not_sampled || counts.refused < current->refused ||
        counts.invalid < current->invalid) {
        monitor->stale++;
        return TRIVET_OK;
    }
    bool news = memcmp(current, &counts, sizeof(counts)) != 0;
    unjoined->changed = unjoined->changed || news;
    unjoined->active_us = news ? monitor->upkeep.ticked_us : unjoined->active_us;
    *current = counts;
    return TRIVET_OK;
}

void trivet_live_unjoined_sum(const struct trivet_unjoined *unjoined,
                              struct trivet_unjoined_counts *out)
{
    *out = unjoined->base;
    for (size_t s = 0; s < TRIVET_LIVE_SOURCES; s++) {
        add_unjoined(out, &unjoined->current[s]);
    }
}

/* --- epochs ----------------------------------------------------------------------------------- */

void trivet_live_fold(struct trivet_monitor *monitor, size_t source)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_live *live = &monitor->series[i]->live;
        struct trivet_error err;
        if (live->quality != NULL &&
            trivet_quality_fold(live->quality, source, &err) != TRIVET_OK) {
            trivet_log(TRIVET_LOG_ERROR, "quality_lost", "model=%s message=%s",
                       monitor->series[i]->model, err.message);
        }
        for (size_t k = 0; k < live->n_shadows; k++) {
            struct trivet_shadow_sums *current = live->shadows[k]->current[source];
            if (current != NULL) {
                add_shadow(&live->shadows[k]->base, current);
                *current = (struct trivet_shadow_sums){0};
                live->shadows_changed = true;
            }
        }
    }
    for (size_t i = 0; i < monitor->live.n_models; i++) {
        struct trivet_unjoined *unjoined = monitor->live.models[i];
        add_unjoined(&unjoined->base, &unjoined->current[source]);
        unjoined->current[source] = (struct trivet_unjoined_counts){0};
        unjoined->lives[source] = 0;
        unjoined->changed = true;
    }
}

/* --- the version's own test ------------------------------------------------------------------- */

bool trivet_live_test_wanted(struct trivet_monitor *monitor, size_t source, int64_t now_us,
                             char *model, uint64_t *version)
{
    bool found = false;
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->n_series && !found; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        struct trivet_monitor_live *live = &series->live;
        found = live->quality != NULL && live->quality->parts[source] != NULL &&
                !live->test.known &&
                (live->asked_us == 0 || now_us - live->asked_us > TRIVET_LIVE_RETRY_US);
        if (found) {
            live->asked_us = now_us;
            memcpy(model, series->model, sizeof(series->model));
            *version = series->version;
        }
    }
    pthread_mutex_unlock(&monitor->lock);
    return found;
}

static double metric_of(const Trivet__V1__Version *version, const char *name)
{
    for (size_t i = 0; i < version->n_metrics; i++) {
        if (version->metrics[i]->defined && strcmp(version->metrics[i]->name, name) == 0) {
            return version->metrics[i]->value;
        }
    }
    return (double)NAN;
}

void trivet_live_test_take(struct trivet_monitor *monitor, const Trivet__V1__Model *model)
{
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < model->n_versions; i++) {
        const Trivet__V1__Version *version = model->versions[i];
        struct trivet_monitor_series *series =
            trivet_monitor_find(monitor, model->name, version->version);
        if (series != NULL) {
            series->live.test = (struct trivet_live_test){
                .known = true,
                .accuracy = metric_of(version, "accuracy"),
                .f1_macro = metric_of(version, "f1_macro"),
                .mae = metric_of(version, "mae"),
                .mse = metric_of(version, "mse"),
                .r2 = metric_of(version, "r2"),
            };
        }
    }
    pthread_mutex_unlock(&monitor->lock);
}
