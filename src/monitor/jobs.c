#include "monitor/jobs.h"

#include "base/text.h"
#include "monitor/json.h"
#include "wire/json.h"

#include <math.h>
#include <string.h>

static bool has_ended(const struct trivet_monitor_job *job)
{
    return job->state == TRIVET__V1__JOB_STATE__JOB_STATE_SUCCEEDED ||
           job->state == TRIVET__V1__JOB_STATE__JOB_STATE_FAILED ||
           job->state == TRIVET__V1__JOB_STATE__JOB_STATE_CANCELLED;
}

static void drop(struct trivet_monitor_jobs *jobs, size_t at)
{
    jobs->n--;
    memmove(&jobs->items[at], &jobs->items[at + 1], (jobs->n - at) * sizeof(jobs->items[0]));
}

static size_t least_heard(const struct trivet_monitor_jobs *jobs)
{
    size_t least = 0;
    for (size_t i = 1; i < jobs->n; i++) {
        least = jobs->items[i].heard_us < jobs->items[least].heard_us ? i : least;
    }
    return least;
}

/* Where the job is, or its new place at the end. */
static struct trivet_monitor_job *place(struct trivet_monitor_jobs *jobs, size_t source,
                                        const char *id)
{
    for (size_t i = 0; i < jobs->n; i++) {
        if (jobs->items[i].source == source && strcmp(jobs->items[i].id, id) == 0) {
            return &jobs->items[i];
        }
    }
    if (jobs->n == TRIVET_MONITOR_JOBS_MAX) {
        drop(jobs, least_heard(jobs));
    }
    struct trivet_monitor_job *job = &jobs->items[jobs->n++];
    *job = (struct trivet_monitor_job){.source = source};
    (void)trivet_text_copy(job->id, sizeof(job->id), id);
    return job;
}

static void take_loss(struct trivet_monitor_job *to, const Trivet__V1__JobProgress *progress)
{
    to->loss_iteration = 0;
    if (progress->n_losses > 0) {
        const Trivet__V1__LossPoint *newest = progress->losses[progress->n_losses - 1];
        to->loss_iteration = isfinite(newest->loss) ? newest->iteration : 0;
        to->loss = newest->loss;
    }
}

void trivet_monitor_jobs_take(struct trivet_monitor_jobs *jobs, size_t source,
                              const Trivet__V1__Job *job, int64_t now_us)
{
    if (job->id[0] == '\0' || strlen(job->id) >= sizeof(jobs->items[0].id)) {
        return; /* none of the contract's */
    }
    struct trivet_monitor_job *to = place(jobs, source, job->id);
    if (job->revision < to->revision) {
        return;
    }
    (void)trivet_text_copy(to->model, sizeof(to->model), job->model);
    to->kind = job->kind;
    to->state = job->state;
    to->version = job->version;
    to->revision = job->revision;
    to->created_us = job->created_unix_us;
    to->started_us = job->started_unix_us;
    to->ended_us = job->ended_unix_us;
    to->heard_us = now_us;
    if (job->progress != NULL) {
        (void)trivet_text_copy(to->phase, sizeof(to->phase), job->progress->phase);
        (void)trivet_text_copy(to->detail, sizeof(to->detail), job->progress->detail);
        to->fraction = job->progress->fraction;
        take_loss(to, job->progress);
    }
}

void trivet_monitor_jobs_forget(struct trivet_monitor_jobs *jobs, size_t source)
{
    for (size_t i = jobs->n; i-- > 0;) {
        if (jobs->items[i].source == source) {
            drop(jobs, i);
        }
    }
}

void trivet_monitor_jobs_tick(struct trivet_monitor_jobs *jobs, int64_t now_us)
{
    for (size_t i = jobs->n; i-- > 0;) {
        const struct trivet_monitor_job *job = &jobs->items[i];
        int64_t told_us =
            has_ended(job) ? TRIVET_MONITOR_JOB_ENDED_US : TRIVET_MONITOR_JOB_SILENT_US;
        if (now_us - job->heard_us > told_us) {
            drop(jobs, i);
        }
    }
}

/* As in JobProgress of an event: the newest point, or nothing. */
static json_t *losses_json(const struct trivet_monitor_job *job)
{
    return job->loss_iteration == 0
               ? json_array()
               : json_pack("[{s:o, s:o}]", "iteration", trivet_json_count(job->loss_iteration),
                           "loss", trivet_json_number(job->loss));
}

json_t *trivet_monitor_job_json(const struct trivet_monitor_job *job, const char *server)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:{s:s, s:o, s:s, s:o}, s:I, s:I, s:I}", "server",
        server, "id", job->id, "model", job->model, "kind",
        trivet_wire_enum_name(&trivet__v1__job_kind__descriptor, (int)job->kind), "state",
        trivet_wire_enum_name(&trivet__v1__job_state__descriptor, (int)job->state), "version",
        trivet_json_count(job->version), "revision", trivet_json_count(job->revision), "progress",
        "phase", job->phase, "fraction", trivet_json_number(job->fraction), "detail", job->detail,
        "losses", losses_json(job), "created_unix_us", (json_int_t)job->created_us,
        "started_unix_us", (json_int_t)job->started_us, "ended_unix_us", (json_int_t)job->ended_us);
}
