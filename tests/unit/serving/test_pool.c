/* The pool against the pipeline without it: random mixes of tasks, from several threads. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define TASKS_OF_THREAD 4000
#else
#define TASKS_OF_THREAD 30000
#endif
#define THREADS     4
#define SERVABLES   4
#define SOURCE_ROWS 6000
#define BATCH_ROWS  64

static struct trivet_pool *new_pool(unsigned n_workers, size_t batch_rows, size_t queue_rows,
                                    size_t queue_tasks)
{
    struct trivet_pool_options options = {.n_workers = n_workers,
                                          .batch_rows_max = batch_rows,
                                          .queue_rows_max = queue_rows,
                                          .queue_tasks_max = queue_tasks};
    struct trivet_pool *pool = NULL;
    struct trivet_error err;
    assert_int_equal(trivet_pool_create(&options, &pool, &err), TRIVET_OK);
    return pool;
}

/* --- the property: as the pipeline says ------------------------------------------------------ */

struct world {
    struct trivet_pool *pool;
    struct trivet_servable *servables[SERVABLES];
    struct fixture_rows rows[SERVABLES];
    atomic_size_t n_done;
    atomic_size_t n_ok;
    atomic_size_t n_expired;
    atomic_size_t n_wrong;
    atomic_size_t n_leads;
};

/* A task with all it needs, freed in done(). */
struct job {
    struct trivet_pool_task task; /* first: done() gets its address */
    struct world *world;
    size_t which;
    size_t first;
    atomic_int n_done;
    struct trivet_column *columns;
};

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-12 * (1 + fabs(b));
}

static bool as_expected(const struct job *job)
{
    const struct trivet_pool_task *task = &job->task;
    const struct fixture_rows *rows = &job->world->rows[job->which];
    bool good = task->started_ns >= task->arrival_ns && task->finished_ns >= task->started_ns &&
                task->compute_ns >= 0 && task->batch_rows >= 1 && task->batch_rows <= BATCH_ROWS;
    for (size_t i = 0; i < task->rows.n_rows; i++) {
        good = good && same(task->outputs[i], rows->outputs[job->first + i]) &&
               task->row_status[i].fault == rows->faults_out[job->first + i].fault;
    }
    return good;
}

static void on_done(struct trivet_pool_task *task)
{
    struct job *job = (struct job *)task;
    struct world *world = job->world;
    bool good = atomic_fetch_add(&job->n_done, 1) == 0;
    if (task->status == TRIVET_OK) {
        good = good && as_expected(job);
        atomic_fetch_add(&world->n_ok, 1);
    } else {
        good = good && task->status == TRIVET_DEADLINE_EXCEEDED &&
               task->error.status == TRIVET_DEADLINE_EXCEEDED && task->error.message[0] != '\0';
        atomic_fetch_add(&world->n_expired, 1);
    }
    atomic_fetch_add(&world->n_wrong, !good);
    atomic_fetch_add(&world->n_leads, task->leads_batches);
    free(task->outputs);
    free(task->row_status);
    free(job->columns);
    memset(job, 0xa5, sizeof(*job));
    free(job);
    atomic_fetch_add(&world->n_done, 1);
}

static size_t pick_rows(struct trivet_rng *rng)
{
    uint64_t kind = trivet_rng_below(rng, 100);
    if (kind < 80) {
        return 1;
    }
    return 1 + (size_t)trivet_rng_below(rng, kind < 99 ? 20 : 1000);
}

static struct job *make_job(struct world *world, struct trivet_rng *rng)
{
    struct job *job = calloc(1, sizeof(*job));
    job->world = world;
    job->which = (size_t)trivet_rng_below(rng, SERVABLES);
    const struct fixture_rows *rows = &world->rows[job->which];
    size_t n_rows = pick_rows(rng);
    job->first = (size_t)trivet_rng_below(rng, SOURCE_ROWS - n_rows);
    job->columns = calloc(rows->table.n_columns, sizeof(*job->columns));
    struct trivet_pool_task *task = &job->task;
    memset(task, 0x5a, sizeof(*task)); /* results need not be set */
    task->matrix = NULL;
    task->servable = world->servables[job->which];
    task->rows = trivet_table_slice(&rows->table, job->first, n_rows, job->columns);
    task->row_status = malloc(n_rows * sizeof(*task->row_status));
    memcpy(task->row_status, rows->faults_in + job->first, n_rows * sizeof(*task->row_status));
    task->outputs = malloc(n_rows * sizeof(*task->outputs));
    task->arrival_ns = trivet_clock_monotonic_ns();
    uint64_t kind = trivet_rng_below(rng, 100);
    task->deadline_ns = kind < 2   ? task->arrival_ns - 1
                        : kind < 6 ? task->arrival_ns + (int64_t)trivet_rng_below(rng, 100000)
                                   : TRIVET_NEVER_NS;
    task->batch_priority = trivet_rng_below(rng, 10) == 0;
    task->done = on_done;
    return job;
}

static void *submit_many(void *arg)
{
    struct world *world = arg;
    struct trivet_rng rng;
    static atomic_uint seed = 1;
    trivet_rng_seed(&rng, atomic_fetch_add(&seed, 1));
    for (size_t i = 0; i < TASKS_OF_THREAD; i++) {
        struct job *job = make_job(world, &rng);
        struct trivet_error err;
        enum trivet_status status = trivet_pool_submit(world->pool, &job->task, &err);
        while (status == TRIVET_RESOURCE_EXHAUSTED) {
            usleep(100);
            status = trivet_pool_submit(world->pool, &job->task, &err);
        }
        if (status != TRIVET_OK) { /* not submitted: counted here, done() is not called */
            job->task.status = status;
            job->task.error = err;
            job->task.leads_batches = 0;
            on_done(&job->task);
        }
    }
    return NULL;
}

/* The mix has what it should: rows of every kind. */
static void check_mix(const struct world *world)
{
    bool seen[TRIVET_ROW_OVERFLOW + 1] = {false};
    for (size_t i = 0; i < SERVABLES; i++) {
        for (size_t row = 0; row < SOURCE_ROWS; row++) {
            seen[world->rows[i].faults_out[row].fault] = true;
        }
    }
    assert_true(seen[TRIVET_ROW_FINE] && seen[TRIVET_ROW_NAN] && seen[TRIVET_ROW_MISSING] &&
                seen[TRIVET_ROW_OVERFLOW]);
}

static void run_world(unsigned n_workers)
{
    static struct world world;
    memset(&world, 0, sizeof(world));
    static const size_t widths[SERVABLES] = {3, 16, 1, 40};
    for (size_t i = 0; i < SERVABLES; i++) {
        world.servables[i] = fixture_servable("houses", i + 1, widths[i], 11 + i, i % 2 == 0);
        fixture_rows_make(&world.rows[i], world.servables[i], SOURCE_ROWS, 90 + i);
    }
    check_mix(&world);
    world.pool = new_pool(n_workers, BATCH_ROWS, 20000, 5000);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, submit_many, &world), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    while (atomic_load(&world.n_done) < (size_t)THREADS * TASKS_OF_THREAD) {
        usleep(1000);
    }
    usleep(2000); /* a task done twice would show */
    assert_int_equal(atomic_load(&world.n_done), THREADS * TASKS_OF_THREAD);
    assert_int_equal(atomic_load(&world.n_wrong), 0);
    assert_true(atomic_load(&world.n_expired) > 0);
    assert_true(atomic_load(&world.n_ok) > (size_t)THREADS * TASKS_OF_THREAD * 9 / 10);
    assert_int_equal(trivet_pool_queued_rows(world.pool), 0);
    assert_int_equal(atomic_load(&world.n_leads), trivet_pool_batches(world.pool));
    trivet_pool_free(world.pool);
    for (size_t i = 0; i < SERVABLES; i++) {
        fixture_rows_release(&world.rows[i]);
        trivet_servable_unref(world.servables[i]);
    }
}

static void test_as_the_pipeline_says(void **state)
{
    (void)state;
    run_world(3);
}

static void test_one_worker(void **state)
{
    (void)state;
    run_world(1);
}

/* --- single properties ----------------------------------------------------------------------- */

/* A pool of one worker that stands in done() until it is let go, so that what is queued meanwhile
 * is known. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool entered;
    bool open;
    size_t n_done;
    int order[64]; /* ids in the order of done() */
};

struct simple {
    struct trivet_pool_task task;
    struct gate *gate;
    int id;
    double outputs[300];
    struct trivet_row_status faults[300];
};

static void note_done(struct trivet_pool_task *task)
{
    struct simple *simple = (struct simple *)task;
    struct gate *gate = simple->gate;
    pthread_mutex_lock(&gate->lock);
    gate->order[gate->n_done++] = simple->id;
    pthread_cond_broadcast(&gate->cond);
    pthread_mutex_unlock(&gate->lock);
}

static void hold_worker(struct trivet_pool_task *task)
{
    struct gate *gate = ((struct simple *)task)->gate;
    pthread_mutex_lock(&gate->lock);
    gate->entered = true;
    pthread_cond_broadcast(&gate->cond);
    while (!gate->open) {
        pthread_cond_wait(&gate->cond, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate, size_t n_done)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->cond);
    while (gate->n_done < n_done) {
        pthread_cond_wait(&gate->cond, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

static struct simple *new_simple(struct gate *gate, int id, struct trivet_servable *servable,
                                 const struct fixture_rows *rows, size_t n_rows)
{
    struct simple *simple = calloc(1, sizeof(*simple));
    simple->gate = gate;
    simple->id = id;
    simple->task.servable = servable;
    simple->task.rows = rows->table;
    simple->task.rows.n_rows = n_rows;
    simple->task.outputs = simple->outputs;
    simple->task.row_status = simple->faults;
    memcpy(simple->faults, rows->faults_in, n_rows * sizeof(simple->faults[0]));
    simple->task.arrival_ns = trivet_clock_monotonic_ns();
    simple->task.deadline_ns = TRIVET_NEVER_NS;
    simple->task.done = note_done;
    return simple;
}

static void submit(struct trivet_pool *pool, struct simple *simple)
{
    struct trivet_error err;
    assert_int_equal(trivet_pool_submit(pool, &simple->task, &err), TRIVET_OK);
}

struct stage {
    struct trivet_pool *pool;
    struct trivet_servable *a;
    struct trivet_servable *b;
    struct fixture_rows rows; /* for both */
    struct gate gate;
    struct simple *holder;
};

/* One worker, held. */
static void set_stage(struct stage *stage, size_t batch_rows, size_t queue_rows, size_t queue_tasks)
{
    memset(stage, 0, sizeof(*stage));
    pthread_mutex_init(&stage->gate.lock, NULL);
    pthread_cond_init(&stage->gate.cond, NULL);
    stage->a = fixture_servable("a", 1, 3, 1, true);
    stage->b = fixture_servable("b", 1, 3, 2, true);
    fixture_rows_make(&stage->rows, stage->a, 300, 5);
    stage->pool = new_pool(1, batch_rows, queue_rows, queue_tasks);
    stage->holder = new_simple(&stage->gate, 0, stage->a, &stage->rows, 1);
    stage->holder->task.done = hold_worker;
    submit(stage->pool, stage->holder);
    pthread_mutex_lock(&stage->gate.lock);
    while (!stage->gate.entered) {
        pthread_cond_wait(&stage->gate.cond, &stage->gate.lock);
    }
    pthread_mutex_unlock(&stage->gate.lock);
}

static void clear_stage(struct stage *stage)
{
    trivet_pool_free(stage->pool);
    fixture_rows_release(&stage->rows);
    trivet_servable_unref(stage->a);
    trivet_servable_unref(stage->b);
    free(stage->holder);
    pthread_cond_destroy(&stage->gate.cond);
    pthread_mutex_destroy(&stage->gate.lock);
}

/* All that came in while the worker was busy is one batch. */
static void test_takes_all_that_waits(void **state)
{
    (void)state;
    struct stage stage;
    struct simple *tasks[8];
    set_stage(&stage, 100, 1000, 1000);
    for (int i = 0; i < 8; i++) {
        tasks[i] = new_simple(&stage.gate, i + 1, stage.a, &stage.rows, 5);
        submit(stage.pool, tasks[i]);
    }
    assert_int_equal(trivet_pool_queued_rows(stage.pool), 40);
    open_gate(&stage.gate, 8);
    assert_int_equal(trivet_pool_batches(stage.pool), 2);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(stage.gate.order[i], i + 1);
        assert_int_equal(tasks[i]->task.batch_rows, 40);
        assert_int_equal(tasks[i]->task.leads_batches, i == 0);
        free(tasks[i]);
    }
    clear_stage(&stage);
}

/* Servables take turns, tasks of one keep their order, batch priority comes last. */
static void test_order(void **state)
{
    (void)state;
    struct stage stage;
    struct simple *tasks[6];
    set_stage(&stage, 10, 1000, 1000);
    for (int i = 0; i < 6; i++) {
        /* 1: batch a, 2 3 4: a, 5 6: b; 10 rows each, one batch each */
        tasks[i] = new_simple(&stage.gate, i + 1, i < 4 ? stage.a : stage.b, &stage.rows, 10);
        tasks[i]->task.batch_priority = i == 0;
        submit(stage.pool, tasks[i]);
    }
    open_gate(&stage.gate, 6);
    static const int expected[] = {2, 5, 3, 6, 4, 1};
    assert_memory_equal(stage.gate.order, expected, sizeof(expected));
    for (int i = 0; i < 6; i++) {
        free(tasks[i]);
    }
    clear_stage(&stage);
}

static void test_slices(void **state)
{
    (void)state;
    struct stage stage;
    set_stage(&stage, 64, 1000, 1000);
    struct simple *large = new_simple(&stage.gate, 1, stage.a, &stage.rows, 300);
    struct simple *small = new_simple(&stage.gate, 2, stage.a, &stage.rows, 3);
    submit(stage.pool, large);
    submit(stage.pool, small);
    open_gate(&stage.gate, 2);
    assert_int_equal(trivet_pool_batches(stage.pool), 6); /* the holder, 4 × 64, 44 + 3 */
    assert_int_equal(large->task.leads_batches, 5);
    assert_int_equal(small->task.leads_batches, 0);
    assert_int_equal(small->task.batch_rows, 47);
    for (size_t i = 0; i < 300; i++) {
        assert_true(same(large->outputs[i], stage.rows.outputs[i]));
    }
    free(large);
    free(small);
    clear_stage(&stage);
}

static void test_deadlines(void **state)
{
    (void)state;
    struct stage stage;
    struct trivet_error err;
    set_stage(&stage, 64, 1000, 1000);
    struct simple *past = new_simple(&stage.gate, 1, stage.a, &stage.rows, 1);
    past->task.deadline_ns = trivet_clock_monotonic_ns() - 1;
    assert_int_equal(trivet_pool_submit(stage.pool, &past->task, &err), TRIVET_DEADLINE_EXCEEDED);
    /* Soon, but not before it is submitted. */
    int64_t soon_ns = TRIVET_NS_PER_MS;
    enum trivet_status status = TRIVET_DEADLINE_EXCEEDED;
    for (; status == TRIVET_DEADLINE_EXCEEDED && soon_ns < TRIVET_NS_PER_S * 10; soon_ns *= 2) {
        past->task.deadline_ns = trivet_clock_monotonic_ns() + soon_ns;
        status = trivet_pool_submit(stage.pool, &past->task, &err);
    }
    assert_int_equal(status, TRIVET_OK);
    const int64_t deadline_ns = past->task.deadline_ns;
    struct simple *fine = new_simple(&stage.gate, 2, stage.a, &stage.rows, 1);
    fine->task.deadline_ns = trivet_clock_monotonic_ns() + 60 * TRIVET_NS_PER_S;
    submit(stage.pool, fine);
    while (trivet_clock_monotonic_ns() <= deadline_ns) {
        usleep(1000);
    }
    open_gate(&stage.gate, 2);
    assert_int_equal(past->task.status, TRIVET_DEADLINE_EXCEEDED);
    assert_int_equal(past->task.compute_ns, 0);
    assert_int_equal(fine->task.status, TRIVET_OK);
    assert_int_equal(fine->task.batch_rows, 1);
    free(past);
    free(fine);
    clear_stage(&stage);
}

static void test_full(void **state)
{
    (void)state;
    struct stage stage;
    struct trivet_error err;
    set_stage(&stage, 64, 100, 3);
    struct simple *tasks[3];
    for (int i = 0; i < 3; i++) {
        tasks[i] = new_simple(&stage.gate, i, stage.a, &stage.rows, 33);
        submit(stage.pool, tasks[i]);
    }
    struct simple *more = new_simple(&stage.gate, 9, stage.b, &stage.rows, 1);
    assert_int_equal(trivet_pool_submit(stage.pool, &more->task, &err), TRIVET_RESOURCE_EXHAUSTED);
    more->task.rows.n_rows = 101;
    assert_int_equal(trivet_pool_submit(stage.pool, &more->task, &err), TRIVET_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "fewer rows"));
    open_gate(&stage.gate, 3);
    more->task.rows.n_rows = 100;
    submit(stage.pool, more);
    open_gate(&stage.gate, 4);
    assert_int_equal(more->task.status, TRIVET_OK);
    for (int i = 0; i < 3; i++) {
        free(tasks[i]);
    }
    free(more);
    clear_stage(&stage);
}

struct opener {
    struct gate *gate;
    unsigned after_us;
};

static void *open_later(void *arg)
{
    struct opener *opener = arg;
    usleep(opener->after_us);
    open_gate(opener->gate, 0);
    return NULL;
}

/* Freed while its worker is held, for so long. False: the worker was let go before. */
static bool free_while_busy(unsigned held_us)
{
    struct stage stage;
    struct simple *tasks[20];
    size_t n_ok = 0;
    set_stage(&stage, 4, 1000, 1000);
    for (int i = 0; i < 20; i++) {
        tasks[i] = new_simple(&stage.gate, i, i % 2 == 0 ? stage.a : stage.b, &stage.rows, 7);
        tasks[i]->task.batch_priority = i % 3 == 0;
        submit(stage.pool, tasks[i]);
    }
    struct opener opener = {.gate = &stage.gate, .after_us = held_us};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, open_later, &opener), 0);
    trivet_pool_free(stage.pool);
    stage.pool = NULL;
    pthread_join(thread, NULL);
    assert_int_equal(stage.gate.n_done, 20);
    assert_int_equal(stage.holder->task.status, TRIVET_OK);
    for (int i = 0; i < 20; i++) {
        n_ok += tasks[i]->task.status == TRIVET_OK;
        assert_true(tasks[i]->task.status == TRIVET_OK ||
                    tasks[i]->task.status == TRIVET_UNAVAILABLE);
        free(tasks[i]);
    }
    clear_stage(&stage);
    return n_ok == 0;
}

/* What runs ends well, what waits ends with UNAVAILABLE, nothing is lost. */
static void test_free_while_busy(void **state)
{
    (void)state;
    unsigned held_us = 50000;
    while (!free_while_busy(held_us)) {
        held_us *= 2;
        assert_true(held_us < 5000000);
    }
}

/* A task that the model cannot take fails alone. */
static void test_a_failing_task_fails_alone(void **state)
{
    (void)state;
    struct stage stage;
    set_stage(&stage, 64, 1000, 1000);
    struct simple *good = new_simple(&stage.gate, 1, stage.a, &stage.rows, 5);
    struct simple *bad = new_simple(&stage.gate, 2, stage.a, &stage.rows, 200);
    struct simple *after = new_simple(&stage.gate, 3, stage.a, &stage.rows, 5);
    bad->task.rows.n_columns = 2;
    submit(stage.pool, good);
    submit(stage.pool, bad);
    submit(stage.pool, after);
    open_gate(&stage.gate, 3);
    assert_int_equal(bad->task.status, TRIVET_INVALID_ARGUMENT);
    assert_int_equal(good->task.status, TRIVET_OK);
    assert_int_equal(after->task.status, TRIVET_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_true(same(good->outputs[i], stage.rows.outputs[i]));
        assert_true(same(after->outputs[i], stage.rows.outputs[i]));
    }
    free(good);
    free(bad);
    free(after);
    clear_stage(&stage);
}

static void test_create_refused(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_pool *pool = NULL;
    struct trivet_pool_options options = {0, 64, 64, 64};
    assert_int_equal(trivet_pool_create(&options, &pool, &err), TRIVET_INVALID_ARGUMENT);
    options.n_workers = 2;
    options.batch_rows_max = 0;
    assert_int_equal(trivet_pool_create(&options, &pool, &err), TRIVET_INVALID_ARGUMENT);
    options.batch_rows_max = 64;
    for (uint64_t k = 1;; k++) {
        (void)trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_pool_create(&options, &pool, &err);
        (void)trivet_alloc_fail_at(0);
        if (status == TRIVET_OK) {
            assert_true(k > 4);
            break;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
        assert_null(pool);
    }
    trivet_pool_free(pool);
    trivet_pool_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_the_pipeline_says),
        cmocka_unit_test(test_one_worker),
        cmocka_unit_test(test_takes_all_that_waits),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_free_while_busy),
        cmocka_unit_test(test_a_failing_task_fails_alone),
        cmocka_unit_test(test_create_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
