/* Answers of servers, cached: a server of the test's own counts what it is asked. */
#include "../client/rep_fixture.h"
#include "base/buffer.h"
#include "messages.h"
#include "monitor/remote/remote.h"
#include "monitor/remote/thin.h"
#include "trivet/v1/models.pb-c.h"
#include "trivet/v1/training.pb-c.h"
#include "wire/codec.h"

#include <jansson.h>
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct rep_fixture *server;
    struct trivet_monitor *monitor;
    struct trivet_monitor_remote *remote;
    atomic_int n_calls;
    atomic_bool held; /* no answer while it is */
};

static void answer_with(struct rep_answer *answer, const ProtobufCMessage *message)
{
    assert_int_equal(trivet_codec_pack(message, &answer->body, NULL), TRIVET_OK);
}

enum { losses = 5000 };

/* The body of a GetJobRequest ends in the id. */
static bool asks_for(const char *id, const uint8_t *body, size_t body_bytes)
{
    size_t n = strlen(id);
    return body_bytes >= n && memcmp(body + body_bytes - n, id, n) == 0;
}

static void answer_long_job(struct rep_answer *answer)
{
    static double curve[losses];
    char id[] = "job-long";
    Trivet__V1__FitReport fit = TRIVET__V1__FIT_REPORT__INIT;
    Trivet__V1__TrainingReport report = TRIVET__V1__TRAINING_REPORT__INIT;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    for (size_t i = 0; i < losses; i++) {
        curve[i] = (double)(losses - i);
    }
    fit.n_loss_curve = losses;
    fit.loss_curve = curve;
    report.fit = &fit;
    job.id = id;
    job.report = &report;
    answer_with(answer, &job.base);
}

static void serve(void *argument, const Trivet__V1__RequestHeader *header, const uint8_t *body,
                  size_t body_bytes, struct rep_answer *answer)
{
    struct world *world = argument;
    char name[] = "prices";
    char id[] = "job-1";
    world->n_calls++;
    while (atomic_load(&world->held)) {
        nng_msleep(1);
    }
    if (strcmp(header->method, "trivet.v1.Training/ListJobs") == 0) {
        Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
        Trivet__V1__Job *jobs[] = {&job};
        Trivet__V1__ListJobsResponse list = TRIVET__V1__LIST_JOBS_RESPONSE__INIT;
        job.id = id;
        list.n_jobs = 1;
        list.jobs = jobs;
        answer_with(answer, &list.base);
    } else if (strcmp(header->method, "trivet.v1.Models/Describe") == 0) {
        Trivet__V1__Profile profile = TRIVET__V1__PROFILE__INIT;
        Trivet__V1__Version version = TRIVET__V1__VERSION__INIT;
        Trivet__V1__Version *versions[] = {&version};
        Trivet__V1__Model model = TRIVET__V1__MODEL__INIT;
        version.version = 3;
        version.profile = &profile;
        model.name = name;
        model.n_versions = 1;
        model.versions = versions;
        answer_with(answer, &model.base);
    } else if (strcmp(header->method, "trivet.v1.Models/History") == 0) {
        Trivet__V1__AliasChange change = TRIVET__V1__ALIAS_CHANGE__INIT;
        Trivet__V1__AliasChange *changes[] = {&change};
        Trivet__V1__HistoryResponse history = TRIVET__V1__HISTORY_RESPONSE__INIT;
        change.sequence = 9;
        history.n_changes = 1;
        history.changes = changes;
        answer_with(answer, &history.base);
    } else if (strcmp(header->method, "trivet.v1.Training/GetJob") == 0 &&
               asks_for("job-long", body, body_bytes)) {
        answer_long_job(answer);
    } else {
        answer->status = TRIVET_NOT_FOUND;
        answer->message = "no such job";
    }
}

static int begin(void **state)
{
    static struct world world;
    struct trivet_error err;
    world = (struct world){0};
    world.server = rep_fixture_start(0, serve, &world);
    world.monitor = make_monitor(2); /* the second one is never up */
    world.monitor->sources[0].server_url = rep_fixture_url(world.server);
    world.monitor->sources[0].server_up = true;
    trivet_monitor_set_server_down(world.monitor, 1, "gone");
    assert_int_equal(trivet_monitor_remote_start(world.monitor, &world.remote, &err), TRIVET_OK);
    *state = &world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    atomic_store(&world->held, false);
    trivet_monitor_remote_stop(world->remote);
    rep_fixture_stop(world->server);
    trivet_monitor_free(world->monitor);
    return 0;
}

/* Asked until there is an answer: on a busy machine the first may take longer than patience. */
static enum trivet_status ask(struct world *world, enum trivet_remote_question question,
                              const char *name, uint64_t version, json_t **out,
                              struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    enum trivet_status status = TRIVET_UNAVAILABLE;
    for (int i = 0; i < 100 && status == TRIVET_UNAVAILABLE; i++) {
        status = trivet_monitor_remote_get(world->remote, question, name, version, &body, err);
        if (status == TRIVET_UNAVAILABLE && strstr(err->message, "not answered yet") == NULL) {
            break;
        }
    }
    if (status == TRIVET_OK) {
        *out = json_loadb((const char *)body.data, body.n_bytes, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(*out);
    }
    trivet_buffer_release(&body);
    return status;
}

static json_t *server_at(json_t *root, size_t at)
{
    return json_array_get(json_object_get(root, "servers"), at);
}

static void test_list(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    json_t *root = NULL;
    assert_int_equal(ask(world, TRIVET_REMOTE_JOBS, "", 0, &root, &err), TRIVET_OK);
    json_t *here = server_at(root, 0);
    assert_string_equal(json_string_value(json_object_get(here, "server")),
                        rep_fixture_url(world->server));
    assert_string_equal(json_string_value(json_object_get(here, "unavailable")), "");
    json_t *job = json_array_get(json_object_get(here, "jobs"), 0);
    assert_string_equal(json_string_value(json_object_get(job, "id")), "job-1");
    assert_string_equal(json_string_value(json_object_get(server_at(root, 1), "unavailable")),
                        "gone");
    json_decref(root);
}

static void test_one_model(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    json_t *root = NULL;
    assert_int_equal(ask(world, TRIVET_REMOTE_MODEL, "prices", 0, &root, &err), TRIVET_OK);
    assert_int_equal(json_array_size(json_object_get(root, "servers")), 1);
    json_t *model = server_at(root, 0);
    assert_string_equal(json_string_value(json_object_get(model, "name")), "prices");
    json_t *version = json_array_get(json_object_get(model, "versions"), 0);
    assert_int_equal(json_integer_value(json_object_get(version, "version")), 3);
    assert_null(json_object_get(version, "profile"));
    json_t *change = json_array_get(json_object_get(model, "changes"), 0);
    assert_int_equal(json_integer_value(json_object_get(change, "sequence")), 9);
    json_decref(root);
}

static void test_unknown(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    json_t *root = NULL;
    /* The second server, which is down, may know it. */
    assert_int_equal(ask(world, TRIVET_REMOTE_JOB, "job-2", 0, &root, &err), TRIVET_UNAVAILABLE);
    assert_string_equal(err.message, "gone");
    world->monitor->n_sources = 1;
    assert_int_equal(ask(world, TRIVET_REMOTE_JOB, "job-3", 0, &root, &err), TRIVET_NOT_FOUND);
    assert_string_equal(err.message, "no such job");
    char name[200];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(ask(world, TRIVET_REMOTE_JOB, name, 0, &root, &err), TRIVET_NOT_FOUND);
}

static void test_asked_once(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    json_t *root = NULL;
    int64_t began_ns = trivet_clock_monotonic_ns();
    int n_asked = 0;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(ask(world, TRIVET_REMOTE_JOBS, "", 0, &root, &err), TRIVET_OK);
        json_decref(root);
        n_asked++;
    }
    int64_t took_ns = trivet_clock_monotonic_ns() - began_ns;
    assert_int_equal(n_asked, 200);
    assert_true(world->n_calls <= 2 + took_ns / TRIVET_REMOTE_FRESH_NS);
    struct trivet_remote_stats stats = {0};
    trivet_monitor_remote_stats(world->remote, &stats);
    assert_int_equal(stats.answers, 1);
    assert_true(stats.answer_bytes > 0);
    assert_int_equal(stats.calls_failed, 0);
}

/* A server that takes its time costs a reader its patience, not the server's. */
static void test_patience(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    struct trivet_buffer body = {0};
    atomic_store(&world->held, true);
    int64_t began_ns = trivet_clock_monotonic_ns();
    assert_int_equal(
        trivet_monitor_remote_get(world->remote, TRIVET_REMOTE_JOBS, "", 0, &body, &err),
        TRIVET_UNAVAILABLE);
    assert_true(trivet_clock_monotonic_ns() - began_ns >= TRIVET_REMOTE_PATIENCE_NS);
    /* The call is on its way for long: nobody else waits for it. */
    began_ns = trivet_clock_monotonic_ns();
    for (int i = 0; i < 50; i++) {
        enum trivet_status status =
            trivet_monitor_remote_get(world->remote, TRIVET_REMOTE_MODELS, "", 0, &body, &err);
        assert_true(status == TRIVET_UNAVAILABLE || status == TRIVET_OK);
    }
    assert_true(trivet_clock_monotonic_ns() - began_ns < 20 * TRIVET_REMOTE_PATIENCE_NS);
    atomic_store(&world->held, false);
    trivet_buffer_release(&body);
}

/* A curve of more points than a chart can show comes as some of them. */
static void test_long_curve(void **state)
{
    struct world *world = *state;
    struct trivet_error err;
    json_t *root = NULL;
    assert_int_equal(ask(world, TRIVET_REMOTE_JOB, "job-long", 0, &root, &err), TRIVET_OK);
    const json_t *iterations = json_object_get(server_at(root, 0), "loss_iterations");
    const json_t *fit = json_object_get(json_object_get(server_at(root, 0), "report"), "fit");
    const json_t *curve = json_object_get(fit, "loss_curve");
    size_t n = json_array_size(iterations);
    assert_in_range(n, TRIVET_REMOTE_CURVE_MAX / 2, TRIVET_REMOTE_CURVE_MAX);
    assert_int_equal(json_array_size(curve), n);
    for (size_t k = 0; k < n; k++) {
        json_int_t at = json_integer_value(json_array_get(iterations, k));
        assert_true(json_number_value(json_array_get(curve, k)) == (double)(losses + 1 - at));
    }
    assert_int_equal(json_integer_value(json_array_get(iterations, n - 1)), losses);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list, begin, end),
        cmocka_unit_test_setup_teardown(test_one_model, begin, end),
        cmocka_unit_test_setup_teardown(test_unknown, begin, end),
        cmocka_unit_test_setup_teardown(test_long_curve, begin, end),
        cmocka_unit_test_setup_teardown(test_asked_once, begin, end),
        cmocka_unit_test_setup_teardown(test_patience, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
