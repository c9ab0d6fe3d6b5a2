/* How many outcomes one caller may record for a model: a minute's worth at once, and then as they
 * come back evenly. Any thread. */
#ifndef TRIVET_LIFECYCLE_OUTCOME_LIMIT_H
#define TRIVET_LIFECYCLE_OUTCOME_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Callers remembered, of all models; beyond, the one that was idle longest begins anew. */
#define TRIVET_OUTCOME_CALLERS_MAX 4096

struct trivet_outcome_limit;

/* NULL when out of memory. */
struct trivet_outcome_limit *trivet_outcome_limit_create(void);
void trivet_outcome_limit_free(struct trivet_outcome_limit *limit);

/* Takes `count` from what `caller` (a number for each) may record, all or nothing; `per_minute` >
 * 0. False: *wait_s is in how many seconds there is enough, 0 = never, since it is more than a
 * minute's.
 */
bool trivet_outcome_limit_take(struct trivet_outcome_limit *limit, const char *model,
                               uint64_t caller, uint64_t count, uint32_t per_minute, int64_t now_ns,
                               uint32_t *wait_s);
/* What was taken was not used. */
void trivet_outcome_limit_give_back(struct trivet_outcome_limit *limit, const char *model,
                                    uint64_t caller, uint64_t count);

#endif
