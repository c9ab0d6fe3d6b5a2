#include "monitor/jobs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void take(struct trivet_monitor_jobs *jobs, size_t source, const char *id,
                 Trivet__V1__JobState state, uint64_t revision, int64_t now_us)
{
    char text[64];
    char model[] = "prices";
    char phase[] = "fit";
    char detail[] = "epoch 3 of 10";
    (void)snprintf(text, sizeof(text), "%s", id);
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    progress.phase = phase;
    progress.detail = detail;
    progress.fraction = 0.25;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.id = text;
    job.model = model;
    job.kind = TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN;
    job.state = state;
    job.revision = revision;
    job.progress = &progress;
    trivet_monitor_jobs_take(jobs, source, &job, now_us);
}

static void test_newest_state(void **state)
{
    (void)state;
    struct trivet_monitor_jobs jobs = {0};
    take(&jobs, 0, "job-1", TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING, 5, 1000);
    take(&jobs, 1, "job-1", TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED, 1, 1000); /* another server */
    take(&jobs, 0, "job-1", TRIVET__V1__JOB_STATE__JOB_STATE_QUEUED, 4, 2000); /* came late */
    assert_int_equal(jobs.n, 2);
    assert_int_equal(jobs.items[0].state, TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING);
    assert_int_equal(jobs.items[0].heard_us, 1000);
    json_t *json = trivet_monitor_job_json(&jobs.items[0], "tcp://here");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "RUNNING");
    assert_string_equal(json_string_value(json_object_get(json, "server")), "tcp://here");
    json_t *progress = json_object_get(json, "progress");
    assert_string_equal(json_string_value(json_object_get(progress, "detail")), "epoch 3 of 10");
    assert_true(json_real_value(json_object_get(progress, "fraction")) == 0.25);
    json_decref(json);
    trivet_monitor_jobs_forget(&jobs, 0);
    assert_int_equal(jobs.n, 1);
    assert_int_equal(jobs.items[0].source, 1);
}

static const json_t *losses_of(const struct trivet_monitor_jobs *jobs, json_t **json)
{
    *json = trivet_monitor_job_json(&jobs->items[0], "tcp://here");
    return json_object_get(json_object_get(*json, "progress"), "losses");
}

static void test_newest_loss(void **state)
{
    (void)state;
    struct trivet_monitor_jobs jobs = {0};
    char id[] = "job-1";
    json_t *json = NULL;
    Trivet__V1__LossPoint first = TRIVET__V1__LOSS_POINT__INIT;
    Trivet__V1__LossPoint newest = TRIVET__V1__LOSS_POINT__INIT;
    Trivet__V1__LossPoint *points[] = {&first, &newest};
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.id = id;
    job.progress = &progress;
    progress.losses = points;
    progress.n_losses = 2;
    newest.iteration = 7;
    newest.loss = 0.5;
    trivet_monitor_jobs_take(&jobs, 0, &job, 1000);
    const json_t *losses = losses_of(&jobs, &json);
    assert_int_equal(json_array_size(losses), 1);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(losses, 0), "iteration")),
                     7);
    assert_true(json_number_value(json_object_get(json_array_get(losses, 0), "loss")) == 0.5);
    json_decref(json);
    newest.loss = NAN;
    trivet_monitor_jobs_take(&jobs, 0, &job, 1000);
    assert_int_equal(json_array_size(losses_of(&jobs, &json)), 0);
    json_decref(json);
    newest.loss = 0.25;
    trivet_monitor_jobs_take(&jobs, 0, &job, 1000);
    progress.n_losses = 0; /* it has ended */
    trivet_monitor_jobs_take(&jobs, 0, &job, 1000);
    const json_t *none = losses_of(&jobs, &json);
    assert_true(json_is_array(none));
    assert_int_equal(json_array_size(none), 0);
    json_decref(json);
}

static void test_no_job(void **state)
{
    (void)state;
    struct trivet_monitor_jobs jobs = {0};
    take(&jobs, 0, "", TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING, 1, 1000);
    take(&jobs, 0, "job-0123456789abcdef0123456789abcdef", TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING,
         1, 1000);
    assert_int_equal(jobs.n, 0);
}

static void test_told_for_a_while(void **state)
{
    (void)state;
    struct trivet_monitor_jobs jobs = {0};
    take(&jobs, 0, "ended", TRIVET__V1__JOB_STATE__JOB_STATE_FAILED, 1, 0);
    take(&jobs, 0, "running", TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING, 1, 0);
    trivet_monitor_jobs_tick(&jobs, TRIVET_MONITOR_JOB_ENDED_US);
    assert_int_equal(jobs.n, 2);
    trivet_monitor_jobs_tick(&jobs, TRIVET_MONITOR_JOB_ENDED_US + 1);
    assert_int_equal(jobs.n, 1);
    assert_string_equal(jobs.items[0].id, "running");
    trivet_monitor_jobs_tick(&jobs, TRIVET_MONITOR_JOB_SILENT_US + 1);
    assert_int_equal(jobs.n, 0);
}

static void test_bounded(void **state)
{
    (void)state;
    struct trivet_monitor_jobs jobs = {0};
    char id[16];
    for (int i = 0; i <= TRIVET_MONITOR_JOBS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "job-%d", i);
        /* The second is the one not heard of for the longest. */
        take(&jobs, 0, id, TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING, 1, i == 1 ? 1 : 100 + i);
    }
    assert_int_equal(jobs.n, TRIVET_MONITOR_JOBS_MAX);
    assert_string_equal(jobs.items[0].id, "job-0");
    assert_string_equal(jobs.items[1].id, "job-2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newest_state), cmocka_unit_test(test_newest_loss),
        cmocka_unit_test(test_no_job),       cmocka_unit_test(test_told_for_a_while),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
