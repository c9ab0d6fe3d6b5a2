#include "lifecycle/outcome_limit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"

#include <math.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define WAYS 8 /* places for one caller */

struct caller {
    uint64_t key; /* of model and caller; 0 = free */
    double used;  /* of the minute's worth, at `at_ns` */
    int64_t at_ns;
};

struct trivet_outcome_limit {
    pthread_mutex_t lock; /* all below */
    struct caller callers[TRIVET_OUTCOME_CALLERS_MAX];
};

struct trivet_outcome_limit *trivet_outcome_limit_create(void)
{
    struct trivet_outcome_limit *limit = trivet_calloc(1, sizeof(*limit));
    if (limit != NULL) {
        pthread_mutex_init(&limit->lock, NULL);
    }
    return limit;
}

void trivet_outcome_limit_free(struct trivet_outcome_limit *limit)
{
    if (limit != NULL) {
        pthread_mutex_destroy(&limit->lock);
        trivet_free(limit);
    }
}

/* Under the lock. The key is a 64-bit hash: two callers that share one share their minute. */
static struct caller *find_caller(struct trivet_outcome_limit *limit, const char *model,
                                  uint64_t caller)
{
    uint64_t key =
        trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)) ^ trivet_hash_mix64(caller)) | 1;
    struct caller *chosen = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct caller *each = &limit->callers[((key >> 1) + i) % TRIVET_OUTCOME_CALLERS_MAX];
        if (each->key == key) {
            return each;
        }
        if (chosen == NULL || each->at_ns < chosen->at_ns) {
            chosen = each;
        }
    }
    *chosen = (struct caller){.key = key};
    return chosen;
}

bool trivet_outcome_limit_take(struct trivet_outcome_limit *limit, const char *model,
                               uint64_t caller, uint64_t count, uint32_t per_minute, int64_t now_ns,
                               uint32_t *wait_s)
{
    double per_s = per_minute / 60.0;
    *wait_s = 0;
    if (count > per_minute) {
        return false;
    }
    pthread_mutex_lock(&limit->lock);
    struct caller *found = find_caller(limit, model, caller);
    double seconds = (double)(now_ns - found->at_ns) / (double)TRIVET_NS_PER_S;
    found->used = fmax(0, found->used - seconds * per_s);
    found->at_ns = now_ns;
    double over = found->used + (double)count - per_minute;
    if (over <= 0) {
        found->used += (double)count;
    } else {
        *wait_s = (uint32_t)ceil(over / per_s);
    }
    pthread_mutex_unlock(&limit->lock);
    return over <= 0;
}

void trivet_outcome_limit_give_back(struct trivet_outcome_limit *limit, const char *model,
                                    uint64_t caller, uint64_t count)
{
    pthread_mutex_lock(&limit->lock);
    struct caller *found = find_caller(limit, model, caller);
    found->used = fmax(0, found->used - (double)count);
    pthread_mutex_unlock(&limit->lock);
}
