/* DESIGN
 * One thread runs the loop and everything that its handles call. Other threads do three things:
 * they return exchanges (inbox, under `lock`, then the wake), hand over connections, and set
 * `stop`. The wake is sent under the lock, so that the loop, which takes the lock before it ends,
 * cannot be gone before it.
 *
 * A turn is one round of libuv: what is readable is read, connection after connection; then the
 * check handle settles: the fast lane answers all it took, and every connection is written once.
 *
 * The first loop accepts, and gives each connection to the loop that has the fewest.
 *
 * Closing: no more connections and no more reading; when the last exchange is back, replies get
 * FLUSH_MS to leave; then every handle is closed and uv_run comes back by itself. */
#include "rpc/sp_loop.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS          100
#define FLUSH_MS         1000
#define ACCEPTS_PER_TURN 64

static _Thread_local struct sp_loop *current;

struct sp_loop *trivet_sp_loop_current(void)
{
    return current;
}

bool trivet_sp_loop_may_warn(struct sp_loop *loop)
{
    if (loop->now_ns < loop->warn_ns) {
        return false;
    }
    loop->warn_ns = trivet_clock_after_ns(loop->now_ns, TRIVET_NS_PER_S);
    return true;
}

/* --- accepting ------------------------------------------------------------------------------- */

static void on_connection(uv_poll_t *handle, int status, int events);

size_t trivet_sp_count_connections(const struct sp_loop *loop)
{
    size_t n = 0;
    for (size_t i = 0; i < loop->n_loops; i++) {
        n += atomic_load_explicit(&loop->loops[i].n_connections, memory_order_relaxed);
    }
    return n;
}

static void start_accepting(struct sp_loop *loop)
{
    loop->accept_paused = false;
    for (size_t i = 0; i < loop->n_acceptors; i++) {
        (void)uv_poll_start(&loop->acceptors[i].poll, UV_READABLE, on_connection);
    }
}

/* Out of descriptors or memory: the socket would stay readable and the loop spin. */
static void pause_accepting(struct sp_loop *loop)
{
    if (trivet_sp_loop_may_warn(loop)) {
        trivet_log(TRIVET_LOG_WARN, "accept_failed", "connections=%zu message=%s",
                   trivet_sp_count_connections(loop), strerror(errno));
    }
    loop->accept_paused = true;
    for (size_t i = 0; i < loop->n_acceptors; i++) {
        (void)uv_poll_stop(&loop->acceptors[i].poll);
    }
    trivet_sp_loop_start_timer(loop);
}

static void refuse(struct sp_loop *loop, int fd)
{
    close(fd);
    if (trivet_sp_loop_may_warn(loop)) {
        trivet_log(TRIVET_LOG_WARN, "connections_full", "connections=%zu",
                   trivet_sp_count_connections(loop));
    }
}

static struct sp_loop *pick_loop(const struct sp_loop *loop)
{
    struct sp_loop *best = &loop->loops[0];
    for (size_t i = 1; i < loop->n_loops; i++) {
        if (atomic_load_explicit(&loop->loops[i].n_connections, memory_order_relaxed) <
            atomic_load_explicit(&best->n_connections, memory_order_relaxed)) {
            best = &loop->loops[i];
        }
    }
    return best;
}

/* To a loop of another thread. */
static void hand_over(struct sp_loop *loop, int fd, enum trivet_sp_framing framing)
{
    struct sp_handoff *handoff = trivet_malloc(sizeof(*handoff));
    if (handoff == NULL) {
        close(fd);
        atomic_fetch_sub_explicit(&loop->n_connections, 1, memory_order_relaxed);
        return;
    }
    *handoff = (struct sp_handoff){.fd = fd, .framing = framing};
    pthread_mutex_lock(&loop->lock);
    handoff->next = loop->handoffs;
    loop->handoffs = handoff;
    (void)uv_async_send(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
}

static void take_over(struct sp_loop *loop, struct sp_handoff *handoffs)
{
    while (handoffs != NULL) {
        struct sp_handoff *next = handoffs->next;
        trivet_sp_connection_open(loop, handoffs->fd, handoffs->framing);
        trivet_free(handoffs);
        handoffs = next;
    }
}

static void admit(struct sp_acceptor *acceptor, int fd)
{
    struct sp_loop *loop = acceptor->loop;
    if (trivet_sp_count_connections(loop) >= loop->options->connections_max) {
        refuse(loop, fd);
        return;
    }
    if (acceptor->endpoint->framing == TRIVET_SP_FRAMING_TCP) {
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    struct sp_loop *home = pick_loop(loop);
    atomic_fetch_add_explicit(&home->n_connections, 1, memory_order_relaxed);
    if (home == loop) {
        trivet_sp_connection_open(loop, fd, acceptor->endpoint->framing);
    } else {
        hand_over(home, fd, acceptor->endpoint->framing);
    }
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
    struct sp_acceptor *acceptor = handle->data;
    struct sp_loop *loop = acceptor->loop;
    (void)status;
    (void)events;
    loop->now_ns = trivet_clock_monotonic_ns();
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int fd = accept4(acceptor->endpoint->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            admit(acceptor, fd);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            pause_accepting(loop);
            break;
        }
    }
}

/* --- closing --------------------------------------------------------------------------------- */

static void begin_close(struct sp_loop *loop)
{
    loop->closing = true;
    for (size_t i = 0; i < loop->n_acceptors; i++) {
        uv_close((uv_handle_t *)&loop->acceptors[i].poll, NULL);
        trivet_sp_endpoint_close(loop->acceptors[i].endpoint);
    }
    struct sp_connection *next;
    for (struct sp_connection *i = TAILQ_FIRST(&loop->open); i != NULL; i = next) {
        next = TAILQ_NEXT(i, open_link);
        trivet_sp_connection_stop_reading(i);
    }
}

static bool all_is_sent(const struct sp_loop *loop)
{
    const struct sp_connection *connection;
    TAILQ_FOREACH(connection, &loop->open, open_link)
    {
        if (connection->replies != NULL) {
            return false;
        }
    }
    return true;
}

static void end_when_done(struct sp_loop *loop)
{
    if (loop->ended || loop->n_in_hand > 0) {
        return;
    }
    if (loop->flush_deadline_ns == 0) {
        loop->flush_deadline_ns = trivet_clock_after_ns(loop->now_ns, FLUSH_MS * TRIVET_NS_PER_MS);
        trivet_sp_loop_start_timer(loop);
    }
    if (!all_is_sent(loop) && loop->now_ns < loop->flush_deadline_ns) {
        return;
    }
    loop->ended = true;
    while (!TAILQ_EMPTY(&loop->open)) {
        trivet_sp_connection_close(TAILQ_FIRST(&loop->open));
    }
    if (loop->lane != NULL) {
        loop->options->fast_lane->close(loop->lane); /* it may wake until then */
        loop->lane = NULL;
    }
    uv_close((uv_handle_t *)&loop->turn, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
}

/* --- the loop's callbacks -------------------------------------------------------------------- */

void trivet_sp_loop_end_lane_turn(struct sp_loop *loop)
{
    if (loop->lane_has_calls) {
        loop->lane_has_calls = false;
        loop->options->fast_lane->end_turn(loop->lane);
    }
}

static void on_turn(uv_check_t *handle)
{
    trivet_sp_loop_settle(handle->data);
}

void trivet_sp_loop_settle(struct sp_loop *loop)
{
    struct sp_connection *connection;
    do {
        trivet_sp_loop_end_lane_turn(loop);
        while ((connection = TAILQ_FIRST(&loop->unsent)) != NULL) {
            trivet_sp_connection_flush(connection);
        }
        while (loop->n_in_hand < loop->options->exchanges_max &&
               (connection = TAILQ_FIRST(&loop->waiting)) != NULL) {
            trivet_sp_connection_resume(connection);
        }
    } while (!TAILQ_EMPTY(&loop->unsent) || loop->lane_has_calls);
    if (loop->closing) {
        end_when_done(loop);
    }
}

static void on_wake(uv_async_t *handle)
{
    struct sp_loop *loop = handle->data;
    loop->now_ns = trivet_clock_monotonic_ns();
    pthread_mutex_lock(&loop->lock);
    struct sp_exchange *exchange = loop->inbox;
    loop->inbox = NULL;
    loop->inbox_end = &loop->inbox;
    struct sp_handoff *handoffs = loop->handoffs;
    loop->handoffs = NULL;
    bool stop = loop->stop;
    pthread_mutex_unlock(&loop->lock);
    take_over(loop, handoffs);
    if (loop->lane != NULL) {
        loop->lane_has_calls = true; /* it may be the lane that woke, to let go of versions */
    }
    while (exchange != NULL) {
        struct sp_exchange *next = exchange->next;
        trivet_sp_connection_finish(exchange);
        exchange = next;
    }
    if (stop && !loop->closing) {
        begin_close(loop);
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct sp_loop *loop = handle->data;
    loop->now_ns = trivet_clock_monotonic_ns();
    if (loop->accept_paused && !loop->closing) {
        start_accepting(loop);
    }
    struct sp_connection *next;
    for (struct sp_connection *i = TAILQ_FIRST(&loop->timed); i != NULL; i = next) {
        next = TAILQ_NEXT(i, timed_link);
        trivet_sp_connection_check_deadlines(i);
    }
    if (TAILQ_EMPTY(&loop->timed) && !loop->closing) {
        (void)uv_timer_stop(&loop->timer);
    }
    trivet_sp_loop_settle(loop);
}

void trivet_sp_loop_start_timer(struct sp_loop *loop)
{
    if (!loop->ended && !uv_is_active((const uv_handle_t *)&loop->timer)) {
        (void)uv_timer_start(&loop->timer, on_tick, TICK_MS, TICK_MS);
    }
}

/* --- other threads --------------------------------------------------------------------------- */

void trivet_sp_loop_return(struct sp_loop *loop, struct sp_exchange *exchange)
{
    exchange->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool wake = loop->inbox == NULL;
    *loop->inbox_end = exchange;
    loop->inbox_end = &exchange->next;
    if (wake) {
        (void)uv_async_send(&loop->wake);
    }
    pthread_mutex_unlock(&loop->lock);
}

/* --- life ------------------------------------------------------------------------------------ */

static void *run(void *arg)
{
    struct sp_loop *loop = arg;
    /* A peer that has gone is an error of the write. */
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    current = loop;
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    current = NULL;
    return NULL;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void free_loop(struct sp_loop *loop)
{
    uv_walk(&loop->uv, close_handle, NULL); /* only after a failed start are there any */
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop->uv);
    if (loop->lane != NULL) {
        loop->options->fast_lane->close(loop->lane);
    }
    pthread_mutex_destroy(&loop->lock);
    trivet_sp_spares_release(&loop->spares);
    trivet_free(loop->read_buffer);
}

static void wake_loop(void *arg)
{
    struct sp_loop *loop = arg;
    (void)uv_async_send(&loop->wake);
}

static int init_handles(struct sp_loop *loop)
{
    int rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc == 0) {
        rc = uv_timer_init(&loop->uv, &loop->timer);
    }
    if (rc == 0) {
        rc = uv_check_init(&loop->uv, &loop->turn);
    }
    if (rc == 0) {
        rc = uv_check_start(&loop->turn, on_turn);
    }
    loop->turn.data = loop;
    loop->wake.data = loop;
    loop->timer.data = loop;
    for (size_t i = 0; rc == 0 && i < loop->n_acceptors; i++) {
        struct sp_acceptor *acceptor = &loop->acceptors[i];
        acceptor->loop = loop;
        rc = uv_poll_init(&loop->uv, &acceptor->poll, acceptor->endpoint->fd);
        acceptor->poll.data = acceptor;
    }
    return rc;
}

enum trivet_status trivet_sp_loop_open(struct sp_loop *loops, size_t n_loops, size_t i,
                                       const struct trivet_listener_options *options,
                                       struct sp_acceptor *acceptors, size_t n_acceptors,
                                       struct trivet_error *err)
{
    struct sp_loop *loop = &loops[i];
    *loop = (struct sp_loop){.options = options,
                             .loops = loops,
                             .n_loops = n_loops,
                             .acceptors = acceptors,
                             .n_acceptors = n_acceptors};
    TAILQ_INIT(&loop->open);
    TAILQ_INIT(&loop->timed);
    TAILQ_INIT(&loop->waiting);
    TAILQ_INIT(&loop->unsent);
    loop->inbox_end = &loop->inbox;
    loop->read_buffer = trivet_malloc(SP_READ_BYTES);
    if (loop->read_buffer == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    int rc = uv_loop_init(&loop->uv);
    if (rc != 0) {
        trivet_free(loop->read_buffer);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "cannot make an event loop: %s",
                                uv_strerror(rc));
    }
    pthread_mutex_init(&loop->lock, NULL);
    rc = init_handles(loop);
    if (rc == 0 && options->fast_lane != NULL) {
        loop->lane = options->fast_lane->open(options->fast_lane_ctx, wake_loop, loop);
        rc = loop->lane == NULL ? UV_ENOMEM : 0;
    }
    if (rc == 0) {
        start_accepting(loop);
        rc = -pthread_create(&loop->thread, NULL, run, loop);
    }
    if (rc != 0) {
        free_loop(loop);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "cannot start an event loop: %s",
                                uv_strerror(rc));
    }
    return TRIVET_OK;
}

void trivet_sp_loop_close(struct sp_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stop = true;
    (void)uv_async_send(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
    pthread_join(loop->thread, NULL);
    free_loop(loop);
}
