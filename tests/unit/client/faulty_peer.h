/* A server for tests on plain sockets, that misbehaves in one way. It echoes the body of what it
 * answers rightly. */
#ifndef TRIVET_TESTS_FAULTY_PEER_H
#define TRIVET_TESTS_FAULTY_PEER_H

#include <stdbool.h>
#include <stddef.h>

enum fault {
    FAULT_NONE,
    FAULT_EVERY_BYTE,      /* each byte in a write of its own */
    FAULT_GARBAGE_HELLO,   /* an HTTP server's words */
    FAULT_NO_REP,          /* the hello of a publisher */
    FAULT_CLOSE_AT_HELLO,  /* instead of one */
    FAULT_CLOSE_MID_REPLY, /* every time */
    FAULT_CLOSE_ONCE,      /* on the first request; the next connection is fine */
    FAULT_HALF_CLOSE,      /* sends nothing any more, but reads */
    FAULT_SILENT,          /* reads, and never answers */
    FAULT_NOT_READING,     /* not even that, after the hello */
    FAULT_WRONG_ID,        /* of SP */
    FAULT_HUGE_LENGTH,     /* 2^62 bytes announced */
    FAULT_LONG_PROMISE,    /* a length just within the limit, and then nothing */
    FAULT_TINY_PAYLOAD,    /* without room for an id */
    FAULT_GARBAGE_FRAME,
    FAULT_TWICE, /* the second reply answers nothing */
};

struct faulty_peer;

/* tcp on 127.0.0.1, or ipc in a new directory. Aborts on failure. */
struct faulty_peer *faulty_peer_start(bool ipc, enum fault fault);
void faulty_peer_stop(struct faulty_peer *peer);
const char *faulty_peer_url(const struct faulty_peer *peer);
/* Whole requests that came in, and whether all of them had the same request id. */
size_t faulty_peer_requests(struct faulty_peer *peer, bool *same_id);

#endif
