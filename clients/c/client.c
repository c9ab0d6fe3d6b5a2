/* The connection: open, close, one blocking call. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "clients/c/dial.h"
#include "clients/c/request.h"
#include "sp/hang_up.h"

#include <nng/protocol/reqrep0/req.h>

#define CONNECT_TIMEOUT_MS   5000
#define CALL_TIMEOUT_MS      30000
#define REPLY_BYTES_MAX      ((size_t)64 * 1024 * 1024)
#define RECONNECT_FIRST_MS   50
#define RECONNECT_SLOWEST_MS 1000

/* nng's threads. Only our own lock is taken, and nng is never called from here. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct trivet_client *client = argument;
    int id = nng_pipe_id(pipe);
    pthread_mutex_lock(&client->lock);
    if (event == NNG_PIPE_EV_ADD_POST) {
        client->live_pipe = id;
        client->was_connected = true;
    } else if (client->live_pipe == id) {
        client->live_pipe = 0;
        client->down_since_ns = trivet_clock_monotonic_ns();
    }
    pthread_mutex_unlock(&client->lock);
}

static int configure(struct trivet_client *client, size_t reply_bytes_max)
{
    nng_socket socket = client->socket;
    int rv = nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, reply_bytes_max);
    rv = rv != 0 ? rv : nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    rv = rv != 0 ? rv : nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_FIRST_MS);
    rv = rv != 0 ? rv : nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_SLOWEST_MS);
    rv = rv != 0 ? rv : nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, client);
    return rv != 0 ? rv : nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, client);
}

static enum trivet_status connect_to_server(struct trivet_client *client, struct trivet_error *err)
{
    enum trivet_status status = trivet_dial(client->socket, client->url, client->connect_timeout_ms,
                                            "a Trivet server", err);
    if (status != TRIVET_OK) {
        return status;
    }
    pthread_mutex_lock(&client->lock);
    bool connected = client->was_connected;
    pthread_mutex_unlock(&client->lock);
    if (!connected) { /* dialled, and then refused for its protocol */
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "what listens at %s does not answer calls; give the server's RPC "
                                "address, not that of its events",
                                client->url);
    }
    return TRIVET_OK;
}

static enum trivet_status open_nng(struct trivet_client *client, size_t reply_bytes_max,
                                   struct trivet_error *err)
{
    if (nng_req0_open(&client->socket) != 0) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "cannot open a socket; memory or "
                                "threads are used up");
    }
    client->has_socket = true;
    int rv = configure(client, reply_bytes_max);
    if (rv != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "an option was refused: %s",
                                nng_strerror(rv));
    }
    return connect_to_server(client, err);
}

static int or_default(int given, int otherwise)
{
    return given > 0 ? given : otherwise;
}

enum trivet_status trivet_client_open(const struct trivet_client_options *options,
                                      struct trivet_client **out, struct trivet_error *err)
{
    static const struct trivet_client_options defaults;
    const struct trivet_client_options *set = options != NULL ? options : &defaults;
    struct trivet_client *client = trivet_calloc(1, sizeof(*client));
    if (client == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a client");
    }
    pthread_mutex_init(&client->lock, NULL);
    client->connect_timeout_ms = or_default(set->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    client->call_timeout_ms = or_default(set->call_timeout_ms, CALL_TIMEOUT_MS);
    client->down_since_ns = trivet_clock_monotonic_ns();
    size_t reply_bytes_max = set->reply_bytes_max > 0 ? set->reply_bytes_max : REPLY_BYTES_MAX;
    const char *url = set->url != NULL ? set->url : TRIVET_DEFAULT_URL;
    enum trivet_status status = TRIVET_OK;
    if (!trivet_text_copy(client->url, sizeof(client->url), url)) {
        status =
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "the server's address is longer than %d bytes", TRIVET_URL_BYTES - 1);
    } else if (trivet_address_is_ours(url)) {
        const struct trivet_pool_options pool_options = {
            .url = url,
            .connect_timeout_ms = client->connect_timeout_ms,
            .reconnect_first_ms = or_default(set->reconnect_first_ms, RECONNECT_FIRST_MS),
            .reconnect_slowest_ms = or_default(set->reconnect_slowest_ms, RECONNECT_SLOWEST_MS),
            .reply_bytes_max = reply_bytes_max,
        };
        status = trivet_pool_create(&pool_options, &client->pool, err);
    } else {
        status = open_nng(client, reply_bytes_max, err);
    }
    if (status != TRIVET_OK) {
        trivet_client_close(client);
        return status;
    }
    *out = client;
    return TRIVET_OK;
}

static void free_idle(struct trivet_client *client)
{
    struct trivet_request *call = NULL;
    do {
        pthread_mutex_lock(&client->lock);
        size_t n_idle = client->n_idle;
        pthread_mutex_unlock(&client->lock);
        call = NULL;
        if (n_idle > 0 && trivet_request_take(client, &call, NULL) == TRIVET_OK) {
            trivet_request_free(call);
        }
    } while (call != NULL);
}

void trivet_client_close(struct trivet_client *client)
{
    if (client == NULL) {
        return;
    }
    trivet_pool_free(client->pool);
    if (client->has_socket) {
        free_idle(client);
        if (!trivet_sp_hang_up(client->socket)) {
            return; /* on_pipe may still run: its memory stays */
        }
    }
    pthread_mutex_destroy(&client->lock);
    trivet_free(client);
}

static enum trivet_status call_by_nng(struct trivet_client *client, const struct trivet_call *given,
                                      trivet_reply_take take, void *context,
                                      struct trivet_error *err)
{
    struct trivet_request *call = NULL;
    struct trivet_reply reply = {0};
    enum trivet_status status = trivet_request_take(client, &call, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_request_start(call, given, err);
    if (status == TRIVET_OK) {
        status = trivet_request_finish(call, &reply, err);
    }
    trivet_request_put(call);
    if (status == TRIVET_OK) {
        status = take(context, &reply, err);
        trivet_reply_release(&reply);
    }
    return status;
}

enum trivet_status trivet_client_take_reply(struct trivet_client *client, const char *method,
                                            const void *body, size_t body_bytes,
                                            const char *request_id, int timeout_ms,
                                            trivet_reply_take take, void *context,
                                            struct trivet_error *err)
{
    struct trivet_call call;
    enum trivet_status status =
        trivet_call_init(&call, method, body, body_bytes, request_id,
                         or_default(timeout_ms, client->call_timeout_ms), err);
    if (status != TRIVET_OK) {
        return status;
    }
    return client->pool != NULL ? trivet_pool_call(client->pool, &call, take, context, err)
                                : call_by_nng(client, &call, take, context, err);
}

enum trivet_status trivet_client_call(struct trivet_client *client, const char *method,
                                      const void *body, size_t body_bytes, const char *request_id,
                                      int timeout_ms, struct trivet_reply *out,
                                      struct trivet_error *err)
{
    return trivet_client_take_reply(client, method, body, body_bytes, request_id, timeout_ms,
                                    trivet_reply_copy, out, err);
}
