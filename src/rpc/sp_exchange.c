#include "base/alloc.h"
#include "rpc/sp_loop.h"

#include <stdint.h>
#include <string.h>

void trivet_sp_reply_free(struct sp_reply *reply)
{
    trivet_free(reply);
}

#define FIRST_BLOCK_BYTES 1000 /* a reply or a few */
#define NEXT_BLOCK_BYTES  ((size_t)16 << 10)
#define SMALL_REPLY_BYTES                                                                          \
    ((size_t)2 << 10) /* larger ones get what they need: no room is wasted                         \
                       */

/* A block for the reply; on the loop's own thread with room for those that follow it. */
static struct sp_reply *make_block(const struct sp_exchange *exchange, bool own, size_t n_bytes)
{
    size_t capacity = n_bytes;
    if (own && n_bytes <= SMALL_REPLY_BYTES) {
        size_t usual = exchange->connection->replies == NULL ? FIRST_BLOCK_BYTES : NEXT_BLOCK_BYTES;
        capacity = n_bytes < usual ? usual : n_bytes;
    }
    struct sp_reply *reply = trivet_malloc(sizeof(*reply) + capacity);
    if (reply != NULL) {
        *reply = (struct sp_reply){.n_bytes = n_bytes, .capacity = capacity};
    }
    return reply;
}

static uint8_t *exchange_reserve(struct trivet_exchange *face, size_t n_bytes)
{
    struct sp_exchange *exchange = (struct sp_exchange *)face;
    struct sp_connection *connection = exchange->connection;
    trivet_sp_reply_free(exchange->reply);
    exchange->reply = NULL;
    exchange->in_place_bytes = 0;
    size_t prefix_bytes = trivet_sp_prefix_bytes(exchange->framing);
    size_t head_bytes = prefix_bytes + exchange->backtrace_bytes;
    if (n_bytes > SIZE_MAX / 2) {
        return NULL;
    }
    /* On its own thread a reply is sent as soon as it is packed: nothing comes in between. */
    bool own = trivet_sp_loop_current() == connection->loop;
    struct sp_reply *last = own ? connection->last_reply : NULL;
    uint8_t *at;
    if (last != NULL && last->capacity - last->n_bytes >= head_bytes + n_bytes) {
        exchange->in_place_bytes = head_bytes + n_bytes;
        at = last->bytes + last->n_bytes;
    } else {
        exchange->reply = make_block(exchange, own, head_bytes + n_bytes);
        if (exchange->reply == NULL) {
            return NULL;
        }
        at = exchange->reply->bytes;
    }
    trivet_sp_prefix_write(exchange->framing, exchange->backtrace_bytes + n_bytes, at);
    memcpy(at + prefix_bytes, face->data - exchange->backtrace_bytes, exchange->backtrace_bytes);
    return at + head_bytes;
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

/* Written when the connection was opened, and not since. */
static void exchange_peer(struct trivet_exchange *face, char text[TRIVET_PEER_BYTES])
{
    const struct sp_exchange *exchange = (const struct sp_exchange *)face;
    memcpy(text, exchange->connection->peer, TRIVET_PEER_BYTES);
}

const struct trivet_exchange_ops trivet_sp_exchange_ops = {
    .reserve = exchange_reserve,
    .send = exchange_send,
    .peer = exchange_peer,
};
