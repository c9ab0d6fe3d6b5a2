/* Jobs to their end, good or bad, in real child processes. */
#include "fixture.h"

#include "artefact/artefact.h"
#include "trivet/v1/models.pb-c.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

static void check_report(const Trivet__V1__TrainingReport *report)
{
    assert_string_equal(report->estimator, "linear_regression");
    assert_true(report->n_parameters > 0);
    assert_int_equal(report->rows_total, 200);
    assert_int_equal(report->rows_dropped, 5);
    assert_int_equal(report->rows_test, 49); /* ceil(0.25 * 195) */
    assert_int_equal(report->rows_train, 146);
    assert_non_null(report->train);
    assert_non_null(report->test);
    assert_int_equal(report->test->rows, 49);
    assert_null(report->cross_validation);
    assert_int_equal(report->fit->rank, 2);
    assert_true(report->fit->converged);
    assert_true(report->fit->condition_number >= 1);
    assert_int_equal(report->fit->features, 2);
    assert_int_equal(report->n_coefficients, 2);
    assert_true(report->coefficients[1]->value < 0);
    assert_true(report->n_steps >= 2);
    assert_true(report->peak_rss_bytes > 0);
    assert_true(report->total_seconds > 0 && report->fit_seconds <= report->total_seconds);
}

static double metric(const Trivet__V1__EvaluationReport *report, const char *name)
{
    for (size_t i = 0; i < report->n_metrics; i++) {
        if (strcmp(report->metrics[i]->name, name) == 0) {
            return report->metrics[i]->value;
        }
    }
    fail_msg("no metric %s", name);
    return 0;
}

static void check_version(struct fixture *fixture, const char *job_id)
{
    struct trivet_store_version version;
    struct trivet_buffer bytes = {0};
    struct trivet_buffer summary = {0};
    struct trivet_artefact *artefact = NULL;
    ProtobufCMessage *message = NULL;
    struct trivet_error err = {0};
    assert_int_equal(
        trivet_store_version_get(fixture->store, "houses", 1, &version, &bytes, &summary, &err),
        TRIVET_OK);
    assert_string_equal(version.job_id, job_id);
    assert_int_equal(trivet_artefact_decode(bytes.data, bytes.n_bytes, &artefact, &err), TRIVET_OK);
    assert_string_equal(artefact->message->lineage->job_id, job_id);
    assert_string_equal(artefact->message->lineage->dataset_id, fixture->dataset_id);
    assert_int_equal(strlen(artefact->message->lineage->dataset_hash), 64);
    assert_int_equal(artefact->message->profile->n_features, 2);
    assert_int_equal(artefact->message->profile->features[0]->rows, 195);
    assert_int_equal(artefact->message->profile->predictions[0]->rows, 195);
    assert_int_equal(artefact->message->profile->predictions[0]->missing, 0);
    assert_true(artefact->message->profile->features[0]->missing > 0);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__version__descriptor, arena, summary.data,
                                         summary.n_bytes, &message, &err),
                     TRIVET_OK);
    const Trivet__V1__Version *head = (const Trivet__V1__Version *)message;
    assert_string_equal(head->estimator, "linear_regression");
    assert_string_equal(head->target, "price");
    assert_string_equal(head->dataset_hash, artefact->message->lineage->dataset_hash);
    assert_int_equal(head->n_metrics, artefact->message->report->test->n_metrics);
    trivet_arena_free(arena);
    trivet_artefact_free(artefact);
    trivet_buffer_release(&bytes);
    trivet_buffer_release(&summary);
}

static void test_train(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    Trivet__V1__Job *message = NULL;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    if (view.record.state != TRIVET_STORE_JOB_SUCCEEDED) {
        print_error("%s\n", view.record.error_message);
    }
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(view.record.version, 1);
    assert_int_equal(view.record.attempts, 1);
    assert_true(view.record.started_unix_us >= view.record.created_unix_us);
    assert_true(view.record.ended_unix_us >= view.record.started_unix_us);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_job_view_encode(&view, arena, &message, &err), TRIVET_OK);
    check_report(message->report);
    assert_true(metric(message->report->test, "r2") > 0.9);
    trivet_arena_free(arena);
    trivet_job_view_release(&view);
    check_version(fixture, id);
    fixture_close_jobs(fixture);
    assert_int_equal(atomic_load(&fixture->n_versions), 1);
    assert_true(atomic_load(&fixture->n_changes) >= 4);
    assert_int_equal(atomic_load(&fixture->n_out_of_order), 0);
}

/* What is added to its transaction is there with the version, and without it when it fails. */
static void test_beside_version(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_store_version version;
    struct trivet_store_alias alias;
    struct trivet_error err = {0};
    size_t count = 0;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    trivet_job_view_release(&view);
    assert_int_equal(trivet_store_alias_list(fixture->store, "houses", &alias, 1, &count, &err),
                     TRIVET_OK);
    assert_int_equal(count, 1);
    assert_string_equal(alias.name, "newest");
    assert_int_equal(alias.version, 1);
    fixture->refuse_versions = true;
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_FAILED);
    assert_int_equal(view.record.version, 0);
    assert_string_equal(view.record.error_message, "no version is wanted");
    trivet_job_view_release(&view);
    fixture_close_jobs(fixture);
    assert_int_equal(trivet_store_version_list(fixture->store, "houses", &version, 1, &count, &err),
                     TRIVET_OK);
    assert_int_equal(version.version, 1);
    assert_int_equal(atomic_load(&fixture->n_versions), 1);
}

static void test_same_bits(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    for (uint64_t i = 1; i <= 2; i++) {
        fixture_submit_ok(fixture, &job, id);
        fixture_await_end(fixture, id, &view);
        assert_int_equal(view.record.version, i);
        trivet_job_view_release(&view);
    }
    struct trivet_buffer first = {0};
    struct trivet_buffer second = {0};
    fixture_read_pipeline(fixture, "houses", 1, &first);
    fixture_read_pipeline(fixture, "houses", 2, &second);
    assert_int_equal(first.n_bytes, second.n_bytes);
    assert_memory_equal(first.data, second.data, first.n_bytes);
    trivet_buffer_release(&first);
    trivet_buffer_release(&second);
}

static void test_parent_version(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_alias alias;
    struct trivet_error err = {0};
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    trivet_job_view_release(&view);
    assert_int_equal(trivet_store_begin(fixture->store, TRIVET_STORE_CATALOG, &txn, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_alias_set(txn, "houses", "production", 1,
                                            &(struct trivet_store_cause){.reason = "first"}, &alias,
                                            &err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &err), TRIVET_OK);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    trivet_job_view_release(&view);
    struct trivet_store_version version;
    struct trivet_buffer bytes = {0};
    struct trivet_artefact *artefact = NULL;
    assert_int_equal(
        trivet_store_version_get(fixture->store, "houses", 2, &version, &bytes, NULL, &err),
        TRIVET_OK);
    assert_int_equal(trivet_artefact_decode(bytes.data, bytes.n_bytes, &artefact, &err), TRIVET_OK);
    assert_int_equal(artefact->message->lineage->parent_version, 1);
    trivet_artefact_free(artefact);
    trivet_buffer_release(&bytes);
}

static void test_cross_validate(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    Trivet__V1__Job *message = NULL;
    char id[TRIVET_STORE_ID_BYTES];
    char none[] = "";
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    job.spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_CROSS_VALIDATE;
    job.spec.model = none;
    job.split.folds = 5;
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(view.record.version, 0);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_job_view_encode(&view, arena, &message, &err), TRIVET_OK);
    const Trivet__V1__CrossValidation *validation = message->report->cross_validation;
    assert_int_equal(validation->n_folds, 5);
    uint64_t rows = 0;
    for (size_t i = 0; i < 5; i++) {
        rows += validation->folds[i]->rows_test;
    }
    assert_int_equal(rows, 195);
    assert_null(message->report->train);
    assert_null(message->report->fit);
    trivet_arena_free(arena);
    trivet_job_view_release(&view);
    fixture_close_jobs(fixture);
    assert_int_equal(atomic_load(&fixture->n_versions), 0);
}

static void test_train_with_folds(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    Trivet__V1__Job *message = NULL;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    job.split.folds = 3;
    job.split.test_size = 0;
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_job_view_encode(&view, arena, &message, &err), TRIVET_OK);
    assert_int_equal(message->report->cross_validation->n_folds, 3);
    assert_int_equal(message->report->rows_test, 0);
    assert_int_equal(message->report->rows_train, 195);
    assert_null(message->report->test);
    trivet_arena_free(arena);
    trivet_job_view_release(&view);
}

/* The job fails; the queue goes on. */
static void assert_fails(struct fixture *fixture, struct fixture_job *job,
                         enum trivet_status expected, const char *what)
{
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_submit_ok(fixture, job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_FAILED);
    if (strstr(view.record.error_message, what) == NULL) {
        print_error("'%s' does not speak of '%s'\n", view.record.error_message, what);
        fail();
    }
    assert_int_equal(view.record.error_status, expected);
    assert_int_equal(view.record.version, 0);
    assert_int_equal(view.report.n_bytes, 0);
    trivet_job_view_release(&view);
}

static void test_no_targets(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    char target[] = "empty";
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    job.pipeline.target = target;
    assert_fails(fixture, &job, TRIVET_INVALID_ARGUMENT, "'empty'");
}

static void test_failing_children(void **state)
{
    const struct {
        const char *child;
        enum trivet_status status;
        const char *what;
    } cases[] = {
        {"killed", TRIVET_RESOURCE_EXHAUSTED, "signal 9"},
        {"aborts", TRIVET_INTERNAL, "SIGABRT"},
        {"exits", TRIVET_INTERNAL, "exit status 3"},
        {"cut", TRIVET_INTERNAL, "exit status 2"},
        {"huge", TRIVET_DATA_LOSS, "announced"},
        {"garbage", TRIVET_DATA_LOSS, "no message"},
    };
    struct fixture *fixture = *state;
    struct fixture_job job;
    fixture_job_init(fixture, &job);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(cases); i++) {
        fixture_open_jobs(fixture, cases[i].child);
        assert_fails(fixture, &job, cases[i].status, cases[i].what);
        fixture_close_jobs(fixture);
    }
    fixture_open_jobs(fixture, "trainer");
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(view.record.version, 1);
    trivet_job_view_release(&view);
}

/* Whatever a child tells of its loss: a bounded course of numbers, over memory that is bounded. */
static void test_losses(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_error err = {0};
    Trivet__V1__Job *message = NULL;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "losses");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_running(fixture, id);
    assert_int_equal(trivet_jobs_get(fixture->jobs, id, &view, &err), TRIVET_OK);
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_job_view_encode(&view, arena, &message, &err), TRIVET_OK);
    const Trivet__V1__JobProgress *progress = message->progress;
    assert_true(progress->n_losses > TRIVET_LOSSES_MAX / 2);
    assert_true(progress->n_losses <= TRIVET_LOSSES_MAX);
    assert_int_equal(progress->losses[0]->iteration, 1);
    assert_int_equal(progress->losses[progress->n_losses - 1]->iteration, 1000);
    for (size_t i = 0; i < progress->n_losses; i++) {
        const Trivet__V1__LossPoint *point = progress->losses[i];
        assert_true(i == 0 || point->iteration > progress->losses[i - 1]->iteration);
        assert_true(point->loss == 1.0 / (double)point->iteration);
    }
    trivet_arena_free(arena);
    arena = trivet_arena_create(2048, 0); /* no room for so many */
    assert_non_null(arena);
    assert_int_equal(trivet_job_view_encode(&view, arena, &message, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    trivet_arena_free(arena);
    trivet_job_view_release(&view);
    assert_int_equal(trivet_jobs_cancel(fixture->jobs, id, &view, &err), TRIVET_OK);
    trivet_job_view_release(&view);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.losses.n, 0);
    trivet_job_view_release(&view);
}

static void test_no_trainer(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_jobs *jobs = NULL;
    struct trivet_error err = {0};
    const struct trivet_jobs_options options = {.trainer_path = "/nonexistent/trainer",
                                                .data_dir = fixture->data_dir,
                                                .queue_max = 2,
                                                .waiters_max = 2};
    fixture_job_init(fixture, &job);
    assert_int_equal(trivet_jobs_open(fixture->store, &options, &jobs, &err), TRIVET_OK);
    fixture->jobs = jobs;
    assert_fails(fixture, &job, TRIVET_FAILED_PRECONDITION, "/nonexistent/trainer");
}

static void test_memory_limit(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    if (FIXTURE_SANITIZED) {
        skip(); /* a sanitizer reserves more address space than any limit */
    }
    char large[TRIVET_STORE_ID_BYTES];
    fixture_make_dataset(fixture, 2000000, 20, false, large);
    fixture->memory_bytes_max = (uint64_t)32 << 20;
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    job.spec.dataset_id = large;
    assert_fails(fixture, &job, TRIVET_RESOURCE_EXHAUSTED, "memory");
    /* The server lives, and a job that fits in the limit too. */
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    trivet_job_view_release(&view);
}

static void test_list(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    struct trivet_job_view views[4];
    struct trivet_error err = {0};
    size_t count = 0;
    char first[TRIVET_STORE_ID_BYTES];
    char second[TRIVET_STORE_ID_BYTES];
    char other[] = "flats";
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, first);
    fixture_await_end(fixture, first, &view);
    trivet_job_view_release(&view);
    fixture_close_jobs(fixture);
    fixture_open_jobs(fixture, "hang");
    job.spec.model = other;
    fixture_submit_ok(fixture, &job, second);
    fixture_await_running(fixture, second);
    assert_int_equal(trivet_jobs_list(fixture->jobs, "", views, 4, &count, &err), TRIVET_OK);
    assert_int_equal(count, 2);
    assert_string_equal(views[0].record.id, second);
    assert_string_equal(views[0].phase, "fit");
    assert_true(fabs(views[0].fraction - 0.5) < 1e-12);
    assert_int_equal(views[1].record.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(views[1].report.n_bytes, 0);
    assert_int_equal(trivet_jobs_list(fixture->jobs, "flats", views, 4, &count, &err), TRIVET_OK);
    assert_int_equal(count, 1);
    assert_int_equal(trivet_jobs_list(fixture->jobs, "", views, 1, &count, &err), TRIVET_OK);
    assert_int_equal(count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_train),          TEST(test_beside_version),
        TEST(test_same_bits),      TEST(test_parent_version),
        TEST(test_cross_validate), TEST(test_train_with_folds),
        TEST(test_no_targets),     TEST(test_failing_children),
        TEST(test_no_trainer),     TEST(test_memory_limit),
        TEST(test_list),           TEST(test_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
