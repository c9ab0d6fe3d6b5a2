/* A server for tests: an nng REP socket on 127.0.0.1 whose answers a test chooses. */
#ifndef TRIVET_TESTS_REP_FIXTURE_H
#define TRIVET_TESTS_REP_FIXTURE_H

#include "base/buffer.h"
#include "trivet/v1/frame.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What to answer; zero-initialised is OK with an empty body and the request's id. */
struct rep_answer {
    int status;
    const char *message;
    const char *violation_field;
    const char *request_id; /* NULL = the request's */
    bool replayed;
    struct trivet_buffer body; /* given up to the fixture */
    int delay_ms;
    bool no_reply;
    size_t cut_bytes;     /* drop so many bytes at the end of the frame */
    const char *garbage;  /* send this text instead of a frame */
    size_t garbage_bytes; /* or, with garbage NULL, so many zero bytes */
};

/* Runs on the fixture's threads, several at once. */
typedef void (*rep_handler)(void *argument, const Trivet__V1__RequestHeader *header,
                            const uint8_t *body, size_t body_bytes, struct rep_answer *answer);

struct rep_fixture;

/* `port` 0 = any free one. Aborts on failure. */
struct rep_fixture *rep_fixture_start(int port, rep_handler handler, void *argument);
void rep_fixture_stop(struct rep_fixture *fixture);
const char *rep_fixture_url(const struct rep_fixture *fixture);
int rep_fixture_port(const struct rep_fixture *fixture);

#endif
