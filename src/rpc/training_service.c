/* Training: jobs, and the tables of estimators and transformers. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "metrics/catalog.h"
#include "models/registry.h"
#include "rpc/call.h"
#include "rpc/job_reply.h"
#include "rpc/services.h"
#include "trivet/v1/trainer.pb-c.h"
#include "trivet/v1/training.pb-c.h"

#include <string.h>

#define LIST_DEFAULT 100
#define LIST_MAX     1000
/* A long poll answers this long before the caller gives up, or at 9/10 of a shorter time. */
#define WAIT_MARGIN_NS   (200 * TRIVET_NS_PER_MS)
#define RANGE_TEXT_BYTES 96

static void train(struct trivet_call *call, void *arg)
{
    struct trivet_training_service *service = arg;
    const Trivet__V1__TrainRequest *request = (const Trivet__V1__TrainRequest *)call->request;
    Trivet__V1__JobSpec spec = TRIVET__V1__JOB_SPEC__INIT;
    spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    spec.model = request->model;
    spec.dataset_id = request->dataset_id;
    spec.pipeline = request->pipeline;
    spec.split = request->split;
    spec.search = request->search;
    spec.learning_curve = request->learning_curve;
    spec.permutation_importance = request->permutation_importance;
    spec.threads = request->threads;
    trivet_job_submit(call, service->jobs, &spec);
}

static void get_job(struct trivet_call *call, void *arg)
{
    struct trivet_training_service *service = arg;
    const Trivet__V1__GetJobRequest *request = (const Trivet__V1__GetJobRequest *)call->request;
    struct trivet_job_view view = {0};
    struct trivet_error err;
    if (trivet_jobs_get(service->jobs, request->job_id, &view, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    trivet_job_reply(call, &view);
    trivet_job_view_release(&view);
}

/* The jobs' thread. */
static void on_waited(void *ctx, const struct trivet_job_view *view, const struct trivet_error *err)
{
    struct trivet_call *call = ctx;
    if (view == NULL) {
        trivet_call_fail(call, err);
        return;
    }
    trivet_job_reply(call, view);
}

static void wait_job(struct trivet_call *call, void *arg)
{
    struct trivet_training_service *service = arg;
    const Trivet__V1__WaitJobRequest *request = (const Trivet__V1__WaitJobRequest *)call->request;
    int64_t left_ns = call->deadline_ns - trivet_clock_monotonic_ns();
    int64_t margin_ns = left_ns / 10 < WAIT_MARGIN_NS ? left_ns / 10 : WAIT_MARGIN_NS;
    struct trivet_error err;
    if (trivet_jobs_wait(service->jobs, request->job_id, request->after_revision,
                         call->deadline_ns - margin_ns, on_waited, call, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
    }
}

static enum trivet_status encode_jobs(struct trivet_call *call, const struct trivet_job_view *views,
                                      size_t count, Trivet__V1__ListJobsResponse *response,
                                      struct trivet_error *err)
{
    response->jobs = trivet_arena_alloc_array(call->arena, count, sizeof(Trivet__V1__Job *));
    if (response->jobs == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        status = trivet_job_view_encode(&views[i], call->arena, &response->jobs[i], err);
    }
    response->n_jobs = count;
    return status;
}

static void list_jobs(struct trivet_call *call, void *arg)
{
    struct trivet_training_service *service = arg;
    const Trivet__V1__ListJobsRequest *request = (const Trivet__V1__ListJobsRequest *)call->request;
    size_t limit = request->limit == 0 ? LIST_DEFAULT : request->limit;
    limit = limit > LIST_MAX ? LIST_MAX : limit;
    Trivet__V1__ListJobsResponse response = TRIVET__V1__LIST_JOBS_RESPONSE__INIT;
    struct trivet_job_view *views = trivet_calloc(limit, sizeof(*views));
    size_t count = 0;
    struct trivet_error err;
    enum trivet_status status =
        views == NULL ? trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                      : trivet_jobs_list(service->jobs, request->model, views, limit, &count, &err);
    if (status == TRIVET_OK) {
        status = encode_jobs(call, views, count, &response, &err);
    }
    trivet_call_end(call, status, &response.base, &err);
    for (size_t i = 0; i < count; i++) {
        trivet_job_view_release(&views[i]);
    }
    trivet_free(views);
}

/* Cancelled already, by this call when it came before or by another: as asked. */
static bool is_cancelled(struct trivet_training_service *service, const char *id,
                         struct trivet_job_view *view)
{
    struct trivet_error err;
    if (trivet_jobs_get(service->jobs, id, view, &err) != TRIVET_OK) {
        return false;
    }
    if (view->record.state == TRIVET_STORE_JOB_CANCELLED) {
        return true;
    }
    trivet_job_view_release(view);
    return false;
}

static void cancel_job(struct trivet_call *call, void *arg)
{
    struct trivet_training_service *service = arg;
    const Trivet__V1__CancelJobRequest *request =
        (const Trivet__V1__CancelJobRequest *)call->request;
    struct trivet_job_view view = {0};
    struct trivet_error err;
    enum trivet_status status = trivet_jobs_cancel(service->jobs, request->job_id, &view, &err);
    if (status == TRIVET_FAILED_PRECONDITION && is_cancelled(service, request->job_id, &view)) {
        call->replayed = true;
        status = TRIVET_OK;
    }
    if (status != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    trivet_job_reply(call, &view);
    trivet_job_view_release(&view);
}

/* --- the parameter tables -------------------------------------------------------------------- */

static const char *param_type_name(enum trivet_param_type type)
{
    static const char *const names[] = {
        [TRIVET_PARAM_BOOL] = "bool",     [TRIVET_PARAM_INT] = "int",
        [TRIVET_PARAM_REAL] = "real",     [TRIVET_PARAM_ENUM] = "enum",
        [TRIVET_PARAM_INT_LIST] = "ints", [TRIVET_PARAM_TEXT] = "text",
    };
    return names[type];
}

static Trivet__V1__ParameterInfo *encode_param(struct trivet_arena *arena,
                                               const struct trivet_param_spec *spec)
{
    Trivet__V1__ParameterInfo *info = trivet_arena_alloc(arena, sizeof(*info));
    if (info == NULL) {
        return NULL;
    }
    trivet__v1__parameter_info__init(info);
    info->name = trivet_arena_strdup(arena, spec->name);
    info->type = trivet_arena_strdup(arena, param_type_name(spec->type));
    info->default_value = trivet_arena_strdup(arena, spec->default_text);
    info->help = trivet_arena_strdup(arena, spec->help);
    if (spec->type == TRIVET_PARAM_INT || spec->type == TRIVET_PARAM_REAL ||
        spec->type == TRIVET_PARAM_INT_LIST) {
        char range[RANGE_TEXT_BYTES];
        trivet_param_range_text(spec, range, sizeof(range));
        info->range = trivet_arena_strdup(arena, range);
    }
    size_t n_choices = 0;
    while (spec->type == TRIVET_PARAM_ENUM && spec->choices[n_choices] != NULL) {
        n_choices++;
    }
    info->choices = trivet_arena_alloc_array(arena, n_choices, sizeof(char *));
    for (size_t i = 0; info->choices != NULL && i < n_choices; i++) {
        info->choices[info->n_choices++] = trivet_arena_strdup(arena, spec->choices[i]);
        if (info->choices[i] == NULL) {
            return NULL;
        }
    }
    bool whole = info->name != NULL && info->type != NULL && info->default_value != NULL &&
                 info->help != NULL && info->range != NULL && info->n_choices == n_choices;
    return whole ? info : NULL;
}

/* `params` may be NULL. */
static Trivet__V1__EstimatorInfo *encode_info(struct trivet_arena *arena, const char *name,
                                              const char *kind, const char *summary,
                                              const struct trivet_param_spec *params)
{
    Trivet__V1__EstimatorInfo *info = trivet_arena_alloc(arena, sizeof(*info));
    if (info == NULL) {
        return NULL;
    }
    trivet__v1__estimator_info__init(info);
    info->name = trivet_arena_strdup(arena, name);
    info->kind = trivet_arena_strdup(arena, kind);
    info->summary = trivet_arena_strdup(arena, summary);
    size_t n_params = 0;
    while (params != NULL && params[n_params].name != NULL) {
        n_params++;
    }
    info->parameters =
        trivet_arena_alloc_array(arena, n_params, sizeof(Trivet__V1__ParameterInfo *));
    for (size_t i = 0; info->parameters != NULL && i < n_params; i++) {
        info->parameters[i] = encode_param(arena, &params[i]);
        if (info->parameters[i] == NULL) {
            return NULL;
        }
        info->n_parameters++;
    }
    bool whole = info->name != NULL && info->kind != NULL && info->summary != NULL &&
                 info->n_parameters == n_params;
    return whole ? info : NULL;
}

static Trivet__V1__EstimatorInfo *encode_estimator(struct trivet_arena *arena,
                                                   const struct trivet_estimator_ops *ops)
{
    Trivet__V1__EstimatorInfo *info =
        encode_info(arena, ops->name, "estimator", ops->summary, ops->params);
    if (info != NULL) {
        info->task = (Trivet__V1__Task)ops->task;
        info->accepts_missing = ops->accepts_missing;
    }
    return info;
}

/* With its defaults, or with one choice of one parameter: a strategy may be for another type. */
static void note_types(const struct trivet_transformer_ops *ops,
                       Trivet__V1__Parameter *const *given, size_t n_given,
                       Trivet__V1__EstimatorInfo *info)
{
    struct trivet_params params;
    struct trivet_error err;
    if (trivet_params_parse(ops->params, ops->name, given, n_given, &params, &err) == TRIVET_OK) {
        info->takes_numeric |= ops->accepts(&params, TRIVET_COLUMN_NUMERIC);
        info->takes_categorical |= ops->accepts(&params, TRIVET_COLUMN_CATEGORICAL);
    }
}

static Trivet__V1__EstimatorInfo *encode_transformer(struct trivet_arena *arena,
                                                     const struct trivet_transformer_ops *ops)
{
    Trivet__V1__EstimatorInfo *info =
        encode_info(arena, ops->name, "transformer", ops->summary, ops->params);
    if (info == NULL) {
        return NULL;
    }
    info->needs_order = ops->history_rows != NULL;
    note_types(ops, NULL, 0, info);
    for (size_t i = 0; i < info->n_parameters; i++) {
        for (size_t j = 0; j < info->parameters[i]->n_choices; j++) {
            Trivet__V1__Parameter parameter = TRIVET__V1__PARAMETER__INIT;
            Trivet__V1__Parameter *given[1] = {&parameter};
            parameter.name = info->parameters[i]->name;
            parameter.value = info->parameters[i]->choices[j];
            note_types(ops, given, 1, info);
        }
    }
    return info;
}

static bool wanted(const Trivet__V1__ListEstimatorsRequest *request, const char *name)
{
    return request->name[0] == '\0' || strcmp(request->name, name) == 0;
}

static bool add_info(Trivet__V1__ListEstimatorsResponse *response, Trivet__V1__EstimatorInfo *info)
{
    if (info == NULL) {
        return false;
    }
    response->estimators[response->n_estimators++] = info;
    return true;
}

static bool encode_metrics(struct trivet_arena *arena, Trivet__V1__ListEstimatorsResponse *response)
{
    static const Trivet__V1__Task tasks[] = {
        [TRIVET_METRIC_REGRESSION] = TRIVET__V1__TASK__TASK_REGRESSION,
        [TRIVET_METRIC_CLASSIFICATION] = TRIVET__V1__TASK__TASK_CLASSIFICATION,
        [TRIVET_METRIC_CLUSTERING] = TRIVET__V1__TASK__TASK_CLUSTERING,
    };
    size_t count = 0;
    const struct trivet_metric_info *catalog = trivet_metric_catalog(&count);
    response->metrics = trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__MetricInfo *));
    for (size_t i = 0; response->metrics != NULL && i < count; i++) {
        Trivet__V1__MetricInfo *info = trivet_arena_alloc(arena, sizeof(*info));
        if (info == NULL) {
            return false;
        }
        trivet__v1__metric_info__init(info);
        info->name = trivet_arena_strdup(arena, catalog[i].name);
        info->task = tasks[catalog[i].task];
        info->greater_is_better = catalog[i].greater_is_better;
        info->help = trivet_arena_strdup(arena, catalog[i].help);
        if (info->name == NULL || info->help == NULL) {
            return false;
        }
        response->metrics[response->n_metrics++] = info;
    }
    return response->metrics != NULL;
}

static enum trivet_status encode_registry(struct trivet_call *call,
                                          Trivet__V1__ListEstimatorsResponse *response,
                                          struct trivet_error *err)
{
    const Trivet__V1__ListEstimatorsRequest *request =
        (const Trivet__V1__ListEstimatorsRequest *)call->request;
    const struct trivet_estimator_ops *const *estimators = trivet_registry_estimators();
    const struct trivet_transformer_ops *const *transformers = trivet_registry_transformers();
    size_t n_all = 0;
    for (size_t i = 0; estimators[i] != NULL; i++) {
        n_all++;
    }
    for (size_t i = 0; transformers[i] != NULL; i++) {
        n_all++;
    }
    response->estimators =
        trivet_arena_alloc_array(call->arena, n_all, sizeof(Trivet__V1__EstimatorInfo *));
    bool whole = response->estimators != NULL;
    for (size_t i = 0; whole && estimators[i] != NULL; i++) {
        whole = !wanted(request, estimators[i]->name) ||
                add_info(response, encode_estimator(call->arena, estimators[i]));
    }
    for (size_t i = 0; whole && transformers[i] != NULL; i++) {
        whole = !wanted(request, transformers[i]->name) ||
                add_info(response, encode_transformer(call->arena, transformers[i]));
    }
    whole = whole && encode_metrics(call->arena, response);
    return whole ? TRIVET_OK : trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

static void list_estimators(struct trivet_call *call, void *arg)
{
    (void)arg;
    const Trivet__V1__ListEstimatorsRequest *request =
        (const Trivet__V1__ListEstimatorsRequest *)call->request;
    Trivet__V1__ListEstimatorsResponse response = TRIVET__V1__LIST_ESTIMATORS_RESPONSE__INIT;
    struct trivet_error err;
    enum trivet_status status = encode_registry(call, &response, &err);
    if (status == TRIVET_OK && response.n_estimators == 0) {
        const struct trivet_estimator_ops *none;
        /* The registry's own sentence names what there is. */
        status = trivet_registry_estimator(request->name, &none, &err);
    }
    trivet_call_end(call, status, &response.base, &err);
}

static const struct trivet_method rows[] = {
    {.name = "Train",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 1u << 20,
     .handle = train},
    {.name = "GetJob",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = get_job},
    {.name = "WaitJob",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 30000,
     .request_bytes_max = 4096,
     .handle = wait_job},
    {.name = "ListJobs",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = list_jobs},
    /* Idempotent without a stored answer: a cancelled job is as asked. */
    {.name = "CancelJob",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = cancel_job},
    {.name = "ListEstimators",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = list_estimators},
    {.name = NULL},
};

enum trivet_status trivet_training_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_training_service *service,
                                               struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__training__descriptor, rows, service, err);
}
