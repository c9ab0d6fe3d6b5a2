/* Models.History: who changed what of a model, when and why. */
#include "base/alloc.h"
#include "rpc/models_internal.h"
#include "wire/codec.h"

#define LIST_DEFAULT 100
#define LIST_MAX     1000

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

static enum trivet_status encode_settings(const struct trivet_store_alias_change *record,
                                          struct trivet_arena *arena,
                                          Trivet__V1__ModelSettings **out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    if (!record->has_settings) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__model_settings__descriptor, arena, record->settings,
                            record->settings_bytes, &message, err);
    *out = (Trivet__V1__ModelSettings *)message;
    return status;
}

static enum trivet_status encode_change(struct trivet_store_alias_change *record,
                                        struct trivet_arena *arena, Trivet__V1__AliasChange *out,
                                        struct trivet_error *err)
{
    trivet__v1__alias_change__init(out);
    out->sequence = record->sequence;
    out->kind = (Trivet__V1__AliasChangeKind)record->kind;
    out->alias = record->alias;
    out->version = record->version;
    out->previous_version = record->previous_version;
    out->changed_unix_us = record->changed_unix_us;
    out->identity = record->identity;
    out->request_id = record->request_id;
    out->reason = record->reason;
    out->peer = record->peer;
    enum trivet_status status = trivet_models_encode_shares(record->shares, record->n_shares, arena,
                                                            &out->traffic, &out->n_traffic, err);
    return status == TRIVET_OK ? encode_settings(record, arena, &out->settings, err) : status;
}

/* A model without a change is there when it has a version; one that is gone has left its changes.
 */
static enum trivet_status check_model(struct trivet_store *store, const char *model, size_t n_found,
                                      struct trivet_error *err)
{
    struct trivet_store_version newest;
    struct trivet_store_alias_change change;
    size_t count = n_found;
    enum trivet_status status = TRIVET_OK;
    if (count == 0) {
        status = trivet_store_version_list(store, model, &newest, 1, &count, err);
    }
    if (status == TRIVET_OK && count == 0) { /* of another alias, or a newer one? */
        status = trivet_store_alias_history(store, model, "", 0, &change, 1, &count, err);
    }
    return status == TRIVET_OK && count == 0 ? trivet_models_none(model, err) : status;
}

void trivet_models_history(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__HistoryRequest *request = (const Trivet__V1__HistoryRequest *)call->request;
    size_t limit = request->limit == 0 ? LIST_DEFAULT : request->limit;
    limit = limit > LIST_MAX ? LIST_MAX : limit;
    struct trivet_store_alias_change *records =
        trivet_arena_alloc_array(call->arena, limit, sizeof(*records));
    Trivet__V1__HistoryResponse response = TRIVET__V1__HISTORY_RESPONSE__INIT;
    Trivet__V1__AliasChange *changes =
        trivet_arena_alloc_array(call->arena, limit, sizeof(*changes));
    response.changes =
        trivet_arena_alloc_array(call->arena, limit, sizeof(Trivet__V1__AliasChange *));
    size_t count = 0;
    struct trivet_error err;
    enum trivet_status status =
        records == NULL || changes == NULL || response.changes == NULL
            ? out_of_memory(&err)
            : trivet_store_alias_history(service->store, request->model, request->alias,
                                         request->before, records, limit, &count, &err);
    if (status == TRIVET_OK) {
        status = check_model(service->store, request->model, count, &err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        status = encode_change(&records[i], call->arena, &changes[i], &err);
        response.changes[i] = &changes[i];
        response.n_changes++;
    }
    trivet_call_end(call, status, &response.base, &err);
}

enum trivet_status trivet_models_check_seen(struct trivet_store *store, const char *model,
                                            uint64_t seen, struct trivet_error *err)
{
    struct trivet_store_alias_change newest = {.sequence = 0};
    size_t count = 0;
    if (seen == 0) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_store_alias_history(store, model, "", 0, &newest, 1, &count, err);
    if (status == TRIVET_OK && count > 0 && newest.sequence > seen) {
        status =
            trivet_error_set(err, TRIVET_ABORTED,
                             "model '%s' was changed meanwhile (change %llu, seen was %llu); "
                             "look at it and try again",
                             model, (unsigned long long)newest.sequence, (unsigned long long)seen);
    }
    return status;
}
