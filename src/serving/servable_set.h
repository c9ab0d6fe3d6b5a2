/* Which versions are loaded and which alias answers with which. Readers take a reference under a
 * short lock; loading and freeing happen outside of it. */
#ifndef TRIVET_SERVING_SERVABLE_SET_H
#define TRIVET_SERVING_SERVABLE_SET_H

#include "base/compiler.h"
#include "serving/servable.h"
#include "serving/traffic.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_ALIAS_PRODUCTION "production"

struct trivet_servable_set;

/* Called for every servable that was loaded, before it can be found (may set its user pointer), and
 * when it leaves the set. On the thread that changes the set, under its control lock: they must not
 * call the set, except for trivet_servable_set_find. Either may be NULL. */
struct trivet_servable_set_hooks {
    void (*loaded)(void *ctx, struct trivet_servable *servable);
    void (*unloaded)(void *ctx, struct trivet_servable *servable);
    void *ctx;
};

/* `memory_bytes_max`: cap over loaded versions; of those with neither an alias nor a share
 * of the traffic the least recently used is unloaded first; the others stay, even over the cap (a
 * warning is logged, at most one a minute). 0 = none. `store` is borrowed, `hooks` copied, may be
 * NULL. */
enum trivet_status trivet_servable_set_create(struct trivet_store *store, uint64_t memory_bytes_max,
                                              const struct trivet_servable_set_hooks *hooks,
                                              struct trivet_servable_set **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
void trivet_servable_set_free(struct trivet_servable_set *set);

/* Load what every alias points at; called at start. The first failure is returned after all were
 * tried. */
enum trivet_status trivet_servable_set_load_aliases(struct trivet_servable_set *set,
                                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Whether a version that an alias points at could not be loaded then, and has neither been loaded
 * since nor its alias or model gone; names one of them. Any thread. */
bool trivet_servable_set_missing(struct trivet_servable_set *set,
                                 char model[TRIVET_STORE_NAME_BYTES],
                                 char alias[TRIVET_STORE_NAME_BYTES]);
/* After an alias, or the traffic of the model ("production" then), was stored: load and warm the
 * versions that are not, then swap the pointers, all at once. When the store has moved on since,
 * the newer version is taken. On error the alias answers as before. */
enum trivet_status trivet_servable_set_point(struct trivet_servable_set *set, const char *model,
                                             const char *alias, uint64_t version,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* After an alias was removed from the store: nothing answers by its name. Does nothing when the
 * store has it again. */
enum trivet_status trivet_servable_set_unpoint(struct trivet_servable_set *set, const char *model,
                                               const char *alias,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* After versions were deleted (version 0 = all of the model): drop them. */
void trivet_servable_set_drop(struct trivet_servable_set *set, const char *model, uint64_t version);

/* The data path: never loads; only a miss reads the store, to tell why. `version` 0: by alias (NULL
 * or "" = production). A reference for the caller in *out. NOT_FOUND says what there is and what to
 * do; UNAVAILABLE: it exists but is not loaded (call _load off the data path, then again). */
enum trivet_status trivet_servable_set_find(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* As _find, but only what is in memory: NULL says nothing of why. */
struct trivet_servable *trivet_servable_set_peek(struct trivet_servable_set *set, const char *model,
                                                 uint64_t version, const char *alias);
/* For a prediction: as _find, but where the calls of the alias are split there is a reference to
 * the split in *traffic, and NULL in *out; else the other way round. */
enum trivet_status trivet_servable_set_find_traffic(struct trivet_servable_set *set,
                                                    const char *model, uint64_t version,
                                                    const char *alias, struct trivet_servable **out,
                                                    struct trivet_traffic **traffic,
                                                    struct trivet_error *err) TRIVET_MUST_USE;
/* A reference to the split of the alias; NULL: there is none. */
struct trivet_traffic *trivet_servable_set_peek_traffic(struct trivet_servable_set *set,
                                                        const char *model, const char *alias);
/* For who keeps what _find gave beyond a call: a number that changes whenever an alias or a version
 * does, before the change is acknowledged. Any thread. */
uint64_t trivet_servable_set_generation(const struct trivet_servable_set *set);
/* `changed` is called after each such change, under the control lock: it must not block and not
 * call the set. The watch is the caller's and stays until it is taken back. Any thread. */
struct trivet_servable_watch {
    void (*changed)(void *ctx);
    void *ctx;
    struct trivet_servable_watch *next; /* the set's */
};
void trivet_servable_set_watch(struct trivet_servable_set *set,
                               struct trivet_servable_watch *watch);
void trivet_servable_set_unwatch(struct trivet_servable_set *set,
                                 struct trivet_servable_watch *watch);
/* Versions in memory, and what they take. Any thread. */
void trivet_servable_set_usage(struct trivet_servable_set *set, size_t *n_versions,
                               uint64_t *n_bytes);
/* Control threads: as _find, but loads the version from the store when needed. */
enum trivet_status trivet_servable_set_load(struct trivet_servable_set *set, const char *model,
                                            uint64_t version, const char *alias,
                                            struct trivet_servable **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
