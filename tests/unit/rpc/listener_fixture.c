#include "unit/rpc/listener_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void echo(struct trivet_exchange *exchange)
{
    uint8_t *room = exchange->ops->reserve(exchange, exchange->n_bytes);
    assert_non_null(room);
    memcpy(room, exchange->data, exchange->n_bytes);
    exchange->ops->send(exchange);
}

static bool is(const struct trivet_exchange *exchange, const char *word)
{
    return exchange->n_bytes == strlen(word) && memcmp(exchange->data, word, strlen(word)) == 0;
}

static void *echo_later(void *exchange)
{
    usleep(2000);
    echo(exchange);
    return NULL;
}

static void on_request(void *ctx, struct trivet_exchange *exchange)
{
    struct fixture *fixture = ctx;
    if (is(exchange, "park")) {
        pthread_mutex_lock(&fixture->lock);
        fixture->parked[fixture->n_parked++] = exchange;
        pthread_mutex_unlock(&fixture->lock);
    } else if (is(exchange, "drop")) {
        exchange->ops->send(exchange);
    } else if (is(exchange, "twice")) {
        assert_non_null(exchange->ops->reserve(exchange, 1000));
        echo(exchange);
    } else if (is(exchange, "other thread")) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, echo_later, exchange), 0);
        pthread_detach(thread);
    } else {
        echo(exchange);
    }
}

enum trivet_status try_open(struct fixture *fixture, const char *url, struct trivet_listener **out,
                            struct trivet_error *err)
{
    const char *urls[] = {url};
    const struct trivet_listener_options options = {
        .urls = urls,
        .n_urls = 1,
        .exchanges_max = EXCHANGES_MAX,
        .n_loops = fixture->n_loops,
        .message_bytes_max = MESSAGE_BYTES_MAX,
        .send_timeout_ms = 1000,
        .connections_max = CONNECTIONS_MAX,
        .unsent_bytes_max = UNSENT_BYTES_MAX,
        .unsent_in_all_max = UNSENT_IN_ALL_MAX,
        .partial_bytes_max = 8u << 20,
        .hello_timeout_ms = fixture->hello_timeout_ms,
        .message_timeout_ms = fixture->message_timeout_ms,
        .idle_timeout_ms = fixture->idle_timeout_ms,
        .on_request = on_request,
        .ctx = fixture,
    };
    return fixture->ops->open(&options, out, err);
}

void open_fixture(struct fixture *fixture, const struct trivet_listener_ops *ops, unsigned n_loops,
                  const char *scheme)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->ops = ops;
    fixture->n_loops = n_loops;
    fixture->hello_timeout_ms = LONG_TIMEOUT_MS;
    fixture->message_timeout_ms = LONG_TIMEOUT_MS;
    fixture->idle_timeout_ms = LONG_TIMEOUT_MS;
    pthread_mutex_init(&fixture->lock, NULL);
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/trivet-listener.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    char url[128];
    if (strcmp(scheme, "ipc") == 0) {
        snprintf(url, sizeof(url), "ipc://%s/rpc", fixture->folder);
    } else {
        snprintf(url, sizeof(url), "%s",
                 strcmp(scheme, "tcp") == 0 ? "tcp://127.0.0.1:0" : "inproc://listener-test");
    }
    struct trivet_error err = {0};
    if (try_open(fixture, url, &fixture->listener, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    snprintf(fixture->url, sizeof(fixture->url), "%s", ops->url(fixture->listener, 0));
}

void close_fixture(struct fixture *fixture)
{
    char path[160];
    fixture->ops->close(fixture->listener);
    snprintf(path, sizeof(path), "%s/rpc.lock", fixture->folder);
    unlink(path);
    snprintf(path, sizeof(path), "%s/rpc", fixture->folder);
    unlink(path);
    rmdir(fixture->folder);
    pthread_mutex_destroy(&fixture->lock);
}

void release_parked(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; i < fixture->n_parked; i++) {
        echo(fixture->parked[i]);
    }
    fixture->n_parked = 0;
    pthread_mutex_unlock(&fixture->lock);
}

size_t count_parked(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->lock);
    size_t count = fixture->n_parked;
    pthread_mutex_unlock(&fixture->lock);
    return count;
}

int connect_raw(const struct fixture *fixture)
{
    int fd;
    if (strncmp(fixture->url, "ipc://", 6) == 0) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->url + 6);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    } else {
        struct sockaddr_in address = {.sin_family = AF_INET};
        address.sin_port = htons((uint16_t)strtoul(strrchr(fixture->url, ':') + 1, NULL, 10));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    }
    struct timeval timeout = {.tv_sec = LONG_TIMEOUT_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    return fd;
}

void read_all(int fd, void *to, size_t n_bytes)
{
    size_t got = 0;
    while (got < n_bytes) {
        ssize_t n = read(fd, (char *)to + got, n_bytes - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

size_t raw_request(const struct fixture *fixture, uint64_t length, const char *payload,
                   size_t payload_bytes, uint8_t *out)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    size_t at = sizeof(hello);
    memcpy(out, hello, sizeof(hello));
    if (strncmp(fixture->url, "ipc://", 6) == 0) {
        out[at++] = 1;
    }
    for (int i = 7; i >= 0; i--) {
        out[at++] = (uint8_t)(length >> (8 * i));
    }
    memcpy(out + at, payload, payload_bytes);
    return at + payload_bytes;
}
