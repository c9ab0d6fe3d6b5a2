#include "base/clock.h"
#include "http_client.h"
#include "httpd/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUEST "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"

struct fixture {
    struct trivet_sse_hub *hub;
    struct trivet_httpd_route route;
    struct trivet_httpd *server;
};

#define IDLE_S 60

static void begin_idle(struct fixture *fixture, const struct trivet_sse_options *sse,
                       unsigned idle_s)
{
    struct trivet_error err;
    fixture->hub = trivet_sse_create(sse);
    assert_non_null(fixture->hub);
    fixture->route =
        (struct trivet_httpd_route){.method = "GET", .path = "/events", .stream = fixture->hub};
    struct trivet_httpd_options options = {.address = "127.0.0.1:0",
                                           .routes = &fixture->route,
                                           .n_routes = 1,
                                           .idle_timeout_s = idle_s};
    assert_int_equal(trivet_httpd_start(&options, &fixture->server, &err), TRIVET_OK);
}

static void begin(struct fixture *fixture, const struct trivet_sse_options *sse)
{
    begin_idle(fixture, sse, IDLE_S);
}

static void end(struct fixture *fixture)
{
    trivet_httpd_stop(fixture->server);
    assert_int_equal(trivet_sse_clients(fixture->hub), 0);
    trivet_sse_free(fixture->hub);
}

static int open_stream(struct fixture *fixture)
{
    char answer[4096];
    int fd = http_connect(trivet_httpd_address(fixture->server));
    http_write(fd, REQUEST);
    (void)http_read_until(fd, "retry: 2000\n\n", answer, sizeof(answer));
    assert_int_equal(http_status(answer), 200);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream"));
    return fd;
}

static void broadcast(struct fixture *fixture, const char *text)
{
    trivet_sse_broadcast(fixture->hub, "note", text, strlen(text));
}

static void await_clients(struct fixture *fixture, size_t n)
{
    for (int tries = 0; tries < 6000 && trivet_sse_clients(fixture->hub) != n; tries++) {
        (void)usleep(10000);
    }
    assert_int_equal(trivet_sse_clients(fixture->hub), n);
}

static void test_events_arrive(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[4096];
    begin_idle(&fixture, NULL, 2);
    int first = open_stream(&fixture);
    broadcast(&fixture, "one\ntwo");
    (void)http_read_until(first, "data: two\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "event: note\ndata: one\ndata: two\n\n"));
    /* Suspended for longer than the idle time-out, and resumed. */
    (void)usleep(2500000);
    broadcast(&fixture, "three");
    (void)http_read_until(first, "data: three\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "data: three\n\n"));
    /* A later client begins with the newest event. */
    int second = http_connect(trivet_httpd_address(fixture.server));
    http_write(second, REQUEST);
    (void)http_read_until(second, "data: three\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "data: three\n\n"));
    await_clients(&fixture, 2);
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
    /* The next events find out that nobody reads. */
    for (int i = 0; i < 3; i++) {
        broadcast(&fixture, "four");
        (void)usleep(50000);
    }
    await_clients(&fixture, 0);
    end(&fixture);
}

/* How long a server with an open stream takes to stop. */
static int64_t stop_with_a_stream(void)
{
    struct fixture fixture;
    char text[4096];
    begin(&fixture, NULL);
    int fd = open_stream(&fixture);
    int64_t begun_ns = trivet_clock_monotonic_ns();
    end(&fixture);
    int64_t took_ns = trivet_clock_monotonic_ns() - begun_ns;
    (void)http_read_until(fd, "0\r\n\r\n", text, sizeof(text)); /* the last chunk */
    assert_non_null(strstr(text, "0\r\n\r\n"));
    assert_int_equal(close(fd), 0);
    return took_ns;
}

/* A stop gives requests a second to end; streams do not take it. A machine that is busy may, once.
 */
static void test_stop_ends_streams(void **state)
{
    (void)state;
    int64_t took_ns = TRIVET_NS_PER_S;
    for (int tries = 0; tries < 10 && took_ns >= TRIVET_NS_PER_S; tries++) {
        took_ns = stop_with_a_stream();
    }
    assert_true(took_ns < TRIVET_NS_PER_S);
}

static void test_too_many_clients(void **state)
{
    (void)state;
    struct fixture fixture;
    static char answer[65536];
    begin(&fixture, &(struct trivet_sse_options){.clients_max = 2});
    int first = open_stream(&fixture);
    int second = open_stream(&fixture);
    http_exchange(trivet_httpd_address(fixture.server),
                  "GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", answer,
                  sizeof(answer));
    assert_int_equal(http_status(answer), 503);
    http_exchange(trivet_httpd_address(fixture.server),
                  "HEAD /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", answer,
                  sizeof(answer));
    assert_int_equal(http_status(answer), 200);
    assert_int_equal(close(first), 0);
    assert_int_equal(close(second), 0);
    end(&fixture);
}

/* One that was sent away does not keep its connection until it is idle for too long. */
static void test_sent_away(void **state)
{
    (void)state;
    struct fixture fixture;
    static char answer[65536];
    begin(&fixture, &(struct trivet_sse_options){.clients_max = 1});
    int only = open_stream(&fixture);
    int64_t begun_ns = trivet_clock_monotonic_ns();
    http_exchange(trivet_httpd_address(fixture.server), REQUEST, answer, sizeof(answer));
    assert_true(trivet_clock_monotonic_ns() - begun_ns < IDLE_S / 2 * TRIVET_NS_PER_S);
    assert_int_equal(http_status(answer), 503);
    assert_non_null(strstr(answer, "Connection: close"));
    assert_int_equal(close(only), 0);
    end(&fixture);
}

/* Nothing is told anew that was told long ago. */
static void test_old_event(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[4096];
    begin(&fixture, &(struct trivet_sse_options){.replay_ms = 50});
    broadcast(&fixture, "old");
    (void)usleep(100000);
    int fd = http_connect(trivet_httpd_address(fixture.server));
    http_write(fd, REQUEST);
    await_clients(&fixture, 1);
    broadcast(&fixture, "new");
    (void)http_read_until(fd, "data: new\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "data: new\n\n"));
    assert_null(strstr(text, "data: old"));
    assert_int_equal(close(fd), 0);
    end(&fixture);
}

/* A client that does not read is cut off when its buffer is full; the others lose nothing. */
static void test_slow_client(void **state)
{
    (void)state;
    enum { rounds = 400, event_bytes = 65536 };
    static char event[event_bytes];
    static char text[2 * event_bytes];
    struct fixture fixture;
    char last[32];
    begin(&fixture, &(struct trivet_sse_options){.buffer_bytes_max = (size_t)1 << 20});
    int slow = open_stream(&fixture);
    int quick = open_stream(&fixture);
    memset(event, 'x', sizeof(event));
    for (int i = 0; i < rounds; i++) {
        (void)snprintf(last, sizeof(last), "end%06d", i);
        memcpy(event + event_bytes - 9, last, 9);
        trivet_sse_broadcast(fixture.hub, "note", event, sizeof(event));
        (void)http_read_until(quick, last, text, sizeof(text));
        assert_non_null(strstr(text, last));
    }
    assert_int_equal(trivet_sse_dropped(fixture.hub), 1);
    await_clients(&fixture, 1);
    assert_int_equal(close(slow), 0);
    assert_int_equal(close(quick), 0);
    end(&fixture);
}

static void test_event_over_the_buffer(void **state)
{
    (void)state;
    struct fixture fixture;
    static char event[2048];
    begin(&fixture, &(struct trivet_sse_options){.buffer_bytes_max = 1024});
    int fd = open_stream(&fixture);
    memset(event, 'x', sizeof(event));
    trivet_sse_broadcast(fixture.hub, "note", event, sizeof(event));
    await_clients(&fixture, 0);
    assert_int_equal(trivet_sse_dropped(fixture.hub), 1);
    assert_int_equal(close(fd), 0);
    end(&fixture);
}

static void test_heartbeat(void **state)
{
    (void)state;
    struct fixture fixture;
    char text[256];
    begin(&fixture, &(struct trivet_sse_options){.heartbeat_s = 1});
    int fd = open_stream(&fixture);
    trivet_sse_tick(fixture.hub); /* too early */
    (void)usleep(1100000);
    trivet_sse_tick(fixture.hub);
    (void)http_read_until(fd, ":\n\n", text, sizeof(text));
    assert_non_null(strstr(text, "3\r\n:\n\n"));
    assert_int_equal(close(fd), 0);
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_arrive),
        cmocka_unit_test(test_stop_ends_streams),
        cmocka_unit_test(test_too_many_clients),
        cmocka_unit_test(test_slow_client),
        cmocka_unit_test(test_event_over_the_buffer),
        cmocka_unit_test(test_heartbeat),
        cmocka_unit_test(test_sent_away),
        cmocka_unit_test(test_old_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
