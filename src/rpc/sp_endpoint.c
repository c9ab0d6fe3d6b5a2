#include "rpc/sp_endpoint.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TCP_SCHEME   "tcp://"
#define IPC_SCHEME   "ipc://"
#define BACKLOG      1024
#define SOCKET_FLAGS (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

static enum trivet_status cannot_listen(struct trivet_error *err, const char *url,
                                        const char *reason)
{
    return trivet_error_set(err, TRIVET_UNAVAILABLE,
                            "cannot listen on '%.200s': %s; is another server running there?", url,
                            reason);
}

/* --- tcp ------------------------------------------------------------------------------------- */

/* "tcp://HOST:PORT" → host without brackets ("" = every address) and port. */
static bool split_tcp(const char *url, char *host, size_t host_bytes, char *port, size_t port_bytes)
{
    const char *begin = url + strlen(TCP_SCHEME);
    const char *colon = strrchr(begin, ':');
    uint64_t number;
    if (colon == NULL || !trivet_text_parse_uint64(colon + 1, &number) || number > UINT16_MAX ||
        !trivet_text_copy(port, port_bytes, colon + 1)) {
        return false;
    }
    const char *end = colon;
    if (end - begin >= 2 && begin[0] == '[' && end[-1] == ']') {
        begin++;
        end--;
    }
    if ((size_t)(end - begin) >= host_bytes) {
        return false;
    }
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = '\0';
    if (strcmp(host, "*") == 0) {
        host[0] = '\0';
    }
    return true;
}

/* The socket, or -1 with errno. */
static int listen_at(const struct sockaddr *address, socklen_t address_bytes)
{
    int fd = socket(address->sa_family, SOCKET_FLAGS, 0);
    if (fd < 0) {
        return -1;
    }
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address, address_bytes) != 0 || listen(fd, BACKLOG) != 0) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static void set_real_port(struct trivet_sp_endpoint *endpoint)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t address_bytes = sizeof(address);
    if (getsockname(endpoint->fd, &address.any, &address_bytes) == 0) {
        in_port_t port =
            address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port;
        char *colon = strrchr(endpoint->url, ':');
        trivet_text_format(colon, sizeof(endpoint->url) - (size_t)(colon - endpoint->url), ":%u",
                           (unsigned)ntohs(port));
    }
}

static enum trivet_status open_tcp(struct trivet_sp_endpoint *endpoint, struct trivet_error *err)
{
    char host[TRIVET_SP_ENDPOINT_URL_BYTES];
    char port[8];
    if (!split_tcp(endpoint->url, host, sizeof(host), port, sizeof(port))) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.200s' is not an address; give tcp://HOST:PORT, port 0 for any",
                                endpoint->url);
    }
    const struct addrinfo hints = {
        .ai_family = host[0] == '\0' ? AF_INET : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &found);
    if (rc != 0) {
        return cannot_listen(err, endpoint->url, gai_strerror(rc));
    }
    int reason = EADDRNOTAVAIL;
    for (struct addrinfo *i = found; i != NULL && endpoint->fd < 0; i = i->ai_next) {
        endpoint->fd = listen_at(i->ai_addr, i->ai_addrlen);
        reason = errno;
    }
    freeaddrinfo(found);
    if (endpoint->fd < 0) {
        return cannot_listen(err, endpoint->url, strerror(reason));
    }
    set_real_port(endpoint);
    return TRIVET_OK;
}

/* --- ipc ------------------------------------------------------------------------------------- */

static enum trivet_status open_ipc(struct trivet_sp_endpoint *endpoint, struct trivet_error *err)
{
    enum trivet_status status = trivet_sp_guard_take(endpoint->url, &endpoint->guard, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = endpoint->url + strlen(IPC_SCHEME);
    bool fits = trivet_text_copy(address.sun_path, sizeof(address.sun_path), path);
    endpoint->fd = -1;
    errno = ENAMETOOLONG;
    if (fits) {
        endpoint->fd = listen_at((const struct sockaddr *)&address, sizeof(address));
    }
    /* Its folder keeps others out until then: the guard has looked. */
    if (endpoint->fd < 0 || chmod(path, S_IRUSR | S_IWUSR) != 0) {
        return cannot_listen(err, endpoint->url, strerror(errno));
    }
    return TRIVET_OK;
}

enum trivet_status trivet_sp_endpoint_open(struct trivet_sp_endpoint *endpoint, const char *url,
                                           struct trivet_error *err)
{
    struct trivet_sp_endpoint made = {.fd = -1};
    if (has_scheme(url, "inproc://")) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.100s': inproc:// needs nng; start with --transport nng", url);
    }
    bool is_ipc = has_scheme(url, IPC_SCHEME);
    if (!is_ipc && !has_scheme(url, TCP_SCHEME)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "cannot listen on '%.100s': give tcp://HOST:PORT or ipc:///PATH",
                                url);
    }
    /* Room for a port that is longer than the 0 it stands for. */
    if (!trivet_text_copy(made.url, sizeof(made.url) - sizeof("65535"), url)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the address '%.40s…' is too long",
                                url);
    }
    made.framing = is_ipc ? TRIVET_SP_FRAMING_IPC : TRIVET_SP_FRAMING_TCP;
    enum trivet_status status = is_ipc ? open_ipc(&made, err) : open_tcp(&made, err);
    if (status != TRIVET_OK) {
        trivet_sp_endpoint_release(&made);
        return status;
    }
    *endpoint = made;
    return TRIVET_OK;
}

void trivet_sp_endpoint_close(struct trivet_sp_endpoint *endpoint)
{
    if (endpoint->fd >= 0) {
        close(endpoint->fd);
        endpoint->fd = -1;
    }
}

void trivet_sp_endpoint_release(struct trivet_sp_endpoint *endpoint)
{
    trivet_sp_endpoint_close(endpoint);
    if (endpoint->guard != NULL) {
        unlink(endpoint->url + strlen(IPC_SCHEME));
        trivet_sp_guard_release(endpoint->guard);
        endpoint->guard = NULL;
    }
}

/* --- the other end --------------------------------------------------------------------------- */

static bool tcp_peer(int fd, char text[TRIVET_PEER_BYTES])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t n_bytes = sizeof(address);
    if (getpeername(fd, &address.any, &n_bytes) != 0) {
        return false;
    }
    if (address.any.sa_family == AF_INET) {
        return inet_ntop(AF_INET, &address.v4.sin_addr, text, TRIVET_PEER_BYTES) != NULL;
    }
    if (address.any.sa_family != AF_INET6) {
        return false;
    }
    const struct in6_addr *v6 = &address.v6.sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(v6)
               ? inet_ntop(AF_INET, &v6->s6_addr[12], text, TRIVET_PEER_BYTES) != NULL
               : inet_ntop(AF_INET6, v6, text, TRIVET_PEER_BYTES) != NULL;
}

static bool ipc_peer(int fd, char text[TRIVET_PEER_BYTES])
{
    struct ucred who;
    socklen_t n_bytes = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n_bytes) == 0 &&
           trivet_text_format(text, TRIVET_PEER_BYTES, "uid:%u", (unsigned)who.uid);
}

void trivet_sp_peer_name(int fd, enum trivet_sp_framing framing, char text[TRIVET_PEER_BYTES])
{
    if (!(framing == TRIVET_SP_FRAMING_TCP ? tcp_peer(fd, text) : ipc_peer(fd, text))) {
        text[0] = '\0';
    }
}
