/* One answer for all loops: a server of the test's own counts what it is asked. */
#include "base/clock.h"
#include "monitor/loop/runner.h"
#include "monitor/loop/totals.h"
#include "trivet/v1/models.pb-c.h"
#include "unit/client/rep_fixture.h"
#include "wire/codec.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AN_HOUR_NS (3600 * TRIVET_NS_PER_S)
#define N_LOOPS    8

struct world {
    struct rep_fixture *server;
    struct trivet_loop_totals *totals;
    atomic_int n_stats;
    atomic_int n_described;
    atomic_bool fails;
    atomic_bool holds; /* the answers: each waits for `go`, after it posted `came` */
    sem_t came;
    sem_t go;
};

static void serve(void *argument, const Trivet__V1__RequestHeader *header, const uint8_t *body,
                  size_t body_bytes, struct rep_answer *answer)
{
    struct world *world = argument;
    (void)body;
    (void)body_bytes;
    if (strcmp(header->method, "trivet.v1.Server/Stats") != 0) {
        world->n_described++;
        answer->status = TRIVET_NOT_FOUND;
        return;
    }
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    stats.publisher_epoch = (uint64_t)++world->n_stats;
    if (trivet_codec_pack(&stats.base, &answer->body, NULL) != TRIVET_OK) {
        abort();
    }
    if (world->holds) {
        (void)sem_post(&world->came);
        (void)sem_wait(&world->go);
    }
    if (world->fails) {
        answer->status = TRIVET_RESOURCE_EXHAUSTED;
        answer->message = "too busy";
    }
}

static int begin(void **state)
{
    static struct world world;
    struct trivet_error err;
    memset(&world, 0, sizeof(world));
    (void)sem_init(&world.came, 0, 0);
    (void)sem_init(&world.go, 0, 0);
    world.server = rep_fixture_start(0, serve, &world);
    *state = &world;
    return trivet_loop_totals_create(rep_fixture_url(world.server), &world.totals, &err);
}

static int end(void **state)
{
    struct world *world = *state;
    trivet_loop_totals_free(world->totals);
    rep_fixture_stop(world->server);
    (void)sem_destroy(&world->came);
    (void)sem_destroy(&world->go);
    return 0;
}

static void test_age(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    struct trivet_loop_answer *first = NULL;
    struct trivet_loop_answer *again = NULL;
    struct trivet_loop_answer *newer = NULL;
    assert_int_equal(trivet_loop_totals_get(world->totals, AN_HOUR_NS, &first, &err), TRIVET_OK);
    assert_int_equal(trivet_loop_totals_get(world->totals, AN_HOUR_NS, &again, &err), TRIVET_OK);
    assert_ptr_equal(again, first);
    assert_int_equal(world->n_stats, 1);
    assert_int_equal(trivet_loop_totals_get(world->totals, 0, &newer, &err), TRIVET_OK);
    assert_int_equal(world->n_stats, 2);
    /* Whoever still looks at the old one may. */
    assert_int_equal(first->stats->publisher_epoch, 1);
    assert_int_equal(newer->stats->publisher_epoch, 2);
    trivet_loop_totals_give_back(world->totals, first);
    assert_int_equal(again->stats->publisher_epoch, 1);
    trivet_loop_totals_give_back(world->totals, again);
    trivet_loop_totals_give_back(world->totals, newer);
}

static void test_a_failure_is_shared(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    struct trivet_loop_answer *answer = NULL;
    world->fails = true;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(trivet_loop_totals_get(world->totals, AN_HOUR_NS, &answer, &err),
                         TRIVET_RESOURCE_EXHAUSTED);
        assert_string_equal(err.message, "too busy");
    }
    assert_int_equal(world->n_stats, 1);
    world->fails = false;
    assert_int_equal(trivet_loop_totals_get(world->totals, 0, &answer, &err), TRIVET_OK);
    trivet_loop_totals_give_back(world->totals, answer);
}

/* One that wants the totals; 0 = got them, else the status. */
static void *want(void *argument)
{
    struct world *world = argument;
    struct trivet_error err;
    struct trivet_loop_answer *answer = NULL;
    const enum trivet_status status =
        trivet_loop_totals_get(world->totals, AN_HOUR_NS, &answer, &err);
    trivet_loop_totals_give_back(world->totals, answer);
    return (void *)(intptr_t)status;
}

static void want_together(struct world *world, pthread_t *threads)
{
    world->holds = true;
    for (int i = 0; i < N_LOOPS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, want, world), 0);
    }
    (void)sem_wait(&world->came);
}

static void all_end_with(const pthread_t *threads, enum trivet_status status)
{
    for (int i = 0; i < N_LOOPS; i++) {
        void *got = NULL;
        assert_int_equal(pthread_join(threads[i], &got), 0);
        assert_int_equal((intptr_t)got, status);
    }
}

static void test_one_call_for_all(void **state)
{
    struct world *world = *state;
    pthread_t threads[N_LOOPS];
    want_together(world, threads);
    (void)sem_post(&world->go);
    all_end_with(threads, TRIVET_OK);
    assert_int_equal(world->n_stats, 1);
}

static void test_stop(void **state)
{
    struct world *world = *state;
    pthread_t threads[N_LOOPS];
    want_together(world, threads);
    trivet_loop_totals_stop(world->totals); /* the server never answered */
    all_end_with(threads, TRIVET_CANCELLED);
    (void)sem_post(&world->go);
    assert_int_equal((intptr_t)want(world), TRIVET_CANCELLED);
    assert_int_equal(world->n_stats, 1);
}

/* Each loop describes its own model, and all of them look at the same totals. */
static void test_loops_share(void **state)
{
    struct world *world = *state;
    static struct trivet_policies policies;
    struct trivet_error err;
    struct trivet_history *history = NULL;
    struct trivet_loop_runner *runner = NULL;
    char folder[] = "/tmp/trivet-totals-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/h.db", folder);
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    policies = (struct trivet_policies){.enabled = true, .check_us = 200000, .n_items = N_LOOPS};
    for (int i = 0; i < N_LOOPS; i++) {
        char model[16];
        (void)snprintf(model, sizeof(model), "m%d", i);
        trivet_policy_defaults(&policies.items[i], model);
    }
    const struct trivet_loop_runner_options options = {
        .history = history, .server_url = rep_fixture_url(world->server), .policies = &policies};
    assert_int_equal(trivet_loop_runner_create(&options, &runner, &err), TRIVET_OK);
    assert_int_equal(trivet_loop_runner_start(runner, &err), TRIVET_OK);
    while (world->n_described < 3 * N_LOOPS) {
        (void)usleep(10000);
    }
    trivet_loop_runner_stop(runner);
    trivet_loop_runner_free(runner);
    trivet_history_close(history);
    (void)unlink(path);
    (void)rmdir(folder);
    print_message("%d calls of Stats, %d of Describe\n", world->n_stats, world->n_described);
    assert_true(world->n_stats >= 3);
    assert_true(world->n_stats <= world->n_described / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_age, begin, end),
        cmocka_unit_test_setup_teardown(test_a_failure_is_shared, begin, end),
        cmocka_unit_test_setup_teardown(test_one_call_for_all, begin, end),
        cmocka_unit_test_setup_teardown(test_stop, begin, end),
        cmocka_unit_test_setup_teardown(test_loops_share, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
