#include "monitor/alerts/outbox.h"

#include "base/alloc.h"
#include "base/log.h"
#include "monitor/history/alerts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

struct held {
    uint64_t serial;
    char *body;
    size_t n_bytes;
};

struct trivet_outbox {
    struct trivet_history *history;
    pthread_mutex_t lock; /* the ring of what is held, and dropped */
    struct held held[TRIVET_OUTBOX_HELD_MAX];
    size_t first;
    size_t n_held;
    uint64_t next_serial;
    uint64_t dropped;
    /* Rows of the history up to this one were delivered: they may still be there, on a full disk.
     */
    _Atomic int64_t delivered_id;
    /* The taking thread's: what it was given. */
    int64_t given_id;      /* a row of the history, or 0 */
    uint64_t given_serial; /* else */
};

struct trivet_outbox *trivet_outbox_create(struct trivet_history *history)
{
    struct trivet_outbox *outbox = trivet_calloc(1, sizeof(*outbox));
    if (outbox != NULL) {
        outbox->history = history;
        pthread_mutex_init(&outbox->lock, NULL);
    }
    return outbox;
}

/* Under the lock. */
static void drop_first(struct trivet_outbox *outbox)
{
    trivet_free(outbox->held[outbox->first].body);
    outbox->first = (outbox->first + 1) % TRIVET_OUTBOX_HELD_MAX;
    outbox->n_held--;
}

bool trivet_outbox_holds(struct trivet_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    bool holds = outbox->n_held > 0;
    pthread_mutex_unlock(&outbox->lock);
    return holds;
}

void trivet_outbox_hold(struct trivet_outbox *outbox, const void *body, size_t n_bytes)
{
    char *copy = trivet_malloc(n_bytes + 1);
    if (copy != NULL) {
        memcpy(copy, body, n_bytes);
    }
    pthread_mutex_lock(&outbox->lock);
    if (copy == NULL || outbox->n_held == TRIVET_OUTBOX_HELD_MAX) {
        outbox->dropped++;
    }
    if (copy != NULL && outbox->n_held == TRIVET_OUTBOX_HELD_MAX) {
        drop_first(outbox);
    }
    if (copy != NULL) {
        size_t at = (outbox->first + outbox->n_held++) % TRIVET_OUTBOX_HELD_MAX;
        outbox->held[at] = (struct held){++outbox->next_serial, copy, n_bytes};
    }
    pthread_mutex_unlock(&outbox->lock);
}

void trivet_outbox_add(struct trivet_outbox *outbox, const void *body, size_t n_bytes)
{
    struct trivet_error err;
    bool holds = trivet_outbox_holds(outbox);
    if (!holds && trivet_history_webhook_add(outbox->history, body, n_bytes, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "webhook_queue_in_memory", "message=%s", err.message);
        holds = true;
    }
    if (holds) {
        trivet_outbox_hold(outbox, body, n_bytes);
    }
}

/* A copy of the first message in memory; false when there is none, or no room for it. */
static bool copy_first(struct trivet_outbox *outbox, struct trivet_buffer *body)
{
    pthread_mutex_lock(&outbox->lock);
    const struct held *first = &outbox->held[outbox->first];
    bool copied = outbox->n_held > 0 &&
                  trivet_buffer_append(body, first->body, first->n_bytes, NULL) == TRIVET_OK;
    outbox->given_serial = copied ? first->serial : 0;
    pthread_mutex_unlock(&outbox->lock);
    return copied;
}

/* The first one in memory, unless it made room for others meanwhile. */
static void remove_given(struct trivet_outbox *outbox)
{
    pthread_mutex_lock(&outbox->lock);
    if (outbox->n_held > 0 && outbox->held[outbox->first].serial == outbox->given_serial) {
        drop_first(outbox);
    }
    pthread_mutex_unlock(&outbox->lock);
}

/* What is in memory goes behind what is in the history, as soon as that can be written again. */
static void settle(struct trivet_outbox *outbox)
{
    struct trivet_buffer body = {0};
    struct trivet_error err;
    while (copy_first(outbox, &body) &&
           trivet_history_webhook_add(outbox->history, (const char *)body.data, body.n_bytes,
                                      &err) == TRIVET_OK) {
        remove_given(outbox);
        body.n_bytes = 0;
    }
    trivet_buffer_release(&body);
}

enum trivet_status trivet_outbox_next(struct trivet_outbox *outbox, struct trivet_buffer *body,
                                      bool *found, struct trivet_error *err)
{
    settle(outbox);
    enum trivet_status status = trivet_history_webhook_next(
        outbox->history, atomic_load(&outbox->delivered_id), &outbox->given_id, body, err);
    *found = status == TRIVET_OK && outbox->given_id != 0;
    if (!*found && copy_first(outbox, body)) {
        outbox->given_id = 0;
        *found = true;
        status = TRIVET_OK;
    }
    return status;
}

void trivet_outbox_done(struct trivet_outbox *outbox)
{
    struct trivet_error err;
    if (outbox->given_id == 0) {
        remove_given(outbox);
        return;
    }
    atomic_store(&outbox->delivered_id, outbox->given_id);
    if (trivet_history_webhook_done(outbox->history, outbox->given_id, &err) != TRIVET_OK) {
        /* It goes with the next one that can be deleted. */
        trivet_log(TRIVET_LOG_WARN, "webhook_queue_not_cleared", "message=%s", err.message);
    }
}

void trivet_outbox_state(struct trivet_outbox *outbox, struct trivet_outbox_state *out)
{
    struct trivet_error err;
    uint64_t dropped = 0;
    *out = (struct trivet_outbox_state){0};
    if (trivet_history_webhook_count(outbox->history, atomic_load(&outbox->delivered_id),
                                     &out->waiting, &dropped, &err) != TRIVET_OK) {
        out->waiting = 0;
    }
    pthread_mutex_lock(&outbox->lock);
    out->held = outbox->n_held;
    out->dropped = outbox->dropped + dropped;
    pthread_mutex_unlock(&outbox->lock);
    out->waiting += out->held;
}

void trivet_outbox_free(struct trivet_outbox *outbox)
{
    if (outbox == NULL) {
        return;
    }
    settle(outbox);
    while (outbox->n_held > 0) {
        drop_first(outbox);
    }
    pthread_mutex_destroy(&outbox->lock);
    trivet_free(outbox);
}
