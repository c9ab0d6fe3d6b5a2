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
 * control, tells it to let go when nothing calls. Aliases pin what they point at; the others may be
 * unloaded, least recently used first, when all together take more than memory_bytes_max. */
#include "serving/servable_set.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/set_errors.h"
#include "serving/set_missing.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define BUCKETS         1024
#define RELEASE_WAIT_NS (100 * TRIVET_NS_PER_MS)
#define RELEASE_LOOKS   200

/* A version in memory. */
struct loaded {
    struct trivet_servable *servable; /* our reference */
    uint64_t version;
    uint64_t n_bytes;
    size_t n_aliases;
    struct loaded *next;
};

struct alias {
    char name[TRIVET_STORE_NAME_BYTES];
    struct loaded *target; /* in the same model; never NULL */
    struct alias *next;
};

struct model {
    char name[TRIVET_STORE_NAME_BYTES];
    struct loaded *versions;
    struct alias *aliases;
    struct model *next; /* hash chain */
};

struct trivet_servable_set {
    struct trivet_store *store;
    uint64_t memory_bytes_max;
    struct trivet_servable_set_hooks hooks;
    pthread_mutex_t control;
    struct trivet_servable_watch *watches; /* control */
    _Atomic uint64_t generation;
    struct trivet_set_missing missing;
    pthread_mutex_t lock; /* all below */
    struct model *buckets[BUCKETS];
    uint64_t n_bytes;
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

/* --- the tables, under `lock` ---------------------------------------------------------------- */

static struct model **find_model(struct trivet_servable_set *set, const char *name)
{
    struct model **link = &set->buckets[trivet_hash_bytes(name, strlen(name)) % BUCKETS];
    while (*link != NULL && strcmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static struct loaded *find_loaded(struct model *model, uint64_t version)
{
    struct loaded *loaded = model != NULL ? model->versions : NULL;
    while (loaded != NULL && loaded->version != version) {
        loaded = loaded->next;
    }
    return loaded;
}

static struct alias *find_alias(struct model *model, const char *name)
{
    struct alias *alias = model != NULL ? model->aliases : NULL;
    while (alias != NULL && strcmp(alias->name, name) != 0) {
        alias = alias->next;
    }
    return alias;
}

/* A new reference, or NULL when it is not loaded. `version` 0: by alias. Takes `lock`. */
static struct trivet_servable *look_up(struct trivet_servable_set *set, const char *name,
                                       uint64_t version, const char *alias_name)
{
    struct trivet_servable *servable = NULL;
    pthread_mutex_lock(&set->lock);
    struct model *model = *find_model(set, name);
    struct loaded *loaded = NULL;
    if (version != 0) {
        loaded = find_loaded(model, version);
    } else {
        struct alias *alias = find_alias(model, alias_name);
        loaded = alias != NULL ? alias->target : NULL;
    }
    if (loaded != NULL) {
        servable = trivet_servable_ref(loaded->servable);
    }
    pthread_mutex_unlock(&set->lock);
    if (servable != NULL) {
        trivet_servable_touch(servable, trivet_clock_monotonic_ns());
    }
    return servable;
}

/* Takes `loaded` out of the model's list. */
static void unlink_loaded(struct trivet_servable_set *set, struct model *model,
                          struct loaded *loaded)
{
    struct loaded **link = &model->versions;
    while (*link != loaded) {
        link = &(*link)->next;
    }
    *link = loaded->next;
    set->n_bytes -= loaded->n_bytes;
}

/* A model without versions has no aliases either: its entry goes. */
static void drop_if_empty(struct trivet_servable_set *set, const char *name)
{
    struct model **link = find_model(set, name);
    struct model *model = *link;
    if (model != NULL && model->versions == NULL) {
        *link = model->next;
        trivet_free(model);
    }
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
static void release_loaded(struct trivet_servable_set *set, struct loaded *loaded)
{
    while (loaded != NULL) {
        struct loaded *next = loaded->next;
        if (set->hooks.unloaded != NULL) {
            set->hooks.unloaded(set->hooks.ctx, loaded->servable);
        }
        wait_for_others(loaded->servable);
        trivet_servable_unref(loaded->servable);
        trivet_free(loaded);
        loaded = next;
    }
}

/* The unaliased version used least recently, but not `kept`; NULL when there is none. */
static struct loaded *find_oldest(struct trivet_servable_set *set, const struct loaded *kept,
                                  struct model **model_out)
{
    struct loaded *oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct model *model = set->buckets[i]; model != NULL; model = model->next) {
            for (struct loaded *loaded = model->versions; loaded != NULL; loaded = loaded->next) {
                if (loaded != kept && loaded->n_aliases == 0 &&
                    (oldest == NULL || trivet_servable_touched_ns(loaded->servable) <
                                           trivet_servable_touched_ns(oldest->servable))) {
                    oldest = loaded;
                    *model_out = model;
                }
            }
        }
    }
    return oldest;
}

/* Unloads until the rest fits; `kept` stays (the one that is wanted now). */
static void enforce_cap(struct trivet_servable_set *set, const struct loaded *kept)
{
    if (set->memory_bytes_max == 0) {
        return;
    }
    struct loaded *gone = NULL;
    pthread_mutex_lock(&set->lock);
    while (set->n_bytes > set->memory_bytes_max) {
        struct model *model = NULL;
        struct loaded *oldest = find_oldest(set, kept, &model);
        if (oldest == NULL) {
            break;
        }
        unlink_loaded(set, model, oldest);
        drop_if_empty(set, model->name);
        oldest->next = gone;
        gone = oldest;
    }
    uint64_t n_bytes = set->n_bytes;
    pthread_mutex_unlock(&set->lock);
    if (gone != NULL) {
        tell_watches(set);
    }
    release_loaded(set, gone);
    if (n_bytes > set->memory_bytes_max) {
        trivet_log(TRIVET_LOG_WARN, "models_over_memory_cap",
                   "bytes=%" PRIu64 " bytes_max=%" PRIu64
                   " message=versions that have an alias are kept in memory; raise the cap or "
                   "remove aliases",
                   n_bytes, set->memory_bytes_max);
    }
}

/* Puts `servable` into the tables, taking the reference. NULL when out of memory. */
static struct loaded *insert(struct trivet_servable_set *set, struct trivet_servable *servable)
{
    struct loaded *loaded = trivet_calloc(1, sizeof(*loaded));
    struct model *fresh = trivet_calloc(1, sizeof(*fresh));
    if (loaded == NULL || fresh == NULL) {
        trivet_free(loaded);
        trivet_free(fresh);
        return NULL;
    }
    loaded->servable = servable;
    loaded->version = trivet_servable_version(servable);
    loaded->n_bytes = trivet_servable_memory_bytes(servable);
    trivet_servable_touch(servable, trivet_clock_monotonic_ns());
    (void)trivet_text_copy(fresh->name, sizeof(fresh->name), trivet_servable_model(servable));
    pthread_mutex_lock(&set->lock);
    struct model **link = find_model(set, fresh->name);
    if (*link == NULL) {
        *link = fresh;
        fresh = NULL;
    }
    loaded->next = (*link)->versions;
    (*link)->versions = loaded;
    set->n_bytes += loaded->n_bytes;
    pthread_mutex_unlock(&set->lock);
    trivet_free(fresh);
    return loaded;
}

/* Reads and warms the version, unless it is in memory. *out: in the tables, it stays there while
 * `control` is held. */
static enum trivet_status ensure_loaded(struct trivet_servable_set *set, const char *model,
                                        uint64_t version, struct loaded **out,
                                        struct trivet_error *err)
{
    pthread_mutex_lock(&set->lock);
    struct loaded *loaded = find_loaded(*find_model(set, model), version);
    pthread_mutex_unlock(&set->lock);
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
    loaded = insert(set, servable);
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

/* The alias answers with `loaded` from now on. */
static enum trivet_status swap_alias(struct trivet_servable_set *set, const char *model_name,
                                     const char *alias_name, struct loaded *loaded,
                                     struct trivet_error *err)
{
    struct alias *fresh = trivet_calloc(1, sizeof(*fresh));
    if (fresh == NULL) {
        return out_of_memory(err);
    }
    (void)trivet_text_copy(fresh->name, sizeof(fresh->name), alias_name);
    pthread_mutex_lock(&set->lock);
    struct model *model = *find_model(set, model_name);
    struct alias *alias = find_alias(model, alias_name);
    if (alias == NULL) {
        alias = fresh;
        fresh = NULL;
        alias->next = model->aliases;
        model->aliases = alias;
    } else {
        alias->target->n_aliases--;
    }
    alias->target = loaded;
    loaded->n_aliases++;
    pthread_mutex_unlock(&set->lock);
    trivet_set_missing_remove(&set->missing, model_name, alias_name);
    tell_watches(set);
    trivet_free(fresh);
    return TRIVET_OK;
}

/* Load what the store says the alias means, and let it answer. */
static enum trivet_status follow_alias(struct trivet_servable_set *set, const char *model,
                                       const char *alias, struct loaded **out,
                                       struct trivet_error *err)
{
    uint64_t version = 0;
    struct loaded *loaded = NULL;
    enum trivet_status status = trivet_set_stored_alias(set->store, model, alias, &version, err);
    if (status == TRIVET_OK) {
        status = ensure_loaded(set, model, version, &loaded, err);
    }
    if (status == TRIVET_OK) {
        status = swap_alias(set, model, alias, loaded, err);
    }
    if (loaded != NULL) {
        enforce_cap(set, loaded);
    }
    if (status == TRIVET_OK) {
        *out = loaded;
    }
    return status;
}

/* Out of the tables: the version, or all when it is 0; with the aliases that point there. */
static struct loaded *take_out(struct trivet_servable_set *set, struct model *model,
                               uint64_t version)
{
    struct loaded *gone = NULL;
    struct alias **alias_link = &model->aliases;
    while (*alias_link != NULL) {
        struct alias *alias = *alias_link;
        if (version == 0 || alias->target->version == version) {
            *alias_link = alias->next;
            trivet_free(alias);
        } else {
            alias_link = &alias->next;
        }
    }
    struct loaded *next;
    for (struct loaded *loaded = model->versions; loaded != NULL; loaded = next) {
        next = loaded->next;
        if (version == 0 || loaded->version == version) {
            unlink_loaded(set, model, loaded);
            loaded->next = gone;
            gone = loaded;
        }
    }
    return gone;
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
    pthread_mutex_init(&set->lock, NULL);
    *out = set;
    return TRIVET_OK;
}

void trivet_servable_set_free(struct trivet_servable_set *set)
{
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (set->buckets[i] != NULL) {
            struct model *model = set->buckets[i];
            set->buckets[i] = model->next;
            release_loaded(set, take_out(set, model, 0));
            trivet_free(model);
        }
    }
    trivet_set_missing_release(&set->missing);
    pthread_mutex_destroy(&set->lock);
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
    struct loaded *loaded = NULL;
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

void trivet_servable_set_drop(struct trivet_servable_set *set, const char *model, uint64_t version)
{
    struct loaded *gone = NULL;
    pthread_mutex_lock(&set->control);
    pthread_mutex_lock(&set->lock);
    struct model *entry = *find_model(set, model);
    if (entry != NULL) {
        gone = take_out(set, entry, version);
        drop_if_empty(set, model);
    }
    pthread_mutex_unlock(&set->lock);
    if (version == 0) {
        trivet_set_missing_remove(&set->missing, model, NULL);
    }
    tell_watches(set);
    release_loaded(set, gone);
    pthread_mutex_unlock(&set->control);
}

struct trivet_servable *trivet_servable_set_peek(struct trivet_servable_set *set, const char *model,
                                                 uint64_t version, const char *alias)
{
    return look_up(set, model, version, alias_or_default(alias));
}

enum trivet_status trivet_servable_set_find(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out, struct trivet_error *err)
{
    alias = alias_or_default(alias);
    struct trivet_servable *servable = look_up(set, model, version, alias);
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

enum trivet_status trivet_servable_set_load(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out, struct trivet_error *err)
{
    alias = alias_or_default(alias);
    struct trivet_servable *servable = look_up(set, model, version, alias);
    if (servable != NULL) {
        *out = servable;
        return TRIVET_OK;
    }
    struct loaded *loaded = NULL;
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
