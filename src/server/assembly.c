/* DESIGN
 * Built bottom up: store (beside totals, pool and publisher), servables, jobs, executor, dispatch
 * with its services, listener. Taken apart the other way round. Each module is handed what it
 * needs; none knows the server. The callbacks below run on threads of the modules named with them
 * and only send events. */
#include "server/assembly.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "events/prediction_log.h"
#include "events/publisher.h"
#include "events/quality.h"
#include "events/totals.h"
#include "http/http.h"
#include "lifecycle/outcome_limit.h"
#include "linalg/blas.h"
#include "rpc/dispatch.h"
#include "rpc/executor.h"
#include "rpc/fast_lane.h"
#include "rpc/listener.h"
#include "rpc/services.h"
#include "rpc/shadows.h"
#include "server/bins_feed.h"
#include "server/job_hooks.h"
#include "server/limits.h"
#include "server/open_log.h"
#include "server/readiness.h"
#include "server/saturation.h"
#include "server/store_opening.h"
#include "serving/observer.h"
#include "serving/pool.h"
#include "serving/servable_set.h"
#include "store/store.h"
#include "training/jobs.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LIMITS_MAX        32
#define PATH_BYTES_MAX    4096
#define BLAS_ADVICE_BYTES 256

struct trivet_server {
    struct trivet_store *store;
    struct trivet_totals *totals;
    struct trivet_quality *quality;
    struct trivet_prediction_log *log;
    struct trivet_outcome_limit *outcome_limit;
    struct trivet_publisher *publisher;
    struct trivet_observers *observers;
    struct trivet_bins_feed *bins;
    struct trivet_servable_set *servables;
    struct trivet_pool *pool;
    struct trivet_jobs *jobs;
    struct trivet_job_hooks job_hooks;
    struct trivet_executor *executor;
    struct trivet_dispatch *dispatch;
    struct trivet_shadow_totals *shadow_totals;
    struct trivet_shadows *shadows;
    const struct trivet_listener_ops *transport;
    struct trivet_listener *listener;
    struct trivet_saturation_sources saturation;
    struct trivet_http *http; /* NULL = off */
    const char *http_hosts[TRIVET_HTTP_HOSTS_MAX];
    struct trivet_fast_lane_options fast_lane;
    struct trivet_prediction_service prediction;
    struct trivet_training_service training;
    struct trivet_evaluation_service evaluation;
    struct trivet_datasets_service datasets;
    struct trivet_models_service models;
    struct trivet_feedback_service feedback;
    struct trivet_server_service self;
    struct trivet_limit limits[LIMITS_MAX];
    const char *listen[TRIVET_LISTEN_MAX];
    char trainer_path[PATH_BYTES_MAX];
    struct trivet_readiness readiness;
};

/* --- what the modules tell ------------------------------------------------------------------- */

/* A control thread, or the one that starts the server. */
static void on_loaded(void *ctx, struct trivet_servable *servable)
{
    struct trivet_server *server = ctx;
    const char *model = trivet_servable_model(servable);
    uint64_t version = trivet_servable_version(servable);
    struct trivet_version_totals *totals = trivet_totals_version(server->totals, model, version);
    trivet_version_totals_set_loaded(totals, true);
    trivet_servable_set_user(servable, totals, trivet_version_totals_release);
    struct trivet_error err;
    if (trivet_observers_add(server->observers, servable, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "drift_not_observed", "message=%s", err.message);
    }
    trivet_publisher_model(server->publisher, model, version,
                           TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_LOADED, "");
}

static void on_unloaded(void *ctx, struct trivet_servable *servable)
{
    struct trivet_server *server = ctx;
    trivet_version_totals_set_loaded(trivet_servable_user(servable), false);
    trivet_publisher_model(server->publisher, trivet_servable_model(servable),
                           trivet_servable_version(servable),
                           TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_UNLOADED, "");
}

/* Any thread. */
static bool is_ready(void *ctx, char *reason, size_t reason_bytes)
{
    struct trivet_server *server = ctx;
    return trivet_readiness_check(&server->readiness, reason, reason_bytes);
}

/* --- building -------------------------------------------------------------------------------- */

static enum trivet_status open_bins(struct trivet_server *server,
                                    const struct trivet_options *options, struct trivet_error *err)
{
    server->observers = trivet_observers_create(options->bins_rows_per_s_max);
    if (server->observers != NULL) {
        const struct trivet_bins_feed_options feed = {
            .observers = server->observers,
            .publisher = server->publisher,
            .every_ns = (int64_t)options->bins_every_ms * TRIVET_NS_PER_MS,
            .bytes_per_s_max = TRIVET_BINS_BYTES_PER_S_MAX,
        };
        server->bins = trivet_bins_feed_create(&feed);
    }
    if (server->bins == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    return TRIVET_OK;
}

static enum trivet_status open_shadows(struct trivet_server *server, struct trivet_error *err)
{
    server->shadow_totals = trivet_shadow_totals_create();
    if (server->shadow_totals == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    trivet_shadow_totals_publish(server->shadow_totals, server->publisher);
    const struct trivet_shadows_options shadows = {
        .totals = server->shadow_totals,
        .queue_rows_max = TRIVET_SHADOW_QUEUE_ROWS_MAX,
        .queue_bytes_max = TRIVET_SHADOW_QUEUE_BYTES_MAX,
    };
    return trivet_shadows_create(&shadows, &server->shadows, err);
}

static enum trivet_status open_pool_and_events(struct trivet_server *server,
                                               const struct trivet_options *options,
                                               struct trivet_error *err)
{
    server->totals = trivet_totals_create();
    server->quality = trivet_quality_create();
    server->outcome_limit = trivet_outcome_limit_create();
    if (server->totals == NULL || server->quality == NULL || server->outcome_limit == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    const struct trivet_pool_options pool = {
        .n_workers = options->n_workers,
        .batch_rows_max = options->batch_rows_max,
        .queue_rows_max = options->queue_rows_max,
        .queue_tasks_max = TRIVET_POOL_TASKS_MAX,
    };
    enum trivet_status status = trivet_pool_create(&pool, &server->pool, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const struct trivet_publisher_options publisher = {
        .url = options->events[0] == '\0' ? NULL : options->events,
        .totals = server->totals,
        .quality = server->quality,
        .samples_per_s_max = TRIVET_SAMPLES_PER_S_MAX,
        .errors_per_s_max = TRIVET_ERROR_SAMPLES_PER_S_MAX,
    };
    status = trivet_publisher_open(&publisher, &server->publisher, err);
    if (status == TRIVET_OK) {
        status = open_bins(server, options, err);
    }
    return status == TRIVET_OK ? open_shadows(server, err) : status;
}

/* Side by side. Of two errors the store's is told: a second server of one directory may find its
 * address taken as well. */
static enum trivet_status open_store_and_events(struct trivet_server *server,
                                                const struct trivet_options *options,
                                                struct trivet_error *err)
{
    struct trivet_store_opening opening;
    struct trivet_error store_err;
    trivet_store_opening_begin(&opening, options->data_dir);
    enum trivet_status status = open_pool_and_events(server, options, err);
    enum trivet_status opened = trivet_store_opening_end(&opening, &server->store, &store_err);
    if (opened != TRIVET_OK) {
        *err = store_err;
        status = opened;
    }
    return status;
}

static enum trivet_status open_serving(struct trivet_server *server,
                                       const struct trivet_options *options,
                                       struct trivet_error *err)
{
    const struct trivet_servable_set_hooks hooks = {
        .loaded = on_loaded, .unloaded = on_unloaded, .ctx = server};
    enum trivet_status status = trivet_servable_set_create(
        server->store, options->model_memory_bytes_max, &hooks, &server->servables, err);
    if (status != TRIVET_OK) {
        return status;
    }
    char model[TRIVET_STORE_NAME_BYTES];
    char alias[TRIVET_STORE_NAME_BYTES];
    server->readiness.servables = server->servables;
    server->readiness.required = options->require_models;
    server->readiness.n_required = options->n_require_models;
    status = trivet_servable_set_load_aliases(server->servables, err);
    if (status != TRIVET_OK && trivet_servable_set_missing(server->servables, model, alias)) {
        /* One broken version must not keep the others from being served. */
        trivet_log(TRIVET_LOG_ERROR, "load_failed", "model=%s alias=%s message=%s", model, alias,
                   err->message);
        status = TRIVET_OK;
    }
    return status;
}

static enum trivet_status open_jobs(struct trivet_server *server,
                                    const struct trivet_options *options, struct trivet_error *err)
{
    ssize_t n_bytes =
        readlink("/proc/self/exe", server->trainer_path, sizeof(server->trainer_path) - 1);
    if (n_bytes < 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot find this program's file: %s",
                                strerror(errno));
    }
    server->trainer_path[n_bytes] = '\0';
    server->job_hooks.publisher = server->publisher;
    server->job_hooks.retention = (struct trivet_retention){
        .store = server->store, .servables = server->servables, .publisher = server->publisher};
    const struct trivet_jobs_options jobs = {
        .trainer_path = server->trainer_path,
        .data_dir = options->data_dir,
        .queue_max = TRIVET_JOBS_QUEUED_MAX,
        .waiters_max = TRIVET_WAITERS_MAX,
        .memory_bytes_max = options->trainer_memory_bytes_max,
        .n_threads = (unsigned)options->n_trainer_threads,
        .on_change = trivet_job_hooks_change,
        .store_version = trivet_job_hooks_store_version,
        .on_version = trivet_job_hooks_version,
        .ctx = &server->job_hooks,
    };
    return trivet_jobs_open(server->store, &jobs, &server->jobs, err);
}

static unsigned n_loops(const struct trivet_options *options)
{
    return options->transport == TRIVET_TRANSPORT_NNG ? 1 : (unsigned)options->n_loops;
}

static void set_limits(struct trivet_server *server, const struct trivet_options *options)
{
    const struct trivet_limit limits[] = {
        {"loops", n_loops(options), "threads"},
        {"inline_us_max", options->inline_us_max, "\xc2\xb5s"},
        {"calls_max", TRIVET_CALLS_MAX, "calls"},
        {"waiters_max", TRIVET_WAITERS_MAX, "calls"},
        {"connections_max", TRIVET_CONNECTIONS_MAX, "connections"},
        {"unsent_bytes_max", TRIVET_UNSENT_BYTES_MAX, "bytes"},
        {"partial_bytes_max", TRIVET_PARTIAL_BYTES_MAX, "bytes"},
        {"message_bytes_max", TRIVET_MESSAGE_BYTES_MAX, "bytes"},
        {"frame_bytes_max", TRIVET_FRAME_BYTES_MAX, "bytes"},
        {"request_bytes_in_hand_max", TRIVET_REQUEST_BYTES_IN_HAND_MAX, "bytes"},
        {"rows_per_call_max", TRIVET_ROWS_MAX_PER_CALL, "rows"},
        {"batch_rows_max", options->batch_rows_max, "rows"},
        {"queue_rows_max", options->queue_rows_max, "rows"},
        {"queue_tasks_max", TRIVET_POOL_TASKS_MAX, "calls"},
        {"control_threads", TRIVET_CONTROL_THREADS, "threads"},
        {"control_queue_max", TRIVET_CONTROL_QUEUE_MAX, "calls"},
        {"shadow_queue_rows_max", TRIVET_SHADOW_QUEUE_ROWS_MAX, "rows"},
        {"shadow_queue_bytes_max", TRIVET_SHADOW_QUEUE_BYTES_MAX, "bytes"},
        {"jobs_queued_max", TRIVET_JOBS_QUEUED_MAX, "jobs"},
        {"chunk_bytes_max", TRIVET_STORE_CHUNK_BYTES_MAX, "bytes"},
        {"evaluate_bytes_max", TRIVET_EVALUATE_BYTES_MAX, "bytes"},
        {"scoring_bytes_max", TRIVET_SCORING_BYTES_MAX, "bytes"},
        {"logged_rows_per_s", TRIVET_LOGGED_ROWS_PER_S, "rows"},
        {"log_model_rows_max", TRIVET_LOG_MODEL_ROWS_MAX, "rows"},
        {"log_rows_max", TRIVET_LOG_ROWS_MAX, "rows"},
        {"log_model_bytes_max", TRIVET_LOG_MODEL_BYTES_MAX, "bytes"},
        {"log_bytes_max", TRIVET_LOG_BYTES_MAX, "bytes"},
        {"outcomes_per_minute_max", TRIVET_OUTCOMES_PER_MINUTE_MAX, "outcomes"},
        {"log_keep_hours", TRIVET_LOG_KEEP_HOURS, "hours"},
        {"model_memory_bytes_max", options->model_memory_bytes_max, "bytes"},
        {"trainer_memory_bytes_max", options->trainer_memory_bytes_max, "bytes"},
    };
    _Static_assert(sizeof(limits) <= sizeof(server->limits), "raise LIMITS_MAX");
    memcpy(server->limits, limits, sizeof(limits));
    server->self.limits = server->limits;
    server->self.n_limits = TRIVET_ARRAY_COUNT(limits);
}

static void fill_services(struct trivet_server *server, const struct trivet_options *options)
{
    server->fast_lane = (struct trivet_fast_lane_options){
        .servables = server->servables,
        .totals = server->totals,
        .publisher = server->publisher,
        .dispatch = server->dispatch,
        .shadows = server->shadows,
        .log = server->log,
        .turn_ns_max = (int64_t)options->inline_us_max * TRIVET_NS_PER_US,
    };
    server->prediction.servables = server->servables;
    server->prediction.pool = server->pool;
    server->prediction.publisher = server->publisher;
    server->prediction.store = server->store;
    server->prediction.jobs = server->jobs;
    server->prediction.shadows = server->shadows;
    server->prediction.log = server->log;
    server->training.jobs = server->jobs;
    server->evaluation.jobs = server->jobs;
    server->evaluation.store = server->store;
    server->evaluation.servables = server->servables;
    server->evaluation.scoring.dataset_bytes_max = TRIVET_EVALUATE_BYTES_MAX;
    server->evaluation.scoring.memory.bytes_max = TRIVET_SCORING_BYTES_MAX;
    server->datasets.store = server->store;
    server->datasets.jobs = server->jobs;
    server->models.store = server->store;
    server->models.servables = server->servables;
    server->models.publisher = server->publisher;
    server->models.log = server->log;
    server->models.retention = server->job_hooks.retention;
    server->feedback.store = server->store;
    server->feedback.servables = server->servables;
    server->feedback.log = server->log;
    server->feedback.quality = server->quality;
    server->feedback.limit = server->outcome_limit;
    server->feedback.outcomes_per_minute_max = TRIVET_OUTCOMES_PER_MINUTE_MAX;
    server->models.scoring = &server->evaluation.scoring;
    server->self.totals = server->totals;
    server->self.shadow_totals = server->shadow_totals;
    server->self.quality = server->quality;
    server->self.publisher = server->publisher;
    server->self.listen = server->listen;
    server->self.data_dir = options->data_dir;
    server->self.blas = trivet_blas_description();
    server->self.blas_kernel = trivet_blas_kernel();
    server->self.n_workers = options->n_workers;
    server->self.started_unix_us = trivet_clock_unix_us();
    server->self.is_ready = is_ready;
    server->self.ctx = server;
    set_limits(server, options);
}

static enum trivet_status add_services(struct trivet_server *server, struct trivet_error *err)
{
    struct trivet_dispatch *dispatch = server->dispatch;
    enum trivet_status status = trivet_prediction_service_add(dispatch, &server->prediction, err);
    if (status == TRIVET_OK) {
        status = trivet_training_service_add(dispatch, &server->training, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_evaluation_service_add(dispatch, &server->evaluation, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_datasets_service_add(dispatch, &server->datasets, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_models_service_add(dispatch, &server->models, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_feedback_service_add(dispatch, &server->feedback, err);
    }
    return status == TRIVET_OK ? trivet_server_service_add(dispatch, &server->self, err) : status;
}

static enum trivet_status open_rpc(struct trivet_server *server,
                                   const struct trivet_options *options, struct trivet_error *err)
{
    enum trivet_status status = trivet_executor_create(
        TRIVET_CONTROL_THREADS, TRIVET_CONTROL_QUEUE_MAX, &server->executor, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const struct trivet_dispatch_options dispatch = {
        .calls_max = (TRIVET_CALLS_MAX + TRIVET_WAITERS_MAX) * n_loops(options),
        .request_bytes_in_hand_max = TRIVET_REQUEST_BYTES_IN_HAND_MAX,
        .frame_bytes_max = TRIVET_FRAME_BYTES_MAX,
        .totals = server->totals,
        .executor = server->executor,
    };
    status = trivet_dispatch_create(&dispatch, &server->dispatch, err);
    if (status == TRIVET_OK) {
        fill_services(server, options);
        status = add_services(server, err);
    }
    return status;
}

static enum trivet_status open_listener(struct trivet_server *server,
                                        const struct trivet_options *options,
                                        struct trivet_error *err)
{
    const char *urls[TRIVET_LISTEN_MAX];
    for (size_t i = 0; i < options->n_listen; i++) {
        urls[i] = options->listen[i];
    }
    const struct trivet_listener_options listener = {
        .urls = urls,
        .n_urls = options->n_listen,
        .exchanges_max = TRIVET_CALLS_MAX + TRIVET_WAITERS_MAX,
        .n_loops = n_loops(options),
        .fast_lane = &trivet_fast_lane_ops,
        .fast_lane_ctx = &server->fast_lane,
        .message_bytes_max = TRIVET_MESSAGE_BYTES_MAX,
        .send_timeout_ms = TRIVET_SEND_TIMEOUT_MS,
        .connections_max = TRIVET_CONNECTIONS_MAX,
        .unsent_bytes_max = TRIVET_UNSENT_BYTES_MAX,
        .unsent_in_all_max = TRIVET_UNSENT_IN_ALL_MAX / n_loops(options),
        .partial_bytes_max = TRIVET_PARTIAL_BYTES_MAX / n_loops(options),
        .hello_timeout_ms = TRIVET_HELLO_TIMEOUT_MS,
        .message_timeout_ms = TRIVET_MESSAGE_TIMEOUT_MS,
        .idle_timeout_ms = TRIVET_IDLE_TIMEOUT_MS,
        .on_request = trivet_dispatch_on_request,
        .ctx = server->dispatch,
    };
    server->transport = options->transport == TRIVET_TRANSPORT_NNG ? &trivet_nng_listener_ops
                                                                   : &trivet_sp_listener_ops;
    enum trivet_status status = server->transport->open(&listener, &server->listener, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < options->n_listen; i++) {
        server->listen[i] = server->transport->url(server->listener, i);
        trivet_log(TRIVET_LOG_INFO, "listening", "transport=%s url=%s", server->transport->name,
                   server->listen[i]);
    }
    atomic_store(&server->self.n_listen, options->n_listen);
    return TRIVET_OK;
}

static void watch_saturation(struct trivet_server *server, const struct trivet_options *options)
{
    server->saturation = (struct trivet_saturation_sources){
        .pool = server->pool,
        .servables = server->servables,
        .jobs = server->jobs,
        .dispatch = server->dispatch,
        .transport = server->transport,
        .listener = server->listener,
        .queue_rows_max = options->queue_rows_max,
        .calls_max = (TRIVET_CALLS_MAX + TRIVET_WAITERS_MAX) * n_loops(options),
        .connections_max = TRIVET_CONNECTIONS_MAX,
        .model_bytes_max = options->model_memory_bytes_max,
    };
    trivet_totals_set_source(server->totals, trivet_saturation_read, &server->saturation);
}

static enum trivet_status open_http(struct trivet_server *server,
                                    const struct trivet_options *options, struct trivet_error *err)
{
    if (options->http[0] == '\0') {
        return TRIVET_OK;
    }
    for (size_t i = 0; i < options->n_http_hosts; i++) {
        server->http_hosts[i] = options->http_hosts[i];
    }
    const struct trivet_http_options http = {
        .address = options->http,
        .hosts = server->http_hosts,
        .n_hosts = options->n_http_hosts,
        .source = {.totals = server->totals,
                   .publisher = server->publisher,
                   .log = server->log,
                   .started_unix_us = server->self.started_unix_us,
                   .is_ready = is_ready,
                   .ctx = server},
    };
    return trivet_http_start(&http, &server->http, err);
}

static void log_blas(void)
{
    char advice[BLAS_ADVICE_BYTES];
    trivet_log(TRIVET_LOG_INFO, "blas", "kernel=%s message=%s", trivet_blas_kernel(),
               trivet_blas_description());
    if (trivet_blas_is_below_cpu(advice, sizeof(advice))) {
        trivet_log(TRIVET_LOG_WARN, "blas_below_cpu", "message=%s", advice);
    }
}

enum trivet_status trivet_server_start(const struct trivet_options *options,
                                       struct trivet_server **out, struct trivet_error *err)
{
    struct trivet_server *server = trivet_calloc(1, sizeof(*server));
    if (server == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    trivet_blas_init();
    log_blas();
    enum trivet_status status = open_store_and_events(server, options, err);
    if (status == TRIVET_OK) {
        status = trivet_server_open_log(server->store, server->quality, &server->log, err);
    }
    if (status == TRIVET_OK) {
        status = open_serving(server, options, err);
    }
    if (status == TRIVET_OK) {
        status = open_jobs(server, options, err);
    }
    if (status == TRIVET_OK) {
        status = open_rpc(server, options, err);
    }
    if (status == TRIVET_OK) {
        status = open_listener(server, options, err);
    }
    if (status == TRIVET_OK) {
        watch_saturation(server, options);
        status = open_http(server, options, err);
    }
    if (status != TRIVET_OK) {
        trivet_server_stop(server);
        return status;
    }
    atomic_store(&server->readiness.serving, true);
    trivet_publisher_phase(server->publisher, TRIVET__V1__SERVER_PHASE__SERVER_PHASE_READY);
    *out = server;
    return TRIVET_OK;
}

/* --- taking apart ---------------------------------------------------------------------------- */

static void drain(struct trivet_server *server)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    if (server->jobs != NULL) {
        trivet_jobs_release_waiters(server->jobs);
    }
    if (server->dispatch != NULL &&
        !trivet_dispatch_drain(
            server->dispatch,
            trivet_clock_after_ns(now_ns, TRIVET_DRAIN_TIMEOUT_MS * TRIVET_NS_PER_MS))) {
        trivet_log(TRIVET_LOG_WARN, "drain_timeout", "milliseconds=%d", TRIVET_DRAIN_TIMEOUT_MS);
    }
}

void trivet_server_stop(struct trivet_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->readiness.serving, false);
    drain(server);
    trivet_http_stop(server->http);
    if (server->totals != NULL) {
        trivet_totals_set_source(server->totals, NULL, NULL);
    }
    if (server->listener != NULL) {
        server->transport->close(server->listener);
    }
    trivet_executor_free(server->executor);
    trivet_jobs_close(server->jobs);
    trivet_dispatch_free(server->dispatch);
    trivet_shadows_free(server->shadows);
    trivet_servable_set_free(server->servables);
    trivet_prediction_log_close(server->log); /* writes what is queued; its totals go out next */
    trivet_publisher_close(server->publisher);
    trivet_shadow_totals_free(server->shadow_totals);
    trivet_bins_feed_free(server->bins);
    trivet_observers_free(server->observers);
    trivet_pool_free(server->pool); /* idle; the publisher asked it to the end */
    trivet_totals_free(server->totals);
    trivet_quality_free(server->quality);
    trivet_outcome_limit_free(server->outcome_limit);
    trivet_store_close(server->store);
    trivet_free(server);
}

const char *trivet_server_listen_url(const struct trivet_server *server, size_t i)
{
    return server->listen[i];
}

const char *trivet_server_events_url(const struct trivet_server *server)
{
    const char *url = trivet_publisher_url(server->publisher);
    return url == NULL ? "off" : url;
}

const char *trivet_server_http_address(const struct trivet_server *server)
{
    return server->http == NULL ? NULL : trivet_http_address(server->http);
}
