/* Feedback: true outcomes to the predictions of the log, and rows to train on out of both. */
#include "base/clock.h"
#include "base/hash.h"
#include "lifecycle/feedback.h"
#include "rpc/call.h"
#include "rpc/grow_dataset.h"
#include "rpc/model_settings.h"
#include "rpc/outcome_target.h"
#include "rpc/services.h"
#include "trivet/v1/feedback.pb-c.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#define OUTCOMES_MAX 100000

/* --- Record ---------------------------------------------------------------------------------- */

static enum trivet_status check_model(struct trivet_store *store, const char *model,
                                      struct trivet_error *err)
{
    struct trivet_store_version newest;
    size_t count = 0;
    if (model[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "name the model");
    }
    enum trivet_status status = trivet_store_version_list(store, model, &newest, 1, &count, err);
    if (status == TRIVET_OK && count == 0) {
        status = trivet_error_set(err, TRIVET_NOT_FOUND,
                                  "no model '%.64s'; see what there is with: trivet models", model);
    }
    return status;
}

static enum trivet_status check_record(const Trivet__V1__RecordRequest *request,
                                       struct trivet_store *store, struct trivet_error *err)
{
    if (request->n_outcomes == 0 || request->n_outcomes > OUTCOMES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the call has %zu outcomes; send 1 to %d", request->n_outcomes,
                                OUTCOMES_MAX);
    }
    return check_model(store, request->model, err);
}

static enum trivet_status refuse(const Trivet__V1__RecordRequest *request, uint32_t per_minute,
                                 uint32_t wait_s, struct trivet_error *err)
{
    if (wait_s == 0) {
        return trivet_error_set(
            err, TRIVET_RESOURCE_EXHAUSTED,
            "model '%s' takes %u outcomes in a minute from one caller and the call has %zu; "
            "nothing "
            "was recorded; send fewer in a call, or raise it with: trivet configure %s "
            "--outcomes-per-minute N",
            request->model, per_minute, request->n_outcomes, request->model);
    }
    return trivet_error_set(
        err, TRIVET_RESOURCE_EXHAUSTED,
        "model '%s' takes %u outcomes in a minute from one caller; nothing was recorded; repeat "
        "the "
        "call in %u s, or raise it with: trivet configure %s --outcomes-per-minute N",
        request->model, per_minute, wait_s, request->model);
}

static enum trivet_status join_outcomes(const Trivet__V1__RecordRequest *request,
                                        struct trivet_feedback *feedback, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < request->n_outcomes; i++) {
        const Trivet__V1__Outcome *message = request->outcomes[i];
        struct trivet_feedback_outcome outcome = {.prediction = message->prediction,
                                                  .number = NAN,
                                                  .observed_unix_us = message->observed_unix_us};
        if (message->outcome_case == TRIVET__V1__OUTCOME__OUTCOME_LABEL) {
            outcome.label = message->label;
        } else if (message->outcome_case == TRIVET__V1__OUTCOME__OUTCOME_NUMBER) {
            outcome.number = message->number;
        }
        status = trivet_feedback_add(feedback, &outcome, err);
    }
    return status;
}

/* Joins and commits; the transaction is gone. */
static enum trivet_status record_in(struct trivet_call *call,
                                    const struct trivet_feedback_service *service,
                                    struct trivet_store_txn *txn,
                                    Trivet__V1__RecordResponse *response, struct trivet_error *err)
{
    const Trivet__V1__RecordRequest *request = (const Trivet__V1__RecordRequest *)call->request;
    struct trivet_outcome_targets targets = {.servables = service->servables,
                                             .model = request->model};
    struct trivet_feedback feedback = {.txn = txn,
                                       .log = service->log,
                                       .model = request->model,
                                       .now_unix_us = trivet_clock_unix_us(),
                                       .target_of = trivet_outcome_target,
                                       .context = &targets,
                                       .quality = trivet_quality_create()};
    enum trivet_status status =
        feedback.quality == NULL ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory")
                                 : join_outcomes(request, &feedback, err);
    if (status == TRIVET_OK) {
        response->joined = feedback.counts.joined;
        response->not_sampled = feedback.counts.not_sampled;
        response->unmatched = feedback.counts.unmatched;
        response->duplicate = feedback.counts.duplicate;
        response->corrected = feedback.counts.corrected;
        response->invalid = feedback.counts.invalid;
        response->late = feedback.counts.late;
        status = trivet_call_commit_change(call, txn, &response->base, err);
    } else {
        trivet_store_abort(txn);
    }
    if (status == TRIVET_OK) {
        trivet_quality_add_all(service->quality, feedback.quality);
    }
    trivet_outcome_targets_release(&targets);
    trivet_quality_free(feedback.quality);
    return status;
}

static uint32_t per_minute_max(const struct trivet_feedback_service *service,
                               struct trivet_call *call, const char *model,
                               enum trivet_status *status, struct trivet_error *err)
{
    Trivet__V1__ModelSettings *settings = NULL;
    *status = trivet_model_settings_read(service->store, call->arena, model, &settings, err);
    if (*status != TRIVET_OK || settings->outcomes_per_minute_max == 0) {
        return service->outcomes_per_minute_max;
    }
    return settings->outcomes_per_minute_max;
}

/* Equal for calls of one caller: of one machine, over a local socket of one user. Of an IPv6
 * address the first half counts: the other is the customer's to choose. */
static uint64_t caller_of(const struct trivet_call *call)
{
    uint8_t address[16];
    if (inet_pton(AF_INET6, call->peer, address) == 1) {
        return trivet_hash_bytes(address, sizeof(address) / 2);
    }
    return trivet_hash_bytes(call->peer, strlen(call->peer));
}

static enum trivet_status record_once(struct trivet_call *call,
                                      const struct trivet_feedback_service *service,
                                      ProtobufCMessage **earlier,
                                      Trivet__V1__RecordResponse *response,
                                      struct trivet_error *err)
{
    const Trivet__V1__RecordRequest *request = (const Trivet__V1__RecordRequest *)call->request;
    uint64_t count = request->n_outcomes;
    enum trivet_status status = TRIVET_OK;
    struct trivet_store_txn *txn = NULL;
    uint32_t wait_s = 0;
    uint32_t per_minute = per_minute_max(service, call, request->model, &status, err);
    if (status != TRIVET_OK) {
        return status;
    }
    /* Predictions whose replies are out are in the log, or never will be. */
    trivet_prediction_log_flush(service->log);
    status = trivet_call_begin_change(call, service->store, TRIVET_STORE_LOG, &txn, earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    uint64_t caller = caller_of(call);
    if (!trivet_outcome_limit_take(service->limit, request->model, caller, count, per_minute,
                                   trivet_clock_monotonic_ns(), &wait_s)) {
        trivet_store_abort(txn);
        trivet_quality_add_unjoined(service->quality, request->model,
                                    (struct trivet_unjoined){.refused = count});
        return refuse(request, per_minute, wait_s, err);
    }
    status = record_in(call, service, txn, response, err);
    if (status != TRIVET_OK) {
        trivet_outcome_limit_give_back(service->limit, request->model, caller, count);
    }
    return status;
}

static void record(struct trivet_call *call, void *arg)
{
    struct trivet_feedback_service *service = arg;
    const Trivet__V1__RecordRequest *request = (const Trivet__V1__RecordRequest *)call->request;
    Trivet__V1__RecordResponse response = TRIVET__V1__RECORD_RESPONSE__INIT;
    ProtobufCMessage *earlier = NULL;
    struct trivet_error err;
    enum trivet_status status = check_record(request, service->store, &err);
    if (status == TRIVET_OK) {
        status = record_once(call, service, &earlier, &response, &err);
    }
    trivet_call_end(call, status, earlier != NULL ? earlier : &response.base, &err);
}

/* --- GrowDataset ----------------------------------------------------------------------------- */

static void grow_dataset(struct trivet_call *call, void *arg)
{
    struct trivet_feedback_service *service = arg;
    const Trivet__V1__GrowDatasetRequest *request =
        (const Trivet__V1__GrowDatasetRequest *)call->request;
    ProtobufCMessage *response = NULL;
    struct trivet_error err;
    enum trivet_status status = check_model(service->store, request->model, &err);
    if (status == TRIVET_OK) {
        status = trivet_grow_dataset(call, service, &response, &err);
    }
    trivet_call_end(call, status, response, &err);
}

static const struct trivet_method rows[] = {
    {.name = "Record",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 16u << 20,
     .handle = record},
    {.name = "GrowDataset",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 60000,
     .request_bytes_max = 64u << 10,
     .handle = grow_dataset},
    {.name = NULL},
};

enum trivet_status trivet_feedback_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_feedback_service *service,
                                               struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__feedback__descriptor, rows, service, err);
}
