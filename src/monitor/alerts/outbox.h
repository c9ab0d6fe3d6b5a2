/* What the webhook has to tell, oldest first: in the history's queue, and in memory while the
 * history cannot be written, both bounded. Any thread adds; one thread takes out. */
#ifndef TRIVET_MONITOR_OUTBOX_H
#define TRIVET_MONITOR_OUTBOX_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/history/history.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages in memory; beyond, the oldest go. */
#define TRIVET_OUTBOX_HELD_MAX 1000

struct trivet_outbox;

/* `history` is borrowed. NULL when out of memory. */
struct trivet_outbox *trivet_outbox_create(struct trivet_history *history);
/* What is still in memory goes into the history, if that can be written by now. */
void trivet_outbox_free(struct trivet_outbox *outbox);

/* Whether messages are in memory: those that follow belong behind them. Any thread. */
bool trivet_outbox_holds(struct trivet_outbox *outbox);
/* Keep a message, a JSON object, in memory. Any thread. */
void trivet_outbox_hold(struct trivet_outbox *outbox, const void *body, size_t n_bytes);
/* Put a message into the history, or, when that fails, keep it in memory. Any thread. */
void trivet_outbox_add(struct trivet_outbox *outbox, const void *body, size_t n_bytes);

/* The oldest message that waits, after what `body` holds; `*found` false when there is none. The
 * thread that takes out, as the next. Errors of reading the history, when memory has none. */
enum trivet_status trivet_outbox_next(struct trivet_outbox *outbox, struct trivet_buffer *body,
                                      bool *found, struct trivet_error *err) TRIVET_MUST_USE;
/* The message given last is done with. It does not come again in this life of the program, even
 * when the history cannot be written. */
void trivet_outbox_done(struct trivet_outbox *outbox);

struct trivet_outbox_state {
    uint64_t waiting; /* those in the history are not counted while it cannot be read */
    uint64_t held;    /* of them, in memory */
    uint64_t dropped; /* went untold, as too many waited */
};
/* Any thread. */
void trivet_outbox_state(struct trivet_outbox *outbox, struct trivet_outbox_state *out);

#endif
