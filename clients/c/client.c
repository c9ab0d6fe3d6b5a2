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

enum trivet_status trivet_client_open(const struct trivet_client_options *options,
                                      struct trivet_client **out, struct trivet_error *err)
{
    static const struct trivet_client_options defaults;
    const struct trivet_client_options *set = options != NULL ? options : &defaults;
    struct trivet_client *client = trivet_calloc(1, sizeof(*client));
    if (client == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a client");
    }
    client->connect_timeout_ms =
        set->connect_timeout_ms > 0 ? set->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->call_timeout_ms = set->call_timeout_ms > 0 ? set->call_timeout_ms : CALL_TIMEOUT_MS;
    client->down_since_ns = trivet_clock_monotonic_ns();
    const char *url = set->url != NULL ? set->url : TRIVET_DEFAULT_URL;
    if (!trivet_text_copy(client->url, sizeof(client->url), url)) {
        trivet_free(client);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the server's address is longer than %d bytes",
                                TRIVET_URL_BYTES - 1);
    }
    if (nng_req0_open(&client->socket) != 0) {
        trivet_free(client);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "cannot open a socket; memory or "
                                "threads are used up");
    }
    pthread_mutex_init(&client->lock, NULL);
    enum trivet_status status = TRIVET_OK;
    int rv = configure(client, set->reply_bytes_max > 0 ? set->reply_bytes_max : REPLY_BYTES_MAX);
    if (rv != 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "an option was refused: %s",
                                  nng_strerror(rv));
        goto done;
    }
    status = connect_to_server(client, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    *out = client;
    client = NULL;
done:
    trivet_client_close(client);
    return status;
}

void trivet_client_close(struct trivet_client *client)
{
    if (client == NULL) {
        return;
    }
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
    if (!trivet_sp_hang_up(client->socket)) {
        return; /* on_pipe may still run: its memory stays */
    }
    pthread_mutex_destroy(&client->lock);
    trivet_free(client);
}

enum trivet_status trivet_client_call(struct trivet_client *client, const char *method,
                                      const void *body, size_t body_bytes, const char *request_id,
                                      int timeout_ms, struct trivet_reply *out,
                                      struct trivet_error *err)
{
    struct trivet_request *call = NULL;
    enum trivet_status status = trivet_request_take(client, &call, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_request_start(call, method, body, body_bytes, request_id, timeout_ms, err);
    if (status == TRIVET_OK) {
        status = trivet_request_finish(call, out, err);
    }
    trivet_request_put(call);
    return status;
}
