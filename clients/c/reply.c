#include "clients/c/reply.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "trivet/v1/frame.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_ARENA_MAX  ((size_t)256 * 1024)
#define HEADER_ARENA_KEEP ((size_t)2 * 1024)

static enum trivet_status server_error(const Trivet__V1__ResponseHeader *header,
                                       struct trivet_error *err)
{
    int code = (int)header->status;
    enum trivet_status status =
        code > 0 && code < TRIVET_STATUS_COUNT ? (enum trivet_status)code : TRIVET_UNKNOWN;
    const char *message = header->message;
    if (message == NULL || message[0] == '\0') {
        message = "the server gave no reason";
    }
    trivet_error_set(err, status, "%s", message);
    for (size_t i = 0; i < header->n_violations; i++) {
        const Trivet__V1__FieldViolation *violation = header->violations[i];
        trivet_error_add_violation(err, violation->field, "%s", violation->description);
    }
    return status;
}

static struct trivet_timings timings_of(const Trivet__V1__ResponseHeader *header)
{
    struct trivet_timings timings = {0};
    if (header->timings != NULL) {
        timings.queue_us = header->timings->queue_us;
        timings.batch_wait_us = header->timings->batch_wait_us;
        timings.compute_us = header->timings->compute_us;
        timings.total_us = header->timings->total_us;
    }
    return timings;
}

/* An error may come without an id, when the server could not read the request's header. */
static bool is_reply_to(const Trivet__V1__ResponseHeader *header, const char *request_id)
{
    if (header->request_id == NULL || header->request_id[0] == '\0') {
        return header->status != TRIVET__V1__STATUS__STATUS_OK;
    }
    return strcmp(header->request_id, request_id) == 0;
}

/* --- the header of most replies, by hand ----------------------------------------------------- */

/* Fields of ResponseHeader and Timings, as protobuf writes number and type. */
#define TAG_TIMINGS    0x22
#define TAG_REQUEST_ID 0x2a
#define TAG_REPLAYED   0x30

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct cursor *cursor, uint64_t *out)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool read_part(struct cursor *cursor, struct cursor *part)
{
    uint64_t n_bytes;
    if (!read_varint(cursor, &n_bytes) || n_bytes > (uint64_t)(cursor->end - cursor->at)) {
        return false;
    }
    *part = (struct cursor){cursor->at, cursor->at + n_bytes};
    cursor->at += n_bytes;
    return true;
}

static bool read_timings(struct cursor cursor, struct trivet_timings *out)
{
    uint64_t *const fields[] = {&out->queue_us, &out->batch_wait_us, &out->compute_us,
                                &out->total_us};
    while (cursor.at < cursor.end) {
        unsigned tag = *cursor.at++;
        if ((tag & 7) != 0 || tag < 8 || tag > 4 * 8 ||
            !read_varint(&cursor, fields[tag / 8 - 1])) {
            return false;
        }
    }
    return true;
}

/* OK and to this call, nothing else in it: what nearly every reply is. False: ask the codec. */
static bool is_plain(const struct trivet_frame *frame, const char *request_id,
                     struct trivet_reply *out)
{
    struct cursor cursor = {frame->header, frame->header + frame->header_bytes};
    struct trivet_reply reply = {.body = frame->body, .body_bytes = frame->body_bytes};
    size_t id_bytes = strlen(request_id);
    bool is_ours = false;
    while (cursor.at < cursor.end) {
        struct cursor part;
        uint64_t value;
        switch (*cursor.at++) {
        case TAG_TIMINGS:
            if (!read_part(&cursor, &part) || !read_timings(part, &reply.timings)) {
                return false;
            }
            break;
        case TAG_REQUEST_ID:
            if (!read_part(&cursor, &part)) {
                return false;
            }
            is_ours = (size_t)(part.end - part.at) == id_bytes &&
                      memcmp(part.at, request_id, id_bytes) == 0;
            break;
        case TAG_REPLAYED:
            if (!read_varint(&cursor, &value)) {
                return false;
            }
            reply.replayed = value != 0;
            break;
        default:
            return false;
        }
    }
    if (is_ours) {
        *out = reply;
    }
    return is_ours;
}

/* --- all others ------------------------------------------------------------------------------ */

static enum trivet_status not_a_frame(const char *method, size_t n_bytes,
                                      const struct trivet_error *inner, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_DATA_LOSS,
                            "%s: the reply of %zu bytes is not a Trivet frame (%s); is the "
                            "address that of trivetd's RPC, of this version?",
                            method, n_bytes, inner->message);
}

static enum trivet_status read_header(const struct trivet_frame *frame, const char *method,
                                      const char *request_id, struct trivet_arena *arena,
                                      struct trivet_reply *out, struct trivet_error *err)
{
    struct trivet_error inner = {0};
    ProtobufCMessage *decoded = NULL;
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__response_header__descriptor, arena, frame->header,
                            frame->header_bytes, &decoded, &inner);
    if (status != TRIVET_OK) {
        return not_a_frame(method, frame->header_bytes + frame->body_bytes, &inner, err);
    }
    const Trivet__V1__ResponseHeader *header = (const Trivet__V1__ResponseHeader *)decoded;
    if (!is_reply_to(header, request_id)) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "%s: the reply belongs to request '%.64s', not to '%s'; the "
                                "answer was dropped",
                                method, header->request_id, request_id);
    }
    if (header->status != TRIVET__V1__STATUS__STATUS_OK) {
        return server_error(header, err);
    }
    *out = (struct trivet_reply){
        .body = frame->body,
        .body_bytes = frame->body_bytes,
        .timings = timings_of(header),
        .replayed = header->replayed ? 1 : 0,
    };
    return TRIVET_OK;
}

enum trivet_status trivet_reply_parse(const void *data, size_t n_bytes, const char *method,
                                      const char *request_id, struct trivet_reply *out,
                                      struct trivet_error *err)
{
    struct trivet_frame frame;
    struct trivet_error inner = {0};
    if (trivet_frame_parse(data, n_bytes, &frame, &inner) != TRIVET_OK) {
        return not_a_frame(method, n_bytes, &inner, err);
    }
    if (is_plain(&frame, request_id, out)) {
        return TRIVET_OK;
    }
    struct trivet_arena *arena = trivet_arena_create(HEADER_ARENA_MAX, HEADER_ARENA_KEEP);
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory for the reply",
                                method);
    }
    enum trivet_status status = read_header(&frame, method, request_id, arena, out, err);
    trivet_arena_free(arena);
    return status;
}

/* --- ownership ------------------------------------------------------------------------------- */

/* What `message` of a reply is. */
struct holder {
    nng_msg *message; /* NULL: the body follows */
    uint8_t body[];
};

enum trivet_status trivet_reply_copy(void *context, const struct trivet_reply *reply,
                                     struct trivet_error *err)
{
    struct trivet_reply *out = context;
    struct holder *holder = trivet_malloc(sizeof(*holder) + reply->body_bytes);
    if (holder == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for a reply of %zu bytes", reply->body_bytes);
    }
    holder->message = NULL;
    if (reply->body_bytes > 0) {
        memcpy(holder->body, reply->body, reply->body_bytes);
    }
    *out = *reply;
    out->body = holder->body;
    out->message = holder;
    return TRIVET_OK;
}

enum trivet_status trivet_reply_own(nng_msg *message, struct trivet_reply *out,
                                    struct trivet_error *err)
{
    struct holder *holder = trivet_malloc(sizeof(*holder));
    if (holder == NULL) {
        nng_msg_free(message);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a reply");
    }
    holder->message = message;
    out->message = holder;
    return TRIVET_OK;
}

void trivet_reply_release(struct trivet_reply *reply)
{
    if (reply != NULL && reply->message != NULL) {
        struct holder *holder = reply->message;
        if (holder->message != NULL) {
            nng_msg_free(holder->message);
        }
        trivet_free(holder);
        *reply = (struct trivet_reply){0};
    }
}
