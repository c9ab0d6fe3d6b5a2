#include "serving/set_tables.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

struct trivet_set_model **trivet_set_find_model(struct trivet_set_tables *tables, const char *name)
{
    uint64_t hash = trivet_hash_bytes(name, strlen(name));
    struct trivet_set_model **link = &tables->buckets[hash % TRIVET_SET_BUCKETS];
    while (*link != NULL && strcmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    return link;
}

struct trivet_set_loaded *trivet_set_find_loaded(struct trivet_set_model *model, uint64_t version)
{
    struct trivet_set_loaded *loaded = model != NULL ? model->versions : NULL;
    while (loaded != NULL && loaded->version != version) {
        loaded = loaded->next;
    }
    return loaded;
}

struct trivet_set_alias *trivet_set_find_alias(struct trivet_set_model *model, const char *name)
{
    struct trivet_set_alias *alias = model != NULL ? model->aliases : NULL;
    while (alias != NULL && strcmp(alias->name, name) != 0) {
        alias = alias->next;
    }
    return alias;
}

/* --- in -------------------------------------------------------------------------------------- */

struct trivet_set_loaded *trivet_set_insert(struct trivet_set_tables *tables,
                                            struct trivet_servable *servable)
{
    struct trivet_set_loaded *loaded = trivet_calloc(1, sizeof(*loaded));
    struct trivet_set_model *fresh = trivet_calloc(1, sizeof(*fresh));
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
    pthread_mutex_lock(&tables->lock);
    struct trivet_set_model **link = trivet_set_find_model(tables, fresh->name);
    if (*link == NULL) {
        *link = fresh;
        fresh = NULL;
    }
    loaded->next = (*link)->versions;
    (*link)->versions = loaded;
    tables->n_versions++;
    tables->n_bytes += loaded->n_bytes;
    pthread_mutex_unlock(&tables->lock);
    trivet_free(fresh);
    return loaded;
}

struct trivet_set_alias *trivet_set_put_alias(struct trivet_set_model *model,
                                              struct trivet_set_alias *fresh,
                                              struct trivet_set_loaded *loaded)
{
    struct trivet_set_alias *alias = trivet_set_find_alias(model, fresh->name);
    if (alias == NULL) {
        alias = fresh;
        fresh = NULL;
        alias->next = model->aliases;
        model->aliases = alias;
    } else {
        alias->target->n_pins--;
    }
    alias->target = loaded;
    loaded->n_pins++;
    return fresh;
}

struct trivet_set_alias *trivet_set_take_alias(struct trivet_set_model *model, const char *name)
{
    struct trivet_set_alias **link = model == NULL ? NULL : &model->aliases;
    while (link != NULL && *link != NULL && strcmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    struct trivet_set_alias *alias = link == NULL ? NULL : *link;
    if (alias != NULL) {
        *link = alias->next;
        alias->target->n_pins--;
    }
    return alias;
}

static bool has_member(const struct trivet_traffic *traffic, uint64_t version)
{
    size_t n_shares;
    size_t n_shadows;
    bool found = false;
    const struct trivet_traffic_member *shares = trivet_traffic_shares(traffic, &n_shares);
    const struct trivet_traffic_member *shadows = trivet_traffic_shadows(traffic, &n_shadows);
    for (size_t i = 0; i < n_shares + n_shadows && !found; i++) {
        const struct trivet_traffic_member *member =
            i < n_shares ? &shares[i] : &shadows[i - n_shares];
        found = trivet_servable_version(member->servable) == version;
    }
    return found;
}

struct trivet_traffic *trivet_set_put_traffic(struct trivet_set_model *model,
                                              struct trivet_traffic *traffic)
{
    struct trivet_traffic *before = model->traffic;
    for (struct trivet_set_loaded *loaded = model->versions; loaded != NULL;
         loaded = loaded->next) {
        loaded->n_pins -= before != NULL && has_member(before, loaded->version);
        loaded->n_pins += traffic != NULL && has_member(traffic, loaded->version);
    }
    model->traffic = traffic;
    return before;
}

/* --- out ------------------------------------------------------------------------------------- */

static void unlink_loaded(struct trivet_set_tables *tables, struct trivet_set_model *model,
                          struct trivet_set_loaded *loaded)
{
    struct trivet_set_loaded **link = &model->versions;
    while (*link != loaded) {
        link = &(*link)->next;
    }
    *link = loaded->next;
    tables->n_versions--;
    tables->n_bytes -= loaded->n_bytes;
}

/* A model without versions has neither aliases nor a split: its entry goes. */
static void drop_if_empty(struct trivet_set_tables *tables, const char *name)
{
    struct trivet_set_model **link = trivet_set_find_model(tables, name);
    struct trivet_set_model *model = *link;
    if (model != NULL && model->versions == NULL) {
        *link = model->next;
        trivet_free(model);
    }
}

struct trivet_set_loaded *trivet_set_take_oldest(struct trivet_set_tables *tables,
                                                 const struct trivet_set_loaded *kept)
{
    struct trivet_set_loaded *oldest = NULL;
    struct trivet_set_model *owner = NULL;
    for (size_t i = 0; i < TRIVET_SET_BUCKETS; i++) {
        for (struct trivet_set_model *model = tables->buckets[i]; model != NULL;
             model = model->next) {
            for (struct trivet_set_loaded *loaded = model->versions; loaded != NULL;
                 loaded = loaded->next) {
                if (loaded != kept && loaded->n_pins == 0 &&
                    (oldest == NULL || trivet_servable_touched_ns(loaded->servable) <
                                           trivet_servable_touched_ns(oldest->servable))) {
                    oldest = loaded;
                    owner = model;
                }
            }
        }
    }
    if (oldest != NULL) {
        unlink_loaded(tables, owner, oldest);
        drop_if_empty(tables, owner->name);
    }
    return oldest;
}

static void drop_aliases(struct trivet_set_model *model, uint64_t version)
{
    struct trivet_set_alias **link = &model->aliases;
    while (*link != NULL) {
        struct trivet_set_alias *alias = *link;
        if (version == 0 || alias->target->version == version) {
            *link = alias->next;
            trivet_free(alias);
        } else {
            link = &alias->next;
        }
    }
}

struct trivet_set_loaded *trivet_set_take_out(struct trivet_set_tables *tables, const char *name,
                                              uint64_t version, struct trivet_traffic **traffic)
{
    struct trivet_set_model *model = *trivet_set_find_model(tables, name);
    struct trivet_set_loaded *gone = NULL;
    *traffic = NULL;
    if (model == NULL) {
        return NULL;
    }
    if (model->traffic != NULL && (version == 0 || has_member(model->traffic, version))) {
        *traffic = trivet_set_put_traffic(model, NULL);
    }
    drop_aliases(model, version);
    struct trivet_set_loaded *next;
    for (struct trivet_set_loaded *loaded = model->versions; loaded != NULL; loaded = next) {
        next = loaded->next;
        if (version == 0 || loaded->version == version) {
            unlink_loaded(tables, model, loaded);
            loaded->next = gone;
            gone = loaded;
        }
    }
    drop_if_empty(tables, name);
    return gone;
}
