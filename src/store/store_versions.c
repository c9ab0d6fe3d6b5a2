/* Versions, aliases and jobs, checked and stamped, on their way to the backend. */
#include "base/clock.h"
#include "base/text.h"
#include "store/front.h"

#include <string.h>

/* --- Versions -------------------------------------------------------------------------------- */

static enum trivet_status check_version(const char *model, const char *job_id,
                                        const char *dataset_id, struct trivet_store_bytes artefact,
                                        struct trivet_store_bytes summary, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_check_name("a model", model, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the job id", job_id, TRIVET_STORE_ID_BYTES - 1, err);
    if (status == TRIVET_OK)
        status =
            trivet_store_check_text("the dataset id", dataset_id, TRIVET_STORE_ID_BYTES - 1, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the artefact", artefact.data, artefact.n_bytes,
                                          TRIVET_STORE_ARTEFACT_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the summary", summary.data, summary.n_bytes,
                                          TRIVET_STORE_OPAQUE_BYTES_MAX, err);
    if (status == TRIVET_OK && artefact.n_bytes == 0)
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "the artefact of a new version of model '%s' is empty", model);
    return status;
}

enum trivet_status trivet_store_version_create(struct trivet_store_txn *txn, const char *model,
                                               const char *job_id, const char *dataset_id,
                                               const void *artefact, size_t artefact_bytes,
                                               const void *summary, size_t summary_bytes,
                                               struct trivet_store_version *out,
                                               struct trivet_error *err)
{
    const struct trivet_store_bytes body = {.data = artefact, .n_bytes = artefact_bytes};
    const struct trivet_store_bytes head = {.data = summary, .n_bytes = summary_bytes};
    uint8_t digest[TRIVET_SHA256_BYTES];
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_CATALOG, err);
    if (status == TRIVET_OK)
        status = check_version(model, job_id, dataset_id, body, head, err);
    if (status == TRIVET_OK)
        status = trivet_sha256_of(artefact, artefact_bytes, digest, err);
    if (status != TRIVET_OK)
        return trivet_store_txn_note(txn, status);
    struct trivet_store_version record = {.created_unix_us = trivet_clock_unix_us(),
                                          .artefact_bytes = artefact_bytes};
    (void)trivet_text_copy(record.model, sizeof(record.model), model);
    (void)trivet_text_copy(record.job_id, sizeof(record.job_id), job_id);
    (void)trivet_text_copy(record.dataset_id, sizeof(record.dataset_id), dataset_id);
    trivet_sha256_hex(digest, record.checksum);
    status = txn->store->ops->version_create(txn->state, &record, body, head, err);
    if (status == TRIVET_OK)
        *out = record;
    return trivet_store_txn_note(txn, status);
}

/* The artefact just read, against the checksum it was stored with. */
static enum trivet_status verify_artefact(const struct trivet_store_version *record,
                                          const uint8_t *artefact, size_t n_bytes,
                                          struct trivet_error *err)
{
    uint8_t digest[TRIVET_SHA256_BYTES];
    char hex[TRIVET_SHA256_HEX_BYTES];
    enum trivet_status status = trivet_sha256_of(artefact, n_bytes, digest, err);
    if (status != TRIVET_OK)
        return status;
    trivet_sha256_hex(digest, hex);
    if (n_bytes == record->artefact_bytes && strcmp(hex, record->checksum) == 0)
        return TRIVET_OK;
    return trivet_error_set(
        err, TRIVET_DATA_LOSS,
        "the artefact of version %llu of model '%s' is not what was stored (its "
        "checksum differs); train it again or restore a backup",
        (unsigned long long)record->version, record->model);
}

enum trivet_status trivet_store_version_get(struct trivet_store *store, const char *model,
                                            uint64_t version, struct trivet_store_version *out,
                                            struct trivet_buffer *artefact,
                                            struct trivet_buffer *summary, struct trivet_error *err)
{
    const size_t artefact_start = artefact == NULL ? 0 : artefact->n_bytes;
    const size_t summary_start = summary == NULL ? 0 : summary->n_bytes;
    struct trivet_store_version record = {.version = 0};
    enum trivet_status status =
        store->ops->version_get(store->backend, model, version, &record, artefact, summary, err);
    if (status == TRIVET_OK && artefact != NULL)
        status = verify_artefact(&record, artefact->data + artefact_start,
                                 artefact->n_bytes - artefact_start, err);
    if (status == TRIVET_OK) {
        *out = record;
        return TRIVET_OK;
    }
    if (artefact != NULL)
        artefact->n_bytes = artefact_start;
    if (summary != NULL)
        summary->n_bytes = summary_start;
    return status;
}

enum trivet_status trivet_store_version_list(struct trivet_store *store, const char *model,
                                             struct trivet_store_version *out, size_t count_max,
                                             size_t *count, struct trivet_error *err)
{
    return store->ops->version_list(store->backend, model, out, count_max, count, err);
}

enum trivet_status trivet_store_version_delete(struct trivet_store_txn *txn, const char *model,
                                               uint64_t version,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_error *err)
{
    struct trivet_store_alias change = {.version = version};
    struct trivet_store_cause whole;
    enum trivet_status status =
        trivet_store_prepare_change(txn, model, NULL, cause, &change, &whole, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn,
                                 txn->store->ops->version_delete(txn->state, &change, &whole, err));
}

enum trivet_status trivet_store_version_retain(struct trivet_store_txn *txn, const char *model,
                                               uint64_t keep,
                                               const struct trivet_store_cause *cause,
                                               uint64_t gone[TRIVET_STORE_RETAIN_MAX],
                                               size_t *count, struct trivet_error *err)
{
    struct trivet_store_alias change = {.version = 0};
    struct trivet_store_cause whole;
    *count = 0;
    enum trivet_status status =
        trivet_store_prepare_change(txn, model, NULL, cause, &change, &whole, err);
    if (status != TRIVET_OK || keep == 0 || keep > INT64_MAX)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->version_retain(txn->state, &change, keep, &whole, gone,
                                             TRIVET_STORE_RETAIN_MAX, count, err));
}

enum trivet_status trivet_store_model_list(struct trivet_store *store, const char *after,
                                           char (*names)[TRIVET_STORE_NAME_BYTES],
                                           uint64_t *version_counts, size_t count_max,
                                           size_t *count, struct trivet_error *err)
{
    return store->ops->model_list(store->backend, after, names, version_counts, count_max, count,
                                  err);
}

/* --- Aliases --------------------------------------------------------------------------------- */

enum trivet_status trivet_store_prepare_change(const struct trivet_store_txn *txn,
                                               const char *model, const char *alias,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_store_alias *record,
                                               struct trivet_store_cause *whole,
                                               struct trivet_error *err)
{
    whole->identity = cause->identity == NULL ? "" : cause->identity;
    whole->request_id = cause->request_id == NULL ? "" : cause->request_id;
    whole->reason = cause->reason == NULL ? "" : cause->reason;
    whole->peer = cause->peer == NULL ? "" : cause->peer;
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_CATALOG, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_name("a model", model, err);
    if (status == TRIVET_OK && alias != NULL)
        status = trivet_store_check_name("an alias", alias, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the identity", whole->identity,
                                         TRIVET_STORE_KEY_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the request id", whole->request_id,
                                         TRIVET_STORE_KEY_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the reason", whole->reason, TRIVET_STORE_REASON_BYTES - 1,
                                         err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the peer", whole->peer, TRIVET_STORE_PEER_BYTES - 1, err);
    if (status != TRIVET_OK)
        return status;
    record->changed_unix_us = trivet_clock_unix_us();
    (void)trivet_text_copy(record->model, sizeof(record->model), model);
    (void)trivet_text_copy(record->name, sizeof(record->name), alias == NULL ? "" : alias);
    return TRIVET_OK;
}

/* `change`: the backend's, of an alias whose record has only `version`. */
static enum trivet_status change_alias(
    struct trivet_store_txn *txn, const char *model, const char *alias, uint64_t version,
    const struct trivet_store_cause *cause,
    enum trivet_status (*change)(void *txn, struct trivet_store_alias *alias,
                                 const struct trivet_store_cause *cause, struct trivet_error *err),
    struct trivet_store_alias *out, struct trivet_error *err)
{
    struct trivet_store_alias record = {.version = version};
    struct trivet_store_cause whole;
    enum trivet_status status =
        trivet_store_prepare_change(txn, model, alias, cause, &record, &whole, err);
    if (status != TRIVET_OK)
        return status;
    status = change(txn->state, &record, &whole, err);
    if (status == TRIVET_OK)
        *out = record;
    return trivet_store_txn_note(txn, status);
}

enum trivet_status trivet_store_alias_set(struct trivet_store_txn *txn, const char *model,
                                          const char *alias, uint64_t version,
                                          const struct trivet_store_cause *cause,
                                          struct trivet_store_alias *out, struct trivet_error *err)
{
    return change_alias(txn, model, alias, version, cause, txn->store->ops->alias_set, out, err);
}

enum trivet_status trivet_store_alias_remove(struct trivet_store_txn *txn, const char *model,
                                             const char *alias,
                                             const struct trivet_store_cause *cause,
                                             struct trivet_store_alias *out,
                                             struct trivet_error *err)
{
    return change_alias(txn, model, alias, 0, cause, txn->store->ops->alias_remove, out, err);
}

enum trivet_status trivet_store_alias_rollback(struct trivet_store_txn *txn, const char *model,
                                               const char *alias,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_store_alias *out,
                                               struct trivet_error *err)
{
    return change_alias(txn, model, alias, 0, cause, txn->store->ops->alias_rollback, out, err);
}

enum trivet_status trivet_store_alias_list(struct trivet_store *store, const char *model,
                                           struct trivet_store_alias *out, size_t count_max,
                                           size_t *count, struct trivet_error *err)
{
    return store->ops->alias_list(store->backend, model, out, count_max, count, err);
}

enum trivet_status trivet_store_alias_history(struct trivet_store *store, const char *model,
                                              const char *alias, uint64_t before,
                                              struct trivet_store_alias_change *out,
                                              size_t count_max, size_t *count,
                                              struct trivet_error *err)
{
    return store->ops->alias_history(store->backend, model, alias == NULL ? "" : alias, before, out,
                                     count_max, count, err);
}

/* --- Jobs ------------------------------------------------------------------------------------ */

static enum trivet_status check_job(const struct trivet_store_job *job, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_store_check_text("the job id", job->id, sizeof(job->id) - 1, err);
    if (status == TRIVET_OK)
        status =
            trivet_store_check_text("the job's model", job->model, sizeof(job->model) - 1, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the job's dataset id", job->dataset_id,
                                         sizeof(job->dataset_id) - 1, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the job's error", job->error_message,
                                         sizeof(job->error_message) - 1, err);
    if (status == TRIVET_OK && (job->version > INT64_MAX || job->state < TRIVET_STORE_JOB_QUEUED ||
                                job->state > TRIVET_STORE_JOB_CANCELLED))
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "job '%s' has state %d or version %llu that no job can have",
                                  job->id, (int)job->state, (unsigned long long)job->version);
    return status;
}

enum trivet_status trivet_store_job_create(struct trivet_store_txn *txn,
                                           struct trivet_store_job *job, const void *spec,
                                           size_t spec_bytes, struct trivet_error *err)
{
    struct trivet_store_job record = *job;
    record.state = TRIVET_STORE_JOB_QUEUED;
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_CATALOG, err);
    if (status == TRIVET_OK)
        status = check_job(&record, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the job's specification", spec, spec_bytes,
                                          TRIVET_STORE_OPAQUE_BYTES_MAX, err);
    if (status != TRIVET_OK)
        return status;
    if (record.id[0] == '\0')
        trivet_store_make_id("job-", record.id);
    record.created_unix_us = trivet_clock_unix_us();
    status = txn->store->ops->job_create(
        txn->state, &record, (struct trivet_store_bytes){.data = spec, .n_bytes = spec_bytes}, err);
    if (status == TRIVET_OK)
        *job = record;
    return trivet_store_txn_note(txn, status);
}

enum trivet_status trivet_store_job_update(struct trivet_store_txn *txn,
                                           const struct trivet_store_job *job, const void *report,
                                           size_t report_bytes, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_CATALOG, err);
    if (status == TRIVET_OK)
        status = check_job(job, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the job's report", report, report_bytes,
                                          TRIVET_STORE_OPAQUE_BYTES_MAX, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->job_update(
                 txn->state, job,
                 (struct trivet_store_bytes){.data = report, .n_bytes = report_bytes}, err));
}

enum trivet_status trivet_store_job_get(struct trivet_store *store, const char *id,
                                        struct trivet_store_job *out, struct trivet_buffer *spec,
                                        struct trivet_buffer *report, struct trivet_error *err)
{
    const size_t spec_start = spec == NULL ? 0 : spec->n_bytes;
    const size_t report_start = report == NULL ? 0 : report->n_bytes;
    enum trivet_status status = store->ops->job_get(store->backend, id, out, spec, report, err);
    if (status != TRIVET_OK && spec != NULL)
        spec->n_bytes = spec_start;
    if (status != TRIVET_OK && report != NULL)
        report->n_bytes = report_start;
    return status;
}

enum trivet_status trivet_store_job_list(struct trivet_store *store, const char *model,
                                         bool unfinished, struct trivet_store_job *out,
                                         size_t count_max, size_t *count, struct trivet_error *err)
{
    return store->ops->job_list(store->backend, model, unfinished, out, count_max, count, err);
}
