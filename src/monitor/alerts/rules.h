/* What the monitor tells of: rules built in, and a file that changes them and adds others. Pure but
 * for reading the file. */
#ifndef TRIVET_MONITOR_ALERT_RULES_H
#define TRIVET_MONITOR_ALERT_RULES_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_ALERT_RULES_MAX    32
#define TRIVET_ALERT_NAME_BYTES   33
#define TRIVET_ALERT_METRIC_BYTES 16
/* No quality is judged on fewer labels, whatever a rule says. */
#define TRIVET_ALERT_LABELS_MIN 100

enum trivet_alert_kind {
    TRIVET_ALERT_DOWN,          /* a server does not answer */
    TRIVET_ALERT_ERROR_RATIO,   /* failed calls, or failed rows, of all */
    TRIVET_ALERT_LATENCY_BURN,  /* the budget of slow calls is spent too fast */
    TRIVET_ALERT_DRIFT,         /* inputs or predictions are not as in training */
    TRIVET_ALERT_MISSING_RATIO, /* more values are missing than in training */
    TRIVET_ALERT_QUALITY_DROP,  /* live quality is below that of the test, or below a floor */
    TRIVET_ALERT_LOST_EVENTS,   /* events did not arrive */
    TRIVET_ALERT_HISTORY,       /* the monitor's history cannot be written */
    TRIVET_ALERT_KIND_COUNT,
};

struct trivet_alert_rule {
    char name[TRIVET_ALERT_NAME_BYTES];
    enum trivet_alert_kind kind;
    bool on;
    /* The models it is about: a name, a beginning with '*' behind it, or "*". */
    char model[66];
    /* error_ratio: share of failures. latency_burn: how many times faster than allowed. drift:
     * times the limit of a column. missing_ratio: share of the rows beyond the reference's.
     * quality_drop: accuracy, r2: points below the test's; mae, mse: share above it. lost_events:
     * how many. */
    double threshold;
    int64_t for_s;     /* over the threshold for so long, and it is firing */
    int64_t resolve_s; /* back for so long, and it is resolved */
    /* What is looked at. drift, missing_ratio: the watch has windows of its own; so long after a
     * start an alert waits for news. */
    int64_t window_s;
    int64_t long_window_s; /* latency_burn: and this too */
    uint64_t minimum;      /* calls, or labels, in the window; fewer are not judged */
    double objective;      /* latency_burn: this share of the calls … */
    double latency_ms;     /* … is faster than this */
    /* quality_drop: accuracy, mae, mse or r2; "" = accuracy or mae, as the version is. */
    char metric[TRIVET_ALERT_METRIC_BYTES];
    double floor; /* quality_drop: the worst value allowed, whatever the test's was; NaN = none */
};

struct trivet_alert_rules {
    struct trivet_alert_rule items[TRIVET_ALERT_RULES_MAX];
    size_t n;
};

const char *trivet_alert_kind_name(enum trivet_alert_kind kind);
/* What somebody who gets such an alert may do. */
const char *trivet_alert_kind_advice(enum trivet_alert_kind kind);

/* The rules built in. */
void trivet_alert_rules_default(struct trivet_alert_rules *out);
/* Over the rules built in, those of a file: [NAME] of a rule that is there changes the keys given,
 * another adds a rule and names its kind. Keys: kind, on (yes, no), model, threshold, for, resolve,
 * window, long_window (seconds, or with s, m or h), minimum, objective, latency_ms, metric, floor.
 * INVALID_ARGUMENT names file and line, or rule; NOT_FOUND without the file. */
enum trivet_status trivet_alert_rules_read(const char *path, struct trivet_alert_rules *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* As a file that reads back as the same rules; keys that a kind does not use are left out. */
enum trivet_status trivet_alert_rules_print(const struct trivet_alert_rules *rules,
                                            struct trivet_buffer *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_alert_rule_matches(const struct trivet_alert_rule *rule, const char *model);

#endif
