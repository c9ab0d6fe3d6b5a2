/* The alert engine: what was judged, second by second, becomes alerts with a state. Pure: no I/O,
 * no clock, no lock; under the owner's.
 *
 *   inactive ─bad─▶ pending ─bad for `for_s`─▶ firing ─good for `resolve_s`─▶ resolved
 *                   └─not bad─▶ inactive
 *
 * Between good and bad lies a zone (what was bad must come back to nine tenths of its threshold)
 * that neither begins nor ends anything, so that a value on the threshold does not flap. An alert
 * whose value is not known any more is good, once the rule's window has been watched; so a restart
 * of the monitor ends nothing. */
#ifndef TRIVET_MONITOR_ALERTS_H
#define TRIVET_MONITOR_ALERTS_H

#include "base/compiler.h"
#include "monitor/alerts/rules.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_ALERTS_ACTIVE_MAX   1000
#define TRIVET_ALERTS_RESOLVED_MAX 200
#define TRIVET_ALERT_SUBJECT_BYTES 128
#define TRIVET_ALERT_SOURCE_BYTES  320 /* holds any server's address: options.h */
#define TRIVET_ALERT_DETAIL_BYTES  192
/* How far a value must come back, of its threshold. */
#define TRIVET_ALERT_HYSTERESIS 0.9
/* An alert that nobody has judged for so long is about something that is gone. */
#define TRIVET_ALERT_UNWATCHED_US 60000000

enum trivet_alert_state {
    TRIVET_ALERT_INACTIVE, /* was pending and is not */
    TRIVET_ALERT_PENDING,
    TRIVET_ALERT_FIRING,
    TRIVET_ALERT_RESOLVED,
    TRIVET_ALERT_STATE_COUNT,
};

enum trivet_alert_judgement {
    TRIVET_ALERT_UNKNOWN, /* too little to judge by */
    TRIVET_ALERT_GOOD,
    TRIVET_ALERT_BETWEEN,
    TRIVET_ALERT_BAD,
};

/* What a rule says of one subject now. */
struct trivet_alert_verdict {
    enum trivet_alert_judgement judgement;
    double value;
    double threshold; /* in the unit of the value */
    char detail[TRIVET_ALERT_DETAIL_BYTES];
};

struct trivet_alert {
    uint64_t id; /* one incident; from 1, grows */
    char rule[TRIVET_ALERT_NAME_BYTES];
    enum trivet_alert_kind kind;
    enum trivet_alert_state state;
    /* What it is about: a version of a model, or a server (model empty). */
    char model[TRIVET_ALERT_SUBJECT_BYTES]; /* holds any model name */
    uint64_t version;
    char source[TRIVET_ALERT_SOURCE_BYTES];
    int64_t since_us;    /* of the state */
    int64_t started_us;  /* first found */
    int64_t fired_us;    /* 0 = not yet */
    int64_t resolved_us; /* 0 = not yet */
    double value;        /* the newest; when resolved, that of the end */
    double threshold;
    char detail[TRIVET_ALERT_DETAIL_BYTES];
};

struct trivet_alerts;

/* NULL when out of memory. `now_us`: when watching begins. */
struct trivet_alerts *trivet_alerts_create(const struct trivet_alert_rules *rules, int64_t now_us);
void trivet_alerts_free(struct trivet_alerts *alerts);

/* Bring an alert of an earlier run in: active ones whose rule is on, and resolved ones; others are
 * resolved, which is a change. Oldest first. */
void trivet_alerts_restore(struct trivet_alerts *alerts, const struct trivet_alert *alert,
                           int64_t now_us);
/* The next id; ids given before a restart are not given again. */
void trivet_alerts_begin_at(struct trivet_alerts *alerts, uint64_t next_id);

/* A rule's verdict on a version of a model (`source` "") or on a server (`model` "", version 0). */
void trivet_alerts_judge(struct trivet_alerts *alerts, const struct trivet_alert_rule *rule,
                         const char *source, const char *model, uint64_t version,
                         const struct trivet_alert_verdict *verdict, int64_t now_us);
/* After a round of judging: resolves what was not judged for long. */
void trivet_alerts_sweep(struct trivet_alerts *alerts, int64_t now_us);

/* Takes the changes of state since the last call out, oldest first, at most `n_max`; as they were
 * then. Never more than TRIVET_ALERTS_ACTIVE_MAX wait: what comes beyond waits for the next
 * judging. */
size_t trivet_alerts_changes(struct trivet_alerts *alerts, struct trivet_alert *out, size_t n_max);

/* Pending and firing, oldest first. Valid until the next judging. */
const struct trivet_alert *trivet_alerts_active(const struct trivet_alerts *alerts, size_t *n);
/* Resolved, the k-th newest; NULL beyond. */
const struct trivet_alert *trivet_alerts_resolved(const struct trivet_alerts *alerts, size_t k);
size_t trivet_alerts_count(const struct trivet_alerts *alerts, const char *rule,
                           enum trivet_alert_state state);
/* Not begun since TRIVET_ALERTS_ACTIVE_MAX were active. */
uint64_t trivet_alerts_suppressed(const struct trivet_alerts *alerts);

const char *trivet_alert_state_name(enum trivet_alert_state state);

#endif
