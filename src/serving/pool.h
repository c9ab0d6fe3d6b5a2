/* Work-conserving batches on a pool of workers, one BLAS thread each.
 *
 * submit() appends a task to the queue of its servable and wakes an idle worker; a worker takes all
 * rows queued for one servable up to batch_rows_max, transforms each task's rows into one matrix,
 * estimates once, hands out results and calls done(). A task larger than batch_rows_max is cut in
 * row slices that several workers share. Tasks whose deadline has passed are refused before
 * compute. */
#ifndef TRIVET_SERVING_POOL_H
#define TRIVET_SERVING_POOL_H

#include "base/compiler.h"
#include "data/table.h"
#include "serving/servable.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One Predict call inside the pool. All memory is the caller's and must live until done(). */
struct trivet_pool_task {
    struct trivet_servable *servable; /* the caller's reference, kept by the caller */
    struct trivet_table rows;         /* bound to the servable's inputs, n_rows >= 1 */
    /* The same rows where they came as a matrix, for the servable's plan: dense, doubles or floats
     * at any address, as they were sent. NULL: there is none. */
    const void *matrix;
    bool matrix_single;
    bool nan_is_missing;                  /* in the matrix */
    struct trivet_row_status *row_status; /* (n_rows) in: faults found so far; out: all */
    double *outputs; /* (rows.n_rows, n_outputs) row-major; NaN for failed rows, and undefined
                        unless `status` is OK */
    int64_t arrival_ns;
    int64_t deadline_ns;
    bool batch_priority; /* after all others */
    /* On a worker thread, once, no lock held; must not block. The task may be freed inside. */
    void (*done)(struct trivet_pool_task *task);
    void *ctx;

    /* Results, valid in done(). `status` is of the whole call; error.message says why. */
    enum trivet_status status;
    struct trivet_error error;
    int64_t started_ns; /* first taken by a worker */
    int64_t finished_ns;
    /* Transform + estimate of the batch it was in; of several slices the sum, which exceeds the
     * time passed when workers share the task. */
    int64_t compute_ns;
    uint64_t leads_batches; /* batches in which it was the first task: in every batch one is */
    uint64_t batch_rows;    /* rows of the batch it was in (the largest, of several slices) */

    struct trivet_pool_task *next; /* the pool's */
    size_t rows_taken;             /* the pool's */
    size_t rows_finished;          /* the pool's */
};

struct trivet_pool_options {
    unsigned n_workers;
    size_t batch_rows_max;  /* rows of one batch */
    size_t queue_rows_max;  /* rows queued in all; beyond: RESOURCE_EXHAUSTED at once */
    size_t queue_tasks_max; /* tasks queued in all */
};

struct trivet_pool;

/* Starts the workers, and sets BLAS to one thread. */
enum trivet_status trivet_pool_create(const struct trivet_pool_options *options,
                                      struct trivet_pool **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Ends what is queued with UNAVAILABLE, lets what is running finish, joins. No submit may run or
 * follow. */
void trivet_pool_free(struct trivet_pool *pool);

/* Never blocks. On OK done() will be called; otherwise it will not. A task with a deadline in the
 * past is DEADLINE_EXCEEDED; a full queue, or a task that could never fit, RESOURCE_EXHAUSTED. The
 * fields of results need not be set. */
enum trivet_status trivet_pool_submit(struct trivet_pool *pool, struct trivet_pool_task *task,
                                      struct trivet_error *err) TRIVET_MUST_USE;
size_t trivet_pool_queued_rows(struct trivet_pool *pool);
/* Batches computed so far, over all servables. */
uint64_t trivet_pool_batches(struct trivet_pool *pool);

#endif
