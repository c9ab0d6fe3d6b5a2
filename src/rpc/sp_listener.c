/* DESIGN
 * The listener has the addresses and event loops (sp_loop.c), each with a thread of its own, on
 * which its connections live (sp_connection.c) and on_request is called. Requests and replies are
 * single blocks that change hands, never copied between threads. Everything a peer could make grow
 * has a limit of its own in the options. */
#include "base/alloc.h"
#include "rpc/sp_loop.h"

#include <assert.h>

struct trivet_listener {
    struct trivet_listener_options options;
    struct trivet_sp_endpoint *endpoints;
    struct sp_acceptor *acceptors; /* one per endpoint */
    size_t n_endpoints;            /* open */
    size_t n_loops;                /* open */
    struct sp_loop *loops;
};

static void free_listener(struct trivet_listener *listener)
{
    for (size_t i = 0; i < listener->n_endpoints; i++) {
        trivet_sp_endpoint_release(&listener->endpoints[i]);
    }
    trivet_free(listener->endpoints);
    trivet_free(listener->acceptors);
    trivet_free(listener->loops);
    trivet_free(listener);
}

static enum trivet_status open_endpoints(struct trivet_listener *listener, struct trivet_error *err)
{
    const struct trivet_listener_options *options = &listener->options;
    listener->endpoints = trivet_calloc(options->n_urls, sizeof(*listener->endpoints));
    listener->acceptors = trivet_calloc(options->n_urls, sizeof(*listener->acceptors));
    if (listener->endpoints == NULL || listener->acceptors == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < options->n_urls; i++) {
        enum trivet_status status =
            trivet_sp_endpoint_open(&listener->endpoints[i], options->urls[i], err);
        if (status != TRIVET_OK) {
            return status;
        }
        listener->acceptors[i].endpoint = &listener->endpoints[i];
        listener->n_endpoints++;
    }
    return TRIVET_OK;
}

static enum trivet_status open_loops(struct trivet_listener *listener, struct trivet_error *err)
{
    size_t n_loops = listener->options.n_loops;
    listener->loops = trivet_calloc(n_loops, sizeof(*listener->loops));
    if (listener->loops == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    /* The first is the last to start: it gives connections to the others. */
    enum trivet_status status = TRIVET_OK;
    while (listener->n_loops < n_loops && status == TRIVET_OK) {
        size_t i = n_loops - 1 - listener->n_loops;
        status = trivet_sp_loop_open(listener->loops, n_loops, i, &listener->options,
                                     i == 0 ? listener->acceptors : NULL,
                                     i == 0 ? listener->n_endpoints : 0, err);
        listener->n_loops += status == TRIVET_OK;
    }
    return status;
}

/* The first of them first. */
static void close_loops(struct trivet_listener *listener)
{
    size_t n_loops = listener->options.n_loops;
    for (size_t i = n_loops - listener->n_loops; i < n_loops; i++) {
        trivet_sp_loop_close(&listener->loops[i]);
    }
}

static enum trivet_status sp_listener_open(const struct trivet_listener_options *options,
                                           struct trivet_listener **out, struct trivet_error *err)
{
    struct trivet_listener *listener = trivet_calloc(1, sizeof(*listener));
    if (listener == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    listener->options = *options;
    if (options->n_loops == 0) {
        listener->options.n_loops = 1;
    }
    enum trivet_status status = open_endpoints(listener, err);
    if (status == TRIVET_OK) {
        status = open_loops(listener, err);
    }
    if (status != TRIVET_OK) {
        close_loops(listener);
        free_listener(listener);
        return status;
    }
    *out = listener;
    return TRIVET_OK;
}

static const char *sp_listener_url(const struct trivet_listener *listener, size_t i)
{
    assert(i < listener->n_endpoints);
    return listener->endpoints[i].url;
}

static size_t sp_listener_connections(const struct trivet_listener *listener)
{
    return trivet_sp_count_connections(&listener->loops[0]);
}

static void sp_listener_close(struct trivet_listener *listener)
{
    if (listener != NULL) {
        close_loops(listener);
        free_listener(listener);
    }
}

const struct trivet_listener_ops trivet_sp_listener_ops = {
    .name = "sp",
    .open = sp_listener_open,
    .url = sp_listener_url,
    .connections = sp_listener_connections,
    .close = sp_listener_close,
};
