/* DESIGN: one thread accepts, each connection has one. All end when the listener and the
 * connections are shut down. */
#include "unit/client/faulty_peer.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "sp/protocol.h"
#include "trivet/v1/frame.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_BYTES   ((size_t)8 << 20)
#define LONG_PROMISE    ((uint64_t)60 << 20)

/* `arena` is there before the hello: whoever makes the client's allocations fail hits the client,
 * not this peer's decoding. */
struct connection {
    struct faulty_peer *peer;
    int fd;
    struct trivet_arena *arena;
    pthread_t thread;
};

struct faulty_peer {
    enum fault fault;
    enum trivet_sp_framing framing;
    char directory[32];
    char url[64];
    int listener;
    pthread_t thread;
    pthread_mutex_t lock;
    /* Under lock. */
    struct connection connections[CONNECTIONS_MAX];
    size_t n_connections;
    size_t n_requests;
    bool same_id;
    char request_id[80];
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool read_all(int fd, uint8_t *to, size_t n_bytes)
{
    while (n_bytes > 0) {
        ssize_t n = recv(fd, to, n_bytes, 0);
        if (n <= 0) {
            return false;
        }
        to += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static bool write_all(const struct connection *connection, const uint8_t *from, size_t n_bytes)
{
    size_t step = connection->peer->fault == FAULT_EVERY_BYTE ? 1 : n_bytes;
    for (size_t at = 0; at < n_bytes;) {
        size_t n_left = n_bytes - at < step ? n_bytes - at : step;
        ssize_t n = send(connection->fd, from + at, n_left, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static bool greet(const struct connection *connection)
{
    uint8_t hello[TRIVET_SP_HELLO_BYTES];
    enum fault fault = connection->peer->fault;
    if (fault == FAULT_CLOSE_AT_HELLO) {
        return false;
    }
    trivet_sp_hello_write(fault == FAULT_NO_REP ? TRIVET_SP_PUB : TRIVET_SP_REP, hello);
    if (fault == FAULT_GARBAGE_HELLO) {
        memcpy(hello, "HTTP/1.1", sizeof(hello));
    }
    return write_all(connection, hello, sizeof(hello)) &&
           read_all(connection->fd, hello, sizeof(hello));
}

/* Counts it, and gives its id. */
static void note(const struct connection *connection, const struct trivet_frame *frame, char id[80])
{
    struct faulty_peer *peer = connection->peer;
    ProtobufCMessage *decoded = NULL;
    must(trivet_codec_unpack(&trivet__v1__request_header__descriptor, connection->arena,
                             frame->header, frame->header_bytes, &decoded, NULL) == TRIVET_OK);
    const Trivet__V1__RequestHeader *header = (const Trivet__V1__RequestHeader *)decoded;
    must(strcmp(header->method, "trivet.v1.Test/Echo") == 0 && header->timeout_us > 0);
    snprintf(id, 80, "%s", header->request_id);
    pthread_mutex_lock(&peer->lock);
    if (peer->n_requests++ == 0) {
        snprintf(peer->request_id, sizeof(peer->request_id), "%s", id);
        peer->same_id = true;
    }
    peer->same_id = peer->same_id && strcmp(peer->request_id, id) == 0;
    pthread_mutex_unlock(&peer->lock);
    trivet_arena_reset(connection->arena);
}

/* Prefix, SP's id, frame; returns its bytes. */
static size_t build_reply(const struct faulty_peer *peer, const uint8_t *sp_id, char *request_id,
                          const struct trivet_frame *request, uint8_t *out)
{
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    header.request_id = request_id;
    size_t head_bytes = trivet_frame_packed_bytes(&header.base, NULL);
    size_t prefix_bytes = trivet_sp_prefix_bytes(peer->framing);
    trivet_sp_prefix_write(peer->framing, 4 + head_bytes + request->body_bytes, out);
    memcpy(out + prefix_bytes, sp_id, 4);
    trivet_frame_pack(&header.base, NULL, out + prefix_bytes + 4);
    memcpy(out + prefix_bytes + 4 + head_bytes, request->body, request->body_bytes);
    switch (peer->fault) {
    case FAULT_WRONG_ID:
        out[prefix_bytes + 3] ^= 1;
        break;
    case FAULT_HUGE_LENGTH:
        trivet_sp_prefix_write(peer->framing, (uint64_t)1 << 62, out);
        break;
    case FAULT_LONG_PROMISE:
        trivet_sp_prefix_write(peer->framing, LONG_PROMISE, out);
        break;
    case FAULT_TINY_PAYLOAD:
        trivet_sp_prefix_write(peer->framing, 3, out);
        return prefix_bytes + 3;
    case FAULT_GARBAGE_FRAME:
        memset(out + prefix_bytes + 4, 0xff, head_bytes);
        break;
    default:
        break;
    }
    return prefix_bytes + 4 + head_bytes + request->body_bytes;
}

/* False: the connection ends. */
static bool answer(struct connection *connection, const uint8_t *payload, size_t n_bytes,
                   uint8_t *out)
{
    struct faulty_peer *peer = connection->peer;
    struct trivet_frame frame;
    char request_id[80];
    must(n_bytes > 4 && (payload[0] & 0x80) != 0);
    must(trivet_frame_parse(payload + 4, n_bytes - 4, &frame, NULL) == TRIVET_OK);
    note(connection, &frame, request_id);
    pthread_mutex_lock(&peer->lock);
    bool first = peer->n_connections == 1;
    pthread_mutex_unlock(&peer->lock);
    if (peer->fault == FAULT_CLOSE_ONCE && first) {
        return false;
    }
    if (peer->fault == FAULT_HALF_CLOSE) {
        return shutdown(connection->fd, SHUT_WR) == 0;
    }
    if (peer->fault == FAULT_SILENT) {
        return true;
    }
    size_t reply_bytes = build_reply(peer, payload, request_id, &frame, out);
    if (peer->fault == FAULT_CLOSE_MID_REPLY) {
        (void)write_all(connection, out, reply_bytes / 2);
        return false;
    }
    return write_all(connection, out, reply_bytes) &&
           (peer->fault != FAULT_TWICE || write_all(connection, out, reply_bytes));
}

static void *serve(void *argument)
{
    struct connection *connection = argument;
    enum trivet_sp_framing framing = connection->peer->framing;
    uint8_t *request = malloc(REQUEST_BYTES);
    uint8_t *reply = malloc(REQUEST_BYTES + 4096);
    connection->arena = trivet_arena_create(65536, 4096);
    must(request != NULL && reply != NULL && connection->arena != NULL);
    bool goes_on = greet(connection);
    if (goes_on && connection->peer->fault == FAULT_NOT_READING) {
        struct pollfd end = {.fd = connection->fd, .events = POLLRDHUP};
        while (poll(&end, 1, -1) < 0) {
        }
        goes_on = false;
    }
    while (goes_on) {
        uint8_t prefix[TRIVET_SP_PREFIX_BYTES_MAX];
        uint64_t n_bytes = 0;
        goes_on = read_all(connection->fd, prefix, trivet_sp_prefix_bytes(framing));
        if (goes_on) {
            must(trivet_sp_prefix_parse(framing, prefix, &n_bytes) && n_bytes <= REQUEST_BYTES);
            goes_on = read_all(connection->fd, request, (size_t)n_bytes) &&
                      answer(connection, request, (size_t)n_bytes, reply);
        }
    }
    shutdown(connection->fd, SHUT_RDWR);
    trivet_arena_free(connection->arena);
    free(request);
    free(reply);
    return NULL;
}

static void *accept_all(void *argument)
{
    struct faulty_peer *peer = argument;
    for (;;) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL;
        }
        pthread_mutex_lock(&peer->lock);
        must(peer->n_connections < CONNECTIONS_MAX);
        struct connection *connection = &peer->connections[peer->n_connections++];
        connection->peer = peer;
        connection->fd = fd;
        must(pthread_create(&connection->thread, NULL, serve, connection) == 0);
        pthread_mutex_unlock(&peer->lock);
    }
}

static void listen_tcp(struct faulty_peer *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    must(getsockname(peer->listener, (struct sockaddr *)&address, &length) == 0);
    snprintf(peer->url, sizeof(peer->url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

static void listen_ipc(struct faulty_peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(peer->directory, sizeof(peer->directory), "/tmp/trivet-peer-XXXXXX");
    must(mkdtemp(peer->directory) != NULL);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/rpc", peer->directory);
    peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(bind(peer->listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    snprintf(peer->url, sizeof(peer->url), "ipc://%s/rpc", peer->directory);
}

struct faulty_peer *faulty_peer_start(bool ipc, enum fault fault)
{
    struct faulty_peer *peer = trivet_calloc(1, sizeof(*peer));
    must(peer != NULL);
    peer->fault = fault;
    peer->framing = ipc ? TRIVET_SP_FRAMING_IPC : TRIVET_SP_FRAMING_TCP;
    pthread_mutex_init(&peer->lock, NULL);
    if (ipc) {
        listen_ipc(peer);
    } else {
        listen_tcp(peer);
    }
    must(listen(peer->listener, 16) == 0);
    must(pthread_create(&peer->thread, NULL, accept_all, peer) == 0);
    return peer;
}

void faulty_peer_stop(struct faulty_peer *peer)
{
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
    for (size_t i = 0; i < peer->n_connections; i++) {
        shutdown(peer->connections[i].fd, SHUT_RDWR);
        pthread_join(peer->connections[i].thread, NULL);
        close(peer->connections[i].fd);
    }
    if (peer->framing == TRIVET_SP_FRAMING_IPC) {
        unlink(peer->url + strlen("ipc://"));
        rmdir(peer->directory);
    }
    pthread_mutex_destroy(&peer->lock);
    trivet_free(peer);
}

const char *faulty_peer_url(const struct faulty_peer *peer)
{
    return peer->url;
}

size_t faulty_peer_requests(struct faulty_peer *peer, bool *same_id)
{
    pthread_mutex_lock(&peer->lock);
    size_t n_requests = peer->n_requests;
    *same_id = peer->same_id;
    pthread_mutex_unlock(&peer->lock);
    return n_requests;
}
