#include "monitor/loop/client.h"

#include "wire/codec.h"

#include <stdbool.h>

#define CONNECT_TIMEOUT_MS 1000
#define LOOK_MS            200
#define REPLY_BYTES_MAX    ((size_t)64 << 20)
#define ARENA_BUDGET_BYTES ((size_t)256 << 20)
#define ARENA_KEEP_BYTES   ((size_t)64 << 10)

struct trivet_arena *trivet_loop_client_arena(void)
{
    return trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES);
}

enum trivet_status trivet_loop_client_init(struct trivet_loop_client *client, const char *url,
                                           struct trivet_error *err)
{
    client->url = url;
    client->client = NULL;
    atomic_init(&client->stopping, false);
    client->arena = trivet_loop_client_arena();
    if (client->arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop");
    }
    return TRIVET_OK;
}

void trivet_loop_client_release(struct trivet_loop_client *client)
{
    trivet_client_close(client->client);
    client->client = NULL;
    trivet_arena_free(client->arena);
    client->arena = NULL;
}

/* The one call of a pipeline. */
struct pending {
    struct trivet_arena *arena;
    const ProtobufCMessageDescriptor *answer_type;
    bool ended;
    enum trivet_status status;
    ProtobufCMessage *answer;
    struct trivet_error err;
};

static void on_done(void *context, void *tag, enum trivet_status status,
                    const struct trivet_reply *reply, const struct trivet_error *err)
{
    (void)tag;
    struct pending *pending = context;
    if (pending->ended) {
        return;
    }
    pending->ended = true;
    pending->status = status;
    if (status == TRIVET_OK) {
        pending->status = trivet_codec_unpack(pending->answer_type, pending->arena, reply->body,
                                              reply->body_bytes, &pending->answer, &pending->err);
    } else {
        pending->err = *err;
    }
}

/* A pipeline of one call, since that can be given up. */
static enum trivet_status exchange(struct trivet_loop_client *client, const char *method,
                                   const struct trivet_buffer *body, const char *request_id,
                                   int timeout_ms, struct pending *pending,
                                   struct trivet_error *err)
{
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error waited;
    enum trivet_status status = trivet_pipeline_open(client->client, 1, TRIVET_WHEN_FULL_REFUSE,
                                                     on_done, pending, &pipeline, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_submit(pipeline, method, body->data, body->n_bytes, request_id,
                                        timeout_ms, NULL, err);
    }
    while (status == TRIVET_OK && !pending->ended) {
        if (atomic_load(&client->stopping)) {
            status = trivet_error_set(err, TRIVET_CANCELLED, "the monitor ends");
        } else if (trivet_pipeline_wait(pipeline, LOOK_MS, &waited) != TRIVET_OK &&
                   waited.status != TRIVET_DEADLINE_EXCEEDED && !pending->ended) {
            *err = waited;
            status = waited.status;
        }
    }
    trivet_pipeline_close(pipeline);
    if (status == TRIVET_OK && pending->status != TRIVET_OK) {
        *err = pending->err;
        status = pending->status;
    }
    return status;
}

enum trivet_status trivet_loop_client_call(struct trivet_loop_client *client, const char *method,
                                           const ProtobufCMessage *request, const char *request_id,
                                           int timeout_ms,
                                           const ProtobufCMessageDescriptor *answer_type,
                                           ProtobufCMessage **out, struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    struct pending pending = {.arena = client->arena, .answer_type = answer_type};
    const struct trivet_client_options options = {
        .url = client->url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .reply_bytes_max = REPLY_BYTES_MAX,
    };
    enum trivet_status status =
        client->client != NULL ? TRIVET_OK : trivet_client_open(&options, &client->client, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(request, &body, err);
    }
    if (status == TRIVET_OK) {
        status = exchange(client, method, &body, request_id, timeout_ms, &pending, err);
    }
    if (status == TRIVET_UNAVAILABLE || status == TRIVET_DEADLINE_EXCEEDED) {
        /* A new connection with the next call: the server may have come back elsewhere. */
        trivet_client_close(client->client);
        client->client = NULL;
    }
    trivet_buffer_release(&body);
    if (status == TRIVET_OK) {
        *out = pending.answer;
    }
    return status;
}
