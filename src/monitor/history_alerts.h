/* Alerts in the history, and the queue of what the webhook has to tell. */
#ifndef TRIVET_MONITOR_HISTORY_ALERTS_H
#define TRIVET_MONITOR_HISTORY_ALERTS_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts.h"
#include "monitor/history.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages that wait for the webhook; beyond, the oldest go. */
#define TRIVET_WEBHOOK_QUEUE_MAX 1000

/* Hands every stored alert to `take`, oldest first. */
enum trivet_status trivet_history_load_alerts(
    struct trivet_history *history,
    void (*take)(void *context, const struct trivet_alert *alert, int64_t now_us), void *context,
    int64_t now_us, struct trivet_error *err) TRIVET_MUST_USE;
/* Store alerts as they are now, in one transaction; one that is inactive goes, and so do resolved
 * ones beyond the newest TRIVET_ALERTS_RESOLVED_MAX. With `webhook`, a message is queued for each
 * that is firing or resolved. */
enum trivet_status trivet_history_save_alerts(struct trivet_history *history,
                                              const struct trivet_alert *alerts, size_t n_alerts,
                                              bool webhook,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* Queue one more message, a JSON object. */
enum trivet_status trivet_history_webhook_add(struct trivet_history *history, const char *body,
                                              size_t n_bytes,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* The oldest message that waits: its number and its text, after what `body` holds. `*id` 0 = none.
 */
enum trivet_status trivet_history_webhook_next(struct trivet_history *history, int64_t *id,
                                               struct trivet_buffer *body,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* It was delivered. */
enum trivet_status trivet_history_webhook_done(struct trivet_history *history, int64_t id,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* How many wait. */
enum trivet_status trivet_history_webhook_count(struct trivet_history *history, uint64_t *n,
                                                struct trivet_error *err) TRIVET_MUST_USE;

#endif
