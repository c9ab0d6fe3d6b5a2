/* Server: health, what it is, its running totals. Data plane: answers also while disk is slow. */
#include "rpc/call.h"
#include "rpc/services.h"
#include "trivet/v1/server.pb-c.h"

#include <unistd.h>

#define REASON_BYTES 256

static void live(struct trivet_call *call, void *arg)
{
    (void)arg;
    Trivet__V1__LiveResponse response = TRIVET__V1__LIVE_RESPONSE__INIT;
    trivet_call_finish(call, &response.base);
}

static void out_of_memory(struct trivet_call *call)
{
    struct trivet_error err;
    (void)trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    trivet_call_fail(call, &err);
}

static void ready(struct trivet_call *call, void *arg)
{
    struct trivet_server_service *service = arg;
    Trivet__V1__ReadyResponse response = TRIVET__V1__READY_RESPONSE__INIT;
    char reason[REASON_BYTES] = "";
    response.ready = service->is_ready(service->ctx, reason, sizeof(reason));
    if (!response.ready) {
        response.reason = trivet_arena_strdup(call->arena, reason);
    }
    if (response.reason == NULL) {
        out_of_memory(call);
        return;
    }
    trivet_call_finish(call, &response.base);
}

static bool fill_limits(const struct trivet_server_service *service, struct trivet_arena *arena,
                        Trivet__V1__InfoResponse *response)
{
    Trivet__V1__Limit *limits = trivet_arena_alloc_array(arena, service->n_limits, sizeof(*limits));
    response->limits =
        trivet_arena_alloc_array(arena, service->n_limits, sizeof(Trivet__V1__Limit *));
    bool whole = limits != NULL && response->limits != NULL;
    for (size_t i = 0; whole && i < service->n_limits; i++) {
        trivet__v1__limit__init(&limits[i]);
        limits[i].name = trivet_arena_strdup(arena, service->limits[i].name);
        limits[i].unit = trivet_arena_strdup(arena, service->limits[i].unit);
        limits[i].value = service->limits[i].value;
        response->limits[response->n_limits++] = &limits[i];
        whole = limits[i].name != NULL && limits[i].unit != NULL;
    }
    return whole;
}

static bool fill_listen(const struct trivet_server_service *service, struct trivet_arena *arena,
                        Trivet__V1__InfoResponse *response)
{
    size_t n_listen = atomic_load(&service->n_listen);
    response->listen = trivet_arena_alloc_array(arena, n_listen, sizeof(char *));
    bool whole = response->listen != NULL;
    for (size_t i = 0; whole && i < n_listen; i++) {
        response->listen[i] = trivet_arena_strdup(arena, service->listen[i]);
        whole = response->listen[i] != NULL;
        response->n_listen += whole;
    }
    return whole;
}

static void info(struct trivet_call *call, void *arg)
{
    const struct trivet_server_service *service = arg;
    struct trivet_arena *arena = call->arena;
    Trivet__V1__InfoResponse response = TRIVET__V1__INFO_RESPONSE__INIT;
    response.version = trivet_arena_strdup(arena, TRIVET_VERSION);
    response.publisher_epoch = trivet_publisher_epoch(service->publisher);
    response.started_unix_us = service->started_unix_us;
    response.blas = trivet_arena_strdup(arena, service->blas);
    response.blas_kernel = trivet_arena_strdup(arena, service->blas_kernel);
    response.workers = service->n_workers;
    const char *events = trivet_publisher_url(service->publisher);
    response.events_url = trivet_arena_strdup(arena, events == NULL ? "" : events);
    response.data_dir = trivet_arena_strdup(arena, service->data_dir);
    response.pid = (uint32_t)getpid();
    bool whole = fill_limits(service, arena, &response) && fill_listen(service, arena, &response) &&
                 response.version != NULL && response.blas != NULL &&
                 response.blas_kernel != NULL && response.events_url != NULL &&
                 response.data_dir != NULL;
    if (!whole) {
        out_of_memory(call);
        return;
    }
    trivet_call_finish(call, &response.base);
}

static void stats(struct trivet_call *call, void *arg)
{
    const struct trivet_server_service *service = arg;
    Trivet__V1__StatsResponse response = TRIVET__V1__STATS_RESPONSE__INIT;
    struct trivet_error err;
    response.publisher_epoch = trivet_publisher_epoch(service->publisher);
    /* Read before the totals: they are at least as new as this event. */
    response.sequence = trivet_publisher_sequence(service->publisher);
    enum trivet_status status = trivet_totals_encode_predictions(
        service->totals, false, call->arena, &response.predictions, &response.n_predictions, &err);
    if (status == TRIVET_OK) {
        status = trivet_totals_encode_server(service->totals, call->arena, &response.server, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_shadow_totals_encode(service->shadow_totals, call->arena, &response.shadows,
                                             &response.n_shadows, &err);
    }
    struct trivet_quality_messages quality = {0};
    if (status == TRIVET_OK) {
        status = trivet_quality_encode(service->quality, false, call->arena, &quality, &err);
    }
    response.quality = quality.versions;
    response.n_quality = quality.n_versions;
    response.unjoined = quality.models;
    response.n_unjoined = quality.n_models;
    trivet_call_end(call, status, &response.base, &err);
}

#define DATA(method, handler)                                                                      \
    {                                                                                              \
        .name = method, .plane = TRIVET_PLANE_DATA, .timeout_ms_default = 5000,                    \
        .request_bytes_max = 4096, .handle = handler                                               \
    }

static const struct trivet_method rows[] = {
    DATA("Live", live),   DATA("Ready", ready), DATA("Info", info),
    DATA("Stats", stats), {.name = NULL},
};

enum trivet_status trivet_server_service_add(struct trivet_dispatch *dispatch,
                                             struct trivet_server_service *service,
                                             struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__server__descriptor, rows, service, err);
}
