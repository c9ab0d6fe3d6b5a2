/* Threads: broadcast and tick run on the owner's threads; read and release on the server's.
 * Lock order: hub, then libmicrohttpd's own. */
#include "httpd/sse.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "httpd/internal.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define SSE_BLOCK_BYTES 16384

struct sse_client {
    struct trivet_sse_hub *hub;
    struct MHD_Connection *connection;
    int fd; /* open as long as the client is in the hub's list */
    struct trivet_buffer pending;
    size_t sent_bytes; /* of pending */
    bool suspended;
    bool closed;
    struct sse_client *next;
};

struct trivet_sse_hub {
    pthread_mutex_t lock; /* all that follows, and the clients */
    struct trivet_sse_options options;
    struct sse_client *clients;
    size_t n_clients;
    uint64_t dropped;
    struct trivet_buffer newest; /* the newest event as sent … */
    int64_t newest_ns;           /* … and when */
    int64_t last_sent_ns;
    bool closed;
};

struct trivet_sse_hub *trivet_sse_create(const struct trivet_sse_options *options)
{
    struct trivet_sse_hub *hub = trivet_calloc(1, sizeof(*hub));
    if (hub == NULL) {
        return NULL;
    }
    if (options != NULL) {
        hub->options = *options;
    }
    if (hub->options.clients_max == 0) {
        hub->options.clients_max = 32;
    }
    if (hub->options.buffer_bytes_max == 0) {
        hub->options.buffer_bytes_max = (size_t)4 << 20;
    }
    if (hub->options.heartbeat_s == 0) {
        hub->options.heartbeat_s = 10;
    }
    if (hub->options.replay_ms == 0) {
        hub->options.replay_ms = 1500;
    }
    pthread_mutex_init(&hub->lock, NULL);
    hub->last_sent_ns = trivet_clock_monotonic_ns();
    return hub;
}

void trivet_sse_free(struct trivet_sse_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    trivet_buffer_release(&hub->newest);
    pthread_mutex_destroy(&hub->lock);
    trivet_free(hub);
}

/* Under the lock. */
static void client_wake(struct sse_client *client)
{
    if (client->suspended) {
        client->suspended = false;
        trivet_mhd.resume_connection(client->connection);
    }
}

/* Under the lock: the connection is shut down at once, its client is freed by the server's thread
 * when that notices. */
static void client_cut(struct sse_client *client)
{
    client->closed = true;
    client->hub->dropped++;
    trivet_buffer_release(&client->pending);
    client->sent_bytes = 0;
    (void)shutdown(client->fd, SHUT_RDWR);
    client_wake(client);
}

/* Under the lock. */
static void client_send(struct sse_client *client, const void *data, size_t n_bytes)
{
    struct trivet_buffer *pending = &client->pending;
    size_t left = pending->n_bytes - client->sent_bytes;
    if (client->closed) {
        return;
    }
    if (client->sent_bytes > 0) {
        memmove(pending->data, pending->data + client->sent_bytes, left);
        pending->n_bytes = left;
        client->sent_bytes = 0;
    }
    if (n_bytes > client->hub->options.buffer_bytes_max - left ||
        trivet_buffer_append(pending, data, n_bytes, NULL) != TRIVET_OK) {
        client_cut(client);
        return;
    }
    client_wake(client);
}

/* Under the lock. */
static void hub_send(struct trivet_sse_hub *hub, const void *data, size_t n_bytes)
{
    for (struct sse_client *client = hub->clients; client != NULL; client = client->next) {
        client_send(client, data, n_bytes);
    }
    hub->last_sent_ns = trivet_clock_monotonic_ns();
}

/* "event: NAME", one "data: " line per line of text, and the empty line that ends an event. */
static enum trivet_status frame_event(const char *event, const char *data, size_t data_bytes,
                                      struct trivet_buffer *out)
{
    const char *end = data + data_bytes;
    enum trivet_status status = trivet_buffer_printf(out, NULL, "event: %s\n", event);
    while (status == TRIVET_OK) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *line_end = newline != NULL ? newline : end;
        status = trivet_buffer_append(out, "data: ", 6, NULL);
        if (status == TRIVET_OK) {
            status = trivet_buffer_append(out, data, (size_t)(line_end - data), NULL);
        }
        if (status == TRIVET_OK) {
            status = trivet_buffer_append(out, "\n", 1, NULL);
        }
        if (newline == NULL) {
            break;
        }
        data = newline + 1;
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "\n", 1, NULL) : status;
}

void trivet_sse_broadcast(struct trivet_sse_hub *hub, const char *event, const char *data,
                          size_t data_bytes)
{
    struct trivet_buffer framed = {0};
    if (frame_event(event, data, data_bytes, &framed) != TRIVET_OK) {
        trivet_buffer_release(&framed); /* this one event is skipped; the next tries again */
        return;
    }
    pthread_mutex_lock(&hub->lock);
    hub_send(hub, framed.data, framed.n_bytes);
    trivet_buffer_release(&hub->newest);
    hub->newest = framed;
    hub->newest_ns = hub->last_sent_ns;
    pthread_mutex_unlock(&hub->lock);
}

void trivet_sse_tick(struct trivet_sse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    int64_t silent_ns = trivet_clock_monotonic_ns() - hub->last_sent_ns;
    if (silent_ns >= (int64_t)hub->options.heartbeat_s * TRIVET_NS_PER_S) {
        hub_send(hub, ":\n\n", 3);
    }
    pthread_mutex_unlock(&hub->lock);
}

void trivet_sse_close(struct trivet_sse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    hub->closed = true;
    for (struct sse_client *client = hub->clients; client != NULL; client = client->next) {
        client->closed = true;
        client_wake(client);
    }
    pthread_mutex_unlock(&hub->lock);
}

size_t trivet_sse_clients(struct trivet_sse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    size_t n = hub->n_clients;
    pthread_mutex_unlock(&hub->lock);
    return n;
}

uint64_t trivet_sse_dropped(struct trivet_sse_hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    uint64_t n = hub->dropped;
    pthread_mutex_unlock(&hub->lock);
    return n;
}

/* The server wants bytes for the socket. Suspending happens under the lock, so that a broadcast
 * either is seen here or sees `suspended`. */
static ssize_t client_read(void *cls, uint64_t position, char *out, size_t max_bytes)
{
    (void)position;
    struct sse_client *client = cls;
    ssize_t result = 0;
    pthread_mutex_lock(&client->hub->lock);
    size_t left = client->pending.n_bytes - client->sent_bytes;
    size_t n = left < max_bytes ? left : max_bytes;
    if (n > 0) {
        memcpy(out, client->pending.data + client->sent_bytes, n);
        client->sent_bytes += n;
        result = (ssize_t)n;
    } else if (client->closed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        client->suspended = true;
        trivet_mhd.suspend_connection(client->connection);
    }
    pthread_mutex_unlock(&client->hub->lock);
    return result;
}

/* The connection ends: called before the server closes its socket. */
static void client_release(void *cls)
{
    struct sse_client *client = cls;
    struct trivet_sse_hub *hub = client->hub;
    pthread_mutex_lock(&hub->lock);
    for (struct sse_client **at = &hub->clients; *at != NULL; at = &(*at)->next) {
        if (*at == client) {
            *at = client->next;
            hub->n_clients--;
            break;
        }
    }
    pthread_mutex_unlock(&hub->lock);
    trivet_buffer_release(&client->pending);
    trivet_free(client);
}

/* Into the list, with the newest event unless that is old; false when the hub is closed or full. */
static bool client_join(struct sse_client *client)
{
    static const char hello[] = "retry: 2000\n\n";
    struct trivet_sse_hub *hub = client->hub;
    pthread_mutex_lock(&hub->lock);
    bool joins = !hub->closed && hub->n_clients < hub->options.clients_max;
    if (joins) {
        client->next = hub->clients;
        hub->clients = client;
        hub->n_clients++;
        client_send(client, hello, sizeof(hello) - 1);
        int64_t age_ns = trivet_clock_monotonic_ns() - hub->newest_ns;
        if (hub->newest.n_bytes > 0 &&
            age_ns <= (int64_t)hub->options.replay_ms * TRIVET_NS_PER_MS) {
            client_send(client, hub->newest.data, hub->newest.n_bytes);
        }
    }
    pthread_mutex_unlock(&hub->lock);
    return joins;
}

enum MHD_Result trivet_sse_attach(struct trivet_sse_hub *hub, struct MHD_Connection *connection,
                                  int *full)
{
    *full = 0;
    const union MHD_ConnectionInfo *info =
        trivet_mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sse_client *client = info != NULL ? trivet_calloc(1, sizeof(*client)) : NULL;
    if (client == NULL) {
        return MHD_NO;
    }
    client->hub = hub;
    client->connection = connection;
    client->fd = info->connect_fd;
    struct MHD_Response *response = trivet_mhd.response_from_callback(
        MHD_SIZE_UNKNOWN, SSE_BLOCK_BYTES, client_read, client, client_release);
    if (response == NULL) {
        trivet_free(client);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (!client_join(client)) {
        *full = 1;
    } else {
        trivet_httpd_add_headers(response, "text/event-stream; charset=utf-8");
        result = trivet_mhd.queue_response(connection, MHD_HTTP_OK, response);
    }
    trivet_mhd.destroy_response(response); /* the last reference goes with the connection */
    return result;
}
