/* What the files of the job queue share. See the DESIGN comment in jobs.c. */
#ifndef TRIVET_TRAINING_JOBS_INTERNAL_H
#define TRIVET_TRAINING_JOBS_INTERNAL_H

#include "base/compiler.h"
#include "training/jobs.h"

#include <trivet/error.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A job that has not ended. Guarded by jobs->mutex; only the runner takes a taken one out of the
 * list. */
struct trivet_live_job {
    struct trivet_live_job *next;
    struct trivet_store_job record; /* as the world sees it: QUEUED or RUNNING */
    char phase[32];
    double fraction;
    char detail[128];
    struct trivet_losses losses;
    uint32_t n_changes;    /* while RUNNING, for the revision */
    bool acknowledged;     /* it is in the store: the runner may take it */
    bool taken;            /* the runner has it */
    bool cancel_requested; /* the runner, or the caller who cancels, will end it */
    bool committing;       /* too late to cancel */
};

struct trivet_waiter {
    struct trivet_waiter *next;
    char id[TRIVET_STORE_ID_BYTES];
    uint64_t after_revision;
    int64_t deadline_ns;
    trivet_jobs_wait_cb callback;
    void *ctx;
};

struct trivet_jobs {
    /* Constant after open. */
    struct trivet_store *store;
    struct trivet_jobs_options options;
    pthread_t runner;
    pthread_t waiter_thread;

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* CLOCK_MONOTONIC; broadcast on every change of what follows */
    /* Guarded by mutex. */
    bool closing;
    bool releasing;               /* waits are answered at once and refused from now on */
    struct trivet_live_job *live; /* oldest first */
    size_t n_queued;              /* live jobs that are not taken */
    pid_t child_pid;              /* of the running child, until it is reaped; 0 = none */
    struct trivet_waiter *waiters;
    size_t n_waiters;
};

/* The caller holds the mutex. */
struct trivet_live_job *trivet_jobs_find_live(struct trivet_jobs *jobs, const char *id);
void trivet_jobs_append_live(struct trivet_jobs *jobs, struct trivet_live_job *job);
/* Takes it out of the list and frees it. */
void trivet_jobs_remove_live(struct trivet_jobs *jobs, struct trivet_live_job *job);
/* View without a report. */
void trivet_jobs_view_live(const struct trivet_live_job *job, struct trivet_job_view *out);

/* View of a job that is not live (any more). */
void trivet_jobs_view_record(const struct trivet_store_job *record, struct trivet_job_view *out);
uint64_t trivet_jobs_revision(const struct trivet_store_job *record, uint32_t n_changes);
/* No lock held. */
void trivet_jobs_tell(struct trivet_jobs *jobs, const struct trivet_job_view *view);
/* One transaction that writes the record. */
enum trivet_status trivet_jobs_store_record(struct trivet_jobs *jobs,
                                            const struct trivet_store_job *record,
                                            const void *report, size_t report_bytes,
                                            struct trivet_error *err) TRIVET_MUST_USE;

/* Thread mains. */
void *trivet_jobs_run(void *jobs);
void *trivet_jobs_answer_waiters(void *jobs);

#endif
