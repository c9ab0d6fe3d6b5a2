/* What is taken and what is refused, and that a repeated call is one call. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

static void assert_refused(struct fixture *fixture, struct fixture_job *job,
                           enum trivet_status expected, const char *what)
{
    struct trivet_job_view view;
    struct trivet_error err = {0};
    bool replayed = false;
    assert_int_equal(fixture_submit(fixture, job, NULL, &view, &replayed, &err), expected);
    assert_int_equal(err.status, expected);
    if (strstr(err.message, what) == NULL) {
        print_error("'%s' does not speak of '%s'\n", err.message, what);
        fail();
    }
    size_t count = 99;
    struct trivet_job_view views[4];
    assert_int_equal(trivet_jobs_list(fixture->jobs, "", views, 4, &count, &err), TRIVET_OK);
    assert_int_equal(count, 0);
}

static void test_names(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    char too_long[66];
    memset(too_long, 'a', 65);
    too_long[65] = '\0';
    char with_slash[] = "a/b";
    char none[] = "";
    job.spec.model = too_long;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "model");
    job.spec.model = with_slash;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "model");
    job.spec.model = none;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "model");
    fixture_job_init(fixture, &job);
    job.spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_UNSPECIFIED;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "kind");
    too_long[64] = '\0';
    fixture_job_init(fixture, &job);
    job.spec.model = too_long;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_submit_ok(fixture, &job, id);
}

static void test_datasets(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    char none[] = "";
    char unknown[] = "ds-0000000000000000";
    char endless[] = "ds-0000000000000000000000000000000000000000000000000";
    char open_id[TRIVET_STORE_ID_BYTES];
    job.spec.dataset_id = none;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "dataset_id");
    job.spec.dataset_id = unknown;
    assert_refused(fixture, &job, TRIVET_NOT_FOUND, unknown);
    job.spec.dataset_id = endless;
    assert_refused(fixture, &job, TRIVET_NOT_FOUND, "ds-");
    fixture_make_dataset(fixture, 10, 1, true, open_id);
    job.spec.dataset_id = open_id;
    assert_refused(fixture, &job, TRIVET_FAILED_PRECONDITION, "commit");
}

static void test_pipelines(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    char no_column[] = "prize";
    char no_estimator[] = "magic";
    char text_column[] = "town";
    job.pipeline.target = no_column;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "prize");
    job.pipeline.target = text_column;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "town");
    fixture_job_init(fixture, &job);
    job.pipeline.estimator = no_estimator;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "linear_regression");
    job.spec.pipeline = NULL;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "pipeline");
}

static void test_splits(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    const double sizes[] = {-0.1, 1.0, 2.0, NAN, INFINITY};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(sizes); i++) {
        job.split.test_size = sizes[i];
        assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "test_size");
    }
    fixture_job_init(fixture, &job);
    const uint32_t folds[] = {1, 101, UINT32_MAX};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(folds); i++) {
        job.split.folds = folds[i];
        assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "folds");
    }
    job.split.folds = 0;
    job.spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_CROSS_VALIDATE;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "folds");
    char id[TRIVET_STORE_ID_BYTES];
    char few[TRIVET_STORE_ID_BYTES];
    fixture_make_dataset(fixture, 10, 1, false, few);
    job.spec.dataset_id = few;
    job.split.folds = 11;
    assert_refused(fixture, &job, TRIVET_INVALID_ARGUMENT, "rows");
    fixture_job_init(fixture, &job);
    job.spec.split = NULL;
    fixture_submit_ok(fixture, &job, id);
}

static void test_queue_full(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    bool replayed = false;
    char id[TRIVET_STORE_ID_BYTES];
    char first[TRIVET_STORE_ID_BYTES];
    fixture->queue_max = 2;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
    fixture_submit_ok(fixture, &job, first);
    fixture_submit_ok(fixture, &job, id);
    assert_int_equal(fixture_submit(fixture, &job, NULL, &view, &replayed, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, first, &view, &err), TRIVET_OK);
    fixture_submit_ok(fixture, &job, id);
}

static void test_repeated_call(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    bool replayed = true;
    char id[TRIVET_STORE_ID_BYTES];
    fixture->queue_max = 1;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    assert_int_equal(fixture_submit(fixture, &job, "r1", &view, &replayed, &err), TRIVET_OK);
    assert_false(replayed);
    assert_true(trivet_text_copy(id, sizeof id, view.record.id));
    fixture_await_running(fixture, id);
    assert_int_equal(fixture_submit(fixture, &job, "r2", &view, &replayed, &err), TRIVET_OK);
    assert_false(replayed);
    assert_string_not_equal(view.record.id, id);
    /* The queue is full now: a replay needs no place in it, and tells how the job stands. */
    assert_int_equal(fixture_submit(fixture, &job, "r1", &view, &replayed, &err), TRIVET_OK);
    assert_true(replayed);
    assert_string_equal(view.record.id, id);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_RUNNING);
    job.split.seed++;
    assert_int_equal(fixture_submit(fixture, &job, "r1", &view, &replayed, &err),
                     TRIVET_ALREADY_EXISTS);
    job.split.seed--;
    /* Also over a restart, and when the call would be refused today. */
    fixture_close_jobs(fixture);
    fixture_open_jobs(fixture, "hang");
    char no_column[] = "prize";
    job.pipeline.target = no_column;
    assert_int_equal(fixture_submit(fixture, &job, "r1", &view, &replayed, &err), TRIVET_OK);
    assert_true(replayed);
    assert_string_equal(view.record.id, id);
    assert_int_equal(fixture_submit(fixture, &job, "r3", &view, &replayed, &err),
                     TRIVET_INVALID_ARGUMENT);
}

static void test_uses_dataset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    assert_false(trivet_jobs_uses_dataset(fixture->jobs, fixture->dataset_id));
    fixture_submit_ok(fixture, &job, id);
    assert_true(trivet_jobs_uses_dataset(fixture->jobs, fixture->dataset_id));
    assert_false(trivet_jobs_uses_dataset(fixture->jobs, "ds-0000000000000000"));
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err), TRIVET_OK);
    fixture_await_end(fixture, id, &view);
    assert_false(trivet_jobs_uses_dataset(fixture->jobs, fixture->dataset_id));
}

static void test_unknown_job(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    fixture_open_jobs(fixture, "hang");
    assert_int_equal(trivet_jobs_get(fixture->jobs, "job-0000000000000000", &view, &err),
                     TRIVET_NOT_FOUND);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, "job-0000000000000000", &view, &err),
                     TRIVET_NOT_FOUND);
}

/* Whatever allocation fails, a job is taken wholly or not at all. */
static void test_out_of_memory(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_job_view views[4];
    char id[TRIVET_STORE_ID_BYTES];
    bool failed = true;
    bool replayed = false;
    fixture_open_jobs(fixture, "hang");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
    for (uint64_t k = 1; failed; k++) {
        struct trivet_error err = {0};
        size_t count = 0;
        trivet_alloc_fail_at(k);
        const enum trivet_status status =
            fixture_submit(fixture, &job, "r1", &view, &replayed, &err);
        failed = trivet_alloc_fail_at(0) >= k;
        assert_int_equal(status, failed ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_OK);
        assert_int_equal(trivet_jobs_list(fixture->jobs, "", views, 4, &count, &err), TRIVET_OK);
        assert_int_equal(count, failed ? 1 : 2);
        assert_true(k < 10000);
    }
    assert_false(replayed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),        TEST(test_datasets),    TEST(test_pipelines),
        TEST(test_splits),       TEST(test_queue_full),  TEST(test_repeated_call),
        TEST(test_uses_dataset), TEST(test_unknown_job), TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
