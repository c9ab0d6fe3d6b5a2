/* The connections of our own to one server, and one blocking call over one of them. Internal to
 * libtrivet. */
#ifndef TRIVET_CLIENT_POOL_H
#define TRIVET_CLIENT_POOL_H

#include "clients/c/link.h"
#include "clients/c/reply.h"

struct trivet_pool;

struct trivet_pool_options {
    const char *url; /* copied */
    int connect_timeout_ms;
    int reconnect_first_ms;
    int reconnect_slowest_ms;
    size_t reply_bytes_max;
};

/* Connects once. */
enum trivet_status trivet_pool_create(const struct trivet_pool_options *options,
                                      struct trivet_pool **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Every link must have been given back. NULL is fine. */
void trivet_pool_free(struct trivet_pool *pool);

/* An idle link or a new one. While nobody answers it tries again, later and later, until
 * `deadline_ns` or until the server has been away for connect_timeout_ms; when it has been for
 * longer, once. Any thread. */
enum trivet_status trivet_pool_take(struct trivet_pool *pool, int64_t deadline_ns,
                                    struct trivet_link **out,
                                    struct trivet_error *err) TRIVET_MUST_USE;
/* A link with nothing under way. */
void trivet_pool_put(struct trivet_pool *pool, struct trivet_link *link);
/* One whose connection broke. The idle ones are closed too: most often the server has gone. */
void trivet_pool_drop(struct trivet_pool *pool, struct trivet_link *link);
enum trivet_sp_framing trivet_pool_framing(const struct trivet_pool *pool);

/* The reply goes to `take` before the link serves another call. */
enum trivet_status trivet_pool_call(struct trivet_pool *pool, const struct trivet_call *call,
                                    trivet_reply_take take, void *context,
                                    struct trivet_error *err) TRIVET_MUST_USE;

/* What an end other than DONE means for a call; `twice`: it broke a second time. */
enum trivet_status trivet_pool_describe(const struct trivet_pool *pool, enum trivet_link_end end,
                                        uint64_t announced_bytes, const struct trivet_call *call,
                                        struct trivet_error *err);

#endif
