#include "bench/wire/dial.h"

#include "bench/wire/work.h"
#include "sp/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG         4096
#define CONNECT_TRIES   100
#define CONNECT_WAIT_NS 20000000L

union address {
    struct sockaddr any;
    struct sockaddr_un ipc;
    struct sockaddr_in tcp;
};

bool url_is_ipc(const char *url)
{
    return strncmp(url, "ipc://", 6) == 0;
}

static socklen_t parse(const char *url, union address *out)
{
    char host[64];
    unsigned port = 0;
    memset(out, 0, sizeof(*out));
    if (url_is_ipc(url)) {
        out->ipc.sun_family = AF_UNIX;
        if (snprintf(out->ipc.sun_path, sizeof(out->ipc.sun_path), "%s", url + 6) >=
            (int)sizeof(out->ipc.sun_path)) {
            die("%s: the path is too long", url);
        }
        return sizeof(out->ipc);
    }
    out->tcp.sin_family = AF_INET;
    if (sscanf(url, "tcp://%63[0-9.]:%u", host, &port) != 2 || port > UINT16_MAX ||
        inet_pton(AF_INET, host, &out->tcp.sin_addr) != 1) {
        die("%s: not ipc:///PATH or tcp://ADDRESS:PORT", url);
    }
    out->tcp.sin_port = htons((uint16_t)port);
    return sizeof(out->tcp);
}

void set_no_delay(int fd)
{
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

bool write_all(int fd, const void *data, size_t n_bytes)
{
    const char *at = data;
    while (n_bytes > 0) {
        ssize_t n = send(fd, at, n_bytes, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

bool read_all(int fd, void *data, size_t n_bytes)
{
    char *at = data;
    while (n_bytes > 0) {
        ssize_t n = recv(fd, at, n_bytes, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        at += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static void greet(int fd, const char *url)
{
    uint8_t hello[TRIVET_SP_HELLO_BYTES];
    uint16_t peer = 0;
    trivet_sp_hello_write(TRIVET_SP_REQ, hello);
    if (!write_all(fd, hello, sizeof(hello)) || !read_all(fd, hello, sizeof(hello)) ||
        !trivet_sp_hello_parse(hello, &peer) || peer != TRIVET_SP_REP) {
        die("%s: no REP socket answers", url);
    }
}

int dial(const char *url, bool bare)
{
    union address address;
    socklen_t address_bytes = parse(url, &address);
    for (int k = 0; k < CONNECT_TRIES; k++) {
        int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            die("socket: %s", strerror(errno));
        }
        if (connect(fd, &address.any, address_bytes) == 0) {
            if (!url_is_ipc(url)) {
                set_no_delay(fd);
            }
            if (!bare) {
                greet(fd, url);
            }
            return fd;
        }
        /* A backlog may be full for a moment. */
        (void)close(fd);
        (void)nanosleep(&(struct timespec){.tv_nsec = CONNECT_WAIT_NS}, NULL);
    }
    die("%s: cannot connect: %s", url, strerror(errno));
}

int listen_at(const char *url, int *port)
{
    union address address;
    socklen_t address_bytes = parse(url, &address);
    int one = 1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (url_is_ipc(url)) {
        (void)unlink(url + 6);
    }
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(fd, &address.any, address_bytes) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &address.any, &address_bytes) != 0) {
        die("%s: cannot listen: %s", url, strerror(errno));
    }
    *port = url_is_ipc(url) ? 0 : ntohs(address.tcp.sin_port);
    return fd;
}
