/* Calls of one method whose results are taken in the order of their submits: a ring of results,
 * filled by a pipe in any order. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "clients/c/pipe.h"
#include "clients/c/request.h"

struct result {
    bool ended;
    enum trivet_status status;
    struct trivet_reply reply;
    struct trivet_error *err; /* owned; of a call that failed, NULL when there was no memory */
};

struct trivet_stream {
    struct trivet_client *client;
    struct trivet_pipe *pipe; /* owned */
    char method[TRIVET_METHOD_BYTES];
    size_t oldest;      /* index of the oldest that has not been taken */
    size_t n_in_flight; /* submitted and not taken */
    bool closing;       /* results are dropped */
    struct result results[];
};

static void on_done(void *context, void *tag, enum trivet_status status,
                    const struct trivet_reply *reply, const struct trivet_error *err)
{
    struct trivet_stream *stream = context;
    struct result *result = tag;
    struct trivet_error inner;
    if (stream->closing) {
        return;
    }
    result->ended = true;
    if (status == TRIVET_OK) {
        status = trivet_reply_copy(&result->reply, reply, &inner);
        err = &inner;
    }
    result->status = status;
    result->err = status == TRIVET_OK ? NULL : trivet_memdup(err, sizeof(*err));
}

enum trivet_status trivet_stream_open(struct trivet_client *client, const char *method,
                                      size_t window, struct trivet_stream **out,
                                      struct trivet_error *err)
{
    struct trivet_pipe *pipe = NULL;
    enum trivet_status status = trivet_pipe_open(client, window, on_done, NULL, &pipe, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_stream *stream =
        trivet_calloc(1, sizeof(*stream) + window * sizeof(struct result));
    if (stream == NULL) {
        pipe->ops->close(pipe);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a stream");
    }
    stream->client = client;
    stream->pipe = pipe;
    pipe->context = stream;
    if (!trivet_text_copy(stream->method, sizeof(stream->method), method)) {
        trivet_stream_close(stream);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the method's name is longer than %d",
                                TRIVET_METHOD_BYTES - 1);
    }
    *out = stream;
    return TRIVET_OK;
}

void trivet_stream_close(struct trivet_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    stream->closing = true;
    size_t window = stream->pipe->window;
    stream->pipe->ops->close(stream->pipe);
    for (size_t i = 0; i < window; i++) {
        trivet_reply_release(&stream->results[i].reply);
        trivet_free(stream->results[i].err);
    }
    trivet_free(stream);
}

enum trivet_status trivet_stream_submit(struct trivet_stream *stream, const void *body,
                                        size_t body_bytes, struct trivet_error *err)
{
    struct trivet_pipe *pipe = stream->pipe;
    if (stream->n_in_flight == pipe->window) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "all %zu calls of the window are in flight; take a result first",
                                pipe->window);
    }
    struct trivet_call call;
    enum trivet_status status = trivet_call_init(&call, stream->method, body, body_bytes, NULL,
                                                 stream->client->call_timeout_ms, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct result *result = &stream->results[(stream->oldest + stream->n_in_flight) % pipe->window];
    *result = (struct result){0};
    stream->n_in_flight++; /* before the submit, which may end it already */
    status = pipe->ops->submit(pipe, &call, result, err);
    if (status != TRIVET_OK) {
        stream->n_in_flight--;
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
    struct trivet_pipe *pipe = stream->pipe;
    struct result *result = &stream->results[stream->oldest];
    while (!result->ended) {
        (void)pipe->ops->wait(pipe, TRIVET_PIPE_ONE_DONE, TRIVET_NEVER_NS);
    }
    stream->oldest = (stream->oldest + 1) % pipe->window;
    stream->n_in_flight--;
    enum trivet_status status = result->status;
    if (status == TRIVET_OK) {
        *out = result->reply;
    } else if (result->err != NULL && err != NULL) {
        *err = *result->err;
    } else {
        trivet_error_set(err, status, "out of memory for the reason");
    }
    trivet_free(result->err);
    *result = (struct result){0};
    return status;
}
