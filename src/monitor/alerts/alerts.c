#include "monitor/alerts/alerts.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

#define US_PER_S 1000000LL

struct entry {
    uint64_t key;          /* hash of rule and subject, compared first */
    int64_t good_since_us; /* while firing; 0 = not good */
    int64_t judged_us;
};

struct trivet_alerts {
    const struct trivet_alert_rules *rules; /* borrowed */
    int64_t started_us;
    uint64_t next_id;
    /* Pending and firing, by id; entries beside alerts. */
    struct trivet_alert active[TRIVET_ALERTS_ACTIVE_MAX];
    struct entry entries[TRIVET_ALERTS_ACTIVE_MAX];
    size_t n_active;
    struct trivet_alert resolved[TRIVET_ALERTS_RESOLVED_MAX]; /* ring */
    uint64_t n_resolved;                                      /* ever */
    struct trivet_alert changes[TRIVET_ALERTS_ACTIVE_MAX];    /* oldest first */
    size_t n_changes;
    uint64_t suppressed;
};

const char *trivet_alert_state_name(enum trivet_alert_state state)
{
    static const char *const names[TRIVET_ALERT_STATE_COUNT] = {"inactive", "pending", "firing",
                                                                "resolved"};
    return names[state];
}

struct trivet_alerts *trivet_alerts_create(const struct trivet_alert_rules *rules, int64_t now_us)
{
    struct trivet_alerts *alerts = trivet_calloc(1, sizeof(*alerts));
    if (alerts != NULL) {
        alerts->rules = rules;
        alerts->started_us = now_us;
        alerts->next_id = 1;
    }
    return alerts;
}

void trivet_alerts_free(struct trivet_alerts *alerts)
{
    trivet_free(alerts);
}

void trivet_alerts_begin_at(struct trivet_alerts *alerts, uint64_t next_id)
{
    alerts->next_id = next_id > alerts->next_id ? next_id : alerts->next_id;
}

/* FNV-1a over the texts with their ends. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (;; text++) {
        hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
        if (*text == '\0') {
            return hash;
        }
    }
}

static uint64_t key_of(const char *rule, const char *source, const char *model, uint64_t version)
{
    uint64_t hash = hash_text(14695981039346656037ULL ^ version, rule);
    return hash_text(hash_text(hash, source), model);
}

/* The index of the active alert, or n_active. */
static size_t find_active(const struct trivet_alerts *alerts, uint64_t key, const char *rule,
                          const char *source, const char *model, uint64_t version)
{
    for (size_t i = 0; i < alerts->n_active; i++) {
        const struct trivet_alert *alert = &alerts->active[i];
        if (alerts->entries[i].key == key && alert->version == version &&
            strcmp(alert->rule, rule) == 0 && strcmp(alert->model, model) == 0 &&
            strcmp(alert->source, source) == 0) {
            return i;
        }
    }
    return alerts->n_active;
}

/* The caller has made sure that there is room. */
static void set_state(struct trivet_alerts *alerts, struct trivet_alert *alert,
                      enum trivet_alert_state state, int64_t now_us)
{
    alert->state = state;
    alert->since_us = now_us;
    alert->fired_us = state == TRIVET_ALERT_FIRING ? now_us : alert->fired_us;
    alert->resolved_us = state == TRIVET_ALERT_RESOLVED ? now_us : alert->resolved_us;
    alerts->changes[alerts->n_changes++] = *alert;
}

static void remember_resolved(struct trivet_alerts *alerts, const struct trivet_alert *alert)
{
    alerts->resolved[alerts->n_resolved++ % TRIVET_ALERTS_RESOLVED_MAX] = *alert;
}

static void remove_active(struct trivet_alerts *alerts, size_t at)
{
    size_t n_after = alerts->n_active - at - 1;
    memmove(&alerts->active[at], &alerts->active[at + 1], n_after * sizeof(alerts->active[0]));
    memmove(&alerts->entries[at], &alerts->entries[at + 1], n_after * sizeof(alerts->entries[0]));
    alerts->n_active--;
}

static void resolve(struct trivet_alerts *alerts, size_t at, int64_t now_us)
{
    set_state(alerts, &alerts->active[at], TRIVET_ALERT_RESOLVED, now_us);
    remember_resolved(alerts, &alerts->active[at]);
    remove_active(alerts, at);
}

/* Names of columns and messages come from elsewhere: what is no UTF-8 of them would be no JSON. */
static void set_words(struct trivet_alert *alert, const struct trivet_alert_verdict *verdict)
{
    alert->value = verdict->value;
    alert->threshold = verdict->threshold;
    (void)trivet_text_copy(alert->detail, sizeof(alert->detail), verdict->detail);
    size_t n_bytes = strlen(alert->detail);
    for (size_t at = 0; at < n_bytes;) {
        size_t length = trivet_text_utf8_character(alert->detail + at, n_bytes - at);
        alert->detail[at] = length == 0 ? '?' : alert->detail[at];
        at += length == 0 ? 1 : length;
    }
}

/* A new one, last in the list; false when there are too many. */
static bool begin(struct trivet_alerts *alerts, const struct trivet_alert_rule *rule,
                  const char *source, const char *model, uint64_t version, uint64_t key,
                  int64_t now_us)
{
    if (alerts->n_active == TRIVET_ALERTS_ACTIVE_MAX) {
        alerts->suppressed++;
        return false;
    }
    struct trivet_alert *alert = &alerts->active[alerts->n_active];
    *alert = (struct trivet_alert){
        .id = alerts->next_id++, .kind = rule->kind, .version = version, .started_us = now_us};
    memcpy(alert->rule, rule->name, sizeof(alert->rule));
    (void)trivet_text_copy(alert->model, sizeof(alert->model), model);
    (void)trivet_text_copy(alert->source, sizeof(alert->source), source);
    alerts->entries[alerts->n_active++] = (struct entry){.key = key, .judged_us = now_us};
    return true;
}

static void follow_firing(struct trivet_alerts *alerts, size_t at,
                          const struct trivet_alert_rule *rule,
                          const struct trivet_alert_verdict *verdict, int64_t now_us)
{
    struct entry *entry = &alerts->entries[at];
    enum trivet_alert_judgement judgement = verdict->judgement;
    int64_t watched_us = now_us - alerts->started_us;
    int64_t window_s = rule->window_s > rule->long_window_s ? rule->window_s : rule->long_window_s;
    if (judgement == TRIVET_ALERT_UNKNOWN) {
        judgement = watched_us > window_s * US_PER_S ? TRIVET_ALERT_GOOD : TRIVET_ALERT_BETWEEN;
    } else if (judgement == TRIVET_ALERT_BAD) {
        set_words(&alerts->active[at], verdict); /* what was wrong, also when it is over */
    }
    if (judgement != TRIVET_ALERT_GOOD) {
        entry->good_since_us = 0;
        return;
    }
    entry->good_since_us = entry->good_since_us == 0 ? now_us : entry->good_since_us;
    if (now_us - entry->good_since_us >= rule->resolve_s * US_PER_S) {
        resolve(alerts, at, now_us);
    }
}

static int64_t not_after(int64_t then_us, int64_t now_us)
{
    return then_us < now_us ? then_us : now_us;
}

/* The clock may have been set back: what began later than now would never have lasted. */
static void clamp(struct trivet_alerts *alerts, size_t at, int64_t now_us)
{
    struct entry *entry = &alerts->entries[at];
    struct trivet_alert *alert = &alerts->active[at];
    alerts->started_us = not_after(alerts->started_us, now_us);
    alert->started_us = not_after(alert->started_us, now_us);
    alert->since_us = not_after(alert->since_us, now_us);
    entry->judged_us = not_after(entry->judged_us, now_us);
    entry->good_since_us = not_after(entry->good_since_us, now_us);
}

void trivet_alerts_judge(struct trivet_alerts *alerts, const struct trivet_alert_rule *rule,
                         const char *source, const char *model, uint64_t version,
                         const struct trivet_alert_verdict *verdict, int64_t now_us)
{
    uint64_t key = key_of(rule->name, source, model, version);
    size_t at = find_active(alerts, key, rule->name, source, model, version);
    bool bad = verdict->judgement == TRIVET_ALERT_BAD;
    /* A rule without `for` makes two changes at once. */
    if ((at == alerts->n_active && !bad) || alerts->n_changes + 2 > TRIVET_ALERTS_ACTIVE_MAX) {
        return;
    }
    if (at == alerts->n_active) {
        if (!begin(alerts, rule, source, model, version, key, now_us)) {
            return;
        }
        set_words(&alerts->active[at], verdict);
        set_state(alerts, &alerts->active[at], TRIVET_ALERT_PENDING, now_us);
    }
    struct trivet_alert *alert = &alerts->active[at];
    clamp(alerts, at, now_us);
    alerts->entries[at].judged_us = now_us;
    if (alert->state == TRIVET_ALERT_FIRING) {
        follow_firing(alerts, at, rule, verdict, now_us);
    } else if (!bad) {
        set_state(alerts, alert, TRIVET_ALERT_INACTIVE, now_us);
        remove_active(alerts, at);
    } else {
        set_words(alert, verdict);
        if (now_us - alert->started_us >= rule->for_s * US_PER_S) {
            set_state(alerts, alert, TRIVET_ALERT_FIRING, now_us);
        }
    }
}

/* Nothing tells whether it is good: it is not watched any more. */
static void drop(struct trivet_alerts *alerts, size_t at, const char *why, int64_t now_us)
{
    struct trivet_alert *alert = &alerts->active[at];
    (void)trivet_text_copy(alert->detail, sizeof(alert->detail), why);
    if (alert->state == TRIVET_ALERT_FIRING) {
        resolve(alerts, at, now_us);
    } else {
        set_state(alerts, alert, TRIVET_ALERT_INACTIVE, now_us);
        remove_active(alerts, at);
    }
}

void trivet_alerts_sweep(struct trivet_alerts *alerts, int64_t now_us)
{
    size_t i = 0;
    while (i < alerts->n_active && alerts->n_changes < TRIVET_ALERTS_ACTIVE_MAX) {
        clamp(alerts, i, now_us);
        if (now_us - alerts->entries[i].judged_us > TRIVET_ALERT_UNWATCHED_US) {
            drop(alerts, i, "not watched any more", now_us);
        } else {
            i++;
        }
    }
}

void trivet_alerts_restore(struct trivet_alerts *alerts, const struct trivet_alert *alert,
                           int64_t now_us)
{
    trivet_alerts_begin_at(alerts, alert->id + 1);
    if (alert->state == TRIVET_ALERT_RESOLVED) {
        remember_resolved(alerts, alert);
        return;
    }
    if (alerts->n_active == TRIVET_ALERTS_ACTIVE_MAX ||
        (alert->state != TRIVET_ALERT_PENDING && alert->state != TRIVET_ALERT_FIRING)) {
        return;
    }
    bool watched = false;
    for (size_t i = 0; i < alerts->rules->n; i++) {
        const struct trivet_alert_rule *rule = &alerts->rules->items[i];
        watched = watched ||
                  (rule->on && rule->kind == alert->kind && strcmp(rule->name, alert->rule) == 0);
    }
    size_t at = alerts->n_active++;
    alerts->active[at] = *alert;
    alerts->entries[at] = (struct entry){
        .key = key_of(alert->rule, alert->source, alert->model, alert->version),
        .judged_us = now_us,
    };
    if (!watched && alerts->n_changes < TRIVET_ALERTS_ACTIVE_MAX) {
        drop(alerts, at, "the rule is gone or off", now_us);
    }
}

size_t trivet_alerts_changes(struct trivet_alerts *alerts, struct trivet_alert *out, size_t n_max)
{
    size_t n = alerts->n_changes < n_max ? alerts->n_changes : n_max;
    memcpy(out, alerts->changes, n * sizeof(*out));
    alerts->n_changes -= n;
    memmove(alerts->changes, &alerts->changes[n], alerts->n_changes * sizeof(*out));
    return n;
}

const struct trivet_alert *trivet_alerts_active(const struct trivet_alerts *alerts, size_t *n)
{
    *n = alerts->n_active;
    return alerts->active;
}

const struct trivet_alert *trivet_alerts_resolved(const struct trivet_alerts *alerts, size_t k)
{
    if (k >= alerts->n_resolved || k >= TRIVET_ALERTS_RESOLVED_MAX) {
        return NULL;
    }
    return &alerts->resolved[(alerts->n_resolved - 1 - k) % TRIVET_ALERTS_RESOLVED_MAX];
}

size_t trivet_alerts_count(const struct trivet_alerts *alerts, const char *rule,
                           enum trivet_alert_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < alerts->n_active; i++) {
        n += alerts->active[i].state == state &&
             (rule == NULL || strcmp(alerts->active[i].rule, rule) == 0);
    }
    return n;
}

uint64_t trivet_alerts_suppressed(const struct trivet_alerts *alerts)
{
    return alerts->suppressed;
}
