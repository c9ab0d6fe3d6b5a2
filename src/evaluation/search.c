#include "evaluation/search.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "metrics/catalog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS_MIN_TO_STOP 2

/* One search on its way. */
struct searching {
    const struct trivet_search_plan *plan;
    const struct trivet_metric_info *metric;
    struct trivet_arena *arena;
    size_t n_candidates;
    struct trivet_trial *trials;
    const struct trivet_trial *best; /* of those that finished, NULL: none yet */
    int64_t started_ns;
    /* Of the candidate being tried. */
    size_t current;
    bool is_hopeless;
    bool is_late;
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory while searching");
}

static double seconds_since(int64_t start_ns)
{
    return (double)(trivet_clock_monotonic_ns() - start_ns) / (double)TRIVET_NS_PER_S;
}

static bool is_over_budget(const struct searching *searching)
{
    const double budget = searching->plan->budget_seconds;
    return budget > 0.0 && seconds_since(searching->started_ns) > budget;
}

static bool is_better(const struct searching *searching, double a, double b)
{
    return searching->metric->greater_is_better ? a > b : a < b;
}

/* --- hopeless --------------------------------------------------------------------------------- */

/* Student's t at 99 %, one-sided, for 1 to 9 degrees of freedom; more are not far from the last. */
static double t_99(size_t freedom)
{
    static const double table[] = {31.821, 6.965, 4.541, 3.747, 3.365, 3.143, 2.998, 2.896, 2.821};
    const size_t last = TRIVET_ARRAY_COUNT(table);
    return table[freedom <= last ? freedom - 1 : last - 1];
}

/* Whether `n` scores are behind the best ones by more than chance explains. */
static bool is_behind(const struct searching *searching, const struct trivet_fold *done, size_t n)
{
    const struct trivet_trial *best = searching->best;
    double differences[TRIVET_FOLDS_MAX];
    double sum = 0.0;
    double squares = 0.0;
    if (best == NULL || searching->plan->keep_hopeless || n < FOLDS_MIN_TO_STOP) {
        return false;
    }
    for (size_t k = 0; k < n; k++) {
        const struct trivet_metric *metric =
            trivet_evaluation_metric(&done[k].evaluation, searching->metric->name);
        if (metric == NULL || !metric->defined) {
            return false;
        }
        differences[k] = searching->metric->greater_is_better ? best->scores[k] - metric->value
                                                              : metric->value - best->scores[k];
        sum += differences[k];
    }
    const double mean = sum / (double)n;
    for (size_t k = 0; k < n; k++) {
        squares += (differences[k] - mean) * (differences[k] - mean);
    }
    const double error = sqrt(squares / (double)(n - 1) / (double)n);
    return mean > 0.0 && mean > t_99(n - 1) * error;
}

static enum trivet_fold_verdict on_fold(void *ctx, size_t fold, size_t n_folds,
                                        const struct trivet_fold *done)
{
    struct searching *searching = ctx;
    const struct trivet_search_plan *plan = searching->plan;
    const double part = ((double)searching->current + (double)fold / (double)n_folds) /
                        (double)searching->n_candidates;
    if (plan->on_progress != NULL &&
        !plan->on_progress(plan->ctx, part, searching->current, searching->n_candidates, fold)) {
        return TRIVET_FOLD_CANCEL;
    }
    searching->is_late = fold > 0 && searching->best != NULL && is_over_budget(searching);
    searching->is_hopeless = is_behind(searching, done, fold);
    return searching->is_late || searching->is_hopeless ? TRIVET_FOLD_ENOUGH : TRIVET_FOLD_GO_ON;
}

/* --- one candidate ---------------------------------------------------------------------------- */

static enum trivet_status fail(struct searching *searching, struct trivet_trial *trial,
                               const char *message, struct trivet_error *err)
{
    trial->state = TRIVET_TRIAL_FAILED;
    trial->error_message = trivet_arena_strdup(searching->arena, message);
    return trial->error_message != NULL ? TRIVET_OK : no_memory(err);
}

static enum trivet_status take_scores(struct searching *searching, struct trivet_trial *trial,
                                      const struct trivet_cross_validation *validation,
                                      struct trivet_error *err)
{
    double sum = 0.0;
    double squares = 0.0;
    double train = 0.0;
    for (size_t k = 0; k < validation->n_folds; k++) {
        const struct trivet_metric *metric =
            trivet_evaluation_metric(&validation->folds[k].evaluation, searching->metric->name);
        if (metric == NULL || !metric->defined) {
            char message[128];
            trivet_text_format(message, sizeof message, "gives no %s in fold %zu",
                               searching->metric->name, k + 1);
            return fail(searching, trial, message, err);
        }
        trial->scores[k] = metric->value;
        sum += metric->value;
        train += validation->folds[k].train_score.value;
    }
    const double n = (double)validation->n_folds;
    trial->n_scores = validation->n_folds;
    trial->mean = sum / n;
    trial->train_mean = train / n;
    for (size_t k = 0; k < validation->n_folds; k++) {
        squares += (trial->scores[k] - trial->mean) * (trial->scores[k] - trial->mean);
    }
    trial->deviation = sqrt(squares / n);
    trial->state = TRIVET_TRIAL_FINISHED;
    if (trial->n_scores < searching->plan->validation.n_folds) {
        trial->state = searching->is_hopeless ? TRIVET_TRIAL_STOPPED : TRIVET_TRIAL_SKIPPED;
    } else if (searching->best == NULL ||
               is_better(searching, trial->mean, searching->best->mean)) {
        searching->best = trial;
    }
    return TRIVET_OK;
}

static enum trivet_status try_candidate(struct searching *searching, struct trivet_trial *trial,
                                        struct trivet_error *err)
{
    struct trivet_cross_validation validation = {0};
    struct trivet_error failure = {0};
    struct trivet_validation_plan plan = searching->plan->validation;
    const int64_t start_ns = trivet_clock_monotonic_ns();
    /* The folds' own reports are not told: an arena of their own. */
    struct trivet_arena *arena = trivet_arena_create((size_t)-1 / 4, 0);
    if (arena == NULL) {
        return no_memory(err);
    }
    plan.spec = trial->candidate->spec;
    plan.train_metric = searching->metric->name;
    plan.on_fold = on_fold;
    plan.ctx = searching;
    searching->is_late = false;
    searching->is_hopeless = false;
    enum trivet_status status = trivet_cross_validate(&plan, arena, &validation, &failure);
    if (status == TRIVET_OK) {
        status = take_scores(searching, trial, &validation, err);
    } else if (status == TRIVET_CANCELLED) {
        trivet_error_set(err, status, "the search was cancelled");
    } else {
        status = fail(searching, trial, failure.message, err);
    }
    trial->seconds = seconds_since(start_ns);
    trivet_arena_free(arena);
    return status;
}

/* --- the result ------------------------------------------------------------------------------- */

/* Finished before stopped before failed before skipped; then by score, then in order. */
static int compare(const struct searching *searching, const struct trivet_trial *a,
                   const struct trivet_trial *b)
{
    if (a->state != b->state) {
        return a->state < b->state ? -1 : 1;
    }
    bool scored = a->state == TRIVET_TRIAL_FINISHED || a->state == TRIVET_TRIAL_STOPPED;
    if (scored && a->mean != b->mean) {
        return is_better(searching, a->mean, b->mean) ? -1 : 1;
    }
    return a->index < b->index ? -1 : 1;
}

/* Insertion sort: at most TRIVET_CANDIDATES_MAX, nearly in order. */
static void sort_trials(const struct searching *searching)
{
    for (size_t i = 1; i < searching->n_candidates; i++) {
        struct trivet_trial trial = searching->trials[i];
        size_t place = i;
        while (place > 0 && compare(searching, &trial, &searching->trials[place - 1]) < 0) {
            searching->trials[place] = searching->trials[place - 1];
            place--;
        }
        searching->trials[place] = trial;
    }
}

/* "ridge(alpha=1)" */
static void describe(const struct trivet_trial *trial, char *text, size_t text_bytes)
{
    const struct trivet_candidate *candidate = trial->candidate;
    trivet_text_copy(text, text_bytes, candidate->spec->estimator);
    for (size_t p = 0; p < candidate->n_parameters; p++) {
        size_t used = strlen(text);
        trivet_text_format(&text[used], text_bytes - used, "%s%s=%s", p == 0 ? "(" : ", ",
                           candidate->parameters[p]->name, candidate->parameters[p]->value);
    }
    if (candidate->n_parameters > 0) {
        size_t used = strlen(text);
        trivet_text_format(&text[used], text_bytes - used, ")");
    }
}

static void explain_choice(const struct trivet_search *search, char *text, size_t text_bytes)
{
    char name[96];
    const struct trivet_trial *best = &search->trials[0];
    describe(best, name, sizeof name);
    trivet_text_format(text, text_bytes, "%s has the best mean %s of %zu folds, %.4g ± %.2g", name,
                       search->metric, best->n_scores, best->mean, best->deviation);
    if (search->n_trials > 1 && search->trials[1].state == TRIVET_TRIAL_FINISHED) {
        const struct trivet_trial *next = &search->trials[1];
        const bool near = fabs(best->mean - next->mean) <= best->deviation;
        size_t used = strlen(text);
        describe(next, name, sizeof name);
        trivet_text_format(&text[used], text_bytes - used, "; next is %s with %.4g%s", name,
                           next->mean, near ? ", within one deviation" : "");
    }
}

static enum trivet_status find_metric(struct searching *searching, struct trivet_error *err)
{
    static const enum trivet_metric_task tasks[] = {
        [TRIVET_TASK_REGRESSION] = TRIVET_METRIC_REGRESSION,
        [TRIVET_TASK_CLASSIFICATION] = TRIVET_METRIC_CLASSIFICATION,
        [TRIVET_TASK_CLUSTERING] = TRIVET_METRIC_CLUSTERING,
    };
    const struct trivet_search_plan *plan = searching->plan;
    const char *name =
        plan->metric[0] != '\0' ? plan->metric : trivet_evaluation_main_metric(plan->task);
    searching->metric = trivet_metric_info_find(name);
    if (searching->metric != NULL && searching->metric->task == tasks[plan->task]) {
        return TRIVET_OK;
    }
    char names[512] = "";
    size_t count = 0;
    const struct trivet_metric_info *catalog = trivet_metric_catalog(&count);
    for (size_t m = 0; m < count; m++) {
        size_t used = strlen(names);
        if (catalog[m].task == tasks[plan->task]) {
            trivet_text_format(&names[used], sizeof names - used, "%s%s", used > 0 ? ", " : "",
                               catalog[m].name);
        }
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "'%s' is no metric for this task; choose by one of: %s", name, names);
    trivet_error_add_violation(err, "search.metric", "is not known for this task");
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status run(struct searching *searching,
                              const struct trivet_candidates *candidates, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t c = 0; c < candidates->n_candidates && status == TRIVET_OK; c++) {
        struct trivet_trial *trial = &searching->trials[c];
        *trial = (struct trivet_trial){.candidate = &candidates->list[c],
                                       .index = c,
                                       .state = TRIVET_TRIAL_SKIPPED,
                                       .error_message = ""};
        searching->current = c;
        if (searching->best == NULL || !is_over_budget(searching)) {
            status = try_candidate(searching, trial, err);
        }
    }
    if (status == TRIVET_OK && searching->best == NULL) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "none of %zu combinations could be scored; the first: %s",
                                  candidates->n_candidates, searching->trials[0].error_message);
    }
    return status;
}

enum trivet_status trivet_search_run(const struct trivet_search_plan *plan,
                                     const struct trivet_candidates *candidates,
                                     struct trivet_arena *arena, struct trivet_search *out,
                                     struct trivet_error *err)
{
    struct searching searching = {
        .plan = plan,
        .arena = arena,
        .n_candidates = candidates->n_candidates,
        .started_ns = trivet_clock_monotonic_ns(),
    };
    enum trivet_status status = find_metric(&searching, err);
    if (status == TRIVET_OK) {
        status = trivet_cross_validate_check(&plan->validation, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    searching.trials =
        trivet_arena_alloc_array(arena, candidates->n_candidates, sizeof *searching.trials);
    status = searching.trials == NULL ? no_memory(err) : run(&searching, candidates, err);
    if (status != TRIVET_OK) {
        return status;
    }
    sort_trials(&searching);
    *out = (struct trivet_search){
        .metric = searching.metric->name,
        .greater_is_better = searching.metric->greater_is_better,
        .n_folds = plan->validation.n_folds,
        .n_trials = candidates->n_candidates,
        .trials = searching.trials,
        .seconds = seconds_since(searching.started_ns),
    };
    explain_choice(out, out->reason, sizeof out->reason);
    return TRIVET_OK;
}
