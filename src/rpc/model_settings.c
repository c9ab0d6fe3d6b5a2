#include "rpc/model_settings.h"

#include "base/log.h"
#include "rpc/models_internal.h"
#include "wire/codec.h"

#include <pthread.h>
#include <string.h>

#define SETTINGS_ARENA_BYTES (64u << 10)
#define NAMES_PER_PAGE       256

/* Two that follow at once: the later one must have read what is stored last. */
static pthread_mutex_t follow_lock = PTHREAD_MUTEX_INITIALIZER;

enum trivet_status trivet_model_settings_follow(struct trivet_store *store,
                                                struct trivet_prediction_log *log,
                                                const char *model, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(SETTINGS_ARENA_BYTES, 0);
    Trivet__V1__ModelSettings *settings = NULL;
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    pthread_mutex_lock(&follow_lock);
    enum trivet_status status = trivet_model_settings_read(store, arena, model, &settings, err);
    if (status == TRIVET_OK) {
        status = trivet_prediction_log_keep_features(log, model, settings->keep_features, err);
    }
    pthread_mutex_unlock(&follow_lock);
    trivet_arena_free(arena);
    return status;
}

enum trivet_status trivet_model_settings_follow_all(struct trivet_store *store,
                                                    struct trivet_prediction_log *log,
                                                    struct trivet_error *err)
{
    char names[NAMES_PER_PAGE][TRIVET_STORE_NAME_BYTES];
    uint64_t version_counts[NAMES_PER_PAGE];
    char after[TRIVET_STORE_NAME_BYTES] = "";
    size_t count = NAMES_PER_PAGE;
    enum trivet_status status = TRIVET_OK;
    while (status == TRIVET_OK && count == NAMES_PER_PAGE) {
        status = trivet_store_model_list(store, after, names, version_counts, NAMES_PER_PAGE,
                                         &count, err);
        for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
            status = trivet_model_settings_follow(store, log, names[i], err);
        }
        if (status == TRIVET_OK && count > 0) {
            memcpy(after, names[count - 1], sizeof(after));
        }
    }
    return status;
}

/* --- Configure ------------------------------------------------------------------------------- */

/* Takes what the request names, or all when it names none, into *settings. */
static enum trivet_status merge(const Trivet__V1__ConfigureRequest *request,
                                Trivet__V1__ModelSettings *settings, struct trivet_error *err)
{
    const Trivet__V1__ModelSettings *given = request->settings;
    if (request->n_fields == 0) {
        *settings = *given;
    }
    for (size_t i = 0; i < request->n_fields; i++) {
        const char *name = request->fields[i];
        if (strcmp(name, "keep_features") == 0) {
            settings->keep_features = given->keep_features;
        } else if (strcmp(name, "keep_versions") == 0) {
            settings->keep_versions = given->keep_versions;
        } else if (strcmp(name, "outcomes_per_minute_max") == 0) {
            settings->outcomes_per_minute_max = given->outcomes_per_minute_max;
        } else {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "no setting '%.64s'; there are keep_features, keep_versions "
                                    "and outcomes_per_minute_max",
                                    name);
        }
    }
    return TRIVET_OK;
}

/* Inside the change's transaction, so that nobody else's change is lost: *out is all that holds
 * from then on, in the call's arena. */
static enum trivet_status put_settings(struct trivet_call *call,
                                       const struct trivet_models_service *service,
                                       struct trivet_store_txn *txn,
                                       Trivet__V1__ModelSettings **out, struct trivet_error *err)
{
    const Trivet__V1__ConfigureRequest *request =
        (const Trivet__V1__ConfigureRequest *)call->request;
    const struct trivet_store_cause cause = trivet_call_cause(call, request->reason);
    struct trivet_buffer bytes = {0};
    enum trivet_status status =
        trivet_model_settings_read(service->store, call->arena, request->model, out, err);
    if (status == TRIVET_OK) {
        status = merge(request, *out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&(*out)->base, &bytes, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_store_settings_set(txn, request->model, bytes.data, bytes.n_bytes, &cause, err);
    }
    trivet_buffer_release(&bytes);
    return status;
}

static enum trivet_status store_settings(struct trivet_call *call,
                                         const struct trivet_models_service *service,
                                         Trivet__V1__ModelSettings **settings,
                                         struct trivet_retired *retired, struct trivet_error *err)
{
    const Trivet__V1__ConfigureRequest *request =
        (const Trivet__V1__ConfigureRequest *)call->request;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    status = put_settings(call, service, txn, settings, err);
    if (status == TRIVET_OK) {
        return trivet_models_commit(call, service, txn, request->model, *settings, retired, err);
    }
    trivet_store_abort(txn);
    return status;
}

enum trivet_status trivet_model_settings_configure(struct trivet_call *call,
                                                   const struct trivet_models_service *service,
                                                   struct trivet_error *err)
{
    const Trivet__V1__ConfigureRequest *request =
        (const Trivet__V1__ConfigureRequest *)call->request;
    Trivet__V1__ModelSettings *settings = NULL;
    struct trivet_retired retired;
    if (request->settings == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the call has no settings; send those that shall hold from now on");
    }
    const struct trivet_store_cause cause = trivet_call_cause(call, request->reason);
    enum trivet_status status = store_settings(call, service, &settings, &retired, err);
    if (status != TRIVET_OK || call->replayed) {
        return status;
    }
    const struct trivet_model_change change = {
        .model = request->model,
        .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_CONFIGURED,
        .identity = call->key.identity,
        .peer = call->peer,
        .reason = request->reason,
    };
    trivet_publisher_model_change(service->publisher, &change);
    trivet_log(TRIVET_LOG_INFO, "configured",
               "model=%s keep_features=%d keep_versions=%u outcomes_per_minute=%u message=%s",
               request->model, settings->keep_features, settings->keep_versions,
               settings->outcomes_per_minute_max, request->reason);
    trivet_retention_finish_all(&service->retention, request->model, &cause, &retired);
    return trivet_model_settings_follow(service->store, service->log, request->model, err);
}
