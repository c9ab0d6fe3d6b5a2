/* Jobs that predict a dataset: what they make is there whole or not at all, whatever cuts them off.
 */
#include "fixture.h"

#include "base/text.h"
#include "training/output.h"

#include <string.h>

#define ROWS 200

/* Version 1 of "houses"; the queue is left to the caller. */
static void train(struct fixture *fixture)
{
    struct fixture_job job;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    trivet_job_view_release(&view);
    fixture_close_jobs(fixture);
}

static void submit(struct fixture *fixture, char id[TRIVET_STORE_ID_BYTES])
{
    static char name[] = "answers";
    static char kept[] = "town";
    static char *keep[] = {kept};
    struct fixture_job job;
    fixture_job_init(fixture, &job);
    job.spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT;
    job.spec.pipeline = NULL;
    job.spec.split = NULL;
    job.spec.version = 1;
    job.spec.output_name = name;
    job.spec.keep_columns = keep;
    job.spec.n_keep_columns = 1;
    fixture_submit_ok(fixture, &job, id);
}

/* State of the job's output: -1 = not there, 0 = open, 1 = committed. */
static int output_state(struct fixture *fixture, const char *job_id, uint64_t *n_rows)
{
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_store_dataset record;
    struct trivet_error err = {0};
    trivet_output_id(job_id, id);
    const enum trivet_status status =
        trivet_store_dataset_get(fixture->store, id, &record, NULL, &err);
    if (status == TRIVET_NOT_FOUND) {
        return -1;
    }
    assert_int_equal(status, TRIVET_OK);
    *n_rows = record.n_rows;
    return record.committed ? 1 : 0;
}

static void assert_made(struct fixture *fixture, const char *id, uint64_t n_rows_expected)
{
    struct trivet_job_view view;
    struct trivet_error err = {0};
    Trivet__V1__Job *job = NULL;
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    uint64_t n_rows = 0;
    fixture_await_end(fixture, id, &view);
    if (view.record.state != TRIVET_STORE_JOB_SUCCEEDED) {
        fail_msg("%s", view.record.error_message);
    }
    assert_int_equal(view.record.version, 1);
    assert_int_equal(trivet_job_view_encode(&view, arena, &job, &err), TRIVET_OK);
    assert_string_equal(job->output_dataset_id + 3, job->id + 4);
    assert_int_equal(output_state(fixture, id, &n_rows), 1);
    assert_int_equal(n_rows, n_rows_expected);
    trivet_job_view_release(&view);
    trivet_arena_free(arena);
}

/* What an attempt leaves: one chunk, committed or not. */
static void leave_output(struct fixture *fixture, const char *job_id, bool committed)
{
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_store_dataset record;
    struct trivet_error err = {0};
    Trivet__V1__Schema columns = TRIVET__V1__SCHEMA__INIT;
    trivet_output_id(job_id, id);
    assert_int_equal(trivet_output_begin(fixture->store, id, "answers", &columns, &err), TRIVET_OK);
    assert_int_equal(
        trivet_store_dataset_append(fixture->store, id, 0, "half", 4, 7, &record, &err), TRIVET_OK);
    if (committed) {
        assert_int_equal(trivet_output_commit(fixture->store, id, 1, &err), TRIVET_OK);
    }
}

static void test_makes_a_dataset(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    train(fixture);
    fixture_open_jobs(fixture, "trainer");
    submit(fixture, id);
    assert_made(fixture, id, ROWS);
    assert_int_equal(atomic_load(&fixture->n_versions), 1); /* of the training */
}

/* A half is thrown away and made anew. */
static void test_after_a_crash_in_between(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    train(fixture);
    fixture_open_jobs(fixture, "hang");
    submit(fixture, id);
    fixture_await_running(fixture, id);
    leave_output(fixture, id, false);
    assert_true(trivet_jobs_makes_dataset(fixture->jobs, "ds-0") == false);
    fixture_close_jobs(fixture);
    fixture_open_jobs(fixture, "trainer");
    assert_made(fixture, id, ROWS);
}

/* The commit of the output decides: the job has only to be told. */
static void test_after_a_crash_before_the_end_was_stored(void **state)
{
    struct fixture *fixture = *state;
    char id[TRIVET_STORE_ID_BYTES];
    train(fixture);
    fixture_open_jobs(fixture, "hang");
    submit(fixture, id);
    fixture_await_running(fixture, id);
    leave_output(fixture, id, true);
    fixture_close_jobs(fixture);
    fixture_open_jobs(fixture, "killed"); /* no child is started */
    assert_made(fixture, id, 7);
}

static void assert_nothing_left(struct fixture *fixture, const char *id,
                                enum trivet_store_job_state state)
{
    struct trivet_job_view view;
    uint64_t n_rows = 0;
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, state);
    assert_int_equal(output_state(fixture, id, &n_rows), -1);
    trivet_job_view_release(&view);
}

static void test_cancelled_or_failed(void **state)
{
    struct fixture *fixture = *state;
    char first[TRIVET_STORE_ID_BYTES];
    char second[TRIVET_STORE_ID_BYTES];
    char third[TRIVET_STORE_ID_BYTES];
    struct trivet_job_view view;
    struct trivet_error err = {0};
    train(fixture);
    fixture_open_jobs(fixture, "hang");
    submit(fixture, first);
    submit(fixture, second);
    fixture_await_running(fixture, first);
    leave_output(fixture, first, false);
    leave_output(fixture, second, false); /* as if a crash had cut it off before */
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, second, &view, &err), TRIVET_OK);
    assert_nothing_left(fixture, second, TRIVET_STORE_JOB_CANCELLED);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, first, &view, &err), TRIVET_OK);
    assert_nothing_left(fixture, first, TRIVET_STORE_JOB_CANCELLED);
    fixture_close_jobs(fixture);
    fixture_open_jobs(fixture, "killed");
    submit(fixture, third);
    assert_nothing_left(fixture, third, TRIVET_STORE_JOB_FAILED);
}

/* Of a version that is gone the job fails and says so. */
static void test_version_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    submit(fixture, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_FAILED);
    assert_int_equal(view.record.error_status, TRIVET_NOT_FOUND);
    trivet_job_view_release(&view);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_makes_a_dataset),
        TEST(test_after_a_crash_in_between),
        TEST(test_after_a_crash_before_the_end_was_stored),
        TEST(test_cancelled_or_failed),
        TEST(test_version_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
