#include "server/job_hooks.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"

#define EVENT_ARENA_BYTES (64u << 10)

void trivet_job_hooks_change(void *hooks, const struct trivet_job_view *view)
{
    const struct trivet_job_hooks *self = hooks;
    struct trivet_arena *arena = trivet_arena_create(EVENT_ARENA_BYTES, 0);
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    struct trivet_job_view light = *view;
    struct trivet_buffer none = {0};
    light.report = none; /* an event is small; the rest is a GetJob away */
    trivet_losses_keep_newest(&light.losses);
    struct trivet_error err;
    if (arena != NULL && trivet_job_view_encode(&light, arena, &event.job, &err) == TRIVET_OK) {
        char topic[TRIVET_TOPIC_BYTES_MAX];
        trivet_text_format(topic, sizeof(topic), "training.%s.", view->record.id);
        event.body_case = TRIVET__V1__EVENT__BODY_JOB;
        trivet_publisher_send(self->publisher, topic, &event);
    }
    trivet_arena_free(arena);
}

enum trivet_status trivet_job_hooks_store_version(void *hooks, struct trivet_store_txn *txn,
                                                  const struct trivet_store_version *version,
                                                  struct trivet_error *err)
{
    struct trivet_job_hooks *self = hooks;
    /* By nobody: a training made the version that was one too many. */
    const struct trivet_store_cause cause = {.request_id = version->job_id};
    return trivet_retention_apply(&self->retention, txn, version->model, NULL, &cause,
                                  &self->retired, err);
}

void trivet_job_hooks_version(void *hooks, const struct trivet_store_version *version)
{
    const struct trivet_job_hooks *self = hooks;
    trivet_publisher_model(self->publisher, version->model, version->version,
                           TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_VERSION_CREATED, "");
    trivet_log(TRIVET_LOG_INFO, "version_created", "model=%s version=%llu job=%s bytes=%llu",
               version->model, (unsigned long long)version->version, version->job_id,
               (unsigned long long)version->artefact_bytes);
    trivet_retention_finish(&self->retention, version->model, &self->retired);
}
