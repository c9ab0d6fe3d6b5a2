/* Pipelined calls: a ring of call objects, oldest first. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "clients/c/request.h"

struct trivet_stream {
    struct trivet_client *client;
    char method[TRIVET_METHOD_BYTES];
    size_t window;
    size_t oldest; /* index of the oldest in flight */
    size_t n_in_flight;
    struct trivet_request *calls[]; /* `window` of them, taken from the client */
};

enum trivet_status trivet_stream_open(struct trivet_client *client, const char *method,
                                      size_t window, struct trivet_stream **out,
                                      struct trivet_error *err)
{
    if (window == 0 || window > TRIVET_STREAM_WINDOW_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a window of %zu calls; choose 1 to %d", window,
                                TRIVET_STREAM_WINDOW_MAX);
    }
    struct trivet_stream *stream =
        trivet_calloc(1, sizeof(*stream) + window * sizeof(struct trivet_request *));
    if (stream == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a stream");
    }
    stream->client = client;
    enum trivet_status status = TRIVET_OK;
    if (!trivet_text_copy(stream->method, sizeof(stream->method), method)) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "the method's name is longer than %d", TRIVET_METHOD_BYTES - 1);
    }
    while (status == TRIVET_OK && stream->window < window) {
        status = trivet_request_take(client, &stream->calls[stream->window], err);
        if (status == TRIVET_OK) {
            stream->window++;
        }
    }
    if (status != TRIVET_OK) {
        trivet_stream_close(stream);
        return status;
    }
    *out = stream;
    return TRIVET_OK;
}

void trivet_stream_close(struct trivet_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    /* A reply that arrives while the client closes may keep nng 1.5.2 from ever closing. */
    int64_t until_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), TRIVET_SETTLE_MS * TRIVET_NS_PER_MS);
    for (size_t i = 0; i < stream->window; i++) {
        trivet_request_settle(stream->calls[i], until_ns);
        trivet_request_put(stream->calls[i]);
    }
    trivet_free(stream);
}

enum trivet_status trivet_stream_submit(struct trivet_stream *stream, const void *body,
                                        size_t body_bytes, struct trivet_error *err)
{
    if (stream->n_in_flight == stream->window) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "all %zu calls of the window are in flight; take a result first",
                                stream->window);
    }
    size_t slot = (stream->oldest + stream->n_in_flight) % stream->window;
    enum trivet_status status =
        trivet_request_start(stream->calls[slot], stream->method, body, body_bytes, NULL, 0, err);
    if (status == TRIVET_OK) {
        stream->n_in_flight++;
    }
    return status;
}

size_t trivet_stream_in_flight(const struct trivet_stream *stream)
{
    return stream->n_in_flight;
}

enum trivet_status trivet_stream_next(struct trivet_stream *stream, struct trivet_reply *out,
                                      struct trivet_error *err)
{
    if (stream->n_in_flight == 0) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "no call is in flight; submit one first");
    }
    struct trivet_request *call = stream->calls[stream->oldest];
    stream->oldest = (stream->oldest + 1) % stream->window;
    stream->n_in_flight--;
    return trivet_request_finish(call, out, err);
}
