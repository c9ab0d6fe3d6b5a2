/* Aliases whose version could not be loaded: what a set of servables lacks. Any thread; its lock is
 * a leaf. May be used by: serving. */
#ifndef TRIVET_SERVING_SET_MISSING_H
#define TRIVET_SERVING_SET_MISSING_H

#include "base/compiler.h"
#include "store/store.h"

#include <pthread.h>
#include <stdbool.h>

struct trivet_missing_alias;

struct trivet_set_missing {
    pthread_mutex_t lock;
    struct trivet_missing_alias *first; /* the oldest */
};

void trivet_set_missing_init(struct trivet_set_missing *missing);
void trivet_set_missing_release(struct trivet_set_missing *missing);
/* Each is kept once. False: out of memory. */
bool trivet_set_missing_add(struct trivet_set_missing *missing, const char *model,
                            const char *alias) TRIVET_MUST_USE;
/* It is there now; `alias` NULL: none of the model's is missed any more. */
void trivet_set_missing_remove(struct trivet_set_missing *missing, const char *model,
                               const char *alias);
/* The oldest, or false when nothing is missed. */
bool trivet_set_missing_first(struct trivet_set_missing *missing,
                              char model[TRIVET_STORE_NAME_BYTES],
                              char alias[TRIVET_STORE_NAME_BYTES]);

#endif
