#include "monitor/alerts/kinds.h"

#include "base/text.h"

#include <math.h>

/* Of a value that is bad when it is greater. */
static enum trivet_alert_judgement compare(double value, double threshold)
{
    if (value > threshold) {
        return TRIVET_ALERT_BAD;
    }
    return value <= threshold * TRIVET_ALERT_HYSTERESIS ? TRIVET_ALERT_GOOD : TRIVET_ALERT_BETWEEN;
}

static double ratio(struct trivet_alert_share share)
{
    return share.all > 0 ? (double)share.bad / (double)share.all : 0.0;
}

/* Of what is so or is not. */
static void judge_state(bool bad, const char *detail, struct trivet_alert_verdict *out)
{
    *out = (struct trivet_alert_verdict){
        .judgement = bad ? TRIVET_ALERT_BAD : TRIVET_ALERT_GOOD,
        .value = bad ? 1.0 : 0.0,
        .threshold = 1.0,
    };
    (void)trivet_text_copy(out->detail, sizeof(out->detail), detail);
}

void trivet_alert_judge_down(const struct trivet_alert_rule *rule, bool answers, const char *why,
                             struct trivet_alert_verdict *out)
{
    (void)rule;
    judge_state(!answers, answers ? "the server answers" : why, out);
}

void trivet_alert_judge_history(const struct trivet_alert_rule *rule, bool failing, const char *why,
                                struct trivet_alert_verdict *out)
{
    (void)rule;
    judge_state(failing, failing ? why : "the history is written", out);
}

void trivet_alert_judge_errors(const struct trivet_alert_rule *rule,
                               struct trivet_alert_share calls, struct trivet_alert_share rows,
                               struct trivet_alert_verdict *out)
{
    bool by_rows = ratio(rows) > ratio(calls);
    struct trivet_alert_share worse = by_rows ? rows : calls;
    *out = (struct trivet_alert_verdict){.value = ratio(worse), .threshold = rule->threshold};
    if (worse.all == 0 || calls.all < rule->minimum) {
        return;
    }
    out->judgement = compare(out->value, out->threshold);
    (void)trivet_text_format(out->detail, sizeof(out->detail), "%llu of %llu %s failed in %lld s",
                             (unsigned long long)worse.bad, (unsigned long long)worse.all,
                             by_rows ? "rows" : "calls", (long long)rule->window_s);
}

void trivet_alert_judge_latency(const struct trivet_alert_rule *rule,
                                struct trivet_alert_share window,
                                struct trivet_alert_share long_window,
                                struct trivet_alert_verdict *out)
{
    double allowed = 1.0 - rule->objective;
    double short_burn = ratio(window) / allowed;
    double long_burn = ratio(long_window) / allowed;
    *out = (struct trivet_alert_verdict){.value = fmin(short_burn, long_burn),
                                         .threshold = rule->threshold};
    if (window.all == 0 || window.all < rule->minimum) {
        return;
    }
    out->judgement = compare(out->value, out->threshold);
    (void)trivet_text_format(out->detail, sizeof(out->detail),
                             "%.3g %% of %llu calls in %lld s, and %.3g %% in %lld s, took longer "
                             "than %g ms; %.3g %% are allowed",
                             100 * ratio(window), (unsigned long long)window.all,
                             (long long)rule->window_s, 100 * ratio(long_window),
                             (long long)rule->long_window_s, rule->latency_ms, 100 * allowed);
}

void trivet_alert_judge_drift(const struct trivet_alert_rule *rule,
                              const struct trivet_alert_drift *drift,
                              struct trivet_alert_verdict *out)
{
    *out = (struct trivet_alert_verdict){.value = drift->value, .threshold = rule->threshold};
    if (!drift->watched) {
        return;
    }
    bool over = drift->n_firing > 0 && drift->value > rule->threshold;
    if (over) {
        out->judgement = TRIVET_ALERT_BAD;
    } else {
        /* The watch has its own hysteresis: what it still calls firing is not good yet, and after a
         * restart of the monitor it has to be confirmed anew. */
        bool found = drift->n_firing + drift->n_pending > 0;
        out->judgement = found ? TRIVET_ALERT_BETWEEN : TRIVET_ALERT_GOOD;
    }
    char more[40];
    (void)trivet_text_format(more, sizeof(more), " and %zu more column%s", drift->n_firing - 1,
                             drift->n_firing > 2 ? "s" : "");
    (void)trivet_text_format(out->detail, sizeof(out->detail), "%s%s", drift->column,
                             drift->n_firing > 1 ? more : "");
}

/* The worst value that is allowed: by the test, by the floor, or the stricter of both. NaN: none.
 */
static double quality_limit(const struct trivet_alert_rule *rule,
                            const struct trivet_alert_quality *quality)
{
    double by_test = NAN;
    if (quality->test_known) {
        by_test = quality->greater_is_better ? quality->test - rule->threshold
                                             : quality->test * (1.0 + rule->threshold);
    }
    /* fmax and fmin leave a NaN out. */
    return quality->greater_is_better ? fmax(by_test, rule->floor) : fmin(by_test, rule->floor);
}

void trivet_alert_judge_quality(const struct trivet_alert_rule *rule,
                                const struct trivet_alert_quality *quality,
                                struct trivet_alert_verdict *out)
{
    double limit = quality_limit(rule, quality);
    uint64_t minimum =
        rule->minimum > TRIVET_ALERT_LABELS_MIN ? rule->minimum : TRIVET_ALERT_LABELS_MIN;
    bool greater = quality->greater_is_better;
    *out = (struct trivet_alert_verdict){.value = quality->value,
                                         .threshold = isnan(limit) ? 0.0 : limit};
    if (isnan(limit) || !quality->known || quality->labels < minimum) {
        return;
    }
    bool bad = greater ? quality->upper < limit : quality->lower > limit;
    bool good = greater ? quality->value >= limit : quality->value <= limit;
    out->judgement = bad ? TRIVET_ALERT_BAD : good ? TRIVET_ALERT_GOOD : TRIVET_ALERT_BETWEEN;
    (void)trivet_text_format(
        out->detail, sizeof(out->detail), "%s %.4g [%.4g, %.4g] on %llu labels, %s %.4g",
        quality->metric, quality->value, quality->lower, quality->upper,
        (unsigned long long)quality->labels, greater ? "least" : "most", limit);
}

void trivet_alert_judge_lost(const struct trivet_alert_rule *rule, uint64_t lost,
                             struct trivet_alert_verdict *out)
{
    *out = (struct trivet_alert_verdict){
        .judgement = compare((double)lost, rule->threshold),
        .value = (double)lost,
        .threshold = rule->threshold,
    };
    (void)trivet_text_format(out->detail, sizeof(out->detail), "%llu events lost in %lld s",
                             (unsigned long long)lost, (long long)rule->window_s);
}
