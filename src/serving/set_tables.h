/* The tables of a servable set: models with the versions in memory, their aliases and their splits.
 * Each function is called with `lock` held unless it says otherwise; none calls out. May be used
 * by: serving. */
#ifndef TRIVET_SERVING_SET_TABLES_H
#define TRIVET_SERVING_SET_TABLES_H

#include "base/compiler.h"
#include "serving/servable.h"
#include "serving/traffic.h"
#include "store/store.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_SET_BUCKETS 1024

/* A version in memory. */
struct trivet_set_loaded {
    struct trivet_servable *servable; /* our reference */
    uint64_t version;
    uint64_t n_bytes;
    size_t n_pins; /* aliases that point at it, and 1 if it is in the split */
    struct trivet_set_loaded *next;
};

struct trivet_set_alias {
    char name[TRIVET_STORE_NAME_BYTES];
    struct trivet_set_loaded *target; /* in the same model; never NULL */
    struct trivet_set_alias *next;
};

struct trivet_set_model {
    char name[TRIVET_STORE_NAME_BYTES];
    struct trivet_set_loaded *versions;
    struct trivet_set_alias *aliases;
    struct trivet_traffic *traffic; /* our reference; NULL = no split */
    struct trivet_set_model *next;  /* hash chain */
};

struct trivet_set_tables {
    pthread_mutex_t lock; /* all below */
    struct trivet_set_model *buckets[TRIVET_SET_BUCKETS];
    size_t n_versions;
    uint64_t n_bytes;
};

/* The link that holds the model, or the NULL where it belongs. */
struct trivet_set_model **trivet_set_find_model(struct trivet_set_tables *tables, const char *name);
/* NULL when there is none; `model` may be NULL. */
struct trivet_set_loaded *trivet_set_find_loaded(struct trivet_set_model *model, uint64_t version);
struct trivet_set_alias *trivet_set_find_alias(struct trivet_set_model *model, const char *name);
/* Puts `servable` into the tables, taking the reference. NULL when out of memory. Takes `lock`. */
struct trivet_set_loaded *trivet_set_insert(struct trivet_set_tables *tables,
                                            struct trivet_servable *servable);
/* The alias `fresh->name` (which it takes) points at `loaded` from now on; returns what is to be
 * freed. */
struct trivet_set_alias *trivet_set_put_alias(struct trivet_set_model *model,
                                              struct trivet_set_alias *fresh,
                                              struct trivet_set_loaded *loaded);
/* Takes the alias out, to be freed; NULL when there is none. `model` may be NULL. */
struct trivet_set_alias *trivet_set_take_alias(struct trivet_set_model *model, const char *name);
/* The model's calls are split so from now on (NULL: not), taking the reference; all its versions
 * are in the tables. Returns the split before, whose reference is the caller's. */
struct trivet_traffic *trivet_set_put_traffic(struct trivet_set_model *model,
                                              struct trivet_traffic *traffic);
/* Takes the version out that was used least recently, of those without a pin, but not `kept`; NULL
 * when there is none. */
struct trivet_set_loaded *trivet_set_take_oldest(struct trivet_set_tables *tables,
                                                 const struct trivet_set_loaded *kept);
/* Takes the version out, or all when it is 0; with the aliases that point there, and with the
 * split, should it have a share: *traffic. A model without versions goes. */
struct trivet_set_loaded *trivet_set_take_out(struct trivet_set_tables *tables, const char *name,
                                              uint64_t version, struct trivet_traffic **traffic);

#endif
