#include "base/clock.h"
#include "http_client.h"
#include "httpd/httpd.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER_BYTES   65536
#define DEFAULT_IDLE_S 15

static char file_path[] = "/tmp/trivet-httpd-XXXXXX";

static void say_hello(void *context, const struct trivet_httpd_request *request,
                      struct trivet_httpd_reply *reply)
{
    const char *who = trivet_httpd_query(request, "who");
    assert_string_equal(context, "hello");
    assert_int_equal(trivet_buffer_printf(&reply->body, NULL, "{\"hello\":\"%s\"}",
                                          who != NULL ? who : "nobody"),
                     TRIVET_OK);
}

static void say_params(void *context, const struct trivet_httpd_request *request,
                       struct trivet_httpd_reply *reply)
{
    (void)context;
    assert_int_equal(
        trivet_buffer_printf(&reply->body, NULL, "%s|%s", request->params[0], request->params[1]),
        TRIVET_OK);
    reply->content_type = "text/plain";
}

static void say_length(void *context, const struct trivet_httpd_request *request,
                       struct trivet_httpd_reply *reply)
{
    (void)context;
    assert_int_equal(trivet_buffer_printf(&reply->body, NULL, "%zu", request->body_bytes),
                     TRIVET_OK);
}

static void fail_handler(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    (void)context;
    (void)request;
    trivet_httpd_reply_error(reply, 409, "a \"quoted\"\n\\ thing \xff");
}

struct slow {
    atomic_bool begun;
    atomic_bool let_go;
};

/* Tells that it was begun, and answers when it is let go. */
static void be_slow(void *context, const struct trivet_httpd_request *request,
                    struct trivet_httpd_reply *reply)
{
    struct slow *slow = context;
    (void)request;
    atomic_store(&slow->begun, true);
    while (!atomic_load(&slow->let_go)) {
        (void)usleep(1000);
    }
    assert_int_equal(trivet_buffer_printf(&reply->body, NULL, "done"), TRIVET_OK);
}

static char greeting[] = "hello";
static struct slow slow_call;
static const struct trivet_httpd_route routes[] = {
    {.method = "GET", .path = "/hello", .handler = say_hello, .context = greeting},
    {.method = "GET", .path = "/m/{}/v/{}", .handler = say_params},
    {.method = "POST", .path = "/length", .handler = say_length},
    {.method = "GET", .path = "/fail", .handler = fail_handler},
    {.method = "GET", .path = "/slow", .handler = be_slow, .context = &slow_call},
    {.method = "GET", .path = "/data", .data = "abc", .data_bytes = 3, .content_type = "text/css"},
    {.method = "GET", .path = "/file", .file = file_path, .content_type = "text/javascript"},
    {.method = "GET", .path = "/gone", .file = "/nonexistent/x", .content_type = "text/plain"},
};

static struct trivet_httpd *start(const struct trivet_httpd_options *extra)
{
    struct trivet_httpd_options options = extra != NULL ? *extra : (struct trivet_httpd_options){0};
    struct trivet_httpd *server = NULL;
    struct trivet_error err;
    options.address = "127.0.0.1:0";
    options.routes = routes;
    options.n_routes = sizeof(routes) / sizeof(routes[0]);
    if (trivet_httpd_start(&options, &server, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return server;
}

/* "METHOD PATH HTTP/1.1" with the right Host, extra headers, and Connection: close. */
static void ask(struct trivet_httpd *server, const char *line, const char *headers, char *answer)
{
    char request[8192];
    (void)snprintf(request, sizeof(request),
                   "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n", line,
                   trivet_httpd_address(server), headers);
    http_exchange(trivet_httpd_address(server), request, answer, ANSWER_BYTES);
}

static void test_routes(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(NULL);
    ask(server, "GET /hello?who=you", "", answer);
    assert_int_equal(http_status(answer), 200);
    assert_string_equal(http_body(answer), "{\"hello\":\"you\"}");
    assert_non_null(strstr(answer, "Content-Length: 15\r\n"));
    assert_non_null(strstr(answer, "Content-Type: application/json"));
    ask(server, "GET /m/a%20b/v/12", "", answer);
    assert_string_equal(http_body(answer), "a b|12");
    ask(server, "GET /data", "", answer);
    assert_string_equal(http_body(answer), "abc");
    assert_non_null(strstr(answer, "Content-Type: text/css\r\n"));
    ask(server, "GET /file", "", answer);
    assert_string_equal(http_body(answer), "let a = 1;\n");
    ask(server, "GET /gone", "", answer);
    assert_int_equal(http_status(answer), 404);
    trivet_httpd_stop(server);
}

static void test_errors_are_json(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(NULL);
    ask(server, "GET /nothing", "", answer);
    assert_int_equal(http_status(answer), 404);
    assert_string_equal(http_body(answer), "{\"error\":\"there is nothing at '/nothing'\"}\n");
    ask(server, "GET /m//v/1", "", answer);
    assert_int_equal(http_status(answer), 404);
    ask(server, "GET /m/a/v/1/", "", answer);
    assert_int_equal(http_status(answer), 404);
    ask(server, "GET /../../etc/passwd", "", answer);
    assert_int_equal(http_status(answer), 404);
    ask(server, "DELETE /hello", "", answer);
    assert_int_equal(http_status(answer), 405);
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    ask(server, "GET /length", "", answer);
    assert_int_equal(http_status(answer), 405);
    assert_non_null(strstr(answer, "Allow: POST\r\n"));
    ask(server, "GET /fail", "", answer);
    assert_int_equal(http_status(answer), 409);
    assert_string_equal(http_body(answer),
                        "{\"error\":\"a \\u0022quoted\\u0022\\u000a\\u005c thing \\u00ff\"}\n");
    trivet_httpd_stop(server);
}

static void test_security_headers(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    static const char *const paths[] = {"GET /hello", "GET /data", "GET /file", "GET /nothing"};
    struct trivet_httpd *server = start(NULL);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ask(server, paths[i], "", answer);
        assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(answer, "Referrer-Policy: no-referrer\r\n"));
        assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none';"));
        assert_null(strstr(answer, "unsafe"));
    }
    trivet_httpd_stop(server);
}

static void test_head(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(NULL);
    ask(server, "HEAD /hello", "", answer);
    assert_int_equal(http_status(answer), 200);
    assert_non_null(strstr(answer, "Content-Length: 18\r\n"));
    assert_string_equal(http_body(answer), "");
    ask(server, "HEAD /file", "", answer);
    assert_int_equal(http_status(answer), 200);
    assert_string_equal(http_body(answer), "");
    trivet_httpd_stop(server);
}

static int status_for(struct trivet_httpd *server, const char *headers)
{
    static char answer[ANSWER_BYTES];
    char request[1024];
    (void)snprintf(request, sizeof(request), "GET /hello HTTP/1.1\r\nConnection: close\r\n%s\r\n",
                   headers);
    http_exchange(trivet_httpd_address(server), request, answer, sizeof(answer));
    return http_status(answer);
}

static void test_host_and_origin(void **state)
{
    (void)state;
    static const char *const names[] = {"models.example"};
    struct trivet_httpd *server =
        start(&(struct trivet_httpd_options){.hosts = names, .n_hosts = 1});
    assert_int_equal(status_for(server, "Host: localhost:1\r\n"), 200);
    assert_int_equal(status_for(server, "Host: LOCALHOST\r\n"), 200);
    assert_int_equal(status_for(server, "Host: [::1]:7603\r\n"), 200);
    assert_int_equal(status_for(server, "Host: models.example\r\n"), 200);
    assert_int_equal(status_for(server, "Host: evil.example\r\n"), 403);
    assert_int_equal(status_for(server, "Host: 127.0.0.1.evil.example\r\n"), 403);
    assert_int_equal(status_for(server, "Host: evil.example:localhost\r\n"), 403);
    assert_int_equal(status_for(server, "Host: \r\n"), 403);
    assert_int_equal(status_for(server, ""), 400);
    assert_int_equal(
        status_for(server, "Host: localhost:7603\r\nOrigin: http://localhost:7603\r\n"), 200);
    assert_int_equal(status_for(server, "Host: localhost:7603\r\nOrigin: http://evil.example\r\n"),
                     403);
    assert_int_equal(status_for(server, "Host: localhost:7603\r\nOrigin: http://localhost:1\r\n"),
                     403);
    assert_int_equal(status_for(server, "Host: localhost\r\nOrigin: null\r\n"), 403);
    trivet_httpd_stop(server);
}

static void test_bodies(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(&(struct trivet_httpd_options){.body_bytes_max = 8});
    ask(server, "POST /length", "Content-Length: 8\r\n\r\n12345678", answer);
    assert_string_equal(http_body(answer), "8");
    ask(server, "POST /length", "Content-Length: 0\r\n", answer);
    assert_string_equal(http_body(answer), "0");
    ask(server, "POST /length", "Content-Length: 9\r\n", answer);
    assert_int_equal(http_status(answer), 413);
    ask(server, "POST /length", "Content-Length: 18446744073709551615\r\n", answer);
    assert_int_equal(http_status(answer), 413);
    ask(server, "POST /length", "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nefgh\r\n0\r\n",
        answer);
    assert_string_equal(http_body(answer), "8");
    ask(server, "POST /length",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n5\r\nefghi\r\n0\r\n", answer);
    assert_int_equal(http_status(answer), 413);
    assert_non_null(strstr(http_body(answer), "{\"error\":"));
    trivet_httpd_stop(server);
}

static void test_endless_body_is_cut(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(&(struct trivet_httpd_options){.body_bytes_max = 8});
    int fd = http_connect(trivet_httpd_address(server));
    http_write(fd,
               "POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 64; i++) {
        http_write(fd, "10\r\n0123456789abcdef\r\n");
    }
    assert_int_equal(http_read_until(fd, NULL, answer, sizeof(answer)), 0);
    assert_int_equal(close(fd), 0);
    trivet_httpd_stop(server);
}

static void test_oversized_headers(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    static char request[131072];
    struct trivet_httpd *server = start(NULL);
    int used = snprintf(request, sizeof(request), "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: ");
    memset(request + used, 'a', 65536);
    (void)snprintf(request + used + 65536, 16, "\r\n\r\n");
    http_exchange(trivet_httpd_address(server), request, answer, sizeof(answer));
    assert_true(http_status(answer) == 431 || http_status(answer) == 0);
    assert_int_equal(status_for(server, "Host: localhost\r\n"), 200);
    trivet_httpd_stop(server);
}

static void test_garbage(void **state)
{
    (void)state;
    static char answer[ANSWER_BYTES];
    struct trivet_httpd *server = start(NULL);
    http_exchange(trivet_httpd_address(server), "\x16\x03\x01\x02\r\n\r\n\r\n", answer,
                  sizeof(answer));
    assert_int_not_equal(http_status(answer), 200);
    assert_int_equal(status_for(server, "Host: localhost\r\n"), 200);
    trivet_httpd_stop(server);
}

/* A client that never finishes its request is closed after the idle time-out. */
static void test_slow_request(void **state)
{
    (void)state;
    char answer[1024];
    struct trivet_httpd *server = start(&(struct trivet_httpd_options){.idle_timeout_s = 1});
    int fd = http_connect(trivet_httpd_address(server));
    http_write(fd, "GET /hello HTTP/1.1\r\nHost: loc");
    int64_t begun_ns = trivet_clock_monotonic_ns();
    (void)http_read_until(fd, NULL, answer, sizeof(answer));
    assert_true(trivet_clock_monotonic_ns() - begun_ns < DEFAULT_IDLE_S * TRIVET_NS_PER_S);
    assert_int_not_equal(http_status(answer), 200);
    assert_int_equal(close(fd), 0);
    trivet_httpd_stop(server);
}

/* Beyond the limit of one address connections get no answer; when some close, there is room. */
static void test_many_connections(void **state)
{
    (void)state;
    enum { allowed = 8, tried = 24 };
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct trivet_httpd *server = start(&(struct trivet_httpd_options){
        .connections_max = 64, .connections_per_ip = allowed, .threads = 2});
    int fds[tried];
    int answered = 0;
    char answer[1024];
    for (int i = 0; i < tried; i++) {
        fds[i] = http_connect(trivet_httpd_address(server));
        http_write(fds[i], request);
        (void)http_read_until(fds[i], "nobody", answer, sizeof(answer));
        answered += http_status(answer) == 200;
    }
    assert_int_equal(answered, allowed);
    for (int i = 0; i < tried; i++) {
        assert_int_equal(close(fds[i]), 0);
    }
    int status = 0;
    for (int tries = 0; tries < 3000 && status != 200; tries++) {
        status = status_for(server, "Host: localhost\r\n");
        (void)usleep(10000);
    }
    assert_int_equal(status, 200);
    trivet_httpd_stop(server);
}

static void *run_stop(void *server)
{
    trivet_httpd_stop(server);
    return NULL;
}

/* A request in flight is answered; one that comes after the stop began is not served. */
static void test_stop_drains(void **state)
{
    (void)state;
    char answer[1024];
    char address[64];
    pthread_t stopper;
    struct trivet_httpd *server = start(&(struct trivet_httpd_options){.threads = 2});
    (void)snprintf(address, sizeof(address), "%s", trivet_httpd_address(server));
    int slow = http_connect(trivet_httpd_address(server));
    int late = http_connect(trivet_httpd_address(server));
    http_write(slow, "GET /slow HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    while (!atomic_load(&slow_call.begun)) {
        (void)usleep(1000);
    }
    assert_int_equal(pthread_create(&stopper, NULL, run_stop, server), 0);
    do { /* by the other thread, until the stop has begun */
        http_exchange(address, "GET /data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                      answer, sizeof(answer));
    } while (http_status(answer) == 200);
    http_write(late, "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    atomic_store(&slow_call.let_go, true);
    (void)http_read_until(slow, NULL, answer, sizeof(answer));
    assert_int_equal(http_status(answer), 200);
    assert_string_equal(http_body(answer), "done");
    (void)http_read_until(late, NULL, answer, sizeof(answer));
    assert_int_not_equal(http_status(answer), 200);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_int_equal(close(slow), 0);
    assert_int_equal(close(late), 0);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "127.0.0.1", ":80",  "127.0.0.1:",  "localhost:99999",
        "::1:80", "[::1]80",   "[::1", "127.0.0.1:x", "[]:80"};
    struct trivet_error err;
    struct trivet_httpd *server = NULL;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct trivet_httpd_options options = {.address = bad[i]};
        assert_int_equal(trivet_httpd_start(&options, &server, &err), TRIVET_INVALID_ARGUMENT);
        assert_null(server);
    }
    struct trivet_httpd *first = start(NULL);
    struct trivet_httpd_options taken = {.address = trivet_httpd_address(first)};
    assert_int_equal(trivet_httpd_start(&taken, &server, &err), TRIVET_UNAVAILABLE);
    assert_non_null(strstr(err.message, "choose another port"));
    trivet_httpd_stop(first);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file_path);
    return fd >= 0 && write(fd, "let a = 1;\n", 11) == 11 && close(fd) == 0 ? 0 : -1;
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(file_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_errors_are_json),
        cmocka_unit_test(test_security_headers),
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_host_and_origin),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_endless_body_is_cut),
        cmocka_unit_test(test_oversized_headers),
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_slow_request),
        cmocka_unit_test(test_many_connections),
        cmocka_unit_test(test_stop_drains),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
