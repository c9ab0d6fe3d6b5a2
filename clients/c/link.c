/* DESIGN: the socket blocks, and a receive's deadline is the socket's own (SO_RCVTIMEO), set anew
 * only when it changes: a small call is one send() and one recv(). What must not wait says so by
 * MSG_DONTWAIT. MSG_NOSIGNAL: a server that has gone must not kill the caller's process.
 *
 * A server's word for a length reserves nothing: the input doubles when it is full, up to the
 * message's length, which has a limit. */
#include "clients/c/link.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define INPUT_BYTES_FIRST ((size_t)64 * 1024)
/* What a buffer keeps from call to call. */
#define BUFFER_BYTES_KEPT ((size_t)1024 * 1024)
#define ID_BYTES          4

static int remaining_ms(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - trivet_clock_monotonic_ns();
    int64_t left_ms = (left_ns + TRIVET_NS_PER_MS - 1) / TRIVET_NS_PER_MS;
    return left_ns <= 0 ? 0 : left_ms > INT_MAX ? INT_MAX : (int)left_ms;
}

static enum trivet_link_end wait_for(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        int timeout_ms = remaining_ms(deadline_ns);
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int n = timeout_ms == 0 ? 0 : poll(&poll_fd, 1, timeout_ms);
        if (n > 0) {
            return TRIVET_LINK_DONE;
        }
        if (timeout_ms == 0) {
            return TRIVET_LINK_LATE;
        }
        if (n < 0 && errno != EINTR) {
            return TRIVET_LINK_BROKEN;
        }
    }
}

struct trivet_link *trivet_link_create(enum trivet_sp_framing framing, size_t reply_bytes_max)
{
    struct trivet_link *link = trivet_calloc(1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    link->fd = -1;
    link->framing = framing;
    link->reply_bytes_max = reply_bytes_max;
    link->input = trivet_malloc(INPUT_BYTES_FIRST);
    link->input_capacity = INPUT_BYTES_FIRST;
    link->output = trivet_malloc(TRIVET_LINK_OUTPUT_BYTES);
    if (link->input == NULL || link->output == NULL) {
        trivet_link_free(link);
        return NULL;
    }
    return link;
}

void trivet_link_free(struct trivet_link *link)
{
    if (link != NULL) {
        if (link->fd >= 0) {
            close(link->fd);
        }
        trivet_free(link->input);
        trivet_free(link->output);
        trivet_free(link);
    }
}

/* --- out ------------------------------------------------------------------------------------- */

uint32_t trivet_link_next_id(struct trivet_link *link)
{
    link->last_id = (link->last_id + 1) | 0x80000000u;
    return link->last_id;
}

size_t trivet_link_write_prefix(enum trivet_sp_framing framing, uint32_t id, size_t payload_bytes,
                                uint8_t out[TRIVET_LINK_PREFIX_BYTES_MAX])
{
    trivet_sp_prefix_write(framing, ID_BYTES + payload_bytes, out);
    size_t n_bytes = trivet_sp_prefix_bytes(framing);
    for (int shift = 24; shift >= 0; shift -= 8) {
        out[n_bytes++] = (uint8_t)(id >> shift);
    }
    return n_bytes;
}

enum trivet_link_end trivet_link_write(struct trivet_link *link, const uint8_t *data,
                                       size_t n_bytes, size_t *sent)
{
    while (n_bytes > 0) {
        ssize_t n = send(link->fd, data, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            data += n;
            n_bytes -= (size_t)n;
            *sent += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return TRIVET_LINK_WAIT;
        } else if (errno != EINTR) {
            return TRIVET_LINK_BROKEN;
        }
    }
    return TRIVET_LINK_DONE;
}

static enum trivet_link_end write_all(struct trivet_link *link, const uint8_t *data, size_t n_bytes,
                                      int64_t deadline_ns)
{
    size_t sent = 0;
    enum trivet_link_end end = trivet_link_write(link, data, n_bytes, &sent);
    while (end == TRIVET_LINK_WAIT) {
        end = wait_for(link->fd, POLLOUT, deadline_ns);
        if (end == TRIVET_LINK_DONE) {
            end = trivet_link_write(link, data + sent, n_bytes - sent, &sent);
        }
    }
    return end;
}

enum trivet_link_end trivet_link_send(struct trivet_link *link, const struct trivet_call *call,
                                      int64_t deadline_ns)
{
    uint8_t head[TRIVET_CALL_HEAD_BYTES_MAX];
    size_t head_bytes = trivet_call_write_head(call, head);
    uint8_t *to = link->output;
    to += trivet_link_write_prefix(link->framing, trivet_link_next_id(link),
                                   head_bytes + call->body_bytes, to);
    memcpy(to, head, head_bytes);
    to += head_bytes;
    bool copied = call->body_bytes <= TRIVET_LINK_COPIED_BYTES_MAX;
    if (copied && call->body_bytes > 0) {
        memcpy(to, call->body, call->body_bytes);
        to += call->body_bytes;
    }
    enum trivet_link_end end =
        write_all(link, link->output, (size_t)(to - link->output), deadline_ns);
    if (end == TRIVET_LINK_DONE && !copied) {
        end = write_all(link, call->body, call->body_bytes, deadline_ns);
    }
    return end;
}

/* --- in -------------------------------------------------------------------------------------- */

/* The length of the message that begins the input; DONE when its prefix is there. */
static enum trivet_link_end look(struct trivet_link *link, size_t *payload_bytes)
{
    size_t prefix_bytes = trivet_sp_prefix_bytes(link->framing);
    if (link->input_end - link->input_begin < prefix_bytes) {
        return TRIVET_LINK_WAIT;
    }
    uint64_t announced = 0;
    if (!trivet_sp_prefix_parse(link->framing, link->input + link->input_begin, &announced) ||
        announced < ID_BYTES) {
        return TRIVET_LINK_WRONG;
    }
    if (announced > link->reply_bytes_max) {
        link->announced_bytes = announced;
        return TRIVET_LINK_TOO_LONG;
    }
    *payload_bytes = (size_t)announced;
    return TRIVET_LINK_DONE;
}

enum trivet_link_end trivet_link_take(struct trivet_link *link, uint32_t *id, const uint8_t **frame,
                                      size_t *frame_bytes)
{
    size_t payload_bytes = 0;
    size_t prefix_bytes = trivet_sp_prefix_bytes(link->framing);
    enum trivet_link_end end = look(link, &payload_bytes);
    if (end != TRIVET_LINK_DONE) {
        return end;
    }
    if (link->input_end - link->input_begin - prefix_bytes < payload_bytes) {
        return TRIVET_LINK_WAIT;
    }
    const uint8_t *payload = link->input + link->input_begin + prefix_bytes;
    *id = (uint32_t)payload[0] << 24 | (uint32_t)payload[1] << 16 | (uint32_t)payload[2] << 8 |
          payload[3];
    *frame = payload + ID_BYTES;
    *frame_bytes = payload_bytes - ID_BYTES;
    link->input_begin += prefix_bytes + payload_bytes;
    return TRIVET_LINK_DONE;
}

static bool resize_input(struct trivet_link *link, size_t capacity)
{
    uint8_t *input = trivet_realloc(link->input, capacity);
    if (input == NULL) {
        return false;
    }
    link->input = input;
    link->input_capacity = capacity;
    return true;
}

/* Some room behind what is there. */
static bool make_room(struct trivet_link *link)
{
    if (link->input_begin == link->input_end) {
        link->input_begin = 0;
        link->input_end = 0;
        if (link->input_capacity > BUFFER_BYTES_KEPT) {
            return resize_input(link, INPUT_BYTES_FIRST);
        }
        return true;
    }
    if (link->input_end < link->input_capacity) {
        return true;
    }
    if (link->input_begin > 0) {
        link->input_end -= link->input_begin;
        memmove(link->input, link->input + link->input_begin, link->input_end);
        link->input_begin = 0;
        return true;
    }
    size_t wanted_bytes = 0; /* the prefix is there: the buffer is full */
    if (look(link, &wanted_bytes) != TRIVET_LINK_DONE) {
        return false;
    }
    wanted_bytes += TRIVET_SP_PREFIX_BYTES_MAX;
    size_t doubled = 2 * link->input_capacity;
    return resize_input(link, wanted_bytes < doubled ? wanted_bytes : doubled);
}

static enum trivet_link_end read_once(struct trivet_link *link, int flags)
{
    if (!make_room(link)) {
        return TRIVET_LINK_NO_MEMORY;
    }
    for (;;) {
        ssize_t n = recv(link->fd, link->input + link->input_end,
                         link->input_capacity - link->input_end, flags);
        if (n > 0) {
            link->input_end += (size_t)n;
            return TRIVET_LINK_DONE;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return TRIVET_LINK_WAIT;
        }
        return TRIVET_LINK_BROKEN;
    }
}

enum trivet_link_end trivet_link_fill(struct trivet_link *link)
{
    return read_once(link, MSG_DONTWAIT);
}

static enum trivet_link_end set_deadline(struct trivet_link *link, int64_t deadline_ns)
{
    int timeout_ms = remaining_ms(deadline_ns);
    if (timeout_ms == 0) {
        return TRIVET_LINK_LATE;
    }
    if (timeout_ms != link->receive_timeout_ms) {
        struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                  .tv_usec = (timeout_ms % 1000) * 1000};
        if (setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0) {
            return TRIVET_LINK_BROKEN;
        }
        link->receive_timeout_ms = timeout_ms;
    }
    return TRIVET_LINK_DONE;
}

enum trivet_link_end trivet_link_receive(struct trivet_link *link, int64_t deadline_ns,
                                         uint32_t *id, const uint8_t **frame, size_t *frame_bytes)
{
    enum trivet_link_end end = trivet_link_take(link, id, frame, frame_bytes);
    while (end == TRIVET_LINK_WAIT) {
        end = set_deadline(link, deadline_ns);
        if (end == TRIVET_LINK_DONE) {
            end = read_once(link, 0);
        }
        if (end == TRIVET_LINK_DONE) {
            end = trivet_link_take(link, id, frame, frame_bytes);
        }
    }
    return end;
}
