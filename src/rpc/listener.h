/* A transport that hands in frames and takes replies. One interface, one file per transport. */
#ifndef TRIVET_RPC_LISTENER_H
#define TRIVET_RPC_LISTENER_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for who called, with its NUL: an IPv6 address with a zone. */
#define TRIVET_PEER_BYTES 64

struct trivet_exchange;

struct trivet_exchange_ops {
    /* Room for a reply of exactly `n_bytes`, valid until send; NULL when out of memory. Calling it
     * again drops the room before. */
    uint8_t *(*reserve)(struct trivet_exchange *exchange, size_t n_bytes);
    /* Sends what was reserved; with nothing reserved the request is dropped. Ends the exchange: the
     * request's bytes and the exchange belong to the transport again. Any thread, exactly once. */
    void (*send)(struct trivet_exchange *exchange);
    /* Who called: "uid:1000" over ipc, the address without its port over tcp; "" = not known. Any
     * thread, before send. NULL: no transport behind it. */
    void (*peer)(struct trivet_exchange *exchange, char text[TRIVET_PEER_BYTES]);
};

/* One request on its way; the transport embeds it. `data` is borrowed until send. */
struct trivet_exchange {
    const struct trivet_exchange_ops *ops;
    const uint8_t *data;
    size_t n_bytes;
    int64_t arrival_ns;    /* monotonic */
    uint64_t traffic_turn; /* of a call without a key whose traffic is split; 0 = none taken yet */
};

/* Requests that a transport's own thread answers: what one turn of its loop brought in is taken as
 * it comes, and answered together at the end of the turn. One lane per thread of the transport,
 * used by that thread alone. */
struct trivet_fast_lane;

struct trivet_fast_lane_ops {
    /* `wake` may be called from any thread until close: it makes end_turn run soon. NULL when out
     * of memory. */
    struct trivet_fast_lane *(*open)(void *ctx, void (*wake)(void *wake_ctx), void *wake_ctx);
    /* False: the request is on_request's. Else the lane ends the exchange, now or in end_turn. */
    bool (*take)(struct trivet_fast_lane *lane, struct trivet_exchange *exchange);
    /* Nothing that was taken is left afterwards. */
    void (*end_turn)(struct trivet_fast_lane *lane);
    void (*close)(struct trivet_fast_lane *lane); /* nothing is taken and not ended */
};

struct trivet_listener;

struct trivet_listener_options {
    const char *const *urls; /* borrowed */
    size_t n_urls;
    size_t exchanges_max;     /* requests in hand of one loop; more wait in their sockets */
    size_t message_bytes_max; /* a connection that claims more is closed */
    int send_timeout_ms;      /* a reply's bytes make no progress: its connection is closed */
    /* The rest is sp's; nng has no such limits, and one loop. */
    unsigned n_loops;                             /* threads that serve connections */
    const struct trivet_fast_lane_ops *fast_lane; /* NULL = none */
    void *fast_lane_ctx;
    size_t connections_max;   /* more are accepted and closed */
    size_t unsent_bytes_max;  /* of a client's requests in hand and replies it has not read: beyond,
                                 its next requests wait */
    size_t unsent_in_all_max; /* replies that nobody has read, over all connections: beyond, those
                                 who have not read more than a little wait */
    size_t partial_bytes_max; /* of requests not yet whole, over all connections */
    int hello_timeout_ms;     /* from connecting to the hello */
    int message_timeout_ms;   /* from a message's first byte to its last */
    int idle_timeout_ms;      /* without anything asked or to answer */
    /* On a thread of the transport, which it must not block; ends in ops->send, then or later. */
    void (*on_request)(void *ctx, struct trivet_exchange *exchange);
    void *ctx;
};

struct trivet_listener_ops {
    const char *name;
    /* Serves every URL, or none. UNAVAILABLE: an address cannot be had; INVALID_ARGUMENT: not a URL
     * of this transport. */
    enum trivet_status (*open)(const struct trivet_listener_options *options,
                               struct trivet_listener **out, struct trivet_error *err);
    /* The i-th address with its real port. */
    const char *(*url)(const struct trivet_listener *listener, size_t i);
    /* Connections now; NULL: not counted. Any thread, until close. */
    size_t (*connections)(const struct trivet_listener *listener);
    /* Closes the sockets, waits until every exchange has been sent, frees. */
    void (*close)(struct trivet_listener *listener);
};

/* Our own, on libuv: tcp and ipc. */
extern const struct trivet_listener_ops trivet_sp_listener_ops;
/* nng's REP socket with contexts: tcp, ipc, inproc. The reference for behaviour; with nng 1.5.2 a
 * client that goes away with several requests on their way wedges it. */
extern const struct trivet_listener_ops trivet_nng_listener_ops;

#endif
