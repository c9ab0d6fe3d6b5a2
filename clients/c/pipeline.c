/* Pipelined calls with a callback, and what they share with streams. */
#include "base/alloc.h"
#include "base/clock.h"
#include "clients/c/pipe.h"
#include "clients/c/request.h"

struct trivet_pipeline {
    struct trivet_client *client;
    struct trivet_pipe *pipe; /* owned */
    enum trivet_when_full when_full;
    bool in_callback;
    bool closing;
    trivet_pipeline_done done;
    void *context;
};

enum trivet_status trivet_pipe_open(struct trivet_client *client, size_t window,
                                    trivet_pipe_done done, void *context, struct trivet_pipe **out,
                                    struct trivet_error *err)
{
    if (window == 0 || window > TRIVET_WINDOW_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a window of %zu calls; choose 1 to %d", window, TRIVET_WINDOW_MAX);
    }
    struct trivet_pipe *pipe = NULL;
    enum trivet_status status = client->pool != NULL
                                    ? trivet_sp_pipe_open(client, window, &pipe, err)
                                    : trivet_nng_pipe_open(client, window, &pipe, err);
    if (status == TRIVET_OK) {
        pipe->done = done;
        pipe->context = context;
        *out = pipe;
    }
    return status;
}

static void on_done(void *context, void *tag, enum trivet_status status,
                    const struct trivet_reply *reply, const struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = context;
    pipeline->in_callback = true;
    pipeline->done(pipeline->context, tag, status, reply, err);
    pipeline->in_callback = false;
}

enum trivet_status trivet_pipeline_open(struct trivet_client *client, size_t window,
                                        enum trivet_when_full when_full, trivet_pipeline_done done,
                                        void *context, struct trivet_pipeline **out,
                                        struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = trivet_calloc(1, sizeof(*pipeline));
    if (pipeline == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a pipeline");
    }
    pipeline->client = client;
    pipeline->when_full = when_full;
    pipeline->done = done;
    pipeline->context = context;
    enum trivet_status status =
        trivet_pipe_open(client, window, on_done, pipeline, &pipeline->pipe, err);
    if (status != TRIVET_OK) {
        trivet_free(pipeline);
        return status;
    }
    *out = pipeline;
    return TRIVET_OK;
}

enum trivet_status trivet_pipeline_submit(struct trivet_pipeline *pipeline, const char *method,
                                          const void *body, size_t body_bytes,
                                          const char *request_id, int timeout_ms, void *tag,
                                          struct trivet_error *err)
{
    struct trivet_pipe *pipe = pipeline->pipe;
    struct trivet_call call;
    if (pipeline->closing) {
        return trivet_error_set(err, TRIVET_CANCELLED, "the pipeline is being closed");
    }
    enum trivet_status status =
        trivet_call_init(&call, method, body, body_bytes, request_id,
                         timeout_ms > 0 ? timeout_ms : pipeline->client->call_timeout_ms, err);
    if (status != TRIVET_OK) {
        return status;
    }
    bool may_wait = pipeline->when_full == TRIVET_WHEN_FULL_WAIT && !pipeline->in_callback;
    while (may_wait && pipe->n_in_flight == pipe->window) {
        (void)pipe->ops->wait(pipe, TRIVET_PIPE_ONE_DONE, TRIVET_NEVER_NS);
    }
    if (pipe->n_in_flight == pipe->window) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "all %zu calls of the window are in flight; wait for one first",
                                pipe->window);
    }
    return pipe->ops->submit(pipe, &call, tag, err);
}

size_t trivet_pipeline_in_flight(const struct trivet_pipeline *pipeline)
{
    return pipeline->pipe->n_in_flight;
}

static enum trivet_status wait_for(struct trivet_pipeline *pipeline, enum trivet_pipe_goal goal,
                                   int timeout_ms, struct trivet_error *err)
{
    struct trivet_pipe *pipe = pipeline->pipe;
    if (pipeline->in_callback) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "a callback cannot wait for calls; it may submit");
    }
    if (goal == TRIVET_PIPE_ONE_DONE && pipe->n_in_flight == 0) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "no call is in flight; submit one first");
    }
    int64_t until_ns = timeout_ms < 0 ? TRIVET_NEVER_NS
                                      : trivet_clock_after_ns(trivet_clock_monotonic_ns(),
                                                              timeout_ms * TRIVET_NS_PER_MS);
    return pipe->ops->wait(pipe, goal, until_ns)
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                  "within %d ms no call ended; %zu are in flight", timeout_ms,
                                  pipe->n_in_flight);
}

enum trivet_status trivet_pipeline_wait(struct trivet_pipeline *pipeline, int timeout_ms,
                                        struct trivet_error *err)
{
    return wait_for(pipeline, TRIVET_PIPE_ONE_DONE, timeout_ms, err);
}

enum trivet_status trivet_pipeline_flush(struct trivet_pipeline *pipeline, int timeout_ms,
                                         struct trivet_error *err)
{
    return wait_for(pipeline, TRIVET_PIPE_WRITTEN, timeout_ms, err);
}

void trivet_pipeline_close(struct trivet_pipeline *pipeline)
{
    if (pipeline != NULL) {
        pipeline->closing = true;
        pipeline->pipe->ops->close(pipeline->pipe);
        trivet_free(pipeline);
    }
}
