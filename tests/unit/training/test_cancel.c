#include "fixture.h"

#include "base/clock.h"

#include <unistd.h>

static void test_queued(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char running[TRIVET_STORE_ID_BYTES];
    char queued[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, running);
    fixture_await_running(fixture, running);
    fixture_submit_ok(fixture, &job, queued);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, queued, &view, &err), TRIVET_OK);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_CANCELLED);
    assert_int_equal(view.record.attempts, 0);
    fixture_assert_state(fixture, queued, TRIVET_STORE_JOB_CANCELLED);
    fixture_assert_state(fixture, running, TRIVET_STORE_JOB_RUNNING);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, queued, &view, &err),
                     TRIVET_FAILED_PRECONDITION);
}

static void test_running(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
    const int64_t start_ns = trivet_clock_monotonic_ns();
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err), TRIVET_OK);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_CANCELLED);
    assert_int_equal(view.record.error_status, TRIVET_CANCELLED);
    assert_true(trivet_clock_monotonic_ns() - start_ns < 30 * TRIVET_NS_PER_S);
    trivet_job_view_release(&view);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err),
                     TRIVET_FAILED_PRECONDITION);
    /* The next one has its turn. */
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
}

/* Cancel at any moment of a real run: it ends as cancelled, or had succeeded; nothing between. */
static void test_any_moment(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char id[TRIVET_STORE_ID_BYTES];
    uint64_t n_succeeded = 0;
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    for (unsigned i = 0; i < 12; i++) {
        fixture_submit_ok(fixture, &job, id);
        usleep(i * 4000);
        const enum trivet_status status = trivet_jobs_cancel(fixture->jobs, id, &view, &err);
        assert_true(status == TRIVET_OK || status == TRIVET_FAILED_PRECONDITION);
        fixture_await_end(fixture, id, &view);
        if (status == TRIVET_OK) {
            assert_int_equal(view.record.state, TRIVET_STORE_JOB_CANCELLED);
            assert_int_equal(view.record.version, 0);
        } else {
            assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
            n_succeeded++;
            assert_int_equal(view.record.version, n_succeeded);
        }
        trivet_job_view_release(&view);
    }
    fixture_close_jobs(fixture);
    assert_int_equal(atomic_load(&fixture->n_versions), n_succeeded);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_queued), TEST(test_running),
                                       TEST(test_any_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
