#include "monitor/resources.h"

#include <math.h>

#define US_PER_S 1000000

static struct trivet_resource_point point_of(const Trivet__V1__ServerTotals *totals, uint64_t epoch,
                                             int64_t at_us)
{
    return (struct trivet_resource_point){
        .epoch = epoch,
        .at_us = at_us,
        .cpu_seconds = totals->cpu_seconds,
        .rss_bytes = totals->rss_bytes,
        .threads = totals->threads,
        .open_files = totals->open_files,
        .queue_rows = totals->queue_rows,
        .queue_rows_max = totals->queue_rows_max,
        .calls_in_hand = totals->calls_in_hand,
        .calls_max = totals->calls_max,
        .connections = totals->connections,
        .connections_max = totals->connections_max,
        .model_bytes = totals->model_bytes,
        .model_bytes_max = totals->model_bytes_max,
        .models_loaded = totals->models_loaded,
        .jobs_queued = totals->jobs_queued,
        .jobs_running = totals->jobs_running,
    };
}

void trivet_resource_ring_add(struct trivet_resource_ring *ring,
                              const Trivet__V1__ServerTotals *totals, uint64_t epoch, int64_t at_us)
{
    int64_t step = at_us / US_PER_S / TRIVET_RESOURCE_STEP_S;
    if (at_us < 0) {
        return;
    }
    struct trivet_resource_point *slot = &ring->points[step % TRIVET_RESOURCE_POINTS];
    struct trivet_resource_point point = point_of(totals, epoch, at_us);
    point.unix_s = step * TRIVET_RESOURCE_STEP_S;
    if (point.unix_s < slot->unix_s || (point.unix_s == slot->unix_s && at_us < slot->at_us)) {
        return;
    }
    if (point.unix_s == slot->unix_s && slot->epoch == epoch) {
        point.queue_rows =
            slot->queue_rows > point.queue_rows ? slot->queue_rows : point.queue_rows;
        point.calls_in_hand =
            slot->calls_in_hand > point.calls_in_hand ? slot->calls_in_hand : point.calls_in_hand;
    }
    *slot = point;
}

const struct trivet_resource_point *trivet_resource_ring_at(const struct trivet_resource_ring *ring,
                                                            int64_t unix_s)
{
    const struct trivet_resource_point *slot =
        &ring->points[unix_s / TRIVET_RESOURCE_STEP_S % TRIVET_RESOURCE_POINTS];
    return unix_s > 0 && slot->unix_s == unix_s ? slot : NULL;
}

double trivet_resource_cores(const struct trivet_resource_point *before,
                             const struct trivet_resource_point *after)
{
    if (before == NULL || after == NULL || before->epoch != after->epoch ||
        after->at_us <= before->at_us || after->cpu_seconds < before->cpu_seconds) {
        return (double)NAN;
    }
    return (after->cpu_seconds - before->cpu_seconds) * US_PER_S /
           (double)(after->at_us - before->at_us);
}
