/* Start and stop. libmicrohttpd runs a pool of threads, each with its own epoll; a handler runs on
 * one of them. */
#include "httpd/httpd.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "httpd/internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES_MAX ((size_t)32 << 10)
#define DRAIN_NS_MAX     TRIVET_NS_PER_S
#define LISTEN_BACKLOG   128

static void fill_defaults(struct trivet_httpd_options *options)
{
    options->threads = options->threads > 0 ? options->threads : 2;
    options->connections_max = options->connections_max > 0 ? options->connections_max : 256;
    options->connections_per_ip =
        options->connections_per_ip > 0 ? options->connections_per_ip : 64;
    options->idle_timeout_s = options->idle_timeout_s > 0 ? options->idle_timeout_s : 15;
    options->body_bytes_max = options->body_bytes_max > 0 ? options->body_bytes_max : 65536;
}

/* "host:port" or "[v6]:port". */
static enum trivet_status split_address(const char *address, char *host, size_t host_bytes,
                                        char *port, size_t port_bytes, struct trivet_error *err)
{
    const char *colon = strrchr(address, ':');
    const char *from = address;
    const char *to = colon;
    if (address[0] == '[') {
        from++;
        to = strchr(address, ']');
        colon = to != NULL && to[1] == ':' ? to + 1 : NULL;
    }
    uint64_t number = 0;
    if (colon == NULL || to == from || !trivet_text_parse_uint64(colon + 1, &number) ||
        number > 65535 || (address[0] != '[' && memchr(from, ':', (size_t)(to - from)) != NULL) ||
        !trivet_text_format(host, host_bytes, "%.*s", (int)(to - from), from) ||
        !trivet_text_format(port, port_bytes, "%u", (unsigned)number)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%s' is not an address; write HOST:PORT, as in 127.0.0.1:7603 or "
                                "[::1]:7603",
                                address);
    }
    return TRIVET_OK;
}

static int listen_on(const struct addrinfo *at)
{
    int on = 1;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

/* Name of the bound address into the server, with the port the kernel chose. */
static void name_address(struct trivet_httpd *server, int fd)
{
    struct sockaddr_storage bound = {0};
    socklen_t bound_bytes = sizeof(bound);
    char port[NI_MAXSERV] = "0";
    if (getsockname(fd, (struct sockaddr *)&bound, &bound_bytes) == 0) {
        (void)getnameinfo((struct sockaddr *)&bound, bound_bytes, NULL, 0, port, sizeof(port),
                          NI_NUMERICSERV);
    }
    bool v6 = strchr(server->host, ':') != NULL;
    (void)trivet_text_format(server->address, sizeof(server->address), "%s%s%s:%s", v6 ? "[" : "",
                             server->host, v6 ? "]" : "", port);
}

static enum trivet_status open_socket(struct trivet_httpd *server, const char *address, int *out,
                                      struct trivet_error *err)
{
    char port[8];
    enum trivet_status status =
        split_address(address, server->host, sizeof(server->host), port, sizeof(port), err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(server->host, port, &hints, &found);
    if (failed != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot find host '%s': %s", server->host,
                                gai_strerror(failed));
    }
    int fd = -1;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = listen_on(at);
    }
    int cause = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot listen on %s: %s; choose another port, or 0 for any",
                                address, strerror(cause));
    }
    name_address(server, fd);
    *out = fd;
    return TRIVET_OK;
}

/* Takes the listener, also when it fails. */
static enum trivet_status start_daemon(struct trivet_httpd *server, struct trivet_error *err)
{
    enum trivet_status status = trivet_microhttpd_load(err);
    if (status != TRIVET_OK) {
        (void)close(server->listener);
        return status;
    }
    const struct trivet_httpd_options *o = &server->options;
    struct MHD_OptionItem pool[] = {
        {o->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)o->threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    server->daemon = trivet_mhd.start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        trivet_httpd_access, server, MHD_OPTION_LISTEN_SOCKET, server->listener,
        MHD_OPTION_NOTIFY_COMPLETED, trivet_httpd_completed, server,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADER_BYTES_MAX, MHD_OPTION_CONNECTION_LIMIT,
        o->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_ip,
        MHD_OPTION_CONNECTION_TIMEOUT, o->idle_timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    if (server->daemon == NULL) {
        return trivet_error_set(err, TRIVET_INTERNAL,
                                "cannot start the HTTP threads: out of memory or of threads");
    }
    return TRIVET_OK;
}

static void *run_starter(void *arg)
{
    struct trivet_httpd *server = arg;
    struct trivet_error err;
    if (start_daemon(server, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_ERROR, "http_failed", "address=%s message=%s", server->address,
                   err.message);
    }
    return NULL;
}

static enum trivet_status start_later(struct trivet_httpd *server, struct trivet_error *err)
{
    if (pthread_create(&server->starter, NULL, run_starter, server) != 0) {
        (void)close(server->listener);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "cannot start a thread for the HTTP server");
    }
    return TRIVET_OK;
}

enum trivet_status trivet_httpd_start(const struct trivet_httpd_options *options,
                                      struct trivet_httpd **out, struct trivet_error *err)
{
    struct trivet_httpd *server = trivet_calloc(1, sizeof(*server));
    if (server == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the HTTP server");
    }
    server->options = *options;
    fill_defaults(&server->options);
    atomic_init(&server->in_flight, 0);
    atomic_init(&server->stopping, false);
    enum trivet_status status = open_socket(server, options->address, &server->listener, err);
    if (status != TRIVET_OK) {
        trivet_free(server);
        return status;
    }
    status = options->later ? start_later(server, err) : start_daemon(server, err);
    if (status != TRIVET_OK) {
        trivet_free(server);
        return status;
    }
    *out = server;
    return TRIVET_OK;
}

const char *trivet_httpd_address(const struct trivet_httpd *server)
{
    return server->address;
}

void trivet_httpd_stop(struct trivet_httpd *server)
{
    if (server == NULL) {
        return;
    }
    if (server->options.later) {
        (void)pthread_join(server->starter, NULL);
    }
    if (server->daemon == NULL) {
        trivet_free(server);
        return;
    }
    /* Not MHD_quiesce_daemon: it takes the listener out of each thread's epoll beside that thread,
     * and when both do it the library ends the process. The listener stays until the end. */
    atomic_store(&server->stopping, true);
    for (size_t i = 0; i < server->options.n_routes; i++) {
        if (server->options.routes[i].stream != NULL) {
            trivet_sse_close(server->options.routes[i].stream);
        }
    }
    int64_t end_ns = trivet_clock_monotonic_ns() + DRAIN_NS_MAX;
    while (atomic_load(&server->in_flight) > 0 && trivet_clock_monotonic_ns() < end_ns) {
        struct timespec pause = {.tv_nsec = 5 * TRIVET_NS_PER_MS};
        (void)nanosleep(&pause, NULL);
    }
    trivet_mhd.stop_daemon(server->daemon); /* closes the listener too */
    trivet_free(server);
}
