/* Shares of the traffic: checks in front of the backend. */
#include "store/front.h"

static enum trivet_status check_shares(const struct trivet_store_share *shares, size_t count,
                                       struct trivet_error *err)
{
    if (count > TRIVET_STORE_SHARES_MAX)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the traffic is shared by %zu versions, at most %d may", count,
                                TRIVET_STORE_SHARES_MAX);
    for (size_t i = 0; i < count; i++) {
        const unsigned long long version = shares[i].version;
        if (shares[i].weight == 0 || shares[i].version == 0 || shares[i].version > INT64_MAX)
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "version %llu cannot have the weight %u in the traffic",
                                    version, shares[i].weight);
        for (size_t k = 0; k < i; k++) {
            if (shares[k].version == shares[i].version)
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "version %llu is named twice in the traffic", version);
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_store_traffic_set(struct trivet_store_txn *txn, const char *model,
                                            const char *alias,
                                            const struct trivet_store_share *shares, size_t count,
                                            const struct trivet_store_cause *cause, bool *changed,
                                            struct trivet_error *err)
{
    struct trivet_store_alias change = {.version = 0};
    struct trivet_store_cause whole;
    bool differs = false;
    enum trivet_status status =
        trivet_store_prepare_change(txn, model, alias, cause, &change, &whole, err);
    if (status == TRIVET_OK)
        status = check_shares(shares, count, err);
    if (status != TRIVET_OK)
        return status;
    status =
        txn->store->ops->traffic_set(txn->state, &change, shares, count, &whole, &differs, err);
    if (status == TRIVET_OK)
        *changed = differs;
    return trivet_store_txn_note(txn, status);
}

enum trivet_status trivet_store_traffic_list(struct trivet_store *store, const char *model,
                                             struct trivet_store_share *out, size_t count_max,
                                             size_t *count, struct trivet_error *err)
{
    return store->ops->traffic_list(store->backend, model, out, count_max, count, err);
}
