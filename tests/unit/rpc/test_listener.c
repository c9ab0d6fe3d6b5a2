/* The conformance suite of a listener: every implementation, every scheme, with stock nng clients
 * and with raw sockets. */
#include "unit/rpc/listener_fixture.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/platform.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
    const struct trivet_listener_ops *ops;
    unsigned n_loops;
} implementations[] = {
    {&trivet_sp_listener_ops, 1}, {&trivet_sp_listener_ops, 3}, {&trivet_nng_listener_ops, 1}};

static nng_socket dial(const struct fixture *fixture)
{
    nng_socket socket;
    assert_int_equal(nng_req0_open(&socket), 0);
    nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, LONG_TIMEOUT_MS);
    nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    assert_int_equal(nng_dial(socket, fixture->url, NULL, 0), 0);
    return socket;
}

static void expect_echo(nng_socket socket, const void *data, size_t n_bytes)
{
    void *sent = nng_alloc(n_bytes + 1);
    memcpy(sent, data, n_bytes);
    assert_int_equal(nng_send(socket, sent, n_bytes, 0), 0);
    nng_free(sent, n_bytes + 1);
    void *got;
    size_t got_bytes;
    assert_int_equal(nng_recv(socket, &got, &got_bytes, NNG_FLAG_ALLOC), 0);
    assert_int_equal(got_bytes, n_bytes);
    assert_memory_equal(got, data, n_bytes);
    nng_free(got, got_bytes);
}

static void check_sizes(struct fixture *fixture)
{
    nng_socket socket = dial(fixture);
    static uint8_t bytes[MESSAGE_BYTES_MAX / 2];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 31);
    }
    const size_t sizes[] = {0, 1, 4, 5, 1000, 65536, sizeof(bytes)};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        expect_echo(socket, bytes, sizes[i]);
    }
    expect_echo(socket, "other thread", 12);
    expect_echo(socket, "twice", 5);
    nng_close(socket);
}

static void expect_peer(const struct fixture *fixture, struct trivet_exchange *exchange)
{
    char peer[TRIVET_PEER_BYTES] = "unset";
    char uid[TRIVET_PEER_BYTES];
    snprintf(uid, sizeof(uid), "uid:%u", (unsigned)getuid());
    exchange->ops->peer(exchange, peer);
    assert_string_equal(peer, strncmp(fixture->url, "tcp", 3) == 0   ? "127.0.0.1"
                              : strncmp(fixture->url, "ipc", 3) == 0 ? uid
                                                                     : "");
}

/* More parked calls than a plain REP socket would have contexts: the others are still served. */
static void check_parked(struct fixture *fixture)
{
    nng_socket sockets[PARKED_MAX];
    for (size_t i = 0; i < PARKED_MAX; i++) {
        sockets[i] = dial(fixture);
        char word[] = "park";
        assert_int_equal(nng_send(sockets[i], word, 4, 0), 0);
    }
    while (count_parked(fixture) < PARKED_MAX) {
        usleep(1000);
    }
    for (size_t i = 0; i < PARKED_MAX; i++) {
        expect_peer(fixture, fixture->parked[i]);
    }
    nng_socket other = dial(fixture);
    for (int i = 0; i < 100; i++) {
        expect_echo(other, "still here", 10);
    }
    release_parked(fixture);
    for (size_t i = 0; i < PARKED_MAX; i++) {
        void *got;
        size_t got_bytes;
        assert_int_equal(nng_recv(sockets[i], &got, &got_bytes, NNG_FLAG_ALLOC), 0);
        assert_int_equal(got_bytes, 4);
        nng_free(got, got_bytes);
        nng_close(sockets[i]);
    }
    nng_close(other);
}

static void check_dropped(struct fixture *fixture)
{
    nng_socket socket = dial(fixture);
    char word[] = "drop";
    assert_int_equal(nng_send(socket, word, 4, 0), 0);
    nng_close(socket);
    for (int i = 0; i < EXCHANGES_MAX + 1; i++) {
        socket = dial(fixture);
        assert_int_equal(nng_send(socket, word, 4, 0), 0);
        nng_close(socket);
    }
    socket = dial(fixture);
    expect_echo(socket, "after", 5);
    nng_close(socket);
}

/* A client that goes away while its call is in hand costs nobody anything. */
static void check_gone(struct fixture *fixture)
{
    nng_socket socket = dial(fixture);
    char word[] = "park";
    assert_int_equal(nng_send(socket, word, 4, 0), 0);
    while (count_parked(fixture) < 1) {
        usleep(1000);
    }
    nng_close(socket);
    usleep(20000);
    release_parked(fixture);
    socket = dial(fixture);
    expect_echo(socket, "after", 5);
    nng_close(socket);
}

/* Every byte on its own; two words of a device before the request id come back in front. */
static void check_fragments(struct fixture *fixture)
{
    static const char payload[] = "\0\0\0\1\0\0\0\2\x80\0\0\7hello";
    uint8_t out[64];
    uint8_t in[64];
    size_t payload_bytes = sizeof(payload) - 1;
    size_t n_bytes = raw_request(fixture, payload_bytes, payload, payload_bytes, out);
    int fd = connect_raw(fixture);
    for (size_t i = 0; i < n_bytes; i++) {
        assert_int_equal(write(fd, out + i, 1), 1);
        usleep(500);
    }
    read_all(fd, in, n_bytes);
    assert_int_equal(in[5], 0x31);
    assert_memory_equal(in + n_bytes - payload_bytes, payload, payload_bytes);
    close(fd);
}

/* A claim beyond the limit closes the connection and reserves nothing; the others go on. */
static void check_oversized(struct fixture *fixture)
{
    uint8_t out[64];
    uint8_t in[8];
    int fd = connect_raw(fixture);
    size_t n_bytes = raw_request(fixture, UINT64_C(1) << 40, "\x80\0\0\1", 4, out);
    assert_int_equal(write(fd, out, n_bytes), (ssize_t)n_bytes);
    read_all(fd, in, sizeof(in)); /* the hello */
    ssize_t n = read(fd, in, 1);
    assert_true(n == 0 || (n < 0 && errno != EAGAIN));
    close(fd);
    nng_socket socket = dial(fixture);
    expect_echo(socket, "after", 5);
    nng_close(socket);
}

static void check_half_message(struct fixture *fixture)
{
    uint8_t out[64];
    int fd = connect_raw(fixture);
    size_t n_bytes = raw_request(fixture, 100, "\x80\0\0\1half", 8, out);
    assert_int_equal(write(fd, out, n_bytes), (ssize_t)n_bytes);
    nng_socket socket = dial(fixture);
    expect_echo(socket, "meanwhile", 9);
    close(fd);
    expect_echo(socket, "after", 5);
    nng_close(socket);
}

/* --- the suite ------------------------------------------------------------------------------- */

static void each(void (*check)(struct fixture *), bool raw)
{
    static const char *const schemes[] = {"tcp", "ipc", "inproc"};
    for (size_t i = 0; i < sizeof(implementations) / sizeof(implementations[0]); i++) {
        /* inproc:// is nng's own, and has no raw sockets. */
        bool inproc = implementations[i].ops == &trivet_nng_listener_ops && !raw;
        for (size_t j = 0; j < (inproc ? 3u : 2u); j++) {
            struct fixture fixture;
            open_fixture(&fixture, implementations[i].ops, implementations[i].n_loops, schemes[j]);
            check(&fixture);
            close_fixture(&fixture);
        }
    }
}

static void sizes(void **state)
{
    (void)state;
    each(check_sizes, false);
}

static void parked_calls_starve_nobody(void **state)
{
    (void)state;
    each(check_parked, false);
}

static void dropped_requests_give_their_place_back(void **state)
{
    (void)state;
    each(check_dropped, false);
}

static void client_gone(void **state)
{
    (void)state;
    each(check_gone, false);
}

static void fragments_and_backtrace(void **state)
{
    (void)state;
    each(check_fragments, true);
}

static void oversized_claim(void **state)
{
    (void)state;
    each(check_oversized, true);
}

static void half_a_message(void **state)
{
    (void)state;
    each(check_half_message, true);
}

static void bad_addresses(void **state)
{
    (void)state;
    static const char *const urls[] = {"ws://127.0.0.1:0/x", "http://127.0.0.1", "nonsense",
                                       "ipc://relative/path"};
    struct trivet_listener *listener = NULL;
    struct trivet_error err;
    for (size_t i = 0; i < sizeof(implementations) / sizeof(implementations[0]); i++) {
        for (size_t j = 0; j < sizeof(urls) / sizeof(urls[0]); j++) {
            struct fixture fixture = {.ops = implementations[i].ops,
                                      .n_loops = implementations[i].n_loops};
            assert_int_equal(try_open(&fixture, urls[j], &listener, &err), TRIVET_INVALID_ARGUMENT);
            assert_null(listener);
        }
    }
}

static void address_in_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(implementations) / sizeof(implementations[0]); i++) {
        struct fixture fixture;
        struct trivet_listener *second = NULL;
        struct trivet_error err;
        open_fixture(&fixture, implementations[i].ops, implementations[i].n_loops, "tcp");
        assert_int_equal(try_open(&fixture, fixture.url, &second, &err), TRIVET_UNAVAILABLE);
        close_fixture(&fixture);
        open_fixture(&fixture, implementations[i].ops, implementations[i].n_loops, "ipc");
        assert_int_equal(try_open(&fixture, fixture.url, &second, &err),
                         TRIVET_FAILED_PRECONDITION);
        check_sizes(&fixture); /* the first one is not disturbed */
        close_fixture(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(parked_calls_starve_nobody),
        cmocka_unit_test(dropped_requests_give_their_place_back),
        cmocka_unit_test(client_gone),
        cmocka_unit_test(fragments_and_backtrace),
        cmocka_unit_test(oversized_claim),
        cmocka_unit_test(half_a_message),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
