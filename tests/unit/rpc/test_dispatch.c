/* Dispatch and call over an exchange in memory: what comes in, what goes out, what is counted. */
#include "base/alloc.h"
#include "base/clock.h"
#include "rpc/call.h"
#include "trivet/v1/server.pb-c.h"
#include "wire/frame.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLS_MAX       4
#define FRAME_BYTES_MAX 65536
#define BODY_BYTES_MAX  100

/* A transport of one request. */
struct memory_exchange {
    struct trivet_exchange exchange;
    pthread_mutex_t lock;
    pthread_cond_t sent_cond;
    uint8_t *reply;
    size_t reply_bytes;
    bool sent;
    bool refuse_memory;
};

static uint8_t *memory_reserve(struct trivet_exchange *exchange, size_t n_bytes)
{
    struct memory_exchange *memory = (struct memory_exchange *)exchange;
    free(memory->reply);
    memory->reply = memory->refuse_memory ? NULL : malloc(n_bytes + 1);
    memory->reply_bytes = n_bytes;
    return memory->reply;
}

static void memory_send(struct trivet_exchange *exchange)
{
    struct memory_exchange *memory = (struct memory_exchange *)exchange;
    pthread_mutex_lock(&memory->lock);
    assert_false(memory->sent);
    memory->sent = true;
    pthread_cond_signal(&memory->sent_cond);
    pthread_mutex_unlock(&memory->lock);
}

static const struct trivet_exchange_ops memory_ops = {memory_reserve, memory_send, NULL};

/* --- the service under test: Server's descriptor, our handlers ------------------------------- */

struct fixture {
    struct trivet_totals *totals;
    struct trivet_executor *executor;
    struct trivet_dispatch *dispatch;
    pthread_t transport; /* the test's own thread */
    bool on_transport;   /* where the last handler ran */
    struct trivet_call *kept;
    pthread_mutex_t gate;  /* held: control handlers wait */
    atomic_uint n_at_gate; /* that have come to it */
};

static void live(struct trivet_call *call, void *service)
{
    struct fixture *fixture = service;
    Trivet__V1__LiveResponse response = TRIVET__V1__LIVE_RESPONSE__INIT;
    fixture->on_transport = pthread_equal(pthread_self(), fixture->transport);
    trivet_call_finish(call, &response.base);
}

static void ready(struct trivet_call *call, void *service)
{
    struct fixture *fixture = service;
    Trivet__V1__ReadyResponse response = TRIVET__V1__READY_RESPONSE__INIT;
    atomic_fetch_add(&fixture->n_at_gate, 1);
    pthread_mutex_lock(&fixture->gate);
    fixture->on_transport = pthread_equal(pthread_self(), fixture->transport);
    pthread_mutex_unlock(&fixture->gate);
    response.ready = 1;
    trivet_call_finish(call, &response.base);
}

static void info(struct trivet_call *call, void *service)
{
    struct fixture *fixture = service;
    fixture->kept = call;
}

static void stats(struct trivet_call *call, void *service)
{
    (void)service;
    struct trivet_error err;
    (void)trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "two fields are wrong");
    trivet_error_add_violation(&err, "rows", "is negative");
    trivet_error_add_violation(&err, "cols", "is odd");
    trivet_call_fail(call, &err);
}

#define ROW(method, where, change, handler)                                                        \
    {                                                                                              \
        .name = method, .plane = where, .changes_state = change, .timeout_ms_default = 1000,       \
        .request_bytes_max = BODY_BYTES_MAX, .handle = handler                                     \
    }

static const struct trivet_method rows[] = {
    ROW("Live", TRIVET_PLANE_DATA, false, live),
    ROW("Ready", TRIVET_PLANE_CONTROL, false, ready),
    ROW("Info", TRIVET_PLANE_DATA, true, info),
    ROW("Stats", TRIVET_PLANE_DATA, false, stats),
    {.name = NULL},
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct trivet_error err;
    fixture->transport = pthread_self();
    pthread_mutex_init(&fixture->gate, NULL);
    fixture->totals = trivet_totals_create();
    assert_int_equal(trivet_executor_create(1, 1, &fixture->executor, &err), TRIVET_OK);
    const struct trivet_dispatch_options options = {
        .calls_max = CALLS_MAX,
        .request_bytes_in_hand_max = 2 * FRAME_BYTES_MAX,
        .frame_bytes_max = FRAME_BYTES_MAX,
        .totals = fixture->totals,
        .executor = fixture->executor,
    };
    assert_int_equal(trivet_dispatch_create(&options, &fixture->dispatch, &err), TRIVET_OK);
    assert_int_equal(trivet_dispatch_add(fixture->dispatch, &trivet__v1__server__descriptor, rows,
                                         fixture, &err),
                     TRIVET_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    trivet_executor_free(fixture->executor);
    trivet_dispatch_free(fixture->dispatch);
    trivet_totals_free(fixture->totals);
    pthread_mutex_destroy(&fixture->gate);
    free(fixture);
    return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static void start(struct fixture *fixture, struct memory_exchange *memory, const void *data,
                  size_t n_bytes)
{
    memset(memory, 0, sizeof(*memory));
    pthread_mutex_init(&memory->lock, NULL);
    pthread_cond_init(&memory->sent_cond, NULL);
    memory->exchange.ops = &memory_ops;
    memory->exchange.data = data;
    memory->exchange.n_bytes = n_bytes;
    memory->exchange.arrival_ns = trivet_clock_monotonic_ns();
    trivet_dispatch_on_request(fixture->dispatch, &memory->exchange);
}

static size_t build_within(const char *method, const char *request_id, size_t body_bytes,
                           uint64_t timeout_us, uint8_t *out)
{
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    char name[96];
    char id[96];
    snprintf(name, sizeof(name), "%s", method);
    snprintf(id, sizeof(id), "%s", request_id);
    header.method = name;
    header.request_id = id;
    header.timeout_us = timeout_us;
    size_t n_bytes = trivet_frame_pack(&header.base, NULL, out);
    /* An unknown field of the wanted length: varint key 15, wire type 2. */
    if (body_bytes > 0) {
        memset(out + n_bytes, 'x', body_bytes);
        out[n_bytes] = 0x7a;
        out[n_bytes + 1] = (uint8_t)(body_bytes - 2);
    }
    return n_bytes + body_bytes;
}

static size_t build(const char *method, const char *request_id, size_t body_bytes, uint8_t *out)
{
    return build_within(method, request_id, body_bytes, 60000000, out);
}

/* Waits for the reply; its header, to be freed with the exchange's memory. */
static Trivet__V1__ResponseHeader *finish(struct memory_exchange *memory)
{
    pthread_mutex_lock(&memory->lock);
    while (!memory->sent) {
        pthread_cond_wait(&memory->sent_cond, &memory->lock);
    }
    pthread_mutex_unlock(&memory->lock);
    struct trivet_frame frame;
    struct trivet_error err;
    assert_non_null(memory->reply);
    assert_int_equal(trivet_frame_parse(memory->reply, memory->reply_bytes, &frame, &err),
                     TRIVET_OK);
    Trivet__V1__ResponseHeader *header =
        trivet__v1__response_header__unpack(NULL, frame.header_bytes, frame.header);
    assert_non_null(header);
    assert_non_null(header->timings);
    free(memory->reply);
    memory->reply = NULL;
    return header;
}

static void expect(struct fixture *fixture, const void *data, size_t n_bytes,
                   enum trivet_status status, const char *text)
{
    struct memory_exchange memory;
    start(fixture, &memory, data, n_bytes);
    Trivet__V1__ResponseHeader *header = finish(&memory);
    assert_int_equal(header->status, (int)status);
    if (strstr(header->message, text) == NULL) {
        fail_msg("'%s' is not in '%s'", text, header->message);
    }
    trivet__v1__response_header__free_unpacked(header, NULL);
}

static void expect_call(struct fixture *fixture, const char *method, const char *id,
                        size_t body_bytes, enum trivet_status status, const char *text)
{
    uint8_t data[512];
    expect(fixture, data, build(method, id, body_bytes, data), status, text);
}

static uint64_t counted(struct fixture *fixture, const char *method, int code)
{
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 0);
    Trivet__V1__ServerTotals *totals;
    struct trivet_error err;
    uint64_t count = 0;
    assert_int_equal(trivet_totals_encode_server(fixture->totals, arena, &totals, &err), TRIVET_OK);
    for (size_t i = 0; i < totals->n_methods; i++) {
        for (size_t j = 0; j < totals->methods[i]->n_calls; j++) {
            if (strcmp(totals->methods[i]->method, method) == 0 &&
                (int)totals->methods[i]->calls[j]->status == code) {
                count += totals->methods[i]->calls[j]->count;
            }
        }
    }
    trivet_arena_free(arena);
    return count;
}

/* --- the tests ------------------------------------------------------------------------------- */

static void rows_must_match_the_descriptor(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_error err;
    const struct trivet_method missing[] = {rows[0], rows[1], rows[2], {.name = NULL}};
    const struct trivet_method other[] = {
        rows[0], rows[1], rows[2], ROW("Nope", TRIVET_PLANE_DATA, false, live), {.name = NULL}};
    const struct trivet_method extra[] = {rows[0], rows[1], rows[2],
                                          rows[3], rows[3], {.name = NULL}};
    const struct trivet_method *const wrong[] = {missing, other, extra};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(trivet_dispatch_add(fixture->dispatch, &trivet__v1__server__descriptor,
                                             wrong[i], NULL, &err),
                         TRIVET_INTERNAL);
    }
}

static void data_plane_runs_on_the_transport(void **state)
{
    struct fixture *fixture = *state;
    expect_call(fixture, "trivet.v1.Server/Live", "", 0, TRIVET_OK, "");
    assert_true(fixture->on_transport);
    assert_int_equal(counted(fixture, "trivet.v1.Server/Live", TRIVET_OK), 1);
}

static void control_plane_runs_on_the_executor(void **state)
{
    struct fixture *fixture = *state;
    expect_call(fixture, "trivet.v1.Server/Ready", "", 0, TRIVET_OK, "");
    assert_false(fixture->on_transport);
}

static void request_id_comes_back(void **state)
{
    struct fixture *fixture = *state;
    uint8_t data[512];
    struct memory_exchange memory;
    start(fixture, &memory, data, build("trivet.v1.Server/Live", "my-id", 0, data));
    Trivet__V1__ResponseHeader *header = finish(&memory);
    assert_string_equal(header->request_id, "my-id");
    assert_false(header->replayed);
    trivet__v1__response_header__free_unpacked(header, NULL);
}

static void violations_come_back(void **state)
{
    struct fixture *fixture = *state;
    uint8_t data[512];
    struct memory_exchange memory;
    start(fixture, &memory, data, build("trivet.v1.Server/Stats", "", 0, data));
    Trivet__V1__ResponseHeader *header = finish(&memory);
    assert_int_equal(header->status, TRIVET_INVALID_ARGUMENT);
    assert_int_equal(header->n_violations, 2);
    assert_string_equal(header->violations[1]->field, "cols");
    assert_string_equal(header->violations[1]->description, "is odd");
    trivet__v1__response_header__free_unpacked(header, NULL);
}

static void refused(void **state)
{
    struct fixture *fixture = *state;
    uint8_t data[512];
    expect_call(fixture, "trivet.v1.Server/Nope", "", 0, TRIVET_UNIMPLEMENTED, "Live");
    expect_call(fixture, "nonsense", "", 0, TRIVET_UNIMPLEMENTED, "Prediction/Predict");
    expect_call(fixture, "", "", 0, TRIVET_UNIMPLEMENTED, "Prediction/Predict");
    expect_call(fixture, "trivet.v1.Server/Info", "", 0, TRIVET_INVALID_ARGUMENT, "request id");
    expect_call(fixture, "trivet.v1.Server/Live", "", BODY_BYTES_MAX + 1, TRIVET_INVALID_ARGUMENT,
                "at most 100 bytes");
    expect_call(fixture, "trivet.v1.Server/Live", "", BODY_BYTES_MAX, TRIVET_OK, "");
    size_t n_bytes = build("trivet.v1.Server/Live", "", 0, data);
    data[n_bytes] = 0xff; /* a key cut off */
    expect(fixture, data, n_bytes + 1, TRIVET_INVALID_ARGUMENT, "trivet.v1.Server/Live");
    char long_id[70];
    memset(long_id, 'x', 65);
    long_id[65] = '\0';
    expect_call(fixture, "trivet.v1.Server/Live", long_id, 0, TRIVET_INVALID_ARGUMENT, "64");
    long_id[64] = '\0';
    expect_call(fixture, "trivet.v1.Server/Live", long_id, 0, TRIVET_OK, "");
}

static void every_truncation_is_answered(void **state)
{
    struct fixture *fixture = *state;
    uint8_t data[512];
    size_t n_bytes = build("trivet.v1.Server/Live", "id", 0, data);
    for (size_t i = 0; i < n_bytes; i++) {
        expect(fixture, data, i, TRIVET_INVALID_ARGUMENT, "");
    }
}

static void frame_over_the_limit(void **state)
{
    struct fixture *fixture = *state;
    uint8_t *data = calloc(1, FRAME_BYTES_MAX + 1);
    expect(fixture, data, FRAME_BYTES_MAX + 1, TRIVET_INVALID_ARGUMENT, "65536 are allowed");
    free(data);
}

static void full_executor_is_told_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct memory_exchange memory[3];
    enum { SOON_US = 100000 };
    uint8_t data[512];
    uint8_t soon[512];
    size_t n_bytes = build("trivet.v1.Server/Ready", "", 0, data);
    size_t soon_bytes = build_within("trivet.v1.Server/Ready", "", 0, SOON_US, soon);
    pthread_mutex_lock(&fixture->gate);
    start(fixture, &memory[0], data, n_bytes);
    while (atomic_load(&fixture->n_at_gate) == 0) { /* the one thread has it */
        usleep(1000);
    }
    start(fixture, &memory[1], soon, soon_bytes);
    start(fixture, &memory[2], data, n_bytes);
    Trivet__V1__ResponseHeader *header = finish(&memory[2]);
    assert_int_equal(header->status, TRIVET_RESOURCE_EXHAUSTED);
    trivet__v1__response_header__free_unpacked(header, NULL);
    /* What has waited past its deadline is refused before it runs. */
    usleep(SOON_US + 50000);
    pthread_mutex_unlock(&fixture->gate);
    const int expected[] = {TRIVET_OK, TRIVET_DEADLINE_EXCEEDED};
    for (size_t i = 0; i < 2; i++) {
        header = finish(&memory[i]);
        assert_int_equal(header->status, expected[i]);
        trivet__v1__response_header__free_unpacked(header, NULL);
    }
}

static void draining(void **state)
{
    struct fixture *fixture = *state;
    struct memory_exchange memory;
    uint8_t data[512];
    start(fixture, &memory, data, build("trivet.v1.Server/Info", "id", 0, data));
    assert_non_null(fixture->kept);
    int64_t soon_ns = trivet_clock_monotonic_ns() + 20 * TRIVET_NS_PER_MS;
    assert_false(trivet_dispatch_drain(fixture->dispatch, soon_ns));
    expect_call(fixture, "trivet.v1.Server/Live", "", 0, TRIVET_OK, "");
    expect_call(fixture, "trivet.v1.Server/Stats", "", 0, TRIVET_UNAVAILABLE, "shutting down");
    Trivet__V1__InfoResponse response = TRIVET__V1__INFO_RESPONSE__INIT;
    trivet_call_finish(fixture->kept, &response.base);
    trivet__v1__response_header__free_unpacked(finish(&memory), NULL);
    assert_true(trivet_dispatch_drain(fixture->dispatch, trivet_clock_monotonic_ns()));
}

static void no_memory_for_the_reply(void **state)
{
    struct fixture *fixture = *state;
    struct memory_exchange memory;
    uint8_t data[512];
    size_t n_bytes = build("trivet.v1.Server/Info", "id", 0, data);
    start(fixture, &memory, data, n_bytes);
    memory.refuse_memory = true;
    Trivet__V1__InfoResponse response = TRIVET__V1__INFO_RESPONSE__INIT;
    trivet_call_finish(fixture->kept, &response.base);
    assert_true(memory.sent);
    assert_null(memory.reply);
    assert_int_equal(counted(fixture, "trivet.v1.Server/Info", TRIVET_RESOURCE_EXHAUSTED), 1);
}

static void every_allocation_may_fail(void **state)
{
    struct fixture *fixture = *state;
    uint8_t data[512];
    size_t n_bytes = build("trivet.v1.Server/Live", "id", 50, data);
    for (uint64_t k = 1; k < 20; k++) {
        struct memory_exchange memory;
        (void)trivet_alloc_fail_at(k);
        start(fixture, &memory, data, n_bytes);
        (void)trivet_alloc_fail_at(0);
        Trivet__V1__ResponseHeader *header = finish(&memory);
        assert_true(header->status == TRIVET__V1__STATUS__STATUS_OK ||
                    header->status == TRIVET__V1__STATUS__STATUS_RESOURCE_EXHAUSTED);
        trivet__v1__response_header__free_unpacked(header, NULL);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_must_match_the_descriptor),
        TEST(data_plane_runs_on_the_transport),
        TEST(control_plane_runs_on_the_executor),
        TEST(request_id_comes_back),
        TEST(violations_come_back),
        TEST(refused),
        TEST(every_truncation_is_answered),
        TEST(frame_over_the_limit),
        TEST(full_executor_is_told_at_once),
        TEST(draining),
        TEST(no_memory_for_the_reply),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
