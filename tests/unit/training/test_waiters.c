/* Long polls. */
#include "fixture.h"

#include "base/clock.h"

#include <pthread.h>
#include <unistd.h>

/* What one wait was answered. */
struct answer {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned n_calls;
    enum trivet_store_job_state state;
    uint64_t revision;
    size_t report_bytes;
};

#define ANSWER_INIT                                                                                \
    {                                                                                              \
        .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                    \
    }

static void on_answer(void *ctx, const struct trivet_job_view *view, const struct trivet_error *err)
{
    struct answer *answer = ctx;
    (void)err;
    pthread_mutex_lock(&answer->mutex);
    answer->n_calls++;
    if (view != NULL) {
        answer->state = view->record.state;
        answer->revision = view->revision;
        answer->report_bytes = view->report.n_bytes;
    }
    pthread_cond_broadcast(&answer->changed);
    pthread_mutex_unlock(&answer->mutex);
}

static void await_answer(struct answer *answer)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&answer->mutex);
    while (answer->n_calls == 0) {
        assert_int_equal(pthread_cond_timedwait(&answer->changed, &answer->mutex, &until), 0);
    }
    assert_int_equal(answer->n_calls, 1);
    pthread_mutex_unlock(&answer->mutex);
}

static unsigned n_calls(struct answer *answer)
{
    pthread_mutex_lock(&answer->mutex);
    const unsigned n = answer->n_calls;
    pthread_mutex_unlock(&answer->mutex);
    return n;
}

static int64_t in_ms(int64_t ms)
{
    return trivet_clock_monotonic_ns() + ms * TRIVET_NS_PER_MS;
}

static void wait_ok(struct fixture *fixture, const char *id, uint64_t after, int64_t deadline_ns,
                    struct answer *answer)
{
    struct trivet_error err = {0};
    assert_int_equal(
        trivet_jobs_wait(fixture->jobs, id, after, deadline_ns, on_answer, answer, &err),
        TRIVET_OK);
}

static uint64_t revision_of(struct fixture *fixture, const char *id)
{
    struct trivet_job_view view;
    struct trivet_error err = {0};
    assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
    trivet_job_view_release(&view);
    return view.revision;
}

static void start_hanging(struct fixture *fixture, char id[TRIVET_STORE_ID_BYTES])
{
    struct fixture_job job;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
}

static void test_at_once(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    struct answer answer = ANSWER_INIT;
    start_hanging(fixture, id);
    wait_ok(fixture, id, 0, TRIVET_NEVER_NS, &answer);
    await_answer(&answer);
    assert_int_equal(answer.state, TRIVET_STORE_JOB_RUNNING);
}

static void test_deadline(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    struct answer past = ANSWER_INIT;
    struct answer near = ANSWER_INIT;
    struct answer far = ANSWER_INIT;
    start_hanging(fixture, id);
    const uint64_t revision = revision_of(fixture, id);
    wait_ok(fixture, id, revision, in_ms(60000), &far);
    const int64_t start_ns = trivet_clock_monotonic_ns();
    wait_ok(fixture, id, revision, in_ms(100), &near);
    wait_ok(fixture, id, revision, in_ms(-1), &past);
    await_answer(&past);
    await_answer(&near);
    assert_true(trivet_clock_monotonic_ns() - start_ns >= 100 * TRIVET_NS_PER_MS);
    assert_int_equal(near.revision, revision);
    assert_int_equal(n_calls(&far), 0);
    fixture_close_jobs(fixture);
    assert_int_equal(n_calls(&far), 1);
}

static void test_several(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_job_view view;
    struct trivet_error err = {0};
    struct answer answers[5] = {ANSWER_INIT, ANSWER_INIT, ANSWER_INIT, ANSWER_INIT, ANSWER_INIT};
    start_hanging(fixture, id);
    const uint64_t revision = revision_of(fixture, id);
    for (size_t i = 0; i < 5; i++) {
        wait_ok(fixture, id, revision, in_ms(60000), &answers[i]);
    }
    usleep(20000);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(n_calls(&answers[i]), 0);
    }
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err), TRIVET_OK);
    for (size_t i = 0; i < 5; i++) {
        await_answer(&answers[i]);
        assert_int_equal(answers[i].state, TRIVET_STORE_JOB_CANCELLED);
        assert_true(answers[i].revision > revision);
    }
}

static void test_ended(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    struct answer answer = ANSWER_INIT;
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    trivet_job_view_release(&view);
    wait_ok(fixture, id, UINT64_MAX, TRIVET_NEVER_NS, &answer);
    await_answer(&answer);
    assert_int_equal(answer.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_true(answer.report_bytes > 0);
}

/* From change to change to the end, as a client follows a job. */
static void test_follow(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    char id[TRIVET_STORE_ID_BYTES];
    uint64_t revision = 0;
    enum trivet_store_job_state last = TRIVET_STORE_JOB_QUEUED;
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    while (last == TRIVET_STORE_JOB_QUEUED || last == TRIVET_STORE_JOB_RUNNING) {
        struct answer answer = ANSWER_INIT;
        wait_ok(fixture, id, revision, in_ms(60000), &answer);
        await_answer(&answer);
        assert_true(answer.revision > revision);
        revision = answer.revision;
        last = answer.state;
    }
    assert_int_equal(last, TRIVET_STORE_JOB_SUCCEEDED);
}

static void test_too_many(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_error err = {0};
    struct answer first = ANSWER_INIT;
    struct answer second = ANSWER_INIT;
    struct answer third = ANSWER_INIT;
    fixture->waiters_max = 2;
    start_hanging(fixture, id);
    const uint64_t revision = revision_of(fixture, id);
    wait_ok(fixture, id, revision, in_ms(60000), &second);
    enum trivet_status status = TRIVET_OK;
    for (int64_t ms = 300; status == TRIVET_OK; ms *= 2) {
        const int64_t deadline_ns = in_ms(ms);
        first = (struct answer)ANSWER_INIT;
        wait_ok(fixture, id, revision, deadline_ns, &first);
        status = trivet_jobs_wait(fixture->jobs, id, revision, in_ms(1), on_answer, &third, &err);
        await_answer(&first);
        if (status == TRIVET_OK) { /* a busy machine: the first one's place was free again */
            assert_true(trivet_clock_monotonic_ns() >= deadline_ns && ms < 20000);
            await_answer(&third);
            third = (struct answer)ANSWER_INIT;
        }
    }
    assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
    wait_ok(fixture, id, revision, in_ms(1), &third);
    await_answer(&third);
    fixture_close_jobs(fixture);
    assert_int_equal(n_calls(&second), 1);
}

static void test_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err = {0};
    struct answer answer = ANSWER_INIT;
    fixture_open_jobs(fixture, "hang");
    assert_int_equal(trivet_jobs_wait(fixture->jobs, "job-0000000000000000", 0, TRIVET_NEVER_NS,
                                      on_answer, &answer, &err),
                     TRIVET_NOT_FOUND);
    assert_int_equal(n_calls(&answer), 0);
}

static void test_close_answers(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    struct answer answer = ANSWER_INIT;
    start_hanging(fixture, id);
    wait_ok(fixture, id, revision_of(fixture, id), TRIVET_NEVER_NS, &answer);
    fixture_close_jobs(fixture);
    assert_int_equal(n_calls(&answer), 1);
    assert_int_equal(answer.state, TRIVET_STORE_JOB_RUNNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_at_once), TEST(test_deadline), TEST(test_several), TEST(test_ended),
        TEST(test_follow),  TEST(test_too_many), TEST(test_unknown), TEST(test_close_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
