/* DESIGN
 *
 * Threads. The runner takes the oldest queued job, runs it in a child process, and ends it. The
 * waiter thread answers parked waits. Callers' threads submit, read and cancel.
 *
 * State. What has ended is only in the store. What has not is in the store and, as a live job, in
 * memory: the store says QUEUED or RUNNING, the live job knows the progress. A job is live before
 * its creation is committed and until after its end is, so a job that is not live is read from the
 * store as it finally is.
 *
 * Locks. jobs->mutex guards the live jobs, the waiters and the child's pid. It is a leaf: nothing
 * else is locked, no store is read and no callback is called under it. The store's writer lock may
 * be held when it is taken (submit), never the other way.
 *
 * The child's pid is written under the mutex after the start and cleared under it before the child
 * is reaped, so a kill under the mutex never hits another process. Parent death kills the child: it
 * is bound to the runner thread, which lives as long as it does.
 *
 * Crash. A job that was QUEUED or RUNNING is queued again at open. Version and end of a job are one
 * transaction: a job never makes two versions. */
#include "training/jobs_internal.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "training/output.h"

#include <signal.h>
#include <string.h>

#define RECOVERY_COUNT_FIRST 256

struct trivet_live_job *trivet_jobs_find_live(struct trivet_jobs *jobs, const char *id)
{
    struct trivet_live_job *job = jobs->live;
    while (job != NULL && strcmp(job->record.id, id) != 0) {
        job = job->next;
    }
    return job;
}

void trivet_jobs_append_live(struct trivet_jobs *jobs, struct trivet_live_job *job)
{
    struct trivet_live_job **link = &jobs->live;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    job->next = NULL;
    *link = job;
    jobs->n_queued++;
}

void trivet_jobs_remove_live(struct trivet_jobs *jobs, struct trivet_live_job *job)
{
    struct trivet_live_job **link = &jobs->live;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    jobs->n_queued -= job->taken ? 0 : 1;
    trivet_free(job);
}

enum trivet_status trivet_jobs_store_record(struct trivet_jobs *jobs,
                                            const struct trivet_store_job *record,
                                            const void *report, size_t report_bytes,
                                            struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status = trivet_store_begin(jobs->store, TRIVET_STORE_CATALOG, &txn, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_store_job_update(txn, record, report, report_bytes, err);
    if (status != TRIVET_OK) {
        trivet_store_abort(txn);
        return status;
    }
    return trivet_store_commit(txn, err);
}

/* Unfinished jobs of the store, oldest first; `*out` is the caller's to free. */
static enum trivet_status read_unfinished(struct trivet_store *store, struct trivet_store_job **out,
                                          size_t *count, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    struct trivet_store_job *records = NULL;
    size_t n = 0;
    size_t count_max = RECOVERY_COUNT_FIRST / 2;
    do {
        count_max *= 2;
        trivet_free(records);
        records = trivet_alloc_array(count_max, sizeof *records);
        if (records == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory while unfinished jobs are read");
        }
        status = trivet_store_job_list(store, "", true, records, count_max, &n, err);
    } while (status == TRIVET_OK && n == count_max);
    if (status != TRIVET_OK) {
        trivet_free(records);
        return status;
    }
    *out = records;
    *count = n;
    return TRIVET_OK;
}

/* Queue again what a stop or a crash of the server cut off. No thread runs yet. */
static enum trivet_status recover(struct trivet_jobs *jobs, struct trivet_error *err)
{
    struct trivet_store_job *records = NULL;
    size_t count = 0;
    enum trivet_status status = read_unfinished(jobs->store, &records, &count, err);
    for (size_t i = 0; i < count && status == TRIVET_OK; i++) {
        struct trivet_live_job *job = trivet_calloc(1, sizeof *job);
        if (job == NULL) {
            status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                      "out of memory while unfinished jobs are queued again");
            break;
        }
        job->record = records[i];
        job->record.state = TRIVET_STORE_JOB_QUEUED;
        job->acknowledged = true;
        trivet_jobs_append_live(jobs, job);
        trivet_log(TRIVET_LOG_INFO, "job_queued_again", "job=%s attempts=%u", records[i].id,
                   (unsigned)records[i].attempts);
    }
    trivet_free(records);
    return status;
}

static void destroy(struct trivet_jobs *jobs)
{
    while (jobs->live != NULL) {
        trivet_jobs_remove_live(jobs, jobs->live);
    }
    pthread_cond_destroy(&jobs->changed);
    pthread_mutex_destroy(&jobs->mutex);
    trivet_free(jobs);
}

static enum trivet_status create(struct trivet_store *store,
                                 const struct trivet_jobs_options *options,
                                 struct trivet_jobs **out, struct trivet_error *err)
{
    struct trivet_jobs *jobs = trivet_calloc(1, sizeof *jobs);
    if (jobs == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while the job queue is opened");
    }
    jobs->store = store;
    jobs->options = *options;
    pthread_mutex_init(&jobs->mutex, NULL);
    trivet_clock_init_condition(&jobs->changed);
    *out = jobs;
    return TRIVET_OK;
}

static void stop(struct trivet_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->closing = true;
    jobs->releasing = true;
    if (jobs->child_pid > 0) {
        kill(jobs->child_pid, SIGKILL);
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
}

/* Our threads take no signals: those are the main thread's. */
static int start_threads(struct trivet_jobs *jobs)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&jobs->runner, NULL, trivet_jobs_run, jobs);
    if (error == 0) {
        error = pthread_create(&jobs->waiter_thread, NULL, trivet_jobs_answer_waiters, jobs);
        if (error != 0) {
            stop(jobs);
            pthread_join(jobs->runner, NULL);
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

enum trivet_status trivet_jobs_open(struct trivet_store *store,
                                    const struct trivet_jobs_options *options,
                                    struct trivet_jobs **out, struct trivet_error *err)
{
    struct trivet_jobs *jobs = NULL;
    enum trivet_status status = create(store, options, &jobs, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = recover(jobs, err);
    if (status == TRIVET_OK) {
        const int error = start_threads(jobs);
        if (error != 0) {
            status =
                trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                 "cannot start the threads of the job queue: %s", strerror(error));
        }
    }
    if (status != TRIVET_OK) {
        destroy(jobs);
        return status;
    }
    *out = jobs;
    return TRIVET_OK;
}

void trivet_jobs_close(struct trivet_jobs *jobs)
{
    if (jobs == NULL) {
        return;
    }
    stop(jobs);
    pthread_join(jobs->runner, NULL);
    pthread_join(jobs->waiter_thread, NULL);
    destroy(jobs);
}

static bool get_live(struct trivet_jobs *jobs, const char *id, struct trivet_job_view *out)
{
    pthread_mutex_lock(&jobs->mutex);
    const struct trivet_live_job *job = trivet_jobs_find_live(jobs, id);
    if (job != NULL) {
        trivet_jobs_view_live(job, out);
    }
    pthread_mutex_unlock(&jobs->mutex);
    return job != NULL;
}

enum trivet_status trivet_jobs_get(struct trivet_jobs *jobs, const char *id,
                                   struct trivet_job_view *out, struct trivet_error *err)
{
    if (get_live(jobs, id, out)) {
        return TRIVET_OK;
    }
    struct trivet_store_job record;
    struct trivet_buffer report = {0};
    const enum trivet_status status =
        trivet_store_job_get(jobs->store, id, &record, NULL, &report, err);
    if (status != TRIVET_OK) {
        trivet_buffer_release(&report);
        return status;
    }
    trivet_jobs_view_record(&record, out);
    out->report = report;
    return TRIVET_OK;
}

/* A listed record as it is now: the list may be older than the end of the job. */
static enum trivet_status refresh(struct trivet_jobs *jobs, const struct trivet_store_job *record,
                                  struct trivet_job_view *out, struct trivet_error *err)
{
    const bool ended =
        record->state != TRIVET_STORE_JOB_QUEUED && record->state != TRIVET_STORE_JOB_RUNNING;
    if (ended) {
        trivet_jobs_view_record(record, out);
        return TRIVET_OK;
    }
    if (get_live(jobs, record->id, out)) {
        return TRIVET_OK;
    }
    struct trivet_store_job now;
    const enum trivet_status status =
        trivet_store_job_get(jobs->store, record->id, &now, NULL, NULL, err);
    if (status == TRIVET_OK) {
        trivet_jobs_view_record(&now, out);
    }
    return status;
}

enum trivet_status trivet_jobs_list(struct trivet_jobs *jobs, const char *model,
                                    struct trivet_job_view *out, size_t count_max, size_t *count,
                                    struct trivet_error *err)
{
    struct trivet_store_job *records = trivet_alloc_array(count_max + 1, sizeof *records);
    if (records == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while %zu jobs are listed", count_max);
    }
    size_t n = 0;
    enum trivet_status status =
        trivet_store_job_list(jobs->store, model, false, records, count_max, &n, err);
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        status = refresh(jobs, &records[i], &out[i], err);
    }
    if (status == TRIVET_OK) {
        *count = n;
    }
    trivet_free(records);
    return status;
}

void trivet_jobs_counts(struct trivet_jobs *jobs, size_t *n_queued, size_t *n_running)
{
    pthread_mutex_lock(&jobs->mutex);
    *n_queued = jobs->n_queued;
    *n_running = 0;
    for (const struct trivet_live_job *job = jobs->live; job != NULL; job = job->next) {
        *n_running += job->taken;
    }
    pthread_mutex_unlock(&jobs->mutex);
}

bool trivet_jobs_uses_dataset(struct trivet_jobs *jobs, const char *dataset_id)
{
    pthread_mutex_lock(&jobs->mutex);
    const struct trivet_live_job *job = jobs->live;
    while (job != NULL && strcmp(job->record.dataset_id, dataset_id) != 0) {
        job = job->next;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return job != NULL;
}

bool trivet_jobs_makes_dataset(struct trivet_jobs *jobs, const char *dataset_id)
{
    bool makes = false;
    pthread_mutex_lock(&jobs->mutex);
    for (const struct trivet_live_job *job = jobs->live; job != NULL && !makes; job = job->next) {
        char id[TRIVET_STORE_ID_BYTES] = "";
        if (job->record.kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT) {
            trivet_output_id(job->record.id, id);
        }
        makes = strcmp(id, dataset_id) == 0;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return makes;
}

enum cancel_step {
    CANCEL_NOT_LIVE,
    CANCEL_TOO_LATE,
    CANCEL_UNDER_WAY, /* the runner, or another caller, ends it */
    CANCEL_QUEUED,    /* ours to end */
};

static enum cancel_step request_cancel(struct trivet_jobs *jobs, const char *id,
                                       struct trivet_job_view *view)
{
    enum cancel_step step = CANCEL_NOT_LIVE;
    pthread_mutex_lock(&jobs->mutex);
    struct trivet_live_job *job = trivet_jobs_find_live(jobs, id);
    if (job != NULL && job->committing) {
        step = CANCEL_TOO_LATE;
    } else if (job != NULL) {
        step = job->taken || job->cancel_requested ? CANCEL_UNDER_WAY : CANCEL_QUEUED;
        job->cancel_requested = true;
        if (job->taken && jobs->child_pid > 0) {
            kill(jobs->child_pid, SIGKILL);
        }
        trivet_jobs_view_live(job, view);
        pthread_cond_broadcast(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->mutex);
    return step;
}

/* A queued job that nobody else may end: store it, then forget it, or let it be as it was. */
static enum trivet_status cancel_queued(struct trivet_jobs *jobs, struct trivet_job_view *view,
                                        struct trivet_error *err)
{
    struct trivet_store_job record = view->record;
    record.state = TRIVET_STORE_JOB_CANCELLED;
    record.ended_unix_us = trivet_clock_unix_us();
    record.error_status = TRIVET_CANCELLED;
    if (record.kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT) {
        /* Of an attempt that a crash cut off. */
        char output_id[TRIVET_STORE_ID_BYTES];
        trivet_output_id(record.id, output_id);
        trivet_output_drop(jobs->store, output_id);
    }
    const enum trivet_status status = trivet_jobs_store_record(jobs, &record, NULL, 0, err);
    pthread_mutex_lock(&jobs->mutex);
    struct trivet_live_job *job = trivet_jobs_find_live(jobs, record.id);
    if (job != NULL && status == TRIVET_OK) {
        trivet_jobs_remove_live(jobs, job);
    } else if (job != NULL) {
        job->cancel_requested = false;
    }
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
    if (status == TRIVET_OK) {
        trivet_jobs_view_record(&record, view);
        trivet_jobs_tell(jobs, view);
    }
    return status;
}

enum trivet_status trivet_jobs_cancel(struct trivet_jobs *jobs, const char *id,
                                      struct trivet_job_view *out, struct trivet_error *err)
{
    struct trivet_job_view view;
    enum trivet_status status = TRIVET_OK;
    struct trivet_store_job record;
    switch (request_cancel(jobs, id, &view)) {
    case CANCEL_NOT_LIVE:
        status = trivet_store_job_get(jobs->store, id, &record, NULL, NULL, err);
        return status != TRIVET_OK
                   ? status
                   : trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                      "job %s has ended already and cannot be cancelled", id);
    case CANCEL_TOO_LATE:
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "job %s has finished and is being committed; it cannot be "
                                "cancelled any more",
                                id);
    case CANCEL_QUEUED:
        status = cancel_queued(jobs, &view, err);
        break;
    case CANCEL_UNDER_WAY:
        break;
    }
    if (status == TRIVET_OK) {
        *out = view;
    }
    return status;
}
