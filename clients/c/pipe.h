/* Many calls in flight over one connection: what streams and pipelines are made of. Internal to
 * libtrivet. One thread at a time. */
#ifndef TRIVET_CLIENT_PIPE_H
#define TRIVET_CLIENT_PIPE_H

#include "clients/c/call.h"

#include <stdbool.h>

#define TRIVET_WINDOW_MAX 4096

struct trivet_client;

/* The end of a call, in any order; `reply` is borrowed. It may submit, nothing else. */
typedef void (*trivet_pipe_done)(void *context, void *tag, enum trivet_status status,
                                 const struct trivet_reply *reply, const struct trivet_error *err);

enum trivet_pipe_goal {
    TRIVET_PIPE_ONE_DONE, /* since the call of wait */
    TRIVET_PIPE_WRITTEN,  /* everything has been handed to the system */
};

struct trivet_pipe {
    const struct trivet_pipe_ops *ops;
    trivet_pipe_done done;
    void *context;
    size_t window;
    size_t n_in_flight;
};

/* First in the memory of an implementation. */
struct trivet_pipe_ops {
    /* Fewer than `window` are in flight. Method and body are copied. */
    enum trivet_status (*submit)(struct trivet_pipe *pipe, const struct trivet_call *call,
                                 void *tag, struct trivet_error *err);
    /* False when `until_ns` came first, or nothing is in flight. */
    bool (*wait)(struct trivet_pipe *pipe, enum trivet_pipe_goal goal, int64_t until_ns);
    /* Calls in flight end with CANCELLED. */
    void (*close)(struct trivet_pipe *pipe);
};

/* INVALID_ARGUMENT: `window` is not in 1 to TRIVET_WINDOW_MAX. */
enum trivet_status trivet_pipe_open(struct trivet_client *client, size_t window,
                                    trivet_pipe_done done, void *context, struct trivet_pipe **out,
                                    struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_sp_pipe_open(struct trivet_client *client, size_t window,
                                       struct trivet_pipe **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_nng_pipe_open(struct trivet_client *client, size_t window,
                                        struct trivet_pipe **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
