/* The judgements of the loop: numbers in, a verdict and its words out. Pure. */
#ifndef TRIVET_MONITOR_LOOP_JUDGE_H
#define TRIVET_MONITOR_LOOP_JUDGE_H

#include "monitor/loop/loop.h"

enum trivet_loop_verdict {
    TRIVET_LOOP_WAIT, /* too little was seen */
    TRIVET_LOOP_GOOD,
    TRIVET_LOOP_DOUBTFUL, /* worse, but perhaps by chance: bad when it is found twice in a row */
    TRIVET_LOOP_BAD,
};

/* `text` (TRIVET_LOOP_TEXT_BYTES) tells what was looked at, whatever the verdict. */
enum trivet_loop_verdict trivet_loop_judge_scores(const struct trivet_policy *policy,
                                                  const struct trivet_loop_scores *scores,
                                                  char *text);
enum trivet_loop_verdict trivet_loop_judge_shadow(const struct trivet_policy *policy,
                                                  const struct trivet_loop_state *state,
                                                  int64_t now_us, char *text);
enum trivet_loop_verdict trivet_loop_judge_canary(const struct trivet_policy *policy,
                                                  const struct trivet_loop_state *state,
                                                  int64_t now_us, char *text);
/* Live quality of the challenger against what the champion had on the holdout, by labels of which
 * each stands for its weight: BAD or DOUBTFUL when it is lower by more than `watch_drop` and than
 * chance explains. Accuracy: 3 standard errors are BAD. Numbers: by the mean absolute error, with
 * the variance that both have, as the squared one is decided by one outlier where errors have heavy
 * tails; `watch_drop` is that of the squared error, 3.5 standard errors are BAD and 2.75 DOUBTFUL.
 * So no single label makes it BAD, and after a holdout of 200 rows a quiet day of 240 blocks does
 * one time in a hundred. WAIT under `watch_labels` labels, when so few of them outweigh all others
 * that nothing can be said, or when the champion was not scored. */
enum trivet_loop_verdict trivet_loop_judge_quality(const struct trivet_policy *policy,
                                                   const struct trivet_loop_state *state,
                                                   char *text);

#endif
