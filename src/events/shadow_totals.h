/* Shadows beside what was answered: running totals of each pair of a shadow and the version that
 * answered, since the publisher's epoch. */
#ifndef TRIVET_EVENTS_SHADOW_TOTALS_H
#define TRIVET_EVENTS_SHADOW_TOTALS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "events/publisher.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_SHADOW_PAIRS_MAX 1024

struct trivet_shadow_totals;
/* Totals of one pair, while a reference is held. */
struct trivet_shadow_pair;

struct trivet_shadow_totals *trivet_shadow_totals_create(void); /* NULL when out of memory */
/* After the publisher is closed, if it was told of them. */
void trivet_shadow_totals_free(struct trivet_shadow_totals *totals);
/* Publishes what changed at each of the publisher's ticks, and everything every 5 s. */
void trivet_shadow_totals_publish(struct trivet_shadow_totals *totals,
                                  struct trivet_publisher *publisher);

/* Of a pair, made at first use: a reference, to be given back after the last addition. Of more than
 * TRIVET_SHADOW_PAIRS_MAX pairs the one without news for the longest time makes room, and begins
 * again at zero, in another life, when it is back; while all are in use or have news that are not
 * published, the rest share one named "(other)". NULL when out of memory. Any thread; without a
 * lock unless the pair is new. */
struct trivet_shadow_pair *trivet_shadow_totals_pair(struct trivet_shadow_totals *totals,
                                                     const char *model, uint64_t version,
                                                     uint64_t answered_by);
/* NULL is fine. Any thread; without a lock. */
void trivet_shadow_pair_release(struct trivet_shadow_pair *pair);

/* Rows, as in ShadowTotals. */
struct trivet_shadow_counts {
    uint64_t compared;
    uint64_t equal;
    uint64_t failed;
    uint64_t immense;
    double absolute_difference;
    double squared_difference;
    uint64_t compute_ns; /* of one batch; 0 = none */
};
/* Any thread; a short lock of that pair. */
void trivet_shadow_pair_add(struct trivet_shadow_pair *pair,
                            const struct trivet_shadow_counts *counts);
/* Rows left out. Any thread; without a lock. */
void trivet_shadow_pair_skip(struct trivet_shadow_pair *pair, uint64_t n_rows);

/* Messages in `arena`; all pairs. Any thread. */
enum trivet_status trivet_shadow_totals_encode(struct trivet_shadow_totals *totals,
                                               struct trivet_arena *arena,
                                               Trivet__V1__ShadowTotals ***out, size_t *n_out,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
