#include "lifecycle/retention.h"

#include "base/arena.h"
#include "base/log.h"
#include "lifecycle/settings.h"

#define SETTINGS_ARENA_BYTES (64u << 10)
#define REASON               "retention"

/* The transaction is the only one that changes the catalog: what a reader sees is what it found. */
static enum trivet_status read_keep(struct trivet_store *store, const char *model, uint32_t *keep,
                                    struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(SETTINGS_ARENA_BYTES, 0);
    Trivet__V1__ModelSettings *settings = NULL;
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    enum trivet_status status = trivet_model_settings_read(store, arena, model, &settings, err);
    if (status == TRIVET_OK) {
        *keep = settings->keep_versions;
    }
    trivet_arena_free(arena);
    return status;
}

enum trivet_status trivet_retention_apply(const struct trivet_retention *retention,
                                          struct trivet_store_txn *txn, const char *model,
                                          const Trivet__V1__ModelSettings *settings,
                                          const struct trivet_store_cause *cause,
                                          struct trivet_retired *out, struct trivet_error *err)
{
    struct trivet_store_cause told = *cause;
    uint32_t keep = 0;
    enum trivet_status status = TRIVET_OK;
    out->count = 0;
    told.reason = REASON;
    if (settings != NULL) {
        keep = settings->keep_versions;
    } else {
        status = read_keep(retention->store, model, &keep, err);
    }
    return status == TRIVET_OK ? trivet_store_version_retain(txn, model, keep, &told, out->versions,
                                                             &out->count, err)
                               : status;
}

void trivet_retention_finish(const struct trivet_retention *retention, const char *model,
                             const struct trivet_retired *retired)
{
    for (size_t i = 0; i < retired->count; i++) {
        const struct trivet_model_change change = {
            .model = model,
            .version = retired->versions[i],
            .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_DELETED,
            .reason = REASON,
        };
        trivet_servable_set_drop(retention->servables, model, change.version);
        trivet_publisher_model_change(retention->publisher, &change);
        trivet_log(TRIVET_LOG_INFO, "version_deleted", "model=%s version=%llu message=" REASON,
                   model, (unsigned long long)change.version);
    }
}

static enum trivet_status take_more(const struct trivet_retention *retention, const char *model,
                                    const struct trivet_store_cause *cause,
                                    struct trivet_retired *out, struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status =
        trivet_store_begin(retention->store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_retention_apply(retention, txn, model, NULL, cause, out, err);
    if (status == TRIVET_OK) {
        return trivet_store_commit(txn, err);
    }
    trivet_store_abort(txn);
    return status;
}

void trivet_retention_finish_all(const struct trivet_retention *retention, const char *model,
                                 const struct trivet_store_cause *cause,
                                 const struct trivet_retired *retired)
{
    struct trivet_retired more = *retired;
    struct trivet_error err;
    enum trivet_status status = TRIVET_OK;
    trivet_retention_finish(retention, model, &more);
    while (status == TRIVET_OK && more.count == TRIVET_STORE_RETAIN_MAX) {
        status = take_more(retention, model, cause, &more, &err);
        if (status == TRIVET_OK) {
            trivet_retention_finish(retention, model, &more);
        }
    }
    if (status != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "retention_unfinished", "model=%s message=%s", model,
                   err.message);
    }
}
