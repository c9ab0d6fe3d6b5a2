#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#define N_PRODUCERS 4
#define N_CONSUMERS 3
#define N_ITEMS     20000

static void first_in_is_first_out_and_full_is_refused(void **state)
{
    (void)state;
    int items[5];
    struct trivet_queue *queue = trivet_queue_create(3);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            assert_true(trivet_queue_try_push(queue, &items[i]));
        }
        assert_false(trivet_queue_try_push(queue, &items[3]));
        for (int i = 0; i < 3; i++) {
            assert_ptr_equal(trivet_queue_pop(queue, 0), &items[i]);
        }
        assert_null(trivet_queue_pop(queue, 0));
        assert_true(trivet_queue_try_push(queue, &items[4])); /* moves the ring's start */
        assert_ptr_equal(trivet_queue_pop(queue, TRIVET_NEVER_NS), &items[4]);
    }
    trivet_queue_free(queue);
    trivet_queue_free(NULL);
}

static void waits_end_at_their_deadline(void **state)
{
    (void)state;
    int item;
    struct trivet_queue *queue = trivet_queue_create(1);
    int64_t start_ns = trivet_clock_monotonic_ns();
    assert_null(trivet_queue_pop(queue, start_ns + 20 * TRIVET_NS_PER_MS));
    assert_true(trivet_clock_monotonic_ns() - start_ns >= 20 * TRIVET_NS_PER_MS);
    assert_true(trivet_queue_try_push(queue, &item));
    assert_ptr_equal(trivet_queue_pop(queue, 0), &item); /* there: the deadline does not matter */
    trivet_queue_free(queue);
}

static void closed_gives_out_what_is_in(void **state)
{
    (void)state;
    int item;
    struct trivet_queue *queue = trivet_queue_create(2);
    assert_true(trivet_queue_try_push(queue, &item));
    trivet_queue_close(queue);
    assert_false(trivet_queue_try_push(queue, &item));
    assert_ptr_equal(trivet_queue_pop(queue, TRIVET_NEVER_NS), &item);
    assert_null(trivet_queue_pop(queue, TRIVET_NEVER_NS));
    trivet_queue_free(queue);
}

struct traffic {
    struct trivet_queue *queue;
    pthread_mutex_t lock;
    unsigned char seen[N_PRODUCERS][N_ITEMS]; /* under lock */
    uint32_t ids[N_PRODUCERS][N_ITEMS];       /* read only */
};

struct producer {
    struct traffic *traffic;
    unsigned number;
    pthread_t thread;
};

static void *produce(void *argument)
{
    struct producer *self = argument;
    for (unsigned i = 0; i < N_ITEMS; i++) {
        while (!trivet_queue_try_push(self->traffic->queue, &self->traffic->ids[self->number][i])) {
            sched_yield(); /* full */
        }
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct traffic *traffic = argument;
    long previous[N_PRODUCERS] = {-1, -1, -1, -1};
    for (;;) {
        const uint32_t *id = trivet_queue_pop(traffic->queue, TRIVET_NEVER_NS);
        if (!id) {
            return NULL;
        }
        unsigned producer = *id / N_ITEMS;
        unsigned item = *id % N_ITEMS;
        if ((long)item <= previous[producer]) {
            return traffic; /* out of order */
        }
        previous[producer] = item;
        pthread_mutex_lock(&traffic->lock);
        traffic->seen[producer][item]++;
        pthread_mutex_unlock(&traffic->lock);
    }
}

static void threads_lose_and_double_nothing(void **state)
{
    (void)state;
    static struct traffic traffic = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct producer producers[N_PRODUCERS];
    pthread_t consumers[N_CONSUMERS];
    traffic.queue = trivet_queue_create(16);
    for (unsigned p = 0; p < N_PRODUCERS; p++) {
        for (unsigned i = 0; i < N_ITEMS; i++) {
            traffic.ids[p][i] = p * N_ITEMS + i;
        }
    }
    for (unsigned c = 0; c < N_CONSUMERS; c++) {
        assert_int_equal(pthread_create(&consumers[c], NULL, consume, &traffic), 0);
    }
    for (unsigned p = 0; p < N_PRODUCERS; p++) {
        producers[p] = (struct producer){.traffic = &traffic, .number = p};
        assert_int_equal(pthread_create(&producers[p].thread, NULL, produce, &producers[p]), 0);
    }
    void *result;
    for (unsigned p = 0; p < N_PRODUCERS; p++) {
        assert_int_equal(pthread_join(producers[p].thread, &result), 0);
        assert_null(result);
    }
    trivet_queue_close(traffic.queue); /* wakes the consumers that wait */
    for (unsigned c = 0; c < N_CONSUMERS; c++) {
        assert_int_equal(pthread_join(consumers[c], &result), 0);
        assert_null(result);
    }
    for (unsigned p = 0; p < N_PRODUCERS; p++) {
        for (unsigned i = 0; i < N_ITEMS; i++) {
            assert_int_equal(traffic.seen[p][i], 1);
        }
    }
    trivet_queue_free(traffic.queue);
}

static void no_memory_is_null(void **state)
{
    (void)state;
    for (uint64_t k = 1; k <= 2; k++) {
        trivet_alloc_fail_at(k);
        assert_null(trivet_queue_create(4));
    }
    trivet_alloc_fail_at(0);
    assert_null(trivet_queue_create(SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_is_first_out_and_full_is_refused),
        cmocka_unit_test(waits_end_at_their_deadline),
        cmocka_unit_test(closed_gives_out_what_is_in),
        cmocka_unit_test(threads_lose_and_double_nothing),
        cmocka_unit_test(no_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
