/* Private to sp_*.c: one event loop and its connections. A connection, its exchanges and every
 * list below belong to the thread of its loop; only what stands under `lock` is shared. The first
 * loop of a listener accepts for all. */
#ifndef TRIVET_RPC_SP_LOOP_H
#define TRIVET_RPC_SP_LOOP_H

#include "rpc/listener.h"
#include "rpc/sp_endpoint.h"
#include "sp/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

struct sp_connection;
TAILQ_HEAD(sp_connections, sp_connection);

/* Replies of one connection, each of length, backtrace and body, written as they are. */
struct sp_reply {
    struct sp_reply *next;
    size_t n_bytes;
    size_t capacity;
    uint8_t bytes[];
};

/* In front of its request's payload, in one block. */
struct sp_exchange {
    struct trivet_exchange face; /* first: the exchange is cast back */
    struct sp_connection *connection;
    struct sp_reply *reply;   /* reserved: a block of its own, */
    size_t in_place_bytes;    /* or so much at the end of the connection's last block; else 0 */
    struct sp_exchange *next; /* inbox */
    size_t block_bytes;       /* of all this */
    size_t backtrace_bytes;   /* just before face.data */
    enum trivet_sp_framing framing;
};

struct sp_acceptor {
    struct sp_loop *loop;
    struct trivet_sp_endpoint *endpoint;
    uv_poll_t poll;
};

/* A connection that the first loop has accepted for another one. */
struct sp_handoff {
    struct sp_handoff *next;
    int fd;
    enum trivet_sp_framing framing;
};

struct sp_loop {
    const struct trivet_listener_options *options; /* the listener's */
    struct sp_loop *loops;                         /* all of the listener */
    size_t n_loops;
    atomic_size_t n_connections; /* counted from being accepted to being closed */
    struct sp_acceptor *acceptors;
    size_t n_acceptors;
    pthread_t thread;
    uv_loop_t uv;
    uv_async_t wake;
    uv_check_t turn;               /* after each turn's input */
    uv_timer_t timer;              /* runs while something has a deadline */
    struct trivet_fast_lane *lane; /* NULL = none */
    bool lane_has_calls;

    pthread_mutex_t lock;
    struct sp_exchange *inbox;      /* lock: returned by other threads, oldest first */
    struct sp_exchange **inbox_end; /* lock */
    struct sp_handoff *handoffs;    /* lock */
    bool stop;                      /* lock */

    /* The loop's thread from here on. */
    int64_t now_ns; /* of the callback that runs */
    uint8_t *read_buffer;
    struct sp_connections open;
    struct sp_connections timed;   /* those with a deadline */
    struct sp_connections waiting; /* for a place among exchanges_max, longest first */
    struct sp_connections unsent;  /* with replies that nobody has tried to write */
    struct trivet_sp_spares spares;
    size_t n_in_hand;
    size_t partial_bytes; /* of requests that are not whole, over all connections */
    size_t unsent_bytes;  /* of replies that are not read, over all connections */
    bool accept_paused;
    bool closing;
    bool ended;
    int64_t flush_deadline_ns; /* closing, and nothing in hand; 0 = not yet */
    int64_t warn_ns;           /* the next warning about a peer */
};

struct sp_connection {
    struct sp_loop *loop;
    uv_poll_t poll;
    int fd;
    int events;  /* that poll waits for */
    size_t refs; /* exchanges in hand, and one until the handle is closed */
    size_t n_in_hand;
    size_t in_hand_bytes; /* of their requests */
    bool closed;
    bool paused;     /* not read from; `stash` first */
    bool in_waiting; /* in the list of that name; likewise below */
    bool in_unsent;
    bool in_timed;
    char peer[TRIVET_PEER_BYTES];
    struct trivet_sp_reader reader;
    uint8_t *stash; /* read and not taken yet, when paused */
    size_t stash_at;
    size_t stash_bytes;
    size_t held_bytes; /* counted in partial_bytes */
    bool in_message;   /* its hello or a message is half there, and has its deadline */
    struct sp_reply *replies;
    struct sp_reply *last_reply; /* of `replies` */
    size_t reply_sent_bytes;     /* of the first */
    size_t unsent_bytes;
    int64_t read_deadline_ns;  /* the hello or the rest of a message */
    int64_t write_deadline_ns; /* some progress */
    TAILQ_ENTRY(sp_connection) open_link;
    TAILQ_ENTRY(sp_connection) timed_link;
    TAILQ_ENTRY(sp_connection) waiting_link;
    TAILQ_ENTRY(sp_connection) unsent_link;
};

/* --- sp_connection.c; the loop's thread ------------------------------------------------------ */

/* Takes the socket, whatever comes of it. */
void trivet_sp_connection_open(struct sp_loop *loop, int fd, enum trivet_sp_framing framing);
/* The memory goes when its last exchange has been returned. */
void trivet_sp_connection_close(struct sp_connection *connection);
/* Takes requests out of the stash, then reads again. */
void trivet_sp_connection_resume(struct sp_connection *connection);
/* For good: the listener closes. */
void trivet_sp_connection_stop_reading(struct sp_connection *connection);
void trivet_sp_connection_flush(struct sp_connection *connection);
/* Closes it when it is late. */
void trivet_sp_connection_check_deadlines(struct sp_connection *connection);
/* The exchange has been answered or dropped: its reply goes to the queue, its place is free. */
void trivet_sp_connection_finish(struct sp_exchange *exchange);

/* --- sp_exchange.c --------------------------------------------------------------------------- */

extern const struct trivet_exchange_ops trivet_sp_exchange_ops;
void trivet_sp_reply_free(struct sp_reply *reply);

/* --- sp_loop.c ------------------------------------------------------------------------------- */

#define SP_READ_BYTES ((size_t)64 << 10)

/* Loop `i` of `loops`. `acceptors` with their endpoints (of the first loop; the others have none),
 * `loops` and `options` are borrowed until trivet_sp_loop_close. */
enum trivet_status trivet_sp_loop_open(struct sp_loop *loops, size_t n_loops, size_t i,
                                       const struct trivet_listener_options *options,
                                       struct sp_acceptor *acceptors, size_t n_acceptors,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Of all loops of the listener; any thread. */
size_t trivet_sp_count_connections(const struct sp_loop *loop);
/* Waits until every exchange has been returned. */
void trivet_sp_loop_close(struct sp_loop *loop);
/* The end of every turn: answers what the fast lane took, writes what is unsent, reads on where
 * there is room. */
void trivet_sp_loop_settle(struct sp_loop *loop);
/* Answers what the fast lane took, which makes room for more. */
void trivet_sp_loop_end_lane_turn(struct sp_loop *loop);
/* True once a second: peers must not fill the log. */
bool trivet_sp_loop_may_warn(struct sp_loop *loop);
/* While a connection has a deadline. */
void trivet_sp_loop_start_timer(struct sp_loop *loop);
/* The loop that the calling thread runs, or NULL. */
struct sp_loop *trivet_sp_loop_current(void);
/* Any other thread. */
void trivet_sp_loop_return(struct sp_loop *loop, struct sp_exchange *exchange);

#endif
