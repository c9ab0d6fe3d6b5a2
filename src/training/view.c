/* Jobs as they are told to callers. */
#include "base/text.h"
#include "training/jobs_internal.h"
#include "training/output.h"
#include "wire/codec.h"

#include <string.h>

/* Revisions of one job: attempt << 32 | step. Steps of an attempt: changes while it runs, then
 * queued again after a crash of the server, then ended. So they grow also over restarts. */
#define STEP_QUEUED_FIRST 1u
#define STEP_RUNNING_MAX  0xfffffffdu
#define STEP_QUEUED_AGAIN 0xfffffffeu
#define STEP_ENDED        0xffffffffu

uint64_t trivet_jobs_revision(const struct trivet_store_job *record, uint32_t n_changes)
{
    uint32_t step = STEP_ENDED;
    if (record->state == TRIVET_STORE_JOB_QUEUED) {
        step = record->attempts == 0 ? STEP_QUEUED_FIRST : STEP_QUEUED_AGAIN;
    } else if (record->state == TRIVET_STORE_JOB_RUNNING) {
        step = n_changes < STEP_RUNNING_MAX ? n_changes : STEP_RUNNING_MAX;
    }
    return (uint64_t)record->attempts << 32 | step;
}

void trivet_jobs_view_live(const struct trivet_live_job *job, struct trivet_job_view *out)
{
    memset(out, 0, sizeof *out);
    out->record = job->record;
    memcpy(out->phase, job->phase, sizeof out->phase);
    memcpy(out->detail, job->detail, sizeof out->detail);
    out->fraction = job->fraction;
    out->losses = job->losses;
    out->revision = trivet_jobs_revision(&job->record, job->n_changes);
}

void trivet_jobs_view_record(const struct trivet_store_job *record, struct trivet_job_view *out)
{
    memset(out, 0, sizeof *out);
    out->record = *record;
    out->revision = trivet_jobs_revision(record, 0);
    out->fraction = record->state == TRIVET_STORE_JOB_SUCCEEDED ? 1.0 : 0.0;
}

void trivet_job_view_release(struct trivet_job_view *view)
{
    if (view != NULL) {
        trivet_buffer_release(&view->report);
    }
}

/* protobuf-c has no const texts; the message is only read. */
static char *borrowed(const char *text)
{
    union {
        const char *in;
        char *out;
    } pointer = {.in = text};
    return pointer.out;
}

static enum trivet_status encode_report(const struct trivet_job_view *view,
                                        struct trivet_arena *arena, Trivet__V1__Job *job,
                                        struct trivet_error *err)
{
    ProtobufCMessage *report = NULL;
    const enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__training_report__descriptor, arena, view->report.data,
                            view->report.n_bytes, &report, err);
    if (status == TRIVET_INVALID_ARGUMENT) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the stored report of job %s is damaged",
                                view->record.id);
    }
    job->report = (Trivet__V1__TrainingReport *)report;
    return status;
}

static bool encode_losses(const struct trivet_losses *losses, struct trivet_arena *arena,
                          Trivet__V1__JobProgress *progress)
{
    if (losses->n == 0) {
        return true;
    }
    Trivet__V1__LossPoint *points = trivet_arena_alloc_array(arena, losses->n, sizeof *points);
    progress->losses = trivet_arena_alloc_array(arena, losses->n, sizeof *progress->losses);
    if (points == NULL || progress->losses == NULL) {
        return false;
    }
    trivet_losses_points(losses, points, progress->losses);
    progress->n_losses = losses->n;
    return true;
}

enum trivet_status trivet_job_view_encode(const struct trivet_job_view *view,
                                          struct trivet_arena *arena, Trivet__V1__Job **out,
                                          struct trivet_error *err)
{
    const struct trivet_store_job *record = &view->record;
    Trivet__V1__Job *job = trivet_arena_alloc(arena, sizeof *job);
    Trivet__V1__JobProgress *progress = trivet_arena_alloc(arena, sizeof *progress);
    if (progress != NULL) {
        trivet__v1__job_progress__init(progress);
    }
    if (job == NULL || progress == NULL || !encode_losses(&view->losses, arena, progress)) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while job %s is described", record->id);
    }
    trivet__v1__job__init(job);
    progress->phase = borrowed(view->phase);
    progress->fraction = view->fraction;
    progress->detail = borrowed(view->detail);
    job->id = borrowed(record->id);
    job->kind = (Trivet__V1__JobKind)record->kind;
    job->state = (Trivet__V1__JobState)record->state;
    job->model = borrowed(record->model);
    job->version = record->version;
    job->dataset_id = borrowed(record->dataset_id);
    job->progress = progress;
    job->error_status = record->error_status;
    job->error_message = borrowed(record->error_message);
    job->created_unix_us = record->created_unix_us;
    job->started_unix_us = record->started_unix_us;
    job->ended_unix_us = record->ended_unix_us;
    job->attempts = record->attempts;
    job->revision = view->revision;
    if (record->kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT &&
        record->state == TRIVET_STORE_JOB_SUCCEEDED) {
        char id[TRIVET_STORE_ID_BYTES];
        trivet_output_id(record->id, id);
        job->output_dataset_id = trivet_arena_strdup(arena, id);
        if (job->output_dataset_id == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory while job %s is described", record->id);
        }
    }
    if (view->report.n_bytes > 0) {
        const enum trivet_status status = encode_report(view, arena, job, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    *out = job;
    return TRIVET_OK;
}

void trivet_jobs_tell(struct trivet_jobs *jobs, const struct trivet_job_view *view)
{
    if (jobs->options.on_change != NULL) {
        jobs->options.on_change(jobs->options.ctx, view);
    }
}
