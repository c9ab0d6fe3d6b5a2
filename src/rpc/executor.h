/* Control threads: run what may wait for disk, outside of the transport's threads. */
#ifndef TRIVET_RPC_EXECUTOR_H
#define TRIVET_RPC_EXECUTOR_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

struct trivet_executor;

/* Embedded by whoever is run. */
struct trivet_work {
    void (*run)(struct trivet_work *work); /* on a control thread; may free the work */
};

enum trivet_status trivet_executor_create(unsigned n_threads, size_t queue_max,
                                          struct trivet_executor **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Runs what is queued, then joins. */
void trivet_executor_free(struct trivet_executor *executor);
/* Any thread, never blocks; false when the queue is full. */
bool trivet_executor_submit(struct trivet_executor *executor,
                            struct trivet_work *work) TRIVET_MUST_USE;

#endif
