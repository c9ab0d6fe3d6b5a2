/* How the calls of a model are shared by its versions: one split, immutable and reference counted,
 * with references to its versions. A call is given to a version by its key: equal keys to the same
 * version while the shares stay, and when they change no more keys move than must. Calls without a
 * key are spread evenly. */
#ifndef TRIVET_SERVING_TRAFFIC_H
#define TRIVET_SERVING_TRAFFIC_H

#include "base/compiler.h"
#include "serving/servable.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_TRAFFIC_MEMBERS_MAX 17    /* those of a store, and the version of "production" */
#define TRIVET_TRAFFIC_WEIGHT_MAX  10000 /* a shadow with this weight computes for every call */

struct trivet_traffic;

struct trivet_traffic_member {
    struct trivet_servable *servable;
    uint32_t weight; /* 1 to TRIVET_TRAFFIC_WEIGHT_MAX; of a share relative to the others' */
    bool shadow;     /* computes beside, never answers */
};

/* Takes references of its own; the caller has the first one of the split. At least one member is no
 * shadow, and all are versions of one model. RESOURCE_EXHAUSTED when out of memory. */
enum trivet_status trivet_traffic_create(const struct trivet_traffic_member *members, size_t count,
                                         struct trivet_traffic **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
struct trivet_traffic *trivet_traffic_ref(struct trivet_traffic *traffic);
void trivet_traffic_unref(struct trivet_traffic *traffic); /* NULL is fine */

/* Those that answer, and those that do not; borrowed. */
const struct trivet_traffic_member *trivet_traffic_shares(const struct trivet_traffic *traffic,
                                                          size_t *count);
const struct trivet_traffic_member *trivet_traffic_shadows(const struct trivet_traffic *traffic,
                                                           size_t *count);

/* Index of the share that answers the key: that of the least -ln(u) / weight, where u in (0, 1) is
 * the hash of key, model and version (weighted rendezvous; Schindelhauer, Schomaker 2005). So a key
 * leaves a version only when that one's part shrinks. One logarithm a share. Any thread. */
size_t trivet_traffic_of_key(const struct trivet_traffic *traffic, const char *key, size_t n_bytes);
/* The next turn of a call without a key, never 0; and the share that answers it. Any thread. */
uint64_t trivet_traffic_turn(struct trivet_traffic *traffic);
size_t trivet_traffic_of_turn(const struct trivet_traffic *traffic, uint64_t turn);
/* The share for a call, by its key or, when that is empty, by its turn: taken when *turn is 0, so
 * that who looks at the call again comes to the same share. */
size_t trivet_traffic_choose(struct trivet_traffic *traffic, const char *key, size_t n_bytes,
                             uint64_t *turn);
/* Whether shadow `i` computes for a call that was answered; takes the next of its turns. Any
 * thread. */
bool trivet_traffic_is_shadowed(struct trivet_traffic *traffic, size_t i);

#endif
