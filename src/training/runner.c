/* The runner thread: one job at a time, in a child process. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "training/channel.h"
#include "training/child.h"
#include "training/jobs_internal.h"
#include "training/output.h"
#include "trivet/v1/models.pb-c.h"
#include "wire/codec.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#define RETRY_NS           TRIVET_NS_PER_S
#define SPEC_MEMORY_BYTES  ((size_t)256 << 20)
#define SPEC_KEEP_BYTES    ((size_t)64 << 10)
#define RESULT_EXTRA_BYTES ((size_t)256 << 20)

/* One run of one job; the runner thread's own, but for `job`. */
struct run {
    struct trivet_jobs *jobs;
    struct trivet_live_job *job;    /* guarded by the jobs' mutex */
    struct trivet_store_job record; /* ours, ahead of job->record */
    struct trivet_arena *spec_arena;
    Trivet__V1__JobSpec *spec; /* in spec_arena */
    char dataset_hash[TRIVET_STORE_HASH_BYTES];
    struct trivet_buffer message;
    struct trivet_arena *result_arena;       /* NULL until there is a result */
    const Trivet__V1__TrainerResult *result; /* in result_arena */
    struct trivet_buffer report;             /* packed */
    struct trivet_store_version version;     /* committed; 0 = none */
    /* Of PREDICT. */
    char output_id[TRIVET_STORE_ID_BYTES];
    bool has_output;   /* open in the store */
    uint32_t n_chunks; /* stored */
};

static bool is_predict(const struct run *run)
{
    return run->record.kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT;
}

static enum trivet_status no_memory(const struct run *run, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the server is out of memory while it runs job %s", run->record.id);
}

static enum trivet_status read_spec(struct run *run, struct trivet_error *err)
{
    struct trivet_store_job record;
    struct trivet_buffer packed = {0};
    ProtobufCMessage *message = NULL;
    run->spec_arena = trivet_arena_create(SPEC_MEMORY_BYTES, SPEC_KEEP_BYTES);
    if (run->spec_arena == NULL) {
        return no_memory(run, err);
    }
    enum trivet_status status =
        trivet_store_job_get(run->jobs->store, run->record.id, &record, &packed, NULL, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__job_spec__descriptor, run->spec_arena,
                                     packed.data, packed.n_bytes, &message, err);
    }
    if (status == TRIVET_OK) {
        run->spec = (Trivet__V1__JobSpec *)message;
        status =
            run->spec->pipeline == NULL && !is_predict(run) ? TRIVET_INVALID_ARGUMENT : TRIVET_OK;
    }
    if (status == TRIVET_INVALID_ARGUMENT) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS, "the stored spec of job %s is damaged",
                                  run->record.id);
    }
    trivet_buffer_release(&packed);
    if (status == TRIVET_OK) {
        struct trivet_store_dataset dataset;
        status =
            trivet_store_dataset_get(run->jobs->store, run->spec->dataset_id, &dataset, NULL, err);
        if (status == TRIVET_OK) {
            memcpy(run->dataset_hash, dataset.content_hash, sizeof run->dataset_hash);
        }
    }
    return status;
}

/* False when the queue closes before the time is up. */
static bool pause_or_close(struct trivet_jobs *jobs, int64_t delay_ns)
{
    const int64_t until_ns = trivet_clock_after_ns(trivet_clock_monotonic_ns(), delay_ns);
    const struct timespec until = trivet_clock_timespec(until_ns);
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->closing && trivet_clock_monotonic_ns() < until_ns) {
        pthread_cond_timedwait(&jobs->changed, &jobs->mutex, &until);
    }
    const bool open = !jobs->closing;
    pthread_mutex_unlock(&jobs->mutex);
    return open;
}

/* Write our record; a store that cannot be written now (disk full) is tried again until it can, or
 * the queue closes. False: the job stays as it is in the store and runs again at the next open. */
static bool store_record(struct run *run)
{
    enum trivet_status status = TRIVET_OK;
    struct trivet_error error = {0};
    do {
        status = trivet_jobs_store_record(run->jobs, &run->record, run->report.data,
                                          run->report.n_bytes, &error);
        if (status != TRIVET_OK) {
            trivet_log(TRIVET_LOG_ERROR, "job_not_stored", "job=%s message=%s", run->record.id,
                       error.message);
        }
    } while ((status == TRIVET_UNAVAILABLE || status == TRIVET_RESOURCE_EXHAUSTED) &&
             pause_or_close(run->jobs, RETRY_NS));
    return status == TRIVET_OK;
}

static bool start_stored(struct run *run)
{
    run->record.state = TRIVET_STORE_JOB_RUNNING;
    run->record.attempts++;
    run->record.started_unix_us = trivet_clock_unix_us();
    if (!store_record(run)) {
        return false;
    }
    struct trivet_job_view view;
    pthread_mutex_lock(&run->jobs->mutex);
    run->job->record = run->record;
    run->job->n_changes = 1;
    trivet_jobs_view_live(run->job, &view);
    pthread_cond_broadcast(&run->jobs->changed);
    pthread_mutex_unlock(&run->jobs->mutex);
    trivet_jobs_tell(run->jobs, &view);
    return true;
}

static void publish_progress(struct run *run, const Trivet__V1__JobProgress *progress)
{
    struct trivet_live_job *job = run->job;
    struct trivet_job_view view;
    pthread_mutex_lock(&run->jobs->mutex);
    trivet_text_copy(job->phase, sizeof job->phase, progress->phase);
    trivet_text_copy(job->detail, sizeof job->detail, progress->detail);
    job->fraction = progress->fraction;
    for (size_t i = 0; i < progress->n_losses; i++) {
        trivet_losses_take(&job->losses, progress->losses[i]->iteration, progress->losses[i]->loss);
    }
    job->n_changes++;
    trivet_jobs_view_live(job, &view);
    pthread_cond_broadcast(&run->jobs->changed);
    pthread_mutex_unlock(&run->jobs->mutex);
    trivet_jobs_tell(run->jobs, &view);
}

static enum trivet_status start_child(struct run *run, struct trivet_child *child,
                                      struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    union {
        const char *in;
        char *out;
    } data_dir = {.in = run->jobs->options.data_dir};
    run->spec->data_dir = data_dir.out;
    run->spec->memory_bytes_max = run->jobs->options.memory_bytes_max;
    run->spec->parent_pid = (uint32_t)getpid();
    if (run->spec->threads == 0) {
        run->spec->threads = run->jobs->options.n_threads;
    }
    enum trivet_status status = trivet_codec_pack(&run->spec->base, &packed, err);
    if (status == TRIVET_OK) {
        status = trivet_child_start(run->jobs->options.trainer_path, packed.data, packed.n_bytes,
                                    child, err);
    }
    trivet_buffer_release(&packed);
    if (status != TRIVET_OK) {
        return status;
    }
    pthread_mutex_lock(&run->jobs->mutex);
    run->jobs->child_pid = child->pid;
    if (run->job->cancel_requested || run->jobs->closing) {
        kill(child->pid, SIGKILL);
    }
    pthread_mutex_unlock(&run->jobs->mutex);
    return TRIVET_OK;
}

/* What a PREDICT job makes, on its way into the store. The child waits for us: it is never far
 * ahead.
 */
static enum trivet_status take_output(struct run *run, const Trivet__V1__TrainerMessage *body,
                                      struct trivet_error *err)
{
    struct trivet_store_dataset record;
    if (!is_predict(run)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the trainer sent rows that nobody wants");
    }
    if (run->has_output == (body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_COLUMNS)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the trainer sent rows without columns");
    }
    if (!run->has_output) {
        const enum trivet_status begun = trivet_output_begin(
            run->jobs->store, run->output_id, run->spec->output_name, body->columns, err);
        run->has_output = begun == TRIVET_OK;
        return begun;
    }
    const enum trivet_status status = trivet_store_dataset_append(
        run->jobs->store, run->output_id, run->n_chunks, body->chunk->table.data,
        body->chunk->table.len, body->chunk->rows, &record, err);
    run->n_chunks += status == TRIVET_OK;
    return status;
}

static enum trivet_status take_message(struct run *run, struct trivet_error *err)
{
    /* A result is kept to the end of the run, progress is not: an arena each. */
    ProtobufCMessage *message = NULL;
    struct trivet_arena *arena =
        trivet_arena_create(2 * run->message.n_bytes + RESULT_EXTRA_BYTES, SPEC_KEEP_BYTES);
    if (arena == NULL) {
        return no_memory(run, err);
    }
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__trainer_message__descriptor, arena, run->message.data,
                            run->message.n_bytes, &message, err);
    if (status == TRIVET_OK) {
        const Trivet__V1__TrainerMessage *body = (const Trivet__V1__TrainerMessage *)message;
        if (body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS) {
            publish_progress(run, body->progress);
        } else if (body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_RESULT &&
                   run->result == NULL) {
            run->result = body->result;
            run->result_arena = arena;
            arena = NULL;
            trivet_buffer_release(&run->message);
        } else if (body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_COLUMNS ||
                   body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_CHUNK) {
            status = take_output(run, body, err);
        }
    } else if (status == TRIVET_INVALID_ARGUMENT) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the trainer sent something that is no message");
    }
    trivet_arena_free(arena);
    return status;
}

/* Until the end of the pipe; a child that talks nonsense is killed. */
static enum trivet_status listen_to(struct run *run, const struct trivet_child *child,
                                    struct trivet_error *err)
{
    bool end = false;
    enum trivet_status status = TRIVET_OK;
    while (status == TRIVET_OK && !end) {
        status = trivet_channel_read(child->out_fd, &run->message, &end, err);
        if (status == TRIVET_OK && !end) {
            status = take_message(run, err);
        }
    }
    if (status != TRIVET_OK) {
        kill(child->pid, SIGKILL);
    }
    return status;
}

/* A result that can be committed, or why not. */
static enum trivet_status check_result(const struct run *run, struct trivet_error *err)
{
    const Trivet__V1__TrainerResult *result = run->result;
    if (result->status != TRIVET_OK) {
        const bool known = result->status > 0 && result->status < TRIVET_STATUS_COUNT;
        return trivet_error_set(err, known ? (enum trivet_status)result->status : TRIVET_UNKNOWN,
                                "%s", result->message);
    }
    const bool train = run->spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    if (result->report == NULL || (train && result->artefact.len == 0)) {
        return trivet_error_set(err, TRIVET_INTERNAL, "the trainer's result is not complete");
    }
    return TRIVET_OK;
}

/* OK: run->result can be committed. */
static enum trivet_status run_child(struct run *run, struct trivet_error *err)
{
    struct trivet_child child;
    struct trivet_error end_error = {0};
    enum trivet_status status = start_child(run, &child, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = listen_to(run, &child, err);
    trivet_child_wait(&child);
    pthread_mutex_lock(&run->jobs->mutex);
    run->jobs->child_pid = 0;
    pthread_mutex_unlock(&run->jobs->mutex);
    const enum trivet_status end_status = trivet_child_reap(&child, &end_error);
    if (status != TRIVET_OK) {
        return status;
    }
    if (run->result == NULL) {
        if (err != NULL) {
            *err = end_error;
        }
        return end_status;
    }
    status = check_result(run, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&run->result->report->base, &run->report, err);
    }
    return status;
}

/* The head of the version, for lists: what the store's own record does not tell. */
static enum trivet_status pack_summary(const struct run *run, struct trivet_buffer *out,
                                       struct trivet_error *err)
{
    const Trivet__V1__TrainingReport *report = run->result->report;
    const Trivet__V1__EvaluationReport *evaluation =
        report->test != NULL ? report->test : report->train;
    Trivet__V1__Version version = TRIVET__V1__VERSION__INIT;
    char code_version[] = TRIVET_VERSION;
    union {
        const char *in;
        char *out;
    } hash = {.in = run->dataset_hash};
    version.model = run->spec->model;
    version.job_id = run->spec->job_id;
    version.dataset_id = run->spec->dataset_id;
    version.dataset_hash = hash.out;
    version.estimator = report->estimator;
    version.artefact_bytes = run->result->artefact.len;
    version.code_version = code_version;
    version.target = run->spec->pipeline->target;
    version.parent_version = run->spec->parent_version;
    version.split = run->spec->split; /* of which rows the metrics are */
    if (evaluation != NULL) {
        version.metrics = evaluation->metrics;
        version.n_metrics = evaluation->n_metrics;
    }
    return trivet_codec_pack(&version.base, out, err);
}

/* Version and end of the job, or nothing. */
static enum trivet_status commit_version(struct run *run, struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_buffer summary = {0};
    const ProtobufCBinaryData *artefact = &run->result->artefact;
    struct trivet_store_job record = run->record;
    struct trivet_store_version version;
    const struct trivet_jobs_options *options = &run->jobs->options;
    enum trivet_status status = pack_summary(run, &summary, err);
    if (status == TRIVET_OK) {
        status = trivet_store_begin(run->jobs->store, TRIVET_STORE_CATALOG, &txn, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_version_create(txn, record.model, record.id, record.dataset_id,
                                             artefact->data, artefact->len, summary.data,
                                             summary.n_bytes, &version, err);
    }
    if (status == TRIVET_OK) {
        record.version = version.version;
        status = trivet_store_job_update(txn, &record, run->report.data, run->report.n_bytes, err);
    }
    if (status == TRIVET_OK && options->store_version != NULL) {
        status = options->store_version(options->ctx, txn, &version, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, err);
    } else {
        trivet_store_abort(txn);
    }
    if (status == TRIVET_OK) {
        run->version = version;
        run->record.version = record.version;
    }
    trivet_buffer_release(&summary);
    return status;
}

/* True when the job is to end now (run->record says how it stands), false when it stays for the
 * next open. After this no cancel is taken. */
static bool decide_end(struct run *run, enum trivet_status status)
{
    pthread_mutex_lock(&run->jobs->mutex);
    const bool cancelled = run->job->cancel_requested;
    const bool cut_off = run->jobs->closing && run->result == NULL && !cancelled;
    run->job->committing = true;
    pthread_mutex_unlock(&run->jobs->mutex);
    if (cancelled) {
        run->record.state = TRIVET_STORE_JOB_CANCELLED;
        run->record.error_status = TRIVET_CANCELLED;
    } else {
        run->record.state =
            status == TRIVET_OK ? TRIVET_STORE_JOB_SUCCEEDED : TRIVET_STORE_JOB_FAILED;
    }
    run->record.ended_unix_us = trivet_clock_unix_us();
    return !cut_off;
}

static void set_failed(struct run *run, const struct trivet_error *error)
{
    run->record.state = TRIVET_STORE_JOB_FAILED;
    run->record.error_status = (int)error->status;
    trivet_text_copy(run->record.error_message, sizeof run->record.error_message, error->message);
    trivet_buffer_release(&run->report);
}

/* Before the end is stored: a crash in between runs the job again, which drops it too. */
static void drop_output(const struct run *run)
{
    if (is_predict(run)) {
        trivet_output_drop(run->jobs->store, run->output_id);
    }
}

/* Stores the end: a version with it, or the record alone. False: it could not be stored. */
static bool store_end(struct run *run, enum trivet_status status, struct trivet_error *error)
{
    if (run->record.state == TRIVET_STORE_JOB_CANCELLED) {
        trivet_buffer_release(&run->report);
        drop_output(run);
        return store_record(run);
    }
    const bool train = run->spec != NULL && run->spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    if (status == TRIVET_OK && is_predict(run) && run->n_chunks > 0) {
        status = trivet_output_commit(run->jobs->store, run->output_id, run->n_chunks, error);
    }
    if (status == TRIVET_OK && train) {
        status = commit_version(run, error);
        if (status == TRIVET_OK) {
            return true;
        }
    }
    if (status != TRIVET_OK) {
        set_failed(run, error);
        drop_output(run);
    }
    return store_record(run);
}

static const char *state_name(enum trivet_store_job_state state)
{
    static const char *const names[] = {
        [TRIVET_STORE_JOB_QUEUED] = "queued",       [TRIVET_STORE_JOB_RUNNING] = "running",
        [TRIVET_STORE_JOB_SUCCEEDED] = "succeeded", [TRIVET_STORE_JOB_FAILED] = "failed",
        [TRIVET_STORE_JOB_CANCELLED] = "cancelled",
    };
    return names[state];
}

/* The job has ended and the store knows: let go of it and tell. */
static void publish_end(struct run *run)
{
    struct trivet_jobs *jobs = run->jobs;
    struct trivet_job_view view;
    if (run->version.version != 0 && jobs->options.on_version != NULL) {
        jobs->options.on_version(jobs->options.ctx, &run->version);
    }
    trivet_jobs_view_record(&run->record, &view);
    pthread_mutex_lock(&jobs->mutex);
    trivet_jobs_remove_live(jobs, run->job);
    run->job = NULL;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
    view.report = run->report; /* borrowed for the callback */
    trivet_jobs_tell(jobs, &view);
    trivet_log(run->record.state == TRIVET_STORE_JOB_FAILED ? TRIVET_LOG_WARN : TRIVET_LOG_INFO,
               "job_ended", "job=%s state=%s version=%llu status=%s message=%s", run->record.id,
               state_name(run->record.state), (unsigned long long)run->record.version,
               trivet_status_name((enum trivet_status)run->record.error_status),
               run->record.error_message);
}

static void run_job(struct trivet_jobs *jobs, struct trivet_live_job *job,
                    const struct trivet_store_job *record)
{
    struct run run = {.jobs = jobs, .job = job, .record = *record};
    struct trivet_error error = {0};
    trivet_output_id(record->id, run.output_id);
    if (start_stored(&run)) {
        bool made = false;
        enum trivet_status status = read_spec(&run, &error);
        if (status == TRIVET_OK && is_predict(&run)) {
            /* Committed, and then a crash before the job's end was stored. */
            status = trivet_output_find(jobs->store, run.output_id, &made, &error);
        }
        if (status == TRIVET_OK && !made) {
            status = run_child(&run, &error);
        }
        if (decide_end(&run, status) && store_end(&run, status, &error)) {
            publish_end(&run);
        }
    }
    trivet_buffer_release(&run.message);
    trivet_buffer_release(&run.report);
    trivet_arena_free(run.result_arena);
    trivet_arena_free(run.spec_arena);
}

void *trivet_jobs_run(void *arg)
{
    struct trivet_jobs *jobs = arg;
    pthread_mutex_lock(&jobs->mutex);
    while (!jobs->closing) {
        struct trivet_live_job *job = jobs->live;
        while (job != NULL && (job->taken || !job->acknowledged || job->cancel_requested)) {
            job = job->next;
        }
        if (job == NULL) {
            pthread_cond_wait(&jobs->changed, &jobs->mutex);
            continue;
        }
        job->taken = true;
        jobs->n_queued--;
        const struct trivet_store_job record = job->record;
        pthread_mutex_unlock(&jobs->mutex);
        run_job(jobs, job, &record);
        pthread_mutex_lock(&jobs->mutex);
    }
    pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}
