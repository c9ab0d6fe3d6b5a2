/* What the tests of listeners share: an application behind one, and raw sockets before it. */
#ifndef TRIVET_TESTS_LISTENER_FIXTURE_H
#define TRIVET_TESTS_LISTENER_FIXTURE_H

#include "rpc/listener.h"

#include <pthread.h>

#define EXCHANGES_MAX     40
#define PARKED_MAX        32
#define MESSAGE_BYTES_MAX (1u << 20)

/* Only sp has them. A busy machine runs into none; what is to run into one opens with less. */
#define LONG_TIMEOUT_MS   60000
#define UNSENT_BYTES_MAX  (1u << 20)
#define UNSENT_IN_ALL_MAX (2u << 20) /* of each loop */
#define CONNECTIONS_MAX   1100

/* An application that echoes; "park" is kept until release, "drop" is never answered. */
struct fixture {
    const struct trivet_listener_ops *ops;
    unsigned n_loops;
    int hello_timeout_ms;
    int message_timeout_ms;
    int idle_timeout_ms;
    struct trivet_listener *listener;
    char folder[64];
    char url[128];
    pthread_mutex_t lock;
    struct trivet_exchange *parked[PARKED_MAX];
    size_t n_parked;
};

enum trivet_status try_open(struct fixture *fixture, const char *url, struct trivet_listener **out,
                            struct trivet_error *err);
/* `scheme`: tcp, ipc or inproc. */
void open_fixture(struct fixture *fixture, const struct trivet_listener_ops *ops, unsigned n_loops,
                  const char *scheme);
void close_fixture(struct fixture *fixture);
void release_parked(struct fixture *fixture);
size_t count_parked(struct fixture *fixture);

/* --- raw sockets ----------------------------------------------------------------------------- */

int connect_raw(const struct fixture *fixture);
void read_all(int fd, void *to, size_t n_bytes);
/* A hello and one message that claims `length`; returns its bytes. */
size_t raw_request(const struct fixture *fixture, uint64_t length, const char *payload,
                   size_t payload_bytes, uint8_t *out);

#endif
