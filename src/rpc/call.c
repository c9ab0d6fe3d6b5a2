#include "rpc/call.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "rpc/dispatch_internal.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

/* --- the reply ------------------------------------------------------------------------------- */

static uint64_t elapsed_us(int64_t from_ns)
{
    return (uint64_t)(trivet_clock_monotonic_ns() - from_ns) / TRIVET_NS_PER_US;
}

/* The answer when there is no memory left for the answer: as small as they get. */
static bool reply_pack(struct trivet_call *call, Trivet__V1__ResponseHeader *header,
                       const ProtobufCMessage *body)
{
    size_t n_bytes = trivet_frame_packed_bytes(&header->base, body);
    uint8_t *room = call->exchange->ops->reserve(call->exchange, n_bytes);
    if (room == NULL) {
        return false;
    }
    trivet_frame_pack(&header->base, body, room);
    return true;
}

static void reply(struct trivet_call *call, Trivet__V1__ResponseHeader *header,
                  const ProtobufCMessage *body)
{
    assert(call->state != TRIVET_CALL_REPLIED);
    call->state = TRIVET_CALL_REPLIED;
    call->timings.total_us = elapsed_us(call->exchange->arrival_ns);
    header->timings = &call->timings;
    header->replayed = call->replayed;
    if (call->header != NULL) {
        header->request_id = call->header->request_id;
    }
    enum trivet_status status = (enum trivet_status)header->status;
    if (!reply_pack(call, header, body)) {
        trivet_log(TRIVET_LOG_ERROR, "reply_dropped", "method=%s message=out of memory",
                   call->method_name == NULL ? "unknown" : call->method_name);
        status = TRIVET_RESOURCE_EXHAUSTED;
    }
    trivet_dispatch_end(call, status);
}

void trivet_call_finish(struct trivet_call *call, const ProtobufCMessage *response)
{
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    assert(response->descriptor == call->response_type);
    reply(call, &header, response);
}

/* What the operator must see: faults of ours, and a disk or the like that fails, once a second. */
static void log_failure(const struct trivet_call *call, const struct trivet_error *err)
{
    static atomic_llong unavailable_until_ns;
    if (err->status == TRIVET_UNAVAILABLE) {
        long long now_ns = trivet_clock_monotonic_ns();
        long long until_ns = atomic_load(&unavailable_until_ns);
        if (now_ns < until_ns || !atomic_compare_exchange_strong(&unavailable_until_ns, &until_ns,
                                                                 now_ns + TRIVET_NS_PER_S)) {
            return;
        }
    } else if (err->status != TRIVET_INTERNAL && err->status != TRIVET_DATA_LOSS) {
        return;
    }
    const Trivet__V1__RequestHeader *header = call->header;
    trivet_log(TRIVET_LOG_ERROR, "call_failed",
               "method=%s status=%s request=%s trace=%s message=%s",
               call->method_name == NULL ? "unknown" : call->method_name,
               trivet_status_name(err->status), header == NULL ? "" : header->request_id,
               header == NULL ? "" : header->trace_parent, err->message);
}

void trivet_call_fail(struct trivet_call *call, const struct trivet_error *err)
{
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    Trivet__V1__FieldViolation violations[TRIVET_ERROR_VIOLATIONS_MAX];
    Trivet__V1__FieldViolation *list[TRIVET_ERROR_VIOLATIONS_MAX];
    header.status = (Trivet__V1__Status)err->status;
    /* Packing only reads; protobuf-c's structs have no const. */
    struct trivet_error copy = *err;
    header.message = copy.message;
    for (size_t i = 0; i < err->n_violations; i++) {
        trivet__v1__field_violation__init(&violations[i]);
        violations[i].field = copy.violations[i].field;
        violations[i].description = copy.violations[i].reason;
        list[i] = &violations[i];
    }
    header.violations = list;
    header.n_violations = err->n_violations;
    log_failure(call, err);
    reply(call, &header, NULL);
}

void trivet_call_end(struct trivet_call *call, enum trivet_status status,
                     const ProtobufCMessage *response, const struct trivet_error *err)
{
    if (status == TRIVET_OK) {
        trivet_call_finish(call, response);
    } else {
        trivet_call_fail(call, err);
    }
}

void trivet_call_unimplemented(struct trivet_call *call, void *service)
{
    (void)service;
    struct trivet_error err;
    (void)trivet_error_set(&err, TRIVET_UNIMPLEMENTED, "%s is not served by this release (%s)",
                           call->method_name, TRIVET_VERSION);
    trivet_call_fail(call, &err);
}

/* --- the way in ------------------------------------------------------------------------------ */

static enum trivet_status decode_header(struct trivet_call *call, struct trivet_frame *frame,
                                        struct trivet_error *err)
{
    const struct trivet_exchange *exchange = call->exchange;
    enum trivet_status status = trivet_frame_parse(exchange->data, exchange->n_bytes, frame, err);
    if (status != TRIVET_OK) {
        return status;
    }
    ProtobufCMessage *header;
    status = trivet_codec_unpack(&trivet__v1__request_header__descriptor, call->arena,
                                 frame->header, frame->header_bytes, &header, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "request header: ");
        return status;
    }
    const Trivet__V1__RequestHeader *typed = (const Trivet__V1__RequestHeader *)header;
    if (strlen(typed->request_id) > TRIVET_REQUEST_ID_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the request id has more than %d bytes",
                                TRIVET_REQUEST_ID_BYTES_MAX);
    }
    if (strlen(typed->trace_parent) > TRIVET_TRACE_PARENT_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the trace parent has more than %d bytes",
                                TRIVET_TRACE_PARENT_BYTES_MAX);
    }
    call->header = typed;
    call->body = frame->body;
    call->body_bytes = frame->body_bytes;
    return TRIVET_OK;
}

static enum trivet_status decode_body(struct trivet_call *call,
                                      const ProtobufCMessageDescriptor *type,
                                      struct trivet_error *err)
{
    if (call->body_bytes > call->method->request_bytes_max) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s takes requests of at most %zu bytes, this one has %zu; send it "
                                "in smaller pieces",
                                call->method_name, call->method->request_bytes_max,
                                call->body_bytes);
    }
    if (call->method->changes_state && call->header->request_id[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s changes state: give the call a request id, so that it can be "
                                "repeated safely",
                                call->method_name);
    }
    ProtobufCMessage *request;
    enum trivet_status status =
        trivet_codec_unpack(type, call->arena, call->body, call->body_bytes, &request, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "%s: ", call->method_name);
        return status;
    }
    call->request = request;
    return TRIVET_OK;
}

static void set_deadline(struct trivet_call *call)
{
    uint64_t timeout_us = call->header->timeout_us;
    if (timeout_us == 0) {
        timeout_us = (uint64_t)call->method->timeout_ms_default * 1000;
    }
    const uint64_t day_us = 24ULL * 3600 * 1000000;
    if (timeout_us > day_us) {
        timeout_us = day_us;
    }
    call->deadline_ns =
        trivet_clock_after_ns(call->exchange->arrival_ns, (int64_t)timeout_us * TRIVET_NS_PER_US);
}

static void run_control(struct trivet_work *work)
{
    struct trivet_call *call = (struct trivet_call *)work;
    int64_t now_ns = trivet_clock_monotonic_ns();
    call->timings.queue_us = (uint64_t)(now_ns - call->exchange->arrival_ns) / TRIVET_NS_PER_US;
    if (now_ns >= call->deadline_ns) {
        struct trivet_error err;
        (void)trivet_error_set(&err, TRIVET_DEADLINE_EXCEEDED,
                               "%s waited longer than its timeout; the server is busy",
                               call->method_name);
        trivet_call_fail(call, &err);
        return;
    }
    call->method->handle(call, call->service);
}

void trivet_call_defer(struct trivet_call *call, void (*run)(struct trivet_work *work))
{
    call->work.run = run;
    if (!trivet_executor_submit(trivet_dispatch_executor(call->dispatch), &call->work)) {
        struct trivet_error err;
        (void)trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED,
                               "too many control calls are waiting; try again later");
        trivet_call_fail(call, &err);
    }
}

static enum trivet_status decode(struct trivet_call *call, struct trivet_error *err)
{
    struct trivet_frame frame;
    enum trivet_status status = decode_header(call, &frame, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const ProtobufCMessageDescriptor *type;
    status = trivet_dispatch_find(call, &type, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = decode_body(call, type, err);
    if (status == TRIVET_OK) {
        set_deadline(call);
        call->state = TRIVET_CALL_DECODED;
    }
    return status;
}

void trivet_call_start(struct trivet_call *call)
{
    struct trivet_error err;
    if (decode(call, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    call->state = TRIVET_CALL_RUNNING;
    if (call->method->plane == TRIVET_PLANE_DATA) {
        call->method->handle(call, call->service);
    } else {
        trivet_call_defer(call, run_control);
    }
}

/* --- changes that are made once -------------------------------------------------------------- */

enum trivet_status trivet_call_key(const struct trivet_call *call, struct trivet_store_call *out,
                                   struct trivet_error *err)
{
    struct trivet_store_call key = {
        .identity = "",
        .method = call->method_name,
        .request_id = call->header->request_id,
    };
    enum trivet_status status = trivet_sha256_of(call->body, call->body_bytes, key.body_hash, err);
    if (status == TRIVET_OK) {
        *out = key;
    }
    return status;
}

struct trivet_store_cause trivet_call_cause(const struct trivet_call *call, const char *reason)
{
    return (struct trivet_store_cause){.identity = call->key.identity,
                                       .request_id = call->key.request_id,
                                       .reason = reason,
                                       .peer = call->peer};
}

enum trivet_status trivet_call_check_deadline(const struct trivet_call *call,
                                              struct trivet_error *err)
{
    return trivet_clock_monotonic_ns() < call->deadline_ns
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                  "%s took longer than its timeout, and changed nothing; give it "
                                  "more",
                                  call->method_name);
}

enum trivet_status trivet_call_begin_change(struct trivet_call *call, struct trivet_store *store,
                                            enum trivet_store_domain domain,
                                            struct trivet_store_txn **txn,
                                            ProtobufCMessage **earlier, struct trivet_error *err)
{
    struct trivet_buffer kept = {0};
    struct trivet_store_txn *open = NULL;
    bool found = false;
    enum trivet_status status = trivet_call_key(call, &call->key, err);
    call->peer[0] = '\0';
    if (call->exchange->ops->peer != NULL) {
        call->exchange->ops->peer(call->exchange, call->peer);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_begin(store, domain, &open, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_find_reply(open, &call->key, &found, &kept, err);
    }
    if (status == TRIVET_OK && found) {
        status = trivet_codec_unpack(call->response_type, call->arena, kept.data, kept.n_bytes,
                                     earlier, err);
        call->replayed = status == TRIVET_OK;
    }
    if (status == TRIVET_OK && !found) {
        *txn = open;
        *earlier = NULL;
    } else {
        trivet_store_abort(open);
        *txn = NULL;
    }
    trivet_buffer_release(&kept);
    return status;
}

enum trivet_status trivet_call_commit_change(struct trivet_call *call, struct trivet_store_txn *txn,
                                             const ProtobufCMessage *response,
                                             struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    enum trivet_status status = trivet_codec_pack(response, &packed, err);
    if (status == TRIVET_OK) {
        status = trivet_store_put_reply(txn, &call->key, packed.data, packed.n_bytes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, err);
    } else {
        trivet_store_abort(txn);
    }
    trivet_buffer_release(&packed);
    return status;
}
