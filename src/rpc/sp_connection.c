/* DESIGN
 * All of it runs on the loop's thread. A read takes in what has arrived, the rest of a large
 * request to its place, and hands on every whole request in it, to the fast lane first; replies
 * gather in a queue, which trivet_sp_loop_settle writes at the end of the turn: one read, one
 * write.
 *
 * A connection is paused, not read from, while there is no place for its requests: all places of
 * the loop are taken (it waits its turn in `waiting`), or it has more than its own share, or its
 * peer does not read its replies (then its own exchanges or writes wake it). What a read had
 * brought beyond that stays in its stash, at most SP_READ_BYTES. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "rpc/sp_loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define IOVECS_MAX       64
#define UNSENT_BYTES_FEW ((size_t)64 << 10)
#define PIECES_PER_TURN  16
#define PIECE_BYTES_MIN  ((size_t)32 << 10)
#define PIECE_WAIT_NS    (10 * TRIVET_NS_PER_US)

static void update_poll(struct sp_connection *connection);

/* --- state ----------------------------------------------------------------------------------- */

static void unref(struct sp_connection *connection)
{
    if (--connection->refs == 0) {
        trivet_free(connection);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    unref(handle->data);
}

static void set_deadlines(struct sp_connection *connection, int64_t read_ns, int64_t write_ns)
{
    struct sp_loop *loop = connection->loop;
    connection->read_deadline_ns = read_ns;
    connection->write_deadline_ns = write_ns;
    bool timed = read_ns != TRIVET_NEVER_NS || write_ns != TRIVET_NEVER_NS;
    if (timed && !connection->in_timed) {
        TAILQ_INSERT_TAIL(&loop->timed, connection, timed_link);
        trivet_sp_loop_start_timer(loop);
    } else if (!timed && connection->in_timed) {
        TAILQ_REMOVE(&loop->timed, connection, timed_link);
    }
    connection->in_timed = timed;
}

static int64_t deadline(const struct sp_connection *connection, int timeout_ms)
{
    return trivet_clock_after_ns(connection->loop->now_ns, timeout_ms * TRIVET_NS_PER_MS);
}

static void leave_waiting(struct sp_connection *connection)
{
    if (connection->in_waiting) {
        TAILQ_REMOVE(&connection->loop->waiting, connection, waiting_link);
        connection->in_waiting = false;
    }
}

static void leave_unsent(struct sp_connection *connection)
{
    if (connection->in_unsent) {
        TAILQ_REMOVE(&connection->loop->unsent, connection, unsent_link);
        connection->in_unsent = false;
    }
}

/* No single connection may take every place: one client's long polls, or its pipeline, leave a
 * quarter to the others; nor may its requests and the replies it does not read take more memory
 * than their limit, but for one request. All together have a limit, too, beyond which that of each
 * is small. */
static bool has_too_much(const struct sp_connection *connection)
{
    const struct sp_loop *loop = connection->loop;
    const struct trivet_listener_options *options = loop->options;
    bool many = loop->unsent_bytes > options->unsent_in_all_max;
    return connection->n_in_hand >= options->exchanges_max - options->exchanges_max / 4 ||
           connection->in_hand_bytes + connection->unsent_bytes > options->unsent_bytes_max ||
           (many && connection->unsent_bytes > UNSENT_BYTES_FEW);
}

static void count_unsent(struct sp_connection *connection, size_t more, size_t less)
{
    connection->unsent_bytes += more - less; /* wraps to the difference */
    connection->loop->unsent_bytes += more - less;
}

/* Its turn comes when a place is free. */
static void join_waiting(struct sp_connection *connection)
{
    if (connection->paused && !connection->in_waiting && !connection->closed &&
        !connection->loop->closing && !has_too_much(connection)) {
        TAILQ_INSERT_TAIL(&connection->loop->waiting, connection, waiting_link);
        connection->in_waiting = true;
    }
}

static void count_held(struct sp_connection *connection)
{
    size_t held = trivet_sp_reader_held_bytes(&connection->reader) +
                  (connection->stash == NULL ? 0 : connection->stash_bytes);
    connection->loop->partial_bytes += held - connection->held_bytes; /* wraps to the difference */
    connection->held_bytes = held;
}

static void drop_stash(struct sp_connection *connection)
{
    trivet_free(connection->stash);
    connection->stash = NULL;
}

void trivet_sp_connection_close(struct sp_connection *connection)
{
    struct sp_loop *loop = connection->loop;
    if (connection->closed) {
        return;
    }
    connection->closed = true;
    leave_waiting(connection);
    leave_unsent(connection);
    set_deadlines(connection, TRIVET_NEVER_NS, TRIVET_NEVER_NS);
    TAILQ_REMOVE(&loop->open, connection, open_link);
    atomic_fetch_sub_explicit(&loop->n_connections, 1, memory_order_relaxed);
    while (connection->replies != NULL) {
        struct sp_reply *next = connection->replies->next;
        trivet_sp_reply_free(connection->replies);
        connection->replies = next;
    }
    connection->last_reply = NULL;
    count_unsent(connection, 0, connection->unsent_bytes);
    trivet_sp_reader_release(&connection->reader);
    drop_stash(connection);
    count_held(connection);
    uv_close((uv_handle_t *)&connection->poll, on_handle_closed);
    close(connection->fd); /* allowed as soon as the handle is closing */
}

/* --- writing --------------------------------------------------------------------------------- */

static void add_reply(struct sp_connection *connection, struct sp_exchange *exchange)
{
    struct sp_reply *reply = exchange->reply;
    if (reply != NULL) {
        count_unsent(connection, reply->n_bytes, 0);
        if (connection->last_reply == NULL) {
            connection->replies = reply;
        } else {
            connection->last_reply->next = reply;
        }
        connection->last_reply = reply;
    } else {
        count_unsent(connection, exchange->in_place_bytes, 0);
        connection->last_reply->n_bytes += exchange->in_place_bytes;
    }
    if (!connection->in_unsent) {
        TAILQ_INSERT_TAIL(&connection->loop->unsent, connection, unsent_link);
        connection->in_unsent = true;
    }
}

static void count_sent(struct sp_connection *connection, size_t n_bytes)
{
    count_unsent(connection, 0, n_bytes);
    n_bytes += connection->reply_sent_bytes;
    struct sp_reply *reply = connection->replies;
    while (reply != NULL && n_bytes >= reply->n_bytes) {
        n_bytes -= reply->n_bytes;
        connection->replies = reply->next;
        trivet_sp_reply_free(reply);
        reply = connection->replies;
    }
    connection->reply_sent_bytes = n_bytes;
    if (reply == NULL) {
        connection->last_reply = NULL;
    }
}

/* Like writev; the loop's thread blocks SIGPIPE. Not sendmsg(): of that one ThreadSanitizer's
 * reports are suppressed, for nng. */
static ssize_t write_some(struct sp_connection *connection)
{
    struct iovec parts[IOVECS_MAX];
    size_t n_parts = 0;
    size_t skipped = connection->reply_sent_bytes;
    for (struct sp_reply *reply = connection->replies; reply != NULL && n_parts < IOVECS_MAX;
         reply = reply->next) {
        parts[n_parts].iov_base = reply->bytes + skipped;
        parts[n_parts].iov_len = reply->n_bytes - skipped;
        n_parts++;
        skipped = 0;
    }
    return writev(connection->fd, parts, (int)n_parts);
}

void trivet_sp_connection_flush(struct sp_connection *connection)
{
    leave_unsent(connection);
    bool progress = false;
    while (connection->replies != NULL) {
        ssize_t n = write_some(connection);
        if (n >= 0) {
            count_sent(connection, (size_t)n);
            progress = true;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR) {
            trivet_sp_connection_close(connection); /* its peer has gone */
            return;
        }
    }
    int64_t write_ns = connection->write_deadline_ns;
    if (connection->replies == NULL) {
        write_ns = TRIVET_NEVER_NS;
    } else if (progress || write_ns == TRIVET_NEVER_NS) {
        write_ns = deadline(connection, connection->loop->options->send_timeout_ms);
    }
    set_deadlines(connection, connection->read_deadline_ns, write_ns);
    join_waiting(connection);
    update_poll(connection);
}

void trivet_sp_connection_finish(struct sp_exchange *exchange)
{
    struct sp_connection *connection = exchange->connection;
    connection->loop->n_in_hand--;
    connection->n_in_hand--;
    connection->in_hand_bytes -= exchange->block_bytes;
    if (!connection->closed && (exchange->reply != NULL || exchange->in_place_bytes > 0)) {
        add_reply(connection, exchange);
    } else {
        trivet_sp_reply_free(exchange->reply);
    }
    trivet_sp_spares_put(&connection->loop->spares, exchange, exchange->block_bytes);
    join_waiting(connection);
    unref(connection);
}

/* --- reading --------------------------------------------------------------------------------- */

static void deliver(struct sp_connection *connection)
{
    struct sp_loop *loop = connection->loop;
    size_t payload_bytes;
    size_t block_bytes;
    struct sp_exchange *exchange =
        trivet_sp_reader_take(&connection->reader, &payload_bytes, &block_bytes);
    const uint8_t *payload = (const uint8_t *)(exchange + 1);
    size_t backtrace_bytes = trivet_sp_backtrace_bytes(payload, payload_bytes);
    if (backtrace_bytes == 0) {
        trivet_free(exchange);
        return;
    }
    *exchange = (struct sp_exchange){
        .face = {.ops = &trivet_sp_exchange_ops,
                 .data = payload + backtrace_bytes,
                 .n_bytes = payload_bytes - backtrace_bytes,
                 .arrival_ns = loop->now_ns},
        .connection = connection,
        .backtrace_bytes = backtrace_bytes,
        .framing = connection->reader.framing,
        .block_bytes = block_bytes,
    };
    connection->refs++;
    connection->n_in_hand++;
    connection->in_hand_bytes += block_bytes;
    loop->n_in_hand++;
    if (loop->lane != NULL && loop->options->fast_lane->take(loop->lane, &exchange->face)) {
        loop->lane_has_calls = true;
    } else {
        loop->options->on_request(loop->options->ctx, &exchange->face);
    }
}

static bool has_place(struct sp_connection *connection)
{
    struct sp_loop *loop = connection->loop;
    if (loop->n_in_hand >= loop->options->exchanges_max || has_too_much(connection)) {
        trivet_sp_loop_end_lane_turn(loop);
    }
    return loop->n_in_hand < loop->options->exchanges_max && !has_too_much(connection);
}

/* What is left stays for resume; `data` may be the stash itself. False when out of memory. */
static bool pause_reading(struct sp_connection *connection, const uint8_t *data, size_t n_bytes)
{
    if (connection->stash != NULL) {
        connection->stash_at = (size_t)(data - connection->stash);
    } else {
        connection->stash = trivet_memdup(data, n_bytes);
        connection->stash_at = 0;
        connection->stash_bytes = n_bytes;
        if (connection->stash == NULL) {
            return false;
        }
    }
    connection->paused = true;
    join_waiting(connection);
    return true;
}

/* Until all is taken or the connection is paused. False: it is to be closed. */
static bool take_requests(struct sp_connection *connection, const uint8_t *data, size_t n_bytes)
{
    while (n_bytes > 0) {
        if (!has_place(connection)) {
            return pause_reading(connection, data, n_bytes);
        }
        switch (trivet_sp_reader_next(&connection->reader, &data, &n_bytes)) {
        case TRIVET_SP_MORE:
            break;
        case TRIVET_SP_HELLO:
            connection->read_deadline_ns = TRIVET_NEVER_NS; /* a message has its own */
            break;
        case TRIVET_SP_MESSAGE:
            connection->read_deadline_ns = TRIVET_NEVER_NS;
            deliver(connection);
            break;
        case TRIVET_SP_WRONG:
        case TRIVET_SP_OUT_OF_MEMORY:
            return false;
        }
    }
    return true;
}

/* After some input: is the peer in the middle of something that began now? */
static void set_read_deadline(struct sp_connection *connection)
{
    const struct trivet_listener_options *options = connection->loop->options;
    int64_t read_ns = connection->read_deadline_ns;
    bool between = trivet_sp_reader_is_idle(&connection->reader);
    if (connection->paused) {
        read_ns = TRIVET_NEVER_NS; /* it is us who wait */
    } else if (between) {
        read_ns = deadline(connection, options->idle_timeout_ms);
    } else if (!connection->in_message || read_ns == TRIVET_NEVER_NS) {
        read_ns = deadline(connection, options->message_timeout_ms);
    }
    connection->in_message = !between;
    set_deadlines(connection, read_ns, connection->write_deadline_ns);
}

static void feed(struct sp_connection *connection, const uint8_t *data, size_t n_bytes)
{
    struct sp_loop *loop = connection->loop;
    bool from_stash = connection->stash != NULL;
    if (!take_requests(connection, data, n_bytes)) {
        trivet_sp_connection_close(connection);
        return;
    }
    if (from_stash && !connection->paused) {
        drop_stash(connection);
    }
    count_held(connection);
    if (loop->partial_bytes > loop->options->partial_bytes_max) {
        if (trivet_sp_loop_may_warn(loop)) {
            trivet_log(TRIVET_LOG_WARN, "half_requests_full", "bytes=%zu", loop->partial_bytes);
        }
        trivet_sp_connection_close(connection);
        return;
    }
    set_read_deadline(connection);
    update_poll(connection);
}

void trivet_sp_connection_resume(struct sp_connection *connection)
{
    leave_waiting(connection);
    connection->paused = false;
    feed(connection, connection->stash + connection->stash_at,
         connection->stash_bytes - connection->stash_at);
}

void trivet_sp_connection_stop_reading(struct sp_connection *connection)
{
    leave_waiting(connection);
    connection->paused = true;
    drop_stash(connection);
    trivet_sp_reader_release(&connection->reader);
    count_held(connection);
    set_deadlines(connection, TRIVET_NEVER_NS, connection->write_deadline_ns);
    update_poll(connection);
}

/* A message that is whole by what a read put to its place; what came after it is in the buffer. */
static size_t take_filled(struct sp_connection *connection, size_t n_bytes, size_t room_bytes)
{
    size_t filled = n_bytes < room_bytes ? n_bytes : room_bytes;
    if (filled > 0 && trivet_sp_reader_filled(&connection->reader, filled) == TRIVET_SP_MESSAGE) {
        connection->read_deadline_ns = TRIVET_NEVER_NS;
        deliver(connection);
    }
    return n_bytes - filled;
}

/* Bytes that came; 0: nothing, or it is closed. */
static size_t read_some(struct sp_connection *connection)
{
    struct sp_loop *loop = connection->loop;
    size_t room_bytes = 0;
    uint8_t *room = NULL;
    if (has_place(connection)) {
        room = trivet_sp_reader_room(&connection->reader, &room_bytes);
    }
    struct iovec parts[] = {{.iov_base = room, .iov_len = room_bytes},
                            {.iov_base = loop->read_buffer, .iov_len = SP_READ_BYTES}};
    int first = room == NULL ? 1 : 0;
    ssize_t n = readv(connection->fd, &parts[first], 2 - first);
    if (n > 0) {
        feed(connection, loop->read_buffer, take_filled(connection, (size_t)n, room_bytes));
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        trivet_sp_connection_close(connection);
    }
    return n > 0 && !connection->closed ? (size_t)n : 0;
}

/* Reads, and as long as large pieces of a large request come over a unix socket, reads on: its peer
 * was stopped by the socket's small buffer and is writing the next piece. To sleep until then costs
 * both sides more than the piece. Other connections do not wait for long. */
static void read_pieces(struct sp_connection *connection)
{
    size_t room_bytes;
    size_t n = read_some(connection);
    for (int n_pieces = 1; n >= PIECE_BYTES_MIN && n_pieces < PIECES_PER_TURN; n_pieces++) {
        if (connection->reader.framing != TRIVET_SP_FRAMING_IPC || connection->paused ||
            trivet_sp_reader_room(&connection->reader, &room_bytes) == NULL) {
            return;
        }
        int64_t until_ns = trivet_clock_monotonic_ns() + PIECE_WAIT_NS;
        do {
            n = read_some(connection);
        } while (n == 0 && !connection->closed && trivet_clock_monotonic_ns() < until_ns);
    }
}

/* --- the handle ------------------------------------------------------------------------------ */

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct sp_connection *connection = handle->data;
    struct sp_loop *loop = connection->loop;
    loop->now_ns = trivet_clock_monotonic_ns();
    if (status < 0) {
        trivet_sp_connection_close(connection);
    }
    if (!connection->closed && (events & UV_WRITABLE) != 0) {
        trivet_sp_connection_flush(connection);
    }
    if (!connection->closed && (events & UV_READABLE) != 0 && !connection->paused) {
        read_pieces(connection);
    } else if (!connection->closed && (events & UV_DISCONNECT) != 0) {
        trivet_sp_connection_close(connection);
    }
}

/* Called when anything changed that it depends on. A peer that goes is noticed by reading, and
 * while paused by the disconnect. */
static void update_poll(struct sp_connection *connection)
{
    int events = connection->paused ? UV_DISCONNECT : UV_READABLE;
    if (connection->write_deadline_ns != TRIVET_NEVER_NS) {
        events |= UV_WRITABLE;
    }
    if (connection->closed || events == connection->events) {
        return;
    }
    connection->events = events;
    if (uv_poll_start(&connection->poll, events, on_poll) != 0) {
        trivet_sp_connection_close(connection);
    }
}

void trivet_sp_connection_check_deadlines(struct sp_connection *connection)
{
    int64_t now_ns = connection->loop->now_ns;
    bool waits_for_us = connection->n_in_hand > 0 || connection->replies != NULL;
    if (waits_for_us && !connection->in_message && now_ns >= connection->read_deadline_ns) {
        set_read_deadline(connection);
    }
    if (now_ns >= connection->read_deadline_ns || now_ns >= connection->write_deadline_ns) {
        trivet_log(TRIVET_LOG_DEBUG, "connection_timeout", "reason=%s",
                   now_ns >= connection->write_deadline_ns ? "not_reading"
                   : connection->in_message                ? "half_message"
                                                           : "idle");
        trivet_sp_connection_close(connection);
    }
}

static bool send_hello(int fd)
{
    uint8_t hello[TRIVET_SP_HELLO_BYTES];
    trivet_sp_hello_write(TRIVET_SP_REP, hello);
    /* The buffer of a new socket has room. */
    return send(fd, hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(hello);
}

void trivet_sp_connection_open(struct sp_loop *loop, int fd, enum trivet_sp_framing framing)
{
    struct sp_connection *connection = trivet_calloc(1, sizeof(*connection));
    if (connection == NULL || !send_hello(fd) ||
        uv_poll_init(&loop->uv, &connection->poll, fd) != 0) {
        trivet_free(connection);
        close(fd);
        atomic_fetch_sub_explicit(&loop->n_connections, 1, memory_order_relaxed);
        return;
    }
    connection->loop = loop;
    connection->poll.data = connection;
    connection->fd = fd;
    connection->refs = 1;
    trivet_sp_peer_name(fd, framing, connection->peer);
    trivet_sp_reader_init(&connection->reader, framing, TRIVET_SP_REQ,
                          loop->options->message_bytes_max, sizeof(struct sp_exchange),
                          &loop->spares);
    TAILQ_INSERT_TAIL(&loop->open, connection, open_link);
    connection->read_deadline_ns = TRIVET_NEVER_NS;
    connection->write_deadline_ns = TRIVET_NEVER_NS;
    connection->in_message = true;
    set_deadlines(connection, deadline(connection, loop->options->hello_timeout_ms),
                  TRIVET_NEVER_NS);
    update_poll(connection);
}
