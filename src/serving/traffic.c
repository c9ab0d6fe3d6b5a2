#include "serving/traffic.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

/* Multiples of a fraction that is badly approximable by rationals fall evenly into [0, 1): so do
 * turns. Two that are independent of each other: which calls a shadow sees has nothing to do with
 * who answered them. In units of 2^-64. */
#define SHARE_STEP  UINT64_C(0x9e3779b97f4a7c15) /* (sqrt(5) - 1) / 2 */
#define SHADOW_STEP UINT64_C(0x6a09e667f3bcc909) /* sqrt(2) - 1 */

struct trivet_traffic {
    atomic_size_t n_refs;
    uint64_t model_hash;
    size_t n_shares;
    size_t n_shadows;
    struct trivet_traffic_member shares[TRIVET_TRAFFIC_MEMBERS_MAX];
    struct trivet_traffic_member shadows[TRIVET_TRAFFIC_MEMBERS_MAX];
    uint64_t version_hash[TRIVET_TRAFFIC_MEMBERS_MAX]; /* of shares */
    uint64_t weight_end[TRIVET_TRAFFIC_MEMBERS_MAX];   /* sums of weights up to each share */
    _Atomic uint64_t n_turns;
    _Atomic uint64_t n_shadow_turns[TRIVET_TRAFFIC_MEMBERS_MAX];
};

static void add_share(struct trivet_traffic *traffic, const struct trivet_traffic_member *member)
{
    size_t i = traffic->n_shares++;
    traffic->shares[i] = *member;
    traffic->version_hash[i] = trivet_hash_mix64(trivet_servable_version(member->servable));
    traffic->weight_end[i] = (i == 0 ? 0 : traffic->weight_end[i - 1]) + member->weight;
}

enum trivet_status trivet_traffic_create(const struct trivet_traffic_member *members, size_t count,
                                         struct trivet_traffic **out, struct trivet_error *err)
{
    struct trivet_traffic *traffic = trivet_calloc(1, sizeof(*traffic));
    if (traffic == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for a split of the traffic");
    }
    assert(count > 0 && count <= TRIVET_TRAFFIC_MEMBERS_MAX);
    const char *model = trivet_servable_model(members[0].servable);
    atomic_init(&traffic->n_refs, 1);
    traffic->model_hash = trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)));
    for (size_t i = 0; i < count; i++) {
        trivet_servable_ref(members[i].servable);
        if (members[i].shadow) {
            traffic->shadows[traffic->n_shadows++] = members[i];
        } else {
            add_share(traffic, &members[i]);
        }
    }
    assert(traffic->n_shares > 0);
    *out = traffic;
    return TRIVET_OK;
}

struct trivet_traffic *trivet_traffic_ref(struct trivet_traffic *traffic)
{
    /* The caller has a reference, or the set's lock: nothing to order. */
    atomic_fetch_add_explicit(&traffic->n_refs, 1, memory_order_relaxed);
    return traffic;
}

void trivet_traffic_unref(struct trivet_traffic *traffic)
{
    if (traffic == NULL ||
        atomic_fetch_sub_explicit(&traffic->n_refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < traffic->n_shares; i++) {
        trivet_servable_unref(traffic->shares[i].servable);
    }
    for (size_t i = 0; i < traffic->n_shadows; i++) {
        trivet_servable_unref(traffic->shadows[i].servable);
    }
    trivet_free(traffic);
}

const struct trivet_traffic_member *trivet_traffic_shares(const struct trivet_traffic *traffic,
                                                          size_t *count)
{
    *count = traffic->n_shares;
    return traffic->shares;
}

const struct trivet_traffic_member *trivet_traffic_shadows(const struct trivet_traffic *traffic,
                                                           size_t *count)
{
    *count = traffic->n_shadows;
    return traffic->shadows;
}

size_t trivet_traffic_of_key(const struct trivet_traffic *traffic, const char *key, size_t n_bytes)
{
    if (traffic->n_shares == 1) {
        return 0;
    }
    uint64_t hash = trivet_hash_bytes(key, n_bytes) ^ traffic->model_hash;
    double least = INFINITY;
    size_t chosen = 0;
    for (size_t i = 0; i < traffic->n_shares; i++) {
        uint64_t bits = trivet_hash_mix64(hash + traffic->version_hash[i]);
        double u = ((double)(bits >> 11) + 0.5) * 0x1p-53;
        double race = -log(u) / (double)traffic->shares[i].weight;
        if (race < least) {
            least = race;
            chosen = i;
        }
    }
    return chosen;
}

uint64_t trivet_traffic_turn(struct trivet_traffic *traffic)
{
    return (atomic_fetch_add_explicit(&traffic->n_turns, 1, memory_order_relaxed) + 1) * SHARE_STEP;
}

/* The place of a turn in [0, n). */
static uint64_t place_of(uint64_t turn, uint64_t n)
{
    return (turn >> 32) * n >> 32;
}

size_t trivet_traffic_of_turn(const struct trivet_traffic *traffic, uint64_t turn)
{
    uint64_t place = place_of(turn, traffic->weight_end[traffic->n_shares - 1]);
    size_t i = 0;
    while (place >= traffic->weight_end[i]) {
        i++;
    }
    return i;
}

size_t trivet_traffic_choose(struct trivet_traffic *traffic, const char *key, size_t n_bytes,
                             uint64_t *turn)
{
    if (n_bytes > 0) {
        return trivet_traffic_of_key(traffic, key, n_bytes);
    }
    if (*turn == 0) {
        *turn = trivet_traffic_turn(traffic);
    }
    return trivet_traffic_of_turn(traffic, *turn);
}

bool trivet_traffic_is_shadowed(struct trivet_traffic *traffic, size_t i)
{
    uint32_t weight = traffic->shadows[i].weight;
    if (weight >= TRIVET_TRAFFIC_WEIGHT_MAX) {
        return true;
    }
    uint64_t turn =
        atomic_fetch_add_explicit(&traffic->n_shadow_turns[i], 1, memory_order_relaxed) *
        SHADOW_STEP;
    return place_of(turn, TRIVET_TRAFFIC_WEIGHT_MAX) < weight;
}
