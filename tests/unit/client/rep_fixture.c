#include "unit/client/rep_fixture.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "sp/hang_up.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_THREADS 4

struct rep_fixture {
    nng_socket socket;
    nng_listener listener;
    char url[64];
    int port;
    rep_handler handler;
    void *argument;
    struct worker {
        struct rep_fixture *fixture;
        nng_ctx context;
        struct trivet_arena *arena;
        nng_aio *aio;
        pthread_t thread;
    } workers[N_THREADS];
};

/* In every build type, and on any thread. */
static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static nng_msg *encode(const struct rep_answer *answer, const char *request_id)
{
    nng_msg *message = NULL;
    if (answer->garbage != NULL || answer->garbage_bytes > 0) {
        size_t n_bytes = answer->garbage != NULL ? strlen(answer->garbage) : answer->garbage_bytes;
        must(nng_msg_alloc(&message, n_bytes) == 0);
        if (answer->garbage != NULL) {
            memcpy(nng_msg_body(message), answer->garbage, n_bytes);
        }
        return message;
    }
    Trivet__V1__Timings timings = TRIVET__V1__TIMINGS__INIT;
    timings.queue_us = 1;
    timings.batch_wait_us = 2;
    timings.compute_us = 3;
    timings.total_us = 4;
    Trivet__V1__FieldViolation violation = TRIVET__V1__FIELD_VIOLATION__INIT;
    Trivet__V1__FieldViolation *violations[] = {&violation};
    char field[64];
    char reason[] = "is wrong";
    char text[256];
    char id[128];
    snprintf(id, sizeof(id), "%s", answer->request_id != NULL ? answer->request_id : request_id);
    snprintf(text, sizeof(text), "%s", answer->message != NULL ? answer->message : "");
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    header.status = (Trivet__V1__Status)answer->status;
    header.message = text;
    header.timings = &timings;
    header.request_id = id;
    header.replayed = answer->replayed;
    if (answer->violation_field != NULL) {
        snprintf(field, sizeof(field), "%s", answer->violation_field);
        violation.field = field;
        violation.description = reason;
        header.n_violations = 1;
        header.violations = violations;
    }
    size_t head_bytes = trivet_frame_packed_bytes(&header.base, NULL);
    must(nng_msg_alloc(&message, head_bytes + answer->body.n_bytes) == 0);
    uint8_t *to = nng_msg_body(message);
    trivet_frame_pack(&header.base, NULL, to);
    if (answer->body.n_bytes > 0) {
        memcpy(to + head_bytes, answer->body.data, answer->body.n_bytes);
    }
    nng_msg_chop(message, answer->cut_bytes);
    return message;
}

static nng_msg *answer_to(struct rep_fixture *fixture, nng_msg *request, struct trivet_arena *arena)
{
    struct trivet_frame frame;
    ProtobufCMessage *decoded = NULL;
    must(trivet_frame_parse(nng_msg_body(request), nng_msg_len(request), &frame, NULL) ==
         TRIVET_OK);
    must(trivet_codec_unpack(&trivet__v1__request_header__descriptor, arena, frame.header,
                             frame.header_bytes, &decoded, NULL) == TRIVET_OK);
    const Trivet__V1__RequestHeader *header = (const Trivet__V1__RequestHeader *)decoded;
    struct rep_answer answer = {0};
    fixture->handler(fixture->argument, header, frame.body, frame.body_bytes, &answer);
    nng_msg *reply = answer.no_reply ? NULL : encode(&answer, header->request_id);
    trivet_buffer_release(&answer.body);
    if (answer.delay_ms > 0) {
        nng_msleep(answer.delay_ms);
    }
    return reply;
}

static void *serve(void *argument)
{
    struct worker *worker = argument;
    nng_ctx context = worker->context;
    struct trivet_arena *arena = worker->arena;
    nng_aio *aio = worker->aio;
    for (;;) {
        nng_ctx_recv(context, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0) {
            break;
        }
        nng_msg *request = nng_aio_get_msg(aio);
        trivet_arena_reset(arena);
        nng_msg *reply = answer_to(worker->fixture, request, arena);
        nng_msg_free(request);
        if (reply == NULL) {
            continue;
        }
        nng_aio_set_msg(aio, reply);
        nng_ctx_send(context, aio);
        nng_aio_wait(aio);
        if (nng_aio_result(aio) != 0) {
            nng_msg_free(nng_aio_get_msg(aio));
        }
    }
    return NULL;
}

struct rep_fixture *rep_fixture_start(int port, rep_handler handler, void *argument)
{
    struct rep_fixture *fixture = trivet_calloc(1, sizeof(*fixture));
    must(fixture != NULL);
    fixture->handler = handler;
    fixture->argument = argument;
    must(nng_rep0_open(&fixture->socket) == 0);
    snprintf(fixture->url, sizeof(fixture->url), "tcp://127.0.0.1:%d", port);
    must(nng_listen(fixture->socket, fixture->url, &fixture->listener, 0) == 0);
    must(nng_listener_get_int(fixture->listener, NNG_OPT_TCP_BOUND_PORT, &fixture->port) == 0);
    snprintf(fixture->url, sizeof(fixture->url), "tcp://127.0.0.1:%d", fixture->port);
    for (int i = 0; i < N_THREADS; i++) {
        struct worker *worker = &fixture->workers[i];
        worker->fixture = fixture;
        must(nng_ctx_open(&worker->context, fixture->socket) == 0);
        must(nng_aio_alloc(&worker->aio, NULL, NULL) == 0);
        /* Here and not in the thread, whose allocation a test could make fail. */
        worker->arena = trivet_arena_create(65536, 4096);
        must(worker->arena != NULL);
        must(pthread_create(&worker->thread, NULL, serve, worker) == 0);
    }
    return fixture;
}

void rep_fixture_stop(struct rep_fixture *fixture)
{
    /* In this order: nng 1.5.2 panics when its socket closes while a thread uses a context. */
    for (int i = 0; i < N_THREADS; i++) {
        struct worker *worker = &fixture->workers[i];
        nng_aio_stop(worker->aio); /* what runs ends, what begins is refused: the loop ends */
        pthread_join(worker->thread, NULL);
        nng_ctx_close(worker->context);
        nng_aio_free(worker->aio);
        trivet_arena_free(worker->arena);
    }
    (void)trivet_sp_hang_up(fixture->socket);
    trivet_free(fixture);
}

const char *rep_fixture_url(const struct rep_fixture *fixture)
{
    return fixture->url;
}

int rep_fixture_port(const struct rep_fixture *fixture)
{
    return fixture->port;
}
