/* The Scalability Protocols on a byte stream, as nng and nanomsg speak them: hello, framing and
 * the backtrace of requests. No sockets. */
#ifndef TRIVET_SP_PROTOCOL_H
#define TRIVET_SP_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SP protocol numbers, as in the hello. */
#define TRIVET_SP_PUB 0x20
#define TRIVET_SP_SUB 0x21
#define TRIVET_SP_REQ 0x30
#define TRIVET_SP_REP 0x31

#define TRIVET_SP_HELLO_BYTES         8
#define TRIVET_SP_PREFIX_BYTES_MAX    9
#define TRIVET_SP_BACKTRACE_WORDS_MAX 15

enum trivet_sp_framing {
    TRIVET_SP_FRAMING_TCP, /* length u64 BE, payload */
    TRIVET_SP_FRAMING_IPC, /* 01, length u64 BE, payload */
};

/* 00 'S' 'P' 00, protocol u16 BE, 00 00. */
void trivet_sp_hello_write(uint16_t protocol, uint8_t out[TRIVET_SP_HELLO_BYTES]);
/* False when it is not a hello; else the peer's protocol. */
bool trivet_sp_hello_parse(const uint8_t hello[TRIVET_SP_HELLO_BYTES], uint16_t *protocol);

/* What stands before each payload. */
size_t trivet_sp_prefix_bytes(enum trivet_sp_framing framing);
void trivet_sp_prefix_write(enum trivet_sp_framing framing, uint64_t payload_bytes, uint8_t *out);
/* False when its first byte is not that of a message. */
bool trivet_sp_prefix_parse(enum trivet_sp_framing framing, const uint8_t *prefix,
                            uint64_t *payload_bytes);

/* Bytes of the words that a request's payload begins with, up to and including the first with the
 * top bit: its reply begins with the same. 0: no such word among the first
 * TRIVET_SP_BACKTRACE_WORDS_MAX, the message is to be dropped. */
size_t trivet_sp_backtrace_bytes(const uint8_t *payload, size_t n_bytes);

/* Blocks of large messages for the next ones: memory fresh from the system costs more than the
 * bytes that are read into it. Zero-initialised is empty; one thread. */
#define TRIVET_SP_SPARES          4
#define TRIVET_SP_SPARE_BYTES_MIN ((size_t)64 << 10)
#define TRIVET_SP_SPARE_BYTES_MAX ((size_t)1 << 20)
struct trivet_sp_spares {
    void *blocks[TRIVET_SP_SPARES];
    size_t block_bytes[TRIVET_SP_SPARES];
};
/* Keeps a block of `n_bytes`, or frees it. */
void trivet_sp_spares_put(struct trivet_sp_spares *spares, void *block, size_t n_bytes);
void trivet_sp_spares_release(struct trivet_sp_spares *spares);

/* Takes the stream of one peer apart: its hello, then messages. The fields are the reader's own.
 *
 * A message gets memory as its bytes arrive, at most twice what is there, but for a first KiB and
 * blocks that are spare: a peer's word for a length reserves nothing. */
struct trivet_sp_reader {
    struct trivet_sp_spares *spares; /* borrowed; NULL = none */
    enum trivet_sp_framing framing;
    uint16_t peer_protocol;
    size_t message_bytes_max;
    size_t head_bytes;
    bool greeted; /* the peer's hello is in */
    bool in_payload;
    uint8_t prefix[TRIVET_SP_PREFIX_BYTES_MAX]; /* or hello */
    size_t prefix_bytes;                        /* of them there */
    uint8_t *block;                             /* head, then payload */
    size_t capacity;                            /* of the payload */
    size_t n_bytes;                             /* of the payload there */
    size_t payload_bytes;                       /* that it will have */
};

enum trivet_sp_event {
    TRIVET_SP_MORE,          /* all input is taken */
    TRIVET_SP_HELLO,         /* the peer's hello is right */
    TRIVET_SP_MESSAGE,       /* take it before the next call */
    TRIVET_SP_WRONG,         /* not the protocol, or too long: close */
    TRIVET_SP_OUT_OF_MEMORY, /* close */
};

/* `head_bytes` are left free before each payload, for the caller. */
void trivet_sp_reader_init(struct trivet_sp_reader *reader, enum trivet_sp_framing framing,
                           uint16_t peer_protocol, size_t message_bytes_max, size_t head_bytes,
                           struct trivet_sp_spares *spares);
void trivet_sp_reader_release(struct trivet_sp_reader *reader);
/* Takes from *data until something has happened, and moves *data and *n_bytes on. After WRONG and
 * OUT_OF_MEMORY only release is left. */
enum trivet_sp_event trivet_sp_reader_next(struct trivet_sp_reader *reader, const uint8_t **data,
                                           size_t *n_bytes);
/* For the rest of a large message of which something is there: where its next bytes belong, and how
 * many at most, so that they are read to their place. NULL: no such message, or no memory. */
uint8_t *trivet_sp_reader_room(struct trivet_sp_reader *reader, size_t *n_bytes);
/* So many bytes were put there: MESSAGE or MORE. */
enum trivet_sp_event trivet_sp_reader_filled(struct trivet_sp_reader *reader, size_t n_bytes);
/* The message: head_bytes of room, then *payload_bytes, in a block of *block_bytes. The caller's,
 * trivet_free or trivet_sp_spares_put. */
void *trivet_sp_reader_take(struct trivet_sp_reader *reader, size_t *payload_bytes,
                            size_t *block_bytes);
/* Between two messages, after the hello: nothing of the peer's is half there. */
bool trivet_sp_reader_is_idle(const struct trivet_sp_reader *reader);
/* Memory of the message that is on its way. */
size_t trivet_sp_reader_held_bytes(const struct trivet_sp_reader *reader);

#endif
