/* Settings of models, checked, on their way to the backend. */
#include "store/front.h"

enum trivet_status trivet_store_settings_set(struct trivet_store_txn *txn, const char *model,
                                             const void *settings, size_t n_bytes,
                                             const struct trivet_store_cause *cause,
                                             struct trivet_error *err)
{
    const struct trivet_store_bytes bytes = {.data = settings, .n_bytes = n_bytes};
    struct trivet_store_alias change = {.version = 0};
    struct trivet_store_cause whole;
    enum trivet_status status =
        trivet_store_prepare_change(txn, model, NULL, cause, &change, &whole, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the settings", settings, n_bytes,
                                          TRIVET_STORE_SETTINGS_BYTES_MAX, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->settings_set(txn->state, &change, bytes, &whole, err));
}

enum trivet_status trivet_store_settings_get(struct trivet_store *store, const char *model,
                                             struct trivet_buffer *settings,
                                             struct trivet_error *err)
{
    const size_t start = settings->n_bytes;
    enum trivet_status status = store->ops->settings_get(store->backend, model, settings, err);
    if (status != TRIVET_OK)
        settings->n_bytes = start;
    return status;
}
