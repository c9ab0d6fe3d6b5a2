/* Chooses among candidates by cross-validation. */
#ifndef TRIVET_EVALUATION_SEARCH_H
#define TRIVET_EVALUATION_SEARCH_H

#include "evaluation/candidates.h"
#include "evaluation/cross_validate.h"

#define TRIVET_SEARCH_REASON_BYTES 320

/* Numbers as in report.proto. */
enum trivet_trial_state {
    TRIVET_TRIAL_FINISHED = 1,
    TRIVET_TRIAL_STOPPED = 2, /* hopeless */
    TRIVET_TRIAL_FAILED = 3,
    TRIVET_TRIAL_SKIPPED = 4, /* the time was up */
};

struct trivet_trial {
    const struct trivet_candidate *candidate;
    size_t index; /* among the candidates */
    enum trivet_trial_state state;
    size_t n_scores; /* folds run */
    double scores[TRIVET_FOLDS_MAX];
    double mean;
    double deviation; /* ddof 0 */
    double train_mean;
    double seconds;
    const char *error_message; /* "" unless FAILED; the arena's */
};

/* Everything lives in the arena of the call. */
struct trivet_search {
    const char *metric; /* static */
    bool greater_is_better;
    size_t n_folds;
    size_t n_trials;
    struct trivet_trial *trials; /* best first; those that did not finish last */
    char reason[TRIVET_SEARCH_REASON_BYTES];
    double seconds;
};

/* Before each candidate and each fold of one: the share of the search that is done, 0..1; false
 * cancels. */
typedef bool (*trivet_search_cb)(void *ctx, double fraction, size_t candidate, size_t n_candidates,
                                 size_t fold);

struct trivet_search_plan {
    struct trivet_validation_plan validation; /* its spec, train_metric, on_fold are not read */
    enum trivet_task task;
    const char *metric;    /* "" = the main metric of the task */
    double budget_seconds; /* no candidate is begun after it; 0 = no limit */
    bool keep_hopeless;
    trivet_search_cb on_progress;
    void *ctx;
};

/* Tries the candidates in order; trials[0] is the best. A candidate is stopped as hopeless when its
 * scores are worse than those of the best so far on the same folds by more than chance explains
 * (one-sided paired t-test at 1 %; the folds are not independent, so that this is a rule of thumb).
 * A candidate whose fit fails is told and does not end the search. INVALID_ARGUMENT: no such metric
 * for the task, or none of the candidates could be scored, with the first one's error. */
enum trivet_status trivet_search_run(const struct trivet_search_plan *plan,
                                     const struct trivet_candidates *candidates,
                                     struct trivet_arena *arena, struct trivet_search *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;

#endif
