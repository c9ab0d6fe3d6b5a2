/* DESIGN
 *
 * Two locks. `control` is held through a load, a promotion or a drop, reading the store and
 * calling the hooks under it: changes happen one after the other, so a version is loaded once
 * however many ask for it. What an alias means is read from the store under it: of two promotions
 * the one that the store has last also wins here. `lock` guards the tables and is held for a
 * look-up or a swap of pointers, never through store, hook, load or free: it is all that a
 * prediction takes.
 *
 * Lock order: control, lock. The store's locks come inside control. Hooks run under control: they
 * must not call back into the set.
 *
 * Each loaded version holds one reference; a version that leaves is unreferenced after `lock` is
 * free, and lives on while a prediction has it, for which we wait a moment. A hot path may keep
 * references beyond a call: it compares `generation` before each use, and its watch, called under
 * control, tells it to let go when nothing calls. Aliases pin what they point at, and a split its
 * versions; the others may be unloaded, least recently used first, when all together take more than
 * memory_bytes_max. */
#include "serving/servable_set.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/set_errors.h"
#include "serving/set_missing.h"
#include "serving/set_tables.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define RELEASE_WAIT_NS (100 * TRIVET_NS_PER_MS)
#define RELEASE_LOOKS   200
#define WARN_EVERY_NS   (60 * TRIVET_NS_PER_S)

struct trivet_servable_set {
    struct trivet_store *store;
    uint64_t memory_bytes_max;
    struct trivet_servable_set_hooks hooks;
    pthread_mutex_t control;
    struct trivet_servable_watch *watches; /* control */
    int64_t warned_ns;                     /* control; of the cap, 0 = never */
    _Atomic uint64_t generation;
    struct trivet_set_missing missing;
    struct trivet_set_tables tables;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in the table of loaded versions");
}

static const char *alias_or_default(const char *alias)
{
    return alias == NULL || alias[0] == '\0' ? TRIVET_ALIAS_PRODUCTION : alias;
}

/* New references: to the version, or to the split when there is one and `traffic` is asked for. */
struct found {
    struct trivet_servable *servable;
    struct trivet_traffic *traffic;
};

/* Both NULL when it is not loaded. `version` 0: by alias. */
static struct found look_up(struct trivet_servable_set *set, const char *name, uint64_t version,
                            const char *alias_name, bool traffic)
{
    struct found found = {0};
    struct trivet_set_loaded *loaded = NULL;
    pthread_mutex_lock(&set->tables.lock);
    struct trivet_set_model *model = *trivet_set_find_model(&set->tables, name);
    if (version != 0) {
        loaded = trivet_set_find_loaded(model, version);
    } else if (traffic && model != NULL && model->traffic != NULL &&
               strcmp(alias_name, TRIVET_ALIAS_PRODUCTION) == 0) {
        found.traffic = trivet_traffic_ref(model->traffic);
    } else {
        struct trivet_set_alias *alias = trivet_set_find_alias(model, alias_name);
        loaded = alias != NULL ? alias->target : NULL;
    }
    if (loaded != NULL) {
        found.servable = trivet_servable_ref(loaded->servable);
    }
    pthread_mutex_unlock(&set->tables.lock);
    if (found.servable != NULL) {
        trivet_servable_touch(found.servable, trivet_clock_monotonic_ns());
    }
    return found;
}

/* --- changes, under `control` ---------------------------------------------------------------- */

/* The tables say something else than before; `lock` is free. */
static void tell_watches(struct trivet_servable_set *set)
{
    atomic_fetch_add_explicit(&set->generation, 1, memory_order_release);
    for (struct trivet_servable_watch *watch = set->watches; watch != NULL; watch = watch->next) {
        watch->changed(watch->ctx);
    }
}

/* Who lets go last frees, and a large version takes long to free: that should be us, not a loop or
 * a worker. Loops let go when they are woken, calls when they are answered. */
static void wait_for_others(const struct trivet_servable *servable)
{
    const struct timespec moment = {.tv_nsec = RELEASE_WAIT_NS / RELEASE_LOOKS};
    for (int i = 0; i < RELEASE_LOOKS && !trivet_servable_is_last(servable); i++) {
        (void)nanosleep(&moment, NULL);
    }
}

/* Of a version that is in the tables no more; `lock` is free. */
static void release_loaded(struct trivet_servable_set *set, struct trivet_set_loaded *loaded)
{
    while (loaded != NULL) {
        struct trivet_set_loaded *next = loaded->next;
        if (set->hooks.unloaded != NULL) {
            set->hooks.unloaded(set->hooks.ctx, loaded->servable);
        }
        wait_for_others(loaded->servable);
        trivet_servable_unref(loaded->servable);
        trivet_free(loaded);
        loaded = next;
    }
}

/* Every load of a call by number may end over the cap: told now and then, not each time. */
static void warn_over_cap(struct trivet_servable_set *set, uint64_t n_bytes)
{
    const int64_t now_ns = trivet_clock_monotonic_ns();
    if (set->warned_ns != 0 && now_ns - set->warned_ns < WARN_EVERY_NS) {
        return;
    }
    set->warned_ns = now_ns;
    trivet_log(TRIVET_LOG_WARN, "models_over_memory_cap",
               "bytes=%" PRIu64 " bytes_max=%" PRIu64
               " message=versions that have an alias or a share of the traffic, and the one that "
               "was called last, are kept in memory; raise the cap, or remove aliases",
               n_bytes, set->memory_bytes_max);
}

/* Unloads until the rest fits; `kept` stays (the one that is wanted now). */
static void enforce_cap(struct trivet_servable_set *set, const struct trivet_set_loaded *kept)
{
    if (set->memory_bytes_max == 0) {
        return;
    }
    struct trivet_set_loaded *gone = NULL;
    pthread_mutex_lock(&set->tables.lock);
    while (set->tables.n_bytes > set->memory_bytes_max) {
        struct trivet_set_loaded *oldest = trivet_set_take_oldest(&set->tables, kept);
        if (oldest == NULL) {
            break;
        }
        oldest->next = gone;
        gone = oldest;
    }
    uint64_t n_bytes = set->tables.n_bytes;
    pthread_mutex_unlock(&set->tables.lock);
    if (gone != NULL) {
        tell_watches(set);
    }
    release_loaded(set, gone);
    if (n_bytes > set->memory_bytes_max) {
        warn_over_cap(set, n_bytes);
    }
}

/* Reads and warms the version, unless it is in memory. *out: in the tables, it stays there while
 * `control` is held. */
static enum trivet_status ensure_loaded(struct trivet_servable_set *set, const char *model,
                                        uint64_t version, struct trivet_set_loaded **out,
                                        struct trivet_error *err)
{
    pthread_mutex_lock(&set->tables.lock);
    struct trivet_set_loaded *loaded =
        trivet_set_find_loaded(*trivet_set_find_model(&set->tables, model), version);
    pthread_mutex_unlock(&set->tables.lock);
    if (loaded != NULL) {
        *out = loaded;
        return TRIVET_OK;
    }
    struct trivet_store_version record;
    struct trivet_buffer artefact = {0};
    struct trivet_servable *servable = NULL;
    enum trivet_status status =
        trivet_store_version_get(set->store, model, version, &record, &artefact, NULL, err);
    if (status == TRIVET_NOT_FOUND) {
        status = trivet_set_no_version(set->store, model, version, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_servable_create(model, version, artefact.data, artefact.n_bytes, &servable, err);
    }
    trivet_buffer_release(&artefact);
    if (status != TRIVET_OK) {
        return status;
    }
    if (set->hooks.loaded != NULL) {
        set->hooks.loaded(set->hooks.ctx, servable);
    }
    loaded = trivet_set_insert(&set->tables, servable);
    if (loaded == NULL) {
        if (set->hooks.unloaded != NULL) {
            set->hooks.unloaded(set->hooks.ctx, servable);
        }
        trivet_servable_unref(servable);
        return out_of_memory(err);
    }
    *out = loaded;
    return TRIVET_OK;
}

/* The split that the store has for the model, with all its versions loaded and warm; *out NULL:
 * there is none. `production` answers when nothing else does. */
static enum trivet_status load_traffic(struct trivet_servable_set *set, const char *model,
                                       const struct trivet_set_loaded *production,
                                       struct trivet_traffic **out, struct trivet_error *err)
{
    struct trivet_store_share shares[TRIVET_STORE_SHARES_MAX];
    struct trivet_traffic_member members[TRIVET_TRAFFIC_MEMBERS_MAX];
    size_t count = 0;
    bool answers = false;
    enum trivet_status status =
        trivet_store_traffic_list(set->store, model, shares, TRIVET_STORE_SHARES_MAX, &count, err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        struct trivet_set_loaded *loaded = NULL;
        status = ensure_loaded(set, model, shares[i].version, &loaded, err);
        if (status == TRIVET_OK) {
            members[i] = (struct trivet_traffic_member){.servable = loaded->servable,
                                                        .weight = shares[i].weight,
                                                        .shadow = shares[i].shadow};
            answers = answers || !shares[i].shadow;
        }
    }
    if (status != TRIVET_OK || count == 0) {
        return status;
    }
    if (!answers) {
        members[count++] =
            (struct trivet_traffic_member){.servable = production->servable, .weight = 1};
    }
    return trivet_traffic_create(members, count, out, err);
}

/* The alias answers with `loaded` from now on; "production" by the split, if there is one, which is
 * taken. Both at once: no call sees one of them without the other. */
static enum trivet_status swap(struct trivet_servable_set *set, const char *model_name,
                               const char *alias_name, struct trivet_set_loaded *loaded,
                               struct trivet_traffic *traffic, struct trivet_error *err)
{
    struct trivet_set_alias *fresh = trivet_calloc(1, sizeof(*fresh));
    struct trivet_traffic *before = NULL;
    if (fresh == NULL) {
        trivet_traffic_unref(traffic);
        return out_of_memory(err);
    }
    (void)trivet_text_copy(fresh->name, sizeof(fresh->name), alias_name);
    pthread_mutex_lock(&set->tables.lock);
    struct trivet_set_model *model = *trivet_set_find_model(&set->tables, model_name);
    fresh = trivet_set_put_alias(model, fresh, loaded);
    if (strcmp(alias_name, TRIVET_ALIAS_PRODUCTION) == 0) {
        before = trivet_set_put_traffic(model, traffic);
    }
    pthread_mutex_unlock(&set->tables.lock);
    trivet_set_missing_remove(&set->missing, model_name, alias_name);
    tell_watches(set);
    trivet_traffic_unref(before);
    trivet_free(fresh);
    return TRIVET_OK;
}

static bool is_pointed(struct trivet_servable_set *set, const char *model, const char *alias)
{
    pthread_mutex_lock(&set->tables.lock);
    bool found = trivet_set_find_alias(*trivet_set_find_model(&set->tables, model), alias) != NULL;
    pthread_mutex_unlock(&set->tables.lock);
    return found;
}

/* Load what the store says the alias means, and let it answer. When the versions of a split cannot
 * be loaded, all is as before; where there was nothing before, the alias answers alone. */
static enum trivet_status follow_alias(struct trivet_servable_set *set, const char *model,
                                       const char *alias, struct trivet_set_loaded **out,
                                       struct trivet_error *err)
{
    uint64_t version = 0;
    struct trivet_set_loaded *loaded = NULL;
    struct trivet_traffic *traffic = NULL;
    enum trivet_status split = TRIVET_OK;
    enum trivet_status status = trivet_set_stored_alias(set->store, model, alias, &version, err);
    if (status == TRIVET_OK) {
        status = ensure_loaded(set, model, version, &loaded, err);
    }
    if (status == TRIVET_OK && strcmp(alias, TRIVET_ALIAS_PRODUCTION) == 0) {
        split = load_traffic(set, model, loaded, &traffic, err);
        status = split != TRIVET_OK && is_pointed(set, model, alias) ? split : TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        status = swap(set, model, alias, loaded, traffic, split == TRIVET_OK ? err : NULL);
    }
    if (loaded != NULL) {
        enforce_cap(set, loaded);
    }
    if (status == TRIVET_OK && split == TRIVET_OK) {
        *out = loaded;
    }
    return split != TRIVET_OK ? split : status;
}

/* --- the face -------------------------------------------------------------------------------- */

enum trivet_status trivet_servable_set_create(struct trivet_store *store, uint64_t memory_bytes_max,
                                              const struct trivet_servable_set_hooks *hooks,
                                              struct trivet_servable_set **out,
                                              struct trivet_error *err)
{
    struct trivet_servable_set *set = trivet_calloc(1, sizeof(*set));
    if (set == NULL) {
        return out_of_memory(err);
    }
    set->store = store;
    set->memory_bytes_max = memory_bytes_max;
    if (hooks != NULL) {
        set->hooks = *hooks;
    }
    trivet_set_missing_init(&set->missing);
    pthread_mutex_init(&set->control, NULL);
    pthread_mutex_init(&set->tables.lock, NULL);
    *out = set;
    return TRIVET_OK;
}

void trivet_servable_set_free(struct trivet_servable_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < TRIVET_SET_BUCKETS; i++) {
        while (set->tables.buckets[i] != NULL) {
            struct trivet_traffic *traffic = NULL;
            struct trivet_set_loaded *gone =
                trivet_set_take_out(&set->tables, set->tables.buckets[i]->name, 0, &traffic);
            trivet_traffic_unref(traffic);
            release_loaded(set, gone);
        }
    }
    trivet_set_missing_release(&set->missing);
    pthread_mutex_destroy(&set->tables.lock);
    pthread_mutex_destroy(&set->control);
    trivet_free(set);
}

bool trivet_servable_set_missing(struct trivet_servable_set *set,
                                 char model[TRIVET_STORE_NAME_BYTES],
                                 char alias[TRIVET_STORE_NAME_BYTES])
{
    return trivet_set_missing_first(&set->missing, model, alias);
}

enum trivet_status trivet_servable_set_load_aliases(struct trivet_servable_set *set,
                                                    struct trivet_error *err)
{
    struct trivet_store_alias *aliases = NULL;
    size_t count = 0;
    enum trivet_status first = trivet_set_aliases(set->store, NULL, &aliases, &count, err);
    for (size_t i = 0; i < count; i++) {
        struct trivet_error reason;
        enum trivet_status status = trivet_servable_set_point(
            set, aliases[i].model, aliases[i].name, aliases[i].version, &reason);
        if (status != TRIVET_OK &&
            !trivet_set_missing_add(&set->missing, aliases[i].model, aliases[i].name)) {
            status = out_of_memory(&reason);
        }
        if (status != TRIVET_OK && first == TRIVET_OK) {
            first = status;
            if (err != NULL) {
                *err = reason;
            }
        }
    }
    trivet_free(aliases);
    return first;
}

enum trivet_status trivet_servable_set_point(struct trivet_servable_set *set, const char *model,
                                             const char *alias, uint64_t version,
                                             struct trivet_error *err)
{
    struct trivet_set_loaded *loaded = NULL;
    alias = alias_or_default(alias);
    pthread_mutex_lock(&set->control);
    enum trivet_status status = follow_alias(set, model, alias, &loaded, err);
    if (status == TRIVET_OK && loaded->version != version) {
        trivet_log(TRIVET_LOG_INFO, "alias_moved_on",
                   "model=%s alias=%s asked=%" PRIu64 " version=%" PRIu64, model, alias, version,
                   loaded->version);
    }
    pthread_mutex_unlock(&set->control);
    return status;
}

enum trivet_status trivet_servable_set_unpoint(struct trivet_servable_set *set, const char *model,
                                               const char *alias, struct trivet_error *err)
{
    uint64_t version = 0;
    struct trivet_error reason;
    pthread_mutex_lock(&set->control);
    enum trivet_status status =
        trivet_set_stored_alias(set->store, model, alias, &version, &reason);
    if (status == TRIVET_NOT_FOUND) {
        pthread_mutex_lock(&set->tables.lock);
        struct trivet_set_alias *gone =
            trivet_set_take_alias(*trivet_set_find_model(&set->tables, model), alias);
        pthread_mutex_unlock(&set->tables.lock);
        trivet_set_missing_remove(&set->missing, model, alias);
        tell_watches(set);
        trivet_free(gone);
        enforce_cap(set, NULL);
        status = TRIVET_OK;
    } else if (status != TRIVET_OK && err != NULL) {
        *err = reason;
    }
    pthread_mutex_unlock(&set->control);
    return status;
}

void trivet_servable_set_drop(struct trivet_servable_set *set, const char *model, uint64_t version)
{
    struct trivet_traffic *traffic = NULL;
    pthread_mutex_lock(&set->control);
    pthread_mutex_lock(&set->tables.lock);
    struct trivet_set_loaded *gone = trivet_set_take_out(&set->tables, model, version, &traffic);
    pthread_mutex_unlock(&set->tables.lock);
    if (version == 0) {
        trivet_set_missing_remove(&set->missing, model, NULL);
    }
    tell_watches(set);
    trivet_traffic_unref(traffic);
    release_loaded(set, gone);
    pthread_mutex_unlock(&set->control);
}

struct trivet_servable *trivet_servable_set_peek(struct trivet_servable_set *set, const char *model,
                                                 uint64_t version, const char *alias)
{
    return look_up(set, model, version, alias_or_default(alias), false).servable;
}

struct trivet_traffic *trivet_servable_set_peek_traffic(struct trivet_servable_set *set,
                                                        const char *model, const char *alias)
{
    struct found found = look_up(set, model, 0, alias_or_default(alias), true);
    trivet_servable_unref(found.servable);
    return found.traffic;
}

enum trivet_status trivet_servable_set_find_traffic(struct trivet_servable_set *set,
                                                    const char *model, uint64_t version,
                                                    const char *alias, struct trivet_servable **out,
                                                    struct trivet_traffic **traffic,
                                                    struct trivet_error *err)
{
    alias = alias_or_default(alias);
    struct found found = look_up(set, model, version, alias, true);
    if (found.servable == NULL && found.traffic == NULL) {
        return trivet_set_not_loaded(set->store, model, version, alias, err);
    }
    *out = found.servable;
    *traffic = found.traffic;
    return TRIVET_OK;
}

enum trivet_status trivet_servable_set_find(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out, struct trivet_error *err)
{
    alias = alias_or_default(alias);
    struct trivet_servable *servable = look_up(set, model, version, alias, false).servable;
    if (servable != NULL) {
        *out = servable;
        return TRIVET_OK;
    }
    return trivet_set_not_loaded(set->store, model, version, alias, err);
}

uint64_t trivet_servable_set_generation(const struct trivet_servable_set *set)
{
    return atomic_load_explicit(&set->generation, memory_order_acquire);
}

void trivet_servable_set_watch(struct trivet_servable_set *set, struct trivet_servable_watch *watch)
{
    pthread_mutex_lock(&set->control);
    watch->next = set->watches;
    set->watches = watch;
    pthread_mutex_unlock(&set->control);
}

void trivet_servable_set_unwatch(struct trivet_servable_set *set,
                                 struct trivet_servable_watch *watch)
{
    pthread_mutex_lock(&set->control);
    struct trivet_servable_watch **link = &set->watches;
    while (*link != watch) {
        link = &(*link)->next;
    }
    *link = watch->next;
    pthread_mutex_unlock(&set->control);
}

void trivet_servable_set_usage(struct trivet_servable_set *set, size_t *n_versions,
                               uint64_t *n_bytes)
{
    pthread_mutex_lock(&set->tables.lock);
    *n_versions = set->tables.n_versions;
    *n_bytes = set->tables.n_bytes;
    pthread_mutex_unlock(&set->tables.lock);
}

enum trivet_status trivet_servable_set_load(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out, struct trivet_error *err)
{
    alias = alias_or_default(alias);
    struct trivet_servable *servable = look_up(set, model, version, alias, false).servable;
    if (servable != NULL) {
        *out = servable;
        return TRIVET_OK;
    }
    struct trivet_set_loaded *loaded = NULL;
    pthread_mutex_lock(&set->control);
    enum trivet_status status;
    if (version == 0) {
        status = follow_alias(set, model, alias, &loaded, err);
    } else {
        status = ensure_loaded(set, model, version, &loaded, err);
        if (status == TRIVET_OK) {
            enforce_cap(set, loaded);
        }
    }
    if (status == TRIVET_OK) {
        *out = trivet_servable_ref(loaded->servable);
    }
    pthread_mutex_unlock(&set->control);
    return status;
}
