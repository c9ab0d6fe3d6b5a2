/* What our own listener promises beyond the suite of test_listener.c; nng 1.5.2 does not pass. */
#include "base/alloc.h"
#include "base/clock.h"
#include "unit/rpc/listener_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SHARE 30 /* of EXCHANGES_MAX, for one connection */

static size_t count_fds(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static size_t prefix_bytes(const struct fixture *fixture)
{
    return strncmp(fixture->url, "ipc://", 6) == 0 ? 9 : 8;
}

static void write_all(int fd, const void *from, size_t n_bytes)
{
    size_t sent = 0;
    while (sent < n_bytes) {
        ssize_t n = send(fd, (const char *)from + sent, n_bytes - sent, MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
    }
}

/* A connection that has shaken hands. */
static int connect_greeted(const struct fixture *fixture)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t answer[8];
    int fd = connect_raw(fixture);
    write_all(fd, hello, sizeof(hello));
    read_all(fd, answer, sizeof(answer));
    assert_int_equal(answer[5], 0x31);
    return fd;
}

/* One request with its id and a body; returns its bytes. */
static size_t pack_request(const struct fixture *fixture, uint32_t id, const char *body,
                           uint8_t *out)
{
    size_t body_bytes = strlen(body);
    size_t at = prefix_bytes(fixture);
    memset(out, 0, at);
    out[0] = at == 9 ? 1 : 0;
    out[at - 2] = (uint8_t)((body_bytes + 4) >> 8);
    out[at - 1] = (uint8_t)(body_bytes + 4);
    out[at++] = (uint8_t)(0x80 | id >> 24);
    out[at++] = (uint8_t)(id >> 16);
    out[at++] = (uint8_t)(id >> 8);
    out[at++] = (uint8_t)id;
    memcpy(out + at, body, body_bytes);
    return at + body_bytes;
}

/* The id of a reply whose body is `body`. */
static uint32_t read_reply(const struct fixture *fixture, int fd, const char *body)
{
    uint8_t in[256];
    uint8_t expected[256];
    size_t n_bytes = pack_request(fixture, 0, body, expected);
    size_t prefix = prefix_bytes(fixture);
    read_all(fd, in, n_bytes);
    assert_memory_equal(in, expected, prefix);
    assert_memory_equal(in + prefix + 4, expected + prefix + 4, n_bytes - prefix - 4);
    const uint8_t *id = in + prefix;
    assert_true((id[0] & 0x80) != 0);
    return (uint32_t)(id[0] & 0x7f) << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}

static bool is_closed_by_peer(int fd)
{
    uint8_t byte;
    ssize_t n = read(fd, &byte, 1);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void each_of_sp(void (*check)(struct fixture *))
{
    static const char *const schemes[] = {"tcp", "ipc"};
    for (size_t i = 0; i < 2; i++) {
        struct fixture fixture;
        open_fixture(&fixture, &trivet_sp_listener_ops, 1, schemes[i]);
        check(&fixture);
        int64_t begin_ns = trivet_clock_monotonic_ns();
        close_fixture(&fixture);
        assert_true(trivet_clock_monotonic_ns() - begin_ns <
                    LONG_TIMEOUT_MS / 3 * TRIVET_NS_PER_MS);
    }
}

static void serves(const struct fixture *fixture)
{
    uint8_t out[64];
    int fd = connect_greeted(fixture);
    write_all(fd, out, pack_request(fixture, 77, "still", out));
    assert_int_equal(read_reply(fixture, fd, "still"), 77);
    close(fd);
}

/* The listener lets go of the ends of what has closed. */
static void await_fds(size_t n_before)
{
    int64_t until_ns = trivet_clock_monotonic_ns() + LONG_TIMEOUT_MS * TRIVET_NS_PER_MS;
    while (count_fds() > n_before && trivet_clock_monotonic_ns() < until_ns) {
        usleep(10000);
    }
    assert_true(count_fds() <= n_before);
}

/* 20 requests on their way, some in the hands of other threads, and their client goes. */
static void check_pipelined_gone(struct fixture *fixture)
{
    size_t n_before = count_fds();
    for (int i = 0; i < 500; i++) {
        uint8_t out[2048];
        size_t n_bytes = 0;
        for (uint32_t id = 0; id < 20; id++) {
            n_bytes +=
                pack_request(fixture, id, id % 5 == 0 ? "other thread" : "echo", out + n_bytes);
        }
        int fd = i % 2 == 0 ? connect_greeted(fixture) : connect_raw(fixture);
        (void)send(fd, out, n_bytes, MSG_NOSIGNAL);
        close(fd);
    }
    serves(fixture);
    await_fds(n_before);
}

static void check_connect_and_close(struct fixture *fixture)
{
    size_t n_before = count_fds();
    for (int i = 0; i < 200; i++) {
        close(connect_raw(fixture));
    }
    serves(fixture);
    await_fds(n_before);
}

/* More requests than there are places, answered by other threads in any order. */
static void check_pipelined(struct fixture *fixture)
{
    enum { N_REQUESTS = 2000 };
    static uint8_t out[N_REQUESTS * 40];
    static uint8_t seen[N_REQUESTS];
    memset(seen, 0, sizeof(seen));
    size_t n_bytes = 0;
    for (uint32_t id = 0; id < N_REQUESTS; id++) {
        n_bytes += pack_request(fixture, id, "other thread", out + n_bytes);
    }
    int fd = connect_greeted(fixture);
    write_all(fd, out, n_bytes);
    for (int i = 0; i < N_REQUESTS; i++) {
        uint32_t id = read_reply(fixture, fd, "other thread");
        assert_true(id < N_REQUESTS && !seen[id]);
        seen[id] = 1;
    }
    close(fd);
}

/* A client that takes every place it gets leaves a quarter of them to others. */
static void check_share(struct fixture *fixture)
{
    uint8_t out[4096];
    size_t n_bytes = 0;
    for (uint32_t id = 0; id < PARKED_MAX; id++) {
        n_bytes += pack_request(fixture, id, "park", out + n_bytes);
    }
    int fd = connect_greeted(fixture);
    write_all(fd, out, n_bytes);
    while (count_parked(fixture) < SHARE) {
        usleep(1000);
    }
    serves(fixture);
    assert_int_equal(count_parked(fixture), SHARE);
    for (uint32_t id = 0; id < PARKED_MAX; id++) {
        struct pollfd reply = {.fd = fd, .events = POLLIN};
        do { /* as they come in */
            release_parked(fixture);
        } while (poll(&reply, 1, 10) == 0);
        read_reply(fixture, fd, "park");
    }
    close(fd);
}

/* Sanitizers do not give back what is freed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS_MEMORY 1
#else
#define KEEPS_MEMORY 0
#endif

static size_t rss_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t total = 0;
    size_t resident = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu", &total, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Writes as much as is taken without a wait of so long, and reads nothing. */
static size_t write_until_refused(int fd, const uint8_t *data, size_t n_bytes, size_t sent_max,
                                  int wait_ms)
{
    struct timeval timeout = {.tv_usec = wait_ms * 1000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    size_t sent = 0;
    while (sent < sent_max) {
        ssize_t n = send(fd, data + sent % n_bytes, n_bytes - sent % n_bytes, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
    return sent;
}

/* It asks for ever and reads nothing: it is not read from, then closed. */
static void check_slow_reader(struct fixture *fixture)
{
    enum { BODY = 60000, SENT_MAX = 1 << 30 };
    static char body[BODY + 1];
    static uint8_t out[BODY + 64];
    memset(body, 'x', BODY);
    size_t n_bytes = pack_request(fixture, 5, body, out);
    int fd = connect_greeted(fixture);
    size_t before = rss_bytes();
    assert_true(write_until_refused(fd, out, n_bytes, SENT_MAX, 500) < SENT_MAX / 8);
    assert_true(rss_bytes() < before + (64u << 20));
    serves(fixture);
    struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
    assert_int_equal(poll(&gone, 1, LONG_TIMEOUT_MS), 1); /* after send_timeout_ms */
    uint8_t in[4096];
    ssize_t n = 1;
    while (n > 0) {
        n = read(fd, in, sizeof(in)); /* what was on its way */
    }
    assert_true(n == 0 || errno != EAGAIN);
    close(fd);
}

/* Many of them: together they take less than what each of them alone may. */
static void check_many_slow_readers(struct fixture *fixture)
{
    enum { READERS = 30, BODY = 60000, SENT_MAX = 1 << 28 };
    static char body[BODY + 1];
    static uint8_t out[BODY + 64];
    int fds[READERS];
    memset(body, 'x', BODY);
    size_t n_bytes = pack_request(fixture, 5, body, out);
    for (int i = 0; i < READERS; i++) {
        fds[i] = connect_greeted(fixture);
    }
    size_t before = rss_bytes();
    for (int i = 0; i < READERS; i++) {
        assert_true(write_until_refused(fds[i], out, n_bytes, SENT_MAX, 20) < SENT_MAX);
    }
    if (!KEEPS_MEMORY) {
        size_t few = READERS * (size_t)(256 << 10);
        assert_true(rss_bytes() < before + fixture->n_loops * UNSENT_IN_ALL_MAX + few + (6u << 20));
    }
    serves(fixture);
    for (int i = 0; i < READERS; i++) {
        close(fds[i]);
    }
}

/* The same address again, with the fixture's time-outs as they are now. */
static void open_again(struct fixture *fixture)
{
    struct trivet_error err;
    fixture->ops->close(fixture->listener);
    assert_int_equal(try_open(fixture, fixture->url, &fixture->listener, &err), TRIVET_OK);
}

/* Who asks nothing for long is let go, but not who waits for an answer. */
static void check_idle_peers(struct fixture *fixture)
{
    uint8_t out[64];
    fixture->idle_timeout_ms = 1500;
    open_again(fixture);
    int idle = connect_greeted(fixture);
    int waiting = connect_greeted(fixture);
    size_t n_bytes = pack_request(fixture, 1, "echo", out);
    write_all(idle, out, n_bytes);
    assert_int_equal(read_reply(fixture, idle, "echo"), 1);
    n_bytes = pack_request(fixture, 2, "park", out);
    write_all(waiting, out, n_bytes);
    usleep(2500000);
    assert_true(is_closed_by_peer(idle));
    release_parked(fixture);
    assert_int_equal(read_reply(fixture, waiting, "park"), 2);
    close(idle);
    close(waiting);
}

static void check_late_peers(struct fixture *fixture)
{
    enum { MESSAGE_TIMEOUT_MS = 1500 };
    uint8_t out[64];
    fixture->hello_timeout_ms = 500;
    fixture->message_timeout_ms = MESSAGE_TIMEOUT_MS;
    open_again(fixture);
    int silent = connect_raw(fixture);
    int half = connect_greeted(fixture);
    int idle = connect_greeted(fixture);
    int busy = connect_greeted(fixture);
    size_t n_bytes = pack_request(fixture, 1, "echo", out);
    write_all(half, out, n_bytes - 1);
    uint8_t hello[8];
    read_all(silent, hello, sizeof(hello));
    /* Always in the middle of a message, but of another one each time. */
    write_all(busy, out, 3);
    for (int i = 0; i < 15; i++) {
        write_all(busy, out + 3, n_bytes - 3);
        write_all(busy, out, 3);
        read_reply(fixture, busy, "echo");
        usleep(MESSAGE_TIMEOUT_MS * 1000 / 10);
    }
    assert_true(is_closed_by_peer(silent));
    assert_true(is_closed_by_peer(half));
    write_all(idle, out, n_bytes);
    assert_int_equal(read_reply(fixture, idle, "echo"), 1);
    close(silent);
    close(half);
    close(idle);
    close(busy);
}

static void check_wrong_peers(struct fixture *fixture)
{
    static const char *const greetings[] = {
        "\0SP\0\0\x20\0\0",
        "\0SP\0\0\x30\0\1",
        "\0SP\1\0\x30\0\0",
        "GET / HT",
    };
    for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
        uint8_t hello[8];
        int fd = connect_raw(fixture);
        write_all(fd, greetings[i], 8);
        read_all(fd, hello, sizeof(hello));
        assert_true(is_closed_by_peer(fd));
        close(fd);
    }
    /* Without an id, or with too many words before it: dropped, and the next is served. */
    uint8_t out[256] = {0};
    size_t prefix = prefix_bytes(fixture);
    int fd = connect_greeted(fixture);
    out[0] = prefix == 9 ? 1 : 0;
    const uint8_t sizes[] = {0, 3, 4, 64, 68};
    for (size_t i = 0; i < sizeof(sizes); i++) {
        out[prefix - 1] = sizes[i];
        memset(out + prefix, 0, sizes[i]);
        if (sizes[i] > 60) {
            out[prefix + 60] = 0x80; /* the sixteenth */
        }
        write_all(fd, out, prefix + sizes[i]);
    }
    write_all(fd, out, pack_request(fixture, 9, "echo", out));
    assert_int_equal(read_reply(fixture, fd, "echo"), 9);
    close(fd);
}

static void check_many_connections(struct fixture *fixture)
{
    enum { N_CONNECTIONS = 1000 };
    static int fds[N_CONNECTIONS];
    uint8_t out[64];
    for (int i = 0; i < N_CONNECTIONS; i++) {
        fds[i] = connect_greeted(fixture);
    }
    for (uint32_t round = 0; round < 3; round++) {
        size_t n_bytes = pack_request(fixture, round, round == 1 ? "other thread" : "echo", out);
        for (int i = 0; i < N_CONNECTIONS; i++) {
            write_all(fds[i], out, n_bytes);
        }
        for (int i = 0; i < N_CONNECTIONS; i++) {
            assert_int_equal(read_reply(fixture, fds[i], round == 1 ? "other thread" : "echo"),
                             round);
        }
    }
    for (int i = 0; i < N_CONNECTIONS; i++) {
        close(fds[i]);
    }
}

static bool is_refused(const struct fixture *fixture)
{
    int fd = connect_raw(fixture);
    bool refused = is_closed_by_peer(fd); /* else it has the hello */
    close(fd);
    return refused;
}

static void check_too_many_connections(struct fixture *fixture)
{
    static int fds[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connect_greeted(fixture);
    }
    assert_true(is_refused(fixture));
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
    int tries = 0;
    while (is_refused(fixture)) { /* until it has seen that they are closed */
        usleep(10000);
        assert_true(++tries < LONG_TIMEOUT_MS / 10);
    }
    serves(fixture);
}

/* With no descriptor left connections wait in the backlog; the loop does not spin on them. */
static void check_out_of_descriptors(struct fixture *fixture)
{
    struct rlimit before;
    struct rlimit tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    uint8_t out[64];
    uint8_t hello[8];
    struct timespec begin;
    struct timespec end;
    int fd = connect_greeted(fixture);
    tight = before;
    int reserve = socket(fixture->url[0] == 'i' ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    close(reserve);
    tight.rlim_cur = (rlim_t)reserve + 1; /* one for the client's end, none for the server's */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int waiting = connect_raw(fixture);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    usleep(500000);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    write_all(fd, out, pack_request(fixture, 3, "echo", out));
    uint32_t id = read_reply(fixture, fd, "echo");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(id, 3);
    assert_true(seconds < 0.2);
    read_all(waiting, hello, sizeof(hello));
    close(waiting);
    close(fd);
}

/* The loop's memory is limited over all connections, not only for each. */
static void check_half_requests_are_bounded(struct fixture *fixture)
{
    enum { N_CONNECTIONS = 32 };
    static uint8_t bytes[512u << 10];
    int fds[N_CONNECTIONS];
    uint8_t out[64];
    size_t n_bytes = raw_request(fixture, MESSAGE_BYTES_MAX, "\x80\0\0\1", 4, out);
    for (int i = 0; i < N_CONNECTIONS; i++) {
        fds[i] = connect_greeted(fixture);
        write_all(fds[i], out + 8, n_bytes - 8);
        (void)write_until_refused(fds[i], bytes, sizeof(bytes), sizeof(bytes), 500);
    }
    serves(fixture);
    int n_closed = 0;
    for (int wait_ms = 0; wait_ms < LONG_TIMEOUT_MS / 3 && n_closed < N_CONNECTIONS / 4;
         wait_ms += 10) {
        usleep(10000);
        n_closed = 0;
        for (int i = 0; i < N_CONNECTIONS; i++) {
            struct pollfd gone = {.fd = fds[i], .events = POLLIN};
            n_closed += poll(&gone, 1, 0) > 0;
        }
    }
    assert_true(n_closed >= N_CONNECTIONS / 4);
    for (int i = 0; i < N_CONNECTIONS; i++) {
        close(fds[i]);
    }
}

#define TEST_OF_SP(name)                                                                           \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        each_of_sp(check_##name);                                                                  \
    }

TEST_OF_SP(pipelined_gone)
TEST_OF_SP(connect_and_close)
TEST_OF_SP(pipelined)
TEST_OF_SP(share)
TEST_OF_SP(slow_reader)
TEST_OF_SP(many_slow_readers)
TEST_OF_SP(idle_peers)
TEST_OF_SP(late_peers)
TEST_OF_SP(wrong_peers)
TEST_OF_SP(many_connections)
TEST_OF_SP(too_many_connections)
TEST_OF_SP(out_of_descriptors)
TEST_OF_SP(half_requests_are_bounded)

/* Closing waits for what is in hand, and its reply still arrives. */
static void *release_later(void *fixture)
{
    usleep(200000);
    release_parked(fixture);
    return NULL;
}

static void closing_waits_for_exchanges(void **state)
{
    (void)state;
    struct fixture fixture;
    uint8_t out[64];
    pthread_t thread;
    open_fixture(&fixture, &trivet_sp_listener_ops, 1, "tcp");
    int fd = connect_greeted(&fixture);
    write_all(fd, out, pack_request(&fixture, 4, "park", out));
    while (count_parked(&fixture) < 1) {
        usleep(1000);
    }
    assert_int_equal(pthread_create(&thread, NULL, release_later, &fixture), 0);
    fixture.ops->close(fixture.listener);
    assert_int_equal(count_parked(&fixture), 0);
    assert_int_equal(read_reply(&fixture, fd, "park"), 4);
    assert_true(is_closed_by_peer(fd));
    pthread_join(thread, NULL);
    close(fd);
    fixture.listener = NULL;
    close_fixture(&fixture);
}

/* Opening with the k-th allocation failing leaves nothing behind. */
static void opening_out_of_memory(void **state)
{
    (void)state;
    size_t n_before = 0;
    for (uint64_t k = 1; k < 50; k++) {
        struct fixture fixture = {.ops = &trivet_sp_listener_ops};
        struct trivet_error err;
        trivet_alloc_fail_at(k);
        enum trivet_status status =
            try_open(&fixture, "tcp://127.0.0.1:0", &fixture.listener, &err);
        trivet_alloc_fail_at(0);
        if (status == TRIVET_OK) {
            fixture.ops->close(fixture.listener);
            return;
        }
        assert_int_equal(status, TRIVET_RESOURCE_EXHAUSTED);
        n_before = n_before == 0 ? count_fds() : n_before;
        assert_int_equal(count_fds(), n_before);
    }
    fail();
}

static void bad_addresses(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "tcp://127.0.0.1",    "tcp://127.0.0.1:", "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1", "tcp://",           "inproc://name"};
    struct trivet_listener *listener = NULL;
    struct trivet_error err;
    struct fixture fixture = {.ops = &trivet_sp_listener_ops};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        assert_int_equal(try_open(&fixture, urls[i], &listener, &err), TRIVET_INVALID_ARGUMENT);
        assert_null(listener);
    }
    assert_non_null(strstr(err.message, "--transport nng"));
    assert_int_equal(try_open(&fixture, "tcp://no-such-host.invalid:0", &listener, &err),
                     TRIVET_UNAVAILABLE);
}

int main(void)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
        descriptors.rlim_cur = descriptors.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(pipelined_gone),
        cmocka_unit_test(connect_and_close),
        cmocka_unit_test(pipelined),
        cmocka_unit_test(share),
        cmocka_unit_test(slow_reader),
        cmocka_unit_test(many_slow_readers),
        cmocka_unit_test(idle_peers),
        cmocka_unit_test(late_peers),
        cmocka_unit_test(wrong_peers),
        cmocka_unit_test(many_connections),
        cmocka_unit_test(too_many_connections),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(half_requests_are_bounded),
        cmocka_unit_test(closing_waits_for_exchanges),
        cmocka_unit_test(opening_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
