#include "clients/cli/flow.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <time.h>

#define BACKOFF_FIRST_NS   (20 * TRIVET_NS_PER_MS)
#define BACKOFF_SLOWEST_NS (1 * TRIVET_NS_PER_S)
#define BUSY_NS_MAX        (30 * TRIVET_NS_PER_S)

struct flight {
    struct trivet_buffer body; /* kept until its result is in, to send it again */
    uint64_t tag;
};

struct trivet_cli_flow {
    struct trivet_cli *cli;
    const char *method;
    struct trivet_stream *stream;
    size_t window;
    size_t oldest;
    struct flight flights[]; /* a ring of `window` */
};

enum trivet_status trivet_cli_flow_open(struct trivet_cli *cli, const char *method, size_t window,
                                        struct trivet_cli_flow **out, struct trivet_error *err)
{
    enum trivet_status status = trivet_cli_connect(cli, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_cli_flow *flow = trivet_calloc(1, sizeof(*flow) + window * sizeof(struct flight));
    if (flow == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    flow->cli = cli;
    flow->method = method;
    flow->window = window;
    status = trivet_stream_open(cli->client, method, window, &flow->stream, err);
    if (status != TRIVET_OK) {
        trivet_free(flow);
        return status;
    }
    *out = flow;
    return TRIVET_OK;
}

void trivet_cli_flow_close(struct trivet_cli_flow *flow)
{
    if (flow == NULL) {
        return;
    }
    trivet_stream_close(flow->stream);
    for (size_t i = 0; i < flow->window; i++) {
        trivet_buffer_release(&flow->flights[i].body);
    }
    trivet_free(flow);
}

bool trivet_cli_flow_full(const struct trivet_cli_flow *flow)
{
    return trivet_stream_in_flight(flow->stream) == flow->window;
}

bool trivet_cli_flow_empty(const struct trivet_cli_flow *flow)
{
    return trivet_stream_in_flight(flow->stream) == 0;
}

enum trivet_status trivet_cli_flow_submit(struct trivet_cli_flow *flow, struct trivet_buffer *body,
                                          uint64_t tag, struct trivet_error *err)
{
    size_t slot = (flow->oldest + trivet_stream_in_flight(flow->stream)) % flow->window;
    enum trivet_status status = trivet_stream_submit(flow->stream, body->data, body->n_bytes, err);
    if (status == TRIVET_OK) {
        struct flight *flight = &flow->flights[slot];
        trivet_buffer_release(&flight->body);
        flight->body = *body;
        flight->tag = tag;
        *body = (struct trivet_buffer){0};
    }
    return status;
}

/* The same call alone, later and later, while the rest of the window stays in flight. */
static enum trivet_status repeat_while_busy(struct trivet_cli_flow *flow,
                                            const struct flight *flight, struct trivet_reply *out,
                                            struct trivet_error *err)
{
    int64_t give_up_ns = trivet_clock_after_ns(trivet_clock_monotonic_ns(), BUSY_NS_MAX);
    int64_t wait_ns = BACKOFF_FIRST_NS;
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    while (status == TRIVET_RESOURCE_EXHAUSTED && trivet_clock_monotonic_ns() < give_up_ns) {
        struct timespec wait = {.tv_sec = (time_t)(wait_ns / TRIVET_NS_PER_S),
                                .tv_nsec = (long)(wait_ns % TRIVET_NS_PER_S)};
        nanosleep(&wait, NULL);
        wait_ns = 2 * wait_ns < BACKOFF_SLOWEST_NS ? 2 * wait_ns : BACKOFF_SLOWEST_NS;
        status = trivet_client_call(flow->cli->client, flow->method, flight->body.data,
                                    flight->body.n_bytes, NULL, 0, out, err);
    }
    return status;
}

enum trivet_status trivet_cli_flow_next(struct trivet_cli_flow *flow, struct trivet_reply *out,
                                        uint64_t *tag, struct trivet_error *err)
{
    struct flight *flight = &flow->flights[flow->oldest];
    enum trivet_status status = trivet_stream_next(flow->stream, out, err);
    flow->oldest = (flow->oldest + 1) % flow->window;
    if (status == TRIVET_RESOURCE_EXHAUSTED) {
        status = repeat_while_busy(flow, flight, out, err);
    }
    *tag = flight->tag;
    trivet_buffer_release(&flight->body);
    return status;
}
