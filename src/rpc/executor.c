#include "rpc/executor.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"

#include <pthread.h>

struct trivet_executor {
    struct trivet_queue *queue;
    pthread_t *threads;
    unsigned n_threads; /* started */
};

static void *executor_main(void *arg)
{
    struct trivet_executor *executor = arg;
    struct trivet_work *work;
    while ((work = trivet_queue_pop(executor->queue, TRIVET_NEVER_NS)) != NULL) {
        work->run(work);
    }
    return NULL;
}

enum trivet_status trivet_executor_create(unsigned n_threads, size_t queue_max,
                                          struct trivet_executor **out, struct trivet_error *err)
{
    struct trivet_executor *executor = trivet_calloc(1, sizeof(*executor));
    if (executor != NULL) {
        executor->queue = trivet_queue_create(queue_max);
        executor->threads = trivet_calloc(n_threads, sizeof(*executor->threads));
    }
    if (executor == NULL || executor->queue == NULL || executor->threads == NULL) {
        trivet_executor_free(executor);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (; executor->n_threads < n_threads; executor->n_threads++) {
        pthread_t *thread = &executor->threads[executor->n_threads];
        if (pthread_create(thread, NULL, executor_main, executor) != 0) {
            trivet_executor_free(executor);
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "cannot start a control thread; raise the limit on threads");
        }
    }
    *out = executor;
    return TRIVET_OK;
}

void trivet_executor_free(struct trivet_executor *executor)
{
    if (executor == NULL) {
        return;
    }
    if (executor->queue != NULL) {
        trivet_queue_close(executor->queue);
    }
    for (unsigned i = 0; i < executor->n_threads; i++) {
        pthread_join(executor->threads[i], NULL);
    }
    trivet_queue_free(executor->queue);
    trivet_free(executor->threads);
    trivet_free(executor);
}

bool trivet_executor_submit(struct trivet_executor *executor, struct trivet_work *work)
{
    return trivet_queue_try_push(executor->queue, work);
}
