#include "monitor/loop/judge.h"

#include "base/text.h"
#include "monitor/quality/weighted.h"

#include <math.h>

/* Looked at again and again: what one in 740 quiet blocks passes by chance, even without a drop
 * that is allowed. */
#define STANDARD_ERRORS 3.0
/* Of errors, whose tails are of any shape: passed once, and twice in a row. */
#define ERRORS_ONCE  3.5
#define ERRORS_TWICE 2.75
/* Of normal errors, mean absolute over root mean squared: sqrt(2 / pi). */
#define NORMAL_MEAN 0.7978845608028654
/* Effective labels: with fewer, one may be half of the weight. */
#define EFFECTIVE_MIN 10.0
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

static double since(const struct trivet_loop_state *state, enum trivet_loop_quality_meter meter)
{
    return state->quality[meter].since;
}

static struct trivet_weighted weighted_of(const struct trivet_loop_state *state,
                                          enum trivet_loop_quality_meter x,
                                          enum trivet_loop_quality_meter square)
{
    return (struct trivet_weighted){
        .rows = since(state, TRIVET_LOOP_LABELLED),
        .weight = since(state, TRIVET_LOOP_WEIGHT),
        .squared_weight = since(state, TRIVET_LOOP_SQUARED_WEIGHT),
        .squared_weight_x = since(state, x),
        .squared_weight_square = since(state, square),
    };
}

static enum trivet_loop_verdict judge_classes(const struct trivet_policy *policy,
                                              const struct trivet_loop_state *state, char *text)
{
    const struct trivet_weighted sums =
        weighted_of(state, TRIVET_LOOP_SQUARED_WEIGHT_RIGHT, TRIVET_LOOP_SQUARED_WEIGHT_RIGHT);
    const double n = trivet_weighted_rows(&sums);
    const double before = state->scores.quality;
    /* More old labels may have been put right than new ones came. */
    const double accuracy = fmin(1, fmax(0, since(state, TRIVET_LOOP_RIGHT) / sums.weight));
    const double p = (accuracy * n + HALF) / (n + 2 * HALF);
    const double error = trivet_weighted_error(&sums, accuracy, p * (1 - p));
    (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                             "live accuracy %.4f ± %.4f on %.0f labels, %.4f before", accuracy,
                             error, sums.rows, before);
    return accuracy + STANDARD_ERRORS * error < before - policy->watch_drop ? TRIVET_LOOP_BAD
                                                                            : TRIVET_LOOP_GOOD;
}

static enum trivet_loop_verdict judge_numbers(const struct trivet_policy *policy,
                                              const struct trivet_loop_state *state, char *text)
{
    const struct trivet_weighted sums = weighted_of(
        state, TRIVET_LOOP_SQUARED_WEIGHT_ABSOLUTE_ERROR, TRIVET_LOOP_SQUARED_WEIGHT_SQUARED_ERROR);
    const struct trivet_loop_scores *scores = &state->scores;
    const double before = scores->error > 0 ? scores->error : NORMAL_MEAN * sqrt(scores->quality);
    const double mse = fmax(0, since(state, TRIVET_LOOP_SQUARED_ERROR) / sums.weight);
    const double mae = fmax(0, since(state, TRIVET_LOOP_ABSOLUTE_ERROR) / sums.weight);
    const double error = trivet_weighted_error(&sums, mae, mse - mae * mae);
    /* What the champion had is of as few rows. */
    const double error_before =
        sqrt(fmax(0, scores->quality - before * before) / fmax(1, (double)scores->holdout_rows));
    const double above = mae - before * sqrt(1 + policy->watch_drop);
    const double chance = hypot(error, error_before);
    (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                             "live mean squared error %.6g, absolute %.4g ± %.2g on %.0f labels, "
                             "%.6g and %.4g ± %.2g before",
                             mse, mae, error, sums.rows, scores->quality, before, error_before);
    if (above > ERRORS_ONCE * chance) {
        return TRIVET_LOOP_BAD;
    }
    return above > ERRORS_TWICE * chance ? TRIVET_LOOP_DOUBTFUL : TRIVET_LOOP_GOOD;
}

enum trivet_loop_verdict trivet_loop_judge_quality(const struct trivet_policy *policy,
                                                   const struct trivet_loop_state *state,
                                                   char *text)
{
    const struct trivet_weighted sums =
        weighted_of(state, TRIVET_LOOP_SQUARED_WEIGHT, TRIVET_LOOP_SQUARED_WEIGHT);
    if (!state->scored || sums.rows < (double)policy->watch_labels || !(sums.weight > 0)) {
        (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES, "%.0f of %llu labels came%s",
                                 sums.rows, (unsigned long long)policy->watch_labels,
                                 state->scored ? "" : "; the champion was not scored");
        return TRIVET_LOOP_WAIT;
    }
    for (size_t i = 0; i < TRIVET_LOOP_QUALITY_METERS; i++) {
        if (!isfinite(state->quality[i].since)) {
            (void)trivet_text_copy(text, TRIVET_LOOP_TEXT_BYTES, "a sum of labels is no number");
            return TRIVET_LOOP_WAIT;
        }
    }
    if (!(trivet_weighted_rows(&sums) >= EFFECTIVE_MIN)) {
        (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES,
                                 "%.0f labels came, of which a few outweigh all others", sums.rows);
        return TRIVET_LOOP_WAIT;
    }
    return state->scores.classification ? judge_classes(policy, state, text)
                                        : judge_numbers(policy, state, text);
}
