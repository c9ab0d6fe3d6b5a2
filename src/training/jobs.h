/* The job queue: stored jobs, one runner, each fit in a trainer child process.
 *
 * A job is acknowledged once it is in the store. A runner thread takes the oldest, spawns the
 * child, passes its progress on, and commits version and job in one transaction. After a
 * crash, open() queues what had not ended again. */
#ifndef TRIVET_TRAINING_JOBS_H
#define TRIVET_TRAINING_JOBS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "store/store.h"
#include "training/losses.h"
#include "trivet/v1/trainer.pb-c.h"
#include "trivet/v1/training.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

struct trivet_jobs;

/* A job as it is now; `report` is packed TrainingReport bytes, n_bytes 0 when there is none. */
struct trivet_job_view {
    struct trivet_store_job record;
    char phase[32];
    double fraction;
    char detail[128];
    struct trivet_losses losses; /* of a job that runs */
    uint64_t revision;           /* grows with every change of this job, also over restarts */
    struct trivet_buffer report; /* owned by the view: trivet_job_view_release */
};

void trivet_job_view_release(struct trivet_job_view *view);
/* The public message, made in `arena`; borrows from the view. */
enum trivet_status trivet_job_view_encode(const struct trivet_job_view *view,
                                          struct trivet_arena *arena, Trivet__V1__Job **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

struct trivet_jobs_options {
    const char *trainer_path; /* program started as PROGRAM --trainer; borrowed */
    const char *data_dir;
    size_t queue_max;          /* jobs waiting; beyond: RESOURCE_EXHAUSTED */
    size_t waiters_max;        /* parked trivet_jobs_wait; beyond: RESOURCE_EXHAUSTED */
    uint64_t memory_bytes_max; /* what a child may take beyond its libraries; 0 = no limit */
    unsigned n_threads;        /* of a child whose job does not say */
    /* Every change of a job; on the runner or the calling thread, no lock held; must not block. */
    void (*on_change)(void *ctx, const struct trivet_job_view *view);
    /* In the transaction that stores a new version and the end of its job, on the runner: may add
     * to it. An error aborts it, and the job fails. */
    enum trivet_status (*store_version)(void *ctx, struct trivet_store_txn *txn,
                                        const struct trivet_store_version *version,
                                        struct trivet_error *err);
    /* A version was committed; on the runner, before its job is told to have ended. May wait. */
    void (*on_version)(void *ctx, const struct trivet_store_version *version);
    void *ctx;
};

/* Starts the runner. `store` is borrowed. */
enum trivet_status trivet_jobs_open(struct trivet_store *store,
                                    const struct trivet_jobs_options *options,
                                    struct trivet_jobs **out,
                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Before the calls that wait are drained: answers every waiter with the job as it is, and refuses
 * new ones. */
void trivet_jobs_release_waiters(struct trivet_jobs *jobs);
/* Kills a running child (its job stays unfinished and starts again at the next open), answers
 * waiters with the job as it is, joins the threads. */
void trivet_jobs_close(struct trivet_jobs *jobs);

/* Checks the spec against the dataset (NOT_FOUND, FAILED_PRECONDITION: not committed, and all that
 * trivet_pipeline_create refuses; the columns of a PREDICT job are the caller's to check with
 * trivet_predict_columns), stores the job and, when `call` is not NULL, its reply: the
 * packed Job. A repeated call gives *replayed = true and the job as it is now, also when it would
 * be refused today; with another body ALREADY_EXISTS. RESOURCE_EXHAUSTED: the queue is full. The
 * spec's job_id and parent_version are filled in here; data_dir, memory_bytes_max and parent_pid
 * when the child starts. Never inside a transaction. */
enum trivet_status trivet_jobs_submit(struct trivet_jobs *jobs, const Trivet__V1__JobSpec *spec,
                                      const struct trivet_store_call *call,
                                      struct trivet_job_view *out, bool *replayed,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* With its report, once there is one. NOT_FOUND. */
enum trivet_status trivet_jobs_get(struct trivet_jobs *jobs, const char *id,
                                   struct trivet_job_view *out,
                                   struct trivet_error *err) TRIVET_MUST_USE;
/* Newest first, without reports. `out` is room for count_max views. */
enum trivet_status trivet_jobs_list(struct trivet_jobs *jobs, const char *model,
                                    struct trivet_job_view *out, size_t count_max, size_t *count,
                                    struct trivet_error *err) TRIVET_MUST_USE;
/* FAILED_PRECONDITION when it has ended, or its version is being committed. A queued job ends at
 * once; of a running one the child is killed and the state follows within a second. */
enum trivet_status trivet_jobs_cancel(struct trivet_jobs *jobs, const char *id,
                                      struct trivet_job_view *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Jobs that wait, and that run. Any thread. */
void trivet_jobs_counts(struct trivet_jobs *jobs, size_t *n_queued, size_t *n_running);
/* True while a job that has not ended uses the dataset. */
bool trivet_jobs_uses_dataset(struct trivet_jobs *jobs, const char *dataset_id);
/* True while a job that has not ended makes the dataset: nobody else may change it. */
bool trivet_jobs_makes_dataset(struct trivet_jobs *jobs, const char *dataset_id);

/* Called once per accepted wait, on the jobs' own thread, no lock held; `view` is borrowed, NULL
 * only when the job cannot be read (then `err` says why). Must not block. */
typedef void (*trivet_jobs_wait_cb)(void *ctx, const struct trivet_job_view *view,
                                    const struct trivet_error *err);
/* Park until the job's revision exceeds `after_revision`, it has ended, or `deadline_ns`.
 * NOT_FOUND; RESOURCE_EXHAUSTED: waiters_max are parked; UNAVAILABLE: closing. */
enum trivet_status trivet_jobs_wait(struct trivet_jobs *jobs, const char *id,
                                    uint64_t after_revision, int64_t deadline_ns,
                                    trivet_jobs_wait_cb callback, void *ctx,
                                    struct trivet_error *err) TRIVET_MUST_USE;

#endif
