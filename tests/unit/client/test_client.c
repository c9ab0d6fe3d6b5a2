/* libtrivet against a server that answers well, badly, late or not at all. */
#include "base/alloc.h"
#include "base/clock.h"
#include "unit/client/rep_fixture.h"

#include <trivet/client.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"

#define METHOD "trivet.v1.Test/Echo"

/* Longer than anything here takes on a busy machine: what a test does not want to run into. */
#define LONG_MS 60000

struct seen {
    atomic_int n_calls;
    char ids[4][65]; /* of the first calls */
    struct rep_answer answer;
};

static void answer_as_told(void *argument, const Trivet__V1__RequestHeader *header,
                           const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    struct seen *seen = argument;
    int n = atomic_fetch_add(&seen->n_calls, 1);
    if (n < 4) {
        snprintf(seen->ids[n], sizeof(seen->ids[n]), "%s", header->request_id);
    }
    *answer = seen->answer;
    if (answer->status == 0) {
        assert_int_equal(trivet_buffer_append(&answer->body, body, body_bytes, NULL), TRIVET_OK);
    }
}

static struct trivet_client *open_client(const char *url)
{
    struct trivet_client_options options = {
        .url = url, .connect_timeout_ms = LONG_MS, .call_timeout_ms = LONG_MS};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = trivet_client_open(&options, &client, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, TRIVET_OK);
    return client;
}

/* One call to a server that answers as told; returns the status. */
static enum trivet_status call_once(struct rep_answer answer, int timeout_ms,
                                    struct trivet_error *err)
{
    struct seen seen = {.answer = answer};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_reply reply = {0};
    enum trivet_status status =
        trivet_client_call(client, METHOD, "abc", 3, "id-1", timeout_ms, &reply, err);
    trivet_reply_release(&reply);
    trivet_client_close(client);
    rep_fixture_stop(server);
    return status;
}

static void test_call_gives_body_timings_and_replayed(void **state)
{
    (void)state;
    struct seen seen = {.answer.replayed = true};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_call(client, METHOD, "abc", 3, "mine", 0, &reply, &err),
                     TRIVET_OK);
    assert_int_equal(reply.body_bytes, 3);
    assert_memory_equal(reply.body, "abc", 3);
    assert_int_equal(reply.replayed, 1);
    assert_int_equal(reply.timings.queue_us, 1);
    assert_int_equal(reply.timings.total_us, 4);
    trivet_reply_release(&reply);
    assert_null(reply.message);
    assert_string_equal(seen.ids[0], "mine");

    /* Without an id each call gets its own, of 16 hex digits; an empty body is fine. */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(trivet_client_call(client, METHOD, NULL, 0, NULL, 0, &reply, &err),
                         TRIVET_OK);
        assert_int_equal(reply.body_bytes, 0);
        trivet_reply_release(&reply);
    }
    assert_int_equal(strlen(seen.ids[1]), 16);
    assert_string_not_equal(seen.ids[1], seen.ids[2]);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

static void test_server_error_comes_through(void **state)
{
    (void)state;
    struct trivet_error err = {0};
    struct rep_answer answer = {.status = TRIVET_NOT_FOUND,
                                .message = "no model 'x'; see 'trivet models'",
                                .violation_field = "model.name"};
    assert_int_equal(call_once(answer, 0, &err), TRIVET_NOT_FOUND);
    assert_int_equal(err.status, TRIVET_NOT_FOUND);
    assert_string_equal(err.message, "no model 'x'; see 'trivet models'");
    assert_int_equal(err.n_violations, 1);
    assert_string_equal(err.violations[0].field, "model.name");
    assert_string_equal(err.violations[0].reason, "is wrong");
    /* A number outside the table, and a percent sign in the text. */
    answer = (struct rep_answer){.status = 99, .message = "100 %s of it"};
    assert_int_equal(call_once(answer, 0, &err), TRIVET_UNKNOWN);
    assert_string_equal(err.message, "100 %s of it");
    /* An error may come without the request's id. */
    answer = (struct rep_answer){.status = TRIVET_INVALID_ARGUMENT, .request_id = ""};
    assert_int_equal(call_once(answer, 0, &err), TRIVET_INVALID_ARGUMENT);
}

static void test_bad_replies_are_data_loss(void **state)
{
    (void)state;
    const struct rep_answer bad[] = {
        {.garbage = "HTTP/1.1 400 Bad Request\r\n\r\n"},
        {.garbage = ""},
        {.garbage = "\x01"},
        {.garbage_bytes = 4096},
        {.status = TRIVET_NOT_FOUND, .message = "cut", .cut_bytes = 5},
        {.request_id = "of-another-call"},
        {.request_id = ""},
        {.status = TRIVET_NOT_FOUND, .request_id = "of-another-call"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trivet_error err = {0};
        print_message("bad reply %zu\n", i);
        assert_int_equal(call_once(bad[i], 0, &err), TRIVET_DATA_LOSS);
        assert_non_null(strstr(err.message, METHOD));
    }
}

static void test_timeout(void **state)
{
    (void)state;
    struct trivet_error err = {0};
    int64_t before_ns = trivet_clock_monotonic_ns();
    struct rep_answer silent = {.no_reply = true};
    assert_int_equal(call_once(silent, 200, &err), TRIVET_DEADLINE_EXCEEDED);
    assert_true(trivet_clock_monotonic_ns() - before_ns < LONG_MS / 2 * TRIVET_NS_PER_MS);
    assert_non_null(strstr(err.message, "200 ms"));
}

/* The first call is answered once the second has come, and the second a little later. */
static void answer_the_first_late(void *argument, const Trivet__V1__RequestHeader *header,
                                  const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    struct seen *seen = argument;
    answer_as_told(argument, header, body, body_bytes, answer);
    if (body_bytes == 1 && body[0] == '1') {
        while (atomic_load(&seen->n_calls) < 2) {
            nng_msleep(1);
        }
    } else {
        answer->delay_ms = 200;
    }
}

static void test_late_reply_does_not_disturb_the_next_call(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct rep_fixture *server = rep_fixture_start(0, answer_the_first_late, &seen);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_call(client, METHOD, "1", 1, NULL, 100, &reply, &err),
                     TRIVET_DEADLINE_EXCEEDED);
    assert_int_equal(trivet_client_call(client, METHOD, "2", 1, NULL, LONG_MS, &reply, &err),
                     TRIVET_OK);
    assert_memory_equal(reply.body, "2", 1);
    trivet_reply_release(&reply);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    char url[64];
    snprintf(url, sizeof(url), "%s", rep_fixture_url(server));
    rep_fixture_stop(server);
    struct trivet_client_options options = {.url = url};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_UNAVAILABLE);
    assert_null(client);
    assert_non_null(strstr(err.message, url));
    assert_non_null(strstr(err.message, "trivetd"));

    options.url = "not an address";
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_INVALID_ARGUMENT);
}

/* A listener that accepts and says nothing. */
static void test_mute_peer_is_bounded_by_the_connect_timeout(void **state)
{
    (void)state;
    int mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    assert_int_equal(bind(mute, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(mute, 8), 0);
    assert_int_equal(getsockname(mute, (struct sockaddr *)&address, &length), 0);
    char url[64];
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    struct trivet_client_options options = {.url = url, .connect_timeout_ms = 300};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    int64_t before_ns = trivet_clock_monotonic_ns();
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_UNAVAILABLE);
    assert_true(trivet_clock_monotonic_ns() - before_ns < LONG_MS / 2 * TRIVET_NS_PER_MS);
    assert_non_null(strstr(err.message, "300 ms"));
    close(mute);
}

/* Subscribers that a publisher has taken in. */
static atomic_int n_subscribers;

static void count_subscriber(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)pipe;
    (void)event;
    (void)argument;
    atomic_fetch_add(&n_subscribers, 1);
}

static nng_socket start_publisher(char *url, size_t url_bytes)
{
    nng_socket publisher;
    nng_listener listener;
    int port = 0;
    atomic_store(&n_subscribers, 0);
    assert_int_equal(nng_pub0_open(&publisher), 0);
    assert_int_equal(nng_pipe_notify(publisher, NNG_PIPE_EV_ADD_POST, count_subscriber, NULL), 0);
    assert_int_equal(nng_listen(publisher, "tcp://127.0.0.1:0", &listener, 0), 0);
    assert_int_equal(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(url, url_bytes, "tcp://127.0.0.1:%d", port);
    return publisher;
}

static void test_events_address_is_not_the_rpc_address(void **state)
{
    (void)state;
    char url[64];
    nng_socket publisher = start_publisher(url, sizeof(url));
    struct trivet_client_options options = {.url = url, .connect_timeout_ms = 500};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_UNAVAILABLE);
    assert_null(client);
    nng_close(publisher);
}

struct stopper {
    struct rep_fixture *server;
    struct seen *seen;
};

static void *stop_after_a_call(void *argument)
{
    struct stopper *stopper = argument;
    while (atomic_load(&stopper->seen->n_calls) == 0) {
        nng_msleep(5);
    }
    rep_fixture_stop(stopper->server);
    return NULL;
}

/* A client that soon gives a lost server up; a busy machine may not let it connect in that time. */
static struct trivet_client *open_impatiently(const char *url)
{
    struct trivet_client_options options = {
        .url = url, .connect_timeout_ms = 400, .call_timeout_ms = LONG_MS};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    for (int tries = 0; tries < 100 && client == NULL; tries++) {
        enum trivet_status status = trivet_client_open(&options, &client, &err);
        assert_true(status == TRIVET_OK || status == TRIVET_UNAVAILABLE);
    }
    assert_non_null(client);
    return client;
}

static void test_server_goes_away_during_a_call(void **state)
{
    (void)state;
    struct seen seen = {.answer.no_reply = true};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct trivet_client *client = open_impatiently(rep_fixture_url(server));
    struct stopper stopper = {.server = server, .seen = &seen};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_after_a_call, &stopper), 0);
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    int64_t before_ns = trivet_clock_monotonic_ns();
    assert_int_equal(trivet_client_call(client, METHOD, "x", 1, "id-7", 0, &reply, &err),
                     TRIVET_UNAVAILABLE);
    assert_true(trivet_clock_monotonic_ns() - before_ns < LONG_MS / 2 * TRIVET_NS_PER_MS);
    assert_non_null(strstr(err.message, "id-7"));
    pthread_join(thread, NULL);
    /* And a call that finds nobody there. */
    assert_int_equal(trivet_client_call(client, METHOD, "x", 1, NULL, 0, &reply, &err),
                     TRIVET_UNAVAILABLE);
    trivet_client_close(client);
}

static void test_call_is_repeated_once_with_its_id_after_a_restart(void **state)
{
    (void)state;
    struct seen first = {.answer.no_reply = true};
    struct seen second = {0};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &first);
    int port = rep_fixture_port(server);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_stream *stream = NULL;
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_stream_open(client, METHOD, 1, &stream, &err), TRIVET_OK);
    assert_int_equal(trivet_stream_submit(stream, "x", 1, &err), TRIVET_OK);
    while (atomic_load(&first.n_calls) == 0) {
        nng_msleep(5);
    }
    rep_fixture_stop(server);
    server = rep_fixture_start(port, answer_as_told, &second);
    assert_int_equal(trivet_stream_next(stream, &reply, &err), TRIVET_OK);
    assert_memory_equal(reply.body, "x", 1);
    trivet_reply_release(&reply);
    assert_int_equal(atomic_load(&second.n_calls), 1);
    assert_string_equal(first.ids[0], second.ids[0]);
    trivet_stream_close(stream);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

static void test_reply_over_the_limit(void **state)
{
    (void)state;
    struct seen seen = {.answer.garbage_bytes = 100000};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct trivet_client_options options = {.url = rep_fixture_url(server),
                                            .reply_bytes_max = 10000};
    struct trivet_client *client = NULL;
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_OK);
    assert_int_equal(trivet_client_call(client, METHOD, "x", 1, NULL, 0, &reply, &err),
                     TRIVET_DATA_LOSS);
    assert_non_null(strstr(err.message, "reply_bytes_max"));
    assert_int_equal(atomic_load(&seen.n_calls), 1);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

/* Calls end in another order than they began; every fifth fails. */
static void answer_shuffled(void *argument, const Trivet__V1__RequestHeader *header,
                            const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    (void)argument;
    (void)header;
    uint32_t number = 0;
    assert_int_equal(body_bytes, sizeof(number));
    memcpy(&number, body, sizeof(number));
    answer->delay_ms = (int)((number * 7) % 4) * 10;
    answer->status = number % 5 == 4 ? TRIVET_RESOURCE_EXHAUSTED : 0;
    assert_int_equal(trivet_buffer_append(&answer->body, body, body_bytes, NULL), TRIVET_OK);
}

static void test_stream_keeps_the_order(void **state)
{
    (void)state;
    enum { N_CALLS = 60, WINDOW = 7 };
    struct rep_fixture *server = rep_fixture_start(0, answer_shuffled, NULL);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_stream *stream = NULL;
    struct trivet_error err = {0};
    struct trivet_reply reply = {0};
    assert_int_equal(trivet_stream_open(client, METHOD, WINDOW, &stream, &err), TRIVET_OK);
    assert_int_equal(trivet_stream_next(stream, &reply, &err), TRIVET_FAILED_PRECONDITION);
    uint32_t n_sent = 0;
    for (uint32_t n_taken = 0; n_taken < N_CALLS; n_taken++) {
        while (n_sent < N_CALLS && trivet_stream_in_flight(stream) < WINDOW) {
            assert_int_equal(trivet_stream_submit(stream, &n_sent, sizeof(n_sent), &err),
                             TRIVET_OK);
            n_sent++;
        }
        if (n_sent < N_CALLS) {
            assert_int_equal(trivet_stream_submit(stream, &n_sent, sizeof(n_sent), &err),
                             TRIVET_RESOURCE_EXHAUSTED);
        }
        enum trivet_status status = trivet_stream_next(stream, &reply, &err);
        if (n_taken % 5 == 4) {
            assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
            continue;
        }
        assert_int_equal(status, TRIVET_OK);
        assert_int_equal(reply.body_bytes, sizeof(n_taken));
        assert_memory_equal(reply.body, &n_taken, sizeof(n_taken));
        trivet_reply_release(&reply);
    }
    assert_int_equal(trivet_stream_in_flight(stream), 0);
    /* Closing with calls in flight is fine. */
    assert_int_equal(trivet_stream_submit(stream, &n_sent, sizeof(n_sent), &err), TRIVET_OK);
    assert_int_equal(trivet_stream_submit(stream, &n_sent, sizeof(n_sent), &err), TRIVET_OK);
    trivet_stream_close(stream);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

static void test_stream_window_bounds(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    struct trivet_stream *stream = NULL;
    struct trivet_error err = {0};
    assert_int_equal(trivet_stream_open(client, METHOD, 0, &stream, &err), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_stream_open(client, METHOD, 1u << 20, &stream, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_null(stream);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

struct hammer {
    struct trivet_client *client;
    atomic_int n_bad;
};

static void *hammer_thread(void *argument)
{
    struct hammer *hammer = argument;
    for (uint32_t i = 0; i < 50; i++) {
        struct trivet_reply reply = {0};
        enum trivet_status status =
            trivet_client_call(hammer->client, METHOD, &i, sizeof(i), NULL, 0, &reply, NULL);
        if (status != TRIVET_OK || memcmp(reply.body, &i, sizeof(i)) != 0) {
            atomic_fetch_add(&hammer->n_bad, 1);
        }
        trivet_reply_release(&reply);
    }
    return NULL;
}

static void test_many_threads_share_a_client(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct rep_fixture *server = rep_fixture_start(0, answer_as_told, &seen);
    struct hammer hammer = {.client = open_client(rep_fixture_url(server))};
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer_thread, &hammer), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&hammer.n_bad), 0);
    assert_int_equal(atomic_load(&seen.n_calls), 300);
    trivet_client_close(hammer.client);
    rep_fixture_stop(server);
}

/* Doubles each first column; row 1 fails. */
static void predict_handler(void *argument, const Trivet__V1__RequestHeader *header,
                            const uint8_t *body, size_t body_bytes, struct rep_answer *answer)
{
    (void)argument;
    assert_string_equal(header->method, "trivet.v1.Prediction/Predict");
    Trivet__V1__PredictRequest *request =
        trivet__v1__predict_request__unpack(NULL, body_bytes, body);
    assert_non_null(request);
    const Trivet__V1__Matrix *matrix = request->matrix;
    double values[8];
    Trivet__V1__Output output = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&output};
    Trivet__V1__RowError row_error = TRIVET__V1__ROW_ERROR__INIT;
    Trivet__V1__RowError *row_errors[] = {&row_error};
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    for (size_t i = 0; i < matrix->rows; i++) {
        values[i] = 2 * matrix->f64[i * matrix->cols];
    }
    output.cols = 1;
    output.n_f64 = matrix->rows;
    output.f64 = values;
    row_error.row = 1;
    row_error.status = TRIVET__V1__STATUS__STATUS_INVALID_ARGUMENT;
    response.version = request->model->version + 7;
    response.rows = matrix->rows;
    response.n_outputs = 1;
    response.outputs = outputs;
    response.n_row_errors = 1;
    response.row_errors = row_errors;
    assert_int_equal(trivet_codec_pack(&response.base, &answer->body, NULL), TRIVET_OK);
    trivet__v1__predict_request__free_unpacked(request, NULL);
}

static void test_predict(void **state)
{
    (void)state;
    struct rep_fixture *server = rep_fixture_start(0, predict_handler, NULL);
    struct trivet_client *client = open_client(rep_fixture_url(server));
    const double x[] = {0.1, 9, 0.2, 9, 0.3, 9};
    double y[3] = {0};
    size_t n_failed = 0;
    uint64_t version = 0;
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_predict(client, "m", 2, x, 3, 2, y, &n_failed, &version, &err),
                     TRIVET_OK);
    assert_true(y[0] == 0.2 && isnan(y[1]) && y[2] == 0.6);
    assert_int_equal(n_failed, 1);
    assert_int_equal(version, 9);
    assert_int_equal(trivet_client_predict(client, "m", 0, x, 0, 2, y, NULL, NULL, &err),
                     TRIVET_INVALID_ARGUMENT);
    trivet_client_close(client);
    rep_fixture_stop(server);
}

static void test_without_memory(void **state)
{
    (void)state;
    struct rep_fixture *server = rep_fixture_start(0, predict_handler, NULL);
    struct trivet_client_options options = {.url = rep_fixture_url(server)};
    const double x[] = {0.1, 0.2};
    double y[2] = {-1, -1};
    enum trivet_status status = TRIVET_UNKNOWN;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_client *client = NULL;
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        status = trivet_client_open(&options, &client, &err);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        assert_true((client != NULL) == (status == TRIVET_OK));
        if (client != NULL) {
            assert_int_equal(trivet_client_predict(client, "m", 0, x, 2, 1, y, NULL, NULL, &err),
                             TRIVET_OK);
        }
        trivet_client_close(client);
        assert_true(k < 100);
    }
    rep_fixture_stop(server);
}

static void *interrupt_soon(void *argument)
{
    nng_msleep(100);
    trivet_subscriber_interrupt(argument);
    return NULL;
}

static void test_subscriber(void **state)
{
    (void)state;
    char url[64];
    nng_socket publisher = start_publisher(url, sizeof(url));
    struct trivet_subscriber *subscriber = NULL;
    struct trivet_error err = {0};
    struct trivet_reply event = {0};
    char topic[16];
    assert_int_equal(trivet_subscriber_open(url, "job.", &subscriber, &err), TRIVET_OK);
    while (atomic_load(&n_subscribers) == 0) {
        nng_msleep(1);
    }
    const char *const frames[] = {"other.\0x", "job.\0ab", "job.none", "job.much.too.long.\0x",
                                  "job.1.\0"};
    const size_t sizes[] = {8, 7, 8, 20, 7};
    for (size_t i = 0; i < 5; i++) {
        char frame[32];
        memcpy(frame, frames[i], sizes[i]);
        assert_int_equal(nng_send(publisher, frame, sizes[i], 0), 0);
    }
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_OK);
    assert_string_equal(topic, "job.");
    assert_int_equal(event.body_bytes, 2);
    assert_memory_equal(event.body, "ab", 2);
    trivet_reply_release(&event);
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_DATA_LOSS);
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_DATA_LOSS);
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_OK);
    assert_string_equal(topic, "job.1.");
    assert_int_equal(event.body_bytes, 0);
    trivet_reply_release(&event);

    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, subscriber), 0);
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(trivet_subscriber_next(subscriber, topic, sizeof(topic), &event, &err),
                     TRIVET_CANCELLED);
    trivet_subscriber_close(subscriber);
    nng_close(publisher);
    assert_int_equal(trivet_subscriber_open(url, "", &subscriber, &err), TRIVET_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_gives_body_timings_and_replayed),
        cmocka_unit_test(test_server_error_comes_through),
        cmocka_unit_test(test_bad_replies_are_data_loss),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_late_reply_does_not_disturb_the_next_call),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_mute_peer_is_bounded_by_the_connect_timeout),
        cmocka_unit_test(test_events_address_is_not_the_rpc_address),
        cmocka_unit_test(test_server_goes_away_during_a_call),
        cmocka_unit_test(test_call_is_repeated_once_with_its_id_after_a_restart),
        cmocka_unit_test(test_reply_over_the_limit),
        cmocka_unit_test(test_stream_keeps_the_order),
        cmocka_unit_test(test_stream_window_bounds),
        cmocka_unit_test(test_many_threads_share_a_client),
        cmocka_unit_test(test_predict),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_subscriber),
    };
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    nng_fini(); /* what it still frees in the background would count as a leak */
    return n_failed;
}
