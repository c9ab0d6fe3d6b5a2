/* The running totals of the server, asked for once for all loops: their answer is as big as all
 * models together, and each loop needs little of it. */
#ifndef TRIVET_MONITOR_LOOP_TOTALS_H
#define TRIVET_MONITOR_LOOP_TOTALS_H

#include "base/compiler.h"
#include "trivet/v1/server.pb-c.h"

#include <trivet/error.h>

#include <stdint.h>

struct trivet_loop_totals;

/* An answer, shared; nobody changes it. */
struct trivet_loop_answer {
    const Trivet__V1__StatsResponse *stats;
    struct trivet_arena *arena; /* owns `stats` */
    int n_refs;                 /* the lock's */
};

/* `url` is borrowed. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_loop_totals_create(const char *url, struct trivet_loop_totals **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Whoever waits, and all later calls, get CANCELLED within a quarter of a second. Any thread; NULL
 * is fine. */
void trivet_loop_totals_stop(struct trivet_loop_totals *totals);
/* All answers were given back. NULL is fine. */
void trivet_loop_totals_free(struct trivet_loop_totals *totals);

/* An answer that was asked for at most `age_ns` before this call. Where there is none, one of those
 * who want it makes the call (Server.Stats) and the others wait for it; what it failed with is told
 * to all of them, and is as good for as long. Any thread; blocks for two calls at most. `*out` is
 * to be given back. */
enum trivet_status trivet_loop_totals_get(struct trivet_loop_totals *totals, int64_t age_ns,
                                          struct trivet_loop_answer **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* NULL is fine. */
void trivet_loop_totals_give_back(struct trivet_loop_totals *totals,
                                  struct trivet_loop_answer *answer);

#endif
