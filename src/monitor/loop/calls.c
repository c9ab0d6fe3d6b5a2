#include "monitor/loop/calls.h"

#include "base/text.h"
#include "metrics/catalog.h"
#include "monitor/loop/rival.h"
#include "monitor/loop/steps.h"
#include "monitor/loop/tidy.h"
#include "trivet/v1/datasets.pb-c.h"
#include "trivet/v1/evaluation.pb-c.h"
#include "trivet/v1/feedback.pb-c.h"
#include "trivet/v1/models.pb-c.h"
#include "trivet/v1/training.pb-c.h"

#include <string.h>

#define ASK_TIMEOUT_MS 5000
#define SHARE_UNITS    10000.0

/* One action: who asks, for whom, and into what. */
struct job {
    struct trivet_loop_client *client;
    const struct trivet_policy *policy;
    const struct trivet_loop_state *state;
    const struct trivet_loop_action *action;
    struct trivet_loop_result *result;
    struct trivet_error *err;
    char model[TRIVET_POLICY_NAME_BYTES]; /* as messages want it */
    char reason[TRIVET_LOOP_TEXT_BYTES];
};

static enum trivet_status ask(const struct job *job, const char *method,
                              const ProtobufCMessage *request, int timeout_ms,
                              const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    return trivet_loop_client_call(job->client, method, request, NULL, timeout_ms, type, out,
                                   job->err);
}

/* A change: once, however often it is sent. */
static enum trivet_status change(const struct job *job, const char *method,
                                 const ProtobufCMessage *request,
                                 const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    return trivet_loop_client_call(job->client, method, request, job->action->request_id,
                                   trivet_loop_work_timeout_ms(job->state), type, out, job->err);
}

/* A version with all that is known of it. */
static enum trivet_status describe(struct job *job, uint64_t version, Trivet__V1__Version **out)
{
    Trivet__V1__DescribeModelRequest request = TRIVET__V1__DESCRIBE_MODEL_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    request.model = job->model;
    request.version = version;
    enum trivet_status status = ask(job, "trivet.v1.Models/Describe", &request.base, ASK_TIMEOUT_MS,
                                    &trivet__v1__model__descriptor, &answer);
    if (status != TRIVET_OK) {
        return status;
    }
    const Trivet__V1__Model *model = (const Trivet__V1__Model *)answer;
    if (model->n_versions != 1) {
        return trivet_error_set(job->err, TRIVET_DATA_LOSS, "version %llu was not described",
                                (unsigned long long)version);
    }
    *out = model->versions[0];
    return TRIVET_OK;
}

/* How many labelled rows may stand beside the champion's own, so that no flood of labels drowns
 * them. Its own are those that came from no log: what earlier rounds added is taken anew. */
static enum trivet_status rows_allowed(struct job *job, char *base_dataset_id, uint64_t *out)
{
    Trivet__V1__DescribeDatasetRequest request = TRIVET__V1__DESCRIBE_DATASET_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    request.dataset_id = base_dataset_id;
    enum trivet_status status = ask(job, "trivet.v1.Datasets/Describe", &request.base,
                                    ASK_TIMEOUT_MS, &trivet__v1__dataset__descriptor, &answer);
    if (status != TRIVET_OK) {
        trivet_error_prefix(job->err, "the rows that version %llu was trained on: ",
                            (unsigned long long)job->state->champion);
        return status;
    }
    const Trivet__V1__Dataset *base = (const Trivet__V1__Dataset *)answer;
    const bool is_grown = strcmp(base->grown_from, job->model) == 0 && base->base_rows > 0;
    const double base_rows = (double)(is_grown ? base->base_rows : base->rows);
    const double growth = base_rows * job->policy->growth_max;
    const double most = (double)job->policy->grow_rows_max;
    *out = (uint64_t)(growth < most ? growth : most);
    *out += *out == 0;
    return TRIVET_OK;
}

static enum trivet_status grow(struct job *job, bool is_holdout)
{
    Trivet__V1__GrowDatasetRequest request = TRIVET__V1__GROW_DATASET_REQUEST__INIT;
    Trivet__V1__Version *champion = NULL;
    ProtobufCMessage *answer = NULL;
    char name[TRIVET_POLICY_NAME_BYTES + 16];
    enum trivet_status status = describe(job, job->state->champion, &champion);
    (void)trivet_text_format(name, sizeof(name), "%s-%s", job->model,
                             is_holdout ? "holdout" : "grown");
    request.model = job->model;
    request.name = name;
    request.part = is_holdout ? TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_HOLDOUT
                              : TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_TRAIN;
    request.holdout_share = job->policy->holdout_share;
    if (job->policy->fresh_us > 0) {
        /* From the round's beginning, so that a repeated call is the same. */
        request.since_unix_us = job->state->round_since_us - job->policy->fresh_us;
    }
    request.rows_max = job->policy->grow_rows_max;
    if (status == TRIVET_OK && !is_holdout) {
        request.base_dataset_id = champion->dataset_id;
        status = rows_allowed(job, champion->dataset_id, &request.rows_max);
    }
    if (status == TRIVET_OK) {
        status = change(job, "trivet.v1.Feedback/GrowDataset", &request.base,
                        &trivet__v1__dataset__descriptor, &answer);
    }
    if (status == TRIVET_OK) {
        const Trivet__V1__Dataset *grown = (const Trivet__V1__Dataset *)answer;
        (void)trivet_text_copy(job->result->id, sizeof(job->result->id), grown->id);
        job->result->rows = grown->rows;
    }
    return status;
}

static enum trivet_status train(struct job *job)
{
    Trivet__V1__TrainRequest request = TRIVET__V1__TRAIN_REQUEST__INIT;
    Trivet__V1__Version *champion = NULL;
    ProtobufCMessage *answer = NULL;
    char dataset_id[TRIVET_LOOP_ID_BYTES];
    enum trivet_status status = describe(job, job->state->champion, &champion);
    if (status == TRIVET_OK && champion->pipeline == NULL) {
        status = trivet_error_set(job->err, TRIVET_FAILED_PRECONDITION,
                                  "version %llu does not tell how it was fitted",
                                  (unsigned long long)job->state->champion);
    }
    if (status == TRIVET_OK) {
        status = trivet_loop_rival_check(job->client, job->model, job->state, job->err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    memcpy(dataset_id, job->state->train_dataset_id, sizeof(dataset_id));
    request.model = job->model;
    request.dataset_id = dataset_id;
    request.pipeline = champion->pipeline;
    request.split = champion->split;
    if (request.split != NULL) {
        request.split->folds = 0; /* the holdout decides, not a cross-validation */
    }
    status = change(job, "trivet.v1.Training/Train", &request.base, &trivet__v1__job__descriptor,
                    &answer);
    if (status == TRIVET_OK) {
        (void)trivet_text_copy(job->result->id, sizeof(job->result->id),
                               ((const Trivet__V1__Job *)answer)->id);
        /* Both may have looked before either asked. */
        status = trivet_loop_rival_check(job->client, job->model, job->state, job->err);
    }
    return status;
}

static enum trivet_status ask_job(struct job *job)
{
    Trivet__V1__GetJobRequest request = TRIVET__V1__GET_JOB_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char id[TRIVET_LOOP_ID_BYTES];
    memcpy(id, job->state->job_id, sizeof(id));
    request.job_id = id;
    enum trivet_status status = ask(job, "trivet.v1.Training/GetJob", &request.base, ASK_TIMEOUT_MS,
                                    &trivet__v1__job__descriptor, &answer);
    if (status != TRIVET_OK) {
        return status;
    }
    const Trivet__V1__Job *got = (const Trivet__V1__Job *)answer;
    switch (got->state) {
    case TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED:
    case TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING:
        job->result->running = true;
        return TRIVET_OK;
    case TRIVET__V1__JOB_STATE__JOB_STATE_SUCCEEDED:
        job->result->version = got->version;
        return TRIVET_OK;
    case TRIVET__V1__JOB_STATE__JOB_STATE_CANCELLED:
        return trivet_error_set(job->err, TRIVET_UNKNOWN, "%s was cancelled", id);
    default:
        /* Whatever its status: asking again would not help. */
        return trivet_error_set(job->err, TRIVET_UNKNOWN, "%s failed: %s", id, got->error_message);
    }
}

/* A metric's value; false when it is not there or not defined. */
static bool find_metric(Trivet__V1__Metric *const *metrics, size_t n_metrics, const char *name,
                        double *out)
{
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i]->name, name) == 0) {
            *out = metrics[i]->value;
            return metrics[i]->defined;
        }
    }
    return false;
}

static enum trivet_status evaluate(struct job *job, uint64_t version, const char *dataset_id,
                                   const Trivet__V1__EvaluationReport **out)
{
    Trivet__V1__EvaluateRequest request = TRIVET__V1__EVALUATE_REQUEST__INIT;
    Trivet__V1__ModelRef model = TRIVET__V1__MODEL_REF__INIT;
    ProtobufCMessage *answer = NULL;
    char id[TRIVET_LOOP_ID_BYTES];
    (void)trivet_text_copy(id, sizeof(id), dataset_id);
    model.name = job->model;
    model.version = version;
    request.model = &model;
    request.dataset_id = id;
    enum trivet_status status = ask(job, "trivet.v1.Evaluation/Evaluate", &request.base,
                                    trivet_loop_work_timeout_ms(job->state),
                                    &trivet__v1__evaluate_response__descriptor, &answer);
    if (status == TRIVET_OK) {
        *out = ((const Trivet__V1__EvaluateResponse *)answer)->evaluation;
        if (*out == NULL) {
            status = trivet_error_set(job->err, TRIVET_DATA_LOSS, "no evaluation in the answer");
        }
    }
    return status;
}

static enum trivet_status read_scores(struct job *job, const Trivet__V1__Version *champion,
                                      const Trivet__V1__EvaluationReport *old,
                                      const Trivet__V1__EvaluationReport *new,
                                      const Trivet__V1__EvaluationReport *base)
{
    struct trivet_loop_scores *scores = &job->result->scores;
    scores->classification = old->task == TRIVET__V1__TASK__TASK_CLASSIFICATION;
    const char *named = job->policy->metric;
    const struct trivet_metric_info *info =
        named[0] != '\0'
            ? trivet_metric_info_find(named)
            : trivet_metric_info_main(scores->classification ? TRIVET_METRIC_CLASSIFICATION
                                                             : TRIVET_METRIC_REGRESSION);
    if (info == NULL) {
        return trivet_error_set(job->err, TRIVET_INVALID_ARGUMENT, "no metric is called '%s'",
                                named);
    }
    (void)trivet_text_copy(scores->metric, sizeof(scores->metric), info->name);
    scores->greater_is_better = info->greater_is_better;
    scores->holdout_rows = old->rows < new->rows ? old->rows : new->rows;
    if (!find_metric(old->metrics, old->n_metrics, info->name, &scores->champion) ||
        !find_metric(new->metrics, new->n_metrics, info->name, &scores->challenger) ||
        !find_metric(base->metrics, base->n_metrics, info->name, &scores->base_challenger) ||
        !find_metric(champion->metrics, champion->n_metrics, info->name, &scores->base_champion) ||
        !find_metric(old->metrics, old->n_metrics, scores->classification ? "accuracy" : "mse",
                     &scores->quality)) {
        return trivet_error_set(job->err, TRIVET_FAILED_PRECONDITION,
                                "%s is not defined for both versions on these rows", info->name);
    }
    (void)find_metric(old->metrics, old->n_metrics, "mae", &scores->error);
    return TRIVET_OK;
}

/* Both on the holdout, and the challenger on the rows that the champion was trained on. */
static enum trivet_status evaluate_both(struct job *job)
{
    const Trivet__V1__EvaluationReport *old = NULL;
    const Trivet__V1__EvaluationReport *new = NULL;
    const Trivet__V1__EvaluationReport *base = NULL;
    Trivet__V1__Version *champion = NULL;
    const struct trivet_loop_state *state = job->state;
    enum trivet_status status = describe(job, state->champion, &champion);
    if (status == TRIVET_OK) {
        status = evaluate(job, state->champion, state->holdout_dataset_id, &old);
    }
    if (status == TRIVET_OK) {
        status = evaluate(job, state->challenger, state->holdout_dataset_id, &new);
    }
    if (status == TRIVET_OK) {
        status = evaluate(job, state->challenger, champion->dataset_id, &base);
    }
    return status == TRIVET_OK ? read_scores(job, champion, old, new, base) : status;
}

static enum trivet_status set_traffic(struct job *job)
{
    Trivet__V1__SetTrafficRequest request = TRIVET__V1__SET_TRAFFIC_REQUEST__INIT;
    Trivet__V1__TrafficShare champion = TRIVET__V1__TRAFFIC_SHARE__INIT;
    Trivet__V1__TrafficShare challenger = TRIVET__V1__TRAFFIC_SHARE__INIT;
    Trivet__V1__TrafficShare *shares[] = {&challenger, &champion};
    const bool is_canary = job->action->step == TRIVET_LOOP_CANARY;
    const double share = is_canary ? job->policy->canary_share : job->policy->shadow_share;
    ProtobufCMessage *answer = NULL;
    challenger.version = job->state->challenger;
    challenger.weight = (uint32_t)(share * SHARE_UNITS + 0.5);
    challenger.shadow = !is_canary;
    champion.version = job->state->champion;
    champion.weight = (uint32_t)SHARE_UNITS - challenger.weight;
    request.model = job->model;
    request.reason = job->reason;
    request.shares = shares;
    if (job->action->step != TRIVET_LOOP_CLEAR) {
        request.n_shares = is_canary ? 2 : 1; /* beside a shadow "production" answers */
    }
    return change(job, "trivet.v1.Models/SetTraffic", &request.base, &trivet__v1__model__descriptor,
                  &answer);
}

static enum trivet_status promote(struct job *job)
{
    Trivet__V1__PromoteRequest request = TRIVET__V1__PROMOTE_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char gates[TRIVET_POLICY_GATES_MAX][TRIVET_POLICY_GATE_BYTES];
    char *require[TRIVET_POLICY_GATES_MAX];
    char better_than[] = "@production";
    char metric[TRIVET_POLICY_GATE_BYTES];
    char holdout[TRIVET_LOOP_ID_BYTES];
    memcpy(gates, job->policy->require, sizeof(gates));
    memcpy(metric, job->policy->metric, sizeof(metric));
    memcpy(holdout, job->state->holdout_dataset_id, sizeof(holdout));
    for (size_t i = 0; i < job->policy->n_require; i++) {
        require[i] = gates[i];
    }
    request.model = job->model;
    request.version = job->state->challenger;
    request.require = require;
    request.n_require = job->policy->n_require;
    request.reason = job->reason;
    request.require_better_than = better_than;
    request.better_metric = metric;
    request.holdout_dataset_id = holdout;
    return change(job, "trivet.v1.Models/Promote", &request.base, &trivet__v1__model__descriptor,
                  &answer);
}

static enum trivet_status roll_back(struct job *job)
{
    Trivet__V1__RollbackRequest request = TRIVET__V1__ROLLBACK_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    request.model = job->model;
    request.reason = job->reason;
    enum trivet_status status = change(job, "trivet.v1.Models/Rollback", &request.base,
                                       &trivet__v1__model__descriptor, &answer);
    if (status == TRIVET_OK) {
        const Trivet__V1__Model *model = (const Trivet__V1__Model *)answer;
        for (size_t i = 0; i < model->n_aliases; i++) {
            if (strcmp(model->aliases[i]->name, "production") == 0) {
                job->result->version = model->aliases[i]->version;
            }
        }
    }
    return status;
}

/* One that is not there is deleted: by this call, before a crash, or by somebody. */
static enum trivet_status delete_dataset(const struct job *job, const char *dataset_id)
{
    Trivet__V1__DeleteDatasetRequest request = TRIVET__V1__DELETE_DATASET_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    char id[TRIVET_LOOP_ID_BYTES];
    char request_id[TRIVET_LOOP_REQUEST_ID_BYTES];
    const bool is_holdout = strcmp(dataset_id, job->state->holdout_dataset_id) == 0;
    (void)trivet_text_copy(id, sizeof(id), dataset_id);
    (void)trivet_text_format(request_id, sizeof(request_id), "%s-%s", job->action->request_id,
                             is_holdout ? "holdout" : "train");
    request.dataset_id = id;
    enum trivet_status status = trivet_loop_client_call(
        job->client, "trivet.v1.Datasets/Delete", &request.base, request_id,
        trivet_loop_work_timeout_ms(job->state), &trivet__v1__delete_dataset_response__descriptor,
        &answer, job->err);
    return status == TRIVET_NOT_FOUND ? TRIVET_OK : status;
}

/* One that a job uses does not keep the other. */
static enum trivet_status tidy(struct job *job)
{
    const char *ids[2];
    const size_t n = trivet_loop_tidy_list(job->state, ids);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < n && (status == TRIVET_OK || status == TRIVET_FAILED_PRECONDITION);
         i++) {
        const enum trivet_status deleted = delete_dataset(job, ids[i]);
        status = deleted != TRIVET_OK ? deleted : status;
    }
    return status;
}

static enum trivet_status perform(struct job *job)
{
    switch (job->action->step) {
    case TRIVET_LOOP_GROW_TRAIN:
        return grow(job, false);
    case TRIVET_LOOP_GROW_HOLDOUT:
        return grow(job, true);
    case TRIVET_LOOP_TRAIN:
        return train(job);
    case TRIVET_LOOP_TRAINING:
        return ask_job(job);
    case TRIVET_LOOP_EVALUATE:
        return evaluate_both(job);
    case TRIVET_LOOP_SHADOW:
    case TRIVET_LOOP_CANARY:
    case TRIVET_LOOP_CLEAR:
        return set_traffic(job);
    case TRIVET_LOOP_PROMOTE:
        return promote(job);
    case TRIVET_LOOP_ROLLBACK:
        return roll_back(job);
    case TRIVET_LOOP_TIDY:
        return tidy(job);
    default:
        return trivet_error_set(job->err, TRIVET_INTERNAL, "no call belongs to this step");
    }
}

void trivet_loop_perform(struct trivet_loop_client *client, const struct trivet_policy *policy,
                         const struct trivet_loop_state *state,
                         const struct trivet_loop_action *action, struct trivet_loop_result *result,
                         struct trivet_error *err)
{
    struct job job = {.client = client,
                      .policy = policy,
                      .state = state,
                      .action = action,
                      .result = result,
                      .err = err};
    memcpy(job.model, policy->model, sizeof(job.model));
    memcpy(job.reason, action->reason, sizeof(job.reason));
    *result = (struct trivet_loop_result){0};
    result->status = perform(&job);
    result->message = result->status == TRIVET_OK ? NULL : err->message;
}
