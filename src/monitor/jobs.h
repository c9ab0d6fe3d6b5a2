/* Jobs whose events have come lately, for the live pages: what runs now, how far it is, and how it
 * ended. Training.ListJobs has all of them; here is only what changed since the page asked. */
#ifndef TRIVET_MONITOR_JOBS_H
#define TRIVET_MONITOR_JOBS_H

#include "trivet/v1/training.pb-c.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_MONITOR_JOBS_MAX 32
/* How long a job is told of after its last event: ended ones, and ones that might have ended
 * without our hearing of it. */
#define TRIVET_MONITOR_JOB_ENDED_US  60000000
#define TRIVET_MONITOR_JOB_SILENT_US 600000000

struct trivet_monitor_job {
    size_t source;
    char id[32];
    char model[65];
    Trivet__V1__JobKind kind;
    Trivet__V1__JobState state;
    char phase[32];
    char detail[96];
    double fraction;
    uint64_t loss_iteration; /* of `loss`, the newest told; 0: there is none */
    double loss;
    uint64_t version;
    uint64_t revision;
    int64_t created_us; /* by the server's clock, as the two that follow */
    int64_t started_us;
    int64_t ended_us;
    int64_t heard_us; /* by ours */
};

/* Zero-initialised is empty. Guarded by its owner's lock. */
struct trivet_monitor_jobs {
    struct trivet_monitor_job items[TRIVET_MONITOR_JOBS_MAX];
    size_t n;
};

/* Take one event in: it replaces an older one of its job. When there is no room, the job not heard
 * of for the longest goes. */
void trivet_monitor_jobs_take(struct trivet_monitor_jobs *jobs, size_t source,
                              const Trivet__V1__Job *job, int64_t now_us);
/* The source has begun anew: its jobs are not known any more. */
void trivet_monitor_jobs_forget(struct trivet_monitor_jobs *jobs, size_t source);
/* Drops those that were told of for long enough. */
void trivet_monitor_jobs_tick(struct trivet_monitor_jobs *jobs, int64_t now_us);
/* A job of the list as an object; `server` is its source's address. NULL without memory. */
json_t *trivet_monitor_job_json(const struct trivet_monitor_job *job, const char *server);

#endif
