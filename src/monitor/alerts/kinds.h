/* How each kind of rule judges what is known of its subject. Pure. */
#ifndef TRIVET_MONITOR_ALERT_KINDS_H
#define TRIVET_MONITOR_ALERT_KINDS_H

#include "base/compiler.h"
#include "monitor/alerts/alerts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `why`: what its not answering looks like. */
void trivet_alert_judge_down(const struct trivet_alert_rule *rule, bool answers, const char *why,
                             struct trivet_alert_verdict *out);

/* `why`: what the last attempt to write the history failed by. */
void trivet_alert_judge_history(const struct trivet_alert_rule *rule, bool failing, const char *why,
                                struct trivet_alert_verdict *out);

struct trivet_alert_share {
    uint64_t all;
    uint64_t bad;
};

/* The worse of calls and rows, over the rule's window. */
void trivet_alert_judge_errors(const struct trivet_alert_rule *rule,
                               struct trivet_alert_share calls, struct trivet_alert_share rows,
                               struct trivet_alert_verdict *out);
/* Burn rate: the share of slow calls over the share that the objective allows. Bad when both
 * windows burn faster than the threshold: the long one says that it matters, the short one that it
 * goes on (Beyer et al., The Site Reliability Workbook, 2018, chapter 5). */
void trivet_alert_judge_latency(const struct trivet_alert_rule *rule,
                                struct trivet_alert_share window,
                                struct trivet_alert_share long_window,
                                struct trivet_alert_verdict *out);

/* What the drift watch found in the columns of a version. */
struct trivet_alert_drift {
    bool watched;     /* a window was closed and could be judged */
    size_t n_firing;  /* columns, confirmed by as many windows as the watch wants */
    size_t n_pending; /* found in the last window, not confirmed yet */
    double value;     /* drift: worst column, times its limit; missing: share beyond reference */
    char column[96];  /* the worst, by name */
};

/* Kinds drift and missing_ratio. */
void trivet_alert_judge_drift(const struct trivet_alert_rule *rule,
                              const struct trivet_alert_drift *drift,
                              struct trivet_alert_verdict *out);

/* Live quality of a version by the rule's metric, with its interval, and what it should be. */
struct trivet_alert_quality {
    uint64_t labels;
    bool known; /* the metric is defined */
    bool greater_is_better;
    const char *metric;
    double value;
    double lower; /* of a 95 % interval */
    double upper;
    bool test_known;
    double test; /* of the version's own test */
};

/* Bad when the whole interval is beyond what is allowed. */
void trivet_alert_judge_quality(const struct trivet_alert_rule *rule,
                                const struct trivet_alert_quality *quality,
                                struct trivet_alert_verdict *out);
/* Events lost in the rule's window. */
void trivet_alert_judge_lost(const struct trivet_alert_rule *rule, uint64_t lost,
                             struct trivet_alert_verdict *out);

#endif
