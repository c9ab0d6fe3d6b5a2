/* One connection of our own to a server: hello, messages out, messages in. Internal to libtrivet.
 * One thread at a time; no thread of its own. */
#ifndef TRIVET_CLIENT_LINK_H
#define TRIVET_CLIENT_LINK_H

#include "clients/c/address.h"
#include "clients/c/call.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SP prefix and request id before the frame. */
#define TRIVET_LINK_PREFIX_BYTES_MAX (TRIVET_SP_PREFIX_BYTES_MAX + 4)

/* Bodies up to here are copied behind their head, larger ones are written by themselves. */
#define TRIVET_LINK_COPIED_BYTES_MAX ((size_t)64 * 1024)
#define TRIVET_LINK_OUTPUT_BYTES                                                                   \
    (TRIVET_LINK_PREFIX_BYTES_MAX + TRIVET_CALL_HEAD_BYTES_MAX + TRIVET_LINK_COPIED_BYTES_MAX)

/* How sending or receiving ended. After all but DONE and WAIT the link can only be freed. */
enum trivet_link_end {
    TRIVET_LINK_DONE,
    TRIVET_LINK_WAIT,     /* not without waiting */
    TRIVET_LINK_LATE,     /* the deadline has passed */
    TRIVET_LINK_BROKEN,   /* the server closed it, or the network failed */
    TRIVET_LINK_WRONG,    /* what came in is no message */
    TRIVET_LINK_TOO_LONG, /* a message over the limit was announced */
    TRIVET_LINK_NO_MEMORY,
};

/* The buffers are kept from call to call. */
struct trivet_link {
    struct trivet_link *next; /* of a list, the owner's */
    int fd;
    enum trivet_sp_framing framing;
    size_t reply_bytes_max;
    int receive_timeout_ms; /* as set on the socket */
    uint32_t last_id;       /* of a request */
    uint8_t *input;
    size_t input_capacity;
    size_t input_begin; /* not yet taken */
    size_t input_end;
    uint64_t announced_bytes; /* of the message that was too long */
    uint8_t *output;          /* TRIVET_LINK_OUTPUT_BYTES; a small request, or several */
};

/* With its buffers and no socket. NULL when out of memory. */
struct trivet_link *trivet_link_create(enum trivet_sp_framing framing, size_t reply_bytes_max);
/* Connects and exchanges hellos. UNAVAILABLE: nobody there by `deadline_ns`, or not a server of
 * calls; `url` and `timeout_ms` are for the message. Names are resolved by the system, which has
 * time-outs of its own. */
enum trivet_status trivet_link_connect(const struct trivet_address *address, const char *url,
                                       size_t reply_bytes_max, int64_t deadline_ns, int timeout_ms,
                                       struct trivet_link **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_link_free(struct trivet_link *link);

/* Before the frame of `payload_bytes`: SP's length and the request's id. Returns their bytes. */
size_t trivet_link_write_prefix(enum trivet_sp_framing framing, uint32_t id, size_t payload_bytes,
                                uint8_t out[TRIVET_LINK_PREFIX_BYTES_MAX]);
/* The next id, top bit set. */
uint32_t trivet_link_next_id(struct trivet_link *link);
/* One request, blocking: one write unless it is large. */
enum trivet_link_end trivet_link_send(struct trivet_link *link, const struct trivet_call *call,
                                      int64_t deadline_ns);
/* Sends what goes without waiting, and adds it to *sent. */
enum trivet_link_end trivet_link_write(struct trivet_link *link, const uint8_t *data,
                                       size_t n_bytes, size_t *sent);
/* The next message, blocking: its frame is valid until the next call of a function of the link. */
enum trivet_link_end trivet_link_receive(struct trivet_link *link, int64_t deadline_ns,
                                         uint32_t *id, const uint8_t **frame, size_t *frame_bytes);
/* The same of what has been read; WAIT when no message is whole. */
enum trivet_link_end trivet_link_take(struct trivet_link *link, uint32_t *id, const uint8_t **frame,
                                      size_t *frame_bytes);
/* Reads once without waiting. */
enum trivet_link_end trivet_link_fill(struct trivet_link *link);

#endif
