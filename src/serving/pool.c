/* DESIGN
 *
 * Any thread submits. A task goes to the queue of its servable, in one of two lanes; the queues of
 * a lane that have tasks form a ring. A worker takes from the queue at the head of the first lane
 * that has one: tasks in order, rows up to the batch's maximum, a larger task by slices; then the
 * queue goes to the tail of its ring. So servables take turns, and batch-priority tasks come after
 * all others.
 *
 * `lock` guards the lanes, the idle list, and of a task that is queued or has several slices: all
 * result fields, rows_taken and rows_finished. A task in a single slice belongs to its worker
 * alone. done() is called without it, by the worker that finished the last rows; the task may be
 * gone then. It is the only lock here.
 *
 * An idle worker sleeps on a condition of its own and stands in the idle list, last in first out,
 * so that the warmest is woken. Who adds work takes one worker off the list and wakes it; a worker
 * that leaves work behind wakes the next. While all are busy nobody is woken: the first one free
 * takes everything that came in. */
#include "serving/pool.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "linalg/blas.h"
#include "serving/batch.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define BUCKETS          256
#define LANES            2 /* normal, batch priority */
#define WORKERS_MAX      1024
#define ARENA_BYTES_KEEP ((size_t)1 << 20)

/* Tasks of one servable in one lane; exists while it has any. */
struct queue {
    const struct trivet_servable *servable;
    size_t lane;
    size_t batch_rows_max;
    struct trivet_pool_task *head;
    struct trivet_pool_task *tail;
    struct queue *next;        /* ring of its lane, or the free list */
    struct queue *bucket_next; /* hash chain */
};

struct lane {
    struct queue *head;
    struct queue *tail;
};

struct worker {
    struct trivet_pool *pool;
    pthread_t thread;
    pthread_cond_t wake;
    bool awake;               /* lock: taken off the idle list */
    struct worker *idle_next; /* lock */
    /* The worker's own. */
    struct trivet_arena *arena;
    struct trivet_batch batch;
    struct trivet_pool_task *ended; /* to call done() of, by `next` */
    struct trivet_pool_task **ended_tail;
};

struct trivet_pool {
    struct trivet_pool_options options;
    pthread_mutex_t lock; /* all below but n_batches */
    struct lane lanes[LANES];
    struct queue *buckets[BUCKETS];
    struct queue *free_queues;
    size_t queued_rows;
    size_t queued_tasks;
    struct worker *idle;
    bool closing;
    _Atomic uint64_t n_batches;
    size_t n_started; /* workers whose thread runs; create and free only */
    struct worker workers[];
};

/* --- queues, under the lock ------------------------------------------------------------------ */

static struct queue **find_bucket(struct trivet_pool *pool, const struct trivet_servable *servable)
{
    return &pool->buckets[trivet_hash_mix64((uint64_t)(uintptr_t)servable) % BUCKETS];
}

/* NULL when out of memory. */
static struct queue *get_queue(struct trivet_pool *pool, const struct trivet_pool_task *task)
{
    struct queue **bucket = find_bucket(pool, task->servable);
    size_t lane = task->batch_priority ? 1 : 0;
    for (struct queue *queue = *bucket; queue != NULL; queue = queue->bucket_next) {
        if (queue->servable == task->servable && queue->lane == lane) {
            return queue;
        }
    }
    struct queue *queue = pool->free_queues;
    if (queue != NULL) {
        pool->free_queues = queue->next;
    } else {
        queue = trivet_malloc(sizeof(*queue));
        if (queue == NULL) {
            return NULL;
        }
    }
    *queue = (struct queue){
        .servable = task->servable,
        .lane = lane,
        .batch_rows_max = trivet_batch_rows_max(trivet_servable_pipeline(task->servable),
                                                pool->options.batch_rows_max),
        .bucket_next = *bucket,
    };
    *bucket = queue;
    return queue;
}

static void push_ring(struct trivet_pool *pool, struct queue *queue)
{
    struct lane *lane = &pool->lanes[queue->lane];
    queue->next = NULL;
    if (lane->head == NULL) {
        lane->head = queue;
    } else {
        lane->tail->next = queue;
    }
    lane->tail = queue;
}

static struct queue *pop_ring(struct trivet_pool *pool)
{
    struct lane *lane = &pool->lanes[pool->lanes[0].head != NULL ? 0 : 1];
    struct queue *queue = lane->head;
    if (queue != NULL) {
        lane->head = queue->next;
    }
    return queue;
}

/* After tasks were taken: to the end of the ring, or away. */
static void put_back(struct trivet_pool *pool, struct queue *queue)
{
    if (queue->head != NULL) {
        push_ring(pool, queue);
        return;
    }
    struct queue **link = find_bucket(pool, queue->servable);
    while (*link != queue) {
        link = &(*link)->bucket_next;
    }
    *link = queue->bucket_next;
    queue->next = pool->free_queues;
    pool->free_queues = queue;
}

static bool has_work(const struct trivet_pool *pool)
{
    return pool->lanes[0].head != NULL || pool->lanes[1].head != NULL;
}

/* A worker to be woken once the lock is free, or NULL. */
static struct worker *pick_idle(struct trivet_pool *pool)
{
    struct worker *worker = pool->idle;
    if (worker != NULL) {
        pool->idle = worker->idle_next;
        worker->awake = true;
    }
    return worker;
}

static void wake(struct worker *worker)
{
    if (worker != NULL) {
        pthread_cond_signal(&worker->wake);
    }
}

/* --- a worker's batch ------------------------------------------------------------------------ */

/* The task's last rows are done with: done() is due. Its own worker's list. */
static void append_ended(struct worker *worker, struct trivet_pool_task *task)
{
    task->next = NULL;
    *worker->ended_tail = task;
    worker->ended_tail = &task->next;
}

/* The head of the queue has all its rows taken. */
static void pop_task(struct trivet_pool *pool, struct queue *queue)
{
    queue->head = queue->head->next;
    pool->queued_tasks--;
}

/* Why a queued task is not to be computed; OK = it is. */
static enum trivet_status check_task(const struct trivet_pool *pool, struct trivet_pool_task *task,
                                     int64_t now_ns)
{
    if (task->status != TRIVET_OK) {
        /* An earlier slice failed: no need for the others. */
    } else if (pool->closing) {
        task->status =
            trivet_error_set(&task->error, TRIVET_UNAVAILABLE,
                             "the server is shutting down; try again elsewhere or later");
    } else if (task->deadline_ns <= now_ns) {
        task->status =
            trivet_error_set(&task->error, TRIVET_DEADLINE_EXCEEDED,
                             "the deadline passed while the call waited for a worker; allow more "
                             "time, or send fewer calls at once");
    }
    return task->status;
}

/* Ends the rest of the queue's first task. */
static void refuse_head(struct worker *worker, struct queue *queue, int64_t now_ns)
{
    struct trivet_pool *pool = worker->pool;
    struct trivet_pool_task *task = queue->head;
    size_t rest = task->rows.n_rows - task->rows_taken;
    pop_task(pool, queue);
    pool->queued_rows -= rest;
    if (task->rows_taken == 0) {
        task->started_ns = now_ns;
    }
    task->rows_taken += rest;
    task->rows_finished += rest;
    if (task->rows_finished == task->rows.n_rows) {
        task->finished_ns = now_ns;
        append_ended(worker, task);
    }
}

static void take_head(struct worker *worker, struct queue *queue, int64_t now_ns)
{
    struct trivet_pool *pool = worker->pool;
    struct trivet_batch *batch = &worker->batch;
    struct trivet_pool_task *task = queue->head;
    size_t rest = task->rows.n_rows - task->rows_taken;
    size_t room = queue->batch_rows_max - batch->n_rows;
    size_t count = rest < room ? rest : room;
    if (task->rows_taken == 0) {
        task->started_ns = now_ns;
    }
    batch->slices[batch->n_slices++] = (struct trivet_slice){
        .task = task,
        .first = task->rows_taken,
        .count = count,
        .whole = count == task->rows.n_rows,
    };
    batch->n_rows += count;
    pool->queued_rows -= count;
    task->rows_taken += count;
    if (count == rest) {
        pop_task(pool, queue);
    }
}

/* Under the lock: one queue's rows into the worker's batch; expired tasks are ended. */
static void take_batch(struct worker *worker)
{
    struct trivet_pool *pool = worker->pool;
    struct trivet_batch *batch = &worker->batch;
    struct queue *queue = pop_ring(pool);
    int64_t now_ns = trivet_clock_monotonic_ns();
    batch->pipeline = trivet_servable_pipeline(queue->servable);
    batch->plan = trivet_servable_plan(queue->servable);
    batch->n_slices = 0;
    batch->n_rows = 0;
    while (queue->head != NULL && batch->n_rows < queue->batch_rows_max) {
        if (check_task(pool, queue->head, now_ns) != TRIVET_OK) {
            refuse_head(worker, queue, now_ns);
        } else {
            take_head(worker, queue, now_ns);
        }
    }
    put_back(pool, queue);
}

static void fail_slice(void *ctx, struct trivet_slice *slice, const struct trivet_error *err)
{
    struct worker *worker = ctx;
    pthread_mutex_lock(&worker->pool->lock);
    if (slice->task->status == TRIVET_OK) {
        slice->task->status = err->status;
        slice->task->error = *err;
    }
    pthread_mutex_unlock(&worker->pool->lock);
}

/* Results of a computed slice. Under the lock unless the slice is whole. */
static void finish_slice(struct worker *worker, const struct trivet_slice *slice, bool leads,
                         int64_t now_ns)
{
    const struct trivet_batch *batch = &worker->batch;
    struct trivet_pool_task *task = slice->task;
    task->compute_ns += batch->compute_ns;
    task->leads_batches += leads;
    if (task->batch_rows < batch->n_rows) {
        task->batch_rows = batch->n_rows;
    }
    task->rows_finished += slice->count;
    if (task->rows_finished == task->rows.n_rows) {
        task->finished_ns = now_ns;
        append_ended(worker, task);
    }
}

static void compute_batch(struct worker *worker)
{
    struct trivet_pool *pool = worker->pool;
    struct trivet_batch *batch = &worker->batch;
    if (batch->n_slices == 0) {
        return; /* all were refused */
    }
    trivet_batch_run(batch, worker->arena, fail_slice, worker);
    atomic_fetch_add_explicit(&pool->n_batches, 1, memory_order_relaxed);
    if (batch->status == TRIVET_OK && batch->as_planned) {
        trivet_servable_learn(batch->slices[0].task->servable, batch->n_rows,
                              (double)batch->compute_ns);
    }
    int64_t now_ns = trivet_clock_monotonic_ns();
    for (size_t i = 0; i < batch->n_slices; i++) {
        const struct trivet_slice *slice = &batch->slices[i];
        if (slice->whole) {
            finish_slice(worker, slice, i == 0, now_ns);
            continue;
        }
        pthread_mutex_lock(&pool->lock);
        finish_slice(worker, slice, i == 0, now_ns);
        pthread_mutex_unlock(&pool->lock);
    }
}

/* No lock held; a task may be freed by its done(). */
static void call_done(struct worker *worker)
{
    struct trivet_pool_task *task = worker->ended;
    while (task != NULL) {
        struct trivet_pool_task *next = task->next;
        task->done(task);
        task = next;
    }
    worker->ended = NULL;
    worker->ended_tail = &worker->ended;
}

/* Under the lock; false when it is time to end: closing, and nothing left. */
static bool wait_for_work(struct worker *worker)
{
    struct trivet_pool *pool = worker->pool;
    while (!has_work(pool)) {
        if (pool->closing) {
            return false;
        }
        worker->awake = false;
        worker->idle_next = pool->idle;
        pool->idle = worker;
        while (!worker->awake) {
            pthread_cond_wait(&worker->wake, &pool->lock);
        }
    }
    return true;
}

static void *run_worker(void *arg)
{
    struct worker *worker = arg;
    struct trivet_pool *pool = worker->pool;
    pthread_setname_np(pthread_self(), "trivet-worker");
    for (;;) {
        pthread_mutex_lock(&pool->lock);
        if (!wait_for_work(worker)) {
            pthread_mutex_unlock(&pool->lock);
            return NULL;
        }
        take_batch(worker);
        struct worker *next = has_work(pool) ? pick_idle(pool) : NULL;
        pthread_mutex_unlock(&pool->lock);
        wake(next);
        compute_batch(worker);
        call_done(worker);
    }
}

/* --- the face -------------------------------------------------------------------------------- */

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the worker pool");
}

static enum trivet_status check_options(const struct trivet_pool_options *options,
                                        struct trivet_error *err)
{
    if (options->n_workers == 0 || options->n_workers > WORKERS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the pool needs 1 to %d workers, not %u", WORKERS_MAX,
                                options->n_workers);
    }
    if (options->batch_rows_max == 0 || options->queue_rows_max == 0 ||
        options->queue_tasks_max == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "rows per batch, queued rows and queued tasks must be at least 1");
    }
    return TRIVET_OK;
}

static enum trivet_status start_worker(struct trivet_pool *pool, struct worker *worker,
                                       struct trivet_error *err)
{
    worker->pool = pool;
    worker->ended_tail = &worker->ended;
    worker->arena = trivet_arena_create(TRIVET_BATCH_SCRATCH_BYTES_MAX, ARENA_BYTES_KEEP);
    worker->batch.slices =
        trivet_alloc_array(pool->options.batch_rows_max, sizeof(*worker->batch.slices));
    pthread_cond_init(&worker->wake, NULL);
    enum trivet_status status = TRIVET_OK;
    if (worker->arena == NULL || worker->batch.slices == NULL) {
        status = out_of_memory(err);
    } else if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "cannot start a worker thread; raise the limit of processes");
    }
    if (status != TRIVET_OK) {
        pthread_cond_destroy(&worker->wake);
        trivet_arena_free(worker->arena);
        trivet_free(worker->batch.slices);
    }
    return status;
}

enum trivet_status trivet_pool_create(const struct trivet_pool_options *options,
                                      struct trivet_pool **out, struct trivet_error *err)
{
    enum trivet_status status = check_options(options, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_pool *pool =
        trivet_calloc(1, sizeof(*pool) + options->n_workers * sizeof(pool->workers[0]));
    if (pool == NULL) {
        return out_of_memory(err);
    }
    pool->options = *options;
    pthread_mutex_init(&pool->lock, NULL);
    trivet_blas_init();
    for (; status == TRIVET_OK && pool->n_started < options->n_workers; pool->n_started++) {
        status = start_worker(pool, &pool->workers[pool->n_started], err);
        if (status != TRIVET_OK) {
            break;
        }
    }
    if (status != TRIVET_OK) {
        trivet_pool_free(pool);
        return status;
    }
    *out = pool;
    return TRIVET_OK;
}

void trivet_pool_free(struct trivet_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    struct worker *worker;
    while ((worker = pick_idle(pool)) != NULL) {
        wake(worker);
    }
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->n_started; i++) {
        worker = &pool->workers[i];
        pthread_join(worker->thread, NULL);
        pthread_cond_destroy(&worker->wake);
        trivet_arena_free(worker->arena);
        trivet_free(worker->batch.slices);
    }
    while (pool->free_queues != NULL) {
        struct queue *queue = pool->free_queues;
        pool->free_queues = queue->next;
        trivet_free(queue);
    }
    pthread_mutex_destroy(&pool->lock);
    trivet_free(pool);
}

static void init_results(struct trivet_pool_task *task)
{
    task->status = TRIVET_OK;
    task->error.status = TRIVET_OK;
    task->error.message[0] = '\0';
    task->error.n_violations = 0;
    task->started_ns = 0;
    task->finished_ns = 0;
    task->compute_ns = 0;
    task->batch_rows = 0;
    task->leads_batches = 0;
    task->next = NULL;
    task->rows_taken = 0;
    task->rows_finished = 0;
}

/* Under the lock. */
static enum trivet_status enqueue(struct trivet_pool *pool, struct trivet_pool_task *task,
                                  struct trivet_error *err)
{
    size_t n_rows = task->rows.n_rows;
    if (pool->queued_tasks >= pool->options.queue_tasks_max ||
        pool->queued_rows + n_rows > pool->options.queue_rows_max) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "the prediction queue is full (%zu calls with %zu rows wait, at "
                                "most %zu and %zu may); try again, more slowly",
                                pool->queued_tasks, pool->queued_rows,
                                pool->options.queue_tasks_max, pool->options.queue_rows_max);
    }
    struct queue *queue = get_queue(pool, task);
    if (queue == NULL) {
        return out_of_memory(err);
    }
    if (queue->head == NULL) {
        queue->head = task;
        push_ring(pool, queue);
    } else {
        queue->tail->next = task;
    }
    queue->tail = task;
    pool->queued_rows += n_rows;
    pool->queued_tasks++;
    return TRIVET_OK;
}

enum trivet_status trivet_pool_submit(struct trivet_pool *pool, struct trivet_pool_task *task,
                                      struct trivet_error *err)
{
    assert(task->rows.n_rows > 0 && task->done != NULL);
    if (task->rows.n_rows > pool->options.queue_rows_max) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "%zu rows in one call, but the server queues at most %zu; send "
                                "fewer rows per call",
                                task->rows.n_rows, pool->options.queue_rows_max);
    }
    if (task->deadline_ns != TRIVET_NEVER_NS && task->deadline_ns <= trivet_clock_monotonic_ns()) {
        return trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                "the deadline had passed before the call was queued; allow more "
                                "time");
    }
    init_results(task);
    struct worker *worker = NULL;
    pthread_mutex_lock(&pool->lock);
    enum trivet_status status = enqueue(pool, task, err);
    if (status == TRIVET_OK) {
        worker = pick_idle(pool);
    }
    pthread_mutex_unlock(&pool->lock);
    wake(worker);
    return status;
}

size_t trivet_pool_queued_rows(struct trivet_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t n_rows = pool->queued_rows;
    pthread_mutex_unlock(&pool->lock);
    return n_rows;
}

uint64_t trivet_pool_batches(struct trivet_pool *pool)
{
    return atomic_load_explicit(&pool->n_batches, memory_order_relaxed);
}
