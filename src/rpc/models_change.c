/* How every change of a model begins and ends. */
#include "rpc/models_internal.h"

enum trivet_status trivet_models_look_for_earlier(struct trivet_call *call,
                                                  struct trivet_store *store,
                                                  struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    trivet_store_abort(txn);
    return status;
}

enum trivet_status trivet_models_commit(struct trivet_call *call,
                                        const struct trivet_models_service *service,
                                        struct trivet_store_txn *txn, char *model,
                                        const Trivet__V1__ModelSettings *settings,
                                        struct trivet_retired *retired, struct trivet_error *err)
{
    const struct trivet_store_cause cause = trivet_call_cause(call, "");
    Trivet__V1__Model kept = TRIVET__V1__MODEL__INIT;
    kept.name = model;
    enum trivet_status status =
        trivet_retention_apply(&service->retention, txn, model, settings, &cause, retired, err);
    if (status == TRIVET_OK) {
        return trivet_call_commit_change(call, txn, &kept.base, err);
    }
    trivet_store_abort(txn);
    return status;
}
