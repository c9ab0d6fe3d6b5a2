/* What a server used over the last fifteen minutes, from its ServerTotals: one point every five
 * seconds. Fixed memory. Under the owner's lock. */
#ifndef TRIVET_MONITOR_RESOURCES_H
#define TRIVET_MONITOR_RESOURCES_H

#include "trivet/v1/events.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define TRIVET_RESOURCE_POINTS 180
#define TRIVET_RESOURCE_STEP_S 5

/* The newest of the step; rows waiting and calls in hand are the most seen in it. Maxima of 0 are
 * not known, or not limited. */
struct trivet_resource_point {
    int64_t unix_s; /* begin of the step; 0 = none */
    uint64_t epoch; /* of the publisher */
    int64_t at_us;  /* of cpu_seconds */
    double cpu_seconds;
    uint64_t rss_bytes;
    uint32_t threads;
    uint32_t open_files;
    uint64_t queue_rows;
    uint64_t queue_rows_max;
    uint32_t calls_in_hand;
    uint32_t calls_max;
    uint32_t connections;
    uint32_t connections_max;
    uint64_t model_bytes;
    uint64_t model_bytes_max;
    uint32_t models_loaded;
    uint32_t jobs_queued;
    uint32_t jobs_running;
};

struct trivet_resource_ring {
    struct trivet_resource_point points[TRIVET_RESOURCE_POINTS];
};

/* A time that has left the ring is not taken. */
void trivet_resource_ring_add(struct trivet_resource_ring *ring,
                              const Trivet__V1__ServerTotals *totals, uint64_t epoch,
                              int64_t at_us);
/* The point of a step that begins at `unix_s`, a multiple of the step; NULL = nothing was heard. */
const struct trivet_resource_point *trivet_resource_ring_at(const struct trivet_resource_ring *ring,
                                                            int64_t unix_s);
/* Cores used on average between two points of one epoch, the later one second; NaN = not known. */
double trivet_resource_cores(const struct trivet_resource_point *before,
                             const struct trivet_resource_point *after);

#endif
