/* Bounded queue of pointers between threads: many producers, many consumers, FIFO. */
#ifndef TRIVET_BASE_QUEUE_H
#define TRIVET_BASE_QUEUE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_queue;

/* A queue of at most `count_max` items. NULL when out of memory. Items are borrowed. */
struct trivet_queue *trivet_queue_create(size_t count_max);
/* No thread may be waiting in it. */
void trivet_queue_free(struct trivet_queue *queue);

/* False at once when full or closed. */
bool trivet_queue_try_push(struct trivet_queue *queue, void *item) TRIVET_MUST_USE;
/* Waits for an item until `deadline_ns` (monotonic); NULL on time-out, or when closed and empty. A
 * deadline in the past polls. */
void *trivet_queue_pop(struct trivet_queue *queue, int64_t deadline_ns);
/* Refuse pushes, wake all waiters; items already in can still be popped. */
void trivet_queue_close(struct trivet_queue *queue);

#endif
