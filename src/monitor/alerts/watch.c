#include "monitor/alerts/watch.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/alerts/facts.h"
#include "monitor/alerts/message.h"
#include "monitor/history/alerts.h"

#include <pthread.h>
#include <string.h>

#define US_PER_S 1000000LL

struct trivet_alert_watch {
    struct trivet_alert_watch_options options;
    struct trivet_alert_facts *facts; /* the ticking thread's, under the monitor's lock */
    pthread_mutex_t lock;             /* alerts */
    struct trivet_alerts *alerts;
    /* The ticking thread's: alerts that are not stored yet as they are, of which the webhook is
     * told already; behind them, for the length of a tick, what has changed. */
    struct trivet_alert unsaved[2 * TRIVET_ALERTS_ACTIVE_MAX];
    size_t n_unsaved;
};

static void restore(void *context, const struct trivet_alert *alert, int64_t now_us)
{
    trivet_alerts_restore(context, alert, now_us);
}

enum trivet_status trivet_alert_watch_create(const struct trivet_alert_watch_options *options,
                                             int64_t now_us, struct trivet_alert_watch **out,
                                             struct trivet_error *err)
{
    struct trivet_alert_watch *watch = trivet_calloc(1, sizeof(*watch));
    if (watch == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for alerts");
    }
    watch->options = *options;
    pthread_mutex_init(&watch->lock, NULL);
    watch->alerts = trivet_alerts_create(options->rules, now_us);
    watch->facts = trivet_alert_facts_create(options->monitor, options->rules, now_us);
    enum trivet_status status = TRIVET_OK;
    if (watch->alerts == NULL || watch->facts == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for alerts");
    } else if (options->history != NULL) {
        status = trivet_history_load_alerts(options->history, restore, watch->alerts, now_us, err);
    }
    if (status != TRIVET_OK) {
        trivet_alert_watch_free(watch);
        return status;
    }
    *out = watch;
    return TRIVET_OK;
}

void trivet_alert_watch_free(struct trivet_alert_watch *watch)
{
    if (watch != NULL) {
        trivet_alert_facts_free(watch->facts);
        trivet_alerts_free(watch->alerts);
        pthread_mutex_destroy(&watch->lock);
        trivet_free(watch);
    }
}

static void tell(struct trivet_alert_watch *watch, const struct trivet_alert *alert)
{
    struct trivet_buffer body = {0};
    struct trivet_error err;
    if (watch->options.outbox == NULL || alert->state == TRIVET_ALERT_PENDING ||
        alert->state == TRIVET_ALERT_INACTIVE) {
        return;
    }
    if (trivet_alert_message(alert, &body, &err) == TRIVET_OK) {
        trivet_outbox_hold(watch->options.outbox, body.data, body.n_bytes);
    } else {
        trivet_log(TRIVET_LOG_ERROR, "alert_not_told", "id=%llu rule=%s message=%s",
                   (unsigned long long)alert->id, alert->rule, err.message);
    }
    trivet_buffer_release(&body);
}

/* Of alerts that have ended the oldest goes when there is no room: it was told of. */
static void make_room(struct trivet_alert_watch *watch)
{
    size_t at = 0;
    while (at + 1 < watch->n_unsaved && watch->unsaved[at].state != TRIVET_ALERT_RESOLVED &&
           watch->unsaved[at].state != TRIVET_ALERT_INACTIVE) {
        at++;
    }
    watch->n_unsaved--;
    memmove(&watch->unsaved[at], &watch->unsaved[at + 1],
            (watch->n_unsaved - at) * sizeof(watch->unsaved[0]));
}

/* What has changed becomes part of what is not stored yet: one entry per alert. */
static void keep(struct trivet_alert_watch *watch, const struct trivet_alert *changed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct trivet_alert alert = changed[i]; /* the list grows up to where it lies */
        size_t at = 0;
        while (at < watch->n_unsaved && watch->unsaved[at].id != alert.id) {
            at++;
        }
        if (at == TRIVET_ALERTS_ACTIVE_MAX) {
            make_room(watch);
            at--;
        }
        watch->n_unsaved = at == watch->n_unsaved ? at + 1 : watch->n_unsaved;
        watch->unsaved[at] = alert;
    }
}

/* The last `n_new` of what is there are changes that nobody has heard of. */
static enum trivet_status store(struct trivet_alert_watch *watch, size_t n_new,
                                struct trivet_error *err)
{
    size_t n = watch->n_unsaved + n_new;
    struct trivet_outbox *outbox = watch->options.outbox;
    bool holds = outbox != NULL && trivet_outbox_holds(outbox);
    size_t first_told = outbox != NULL && !holds ? watch->n_unsaved : n;
    enum trivet_status status =
        trivet_history_save_alerts(watch->options.history, watch->unsaved, n, first_told, err);
    for (size_t i = watch->n_unsaved; i < n && (holds || status != TRIVET_OK); i++) {
        tell(watch, &watch->unsaved[i]);
    }
    if (status == TRIVET_OK) {
        watch->n_unsaved = 0;
    } else {
        keep(watch, watch->unsaved + watch->n_unsaved, n_new);
    }
    return status;
}

enum trivet_status trivet_alert_watch_tick(struct trivet_alert_watch *watch, int64_t now_us,
                                           struct trivet_error *err)
{
    struct trivet_alert *fresh = watch->unsaved + watch->n_unsaved;
    pthread_mutex_lock(&watch->lock);
    pthread_mutex_lock(&watch->options.monitor->lock);
    trivet_alert_facts_judge(watch->facts, watch->alerts, now_us);
    pthread_mutex_unlock(&watch->options.monitor->lock);
    trivet_alerts_sweep(watch->alerts, now_us);
    size_t n_new = trivet_alerts_changes(watch->alerts, fresh, TRIVET_ALERTS_ACTIVE_MAX);
    pthread_mutex_unlock(&watch->lock);
    for (size_t i = 0; i < n_new && watch->options.on_change != NULL; i++) {
        watch->options.on_change(watch->options.context, &fresh[i]);
    }
    if (watch->n_unsaved + n_new == 0 || watch->options.history == NULL) {
        return TRIVET_OK;
    }
    return store(watch, n_new, err);
}

size_t trivet_alert_watch_firing(struct trivet_alert_watch *watch, const char *model,
                                 struct trivet_alert_firing *out, size_t n_max)
{
    size_t n = 0;
    size_t n_active = 0;
    pthread_mutex_lock(&watch->lock);
    const struct trivet_alert *active = trivet_alerts_active(watch->alerts, &n_active);
    for (size_t i = 0; i < n_active && n < n_max; i++) {
        if (active[i].state == TRIVET_ALERT_FIRING && strcmp(active[i].model, model) == 0) {
            out[n] = (struct trivet_alert_firing){
                .id = active[i].id,
                .kind = active[i].kind,
                .version = active[i].version,
                .since_us = active[i].since_us,
            };
            memcpy(out[n].rule, active[i].rule, sizeof(out[n].rule));
            n++;
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return n;
}

const struct trivet_alerts *trivet_alert_watch_lock(struct trivet_alert_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    return watch->alerts;
}

void trivet_alert_watch_unlock(struct trivet_alert_watch *watch)
{
    pthread_mutex_unlock(&watch->lock);
}

const struct trivet_alert_rules *trivet_alert_watch_rules(const struct trivet_alert_watch *watch)
{
    return watch->options.rules;
}
