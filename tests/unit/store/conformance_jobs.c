/* Jobs. */
#include "conformance.h"

#include "base/text.h"

#include <string.h>

static enum trivet_status update(struct fixture *f, const struct trivet_store_job *job,
                                 const char *report)
{
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    enum trivet_status status =
        trivet_store_job_update(txn, job, report, report == NULL ? 0 : strlen(report), &f->err);
    if (status == TRIVET_OK)
        fixture_commit(f, txn);
    else
        trivet_store_abort(txn);
    return status;
}

static void a_new_job_is_queued(void **state)
{
    struct fixture *f = *state;
    struct trivet_buffer spec = {.data = NULL};
    struct trivet_buffer report = {.data = NULL};
    struct trivet_store_job got;
    const struct trivet_store_job made = fixture_job(f, "m");
    assert_int_equal(strlen(made.id), 20);
    assert_memory_equal(made.id, "job-", 4);
    assert_int_equal(made.state, TRIVET_STORE_JOB_QUEUED);
    assert_true(made.created_unix_us > 1600000000000000);
    fixture_reopen(f);
    assert_ok(f, trivet_store_job_get(f->store, made.id, &got, &spec, &report, &f->err));
    assert_memory_equal(&got, &made, sizeof(got));
    assert_int_equal(spec.n_bytes, 4);
    assert_memory_equal(spec.data, "spec", 4);
    assert_int_equal(report.n_bytes, 0);
    assert_ok(f, trivet_store_job_get(f->store, made.id, &got, NULL, NULL, &f->err));
    trivet_buffer_release(&spec);
    trivet_buffer_release(&report);
}

static void an_id_can_be_given_once(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_job job = {.id = "job-mine", .state = TRIVET_STORE_JOB_FAILED};
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(f, trivet_store_job_create(txn, &job, NULL, 0, &f->err));
    assert_string_equal(job.id, "job-mine");
    assert_int_equal(job.state, TRIVET_STORE_JOB_QUEUED);
    assert_refused(f, TRIVET_ALREADY_EXISTS, trivet_store_job_create(txn, &job, NULL, 0, &f->err),
                   "job-mine");
    fixture_commit(f, txn);
}

static void update_writes_every_field(void **state)
{
    struct fixture *f = *state;
    struct trivet_buffer report = {.data = NULL};
    struct trivet_store_job got;
    struct trivet_store_job job = fixture_job(f, "m");
    job.state = TRIVET_STORE_JOB_FAILED;
    job.version = 7;
    job.error_status = TRIVET_INVALID_ARGUMENT;
    job.started_unix_us = 1;
    job.ended_unix_us = 2;
    job.attempts = 3;
    memset(job.model, 'x', sizeof(job.model) - 1);
    memset(job.dataset_id, 'd', sizeof(job.dataset_id) - 1);
    memset(job.error_message, 'e', sizeof(job.error_message) - 1);
    assert_ok(f, update(f, &job, "report"));
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, &report, &f->err));
    assert_memory_equal(&got, &job, sizeof(got));
    assert_int_equal(report.n_bytes, 6);
    assert_memory_equal(report.data, "report", 6);
    /* NULL keeps the report, empty bytes replace it. */
    report.n_bytes = 0;
    assert_ok(f, update(f, &job, NULL));
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, &report, &f->err));
    assert_int_equal(report.n_bytes, 6);
    report.n_bytes = 0;
    assert_ok(f, update(f, &job, ""));
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, &report, &f->err));
    assert_int_equal(report.n_bytes, 0);
    /* Kind and creation stay. */
    const struct trivet_store_job before = job;
    job.kind = 9;
    job.created_unix_us = 5;
    assert_ok(f, update(f, &job, NULL));
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, NULL, &f->err));
    assert_memory_equal(&got, &before, sizeof(got));
    trivet_buffer_release(&report);
}

static void what_cannot_be_a_job_is_refused(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_job got;
    struct trivet_store_job job = fixture_job(f, "m");
    struct trivet_store_job bad = job;
    bad.state = (enum trivet_store_job_state)6;
    assert_refused(f, TRIVET_INVALID_ARGUMENT, update(f, &bad, NULL), "state 6");
    bad.state = (enum trivet_store_job_state)0;
    assert_refused(f, TRIVET_INVALID_ARGUMENT, update(f, &bad, NULL), "state 0");
    bad = job;
    bad.version = UINT64_MAX;
    assert_refused(f, TRIVET_INVALID_ARGUMENT, update(f, &bad, NULL), "version");
    bad = job;
    memset(bad.model, 'x', sizeof(bad.model)); /* no NUL */
    assert_refused(f, TRIVET_INVALID_ARGUMENT, update(f, &bad, NULL), "model");
    bad = job;
    (void)trivet_text_copy(bad.id, sizeof(bad.id), "job-none");
    assert_refused(f, TRIVET_NOT_FOUND, update(f, &bad, "r"), "no job 'job-none'");
    assert_refused(f, TRIVET_NOT_FOUND,
                   trivet_store_job_get(f->store, "job-none", &got, NULL, NULL, &f->err),
                   "no job 'job-none'");
}

static void lists_take_model_and_state(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_job out[8];
    size_t count = 99;
    assert_ok(f, trivet_store_job_list(f->store, "", false, out, 8, &count, &f->err));
    assert_int_equal(count, 0);
    struct trivet_store_job jobs[4];
    for (size_t i = 0; i < 4; i++)
        jobs[i] = fixture_job(f, i % 2 == 0 ? "even" : "odd");
    jobs[1].state = TRIVET_STORE_JOB_RUNNING;
    jobs[2].state = TRIVET_STORE_JOB_SUCCEEDED;
    assert_ok(f, update(f, &jobs[1], NULL));
    assert_ok(f, update(f, &jobs[2], NULL));

    assert_ok(f, trivet_store_job_list(f->store, "", false, out, 8, &count, &f->err));
    assert_int_equal(count, 4);
    assert_string_equal(out[0].id, jobs[3].id);
    assert_string_equal(out[3].id, jobs[0].id);
    assert_ok(f, trivet_store_job_list(f->store, "", true, out, 8, &count, &f->err));
    assert_int_equal(count, 3);
    assert_string_equal(out[0].id, jobs[0].id);
    assert_string_equal(out[1].id, jobs[1].id);
    assert_string_equal(out[2].id, jobs[3].id);
    assert_ok(f, trivet_store_job_list(f->store, "even", false, out, 8, &count, &f->err));
    assert_int_equal(count, 2);
    assert_string_equal(out[0].id, jobs[2].id);
    assert_ok(f, trivet_store_job_list(f->store, "even", true, out, 8, &count, &f->err));
    assert_int_equal(count, 1);
    assert_ok(f, trivet_store_job_list(f->store, "", true, out, 2, &count, &f->err));
    assert_int_equal(count, 2);
    assert_ok(f, trivet_store_job_list(f->store, "none", false, out, 2, &count, &f->err));
    assert_int_equal(count, 0);
}

static void a_version_and_its_job_are_one_change(void **state)
{
    struct fixture *f = *state;
    struct trivet_store_version version;
    struct trivet_store_job got;
    struct trivet_store_job job = fixture_job(f, "m");
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_CATALOG);
    assert_ok(
        f, trivet_store_version_create(txn, "m", job.id, "", "a", 1, NULL, 0, &version, &f->err));
    job.version = version.version;
    job.state = TRIVET_STORE_JOB_SUCCEEDED;
    assert_ok(f, trivet_store_job_update(txn, &job, "report", 6, &f->err));
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, NULL, &f->err));
    assert_int_equal(got.state, TRIVET_STORE_JOB_QUEUED);
    fixture_commit(f, txn);
    assert_ok(f, trivet_store_job_get(f->store, job.id, &got, NULL, NULL, &f->err));
    assert_int_equal(got.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(got.version, 1);
    assert_ok(f, trivet_store_version_get(f->store, "m", 1, &version, NULL, NULL, &f->err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
static const struct CMUnitTest tests[] = {
    TEST(a_new_job_is_queued),        TEST(an_id_can_be_given_once),
    TEST(update_writes_every_field),  TEST(what_cannot_be_a_job_is_refused),
    TEST(lists_take_model_and_state), TEST(a_version_and_its_job_are_one_change),
};

const struct conformance_part conformance_jobs = {"jobs", tests, TRIVET_ARRAY_COUNT(tests)};
