/* DESIGN: a ring under one mutex. Consumers wait on `items`, which runs on the monotonic clock, as
 * the deadlines do. Any thread may call anything but free. */
#include "base/queue.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <pthread.h>

struct trivet_queue {
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t items;
    bool closed;
    size_t count;
    size_t head;
    size_t count_max;
    void **ring;
};

static bool init_sync(struct trivet_queue *queue)
{
    pthread_condattr_t monotonic;
    if (pthread_mutex_init(&queue->lock, NULL) != 0) {
        return false;
    }
    if (pthread_condattr_init(&monotonic) != 0) {
        goto no_attributes;
    }
    bool clocked = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0;
    if (!clocked || pthread_cond_init(&queue->items, &monotonic) != 0) {
        goto no_items;
    }
    (void)pthread_condattr_destroy(&monotonic);
    return true;

no_items:
    (void)pthread_condattr_destroy(&monotonic);
no_attributes:
    (void)pthread_mutex_destroy(&queue->lock);
    return false;
}

struct trivet_queue *trivet_queue_create(size_t count_max)
{
    struct trivet_queue *queue = trivet_calloc(1, sizeof(*queue));
    if (!queue) {
        return NULL;
    }
    queue->count_max = count_max;
    queue->ring = trivet_alloc_array(count_max, sizeof(*queue->ring));
    if (!queue->ring || !init_sync(queue)) {
        trivet_free(queue->ring);
        trivet_free(queue);
        return NULL;
    }
    return queue;
}

void trivet_queue_free(struct trivet_queue *queue)
{
    if (queue) {
        (void)pthread_cond_destroy(&queue->items);
        (void)pthread_mutex_destroy(&queue->lock);
        trivet_free(queue->ring);
        trivet_free(queue);
    }
}

/* False when the deadline has passed. With the lock held. */
static bool wait_until(struct trivet_queue *queue, pthread_cond_t *condition, int64_t deadline_ns)
{
    if (deadline_ns == TRIVET_NEVER_NS) {
        (void)pthread_cond_wait(condition, &queue->lock);
        return true;
    }
    struct timespec until = trivet_clock_timespec(deadline_ns);
    return pthread_cond_timedwait(condition, &queue->lock, &until) == 0;
}

static bool put(struct trivet_queue *queue, void *item)
{
    if (queue->closed || queue->count == queue->count_max) {
        return false;
    }
    queue->ring[(queue->head + queue->count) % queue->count_max] = item;
    queue->count++;
    (void)pthread_cond_signal(&queue->items);
    return true;
}

bool trivet_queue_try_push(struct trivet_queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool pushed = put(queue, item);
    (void)pthread_mutex_unlock(&queue->lock);
    return pushed;
}

void *trivet_queue_pop(struct trivet_queue *queue, int64_t deadline_ns)
{
    void *item = NULL;
    (void)pthread_mutex_lock(&queue->lock);
    while (!queue->closed && queue->count == 0 && wait_until(queue, &queue->items, deadline_ns)) {
    }
    if (queue->count > 0) {
        item = queue->ring[queue->head];
        queue->head = (queue->head + 1) % queue->count_max;
        queue->count--;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return item;
}

void trivet_queue_close(struct trivet_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->items);
    (void)pthread_mutex_unlock(&queue->lock);
}
