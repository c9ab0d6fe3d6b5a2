/* DESIGN: everything runs in the thread that submits and waits. A submitted request is packed into
 * its slot, which keeps it until its reply is in, to send it again after a break. It is written at
 * once when the server has nothing else to do, or when much has gathered; else it waits for the
 * next to go with it, at the latest until somebody waits. While something is written replies are
 * read, so that neither side waits for the other to read.
 *
 * A slot is free, or in one of two lists: unsent or sent, oldest first. After a break all that was
 * sent goes back to the front of the unsent, once; a second break ends the call. */
#include "base/alloc.h"
#include "base/clock.h"
#include "clients/c/pipe.h"
#include "clients/c/request.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/queue.h>

/* Requests up to here are gathered. */
#define GATHERED_BYTES_MAX ((size_t)16 * 1024)
/* So much is not held back. */
#define HELD_BYTES_MAX ((size_t)16 * 1024)
/* What a slot keeps from call to call. */
#define SLOT_BYTES_KEPT ((size_t)1024 * 1024)
#define INDEX_BITS      12
#define GENERATION_MASK 0x7ffffu

struct slot {
    TAILQ_ENTRY(slot) entry;
    struct trivet_call call; /* its method and body are not used */
    char method[TRIVET_METHOD_BYTES];
    void *tag;
    uint32_t id;
    bool in_use;
    bool sent;
    bool again; /* it was in a break */
    int64_t deadline_ns;
    uint8_t *bytes; /* owned; the packed message */
    size_t n_bytes;
    size_t capacity;
};

TAILQ_HEAD(slots, slot);

struct sp_pipe {
    struct trivet_pipe face; /* first: cast back */
    struct trivet_pool *pool;
    struct trivet_link *link; /* owned; NULL = broken */
    struct slots free;
    struct slots unsent;
    struct slots sent;
    size_t n_sent;
    size_t unsent_bytes;   /* of whole slots */
    size_t head_sent;      /* bytes of the first unsent, which is not gathered */
    size_t gathered_begin; /* of link->output */
    size_t gathered_end;
    size_t n_late;            /* replies that may still come, to calls that are over */
    int64_t next_deadline_ns; /* at most the earliest */
    size_t n_done;
    bool in_callback;
    struct slot slots[];
};

/* --- slots ----------------------------------------------------------------------------------- */

static void finish(struct sp_pipe *pipe, struct slot *slot, enum trivet_status status,
                   const struct trivet_reply *reply, const struct trivet_error *err)
{
    slot->in_use = false;
    if (slot->capacity > SLOT_BYTES_KEPT) {
        trivet_free(slot->bytes);
        slot->bytes = NULL;
        slot->capacity = 0;
    }
    TAILQ_INSERT_HEAD(&pipe->free, slot, entry);
    pipe->face.n_in_flight--;
    pipe->n_done++;
    pipe->in_callback = true;
    pipe->face.done(pipe->face.context, slot->tag, status, reply, err);
    pipe->in_callback = false;
}

static void leave_list(struct sp_pipe *pipe, struct slot *slot)
{
    if (slot->sent) {
        TAILQ_REMOVE(&pipe->sent, slot, entry);
        pipe->n_sent--;
    } else {
        TAILQ_REMOVE(&pipe->unsent, slot, entry);
        pipe->unsent_bytes -= slot->n_bytes;
    }
}

static void join_sent(struct sp_pipe *pipe, struct slot *slot)
{
    leave_list(pipe, slot);
    slot->sent = true;
    TAILQ_INSERT_TAIL(&pipe->sent, slot, entry);
    pipe->n_sent++;
}

/* Ends what is in flight, with `err` or for the `end` of the link; what callbacks submit meanwhile
 * stays. */
static void fail_all(struct sp_pipe *pipe, const struct trivet_error *err, enum trivet_link_end end,
                     uint64_t announced_bytes)
{
    struct slots failing = TAILQ_HEAD_INITIALIZER(failing);
    TAILQ_CONCAT(&failing, &pipe->sent, entry);
    TAILQ_CONCAT(&failing, &pipe->unsent, entry);
    pipe->n_sent = 0;
    pipe->unsent_bytes = 0;
    pipe->head_sent = 0;
    struct slot *slot;
    while ((slot = TAILQ_FIRST(&failing)) != NULL) {
        struct trivet_error inner = {0};
        TAILQ_REMOVE(&failing, slot, entry);
        if (err == NULL) {
            slot->call.method = slot->method;
            trivet_pool_describe(pipe->pool, end, announced_bytes, &slot->call, &inner);
        } else {
            inner = *err;
        }
        finish(pipe, slot, inner.status, NULL, &inner);
    }
}

/* --- breaks ---------------------------------------------------------------------------------- */

/* Back into the queue, in their order; who was in a break before is over. */
static void send_again(struct sp_pipe *pipe)
{
    struct slots over = TAILQ_HEAD_INITIALIZER(over);
    struct slots back = TAILQ_HEAD_INITIALIZER(back);
    struct slot *slot;
    struct slot *first = TAILQ_FIRST(&pipe->unsent);
    if (pipe->head_sent > 0 && first != NULL) {
        join_sent(pipe, first); /* a part of it was */
    }
    while ((slot = TAILQ_FIRST(&pipe->sent)) != NULL) {
        leave_list(pipe, slot);
        slot->sent = false;
        if (slot->again) {
            TAILQ_INSERT_TAIL(&over, slot, entry);
            continue;
        }
        slot->again = true;
        TAILQ_INSERT_TAIL(&back, slot, entry);
        pipe->unsent_bytes += slot->n_bytes;
    }
    TAILQ_CONCAT(&back, &pipe->unsent, entry);
    TAILQ_CONCAT(&pipe->unsent, &back, entry);
    pipe->head_sent = 0;
    while ((slot = TAILQ_FIRST(&over)) != NULL) {
        struct trivet_error err = {0};
        TAILQ_REMOVE(&over, slot, entry);
        slot->call.method = slot->method;
        trivet_pool_describe(pipe->pool, TRIVET_LINK_BROKEN, 0, &slot->call, &err);
        finish(pipe, slot, err.status, NULL, &err);
    }
}

/* A connection again, or all calls are over. */
static void reconnect(struct sp_pipe *pipe)
{
    struct trivet_error err = {0};
    if (pipe->link == NULL && pipe->face.n_in_flight > 0 &&
        trivet_pool_take(pipe->pool, pipe->next_deadline_ns, &pipe->link, &err) != TRIVET_OK) {
        fail_all(pipe, &err, TRIVET_LINK_DONE, 0);
    }
}

static void on_end(struct sp_pipe *pipe, enum trivet_link_end end)
{
    uint64_t announced_bytes = pipe->link->announced_bytes;
    pipe->gathered_begin = 0;
    pipe->gathered_end = 0;
    pipe->n_late = 0;
    struct trivet_link *link = pipe->link;
    pipe->link = NULL;
    if (end == TRIVET_LINK_BROKEN) {
        trivet_pool_drop(pipe->pool, link);
        send_again(pipe);
    } else {
        /* Whose reply it was nobody knows: it is the end of all that are in flight. */
        trivet_link_free(link);
        fail_all(pipe, NULL, end, announced_bytes);
    }
    reconnect(pipe);
}

/* --- out and in ------------------------------------------------------------------------------ */

static void gather(struct sp_pipe *pipe)
{
    struct slot *slot;
    while ((slot = TAILQ_FIRST(&pipe->unsent)) != NULL && slot->n_bytes <= GATHERED_BYTES_MAX &&
           pipe->gathered_end + slot->n_bytes <= TRIVET_LINK_OUTPUT_BYTES) {
        memcpy(pipe->link->output + pipe->gathered_end, slot->bytes, slot->n_bytes);
        pipe->gathered_end += slot->n_bytes;
        join_sent(pipe, slot);
    }
}

/* DONE: nothing is left to write. */
static enum trivet_link_end write_some(struct sp_pipe *pipe)
{
    for (;;) {
        enum trivet_link_end end =
            trivet_link_write(pipe->link, pipe->link->output + pipe->gathered_begin,
                              pipe->gathered_end - pipe->gathered_begin, &pipe->gathered_begin);
        if (end != TRIVET_LINK_DONE) {
            return end;
        }
        pipe->gathered_begin = 0;
        pipe->gathered_end = 0;
        struct slot *slot = TAILQ_FIRST(&pipe->unsent);
        if (slot == NULL) {
            return TRIVET_LINK_DONE;
        }
        if (slot->n_bytes <= GATHERED_BYTES_MAX) {
            gather(pipe);
            continue;
        }
        end = trivet_link_write(pipe->link, slot->bytes + pipe->head_sent,
                                slot->n_bytes - pipe->head_sent, &pipe->head_sent);
        if (end != TRIVET_LINK_DONE) {
            return end;
        }
        join_sent(pipe, slot);
        pipe->head_sent = 0;
    }
}

static enum trivet_link_end on_reply(struct sp_pipe *pipe, uint32_t id, const uint8_t *frame,
                                     size_t frame_bytes)
{
    size_t index = id & ((1u << INDEX_BITS) - 1);
    struct slot *slot = index < pipe->face.window ? &pipe->slots[index] : NULL;
    if (slot == NULL || !slot->in_use || !slot->sent || slot->id != id) {
        if (pipe->n_late == 0) {
            return TRIVET_LINK_WRONG;
        }
        pipe->n_late--;
        return TRIVET_LINK_DONE;
    }
    struct trivet_reply reply = {0};
    struct trivet_error err;
    err.status = TRIVET_OK;
    err.message[0] = '\0';
    err.n_violations = 0;
    leave_list(pipe, slot);
    enum trivet_status status =
        trivet_reply_parse(frame, frame_bytes, slot->method, slot->call.request_id, &reply, &err);
    finish(pipe, slot, status, status == TRIVET_OK ? &reply : NULL, &err);
    return TRIVET_LINK_DONE;
}

/* WAIT: all that is there has been taken. */
static enum trivet_link_end read_some(struct sp_pipe *pipe)
{
    for (;;) {
        uint32_t id;
        const uint8_t *frame;
        size_t frame_bytes;
        enum trivet_link_end end = trivet_link_take(pipe->link, &id, &frame, &frame_bytes);
        if (end == TRIVET_LINK_WAIT) {
            end = trivet_link_fill(pipe->link);
        } else if (end == TRIVET_LINK_DONE) {
            end = on_reply(pipe, id, frame, frame_bytes);
        }
        if (end != TRIVET_LINK_DONE) {
            return end;
        }
    }
}

static void expire(struct sp_pipe *pipe)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    if (now_ns < pipe->next_deadline_ns) {
        return;
    }
    pipe->next_deadline_ns = TRIVET_NEVER_NS;
    bool half_sent = false;
    for (size_t i = 0; i < pipe->face.window; i++) {
        struct slot *slot = &pipe->slots[i];
        if (slot->in_use && slot->deadline_ns <= now_ns) {
            struct trivet_error err = {0};
            half_sent = half_sent || (pipe->head_sent > 0 && slot == TAILQ_FIRST(&pipe->unsent));
            pipe->n_late += slot->sent ? 1 : 0;
            leave_list(pipe, slot);
            slot->call.method = slot->method;
            trivet_pool_describe(pipe->pool, TRIVET_LINK_LATE, 0, &slot->call, &err);
            finish(pipe, slot, err.status, NULL, &err);
        }
        if (slot->in_use && slot->deadline_ns < pipe->next_deadline_ns) {
            pipe->next_deadline_ns = slot->deadline_ns;
        }
    }
    if (half_sent) {
        pipe->head_sent = 0;
        on_end(pipe, TRIVET_LINK_BROKEN); /* nothing can follow half a request */
    }
}

static void wait_ready(struct sp_pipe *pipe, bool to_write, int64_t until_ns)
{
    int64_t wake_ns = until_ns < pipe->next_deadline_ns ? until_ns : pipe->next_deadline_ns;
    int64_t left_ns = wake_ns - trivet_clock_monotonic_ns();
    int64_t left_ms = (left_ns + TRIVET_NS_PER_MS - 1) / TRIVET_NS_PER_MS;
    struct pollfd poll_fd = {.fd = pipe->link->fd,
                             .events = (short)(POLLIN | (to_write ? POLLOUT : 0))};
    (void)poll(&poll_fd, 1, left_ns <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms);
}

static bool wait_pipe(struct trivet_pipe *face, enum trivet_pipe_goal goal, int64_t until_ns)
{
    struct sp_pipe *pipe = (struct sp_pipe *)face;
    size_t n_done = pipe->n_done;
    for (;;) {
        reconnect(pipe);
        enum trivet_link_end writing = TRIVET_LINK_DONE;
        enum trivet_link_end reading = TRIVET_LINK_WAIT;
        if (pipe->link != NULL) {
            writing = write_some(pipe);
            /* A server that closes may have answered before. */
            reading = read_some(pipe);
        }
        if (reading != TRIVET_LINK_WAIT) {
            on_end(pipe, reading);
        } else if (writing != TRIVET_LINK_DONE && writing != TRIVET_LINK_WAIT) {
            on_end(pipe, writing);
        }
        expire(pipe);
        bool written = pipe->unsent_bytes == 0 && pipe->gathered_end == 0;
        if (goal == TRIVET_PIPE_WRITTEN ? written : pipe->n_done != n_done) {
            return true;
        }
        if (face->n_in_flight == 0 || trivet_clock_monotonic_ns() >= until_ns) {
            return false;
        }
        if (pipe->link == NULL) {
            return goal == TRIVET_PIPE_ONE_DONE; /* nobody there: what was in flight is over */
        }
        wait_ready(pipe, !written, until_ns);
    }
}

/* --- the face -------------------------------------------------------------------------------- */

static enum trivet_status pack(struct sp_pipe *pipe, struct slot *slot,
                               const struct trivet_call *call, struct trivet_error *err)
{
    uint8_t head[TRIVET_CALL_HEAD_BYTES_MAX];
    size_t head_bytes = trivet_call_write_head(call, head);
    size_t wanted = TRIVET_LINK_PREFIX_BYTES_MAX + head_bytes + call->body_bytes;
    if (wanted > slot->capacity) {
        uint8_t *bytes = trivet_realloc(slot->bytes, wanted);
        if (bytes == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory: %zu bytes to send", call->body_bytes);
        }
        slot->bytes = bytes;
        slot->capacity = wanted;
    }
    uint32_t generation = ((slot->id >> INDEX_BITS) + 1) & GENERATION_MASK;
    slot->id = 0x80000000u | generation << INDEX_BITS | (uint32_t)(slot - pipe->slots);
    uint8_t *to = slot->bytes;
    to += trivet_link_write_prefix(trivet_pool_framing(pipe->pool), slot->id,
                                   head_bytes + call->body_bytes, to);
    memcpy(to, head, head_bytes);
    to += head_bytes;
    if (call->body_bytes > 0) {
        memcpy(to, call->body, call->body_bytes);
    }
    slot->n_bytes = (size_t)(to - slot->bytes) + call->body_bytes;
    return TRIVET_OK;
}

static enum trivet_status submit(struct trivet_pipe *face, const struct trivet_call *call,
                                 void *tag, struct trivet_error *err)
{
    struct sp_pipe *pipe = (struct sp_pipe *)face;
    struct slot *slot = TAILQ_FIRST(&pipe->free);
    enum trivet_status status = pack(pipe, slot, call, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memcpy(slot->method, call->method, call->method_bytes + 1);
    memcpy(slot->call.request_id, call->request_id, call->request_id_bytes + 1);
    slot->call.timeout_ms = call->timeout_ms;
    slot->tag = tag;
    slot->in_use = true;
    slot->sent = false;
    slot->again = false;
    int64_t wait_ms = (int64_t)call->timeout_ms + TRIVET_REPLY_GRACE_MS;
    slot->deadline_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), wait_ms * TRIVET_NS_PER_MS);
    if (slot->deadline_ns < pipe->next_deadline_ns) {
        pipe->next_deadline_ns = slot->deadline_ns;
    }
    TAILQ_REMOVE(&pipe->free, slot, entry);
    TAILQ_INSERT_TAIL(&pipe->unsent, slot, entry);
    pipe->unsent_bytes += slot->n_bytes;
    face->n_in_flight++;
    if (!pipe->in_callback && (pipe->n_sent == 0 || pipe->unsent_bytes >= HELD_BYTES_MAX)) {
        (void)wait_pipe(face, TRIVET_PIPE_WRITTEN, TRIVET_NEVER_NS);
    }
    return TRIVET_OK;
}

static void close_pipe(struct trivet_pipe *face)
{
    struct sp_pipe *pipe = (struct sp_pipe *)face;
    struct trivet_error err = {0};
    bool clean = pipe->link != NULL && face->n_in_flight == 0 && pipe->n_late == 0;
    trivet_error_set(&err, TRIVET_CANCELLED, "closed while the call was in flight");
    while (face->n_in_flight > 0) {
        fail_all(pipe, &err, TRIVET_LINK_DONE, 0);
    }
    if (clean) {
        trivet_pool_put(pipe->pool, pipe->link);
    } else {
        trivet_link_free(pipe->link);
    }
    for (size_t i = 0; i < face->window; i++) {
        trivet_free(pipe->slots[i].bytes);
    }
    trivet_free(pipe);
}

static const struct trivet_pipe_ops ops = {
    .submit = submit,
    .wait = wait_pipe,
    .close = close_pipe,
};

enum trivet_status trivet_sp_pipe_open(struct trivet_client *client, size_t window,
                                       struct trivet_pipe **out, struct trivet_error *err)
{
    struct sp_pipe *pipe = trivet_calloc(1, sizeof(*pipe) + window * sizeof(struct slot));
    if (pipe == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a stream");
    }
    pipe->face.ops = &ops;
    pipe->face.window = window;
    pipe->pool = client->pool;
    pipe->next_deadline_ns = TRIVET_NEVER_NS;
    TAILQ_INIT(&pipe->free);
    TAILQ_INIT(&pipe->unsent);
    TAILQ_INIT(&pipe->sent);
    for (size_t i = window; i-- > 0;) {
        TAILQ_INSERT_HEAD(&pipe->free, &pipe->slots[i], entry);
    }
    enum trivet_status status = trivet_pool_take(client->pool, TRIVET_NEVER_NS, &pipe->link, err);
    if (status != TRIVET_OK) {
        trivet_free(pipe);
        return status;
    }
    *out = &pipe->face;
    return TRIVET_OK;
}
