/* The services: each is handed what it needs by assembly, and registers its rows with a dispatch.
 */
#ifndef TRIVET_RPC_SERVICES_H
#define TRIVET_RPC_SERVICES_H

#include "base/compiler.h"
#include "events/prediction_log.h"
#include "events/publisher.h"
#include "events/quality.h"
#include "events/totals.h"
#include "lifecycle/outcome_limit.h"
#include "lifecycle/retention.h"
#include "rpc/dispatch.h"
#include "rpc/scoring.h"
#include "rpc/shadows.h"
#include "serving/pool.h"
#include "serving/servable_set.h"
#include "store/store.h"
#include "training/jobs.h"
#include "trivet/v1/datasets.pb-c.h"

#include <trivet/error.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_prediction_service {
    struct trivet_servable_set *servables;
    struct trivet_pool *pool;
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_store *store; /* these two for whole datasets */
    struct trivet_jobs *jobs;
    struct trivet_shadows *shadows;
    struct trivet_prediction_log *log; /* NULL = nothing is logged */
};

struct trivet_training_service {
    struct trivet_jobs *jobs;
};

struct trivet_evaluation_service {
    struct trivet_jobs *jobs;
    struct trivet_store *store;
    struct trivet_servable_set *servables;
    struct trivet_scoring scoring; /* also that of gates */
};

struct trivet_datasets_service {
    struct trivet_store *store;
    struct trivet_jobs *jobs;
};

struct trivet_models_service {
    struct trivet_store *store;
    struct trivet_servable_set *servables;
    struct trivet_publisher *publisher;
    struct trivet_scoring *scoring; /* of holdouts; borrowed */
    struct trivet_prediction_log *log;
    struct trivet_retention retention;
};

struct trivet_feedback_service {
    struct trivet_store *store;
    struct trivet_servable_set *servables;
    struct trivet_prediction_log *log;
    struct trivet_quality *quality;
    struct trivet_outcome_limit *limit;
    uint32_t outcomes_per_minute_max; /* of one caller, where the model's settings have none */
};

/* The public message of a dataset, in `arena`, without its schema; NULL when out of memory. */
Trivet__V1__Dataset *trivet_dataset_message(struct trivet_arena *arena,
                                            const struct trivet_store_dataset *record);

/* A limit as Server.Info tells it. */
struct trivet_limit {
    const char *name;
    uint64_t value;
    const char *unit;
};

struct trivet_server_service {
    struct trivet_totals *totals;
    struct trivet_shadow_totals *shadow_totals;
    struct trivet_quality *quality;
    struct trivet_publisher *publisher;
    const char *const *listen; /* real addresses; the first n_listen are there */
    atomic_size_t n_listen;    /* set once, when the listener is open: calls may come before */
    const char *data_dir;
    const char *blas;
    const char *blas_kernel;
    unsigned n_workers;
    int64_t started_unix_us;
    const struct trivet_limit *limits;
    size_t n_limits;
    /* Whether the server is ready, else why not; any thread. */
    bool (*is_ready)(void *ctx, char *reason, size_t reason_bytes);
    void *ctx;
};

/* Each registers its whole service. The struct is borrowed until the dispatch is freed. */
enum trivet_status trivet_prediction_service_add(struct trivet_dispatch *dispatch,
                                                 struct trivet_prediction_service *service,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_training_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_training_service *service,
                                               struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_evaluation_service_add(struct trivet_dispatch *dispatch,
                                                 struct trivet_evaluation_service *service,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_datasets_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_datasets_service *service,
                                               struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_models_service_add(struct trivet_dispatch *dispatch,
                                             struct trivet_models_service *service,
                                             struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_feedback_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_feedback_service *service,
                                               struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_server_service_add(struct trivet_dispatch *dispatch,
                                             struct trivet_server_service *service,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
