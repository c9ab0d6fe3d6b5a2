/* Alerts in the history, and the queue of what the webhook has to tell. */
#ifndef TRIVET_MONITOR_HISTORY_ALERTS_H
#define TRIVET_MONITOR_HISTORY_ALERTS_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "monitor/alerts/alerts.h"
#include "monitor/history/history.h"

#include <trivet/error.h>

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
 * ones beyond the newest TRIVET_ALERTS_RESOLVED_MAX. A message is queued for each from `first_told`
 * on that is firing or resolved; one that cannot be put into words is told in the log. */
enum trivet_status trivet_history_save_alerts(struct trivet_history *history,
                                              const struct trivet_alert *alerts, size_t n_alerts,
                                              size_t first_told,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* Queue one more message, a JSON object. */
enum trivet_status trivet_history_webhook_add(struct trivet_history *history, const void *body,
                                              size_t n_bytes,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* The oldest message that waits behind number `after`: its number and its text, after what `body`
 * holds. `*id` 0 = none. */
enum trivet_status trivet_history_webhook_next(struct trivet_history *history, int64_t after,
                                               int64_t *id, struct trivet_buffer *body,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* All up to this one were delivered. */
enum trivet_status trivet_history_webhook_done(struct trivet_history *history, int64_t id,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* How many wait behind number `after`, and how many went untold since the history was opened. */
enum trivet_status trivet_history_webhook_count(struct trivet_history *history, int64_t after,
                                                uint64_t *n, uint64_t *dropped,
                                                struct trivet_error *err) TRIVET_MUST_USE;

#endif
