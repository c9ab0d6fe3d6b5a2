/* How much of the server's limits is used: what trivet_totals_set_source is given. */
#ifndef TRIVET_SERVER_SATURATION_H
#define TRIVET_SERVER_SATURATION_H

#include "events/totals.h"
#include "rpc/dispatch.h"
#include "rpc/listener.h"
#include "serving/pool.h"
#include "serving/servable_set.h"
#include "training/jobs.h"

/* Borrowed; all there while the totals have it as their source. */
struct trivet_saturation_sources {
    struct trivet_pool *pool;
    struct trivet_servable_set *servables;
    struct trivet_jobs *jobs;
    struct trivet_dispatch *dispatch;
    const struct trivet_listener_ops *transport;
    const struct trivet_listener *listener;
    uint64_t queue_rows_max;
    uint32_t calls_max;
    uint32_t connections_max;
    uint64_t model_bytes_max;
};

/* `ctx`: the sources. Any thread; short locks only. */
void trivet_saturation_read(void *ctx, struct trivet_saturation *out);

#endif
