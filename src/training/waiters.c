/* Long polls: waits that are parked until their job changes, or their time is up. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "training/jobs_internal.h"

static bool is_ready(struct trivet_jobs *jobs, const struct trivet_waiter *waiter, int64_t now_ns)
{
    if (jobs->releasing || now_ns >= waiter->deadline_ns) {
        return true;
    }
    const struct trivet_live_job *job = trivet_jobs_find_live(jobs, waiter->id);
    return job == NULL ||
           trivet_jobs_revision(&job->record, job->n_changes) > waiter->after_revision;
}

/* Takes the waiters to answer out of the list; *deadline_ns is the next of the others. The mutex is
 * held. */
static struct trivet_waiter *take_ready(struct trivet_jobs *jobs, int64_t *deadline_ns)
{
    const int64_t now_ns = trivet_clock_monotonic_ns();
    struct trivet_waiter *ready = NULL;
    struct trivet_waiter **link = &jobs->waiters;
    *deadline_ns = TRIVET_NEVER_NS;
    while (*link != NULL) {
        struct trivet_waiter *waiter = *link;
        if (is_ready(jobs, waiter, now_ns)) {
            *link = waiter->next;
            waiter->next = ready;
            ready = waiter;
            jobs->n_waiters--;
        } else {
            *deadline_ns = waiter->deadline_ns < *deadline_ns ? waiter->deadline_ns : *deadline_ns;
            link = &waiter->next;
        }
    }
    return ready;
}

/* No lock held. */
static void answer(struct trivet_jobs *jobs, const struct trivet_waiter *waiter)
{
    struct trivet_job_view view;
    struct trivet_error error = {0};
    const enum trivet_status status = trivet_jobs_get(jobs, waiter->id, &view, &error);
    waiter->callback(waiter->ctx, status == TRIVET_OK ? &view : NULL, &error);
    if (status == TRIVET_OK) {
        trivet_job_view_release(&view);
    }
}

void *trivet_jobs_answer_waiters(void *arg)
{
    struct trivet_jobs *jobs = arg;
    pthread_mutex_lock(&jobs->mutex);
    for (;;) {
        int64_t deadline_ns = TRIVET_NEVER_NS;
        struct trivet_waiter *ready = take_ready(jobs, &deadline_ns);
        if (ready != NULL) {
            pthread_mutex_unlock(&jobs->mutex);
            while (ready != NULL) {
                struct trivet_waiter *next = ready->next;
                answer(jobs, ready);
                trivet_free(ready);
                ready = next;
            }
            pthread_mutex_lock(&jobs->mutex);
        } else if (jobs->closing) {
            break;
        } else {
            const struct timespec until = trivet_clock_timespec(deadline_ns);
            pthread_cond_timedwait(&jobs->changed, &jobs->mutex, &until);
        }
    }
    pthread_mutex_unlock(&jobs->mutex);
    return NULL;
}

static enum trivet_status check_job(struct trivet_jobs *jobs, const char *id,
                                    struct trivet_error *err)
{
    pthread_mutex_lock(&jobs->mutex);
    const bool live = trivet_jobs_find_live(jobs, id) != NULL;
    pthread_mutex_unlock(&jobs->mutex);
    struct trivet_store_job record;
    return live ? TRIVET_OK : trivet_store_job_get(jobs->store, id, &record, NULL, NULL, err);
}

enum trivet_status trivet_jobs_wait(struct trivet_jobs *jobs, const char *id,
                                    uint64_t after_revision, int64_t deadline_ns,
                                    trivet_jobs_wait_cb callback, void *ctx,
                                    struct trivet_error *err)
{
    enum trivet_status status = check_job(jobs, id, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_waiter *waiter = trivet_calloc(1, sizeof *waiter);
    if (waiter == NULL || !trivet_text_copy(waiter->id, sizeof waiter->id, id)) {
        trivet_free(waiter);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while a wait for job %s is parked", id);
    }
    waiter->after_revision = after_revision;
    waiter->deadline_ns = deadline_ns;
    waiter->callback = callback;
    waiter->ctx = ctx;
    pthread_mutex_lock(&jobs->mutex);
    if (jobs->releasing) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE,
                                  "the server is stopping; wait again "
                                  "when it is back");
    } else if (jobs->n_waiters >= jobs->options.waiters_max) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "%zu calls wait for jobs already, which is the limit; ask with "
                                  "GetJob, or wait later",
                                  jobs->n_waiters);
    } else {
        waiter->next = jobs->waiters;
        jobs->waiters = waiter;
        jobs->n_waiters++;
        waiter = NULL;
        pthread_cond_broadcast(&jobs->changed);
    }
    pthread_mutex_unlock(&jobs->mutex);
    trivet_free(waiter);
    return status;
}

void trivet_jobs_release_waiters(struct trivet_jobs *jobs)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->releasing = true;
    pthread_cond_broadcast(&jobs->changed);
    pthread_mutex_unlock(&jobs->mutex);
}
