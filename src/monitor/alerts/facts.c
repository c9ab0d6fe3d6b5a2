/* Calls are taken out of the versions' rolling windows second by second, as their backlog has come
 * in, and kept per rule in shares: the windows go back 15 minutes, rules six hours. */
#include "monitor/alerts/facts.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/alerts/ratio.h"

#include <math.h>
#include <string.h>

#define US_PER_S 1000000LL
/* A second is taken when it is this old, so that its events have arrived. */
#define LAG_S 2
/* After a stop of the monitor, so many seconds at most are made up for. */
#define CATCH_UP_S 120

enum ratio_of { RATIO_FIRST, RATIO_SECOND, RATIO_COUNT };

struct follow {
    const struct trivet_monitor_series *series; /* that of this serial, while it is there */
    uint64_t serial;
    /* By rule; NULL without traffic, or where the rule does not need it. error_ratio has one for
     * rows beside that of the calls, latency_burn one for its long window. */
    struct trivet_alert_ratio *ratios[TRIVET_ALERT_RULES_MAX][RATIO_COUNT];
    /* Of the drift watch as of its window of this time: looking at all columns takes a while. */
    int64_t drift_closed_us;
    struct trivet_alert_drift drift;
    struct trivet_alert_drift missing;
};

struct trivet_alert_facts {
    const struct trivet_monitor *monitor;
    const struct trivet_alert_rules *rules;
    int64_t taken_s; /* windows were read up to here, inclusive */
    /* In the order of the monitor's series; those that went since the last judging are still here.
     */
    struct follow *follows[2 * TRIVET_MONITOR_SERIES_MAX];
    size_t n_follows;
    size_t n_missing;                          /* series without, for want of memory */
    uint64_t lost[TRIVET_MONITOR_SOURCES_MAX]; /* as last seen */
    bool lost_known[TRIVET_MONITOR_SOURCES_MAX];
    struct trivet_alert_ratio losses[TRIVET_ALERT_RULES_MAX][TRIVET_MONITOR_SOURCES_MAX];
};

static int64_t rule_window_s(const struct trivet_alert_rule *rule)
{
    return rule->window_s > rule->long_window_s ? rule->window_s : rule->long_window_s;
}

struct trivet_alert_facts *trivet_alert_facts_create(const struct trivet_monitor *monitor,
                                                     const struct trivet_alert_rules *rules,
                                                     int64_t now_us)
{
    struct trivet_alert_facts *facts = trivet_calloc(1, sizeof(*facts));
    if (facts == NULL) {
        return NULL;
    }
    facts->monitor = monitor;
    facts->rules = rules;
    facts->taken_s = now_us / US_PER_S - LAG_S;
    for (size_t r = 0; r < rules->n; r++) {
        for (size_t s = 0; s < TRIVET_MONITOR_SOURCES_MAX; s++) {
            trivet_alert_ratio_init(&facts->losses[r][s], rule_window_s(&rules->items[r]));
        }
    }
    return facts;
}

static void follow_free(struct follow *follow)
{
    for (size_t r = 0; r < TRIVET_ALERT_RULES_MAX; r++) {
        for (size_t k = 0; k < RATIO_COUNT; k++) {
            trivet_free(follow->ratios[r][k]);
        }
    }
    trivet_free(follow);
}

/* follows[at..to) are of series that went. */
static void unfollow(struct trivet_alert_facts *facts, size_t at, size_t to)
{
    for (size_t i = at; i < to; i++) {
        follow_free(facts->follows[i]);
    }
    memmove(&facts->follows[at], &facts->follows[to],
            (facts->n_follows - to) * sizeof(facts->follows[0]));
    facts->n_follows -= to - at;
}

void trivet_alert_facts_free(struct trivet_alert_facts *facts)
{
    if (facts == NULL) {
        return;
    }
    for (size_t i = 0; i < facts->n_follows; i++) {
        follow_free(facts->follows[i]);
    }
    trivet_free(facts);
}

/* follows[at] becomes that of the series. False without memory: the next tick tries again. */
static bool follow_at(struct trivet_alert_facts *facts, size_t at,
                      const struct trivet_monitor_series *series)
{
    size_t found = at;
    while (found < facts->n_follows && facts->follows[found]->serial != series->serial) {
        found++;
    }
    if (found < facts->n_follows) {
        unfollow(facts, at, found); /* both lists have the same order */
        return true;
    }
    struct follow *follow = trivet_calloc(1, sizeof(*follow));
    if (follow == NULL) {
        return false;
    }
    follow->series = series;
    follow->serial = series->serial;
    memmove(&facts->follows[at + 1], &facts->follows[at],
            (facts->n_follows - at) * sizeof(facts->follows[0]));
    facts->follows[at] = follow;
    facts->n_follows++;
    return true;
}

/* One follow for each series, and none besides. One that there is no memory for takes none from the
 * others. */
static void follow_all(struct trivet_alert_facts *facts)
{
    size_t at = 0;
    for (size_t i = 0; i < facts->monitor->n_series; i++) {
        at += follow_at(facts, at, facts->monitor->series[i]);
    }
    size_t n_missing = facts->monitor->n_series - at;
    if (n_missing > 0 && facts->n_missing == 0) {
        trivet_log(TRIVET_LOG_WARN, "alerts_not_judged",
                   "versions=%zu message=out of memory; no rule is judged for them until there is "
                   "some",
                   n_missing);
    }
    facts->n_missing = n_missing;
    unfollow(facts, at, facts->n_follows);
}

/* Calls that took longer than `limit_us`; of the bucket that the limit cuts, in proportion. */
static uint64_t slow_calls(const struct trivet_histogram *histogram, double limit_us)
{
    double slow = 0.0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        double lower = i > 0 ? trivet_histogram_upper_us(i - 1) : 0.0;
        double upper = trivet_histogram_upper_us(i);
        if (histogram->buckets[i] > 0 && upper > limit_us) {
            double part = fmin(1.0, (upper - limit_us) / (upper - lower));
            slow += part * (double)histogram->buckets[i];
        }
    }
    return (uint64_t)llround(slow);
}

static void add_share(struct trivet_alert_ratio **ratio, int64_t window_s, int64_t second,
                      struct trivet_alert_share share)
{
    if (*ratio == NULL) {
        *ratio = trivet_malloc(sizeof(**ratio));
        if (*ratio == NULL) {
            return; /* these calls are not judged; the next may be */
        }
        trivet_alert_ratio_init(*ratio, window_s);
    }
    trivet_alert_ratio_add(*ratio, second, share);
}

static void take_second(struct trivet_alert_facts *facts, struct follow *follow, int64_t second)
{
    struct trivet_monitor_counts sum = {0};
    trivet_window_sum(follow->series->window, second, second + 1, &sum);
    uint64_t calls = trivet_monitor_counts_calls(&sum);
    if (calls == 0) {
        return;
    }
    for (size_t r = 0; r < facts->rules->n; r++) {
        const struct trivet_alert_rule *rule = &facts->rules->items[r];
        struct trivet_alert_ratio **ratios = follow->ratios[r];
        if (!rule->on || !trivet_alert_rule_matches(rule, follow->series->model)) {
            continue;
        }
        if (rule->kind == TRIVET_ALERT_ERROR_RATIO) {
            struct trivet_alert_share by_call = {calls, trivet_monitor_counts_failed_calls(&sum)};
            struct trivet_alert_share by_row = {trivet_monitor_counts_rows(&sum),
                                                trivet_monitor_counts_failed_rows(&sum)};
            add_share(&ratios[RATIO_FIRST], rule->window_s, second, by_call);
            add_share(&ratios[RATIO_SECOND], rule->window_s, second, by_row);
        } else if (rule->kind == TRIVET_ALERT_LATENCY_BURN) {
            struct trivet_alert_share slow = {sum.total.count,
                                              slow_calls(&sum.total, rule->latency_ms * 1000.0)};
            add_share(&ratios[RATIO_FIRST], rule->window_s, second, slow);
            add_share(&ratios[RATIO_SECOND], rule->long_window_s, second, slow);
        }
    }
}

/* The clock was set back: what was counted lies ahead of it. */
static void begin_anew(struct trivet_alert_facts *facts, int64_t taken_s)
{
    facts->taken_s = taken_s;
    for (size_t i = 0; i < facts->n_follows; i++) {
        for (size_t r = 0; r < TRIVET_ALERT_RULES_MAX; r++) {
            for (size_t k = 0; k < RATIO_COUNT; k++) {
                trivet_free(facts->follows[i]->ratios[r][k]);
                facts->follows[i]->ratios[r][k] = NULL;
            }
        }
    }
    for (size_t r = 0; r < facts->rules->n; r++) {
        for (size_t s = 0; s < TRIVET_MONITOR_SOURCES_MAX; s++) {
            trivet_alert_ratio_init(&facts->losses[r][s], rule_window_s(&facts->rules->items[r]));
        }
    }
}

static void take_calls(struct trivet_alert_facts *facts, int64_t now_s)
{
    int64_t to = now_s - LAG_S;
    if (to < facts->taken_s - TRIVET_MONITOR_CLOCK_BACK_US / US_PER_S) {
        begin_anew(facts, to);
    }
    int64_t from = facts->taken_s + 1;
    from = from < to - CATCH_UP_S ? to - CATCH_UP_S : from;
    follow_all(facts);
    for (size_t i = 0; i < facts->n_follows; i++) {
        for (int64_t second = from; second <= to && facts->follows[i]->series->window != NULL;
             second++) {
            take_second(facts, facts->follows[i], second);
        }
    }
    facts->taken_s = to > facts->taken_s ? to : facts->taken_s;
}

static void take_losses(struct trivet_alert_facts *facts, int64_t now_s)
{
    for (size_t s = 0; s < facts->monitor->n_sources; s++) {
        uint64_t lost = facts->monitor->sources[s].sequence.lost;
        uint64_t more = lost > facts->lost[s] && facts->lost_known[s] ? lost - facts->lost[s] : 0;
        facts->lost[s] = lost;
        facts->lost_known[s] = true;
        for (size_t r = 0; r < facts->rules->n && more > 0; r++) {
            trivet_alert_ratio_add(&facts->losses[r][s], now_s,
                                   (struct trivet_alert_share){more, more});
        }
    }
}

static struct trivet_alert_share sum_of(const struct trivet_alert_ratio *ratio, int64_t now_s,
                                        int64_t window_s)
{
    return ratio != NULL ? trivet_alert_ratio_sum(ratio, now_s, window_s)
                         : (struct trivet_alert_share){0};
}

static void judge_source(struct trivet_alert_facts *facts, size_t r, size_t s,
                         struct trivet_alerts *alerts, int64_t now_us)
{
    const struct trivet_alert_rule *rule = &facts->rules->items[r];
    const struct trivet_monitor_source *source = &facts->monitor->sources[s];
    struct trivet_alert_verdict verdict;
    if (rule->kind == TRIVET_ALERT_DOWN) {
        if (!source->server_up && source->server_why[0] == '\0') {
            return; /* not asked yet */
        }
        trivet_alert_judge_down(rule, source->server_up, source->server_why, &verdict);
    } else {
        struct trivet_alert_share lost =
            trivet_alert_ratio_sum(&facts->losses[r][s], now_us / US_PER_S, rule->window_s);
        trivet_alert_judge_lost(rule, lost.bad, &verdict);
    }
    trivet_alerts_judge(alerts, rule, source->server_url, "", 0, &verdict, now_us);
}

/* What the history says of itself is about the monitor. */
static void judge_monitor(const struct trivet_alert_facts *facts, size_t r,
                          struct trivet_alerts *alerts, int64_t now_us)
{
    const struct trivet_monitor *monitor = facts->monitor;
    struct trivet_alert_verdict verdict;
    trivet_alert_judge_history(&facts->rules->items[r], monitor->history_failing,
                               monitor->history_why, &verdict);
    trivet_alerts_judge(alerts, &facts->rules->items[r], "trivet-monitor", "", 0, &verdict, now_us);
}

static void take_worst(struct trivet_alert_drift *drift, const struct trivet_drift_told *told,
                       double unit)
{
    if (told->n_firing > 0 && told->excess * unit > drift->value) {
        drift->value = told->excess * unit;
        (void)trivet_text_copy(drift->column, sizeof(drift->column), told->worst);
    }
}

static void take_drift(struct follow *follow)
{
    struct trivet_drift_summary summary;
    const struct trivet_monitor_drift *drift = follow->series->drift;
    bool watched = drift != NULL && drift->watch != NULL && drift->closed_us > 0;
    if (!watched) {
        follow->drift.watched = false;
        follow->missing.watched = false;
        follow->drift_closed_us = 0;
        return;
    }
    if (drift->closed_us == follow->drift_closed_us) {
        return;
    }
    trivet_monitor_drift_summary(follow->series, &summary);
    follow->drift_closed_us = drift->closed_us;
    const struct trivet_drift_told *missing = &summary.told[TRIVET_DRIFT_MISSING];
    follow->drift = (struct trivet_alert_drift){
        .watched = true, .n_firing = summary.n_moved_firing, .n_pending = summary.n_moved_pending};
    follow->missing = (struct trivet_alert_drift){
        .watched = true, .n_firing = missing->n_firing, .n_pending = missing->n_pending};
    take_worst(&follow->drift, &summary.told[TRIVET_DRIFT_DISTRIBUTION], 1.0);
    take_worst(&follow->drift, &summary.told[TRIVET_DRIFT_OUT_OF_RANGE], 1.0);
    take_worst(&follow->missing, missing, TRIVET_DRIFT_MISSING_MIN);
}

/* The rule's metric of a version, live and in its test. False when there is nothing to judge. */
static bool quality_facts(const struct trivet_alert_rule *rule,
                          const struct trivet_monitor_live *live, int64_t now_us,
                          struct trivet_alert_quality *out)
{
    struct trivet_quality_sums sums;
    struct trivet_quality_statement statement;
    struct trivet_error err;
    if (live->quality == NULL ||
        trivet_quality_window(live->quality, now_us, rule->window_s * US_PER_S, &sums, &err) !=
            TRIVET_OK) {
        return false;
    }
    trivet_quality_state(live->quality, &sums, &statement);
    trivet_quality_sums_release(&sums);
    const char *metric = rule->metric;
    if (metric[0] == '\0') {
        metric = statement.task == TRIVET_QUALITY_CLASSES ? "accuracy" : "mae";
    }
    const struct {
        const char *name;
        bool greater;
        const struct trivet_quality_estimate *estimate;
        double test;
    } metrics[] = {{"accuracy", true, &statement.accuracy, live->test.accuracy},
                   {"r2", true, &statement.r2, live->test.r2},
                   {"mae", false, &statement.mae, live->test.mae},
                   {"mse", false, &statement.mse, live->test.mse}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(metrics); i++) {
        if (strcmp(metrics[i].name, metric) == 0) {
            *out = (struct trivet_alert_quality){
                .labels = statement.labels,
                .known = metrics[i].estimate->known,
                .greater_is_better = metrics[i].greater,
                .metric = metrics[i].name,
                .value = metrics[i].estimate->value,
                .lower = metrics[i].estimate->lower,
                .upper = metrics[i].estimate->upper,
                .test_known = live->test.known && isfinite(metrics[i].test),
                .test = metrics[i].test,
            };
        }
    }
    return true;
}

static void judge_series(const struct trivet_alert_facts *facts, size_t r,
                         const struct follow *follow, struct trivet_alerts *alerts, int64_t now_us)
{
    const struct trivet_alert_rule *rule = &facts->rules->items[r];
    const struct trivet_monitor_series *series = follow->series;
    struct trivet_alert_ratio *const *ratios = follow->ratios[r];
    struct trivet_alert_verdict verdict = {0};
    struct trivet_alert_quality quality = {0};
    int64_t to_s = facts->taken_s;
    switch (rule->kind) {
    case TRIVET_ALERT_ERROR_RATIO:
        trivet_alert_judge_errors(rule, sum_of(ratios[RATIO_FIRST], to_s, rule->window_s),
                                  sum_of(ratios[RATIO_SECOND], to_s, rule->window_s), &verdict);
        break;
    case TRIVET_ALERT_LATENCY_BURN:
        trivet_alert_judge_latency(rule, sum_of(ratios[RATIO_FIRST], to_s, rule->window_s),
                                   sum_of(ratios[RATIO_SECOND], to_s, rule->long_window_s),
                                   &verdict);
        break;
    case TRIVET_ALERT_DRIFT:
        trivet_alert_judge_drift(rule, &follow->drift, &verdict);
        break;
    case TRIVET_ALERT_MISSING_RATIO:
        trivet_alert_judge_drift(rule, &follow->missing, &verdict);
        break;
    case TRIVET_ALERT_QUALITY_DROP:
        if (quality_facts(rule, &series->live, now_us, &quality)) {
            trivet_alert_judge_quality(rule, &quality, &verdict);
        }
        break;
    default:
        return;
    }
    trivet_alerts_judge(alerts, rule, "", series->model, series->version, &verdict, now_us);
}

void trivet_alert_facts_judge(struct trivet_alert_facts *facts, struct trivet_alerts *alerts,
                              int64_t now_us)
{
    take_calls(facts, now_us / US_PER_S);
    take_losses(facts, now_us / US_PER_S);
    for (size_t i = 0; i < facts->n_follows; i++) {
        take_drift(facts->follows[i]);
    }
    for (size_t r = 0; r < facts->rules->n; r++) {
        const struct trivet_alert_rule *rule = &facts->rules->items[r];
        if (!rule->on) {
            continue;
        }
        if (rule->kind == TRIVET_ALERT_HISTORY) {
            judge_monitor(facts, r, alerts, now_us);
            continue;
        }
        if (rule->kind == TRIVET_ALERT_DOWN || rule->kind == TRIVET_ALERT_LOST_EVENTS) {
            for (size_t s = 0; s < facts->monitor->n_sources; s++) {
                judge_source(facts, r, s, alerts, now_us);
            }
            continue;
        }
        for (size_t i = 0; i < facts->n_follows; i++) {
            if (trivet_alert_rule_matches(rule, facts->follows[i]->series->model)) {
                judge_series(facts, r, facts->follows[i], alerts, now_us);
            }
        }
    }
}
