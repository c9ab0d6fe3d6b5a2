#include "base/alloc.h"
#include "rpc/sp_loop.h"

#include <stdint.h>
#include <string.h>

void trivet_sp_reply_free(struct sp_reply *reply)
{
    trivet_free(reply);
}

static uint8_t *exchange_reserve(struct trivet_exchange *face, size_t n_bytes)
{
    struct sp_exchange *exchange = (struct sp_exchange *)face;
    trivet_sp_reply_free(exchange->reply);
    exchange->reply = NULL;
    size_t prefix_bytes = trivet_sp_prefix_bytes(exchange->framing);
    size_t head_bytes = prefix_bytes + exchange->backtrace_bytes;
    if (n_bytes > SIZE_MAX / 2) {
        return NULL;
    }
    struct sp_reply *reply = trivet_malloc(sizeof(*reply) + head_bytes + n_bytes);
    if (reply == NULL) {
        return NULL;
    }
    reply->next = NULL;
    reply->n_bytes = head_bytes + n_bytes;
    trivet_sp_prefix_write(exchange->framing, exchange->backtrace_bytes + n_bytes, reply->bytes);
    memcpy(reply->bytes + prefix_bytes, face->data - exchange->backtrace_bytes,
           exchange->backtrace_bytes);
    exchange->reply = reply;
    return reply->bytes + head_bytes;
}

static void exchange_send(struct trivet_exchange *face)
{
    struct sp_exchange *exchange = (struct sp_exchange *)face;
    struct sp_loop *loop = exchange->connection->loop;
    if (trivet_sp_loop_current() == loop) {
        trivet_sp_connection_finish(exchange);
    } else {
        trivet_sp_loop_return(loop, exchange);
    }
}

const struct trivet_exchange_ops trivet_sp_exchange_ops = {
    .reserve = exchange_reserve,
    .send = exchange_send,
};
