/* Predictions and events as lines, text and JSON. */
#include "clients/cli/event_text.h"
#include "clients/cli/scoring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

static const char *text_of(struct trivet_buffer *out)
{
    assert_int_equal(trivet_buffer_append(out, "", 1, NULL), TRIVET_OK);
    out->n_bytes--;
    return (const char *)out->data;
}

static json_t *parse(struct trivet_buffer *out)
{
    json_error_t error;
    json_t *root = json_loads(text_of(out), JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    trivet_buffer_release(out);
    return root;
}

/* --- predictions --- */

static struct trivet_arena *arena;

static void expect_lines(const Trivet__V1__PredictResponse *response, bool json, const char *text,
                         uint64_t n_failed)
{
    struct trivet_buffer out = {0};
    uint64_t failed = 0;
    trivet_arena_reset(arena);
    assert_int_equal(
        trivet_cli_scoring_append(response, 10, response->rows, json, arena, &out, &failed, NULL),
        TRIVET_OK);
    assert_string_equal(text_of(&out), text);
    assert_int_equal(failed, n_failed);
    trivet_buffer_release(&out);
}

static void test_scoring(void **state)
{
    (void)state;
    double values[] = {0.1, NAN, 1e22};
    char message[] = "column 'a': \"x\", no";
    Trivet__V1__RowError row_error = TRIVET__V1__ROW_ERROR__INIT;
    row_error.row = 1;
    row_error.message = message;
    Trivet__V1__RowError beyond = TRIVET__V1__ROW_ERROR__INIT;
    beyond.row = 3;
    Trivet__V1__RowError *row_errors[] = {&row_error, &beyond};
    Trivet__V1__Output output = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&output};
    output.cols = 1;
    output.n_f64 = 3;
    output.f64 = values;
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    response.rows = 3;
    response.n_outputs = 1;
    response.outputs = outputs;
    response.n_row_errors = 2;
    response.row_errors = row_errors;
    expect_lines(&response, false, "10,0.1,\n11,,\"column 'a': \"\"x\"\", no\"\n12,1e+22,\n", 1);
    expect_lines(&response, true,
                 "{\"row\":10,\"prediction\":0.1}\n"
                 "{\"row\":11,\"error\":\"column 'a': \\\"x\\\", no\"}\n"
                 "{\"row\":12,\"prediction\":1e+22}\n",
                 1);
    float floats[] = {0.1f, 16777216.0f, 3.14159274f};
    output.n_f64 = 0;
    output.n_f32 = 3;
    output.f32 = floats;
    response.n_row_errors = 0;
    expect_lines(&response, false, "10,0.1,\n11,16777216,\n12,3.1415927,\n", 0);
    uint32_t codes[] = {1, 0, 7};
    char *texts[] = {"no", "yes, sure"};
    output.n_f32 = 0;
    output.n_text_codes = 3;
    output.text_codes = codes;
    output.n_text = 2;
    output.text = texts;
    expect_lines(&response, true,
                 "{\"row\":10,\"prediction\":\"yes, sure\"}\n{\"row\":11,\"prediction\":\"no\"}\n"
                 "{\"row\":12,\"prediction\":\"\"}\n",
                 0);
}

static void test_scoring_of_wrong_replies(void **state)
{
    (void)state;
    struct trivet_buffer out = {0};
    uint64_t failed = 0;
    struct trivet_error err = {0};
    double values[] = {1, 2};
    Trivet__V1__Output output = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&output};
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    response.rows = 2;
    response.outputs = outputs;
    assert_int_equal(trivet_cli_scoring_append(&response, 0, 2, false, arena, &out, &failed, &err),
                     TRIVET_DATA_LOSS); /* no output */
    response.n_outputs = 1;
    output.cols = 1;
    output.n_f64 = 1;
    output.f64 = values;
    assert_int_equal(trivet_cli_scoring_append(&response, 0, 2, false, arena, &out, &failed, &err),
                     TRIVET_DATA_LOSS); /* too short */
    output.n_f64 = 2;
    assert_int_equal(trivet_cli_scoring_append(&response, 0, 3, false, arena, &out, &failed, &err),
                     TRIVET_DATA_LOSS); /* of other rows */
    assert_int_equal(out.n_bytes, 0);
    assert_int_equal(failed, 0);
}

/* --- events --- */

static void test_event_lines(void **state)
{
    (void)state;
    struct trivet_buffer out = {0};
    char id[] = "job-1";
    char model[] = "m";
    char phase[] = "fit";
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    progress.phase = phase;
    progress.fraction = 0.5;
    Trivet__V1__Job job = TRIVET__V1__JOB__INIT;
    job.id = id;
    job.model = model;
    job.state = TRIVET__V1__JOB_STATE__JOB_STATE_RUNNING;
    job.progress = &progress;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.unix_us = 1500000;
    event.body_case = TRIVET__V1__EVENT__BODY_JOB;
    event.job = &job;
    assert_int_equal(trivet_cli_event_line("training.job-1.", &event, &out, NULL), TRIVET_OK);
    assert_string_equal(text_of(&out), "00:00:01.500Z  training.job-1.              job-1 for m: "
                                       "running fit 50 %\n");
    trivet_buffer_release(&out);
    Trivet__V1__LossPoint point = TRIVET__V1__LOSS_POINT__INIT;
    Trivet__V1__LossPoint *points[] = {&point};
    point.iteration = 12;
    point.loss = 0.0123456;
    progress.losses = points;
    progress.n_losses = 1;
    assert_int_equal(trivet_cli_event_line("training.job-1.", &event, &out, NULL), TRIVET_OK);
    assert_string_equal(text_of(&out), "00:00:01.500Z  training.job-1.              job-1 for m: "
                                       "running fit 50 %, loss 0.01235\n");
    trivet_buffer_release(&out);
    assert_int_equal(trivet_cli_event_json("training.job-1.", &event, &out, NULL), TRIVET_OK);
    json_t *root = parse(&out);
    assert_string_equal(json_string_value(json_object_get(root, "topic")), "training.job-1.");
    json_t *body = json_object_get(json_object_get(root, "event"), "job");
    assert_string_equal(json_string_value(json_object_get(body, "state")), "RUNNING");
    json_decref(root);
    /* A body that this version does not know. */
    event.body_case = TRIVET__V1__EVENT__BODY__NOT_SET;
    assert_int_equal(trivet_cli_event_line("new.", &event, &out, NULL), TRIVET_OK);
    trivet_buffer_release(&out);
}

static void assert_what(const char *topic, const Trivet__V1__Event *event, const char *line)
{
    struct trivet_buffer out = {0};
    assert_int_equal(trivet_cli_event_line(topic, event, &out, NULL), TRIVET_OK);
    assert_string_equal(text_of(&out), line);
    trivet_buffer_release(&out);
}

static void test_lines_of_models_and_predictions(void **state)
{
    (void)state;
    char name[] = "m";
    char alias[] = "production";
    char id[] = "p-1/0";
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    Trivet__V1__ModelEvent model = TRIVET__V1__MODEL_EVENT__INIT;
    model.model = name;
    model.version = 3;
    model.change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_LOADED;
    event.body_case = TRIVET__V1__EVENT__BODY_MODEL;
    event.model = &model;
    assert_what("model.m.", &event,
                "00:00:00.000Z  model.m.                     version 3: loaded\n");
    model.change = TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_ALIAS_SET;
    model.alias = alias;
    assert_what("model.m.", &event,
                "00:00:00.000Z  model.m.                     version 3: alias set, production\n");
    Trivet__V1__PredictionSample sample = TRIVET__V1__PREDICTION_SAMPLE__INIT;
    sample.model = name;
    sample.version = 3;
    sample.prediction = id;
    sample.value = 2.5;
    sample.total_us = 12;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_SAMPLE;
    event.prediction_sample = &sample;
    assert_what("prediction.m.", &event,
                "00:00:00.000Z  prediction.m.                version 3: p-1/0 = 2.5 in 12 "
                "\xc2\xb5s\n");
    sample.status = TRIVET__V1__STATUS__STATUS_INVALID_ARGUMENT;
    assert_what("prediction.m.", &event,
                "00:00:00.000Z  prediction.m.                version 3: p-1/0 failed, "
                "INVALID_ARGUMENT, in 12 \xc2\xb5s\n");
    Trivet__V1__ServerEvent server = TRIVET__V1__SERVER_EVENT__INIT;
    server.phase = TRIVET__V1__SERVER_PHASE__SERVER_PHASE_READY;
    event.body_case = TRIVET__V1__EVENT__BODY_SERVER;
    event.server = &server;
    assert_what("server.", &event, "00:00:00.000Z  server.                      ready\n");
}

static void test_events_address(void **state)
{
    (void)state;
    const char *const cases[][3] = {
        {"tcp://127.0.0.1:7601", "tcp://10.0.0.5:7600", "tcp://127.0.0.1:7601"},
        {"tcp://0.0.0.0:7601", "tcp://10.0.0.5:7600", "tcp://10.0.0.5:7601"},
        {"tcp://[::]:7601", "tcp://[fe80::1]:7600", "tcp://[fe80::1]:7601"},
        {"tcp://*:7601", "tcp://host:7600", "tcp://host:7601"},
        {"tcp://0.0.0.0:7601", "ipc:///run/trivet", "tcp://0.0.0.0:7601"},
        {"ipc:///run/events", "tcp://host:7600", "ipc:///run/events"},
    };
    char url[64];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(trivet_cli_events_url(cases[i][0], cases[i][1], url, sizeof(url)));
        assert_string_equal(url, cases[i][2]);
    }
    assert_false(trivet_cli_events_url("tcp://0.0.0.0:7601", "tcp://host:7600", url, 10));
}

int main(void)
{
    arena = trivet_arena_create(1 << 20, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scoring),
        cmocka_unit_test(test_scoring_of_wrong_replies),
        cmocka_unit_test(test_event_lines),
        cmocka_unit_test(test_lines_of_models_and_predictions),
        cmocka_unit_test(test_events_address),
    };
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    trivet_arena_free(arena);
    return n_failed;
}
