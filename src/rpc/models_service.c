/* Models: what there is, and which version answers. */
#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "rpc/call.h"
#include "rpc/model_settings.h"
#include "rpc/models_internal.h"
#include "rpc/promotion.h"
#include "rpc/services.h"
#include "trivet/v1/models.pb-c.h"
#include "wire/codec.h"

#include <string.h>

#define LIST_DEFAULT 100
#define LIST_MAX     1000
#define VERSIONS_MAX 1000

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

enum trivet_status trivet_models_none(const char *name, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "no model '%s'; see what there is with: trivet models", name);
}

/* --- store → message ------------------------------------------------------------------------- */

/* The stored summary is a packed Version; number, size and checksum come from the record. */
static enum trivet_status read_version(const struct trivet_models_service *service,
                                       struct trivet_arena *arena, const char *model,
                                       uint64_t version, Trivet__V1__Version **out,
                                       struct trivet_error *err)
{
    struct trivet_store_version record;
    struct trivet_buffer summary = {0};
    ProtobufCMessage *message = NULL;
    enum trivet_status status =
        trivet_store_version_get(service->store, model, version, &record, NULL, &summary, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__version__descriptor, arena, summary.data,
                                     summary.n_bytes, &message, err);
    }
    trivet_buffer_release(&summary);
    if (status != TRIVET_OK) {
        return status;
    }
    Trivet__V1__Version *typed = (Trivet__V1__Version *)message;
    typed->model = trivet_arena_strdup(arena, record.model);
    typed->job_id = trivet_arena_strdup(arena, record.job_id);
    typed->dataset_id = trivet_arena_strdup(arena, record.dataset_id);
    typed->checksum = trivet_arena_strdup(arena, record.checksum);
    typed->version = record.version;
    typed->created_unix_us = record.created_unix_us;
    typed->artefact_bytes = record.artefact_bytes;
    if (typed->model == NULL || typed->job_id == NULL || typed->dataset_id == NULL ||
        typed->checksum == NULL) {
        return out_of_memory(err);
    }
    *out = typed;
    return TRIVET_OK;
}

static enum trivet_status add_aliases(const struct trivet_models_service *service,
                                      struct trivet_arena *arena, Trivet__V1__Model *model,
                                      struct trivet_error *err)
{
    struct trivet_store_alias *records =
        trivet_arena_alloc_array(arena, TRIVET_STORE_ALIASES_MAX, sizeof(*records));
    size_t count = 0;
    enum trivet_status status =
        records == NULL ? out_of_memory(err)
                        : trivet_store_alias_list(service->store, model->name, records,
                                                  TRIVET_STORE_ALIASES_MAX, &count, err);
    if (status != TRIVET_OK) {
        return status;
    }
    Trivet__V1__Alias *aliases = trivet_arena_alloc_array(arena, count, sizeof(*aliases));
    model->aliases = trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__Alias *));
    if (aliases == NULL || model->aliases == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        trivet__v1__alias__init(&aliases[i]);
        aliases[i].name = records[i].name;
        aliases[i].version = records[i].version;
        aliases[i].changed_unix_us = records[i].changed_unix_us;
        model->aliases[i] = &aliases[i];
    }
    model->n_aliases = count;
    return TRIVET_OK;
}

/* At most `count_max` versions, newest first. NOT_FOUND when the model has none. */
static enum trivet_status add_versions(const struct trivet_models_service *service,
                                       struct trivet_arena *arena, size_t count_max,
                                       Trivet__V1__Model *model, struct trivet_error *err)
{
    struct trivet_store_version *records = trivet_calloc(count_max, sizeof(*records));
    size_t count = 0;
    enum trivet_status status = records == NULL
                                    ? out_of_memory(err)
                                    : trivet_store_version_list(service->store, model->name,
                                                                records, count_max, &count, err);
    if (status == TRIVET_OK && count == 0) {
        status = trivet_models_none(model->name, err);
    }
    if (status == TRIVET_OK) {
        model->versions = trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__Version *));
        status = model->versions == NULL ? out_of_memory(err) : TRIVET_OK;
    }
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        status =
            read_version(service, arena, model->name, records[i].version, &model->versions[i], err);
        model->n_versions += status == TRIVET_OK;
    }
    trivet_free(records);
    return status;
}

static enum trivet_status encode_model(const struct trivet_models_service *service,
                                       struct trivet_arena *arena, const char *name,
                                       size_t versions_max, Trivet__V1__Model **out,
                                       struct trivet_error *err)
{
    Trivet__V1__Model *model = trivet_arena_alloc(arena, sizeof(*model));
    if (model == NULL) {
        return out_of_memory(err);
    }
    trivet__v1__model__init(model);
    model->name = trivet_arena_strdup(arena, name);
    enum trivet_status status = model->name == NULL
                                    ? out_of_memory(err)
                                    : add_versions(service, arena, versions_max, model, err);
    if (status == TRIVET_OK) {
        status = add_aliases(service, arena, model, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_models_add_traffic(service, arena, model, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_model_settings_read(service->store, arena, name, &model->settings, err);
    }
    model->version_count = model->n_versions;
    *out = model;
    return status;
}

/* --- List and Describe ----------------------------------------------------------------------- */

struct model_page {
    char (*names)[TRIVET_STORE_NAME_BYTES];
    uint64_t *version_counts;
    size_t count;
};

static void list(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__ListModelsRequest *request =
        (const Trivet__V1__ListModelsRequest *)call->request;
    size_t limit = request->limit == 0 ? LIST_DEFAULT : request->limit;
    limit = limit > LIST_MAX ? LIST_MAX : limit;
    struct model_page page = {
        .names = trivet_arena_alloc_array(call->arena, limit, TRIVET_STORE_NAME_BYTES),
        .version_counts = trivet_arena_alloc_array(call->arena, limit, sizeof(uint64_t)),
    };
    Trivet__V1__ListModelsResponse response = TRIVET__V1__LIST_MODELS_RESPONSE__INIT;
    response.models = trivet_arena_alloc_array(call->arena, limit, sizeof(Trivet__V1__Model *));
    struct trivet_error err;
    enum trivet_status status =
        page.names == NULL || page.version_counts == NULL || response.models == NULL
            ? out_of_memory(&err)
            : trivet_store_model_list(service->store, request->after, page.names,
                                      page.version_counts, limit, &page.count, &err);
    for (size_t i = 0; status == TRIVET_OK && i < page.count; i++) {
        Trivet__V1__Model **model = &response.models[response.n_models];
        status = encode_model(service, call->arena, page.names[i], 1, model, &err);
        if (status == TRIVET_OK) {
            (*model)->version_count = page.version_counts[i];
            response.n_models++;
        } else if (status == TRIVET_NOT_FOUND) {
            status = TRIVET_OK; /* deleted since the names were read */
        }
    }
    trivet_call_end(call, status, &response.base, &err);
}

/* One version with everything its artefact tells. The call ends inside: the message borrows from
 * the artefact. */
static void describe_version(struct trivet_call *call, const struct trivet_models_service *service,
                             const Trivet__V1__DescribeModelRequest *request)
{
    Trivet__V1__Model model = TRIVET__V1__MODEL__INIT;
    Trivet__V1__Version *version = NULL;
    Trivet__V1__Version *versions[1];
    struct trivet_servable *servable = NULL;
    struct trivet_error err;
    model.name = request->model;
    enum trivet_status status =
        read_version(service, call->arena, request->model, request->version, &version, &err);
    if (status == TRIVET_OK) {
        status = add_aliases(service, call->arena, &model, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_models_add_traffic(service, call->arena, &model, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_model_settings_read(service->store, call->arena, request->model,
                                            &model.settings, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_servable_set_load(service->servables, request->model, request->version,
                                          NULL, &servable, &err);
    }
    if (status != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    const Trivet__V1__Artefact *artefact = trivet_servable_artefact(servable)->message;
    version->signature = artefact->signature;
    version->report = artefact->report;
    version->profile = artefact->profile;
    version->pipeline = artefact->spec;
    version->split = artefact->split;
    versions[0] = version;
    model.versions = versions;
    model.n_versions = 1;
    model.version_count = 1;
    trivet_call_finish(call, &model.base);
    trivet_servable_unref(servable);
}

static void describe(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__DescribeModelRequest *request =
        (const Trivet__V1__DescribeModelRequest *)call->request;
    if (request->version != 0) {
        describe_version(call, service, request);
        return;
    }
    Trivet__V1__Model *model = NULL;
    struct trivet_error err;
    if (encode_model(service, call->arena, request->model, VERSIONS_MAX, &model, &err) !=
        TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    trivet_call_finish(call, &model->base);
}

/* --- Promote --------------------------------------------------------------------------------- */

static enum trivet_status check_promote(const Trivet__V1__PromoteRequest *request,
                                        const char *alias, struct trivet_error *err)
{
    if (request->version == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "name the version to deploy; see them with: trivet models %s",
                                request->model);
    }
    if (!trivet_text_is_name(alias, TRIVET_STORE_NAME_BYTES - 1)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.80s' cannot be an alias: use letters, digits, - and _, at most "
                                "%d",
                                alias, TRIVET_STORE_NAME_BYTES - 1);
    }
    return TRIVET_OK;
}

struct alias_change {
    char *model;
    const char *alias;
    uint64_t version; /* 0 = the one before */
    const char *reason;
    const struct trivet_rival *rival; /* that a gate compared with; NULL = none */
};

/* Store the alias, the end of the split of its calls and the answer as one change; the call is
 * marked when it had been made before. */
static enum trivet_status store_alias(struct trivet_call *call,
                                      const struct trivet_models_service *service,
                                      const struct alias_change *change,
                                      struct trivet_store_alias *record, bool *split_ended,
                                      struct trivet_retired *retired, struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, err);
    if (status != TRIVET_OK || txn == NULL) {
        return status;
    }
    const struct trivet_store_cause cause = trivet_call_cause(call, change->reason);
    if (change->rival != NULL) {
        status = trivet_promotion_check_rival(service->store, change->model, change->rival, err);
    }
    if (status == TRIVET_OK && strcmp(change->alias, TRIVET_ALIAS_PRODUCTION) == 0) {
        status = trivet_store_traffic_set(txn, change->model, change->alias, NULL, 0, &cause,
                                          split_ended, err);
    }
    if (status == TRIVET_OK) {
        status = change->version == 0
                     ? trivet_store_alias_rollback(txn, change->model, change->alias, &cause,
                                                   record, err)
                     : trivet_store_alias_set(txn, change->model, change->alias, change->version,
                                              &cause, record, err);
    }
    if (status == TRIVET_OK) {
        return trivet_models_commit(call, service, txn, change->model, NULL, retired, err);
    }
    trivet_store_abort(txn);
    return status;
}

/* Of two at the same time the set follows the one that the store has last. */
static enum trivet_status change_alias(struct trivet_call *call,
                                       const struct trivet_models_service *service,
                                       const struct alias_change *change, struct trivet_error *err)
{
    struct trivet_store_alias record;
    struct trivet_retired retired;
    bool split_ended = false;
    enum trivet_status status =
        store_alias(call, service, change, &record, &split_ended, &retired, err);
    if (status != TRIVET_OK || call->replayed) {
        return status;
    }
    if (split_ended) {
        trivet_models_tell_traffic(call, service, change->model, change->reason, NULL, 0);
    }
    const struct trivet_model_change told = {
        .model = change->model,
        .version = record.version,
        .change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_ALIAS_SET,
        .alias = change->alias,
        .identity = call->key.identity,
        .peer = call->peer,
        .reason = change->reason,
    };
    trivet_publisher_model_change(service->publisher, &told);
    trivet_log(TRIVET_LOG_INFO, change->version == 0 ? "alias_rolled_back" : "alias_set",
               "model=%s version=%llu alias=%s message=%s", change->model,
               (unsigned long long)record.version, change->alias, change->reason);
    status = trivet_servable_set_point(service->servables, change->model, change->alias,
                                       record.version, err);
    trivet_retention_finish(&service->retention, change->model, &retired);
    return status;
}

void trivet_models_answer(struct trivet_call *call, const struct trivet_models_service *service,
                          const char *name, enum trivet_status status, struct trivet_error *err)
{
    Trivet__V1__Model *model = NULL;
    if (status == TRIVET_OK) {
        status = encode_model(service, call->arena, name, 1, &model, err);
    }
    if (status == TRIVET_OK) {
        trivet_call_finish(call, &model->base);
    } else {
        trivet_call_fail(call, err);
    }
}

static void promote(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__PromoteRequest *request = (const Trivet__V1__PromoteRequest *)call->request;
    const char *alias = request->alias[0] != '\0' ? request->alias : TRIVET_ALIAS_PRODUCTION;
    struct trivet_servable *servable = NULL;
    struct trivet_rival rival;
    struct trivet_error err;
    enum trivet_status status = check_promote(request, alias, &err);
    if (status == TRIVET_OK) {
        status = trivet_models_look_for_earlier(call, service->store, &err);
    }
    if (status == TRIVET_OK && !call->replayed) {
        /* Loaded and warm before anything points at it. */
        status = trivet_servable_set_load(service->servables, request->model, request->version,
                                          NULL, &servable, &err);
        if (status == TRIVET_OK) {
            const struct trivet_promotion promotion = {service->store, service->servables,
                                                       service->scoring};
            status =
                trivet_promotion_check(request, servable, &promotion, call->arena, &rival, &err);
        }
        if (status == TRIVET_OK) {
            /* Who gave up must not find it changed. */
            status = trivet_call_check_deadline(call, &err);
        }
        if (status == TRIVET_OK) {
            const struct alias_change change = {
                .model = request->model,
                .alias = alias,
                .version = request->version,
                .reason = request->reason,
                .rival = request->require_better_than[0] != '\0' ? &rival : NULL,
            };
            status = change_alias(call, service, &change, &err);
        }
    }
    trivet_models_answer(call, service, request->model, status, &err);
    trivet_servable_unref(servable);
}

/* --- Rollback -------------------------------------------------------------------------------- */

/* Loads what the alias would go back to; none: that is the store's to tell. A version that cannot
 * be loaded must not get the traffic. */
static enum trivet_status load_before(const struct trivet_models_service *service,
                                      struct trivet_arena *arena, const char *model,
                                      const char *alias, struct trivet_servable **out,
                                      struct trivet_error *err)
{
    struct trivet_store_alias *records =
        trivet_arena_alloc_array(arena, TRIVET_STORE_ALIASES_MAX, sizeof(*records));
    size_t count = 0;
    enum trivet_status status =
        records == NULL ? out_of_memory(err)
                        : trivet_store_alias_list(service->store, model, records,
                                                  TRIVET_STORE_ALIASES_MAX, &count, err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        if (strcmp(records[i].name, alias) == 0 && records[i].previous_version != 0) {
            return trivet_servable_set_load(service->servables, model, records[i].previous_version,
                                            NULL, out, err);
        }
    }
    return status;
}

static void rollback(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__RollbackRequest *request = (const Trivet__V1__RollbackRequest *)call->request;
    const struct alias_change change = {
        .model = request->model,
        .alias = request->alias[0] != '\0' ? request->alias : TRIVET_ALIAS_PRODUCTION,
        .reason = request->reason,
    };
    struct trivet_servable *before = NULL;
    struct trivet_error err;
    enum trivet_status status = trivet_models_look_for_earlier(call, service->store, &err);
    if (status == TRIVET_OK && !call->replayed) {
        status = load_before(service, call->arena, request->model, change.alias, &before, &err);
        if (status == TRIVET_OK) {
            status = change_alias(call, service, &change, &err);
        }
    }
    trivet_models_answer(call, service, request->model, status, &err);
    trivet_servable_unref(before);
}

static void configure(struct trivet_call *call, void *arg)
{
    struct trivet_models_service *service = arg;
    const Trivet__V1__ConfigureRequest *request =
        (const Trivet__V1__ConfigureRequest *)call->request;
    struct trivet_error err;
    enum trivet_status status = trivet_model_settings_configure(call, service, &err);
    trivet_models_answer(call, service, request->model, status, &err);
}

#define CONTROL(method, handler)                                                                   \
    {                                                                                              \
        .name = method, .plane = TRIVET_PLANE_CONTROL, .timeout_ms_default = 30000,                \
        .request_bytes_max = 64u << 10, .handle = handler                                          \
    }
#define CHANGE(method, handler)                                                                    \
    {                                                                                              \
        .name = method, .plane = TRIVET_PLANE_CONTROL, .changes_state = true,                      \
        .timeout_ms_default = 30000, .request_bytes_max = 9u << 20, .handle = handler              \
    }

static const struct trivet_method rows[] = {
    CONTROL("List", list),
    CONTROL("Describe", describe),
    CHANGE("Promote", promote),
    CHANGE("Rollback", rollback),
    CHANGE("SetTraffic", trivet_models_set_traffic),
    CHANGE("Configure", configure),
    CONTROL("Export", trivet_call_unimplemented),
    CHANGE("Import", trivet_call_unimplemented),
    CHANGE("Delete", trivet_models_delete),
    CHANGE("RemoveAlias", trivet_models_remove_alias),
    CONTROL("History", trivet_models_history),
    {.name = NULL},
};

enum trivet_status trivet_models_service_add(struct trivet_dispatch *dispatch,
                                             struct trivet_models_service *service,
                                             struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__models__descriptor, rows, service, err);
}
