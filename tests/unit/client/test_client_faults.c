/* libtrivet over tcp and ipc against a peer that is faulty in one way: a blocking call, a stream
 * and a pipeline each end with a status that tells what happened, in time. */
#include "base/alloc.h"
#include "base/clock.h"
#include "unit/client/faulty_peer.h"

#include <trivet/client.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define METHOD   "trivet.v1.Test/Echo"
#define SHORT_MS 300   /* for what does not end by itself */
#define LONG_MS  60000 /* for what does, on a busy machine too */

static struct trivet_client *open_client(const struct faulty_peer *peer, int call_ms)
{
    struct trivet_client_options options = {.url = faulty_peer_url(peer),
                                            .connect_timeout_ms = LONG_MS,
                                            .call_timeout_ms = call_ms,
                                            .reconnect_first_ms = 5,
                                            .reconnect_slowest_ms = 20};
    struct trivet_client *client = NULL;
    struct trivet_error err = {0};
    assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_OK);
    return client;
}

static enum trivet_status by_call(struct trivet_client *client, struct trivet_error *err)
{
    struct trivet_reply reply = {0};
    enum trivet_status status = trivet_client_call(client, METHOD, "abc", 3, NULL, 0, &reply, err);
    if (status == TRIVET_OK) {
        assert_int_equal(reply.body_bytes, 3);
        assert_memory_equal(reply.body, "abc", 3);
    }
    trivet_reply_release(&reply);
    return status;
}

static enum trivet_status by_stream(struct trivet_client *client, struct trivet_error *err)
{
    struct trivet_stream *stream = NULL;
    struct trivet_reply reply = {0};
    assert_int_equal(trivet_stream_open(client, METHOD, 4, &stream, err), TRIVET_OK);
    assert_int_equal(trivet_stream_submit(stream, "abc", 3, err), TRIVET_OK);
    enum trivet_status status = trivet_stream_next(stream, &reply, err);
    if (status == TRIVET_OK) {
        assert_memory_equal(reply.body, "abc", 3);
    }
    trivet_reply_release(&reply);
    trivet_stream_close(stream);
    return status;
}

struct outcome {
    size_t n_ended;
    enum trivet_status status;
    struct trivet_error err;
};

static void on_done(void *context, void *tag, enum trivet_status status,
                    const struct trivet_reply *reply, const struct trivet_error *err)
{
    struct outcome *outcome = context;
    assert_ptr_equal(tag, outcome);
    outcome->n_ended++;
    outcome->status = status;
    outcome->err = *err;
    assert_true((reply != NULL) == (status == TRIVET_OK));
    if (reply != NULL) {
        assert_memory_equal(reply->body, "abc", 3);
    }
}

static enum trivet_status by_pipeline(struct trivet_client *client, struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = NULL;
    struct outcome outcome = {0};
    assert_int_equal(
        trivet_pipeline_open(client, 4, TRIVET_WHEN_FULL_REFUSE, on_done, &outcome, &pipeline, err),
        TRIVET_OK);
    assert_int_equal(trivet_pipeline_submit(pipeline, METHOD, "abc", 3, NULL, 0, &outcome, err),
                     TRIVET_OK);
    while (trivet_pipeline_in_flight(pipeline) > 0) {
        assert_int_equal(trivet_pipeline_wait(pipeline, -1, err), TRIVET_OK);
    }
    assert_int_equal(outcome.n_ended, 1);
    trivet_pipeline_close(pipeline);
    assert_int_equal(outcome.n_ended, 1);
    *err = outcome.err;
    return outcome.status;
}

typedef enum trivet_status (*way)(struct trivet_client *client, struct trivet_error *err);

/* The peer may read a request after its client has given it up. */
static size_t await_requests(struct faulty_peer *peer, size_t n_requests, bool *same_id)
{
    int64_t until_ns = trivet_clock_monotonic_ns() + LONG_MS * TRIVET_NS_PER_MS;
    while (faulty_peer_requests(peer, same_id) < n_requests &&
           trivet_clock_monotonic_ns() < until_ns) {
        usleep(1000);
    }
    return faulty_peer_requests(peer, same_id);
}

static void check(enum fault fault, enum trivet_status expected, const char *words,
                  size_t n_requests)
{
    const way ways[] = {by_call, by_stream, by_pipeline};
    for (size_t i = 0; i < 6; i++) {
        struct faulty_peer *peer = faulty_peer_start(i % 2 == 1, fault);
        struct trivet_client *client =
            open_client(peer, expected == TRIVET_DEADLINE_EXCEEDED ? SHORT_MS : LONG_MS);
        struct trivet_error err = {0};
        int64_t before_ns = trivet_clock_monotonic_ns();
        enum trivet_status status = ways[i / 2](client, &err);
        print_message("fault %d way %zu: %s\n", (int)fault, i, err.message);
        assert_int_equal(status, expected);
        assert_non_null(strstr(err.message, words));
        assert_true(trivet_clock_monotonic_ns() - before_ns < LONG_MS / 2 * TRIVET_NS_PER_MS);
        bool same_id;
        assert_int_equal(await_requests(peer, n_requests, &same_id), n_requests);
        assert_true(same_id);
        trivet_client_close(client);
        faulty_peer_stop(peer);
    }
}

static void test_right_answers(void **state)
{
    (void)state;
    check(FAULT_NONE, TRIVET_OK, "", 1);
    check(FAULT_EVERY_BYTE, TRIVET_OK, "", 1);
}

static void test_a_break_is_mended_once_with_the_same_id(void **state)
{
    (void)state;
    check(FAULT_CLOSE_ONCE, TRIVET_OK, "", 2);
    check(FAULT_CLOSE_MID_REPLY, TRIVET_UNAVAILABLE, "broke twice", 2);
    check(FAULT_HALF_CLOSE, TRIVET_UNAVAILABLE, "broke twice", 2);
}

static void test_silence_ends_at_the_deadline(void **state)
{
    (void)state;
    check(FAULT_SILENT, TRIVET_DEADLINE_EXCEEDED, "300 ms", 1);
    check(FAULT_LONG_PROMISE, TRIVET_DEADLINE_EXCEEDED, "300 ms", 1);
}

static void test_what_is_no_reply_is_data_loss(void **state)
{
    (void)state;
    check(FAULT_WRONG_ID, TRIVET_DATA_LOSS, "no reply to this call", 1);
    check(FAULT_TINY_PAYLOAD, TRIVET_DATA_LOSS, "no reply to this call", 1);
    check(FAULT_HUGE_LENGTH, TRIVET_DATA_LOSS, "reply_bytes_max", 1);
    check(FAULT_GARBAGE_FRAME, TRIVET_DATA_LOSS, "not a Trivet frame", 1);
}

/* A reply too many is never taken for that of the next call. */
static void test_a_reply_too_many(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        struct faulty_peer *peer = faulty_peer_start(ipc != 0, FAULT_TWICE);
        struct trivet_client *client = open_client(peer, LONG_MS);
        struct trivet_error err = {0};
        assert_int_equal(by_call(client, &err), TRIVET_OK);
        assert_int_equal(by_call(client, &err), TRIVET_DATA_LOSS);
        assert_int_equal(by_call(client, &err), TRIVET_OK);
        trivet_client_close(client);
        faulty_peer_stop(peer);
    }
}

static void test_who_greets_wrongly_is_no_server(void **state)
{
    (void)state;
    const struct {
        enum fault fault;
        const char *words;
    } cases[] = {
        {FAULT_GARBAGE_HELLO, "does not answer calls"},
        {FAULT_NO_REP, "does not answer calls"},
        {FAULT_CLOSE_AT_HELLO, "trivetd"},
    };
    for (size_t i = 0; i < 6; i++) {
        struct faulty_peer *peer = faulty_peer_start(i % 2 == 1, cases[i / 2].fault);
        struct trivet_client_options options = {.url = faulty_peer_url(peer)};
        struct trivet_client *client = NULL;
        struct trivet_error err = {0};
        assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_UNAVAILABLE);
        assert_non_null(strstr(err.message, cases[i / 2].words));
        assert_null(client);
        faulty_peer_stop(peer);
    }
}

/* More than the sockets hold: the sender's deadline ends it, too. */
static void test_a_peer_that_does_not_read(void **state)
{
    (void)state;
    const size_t n_bytes = (size_t)32 << 20;
    uint8_t *body = trivet_calloc(1, n_bytes);
    assert_non_null(body);
    for (int ipc = 0; ipc < 2; ipc++) {
        struct faulty_peer *peer = faulty_peer_start(ipc != 0, FAULT_NOT_READING);
        struct trivet_client *client = open_client(peer, SHORT_MS);
        struct trivet_stream *stream = NULL;
        struct trivet_reply reply = {0};
        struct trivet_error err = {0};
        assert_int_equal(trivet_client_call(client, METHOD, body, n_bytes, NULL, 0, &reply, &err),
                         TRIVET_DEADLINE_EXCEEDED);
        assert_int_equal(trivet_stream_open(client, METHOD, 4, &stream, &err), TRIVET_OK);
        assert_int_equal(trivet_stream_submit(stream, body, n_bytes, &err), TRIVET_OK);
        assert_int_equal(trivet_stream_next(stream, &reply, &err), TRIVET_DEADLINE_EXCEEDED);
        trivet_stream_close(stream);
        trivet_client_close(client);
        faulty_peer_stop(peer);
    }
    trivet_free(body);
}

static void test_addresses(void **state)
{
    (void)state;
    const char *const bad[] = {
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://:7600",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:7600x",
        "tcp://::1:7600",
        "ipc://",
        "ipc:///0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
        "2345678901234567890123456789",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trivet_client_options options = {.url = bad[i]};
        struct trivet_client *client = NULL;
        struct trivet_error err = {0};
        assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_INVALID_ARGUMENT);
    }
    const char *const nobody[] = {"tcp://[::1]:1", "tcp://127.0.0.1:1", "ipc:///nowhere/at/all",
                                  "tcp://name.invalid:1"};
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
        struct trivet_client_options options = {.url = nobody[i]};
        struct trivet_client *client = NULL;
        struct trivet_error err = {0};
        assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_UNAVAILABLE);
        assert_non_null(strstr(err.message, nobody[i]));
    }
}

/* --- many calls ------------------------------------------------------------------------------ */

struct loop {
    struct trivet_pipeline *pipeline;
    uint32_t n_begun;
    uint32_t n_wanted;
    uint32_t n_ended;
    uint8_t *seen; /* by number */
};

static void submit_next(struct loop *loop)
{
    struct trivet_error err = {0};
    uint32_t number = loop->n_begun++;
    assert_int_equal(trivet_pipeline_submit(loop->pipeline, METHOD, &number, sizeof(number), NULL,
                                            LONG_MS, &loop->seen[number], &err),
                     TRIVET_OK);
}

static void on_number(void *context, void *tag, enum trivet_status status,
                      const struct trivet_reply *reply, const struct trivet_error *err)
{
    struct loop *loop = context;
    uint32_t number;
    uint8_t *seen = tag;
    (void)err;
    assert_int_equal(status, TRIVET_OK);
    assert_int_equal(reply->body_bytes, sizeof(number));
    memcpy(&number, reply->body, sizeof(number));
    assert_ptr_equal(&loop->seen[number], seen);
    assert_int_equal(*seen, 0);
    *seen = 1;
    loop->n_ended++;
    if (loop->n_begun < loop->n_wanted) {
        submit_next(loop);
    }
}

static void run_loop(bool ipc, enum fault fault, uint32_t n_wanted, size_t window)
{
    struct faulty_peer *peer = faulty_peer_start(ipc, fault);
    struct trivet_client *client = open_client(peer, LONG_MS);
    struct loop loop = {.n_wanted = n_wanted, .seen = trivet_calloc(n_wanted, 1)};
    struct trivet_error err = {0};
    assert_non_null(loop.seen);
    assert_int_equal(trivet_pipeline_open(client, window, TRIVET_WHEN_FULL_REFUSE, on_number, &loop,
                                          &loop.pipeline, &err),
                     TRIVET_OK);
    while (loop.n_begun < n_wanted && trivet_pipeline_in_flight(loop.pipeline) < window) {
        submit_next(&loop);
    }
    while (trivet_pipeline_in_flight(loop.pipeline) > 0) {
        assert_int_equal(trivet_pipeline_wait(loop.pipeline, -1, &err), TRIVET_OK);
    }
    assert_int_equal(loop.n_ended, n_wanted);
    assert_int_equal(trivet_pipeline_wait(loop.pipeline, -1, &err), TRIVET_FAILED_PRECONDITION);
    trivet_pipeline_close(loop.pipeline);
    trivet_free(loop.seen);
    trivet_client_close(client);
    faulty_peer_stop(peer);
}

static void test_a_callback_may_submit(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        run_loop(ipc != 0, FAULT_NONE, 20000, 64);
        run_loop(ipc != 0, FAULT_EVERY_BYTE, 300, 8);
        run_loop(ipc != 0, FAULT_CLOSE_ONCE, 2000, 64);
        run_loop(ipc != 0, FAULT_NONE, 5000, 4096);
    }
}

static void count_done(void *context, void *tag, enum trivet_status status,
                       const struct trivet_reply *reply, const struct trivet_error *err)
{
    size_t *counts = context;
    (void)tag;
    (void)reply;
    (void)err;
    counts[status]++;
}

static void test_a_full_window_refuses_or_waits(void **state)
{
    (void)state;
    struct faulty_peer *silent = faulty_peer_start(false, FAULT_SILENT);
    struct faulty_peer *good = faulty_peer_start(true, FAULT_NONE);
    struct trivet_client *client = open_client(silent, LONG_MS);
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    size_t counts[TRIVET_STATUS_COUNT] = {0};
    assert_int_equal(trivet_pipeline_open(client, 2, TRIVET_WHEN_FULL_REFUSE, count_done, counts,
                                          &pipeline, &err),
                     TRIVET_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            trivet_pipeline_submit(pipeline, METHOD, "abc", 3, NULL, LONG_MS, NULL, &err),
            i < 2 ? TRIVET_OK : TRIVET_RESOURCE_EXHAUSTED);
    }
    assert_int_equal(trivet_pipeline_flush(pipeline, LONG_MS, &err), TRIVET_OK);
    assert_int_equal(trivet_pipeline_wait(pipeline, 20, &err), TRIVET_DEADLINE_EXCEEDED);
    trivet_pipeline_close(pipeline);
    assert_int_equal(counts[TRIVET_CANCELLED], 2);
    trivet_client_close(client);

    client = open_client(good, LONG_MS);
    assert_int_equal(
        trivet_pipeline_open(client, 2, TRIVET_WHEN_FULL_WAIT, count_done, counts, &pipeline, &err),
        TRIVET_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(trivet_pipeline_submit(pipeline, METHOD, "abc", 3, NULL, 0, NULL, &err),
                         TRIVET_OK);
        assert_true(trivet_pipeline_in_flight(pipeline) <= 2);
    }
    while (trivet_pipeline_in_flight(pipeline) > 0) {
        assert_int_equal(trivet_pipeline_wait(pipeline, -1, &err), TRIVET_OK);
    }
    assert_int_equal(counts[TRIVET_OK], 100);
    trivet_pipeline_close(pipeline);
    trivet_client_close(client);
    faulty_peer_stop(silent);
    faulty_peer_stop(good);
}

/* Requests and replies that no socket buffer holds: whoever did not read while writing would hang.
 */
static void test_large_calls_in_both_directions(void **state)
{
    (void)state;
    const size_t n_bytes = (size_t)3 << 20;
    uint8_t *body = trivet_malloc(n_bytes);
    assert_non_null(body);
    for (size_t i = 0; i < n_bytes; i++) {
        body[i] = (uint8_t)(i * 7 >> 3);
    }
    for (int ipc = 0; ipc < 2; ipc++) {
        struct faulty_peer *peer = faulty_peer_start(ipc != 0, FAULT_NONE);
        struct trivet_client_options options = {.url = faulty_peer_url(peer)};
        struct trivet_client *client = NULL;
        struct trivet_stream *stream = NULL;
        struct trivet_error err = {0};
        struct trivet_reply reply = {0};
        assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_OK);
        assert_int_equal(trivet_stream_open(client, METHOD, 6, &stream, &err), TRIVET_OK);
        for (size_t i = 0; i < 20; i++) {
            if (trivet_stream_in_flight(stream) == 6) {
                assert_int_equal(trivet_stream_next(stream, &reply, &err), TRIVET_OK);
                assert_memory_equal(reply.body, body, reply.body_bytes);
                trivet_reply_release(&reply);
            }
            assert_int_equal(trivet_stream_submit(stream, body, n_bytes - i, &err), TRIVET_OK);
        }
        for (size_t i = 14; trivet_stream_in_flight(stream) > 0; i++) {
            assert_int_equal(trivet_stream_next(stream, &reply, &err), TRIVET_OK);
            assert_int_equal(reply.body_bytes, n_bytes - i);
            assert_memory_equal(reply.body, body, reply.body_bytes);
            trivet_reply_release(&reply);
        }
        trivet_stream_close(stream);
        assert_int_equal(trivet_client_call(client, METHOD, body, n_bytes, NULL, 0, &reply, &err),
                         TRIVET_OK);
        assert_memory_equal(reply.body, body, n_bytes);
        trivet_client_close(client);
        trivet_reply_release(&reply); /* it outlives its client */
        faulty_peer_stop(peer);
    }
    trivet_free(body);
}

static void *call_often(void *argument)
{
    struct trivet_error err = {0};
    for (int i = 0; i < 200; i++) {
        assert_int_equal(by_call(argument, &err), TRIVET_OK);
    }
    return NULL;
}

static void test_threads_share_a_client(void **state)
{
    (void)state;
    for (int ipc = 0; ipc < 2; ipc++) {
        struct faulty_peer *peer = faulty_peer_start(ipc != 0, FAULT_NONE);
        struct trivet_client_options options = {.url = faulty_peer_url(peer)};
        struct trivet_client *client = NULL;
        struct trivet_error err = {0};
        assert_int_equal(trivet_client_open(&options, &client, &err), TRIVET_OK);
        pthread_t threads[6];
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, call_often, client), 0);
        }
        for (size_t i = 0; i < 6; i++) {
            pthread_join(threads[i], NULL);
        }
        trivet_client_close(client);
        bool same_id;
        assert_int_equal(faulty_peer_requests(peer, &same_id), 1200);
        assert_false(same_id);
        faulty_peer_stop(peer);
    }
}

static void test_without_memory(void **state)
{
    (void)state;
    struct faulty_peer *peer = faulty_peer_start(true, FAULT_NONE);
    for (uint64_t k = 1; k < 12; k++) {
        struct trivet_client *client = open_client(peer, LONG_MS);
        struct trivet_stream *stream = NULL;
        struct trivet_reply reply = {0};
        struct trivet_error err = {0};
        trivet_alloc_fail_at(k);
        enum trivet_status status = trivet_stream_open(client, METHOD, 2, &stream, &err);
        status = status == TRIVET_OK ? trivet_stream_submit(stream, "abc", 3, &err) : status;
        trivet_alloc_fail_at(0);
        status = status == TRIVET_OK ? trivet_stream_next(stream, &reply, &err) : status;
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_reply_release(&reply);
        trivet_stream_close(stream);
        trivet_client_close(client);
    }
    faulty_peer_stop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_answers),
        cmocka_unit_test(test_a_break_is_mended_once_with_the_same_id),
        cmocka_unit_test(test_silence_ends_at_the_deadline),
        cmocka_unit_test(test_what_is_no_reply_is_data_loss),
        cmocka_unit_test(test_a_reply_too_many),
        cmocka_unit_test(test_who_greets_wrongly_is_no_server),
        cmocka_unit_test(test_a_peer_that_does_not_read),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_callback_may_submit),
        cmocka_unit_test(test_a_full_window_refuses_or_waits),
        cmocka_unit_test(test_large_calls_in_both_directions),
        cmocka_unit_test(test_threads_share_a_client),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
