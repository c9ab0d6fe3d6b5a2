/* Models.SetTraffic: the calls of "production" shared by several versions, or watched by shadows.
 */
#include "base/log.h"
#include "rpc/models_internal.h"

#define WEIGHT_MAX TRIVET_TRAFFIC_WEIGHT_MAX

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

/* --- store → message ------------------------------------------------------------------------- */

enum trivet_status trivet_models_encode_shares(const struct trivet_store_share *shares,
                                               size_t count, struct trivet_arena *arena,
                                               Trivet__V1__TrafficShare ***out, size_t *n_out,
                                               struct trivet_error *err)
{
    Trivet__V1__TrafficShare *messages = trivet_arena_alloc_array(arena, count, sizeof(*messages));
    Trivet__V1__TrafficShare **list = trivet_arena_alloc_array(arena, count, sizeof(*list));
    if (messages == NULL || list == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        trivet__v1__traffic_share__init(&messages[i]);
        messages[i].version = shares[i].version;
        messages[i].weight = shares[i].weight;
        messages[i].shadow = shares[i].shadow;
        list[i] = &messages[i];
    }
    *out = list;
    *n_out = count;
    return TRIVET_OK;
}

enum trivet_status trivet_models_add_traffic(const struct trivet_models_service *service,
                                             struct trivet_arena *arena, Trivet__V1__Model *model,
                                             struct trivet_error *err)
{
    struct trivet_store_share shares[TRIVET_STORE_SHARES_MAX];
    size_t count = 0;
    enum trivet_status status = trivet_store_traffic_list(service->store, model->name, shares,
                                                          TRIVET_STORE_SHARES_MAX, &count, err);
    return status == TRIVET_OK ? trivet_models_encode_shares(shares, count, arena, &model->traffic,
                                                             &model->n_traffic, err)
                               : status;
}

void trivet_models_tell_traffic(struct trivet_call *call,
                                const struct trivet_models_service *service, const char *model,
                                const char *reason, Trivet__V1__TrafficShare **shares, size_t count)
{
    const struct trivet_model_change change = {
        .model = model,
        .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_TRAFFIC_SET,
        .alias = TRIVET_ALIAS_PRODUCTION,
        .identity = call->key.identity,
        .peer = call->peer,
        .reason = reason,
        .traffic = shares,
        .n_traffic = count,
    };
    trivet_publisher_model_change(service->publisher, &change);
    trivet_log(TRIVET_LOG_INFO, count == 0 ? "traffic_split_ended" : "traffic_set",
               "model=%s versions=%zu message=%s", model, count, reason);
}

/* --- SetTraffic ------------------------------------------------------------------------------ */

static enum trivet_status check_shares(const Trivet__V1__SetTrafficRequest *request,
                                       struct trivet_store_share *out, struct trivet_error *err)
{
    if (request->n_shares > TRIVET_STORE_SHARES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu versions, but at most %d may share the traffic",
                                request->n_shares, TRIVET_STORE_SHARES_MAX);
    }
    for (size_t i = 0; i < request->n_shares; i++) {
        const Trivet__V1__TrafficShare *share = request->shares[i];
        if (share->weight < 1 || share->weight > WEIGHT_MAX) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "version %llu has the weight %u; weights are 1 to %d, and a "
                                    "version that is to have none is left out",
                                    (unsigned long long)share->version, share->weight, WEIGHT_MAX);
        }
        for (size_t k = 0; k < i; k++) {
            if (request->shares[k]->version == share->version) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "version %llu is named twice in the traffic",
                                        (unsigned long long)share->version);
            }
        }
        out[i] = (struct trivet_store_share){
            .version = share->version, .weight = share->weight, .shadow = share->shadow};
    }
    return TRIVET_OK;
}

/* Loaded and warm before they get a call: those of the split, and where its end leads back to.
 * `out` has room for all, and NULLs where there is none. */
static enum trivet_status load_all(const struct trivet_models_service *service,
                                   const Trivet__V1__SetTrafficRequest *request,
                                   struct trivet_servable **out, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_servable_set_load(service->servables, request->model, 0, NULL, &out[0], err);
    for (size_t i = 0; status == TRIVET_OK && i < request->n_shares; i++) {
        uint64_t version = request->shares[i]->version;
        status = version == 0
                     ? trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "name the versions that share the traffic by number")
                     : trivet_servable_set_load(service->servables, request->model, version, NULL,
                                                &out[i + 1], err);
    }
    return status;
}

/* Where shadows only watch "production", its version would be compared with itself. */
static enum trivet_status check_shadows(const Trivet__V1__SetTrafficRequest *request,
                                        uint64_t production, struct trivet_error *err)
{
    bool own = false;
    for (size_t i = 0; i < request->n_shares; i++) {
        if (!request->shares[i]->shadow) {
            return TRIVET_OK;
        }
        own = own || request->shares[i]->version == production;
    }
    return own ? trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "version %llu is production: as its own shadow it would be "
                                  "compared with itself",
                                  (unsigned long long)production)
               : TRIVET_OK;
}

/* The shares and the answer as one change; the call is marked when it had been made before. */
static enum trivet_status store_shares(struct trivet_call *call,
                                       const struct trivet_models_service *service,
                                       const struct trivet_store_share *shares, bool *changed,
                                       struct trivet_retired *retired, struct trivet_error *err)
{
    const Trivet__V1__SetTrafficRequest *request =
        (const Trivet__V1__SetTrafficRequest *)call->request;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    const struct trivet_store_cause cause = trivet_call_cause(call, request->reason);
    status = trivet_models_check_seen(service->store, request->model, request->seen_sequence, err);
    if (status == TRIVET_OK) {
        status = trivet_store_traffic_set(txn, request->model, TRIVET_ALIAS_PRODUCTION, shares,
                                          request->n_shares, &cause, changed, err);
    }
    if (status == TRIVET_OK) {
        return trivet_models_commit(call, service, txn, request->model, NULL, retired, err);
    }
    trivet_store_abort(txn);
    return status;
}

/* Of two changes at the same time the set follows the one that the store has last. */
static enum trivet_status change_traffic(struct trivet_call *call,
                                         const struct trivet_models_service *service,
                                         const struct trivet_store_share *shares,
                                         uint64_t production, struct trivet_error *err)
{
    const Trivet__V1__SetTrafficRequest *request =
        (const Trivet__V1__SetTrafficRequest *)call->request;
    struct trivet_retired retired;
    bool changed = false;
    enum trivet_status status = store_shares(call, service, shares, &changed, &retired, err);
    if (status != TRIVET_OK || call->replayed) {
        return status;
    }
    if (changed) {
        trivet_models_tell_traffic(call, service, request->model, request->reason, request->shares,
                                   request->n_shares);
    }
    status = trivet_servable_set_point(service->servables, request->model, TRIVET_ALIAS_PRODUCTION,
                                       production, err);
    trivet_retention_finish(&service->retention, request->model, &retired);
    return status;
}

void trivet_models_set_traffic(struct trivet_call *call, void *arg)
{
    const struct trivet_models_service *service = arg;
    const Trivet__V1__SetTrafficRequest *request =
        (const Trivet__V1__SetTrafficRequest *)call->request;
    struct trivet_store_share shares[TRIVET_STORE_SHARES_MAX];
    struct trivet_servable *warm[TRIVET_STORE_SHARES_MAX + 1] = {NULL};
    struct trivet_error err;
    enum trivet_status status = check_shares(request, shares, &err);
    if (status == TRIVET_OK) {
        status = trivet_models_look_for_earlier(call, service->store, &err);
    }
    if (status == TRIVET_OK && !call->replayed) {
        status = load_all(service, request, warm, &err);
        if (status == TRIVET_OK) {
            status = check_shadows(request, trivet_servable_version(warm[0]), &err);
        }
        if (status == TRIVET_OK) {
            status = change_traffic(call, service, shares, trivet_servable_version(warm[0]), &err);
        }
    }
    trivet_models_answer(call, service, request->model, status, &err);
    for (size_t i = 0; i < TRIVET_STORE_SHARES_MAX + 1; i++) {
        trivet_servable_unref(warm[i]);
    }
}
