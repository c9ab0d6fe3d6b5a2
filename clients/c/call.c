#include "clients/c/call.h"

#include "base/rng.h"
#include "wire/frame.h"

#include <stdatomic.h>
#include <string.h>

/* Fields of RequestHeader, as protobuf writes number and type. */
#define TAG_METHOD     0x0a
#define TAG_TIMEOUT    0x10
#define TAG_REQUEST_ID 0x1a

#define RANDOM_ID_BYTES 16

/* A start from the kernel once a process, then SplitMix64, which repeats no number in 2^64 steps:
 * an id costs no system call. */
static uint64_t next_id(void)
{
    static _Atomic uint64_t counter;
    if (atomic_load_explicit(&counter, memory_order_relaxed) == 0) {
        uint64_t zero = 0;
        atomic_compare_exchange_strong(&counter, &zero, trivet_rng_entropy());
    }
    uint64_t z = atomic_fetch_add(&counter, 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void make_id(struct trivet_call *call)
{
    uint64_t id = next_id();
    for (size_t i = RANDOM_ID_BYTES; i-- > 0; id >>= 4) {
        call->request_id[i] = "0123456789abcdef"[id & 15];
    }
    call->request_id[RANDOM_ID_BYTES] = '\0';
    call->request_id_bytes = RANDOM_ID_BYTES;
}

enum trivet_status trivet_call_init(struct trivet_call *call, const char *method, const void *body,
                                    size_t body_bytes, const char *request_id, int timeout_ms,
                                    struct trivet_error *err)
{
    call->method = method;
    call->method_bytes = strlen(method);
    call->body = body;
    call->body_bytes = body_bytes;
    call->timeout_ms = timeout_ms;
    if (call->method_bytes >= TRIVET_METHOD_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the method's name is longer than %d",
                                TRIVET_METHOD_BYTES - 1);
    }
    if (request_id == NULL || request_id[0] == '\0') {
        make_id(call);
        return TRIVET_OK;
    }
    call->request_id_bytes = strlen(request_id);
    if (call->request_id_bytes >= TRIVET_REQUEST_ID_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the request id is longer than %d bytes; make it shorter",
                                TRIVET_REQUEST_ID_BYTES - 1);
    }
    memcpy(call->request_id, request_id, call->request_id_bytes + 1);
    return TRIVET_OK;
}

/* At most 127 bytes, so that their number takes one. */
static uint8_t *write_text(uint8_t *to, uint8_t tag, const char *text, size_t n_bytes)
{
    *to++ = tag;
    *to++ = (uint8_t)n_bytes;
    memcpy(to, text, n_bytes);
    return to + n_bytes;
}

size_t trivet_call_write_head(const struct trivet_call *call,
                              uint8_t out[TRIVET_CALL_HEAD_BYTES_MAX])
{
    uint8_t *to = out + TRIVET_FRAME_PREFIX_BYTES;
    to = write_text(to, TAG_METHOD, call->method, call->method_bytes);
    *to++ = TAG_TIMEOUT;
    uint64_t timeout_us = (uint64_t)call->timeout_ms * 1000;
    for (; timeout_us >= 0x80; timeout_us >>= 7) {
        *to++ = (uint8_t)(timeout_us | 0x80);
    }
    *to++ = (uint8_t)timeout_us;
    to = write_text(to, TAG_REQUEST_ID, call->request_id, call->request_id_bytes);
    size_t header_bytes = (size_t)(to - out) - TRIVET_FRAME_PREFIX_BYTES;
    out[0] = TRIVET_FRAME_VERSION;
    out[1] = 0;
    out[2] = (uint8_t)header_bytes;
    out[3] = (uint8_t)(header_bytes >> 8);
    return (size_t)(to - out);
}
