/* From a received message to a reply or the server's error. */
#include "base/text.h"
#include "clients/c/request.h"
#include "trivet/v1/frame.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <string.h>

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

enum trivet_status trivet_reply_decode(nng_msg *message, const char *method, const char *request_id,
                                       struct trivet_arena *arena, struct trivet_reply *out,
                                       struct trivet_error *err)
{
    struct trivet_frame frame;
    struct trivet_error inner = {0};
    ProtobufCMessage *decoded = NULL;
    enum trivet_status status =
        trivet_frame_parse(nng_msg_body(message), nng_msg_len(message), &frame, &inner);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__response_header__descriptor, arena, frame.header,
                                     frame.header_bytes, &decoded, &inner);
    }
    if (status != TRIVET_OK) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "%s: the reply of %zu bytes is not a Trivet frame (%s); is the "
                                  "address that of trivetd's RPC, of this version?",
                                  method, nng_msg_len(message), inner.message);
        goto done;
    }
    const Trivet__V1__ResponseHeader *header = (const Trivet__V1__ResponseHeader *)decoded;
    if (!is_reply_to(header, request_id)) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "%s: the reply belongs to request '%.64s', not to '%s'; the "
                                  "answer was dropped",
                                  method, header->request_id, request_id);
        goto done;
    }
    if (header->status != TRIVET__V1__STATUS__STATUS_OK) {
        status = server_error(header, err);
        goto done;
    }
    *out = (struct trivet_reply){
        .body = frame.body,
        .body_bytes = frame.body_bytes,
        .timings = timings_of(header),
        .replayed = header->replayed ? 1 : 0,
        .message = message,
    };
    message = NULL;
done:
    if (message != NULL) {
        nng_msg_free(message);
    }
    return status;
}

void trivet_reply_release(struct trivet_reply *reply)
{
    if (reply != NULL && reply->message != NULL) {
        nng_msg_free(reply->message);
        *reply = (struct trivet_reply){0};
    }
}
