/* The rules at work: once a second what the monitor knows is judged, changes are stored with the
 * history and handed on (to the live page, to the webhook's queue).
 *
 * DESIGN. The main thread ticks; any thread reads. The watch's lock comes before the monitor's.
 * Nothing is written under either: changes are copied out. Those whose store failed are kept, the
 * newest state of each alert, and stored with a later tick; the webhook is told of them from memory
 * meanwhile. */
#ifndef TRIVET_MONITOR_ALERT_WATCH_H
#define TRIVET_MONITOR_ALERT_WATCH_H

#include "base/compiler.h"
#include "monitor/alerts/alerts.h"
#include "monitor/alerts/outbox.h"
#include "monitor/history/history.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_alert_watch;

struct trivet_alert_watch_options {
    struct trivet_monitor *monitor;         /* borrowed */
    struct trivet_history *history;         /* borrowed; NULL = nothing is kept */
    const struct trivet_alert_rules *rules; /* borrowed */
    struct trivet_outbox
        *outbox; /* borrowed; changes to and from firing go there; NULL = nowhere */
    /* Told of every change, on the thread that ticks, without a lock; NULL = nobody. */
    void (*on_change)(void *context, const struct trivet_alert *alert);
    void *context;
};

/* With the alerts that the history has. RESOURCE_EXHAUSTED, and errors of reading the history. */
enum trivet_status trivet_alert_watch_create(const struct trivet_alert_watch_options *options,
                                             int64_t now_us, struct trivet_alert_watch **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
void trivet_alert_watch_free(struct trivet_alert_watch *watch);

/* One thread. The status is that of storing; judging goes on whatever it is. */
enum trivet_status trivet_alert_watch_tick(struct trivet_alert_watch *watch, int64_t now_us,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* One firing alert of a model, for who acts on it. */
struct trivet_alert_firing {
    uint64_t id; /* of the incident: the same as long as it fires */
    enum trivet_alert_kind kind;
    uint64_t version;
    int64_t since_us; /* when it began to fire */
    char rule[TRIVET_ALERT_NAME_BYTES];
};

/* The firing alerts of `model`, oldest first, at most `n_max`; how many were written. Any thread.
 */
size_t trivet_alert_watch_firing(struct trivet_alert_watch *watch, const char *model,
                                 struct trivet_alert_firing *out, size_t n_max);

/* Between these two, the engine may be read. Any thread. */
const struct trivet_alerts *trivet_alert_watch_lock(struct trivet_alert_watch *watch);
void trivet_alert_watch_unlock(struct trivet_alert_watch *watch);
const struct trivet_alert_rules *trivet_alert_watch_rules(const struct trivet_alert_watch *watch);

#endif
