/* Over nng: a ring of call objects; calls end in the order of their submits. */
#include "base/alloc.h"
#include "base/clock.h"
#include "clients/c/pipe.h"
#include "clients/c/request.h"

struct nng_pipe {
    struct trivet_pipe face;        /* first: cast back */
    size_t n_calls;                 /* of `calls` that are there */
    size_t oldest;                  /* index of the oldest in flight */
    void **tags;                    /* owned, by index */
    struct trivet_request *calls[]; /* taken from the client */
};

static enum trivet_status submit(struct trivet_pipe *face, const struct trivet_call *call,
                                 void *tag, struct trivet_error *err)
{
    struct nng_pipe *pipe = (struct nng_pipe *)face;
    size_t slot = (pipe->oldest + face->n_in_flight) % face->window;
    enum trivet_status status = trivet_request_start(pipe->calls[slot], call, err);
    if (status == TRIVET_OK) {
        pipe->tags[slot] = tag;
        face->n_in_flight++;
    }
    return status;
}

static bool wait_pipe(struct trivet_pipe *face, enum trivet_pipe_goal goal, int64_t until_ns)
{
    struct nng_pipe *pipe = (struct nng_pipe *)face;
    if (goal == TRIVET_PIPE_WRITTEN) {
        return true; /* nng's threads do that */
    }
    if (face->n_in_flight == 0 || !trivet_request_wait(pipe->calls[pipe->oldest], until_ns)) {
        return false;
    }
    struct trivet_reply reply = {0};
    struct trivet_error err = {0};
    size_t slot = pipe->oldest;
    pipe->oldest = (slot + 1) % face->window;
    face->n_in_flight--;
    enum trivet_status status = trivet_request_finish(pipe->calls[slot], &reply, &err);
    face->done(face->context, pipe->tags[slot], status, &reply, &err);
    trivet_reply_release(&reply);
    return true;
}

static void close_pipe(struct trivet_pipe *face)
{
    struct nng_pipe *pipe = (struct nng_pipe *)face;
    /* A reply that arrives while the client closes may keep nng 1.5.2 from ever closing. */
    int64_t until_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), TRIVET_SETTLE_MS * TRIVET_NS_PER_MS);
    struct trivet_error err = {0};
    trivet_error_set(&err, TRIVET_CANCELLED, "closed while the call was in flight");
    for (size_t i = 0; i < pipe->n_calls; i++) {
        trivet_request_settle(pipe->calls[i], until_ns);
        trivet_request_put(pipe->calls[i]);
    }
    for (; face->n_in_flight > 0; face->n_in_flight--) {
        face->done(face->context, pipe->tags[pipe->oldest], TRIVET_CANCELLED, NULL, &err);
        pipe->oldest = (pipe->oldest + 1) % face->window;
    }
    trivet_free(pipe->tags);
    trivet_free(pipe);
}

static const struct trivet_pipe_ops ops = {
    .submit = submit,
    .wait = wait_pipe,
    .close = close_pipe,
};

enum trivet_status trivet_nng_pipe_open(struct trivet_client *client, size_t window,
                                        struct trivet_pipe **out, struct trivet_error *err)
{
    struct nng_pipe *pipe =
        trivet_calloc(1, sizeof(*pipe) + window * sizeof(struct trivet_request *));
    void **tags = trivet_alloc_array(window, sizeof(void *));
    if (pipe == NULL || tags == NULL) {
        trivet_free(pipe);
        trivet_free(tags);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a stream");
    }
    pipe->face.ops = &ops;
    pipe->face.window = window;
    pipe->tags = tags;
    enum trivet_status status = TRIVET_OK;
    while (status == TRIVET_OK && pipe->n_calls < window) {
        status = trivet_request_take(client, &pipe->calls[pipe->n_calls], err);
        pipe->n_calls += status == TRIVET_OK ? 1 : 0;
    }
    if (status != TRIVET_OK) {
        close_pipe(&pipe->face);
        return status;
    }
    *out = &pipe->face;
    return TRIVET_OK;
}
