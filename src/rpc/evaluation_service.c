/* Evaluation: score a version on a dataset; cross-validate a pipeline as a job. */
#include "artefact/report_codec.h"
#include "evaluation/evaluate.h"
#include "models/pipeline.h"
#include "rpc/call.h"
#include "rpc/job_reply.h"
#include "rpc/services.h"
#include "trivet/v1/evaluation.pb-c.h"
#include "trivet/v1/trainer.pb-c.h"

static void answer(struct trivet_call *call, const struct trivet_servable *servable,
                   const struct trivet_evaluation *evaluation)
{
    Trivet__V1__EvaluateResponse response = TRIVET__V1__EVALUATE_RESPONSE__INIT;
    struct trivet_error err;
    enum trivet_status status =
        trivet_evaluation_encode(evaluation, call->arena, &response.evaluation, &err);
    response.model = trivet_arena_strdup(call->arena, trivet_servable_model(servable));
    if (status == TRIVET_OK && response.model == NULL) {
        status = trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    response.version = trivet_servable_version(servable);
    trivet_call_finish(call, &response.base);
}

/* Scores all rows of `table` as the request asks; what is told lives in `arena`. */
static enum trivet_status score(struct trivet_call *call, const struct trivet_pipeline *pipeline,
                                const struct trivet_table *table, struct trivet_arena *arena,
                                struct trivet_evaluation *evaluation, struct trivet_error *err)
{
    const Trivet__V1__EvaluateRequest *request = (const Trivet__V1__EvaluateRequest *)call->request;
    const struct trivet_column_spec *trained_on = trivet_pipeline_target(pipeline);
    const char *target = request->target;
    const struct trivet_evaluate_options options = {
        .curves = request->curves != 0,
        .slice_columns = (const char *const *)request->slice_columns,
        .n_slice_columns = request->n_slice_columns,
        .permutation_repeats = request->permutation_repeats,
        .seed = request->seed,
    };
    if (target[0] == '\0' && trained_on != NULL) {
        target = trained_on->name;
    }
    return trivet_evaluate(pipeline, table, target, NULL, table->n_rows, &options, arena,
                           evaluation, err);
}

static void evaluate(struct trivet_call *call, void *arg)
{
    struct trivet_evaluation_service *service = arg;
    const Trivet__V1__EvaluateRequest *request = (const Trivet__V1__EvaluateRequest *)call->request;
    struct trivet_servable *servable = NULL;
    struct trivet_scoring_rows scored = {0};
    struct trivet_evaluation evaluation;
    struct trivet_error err;
    /* The rows take more room than a call has. */
    struct trivet_arena *arena = trivet_arena_create_in(&service->scoring.memory);
    if (arena == NULL) {
        (void)trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
        trivet_call_fail(call, &err);
        return;
    }
    enum trivet_status status =
        request->model == NULL
            ? trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "name the model to evaluate")
            : trivet_servable_set_load(service->servables, request->model->name,
                                       request->model->version, request->model->alias, &servable,
                                       &err);
    if (status == TRIVET_OK) {
        /* Small enough to be held beside serving. */
        status = trivet_scoring_load(&service->scoring, service->store, request->dataset_id,
                                     &scored, &err);
    }
    if (status == TRIVET_OK) {
        struct trivet_table table = trivet_dataset_table(scored.dataset);
        status = score(call, trivet_servable_pipeline(servable), &table, arena, &evaluation, &err);
        status = trivet_scoring_explain(&service->scoring, status, &err);
    }
    if (status == TRIVET_OK) {
        answer(call, servable, &evaluation);
    } else {
        trivet_call_fail(call, &err);
    }
    trivet_arena_free(arena);
    trivet_scoring_release(&service->scoring, &scored);
    trivet_servable_unref(servable);
}

static void cross_validate(struct trivet_call *call, void *arg)
{
    struct trivet_evaluation_service *service = arg;
    const Trivet__V1__CrossValidateRequest *request =
        (const Trivet__V1__CrossValidateRequest *)call->request;
    Trivet__V1__JobSpec spec = TRIVET__V1__JOB_SPEC__INIT;
    spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_CROSS_VALIDATE;
    spec.dataset_id = request->dataset_id;
    spec.pipeline = request->pipeline;
    spec.split = request->split;
    trivet_job_submit(call, service->jobs, &spec);
}

static const struct trivet_method rows[] = {
    {.name = "Evaluate",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 120000,
     .request_bytes_max = 4096,
     .handle = evaluate},
    {.name = "CrossValidate",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 1u << 20,
     .handle = cross_validate},
    {.name = NULL},
};

enum trivet_status trivet_evaluation_service_add(struct trivet_dispatch *dispatch,
                                                 struct trivet_evaluation_service *service,
                                                 struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__evaluation__descriptor, rows, service, err);
}
