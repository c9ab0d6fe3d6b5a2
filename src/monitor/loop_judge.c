#include "monitor/loop_judge.h"

#include "base/text.h"

#include <math.h>

/* Looked at again and again: what one in 740 quiet blocks passes by chance. */
#define STANDARD_ERRORS 3.0
/* Without a single error the standard error would be nothing: a half on either side. */
#define HALF 0.5

static double share(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

enum trivet_loop_verdict trivet_loop_judge_scores(const struct trivet_policy *policy,
                                                  const struct trivet_loop_scores *scores,
                                                  char *text)
{
    const double sign = scores->greater_is_better ? 1 : -1;
    const double gain = sign * (scores->challenger - scores->champion);
    const double base_gain = sign * (scores->base_challenger - scores->base_champion);
    /* An error's size depends on the target's units: there the drop is a share of it. */
    const double drop_max = scores->greater_is_better
                                ? policy->base_drop_max
                                : policy->base_drop_max * fabs(scores->base_champion);
    if (scores->holdout_rows < policy->holdout_rows_min) {
        (void)trivet_text_format(
            text, TRIVET_LOOP_TEXT_BYTES, "the holdout has %llu rows of the %llu that are needed",
            (unsigned long long)scores->holdout_rows, (unsigned long long)policy->holdout_rows_min);
        return TRIVET_LOOP_BAD;
    }
    bool better = gain > 0 && gain >= policy->better_by;
    bool good_on_base = -base_gain <= drop_max;
    (void)trivet_text_format(
        text, TRIVET_LOOP_TEXT_BYTES,
        "%s %.4g against the champion's %.4g on %llu held-out rows%s; on the champion's own rows "
        "%.4g, its test was %.4g%s",
        scores->metric, scores->challenger, scores->champion,
        (unsigned long long)scores->holdout_rows, better ? "" : ": not better enough",
        scores->base_challenger, scores->base_champion, good_on_base ? "" : ": too much worse");
    return better && good_on_base ? TRIVET_LOOP_GOOD : TRIVET_LOOP_BAD;
}

enum trivet_loop_verdict trivet_loop_judge_shadow(const struct trivet_policy *policy,
                                                  const struct trivet_loop_state *state,
                                                  int64_t now_us, char *text)
{
    const double seen = state->shadow[0].since;
    const double agreement = share(state->shadow[1].since, seen - state->shadow[2].since);
    const double failed = share(state->shadow[2].since, seen);
    (void)trivet_text_format(
        text, TRIVET_LOOP_TEXT_BYTES, "%.0f of %llu rows compared, %.1f %% equal, %.2f %% failed",
        seen, (unsigned long long)policy->shadow_rows, 100 * agreement, 100 * failed);
    /* Failures are not waited for to the end. */
    if (seen >= (double)policy->shadow_rows && failed > policy->shadow_failed_max) {
        return TRIVET_LOOP_BAD;
    }
    if (seen < (double)policy->shadow_rows || now_us - state->step_since_us < policy->shadow_us) {
        return TRIVET_LOOP_WAIT;
    }
    return agreement < policy->shadow_agreement_min ? TRIVET_LOOP_BAD : TRIVET_LOOP_GOOD;
}

enum trivet_loop_verdict trivet_loop_judge_canary(const struct trivet_policy *policy,
                                                  const struct trivet_loop_state *state,
                                                  int64_t now_us, char *text)
{
    const double rows = state->challenger_rows[0].since;
    const double failed = share(state->challenger_rows[1].since, rows);
    const double usual = share(state->champion_rows[1].since, state->champion_rows[0].since);
    (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                             "%.0f of %llu rows answered, %.2f %% failed, the champion's %.2f %%",
                             rows, (unsigned long long)policy->canary_rows, 100 * failed,
                             100 * usual);
    if (rows >= (double)policy->canary_rows && failed > usual + policy->canary_failed_max) {
        return TRIVET_LOOP_BAD;
    }
    if (rows < (double)policy->canary_rows || now_us - state->step_since_us < policy->canary_us) {
        return TRIVET_LOOP_WAIT;
    }
    return TRIVET_LOOP_GOOD;
}

enum trivet_loop_verdict trivet_loop_judge_quality(const struct trivet_policy *policy,
                                                   const struct trivet_loop_state *state,
                                                   char *text)
{
    const double n = state->quality[0].since;
    const double weight = state->quality[1].since;
    const double before = state->scores.quality;
    if (!state->scored || n < (double)policy->watch_labels || !(weight > 0)) {
        (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES, "%.0f of %llu labels came%s", n,
                                 (unsigned long long)policy->watch_labels,
                                 state->scored ? "" : "; the champion was not scored");
        return TRIVET_LOOP_WAIT;
    }
    if (state->scores.classification) {
        const double accuracy = state->quality[2].since / weight;
        const double p = (accuracy * n + HALF) / (n + 2 * HALF);
        const double error = sqrt(p * (1 - p) / n);
        (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                                 "live accuracy %.4f ± %.4f on %.0f labels, %.4f before", accuracy,
                                 error, n, before);
        return accuracy + STANDARD_ERRORS * error < before - policy->watch_drop ? TRIVET_LOOP_BAD
                                                                                : TRIVET_LOOP_GOOD;
    }
    const double mse = state->quality[3].since / weight;
    const double error = mse * sqrt(2 / n); /* of normal errors */
    (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                             "live mean squared error %.6g ± %.2g on %.0f labels, %.6g before", mse,
                             error, n, before);
    return mse - STANDARD_ERRORS * error > before * (1 + policy->watch_drop) ? TRIVET_LOOP_BAD
                                                                             : TRIVET_LOOP_GOOD;
}
