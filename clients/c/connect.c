/* How a link comes to be: connect without blocking for longer than there is time, then hellos. */
#include "base/alloc.h"
#include "base/clock.h"
#include "clients/c/link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int wait_ms(int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - trivet_clock_monotonic_ns();
    return left_ns <= 0 ? 0 : (int)((left_ns + TRIVET_NS_PER_MS - 1) / TRIVET_NS_PER_MS);
}

/* 0 when `fd` is ready, else an error number. */
static int wait_ready(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        int timeout_ms = wait_ms(deadline_ns);
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int n = poll(&poll_fd, 1, timeout_ms);
        if (n > 0) {
            return 0;
        }
        if (n == 0 && timeout_ms == 0) {
            return ETIMEDOUT;
        }
        if (n < 0 && errno != EINTR) {
            return errno;
        }
    }
}

/* Gives a connected socket, or an error number. */
static int connect_to(int family, const struct sockaddr *to, socklen_t to_bytes,
                      int64_t deadline_ns, int *out)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, to, to_bytes) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EINTR) {
        socklen_t error_bytes = sizeof(error);
        error = wait_ready(fd, POLLOUT, deadline_ns);
        if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes) != 0) {
            error = errno;
        }
    }
    int on = 1;
    if (error == 0 && family != AF_UNIX) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    if (error == 0 && fcntl(fd, F_SETFL, 0) != 0) {
        error = errno;
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

static int connect_tcp(const struct trivet_address *address, int64_t deadline_ns, int *out,
                       const char **reason)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(address->host, address->port, &hints, &found);
    if (failed != 0) {
        *reason = gai_strerror(failed);
        return ENOENT;
    }
    int error = ENOENT;
    for (const struct addrinfo *each = found; each != NULL && error != 0; each = each->ai_next) {
        error = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen, deadline_ns, out);
    }
    freeaddrinfo(found);
    return error;
}

/* 0, an error number, or EPROTO: the peer says something else. */
static int exchange_hellos(int fd, int64_t deadline_ns)
{
    uint8_t hello[TRIVET_SP_HELLO_BYTES];
    trivet_sp_hello_write(TRIVET_SP_REQ, hello);
    if (send(fd, hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello)) {
        return errno != 0 ? errno : EPIPE;
    }
    for (size_t n_bytes = 0; n_bytes < sizeof(hello);) {
        int error = wait_ready(fd, POLLIN, deadline_ns);
        if (error != 0) {
            return error;
        }
        ssize_t n = recv(fd, hello + n_bytes, sizeof(hello) - n_bytes, MSG_DONTWAIT);
        if (n == 0) {
            return ECONNRESET;
        }
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
            return errno;
        }
        n_bytes += n > 0 ? (size_t)n : 0;
    }
    uint16_t protocol = 0;
    return trivet_sp_hello_parse(hello, &protocol) && protocol == TRIVET_SP_REP ? 0 : EPROTO;
}

static enum trivet_status describe(int error, const char *url, int timeout_ms, const char *reason,
                                   struct trivet_error *err)
{
    char text[128];
    switch (error) {
    case ENOMEM:
    case ENOBUFS:
    case EMFILE:
    case ENFILE:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "cannot open a socket to %s: out of memory or file descriptors",
                                url);
    case ETIMEDOUT:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "no answer from a Trivet server at %s within %d ms; check the "
                                "address, and that trivetd runs there",
                                url, timeout_ms);
    case EPROTO:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "what listens at %s does not answer calls; give the server's RPC "
                                "address, not that of its events",
                                url);
    default:
        if (reason == NULL) {
            reason = strerror_r(error, text, sizeof(text)); /* GNU's: it returns the text */
        }
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot reach a Trivet server at %s: %s; start one with 'trivetd "
                                "--data-dir DIR' or name the address of one that runs",
                                url, reason);
    }
}

enum trivet_status trivet_link_connect(const struct trivet_address *address, const char *url,
                                       size_t reply_bytes_max, int64_t deadline_ns, int timeout_ms,
                                       struct trivet_link **out, struct trivet_error *err)
{
    struct trivet_link *link = trivet_link_create(address->framing, reply_bytes_max);
    if (link == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a connection");
    }
    const char *reason = NULL;
    int error;
    if (address->framing == TRIVET_SP_FRAMING_IPC) {
        error = connect_to(AF_UNIX, (const struct sockaddr *)&address->path, sizeof(address->path),
                           deadline_ns, &link->fd);
    } else {
        error = connect_tcp(address, deadline_ns, &link->fd, &reason);
    }
    if (error == 0) {
        error = exchange_hellos(link->fd, deadline_ns);
    }
    if (error != 0) {
        trivet_link_free(link);
        return describe(error, url, timeout_ms, reason, err);
    }
    *out = link;
    return TRIVET_OK;
}
