/* What a stop of the server cut off is finished after the next start. */
#include "fixture.h"

#include "base/text.h"

#include <string.h>

static void test_resumes(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char ids[3][TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    for (size_t i = 0; i < 3; i++) {
        fixture_submit_ok(fixture, &job, ids[i]);
    }
    fixture_await_running(fixture, ids[0]);
    assert_int_equal(trivet_jobs_get(fixture->jobs, ids[0], &view, &err), TRIVET_OK);
    const uint64_t revision = view.revision;
    fixture_close_jobs(fixture);

    /* Fewer places than jobs that were taken: they are kept all the same. */
    fixture->queue_max = 1;
    fixture_open_jobs(fixture, "trainer");
    for (size_t i = 0; i < 3; i++) {
        fixture_await_end(fixture, ids[i], &view);
        assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
        assert_int_equal(view.record.version, i + 1); /* oldest first */
        assert_int_equal(view.record.attempts, i == 0 ? 2 : 1);
        assert_true(i > 0 || view.revision > revision);
        trivet_job_view_release(&view);
    }
    struct trivet_buffer cut_off = {0};
    struct trivet_buffer whole = {0};
    fixture_read_pipeline(fixture, "houses", 1, &cut_off);
    fixture_read_pipeline(fixture, "houses", 2, &whole);
    assert_int_equal(cut_off.n_bytes, whole.n_bytes);
    assert_memory_equal(cut_off.data, whole.data, whole.n_bytes);
    trivet_buffer_release(&cut_off);
    trivet_buffer_release(&whole);
}

/* As after a crash: the store says RUNNING and no one runs it. */
static void test_revision_grows(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char first[TRIVET_STORE_ID_BYTES];
    char id[TRIVET_STORE_ID_BYTES];
    uint64_t revision = 0;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, first);
    fixture_submit_ok(fixture, &job, id);
    assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
    assert_true(view.revision > revision);
    revision = view.revision;
    fixture_await_running(fixture, first);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, first, &view, &err), TRIVET_OK);
    for (unsigned attempt = 1; attempt <= 3; attempt++) {
        fixture_await_running(fixture, id);
        assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
        assert_int_equal(view.record.attempts, attempt);
        assert_true(view.revision > revision);
        revision = view.revision;
        fixture_close_jobs(fixture);
        fixture_open_jobs(fixture, "hang");
        assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
        assert_true(view.revision > revision);
        revision = view.revision;
    }
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err), TRIVET_OK);
    fixture_await_end(fixture, id, &view);
    assert_true(view.revision > revision);
    trivet_job_view_release(&view);
}

static void test_close_null(void **state)
{
    (void)state;
    trivet_jobs_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_resumes), TEST(test_revision_grows),
                                       cmocka_unit_test(test_close_null)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
