/* DESIGN: one thread. A slot goes from the queue of the free ones into the queue of a connection,
 * is written, and is free again when its reply is in. One turn takes in all that has arrived,
 * queues what is to be sent, and writes once for each connection that has something to send. */
#include "bench/wire/engine.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "bench/wire/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define INPUT_BYTES ((size_t)4 << 20)
#define EVENTS_MAX  1024
#define PARTS_MAX   64
#define SILENCE_NS  (15 * TRIVET_NS_PER_S) /* without any reply: given up */
#define SPIN_NS     (60 * TRIVET_NS_PER_US)
#define NONE        SIZE_MAX

struct connection {
    int fd;
    bool is_dirty; /* in the list of those with something to write */
    bool waits;    /* for room in the socket */
    size_t first;  /* queue of slots to be written */
    size_t last;
    size_t done_bytes; /* of the first */
    uint8_t *rest;     /* input that is no whole reply yet */
    size_t rest_bytes;
};

struct engine {
    struct work *work;
    const struct engine_options *options;
    struct engine_result *result;
    struct connection *connections;
    size_t *dirty;
    size_t n_dirty;
    size_t next_connection;
    int epoll;
    size_t *free_slots; /* ring */
    size_t first_free;
    size_t n_free;
    size_t *next_slot; /* of a queue */
    int64_t *started_ns;
    uint8_t *input;
    int64_t now_ns;
    int64_t counts_from_ns;
    int64_t ends_ns;
    int64_t last_reply_ns;
    uint64_t n_sent; /* of ENGINE_OPEN */
    int64_t open_from_ns;
};

static void note(struct engine_result *result, enum work_verdict verdict, const char *why)
{
    if (verdict == WORK_RIGHT) {
        return;
    }
    if (result->n_wrong + result->n_failed == 0) {
        (void)snprintf(result->why, sizeof(result->why), "%s", why);
    }
    if (verdict == WORK_WRONG) {
        result->n_wrong++;
    } else {
        result->n_failed++;
    }
}

/* Bytes of the whole message that input[0..n_bytes) begins with; 0 when that is not known yet. */
static size_t message_bytes(const struct work *work, const uint8_t *input, size_t n_bytes)
{
    uint64_t payload_bytes = 0;
    if (work->options.bare) {
        return work->options.reply_bytes;
    }
    if (n_bytes < work->prefix_bytes) {
        return 0;
    }
    if (!trivet_sp_prefix_parse(work->framing, input, &payload_bytes) ||
        payload_bytes > INPUT_BYTES / 2 || payload_bytes < 4) {
        die("the server's bytes are no message");
    }
    return work->prefix_bytes + payload_bytes;
}

/* --- one call at a time */

static size_t read_reply(struct engine *engine, int fd)
{
    size_t n_bytes = 0, wanted = 0;
    while (wanted == 0 || n_bytes < wanted) {
        ssize_t n = recv(fd, engine->input + n_bytes, INPUT_BYTES - n_bytes, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            die("the server closed the connection");
        }
        n_bytes += (size_t)n;
        wanted = message_bytes(engine->work, engine->input, n_bytes);
    }
    if (n_bytes != wanted) {
        die("%zu bytes more than a reply", n_bytes - wanted);
    }
    return n_bytes;
}

static void run_unary(struct engine *engine)
{
    struct work *work = engine->work;
    struct engine_result *result = engine->result;
    int fd = engine->connections[0].fd;
    double cpu = 0, own = 0;
    bool counts = false;
    int64_t now = trivet_clock_monotonic_ns();
    for (size_t call = 0; now < engine->ends_ns; call++) {
        char why[128];
        size_t slot = call % work->options.n_slots, answered = 0;
        if (!counts && now >= engine->counts_from_ns) {
            counts = true;
            cpu = process_cpu_s(engine->options->server_pid);
            own = own_cpu_s();
            engine->counts_from_ns = trivet_clock_monotonic_ns();
        }
        const uint8_t *request = work_stamp(work, slot);
        int64_t start = trivet_clock_monotonic_ns();
        if (!write_all(fd, request, work->request_bytes)) {
            die("the server closed the connection");
        }
        size_t n_bytes = read_reply(engine, fd) - work->prefix_bytes;
        now = trivet_clock_monotonic_ns();
        const uint8_t *payload = engine->input + work->prefix_bytes;
        if (!work_slot_of(work, payload, n_bytes, &answered) || answered != slot) {
            note(result, WORK_WRONG, "a reply to another request");
            continue;
        }
        note(result, work_check(work, slot, payload, n_bytes, why), why);
        if (counts) {
            latency_add(&result->latency, now - start);
            result->reply_bytes = n_bytes + work->prefix_bytes;
        }
    }
    result->seconds = (double)(now - engine->counts_from_ns) / 1e9;
    result->server_cpu_s = process_cpu_s(engine->options->server_pid) - cpu;
    result->client_cpu_s = own_cpu_s() - own;
}

/* --- many in flight */

static void queue_on(struct engine *engine, size_t index, int64_t started_ns)
{
    struct connection *connection = &engine->connections[index];
    size_t slot = engine->free_slots[engine->first_free];
    engine->first_free = (engine->first_free + 1) % engine->work->options.n_slots;
    engine->n_free--;
    (void)work_stamp(engine->work, slot);
    engine->started_ns[slot] = started_ns;
    engine->next_slot[slot] = NONE;
    if (connection->first == NONE) {
        connection->first = slot;
    } else {
        engine->next_slot[connection->last] = slot;
    }
    connection->last = slot;
    if (!connection->is_dirty && !connection->waits) {
        connection->is_dirty = true;
        engine->dirty[engine->n_dirty++] = index;
    }
}

/* The queue as parts, neighbours in memory as one; their number. */
static int gather(const struct engine *engine, const struct connection *connection,
                  struct iovec *parts)
{
    size_t request_bytes = engine->work->request_bytes, skip = connection->done_bytes;
    int n_parts = 0;
    for (size_t slot = connection->first; slot != NONE; slot = engine->next_slot[slot]) {
        uint8_t *request = engine->work->requests + slot * request_bytes + skip;
        struct iovec *last = n_parts > 0 ? &parts[n_parts - 1] : NULL;
        if (last != NULL && (uint8_t *)last->iov_base + last->iov_len == request) {
            last->iov_len += request_bytes;
        } else if (n_parts == PARTS_MAX) {
            break;
        } else {
            parts[n_parts++] = (struct iovec){request, request_bytes - skip};
        }
        skip = 0;
    }
    return n_parts;
}

static void watch(const struct engine *engine, size_t index, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data = {.u64 = index}};
    if (epoll_ctl(engine->epoll, operation, engine->connections[index].fd, &event) != 0) {
        die("epoll: %s", strerror(errno));
    }
}

static void write_queue(struct engine *engine, size_t index)
{
    struct connection *connection = &engine->connections[index];
    size_t request_bytes = engine->work->request_bytes;
    struct iovec parts[PARTS_MAX];
    bool waited = connection->waits;
    connection->waits = false;
    while (connection->first != NONE && !connection->waits) {
        struct msghdr message = {.msg_iov = parts};
        message.msg_iovlen = (size_t)gather(engine, connection, parts);
        ssize_t n = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            die("the server closed a connection: %s", strerror(errno));
        }
        connection->waits = n < 0 && errno == EAGAIN;
        connection->done_bytes += n > 0 ? (size_t)n : 0;
        while (connection->first != NONE && connection->done_bytes >= request_bytes) {
            connection->done_bytes -= request_bytes;
            connection->first = engine->next_slot[connection->first];
        }
    }
    if (connection->waits != waited) {
        watch(engine, index, connection->waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
    }
}

static void write_dirty(struct engine *engine)
{
    for (size_t k = 0; k < engine->n_dirty; k++) {
        engine->connections[engine->dirty[k]].is_dirty = false;
        write_queue(engine, engine->dirty[k]);
    }
    engine->n_dirty = 0;
}

static void take_reply(struct engine *engine, size_t index, const uint8_t *message, size_t n_bytes)
{
    struct work *work = engine->work;
    const uint8_t *payload = message + work->prefix_bytes;
    size_t payload_bytes = n_bytes - work->prefix_bytes, slot = 0;
    char why[128];
    if (!work_slot_of(work, payload, payload_bytes, &slot)) {
        note(engine->result, WORK_WRONG, "a reply to a request that was not sent");
        return;
    }
    note(engine->result, work_check(work, slot, payload, payload_bytes, why), why);
    int64_t started = engine->started_ns[slot];
    /* A closed loop counts what comes in within its time; of an open loop every call that was due
     * in it counts, however late its answer. */
    bool counts = engine->options->mode == ENGINE_OPEN ? started >= engine->counts_from_ns
                                                       : engine->now_ns >= engine->counts_from_ns &&
                                                             engine->now_ns < engine->ends_ns;
    if (counts) {
        latency_add(&engine->result->latency, engine->now_ns - started);
    }
    engine->result->reply_bytes = n_bytes;
    engine->last_reply_ns = engine->now_ns;
    size_t n_slots = work->options.n_slots;
    engine->free_slots[(engine->first_free + engine->n_free++) % n_slots] = slot;
    if (engine->options->mode == ENGINE_PIPELINED && engine->now_ns < engine->ends_ns) {
        /* With fewer slots than connections, each has its turn. */
        bool rotates = n_slots < engine->options->n_connections;
        size_t next = rotates ? engine->next_connection++ % engine->options->n_connections : index;
        queue_on(engine, next, engine->now_ns);
    }
}

static void read_connection(struct engine *engine, size_t index)
{
    struct connection *connection = &engine->connections[index];
    size_t n_bytes = connection->rest_bytes, at = 0;
    if (n_bytes > 0) {
        memcpy(engine->input, connection->rest, n_bytes);
    }
    ssize_t n = recv(connection->fd, engine->input + n_bytes, INPUT_BYTES - n_bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        die("the server closed a connection");
    }
    n_bytes += (size_t)n;
    engine->now_ns = trivet_clock_monotonic_ns();
    for (size_t wanted = 1; at < n_bytes; at += wanted) {
        wanted = message_bytes(engine->work, engine->input + at, n_bytes - at);
        if (wanted == 0 || wanted > n_bytes - at) {
            break;
        }
        take_reply(engine, index, engine->input + at, wanted);
    }
    trivet_free(connection->rest);
    connection->rest_bytes = n_bytes - at;
    connection->rest = at < n_bytes ? trivet_memdup(engine->input + at, n_bytes - at) : NULL;
}

/* What is due of a constant rate; when the next is, in *wait_ns. A call that found no free slot is
 * as late as it is. False when all that are due within the time were sent, however late. */
static bool queue_due(struct engine *engine, int64_t *wait_ns)
{
    double interval_ns = 1e9 / engine->options->rate;
    int64_t now = trivet_clock_monotonic_ns();
    *wait_ns = TRIVET_NS_PER_MS;
    for (;;) {
        int64_t due = engine->open_from_ns + (int64_t)(interval_ns * (double)engine->n_sent);
        if (due >= engine->ends_ns) {
            return false;
        }
        if (due > now) {
            *wait_ns = due - now < TRIVET_NS_PER_MS ? due - now : TRIVET_NS_PER_MS;
            return true;
        }
        if (engine->n_free == 0) {
            return true;
        }
        queue_on(engine, engine->next_connection++ % engine->options->n_connections, due);
        engine->n_sent++;
    }
}

static void take_events(struct engine *engine, int64_t wait_ns)
{
    struct epoll_event events[EVENTS_MAX];
    /* A sleep is not woken from in time for a call that is due in a moment. */
    struct timespec wait = trivet_clock_timespec(wait_ns < SPIN_NS ? 0 : wait_ns - SPIN_NS / 2);
    int n = epoll_pwait2(engine->epoll, events, EVENTS_MAX, &wait, NULL);
    if (n < 0 && errno != EINTR) {
        die("epoll: %s", strerror(errno));
    }
    for (int k = 0; k < n; k++) {
        size_t index = events[k].data.u64;
        if ((events[k].events & EPOLLOUT) != 0) {
            write_queue(engine, index);
        }
        if ((events[k].events & ~(uint32_t)EPOLLOUT) != 0) {
            read_connection(engine, index);
        }
    }
}

/* Until all that was sent is answered. */
static void run_many(struct engine *engine)
{
    struct engine_result *result = engine->result;
    size_t n_slots = engine->work->options.n_slots;
    bool is_open = engine->options->mode == ENGINE_OPEN, counts = false, ended = false;
    bool is_due = is_open;
    double cpu = 0, own = 0;
    while (!is_open && engine->n_free > 0) {
        queue_on(engine, engine->next_connection++ % engine->options->n_connections,
                 trivet_clock_monotonic_ns());
    }
    while (!ended || is_due || engine->n_free < n_slots) {
        int64_t wait_ns = 100 * TRIVET_NS_PER_MS, now = trivet_clock_monotonic_ns();
        if (!counts && now >= engine->counts_from_ns) {
            counts = true;
            cpu = process_cpu_s(engine->options->server_pid);
            own = own_cpu_s();
        }
        if (!ended && now >= engine->ends_ns) {
            ended = true;
            result->server_cpu_s = process_cpu_s(engine->options->server_pid) - cpu;
            result->client_cpu_s = own_cpu_s() - own;
        }
        if (is_due) {
            is_due = queue_due(engine, &wait_ns);
        }
        write_dirty(engine);
        take_events(engine, wait_ns);
        if (now - engine->last_reply_ns > SILENCE_NS && engine->n_free < n_slots) {
            note(result, WORK_FAILED, "no reply came");
            result->n_failed += n_slots - engine->n_free - 1;
            break;
        }
    }
    result->seconds = (double)(engine->ends_ns - engine->counts_from_ns) / 1e9;
}

static void open_connections(struct engine *engine)
{
    const struct engine_options *options = engine->options;
    for (size_t k = 0; k < options->n_connections; k++) {
        struct connection *connection = &engine->connections[k];
        *connection = (struct connection){.first = NONE, .last = NONE};
        connection->fd = dial(options->url, engine->work->options.bare);
        if (options->mode != ENGINE_UNARY) {
            watch(engine, k, EPOLLIN, EPOLL_CTL_ADD);
        }
    }
}

static void release(struct engine *engine)
{
    for (size_t k = 0; k < engine->options->n_connections; k++) {
        (void)close(engine->connections[k].fd);
        trivet_free(engine->connections[k].rest);
    }
    (void)close(engine->epoll);
    trivet_free(engine->connections);
    trivet_free(engine->dirty);
    trivet_free(engine->free_slots);
    trivet_free(engine->next_slot);
    trivet_free(engine->started_ns);
    trivet_free(engine->input);
}

void engine_run(struct work *work, const struct engine_options *options,
                struct engine_result *result)
{
    size_t n_slots = work->options.n_slots, n_connections = options->n_connections;
    struct engine engine = {.work = work, .options = options, .result = result, .n_free = n_slots};
    memset(result, 0, sizeof(*result));
    engine.connections = trivet_calloc(n_connections, sizeof(*engine.connections));
    engine.dirty = trivet_calloc(n_connections, sizeof(*engine.dirty));
    engine.free_slots = trivet_calloc(n_slots, sizeof(*engine.free_slots));
    engine.next_slot = trivet_calloc(n_slots, sizeof(*engine.next_slot));
    engine.started_ns = trivet_calloc(n_slots, sizeof(*engine.started_ns));
    engine.input = trivet_malloc(INPUT_BYTES);
    engine.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (engine.connections == NULL || engine.dirty == NULL || engine.free_slots == NULL ||
        engine.next_slot == NULL || engine.started_ns == NULL || engine.input == NULL ||
        engine.epoll < 0) {
        die("out of memory for %zu connections", n_connections);
    }
    for (size_t slot = 0; slot < n_slots; slot++) {
        engine.free_slots[slot] = slot;
    }
    /* Sleeps of an open loop end when they should. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    result->server_rss_before = process_rss_bytes(options->server_pid);
    open_connections(&engine);
    engine.open_from_ns = engine.last_reply_ns = trivet_clock_monotonic_ns();
    engine.counts_from_ns = engine.open_from_ns + (int64_t)(options->warm_up_s * 1e9);
    engine.ends_ns = engine.counts_from_ns + (int64_t)(options->seconds * 1e9);
    if (options->mode == ENGINE_UNARY) {
        run_unary(&engine);
    } else {
        run_many(&engine);
    }
    result->server_rss_bytes = process_rss_bytes(options->server_pid);
    release(&engine);
}
