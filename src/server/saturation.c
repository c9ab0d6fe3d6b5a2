#include "server/saturation.h"

void trivet_saturation_read(void *ctx, struct trivet_saturation *out)
{
    const struct trivet_saturation_sources *sources = ctx;
    size_t n_versions = 0;
    size_t n_queued = 0;
    size_t n_running = 0;
    trivet_servable_set_usage(sources->servables, &n_versions, &out->model_bytes);
    trivet_jobs_counts(sources->jobs, &n_queued, &n_running);
    out->queue_rows = trivet_pool_queued_rows(sources->pool);
    out->queue_rows_max = sources->queue_rows_max;
    out->calls_in_hand = (uint32_t)trivet_dispatch_in_hand(sources->dispatch);
    out->calls_max = sources->calls_max;
    if (sources->transport->connections != NULL) {
        out->connections = (uint32_t)sources->transport->connections(sources->listener);
        out->connections_max = sources->connections_max;
    }
    out->model_bytes_max = sources->model_bytes_max;
    out->models_loaded = (uint32_t)n_versions;
    out->jobs_queued = (uint32_t)n_queued;
    out->jobs_running = (uint32_t)n_running;
}
