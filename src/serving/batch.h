/* One batch of a worker: slices of tasks for one servable, predicted together. May be used by:
 * serving. */
#ifndef TRIVET_SERVING_BATCH_H
#define TRIVET_SERVING_BATCH_H

#include "base/arena.h"
#include "base/compiler.h"
#include "serving/pool.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of features and outputs together: bounds the rows of a batch of a wide model. */
#define TRIVET_BATCH_BYTES_MAX ((size_t)32 << 20)
/* Of all scratch of a batch; a single row that needs more cannot be predicted. */
#define TRIVET_BATCH_SCRATCH_BYTES_MAX ((size_t)256 << 20)

/* Rows [first, first + count) of a task. */
struct trivet_slice {
    struct trivet_pool_task *task;
    size_t first;
    size_t count;
    bool whole; /* the task is in no other slice: nobody else touches it until done() */
    bool failed;
};

struct trivet_batch {
    const struct trivet_pipeline *pipeline;
    const struct trivet_plan *plan; /* the pipeline's, or NULL */
    struct trivet_slice *slices;    /* room for `slices_max`, owned by the worker */
    size_t n_slices;
    size_t n_rows;
    /* Results. */
    enum trivet_status status; /* of the estimate: fails every slice */
    struct trivet_error error;
    int64_t compute_ns;
    bool as_planned; /* every row by the plan, or there is none */
};

/* Rows of a batch of this pipeline, at least 1. */
size_t trivet_batch_rows_max(const struct trivet_pipeline *pipeline, size_t rows_max);
/* Predict: transforms each slice into one matrix, estimates once, hands out outputs and row faults.
 * A slice whose transform fails is marked, with its reason in `fail`, and the others go on; scratch
 * is in `arena`, reset first. On a worker, no lock held. `fail` is called with the slice's task. */
void trivet_batch_run(struct trivet_batch *batch, struct trivet_arena *arena,
                      void (*fail)(void *ctx, struct trivet_slice *slice,
                                   const struct trivet_error *err),
                      void *ctx);

#endif
