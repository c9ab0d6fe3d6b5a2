/* What a job must be to be taken, and its way into the store. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/pack.h"
#include "evaluation/candidates.h"
#include "evaluation/cross_validate.h"
#include "models/pipeline.h"
#include "training/job_features.h"
#include "training/jobs_internal.h"
#include "wire/codec.h"

#include <inttypes.h>
#include <string.h>

#define NAME_BYTES_MAX      (TRIVET_STORE_NAME_BYTES - 1)
#define FOLDS_MIN           2
#define ALIASES_MAX         1024
#define THREADS_MAX         256
#define SEARCH_MEMORY_BYTES ((size_t)64 << 20)
#define JOB_MEMORY_BYTES    ((size_t)1 << 20)
#define ARENA_KEEP_BYTES    4096
#define PRODUCTION_ALIAS    "production"

static bool is_train(const Trivet__V1__JobSpec *spec)
{
    return spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
}

static bool is_cross_validate(const Trivet__V1__JobSpec *spec)
{
    return spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_CROSS_VALIDATE;
}

static bool is_predict(const Trivet__V1__JobSpec *spec)
{
    return spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT;
}

/* The message says more than the violation: what to do about the fault. */
static enum trivet_status refuse(struct trivet_error *err, const char *field, const char *fault,
                                 const char *advice)
{
    const enum trivet_status status =
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s %s; %s", field, fault, advice);
    trivet_error_add_violation(err, field, "%s", fault);
    return status;
}

static enum trivet_status check_split(const Trivet__V1__JobSpec *spec, struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = spec->split;
    const uint32_t folds = split == NULL ? 0 : split->folds;
    if (split != NULL && !(split->test_size >= 0 && split->test_size < 1)) {
        return refuse(err, "split.test_size", "is out of range", "give 0 or more, and less than 1");
    }
    if (folds != 0 && (folds < FOLDS_MIN || folds > TRIVET_FOLDS_MAX)) {
        return refuse(err, "split.folds", "is out of range",
                      "give 2 to 100, or 0 for no cross-validation");
    }
    if (folds == 0 && is_cross_validate(spec)) {
        return refuse(err, "split.folds", "is missing", "give 2 to 100 to cross-validate");
    }
    return TRIVET_OK;
}

static enum trivet_status check_fields(const Trivet__V1__JobSpec *spec, struct trivet_error *err)
{
    if (!is_train(spec) && !is_cross_validate(spec) && !is_predict(spec)) {
        return refuse(err, "kind", "is unknown", "give TRAIN, CROSS_VALIDATE or PREDICT");
    }
    const bool unnamed = is_cross_validate(spec) && spec->model[0] == '\0';
    if (!unnamed && !trivet_text_is_name(spec->model, NAME_BYTES_MAX)) {
        return refuse(err, "model", "is not a name",
                      "give 1 to 64 letters, digits, '-' or '_', the first a letter or digit");
    }
    if (spec->dataset_id[0] == '\0') {
        return refuse(err, "dataset_id", "is missing", "name a committed dataset");
    }
    if (is_predict(spec)) {
        return spec->version > 0 ? TRIVET_OK
                                 : refuse(err, "version", "is missing", "say which one predicts");
    }
    if (spec->pipeline == NULL) {
        return refuse(err, "pipeline", "is missing", "name a target and an estimator");
    }
    if (spec->threads > THREADS_MAX) {
        return refuse(err, "threads", "is out of range", "give 1 to 256, or 0 for the server's");
    }
    return check_split(spec, err);
}

/* The pipeline, or all that the search will try. */
static enum trivet_status check_pipelines(const Trivet__V1__JobSpec *spec,
                                          const struct trivet_schema *features,
                                          struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = NULL;
    if (spec->search == NULL) {
        enum trivet_status status =
            trivet_pipeline_create(spec->pipeline, features, &pipeline, err);
        trivet_pipeline_free(pipeline);
        return status;
    }
    struct trivet_candidates candidates;
    struct trivet_arena *arena = trivet_arena_create(SEARCH_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a search is checked");
    }
    enum trivet_status status = trivet_candidates_make(spec->pipeline, spec->search, features, 0, 0,
                                                       arena, &candidates, err);
    trivet_arena_free(arena);
    return status;
}

/* What a fit would refuse before it starts. */
static enum trivet_status check_pipeline(const Trivet__V1__JobSpec *spec,
                                         const struct trivet_buffer *schema_bytes,
                                         struct trivet_error *err)
{
    struct trivet_schema schema = {0};
    struct trivet_schema features = {0};
    enum trivet_status status =
        trivet_schema_unpack(schema_bytes->data, schema_bytes->n_bytes, &schema, err);
    if (status == TRIVET_INVALID_ARGUMENT) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the stored schema of %s is damaged",
                                spec->dataset_id);
    }
    if (status == TRIVET_OK) {
        status = trivet_job_features(spec, &schema, &features, err);
    }
    if (status == TRIVET_OK) {
        status = check_pipelines(spec, &features, err);
    }
    trivet_schema_release(&features);
    trivet_schema_release(&schema);
    return status;
}

static enum trivet_status check_dataset(struct trivet_store *store, const Trivet__V1__JobSpec *spec,
                                        struct trivet_error *err)
{
    struct trivet_store_dataset dataset;
    struct trivet_buffer schema = {0};
    enum trivet_status status =
        trivet_store_dataset_get(store, spec->dataset_id, &dataset, &schema, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    if (!dataset.committed) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "the dataset %s is not committed; send its chunks and commit it",
                                  spec->dataset_id);
        goto done;
    }
    if (spec->split != NULL && spec->split->folds > dataset.n_rows) {
        status =
            refuse(err, "split.folds", "is more than the dataset has rows", "give fewer folds");
        goto done;
    }
    /* Columns of a prediction were checked with the version that reads them. */
    status = is_predict(spec) ? TRIVET_OK : check_pipeline(spec, &schema, err);
done:
    trivet_buffer_release(&schema);
    return status;
}

/* The version in production, 0 = none. */
static enum trivet_status find_parent(struct trivet_store *store, const char *model,
                                      uint64_t *version, struct trivet_error *err)
{
    struct trivet_store_alias *aliases = trivet_alloc_array(ALIASES_MAX, sizeof *aliases);
    if (aliases == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while the aliases of '%s' are read", model);
    }
    size_t count = 0;
    const enum trivet_status status =
        trivet_store_alias_list(store, model, aliases, ALIASES_MAX, &count, err);
    for (size_t i = 0; i < count && status == TRIVET_OK; i++) {
        if (strcmp(aliases[i].name, PRODUCTION_ALIAS) == 0) {
            *version = aliases[i].version;
        }
    }
    trivet_free(aliases);
    return status;
}

/* The record of a new job, and its spec as it is stored. */
static enum trivet_status make_record(struct trivet_jobs *jobs, const Trivet__V1__JobSpec *given,
                                      struct trivet_store_job *record, struct trivet_buffer *packed,
                                      struct trivet_error *err)
{
    *record = (struct trivet_store_job){
        .kind = (int)given->kind,
        .state = TRIVET_STORE_JOB_QUEUED,
        .version = is_predict(given) ? given->version : 0,
        .created_unix_us = trivet_clock_unix_us(),
    };
    trivet_text_format(record->id, sizeof record->id, "job-%016" PRIx64, trivet_rng_entropy());
    if (!trivet_text_copy(record->model, sizeof record->model, given->model) ||
        !trivet_text_copy(record->dataset_id, sizeof record->dataset_id, given->dataset_id)) {
        return trivet_error_set(err, TRIVET_NOT_FOUND, "there is no dataset '%.64s'",
                                given->dataset_id);
    }
    Trivet__V1__JobSpec spec = *given;
    char none[] = "";
    spec.job_id = record->id;
    spec.data_dir = none;
    spec.memory_bytes_max = 0;
    spec.parent_pid = 0;
    spec.parent_version = 0;
    if (record->model[0] != '\0' && !is_predict(given)) {
        const enum trivet_status status =
            find_parent(jobs->store, record->model, &spec.parent_version, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return trivet_codec_pack(&spec.base, packed, err);
}

/* Everything that is checked before a transaction. */
static enum trivet_status prepare(struct trivet_jobs *jobs, const Trivet__V1__JobSpec *spec,
                                  struct trivet_store_job *record, struct trivet_buffer *packed,
                                  struct trivet_error *err)
{
    enum trivet_status status = check_fields(spec, err);
    if (status == TRIVET_OK) {
        status = check_dataset(jobs->store, spec, err);
    }
    if (status == TRIVET_OK) {
        status = make_record(jobs, spec, record, packed, err);
    }
    return status;
}

/* A place in the queue, not yet the runner's to take. */
static enum trivet_status reserve(struct trivet_jobs *jobs, const struct trivet_store_job *record,
                                  struct trivet_job_view *view, struct trivet_error *err)
{
    struct trivet_live_job *job = trivet_calloc(1, sizeof *job);
    if (job == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a job is queued");
    }
    job->record = *record;
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&jobs->mutex);
    if (jobs->closing) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE,
                                  "the server is stopping; submit the job "
                                  "again when it is back");
    } else if (jobs->n_queued >= jobs->options.queue_max) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "%zu jobs wait already, which is the limit; submit again when "
                                  "one has ended, or cancel one",
                                  jobs->n_queued);
    } else {
        trivet_jobs_append_live(jobs, job);
        trivet_jobs_view_live(job, view);
        job = NULL;
    }
    pthread_mutex_unlock(&jobs->mutex);
    trivet_free(job);
    return status;
}

/* After the commit: the runner may have it; or after a failure: it never was. */
static void settle(struct trivet_jobs *jobs, const char *id, bool stored)
{
    pthread_mutex_lock(&jobs->mutex);
    struct trivet_live_job *job = trivet_jobs_find_live(jobs, id);
    if (job != NULL && stored) {
        job->acknowledged = true;
    } else if (job != NULL) {
        trivet_jobs_remove_live(jobs, job);
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
}

static enum trivet_status put_reply(struct trivet_store_txn *txn,
                                    const struct trivet_store_call *call,
                                    const struct trivet_job_view *view, struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    Trivet__V1__Job *job = NULL;
    struct trivet_arena *arena = trivet_arena_create(JOB_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a job is queued");
    }
    enum trivet_status status = trivet_job_view_encode(view, arena, &job, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&job->base, &packed, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_put_reply(txn, call, packed.data, packed.n_bytes, err);
    }
    trivet_buffer_release(&packed);
    trivet_arena_free(arena);
    return status;
}

/* Job and reply in the caller's transaction, which ends here. */
static enum trivet_status create_job(struct trivet_jobs *jobs, struct trivet_store_txn *txn,
                                     const struct trivet_store_call *call,
                                     struct trivet_store_job *record,
                                     const struct trivet_buffer *spec, struct trivet_job_view *view,
                                     struct trivet_error *err)
{
    enum trivet_status status = reserve(jobs, record, view, err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    status = trivet_store_job_create(txn, record, spec->data, spec->n_bytes, err);
    if (status == TRIVET_OK && call != NULL) {
        status = put_reply(txn, call, view, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, err);
    } else {
        trivet_store_abort(txn);
    }
    /* Told before the runner may take it, so that QUEUED is never told after RUNNING. */
    if (status == TRIVET_OK) {
        trivet_jobs_tell(jobs, view);
    }
    settle(jobs, record->id, status == TRIVET_OK);
    return status;
}

/* The job that an earlier call with this id made, as it is now. */
static enum trivet_status replay(struct trivet_jobs *jobs, const struct trivet_buffer *reply,
                                 struct trivet_job_view *out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    struct trivet_arena *arena = trivet_arena_create(JOB_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a job is looked up");
    }
    enum trivet_status status = trivet_codec_unpack(&trivet__v1__job__descriptor, arena,
                                                    reply->data, reply->n_bytes, &message, err);
    if (status == TRIVET_INVALID_ARGUMENT) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the stored answer to this request id is damaged");
    }
    if (status == TRIVET_OK) {
        status = trivet_jobs_get(jobs, ((const Trivet__V1__Job *)message)->id, out, err);
    }
    trivet_arena_free(arena);
    return status;
}

enum trivet_status trivet_jobs_submit(struct trivet_jobs *jobs, const Trivet__V1__JobSpec *spec,
                                      const struct trivet_store_call *call,
                                      struct trivet_job_view *out, bool *replayed,
                                      struct trivet_error *err)
{
    struct trivet_store_job record;
    struct trivet_buffer packed = {0};
    struct trivet_buffer reply = {0};
    struct trivet_error refusal = {0};
    struct trivet_store_txn *txn = NULL;
    struct trivet_job_view view;
    bool found = false;
    /* A refusal counts only when the call is new: what it names may have changed since. */
    const enum trivet_status prepared = prepare(jobs, spec, &record, &packed, &refusal);
    enum trivet_status status = trivet_store_begin(jobs->store, TRIVET_STORE_CATALOG, &txn, err);
    if (status == TRIVET_OK && call != NULL) {
        status = trivet_store_find_reply(txn, call, &found, &reply, err);
    }
    if (status != TRIVET_OK || found || prepared != TRIVET_OK) {
        trivet_store_abort(txn);
    } else {
        status = create_job(jobs, txn, call, &record, &packed, &view, err);
    }
    if (status == TRIVET_OK && found) {
        status = replay(jobs, &reply, &view, err);
    } else if (status == TRIVET_OK && prepared != TRIVET_OK) {
        status = prepared;
        if (err != NULL) {
            *err = refusal;
        }
    }
    if (status == TRIVET_OK) {
        *out = view;
        *replayed = found;
    }
    trivet_buffer_release(&packed);
    trivet_buffer_release(&reply);
    return status;
}
