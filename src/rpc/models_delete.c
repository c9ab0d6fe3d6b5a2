/* Models.Delete and Models.RemoveAlias: what goes, and who is told. */
#include "base/log.h"
#include "base/text.h"
#include "rpc/model_settings.h"
#include "rpc/models_internal.h"

#include <string.h>

/* --- Delete ---------------------------------------------------------------------------------- */

static enum trivet_status store_deletion(struct trivet_call *call,
                                         const struct trivet_models_service *service,
                                         struct trivet_error *err)
{
    const Trivet__V1__DeleteModelRequest *request =
        (const Trivet__V1__DeleteModelRequest *)call->request;
    Trivet__V1__DeleteModelResponse response = TRIVET__V1__DELETE_MODEL_RESPONSE__INIT;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    const struct trivet_store_cause cause = trivet_call_cause(call, request->reason);
    status = trivet_store_version_delete(txn, request->model, request->version, &cause, err);
    if (status == TRIVET_OK) {
        return trivet_call_commit_change(call, txn, &response.base, err);
    }
    trivet_store_abort(txn);
    return status;
}

static void follow_deletion(struct trivet_call *call, const struct trivet_models_service *service)
{
    const Trivet__V1__DeleteModelRequest *request =
        (const Trivet__V1__DeleteModelRequest *)call->request;
    const struct trivet_model_change change = {
        .model = request->model,
        .version = request->version,
        .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED,
        .identity = call->key.identity,
        .peer = call->peer,
        .reason = request->reason,
    };
    struct trivet_error err;
    trivet_servable_set_drop(service->servables, request->model, request->version);
    /* Its settings went with it, and what they let be kept goes too. */
    if (request->version == 0 && trivet_model_settings_follow(service->store, service->log,
                                                              request->model, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "features_not_erased", "model=%s message=%s", request->model,
                   err.message);
    }
    trivet_publisher_model_change(service->publisher, &change);
    trivet_log(TRIVET_LOG_INFO, request->version == 0 ? "model_deleted" : "version_deleted",
               "model=%s version=%llu message=%s", request->model,
               (unsigned long long)request->version, request->reason);
}

void trivet_models_delete(struct trivet_call *call, void *arg)
{
    const struct trivet_models_service *service = arg;
    Trivet__V1__DeleteModelResponse response = TRIVET__V1__DELETE_MODEL_RESPONSE__INIT;
    struct trivet_error err;
    enum trivet_status status = store_deletion(call, service, &err);
    if (status == TRIVET_OK && !call->replayed) {
        follow_deletion(call, service);
    }
    trivet_call_end(call, status, &response.base, &err);
}

/* --- RemoveAlias ----------------------------------------------------------------------------- */

/* The transaction is the only one that changes the catalog: what is read is what holds. */
static enum trivet_status check_split(struct trivet_store *store, const char *model,
                                      const char *alias, struct trivet_error *err)
{
    struct trivet_store_share share;
    size_t count = 0;
    if (strcmp(alias, TRIVET_ALIAS_PRODUCTION) != 0) {
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_store_traffic_list(store, model, &share, 1, &count, err);
    if (status == TRIVET_OK && count > 0) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the traffic of alias '%s' of model '%s' is split or shadowed; "
                                  "end that first (trivet deploy %s --no-split)",
                                  alias, model, model);
    }
    return status;
}

static enum trivet_status store_removal(struct trivet_call *call,
                                        const struct trivet_models_service *service,
                                        struct trivet_store_alias *removed,
                                        struct trivet_retired *retired, struct trivet_error *err)
{
    const Trivet__V1__RemoveAliasRequest *request =
        (const Trivet__V1__RemoveAliasRequest *)call->request;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    const struct trivet_store_cause cause = trivet_call_cause(call, request->reason);
    status = check_split(service->store, request->model, request->alias, err);
    if (status == TRIVET_OK) {
        status =
            trivet_store_alias_remove(txn, request->model, request->alias, &cause, removed, err);
    }
    if (status == TRIVET_OK) {
        return trivet_models_commit(call, service, txn, request->model, NULL, retired, err);
    }
    trivet_store_abort(txn);
    return status;
}

static enum trivet_status remove_alias(struct trivet_call *call,
                                       const struct trivet_models_service *service,
                                       struct trivet_error *err)
{
    const Trivet__V1__RemoveAliasRequest *request =
        (const Trivet__V1__RemoveAliasRequest *)call->request;
    struct trivet_store_alias removed;
    struct trivet_retired retired;
    enum trivet_status status = store_removal(call, service, &removed, &retired, err);
    if (status != TRIVET_OK || call->replayed) {
        return status;
    }
    const struct trivet_model_change told = {
        .model = request->model,
        .version = removed.version,
        .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_ALIAS_REMOVED,
        .alias = request->alias,
        .identity = call->key.identity,
        .peer = call->peer,
        .reason = request->reason,
    };
    status = trivet_servable_set_unpoint(service->servables, request->model, request->alias, err);
    trivet_publisher_model_change(service->publisher, &told);
    trivet_log(TRIVET_LOG_INFO, "alias_removed", "model=%s version=%llu alias=%s message=%s",
               request->model, (unsigned long long)removed.version, request->alias,
               request->reason);
    trivet_retention_finish(&service->retention, request->model, &retired);
    return status;
}

void trivet_models_remove_alias(struct trivet_call *call, void *arg)
{
    const struct trivet_models_service *service = arg;
    const Trivet__V1__RemoveAliasRequest *request =
        (const Trivet__V1__RemoveAliasRequest *)call->request;
    struct trivet_error err;
    enum trivet_status status =
        request->alias[0] == '\0'
            ? trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "name the alias to remove")
            : remove_alias(call, service, &err);
    trivet_models_answer(call, service, request->model, status, &err);
}
