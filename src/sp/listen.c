/* DESIGN: the watchdog thread is the only one that touches the listeners after open; nng's own
 * threads run `on_connection`, which counts. `lock` guards `stopping`, by which stop() ends the
 * watchdog. */
#include "sp/listen.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "sp/guard.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PROBE_INTERVAL_MS 500
#define PROBE_TIMEOUT_MS  1000
#define PROBE_POLL_US     2000
#define PROBES_FAILED_MAX 2 /* in a row: a busy machine is not a dead listener */

struct endpoint {
    char url[TRIVET_SP_URL_BYTES];
    struct trivet_sp_guard *guard; /* ipc only, as the rest */
    nng_listener listener;
    atomic_int listener_id;
    atomic_uint n_connections; /* ever made */
    unsigned n_failed;         /* probes in a row */
};

struct trivet_sp_listen {
    nng_socket socket;
    uint16_t peer_protocol;
    struct endpoint *endpoints;
    size_t n_endpoints;
    bool watched;
    pthread_t watchdog;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* CLOCK_MONOTONIC */
    bool stopping;
};

static bool is_ipc(const char *url)
{
    return strncmp(url, "ipc://", strlen("ipc://")) == 0;
}

static const char *path_of(const struct endpoint *endpoint)
{
    return endpoint->url + strlen("ipc://");
}

static int start_listener(nng_socket socket, struct endpoint *endpoint)
{
    int rc = nng_listener_create(&endpoint->listener, socket, endpoint->url);
    if (rc == 0) {
        atomic_store(&endpoint->listener_id, nng_listener_id(endpoint->listener));
        /* Only tcp has it: a peer whose host is gone must not stay for ever. */
        (void)nng_listener_set_bool(endpoint->listener, NNG_OPT_TCP_KEEPALIVE, true);
        rc = nng_listener_start(endpoint->listener, 0);
    }
    return rc;
}

/* nng's thread: a connection is made. */
static void on_connection(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)event;
    struct trivet_sp_listen *listen = arg;
    int id = nng_listener_id(nng_pipe_listener(pipe));
    for (size_t i = 0; i < listen->n_endpoints; i++) {
        struct endpoint *endpoint = &listen->endpoints[i];
        if (atomic_load(&endpoint->listener_id) == id) {
            atomic_fetch_add(&endpoint->n_connections, 1);
        }
    }
}

/* --- the watchdog ---------------------------------------------------------------------------- */

static int connect_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!trivet_text_copy(address.sun_path, sizeof(address.sun_path), path)) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const struct timeval timeout = {.tv_sec = PROBE_TIMEOUT_MS / 1000,
                                    .tv_usec = PROBE_TIMEOUT_MS % 1000 * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A dead listener still shakes hands; what it does not do is make the connection. */
static bool connects(struct endpoint *endpoint, uint16_t peer_protocol)
{
    uint8_t hello[TRIVET_SP_HELLO_BYTES];
    uint8_t answer[TRIVET_SP_HELLO_BYTES];
    trivet_sp_hello_write(peer_protocol, hello);
    unsigned before = atomic_load(&endpoint->n_connections);
    int64_t until_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), PROBE_TIMEOUT_MS * TRIVET_NS_PER_MS);
    int fd = connect_path(path_of(endpoint));
    if (fd < 0) {
        return false;
    }
    bool alive = send(fd, hello, sizeof(hello), MSG_NOSIGNAL) == (ssize_t)sizeof(hello) &&
                 recv(fd, answer, sizeof(answer), MSG_WAITALL) == (ssize_t)sizeof(answer);
    while (alive && atomic_load(&endpoint->n_connections) == before) {
        usleep(PROBE_POLL_US);
        alive = trivet_clock_monotonic_ns() < until_ns;
    }
    close(fd);
    return alive;
}

static void listen_anew(struct trivet_sp_listen *listen, struct endpoint *endpoint)
{
    /* Its connections go too: those made since it died would hang for ever, and a client dials
     * again by itself. */
    nng_listener_close(endpoint->listener);
    unlink(path_of(endpoint));
    int rc = start_listener(listen->socket, endpoint);
    if (rc == 0) {
        trivet_log(TRIVET_LOG_WARN, "ipc_listener_revived", "url=%s", endpoint->url);
    } else {
        trivet_log(TRIVET_LOG_ERROR, "ipc_listener_dead", "url=%s message=%s", endpoint->url,
                   nng_strerror(rc));
    }
}

/* False when stopping. */
static bool wait_interval(struct trivet_sp_listen *listen)
{
    int64_t until_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), PROBE_INTERVAL_MS * TRIVET_NS_PER_MS);
    struct timespec until = trivet_clock_timespec(until_ns);
    pthread_mutex_lock(&listen->lock);
    int rc = 0;
    while (!listen->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&listen->wake, &listen->lock, &until);
    }
    bool go_on = !listen->stopping;
    pthread_mutex_unlock(&listen->lock);
    return go_on;
}

static void *watch(void *arg)
{
    struct trivet_sp_listen *listen = arg;
    while (wait_interval(listen)) {
        for (size_t i = 0; i < listen->n_endpoints; i++) {
            struct endpoint *endpoint = &listen->endpoints[i];
            if (!is_ipc(endpoint->url)) {
                continue;
            }
            bool alive = connects(endpoint, listen->peer_protocol);
            endpoint->n_failed = alive ? 0 : endpoint->n_failed + 1;
            if (endpoint->n_failed == PROBES_FAILED_MAX) {
                listen_anew(listen, endpoint);
                endpoint->n_failed = 0;
            }
        }
    }
    return NULL;
}

static enum trivet_status start_watchdog(struct trivet_sp_listen *listen, struct trivet_error *err)
{
    bool needed = false;
    for (size_t i = 0; i < listen->n_endpoints; i++) {
        needed = needed || is_ipc(listen->endpoints[i].url);
    }
    if (!needed) {
        return TRIVET_OK;
    }
    listen->watched = pthread_create(&listen->watchdog, NULL, watch, listen) == 0;
    return listen->watched ? TRIVET_OK
                           : trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                              "cannot start a thread; raise the limit on threads");
}

/* --- opening --------------------------------------------------------------------------------- */

static enum trivet_status set_url(struct endpoint *endpoint, const char *url,
                                  struct trivet_error *err)
{
    if (!is_ipc(url) && strncmp(url, "tcp://", strlen("tcp://")) != 0 &&
        strncmp(url, "inproc://", strlen("inproc://")) != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "cannot listen on '%.100s': give tcp://HOST:PORT, ipc:///PATH or "
                                "inproc://NAME",
                                url);
    }
    if (!trivet_text_copy(endpoint->url, sizeof(endpoint->url), url)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the address '%.40s…' is too long",
                                url);
    }
    return TRIVET_OK;
}

/* The port that the system picked for a tcp URL with port 0. */
static void set_real_port(struct endpoint *endpoint)
{
    nng_sockaddr address;
    char *colon = strrchr(endpoint->url, ':');
    if (strncmp(endpoint->url, "tcp://", strlen("tcp://")) != 0 || strcmp(colon, ":0") != 0 ||
        nng_listener_get_addr(endpoint->listener, NNG_OPT_LOCADDR, &address) != 0) {
        return;
    }
    /* In network order, for both families. */
    uint16_t port = address.s_family == NNG_AF_INET6 ? address.s_in6.sa_port : address.s_in.sa_port;
    uint8_t bytes[2];
    memcpy(bytes, &port, sizeof(bytes));
    trivet_text_format(colon, sizeof(endpoint->url) - (size_t)(colon - endpoint->url), ":%u",
                       (unsigned)bytes[0] << 8 | bytes[1]);
}

static enum trivet_status endpoint_open(nng_socket socket, struct endpoint *endpoint,
                                        const char *url, struct trivet_error *err)
{
    enum trivet_status status = set_url(endpoint, url, err);
    if (status == TRIVET_OK) {
        status = trivet_sp_guard_take(url, &endpoint->guard, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    int rc = start_listener(socket, endpoint);
    if (rc != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot listen on '%s': %s; is another server running there?", url,
                                nng_strerror(rc));
    }
    set_real_port(endpoint);
    return TRIVET_OK;
}

static enum trivet_status start(struct trivet_sp_listen *listen, const char *const *urls,
                                struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    int rc = nng_pipe_notify(listen->socket, NNG_PIPE_EV_ADD_PRE, on_connection, listen);
    if (rc != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot watch connections: %s",
                                nng_strerror(rc));
    }
    for (size_t i = 0; status == TRIVET_OK && i < listen->n_endpoints; i++) {
        status = endpoint_open(listen->socket, &listen->endpoints[i], urls[i], err);
    }
    return status == TRIVET_OK ? start_watchdog(listen, err) : status;
}

/* Nobody may be called back with the memory that is freed next. */
static void undo(struct trivet_sp_listen *listen)
{
    (void)nng_pipe_notify(listen->socket, NNG_PIPE_EV_ADD_PRE, NULL, NULL);
    for (size_t i = 0; i < listen->n_endpoints; i++) {
        (void)nng_listener_close(listen->endpoints[i].listener); /* one never made is refused */
    }
    trivet_sp_listen_free(listen);
}

enum trivet_status trivet_sp_listen_open(nng_socket socket, uint16_t peer_protocol,
                                         const char *const *urls, size_t n_urls,
                                         struct trivet_sp_listen **out, struct trivet_error *err)
{
    struct trivet_sp_listen *listen = trivet_calloc(1, sizeof(*listen));
    struct endpoint *endpoints = trivet_calloc(n_urls, sizeof(*endpoints));
    if (listen == NULL || endpoints == NULL) {
        trivet_free(listen);
        trivet_free(endpoints);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    listen->socket = socket;
    listen->peer_protocol = peer_protocol;
    listen->endpoints = endpoints;
    listen->n_endpoints = n_urls;
    trivet_clock_init_condition(&listen->wake);
    pthread_mutex_init(&listen->lock, NULL);
    enum trivet_status status = start(listen, urls, err);
    if (status != TRIVET_OK) {
        undo(listen);
        return status;
    }
    *out = listen;
    return TRIVET_OK;
}

void trivet_sp_listen_stop(struct trivet_sp_listen *listen)
{
    if (listen == NULL || !listen->watched) {
        return;
    }
    pthread_mutex_lock(&listen->lock);
    listen->stopping = true;
    pthread_cond_signal(&listen->wake);
    pthread_mutex_unlock(&listen->lock);
    pthread_join(listen->watchdog, NULL);
    listen->watched = false;
}

void trivet_sp_listen_free(struct trivet_sp_listen *listen)
{
    if (listen == NULL) {
        return;
    }
    trivet_sp_listen_stop(listen);
    for (size_t i = 0; i < listen->n_endpoints; i++) {
        trivet_sp_guard_release(listen->endpoints[i].guard);
    }
    pthread_cond_destroy(&listen->wake);
    pthread_mutex_destroy(&listen->lock);
    trivet_free(listen->endpoints);
    trivet_free(listen);
}

const char *trivet_sp_listen_url(const struct trivet_sp_listen *listen, size_t i)
{
    assert(i < listen->n_endpoints);
    return listen->endpoints[i].url;
}
