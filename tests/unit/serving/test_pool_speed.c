/* How fast the pool is, for whoever changes it: calls of one row and of many, from one and from
 * several threads, with a bounded number in flight each. Numbers are printed; what is asserted is
 * that every call ends well: how fast a busy machine is says nothing. */
#include "fixture.h"

#include "base/clock.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS     16
#define WINDOW_MAX  256
#define ROWS_MAX    1024
#define SUBMITTERS  2
#define DURATION_NS (300 * TRIVET_NS_PER_MS)

struct submitter;

struct slot {
    struct trivet_pool_task task; /* first: done() gets its address */
    struct submitter *submitter;
    atomic_bool free;
    double *outputs;
    struct trivet_row_status *faults;
};

struct submitter {
    struct trivet_pool *pool;
    struct trivet_servable *servable;
    const struct fixture_rows *rows;
    size_t window;
    size_t n_rows;
    sem_t n_free;
    struct slot slots[WINDOW_MAX];
    uint64_t n_calls;
    atomic_uint_fast64_t n_bad;
};

static void on_done(struct trivet_pool_task *task)
{
    struct slot *slot = (struct slot *)task;
    atomic_fetch_add(&slot->submitter->n_bad, task->status != TRIVET_OK);
    atomic_store_explicit(&slot->free, true, memory_order_release);
    sem_post(&slot->submitter->n_free);
}

static void submit_slot(struct submitter *submitter, struct slot *slot)
{
    struct trivet_error err;
    for (size_t i = 0; i < submitter->n_rows; i++) {
        slot->faults[i] = (struct trivet_row_status){TRIVET_ROW_FINE, 0};
    }
    slot->task.arrival_ns = trivet_clock_monotonic_ns();
    atomic_store_explicit(&slot->free, false, memory_order_relaxed);
    if (trivet_pool_submit(submitter->pool, &slot->task, &err) != TRIVET_OK) {
        abort(); /* the queue is larger than all windows */
    }
}

static void init_slot(struct submitter *submitter, struct slot *slot)
{
    slot->submitter = submitter;
    slot->outputs = calloc(submitter->n_rows, sizeof(*slot->outputs));
    slot->faults = calloc(submitter->n_rows, sizeof(*slot->faults));
    slot->task.servable = submitter->servable;
    slot->task.rows = submitter->rows->table;
    slot->task.rows.n_rows = submitter->n_rows;
    slot->task.outputs = slot->outputs;
    slot->task.row_status = slot->faults;
    slot->task.deadline_ns = TRIVET_NEVER_NS;
    slot->task.done = on_done;
    atomic_store(&slot->free, true);
}

static void *submit_for_a_while(void *arg)
{
    struct submitter *submitter = arg;
    int64_t until_ns = trivet_clock_monotonic_ns() + DURATION_NS;
    size_t next = 0;
    while (trivet_clock_monotonic_ns() < until_ns) {
        sem_wait(&submitter->n_free);
        while (!atomic_load_explicit(&submitter->slots[next].free, memory_order_acquire)) {
            next = (next + 1) % submitter->window;
        }
        submit_slot(submitter, &submitter->slots[next]);
        submitter->n_calls++;
    }
    for (size_t i = 0; i < submitter->window; i++) {
        sem_wait(&submitter->n_free);
    }
    return NULL;
}

static void measure(unsigned n_workers, size_t n_submitters, size_t window, size_t n_rows)
{
    static struct submitter submitters[SUBMITTERS];
    struct trivet_pool_options options = {n_workers, 256, 4u << 20, 100000};
    struct trivet_pool *pool = NULL;
    struct trivet_error err;
    struct fixture_rows rows;
    pthread_t threads[SUBMITTERS];
    struct trivet_servable *servable = fixture_servable("houses", 1, COLUMNS, 1, true);
    fixture_rows_make(&rows, servable, ROWS_MAX, 3);
    assert_int_equal(trivet_pool_create(&options, &pool, &err), TRIVET_OK);
    int64_t start_ns = trivet_clock_monotonic_ns();
    for (size_t i = 0; i < n_submitters; i++) {
        submitters[i] = (struct submitter){
            .pool = pool, .servable = servable, .rows = &rows, .window = window, .n_rows = n_rows};
        sem_init(&submitters[i].n_free, 0, (unsigned)window);
        for (size_t j = 0; j < window; j++) {
            init_slot(&submitters[i], &submitters[i].slots[j]);
        }
        assert_int_equal(pthread_create(&threads[i], NULL, submit_for_a_while, &submitters[i]), 0);
    }
    uint64_t n_calls = 0;
    for (size_t i = 0; i < n_submitters; i++) {
        pthread_join(threads[i], NULL);
        n_calls += submitters[i].n_calls;
        assert_true(submitters[i].n_calls > 0);
        assert_int_equal(atomic_load(&submitters[i].n_bad), 0);
        for (size_t j = 0; j < window; j++) {
            free(submitters[i].slots[j].outputs);
            free(submitters[i].slots[j].faults);
        }
        sem_destroy(&submitters[i].n_free);
    }
    double seconds = (double)(trivet_clock_monotonic_ns() - start_ns) / (double)TRIVET_NS_PER_S;
    double rows_per_batch =
        (double)(n_calls * n_rows) / (double)(trivet_pool_batches(pool) + (n_calls == 0));
    printf("%u workers, %zu submitters, %zu in flight each, %zu rows: %.0f calls/s, %.0f rows/s, "
           "%.1f rows per batch\n",
           n_workers, n_submitters, window, n_rows, (double)n_calls / seconds,
           (double)(n_calls * n_rows) / seconds, rows_per_batch);
    trivet_pool_free(pool);
    fixture_rows_release(&rows);
    trivet_servable_unref(servable);
}

static void test_speed(void **state)
{
    (void)state;
    measure(1, 1, 1, 1);
    measure(1, 1, 64, 1);
    measure(2, 1, 64, 1);
    measure(2, 2, 64, 1);
    measure(1, 1, 256, 1);
    measure(2, 1, 4, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_speed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
