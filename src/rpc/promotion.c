#include "rpc/promotion.h"

#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/text.h"
#include "lifecycle/gate.h"
#include "rpc/holdout.h"
#include "trivet/v1/artefact.pb-c.h"

#include <string.h>

#define GATES_MAX 32
/* Rows without a prediction, of 100: more of them and the rest does not stand for all. */
#define UNPREDICTED_PERCENT_MAX 5

struct metrics {
    struct trivet_metric *items;
    size_t n_items;
    uint64_t n_rows;        /* that were scored */
    uint64_t n_unpredicted; /* that were not, since they have no prediction */
    bool seen;              /* rows that the version was trained on */
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

static enum trivet_status read_metrics(const Trivet__V1__EvaluationReport *evaluation,
                                       struct trivet_arena *arena, struct metrics *out,
                                       struct trivet_error *err)
{
    out->n_items = evaluation == NULL ? 0 : evaluation->n_metrics;
    out->items = trivet_arena_alloc_array(arena, out->n_items, sizeof(*out->items));
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < out->n_items; i++) {
        out->items[i].name = evaluation->metrics[i]->name;
        out->items[i].value = evaluation->metrics[i]->value;
        out->items[i].defined = evaluation->metrics[i]->defined;
    }
    return TRIVET_OK;
}

/* Of a scoring on the rows of the request's dataset. */
static enum trivet_status copy_metrics(const struct trivet_holdout_score *score,
                                       struct trivet_arena *arena, struct metrics *out,
                                       struct trivet_error *err)
{
    const size_t n_bytes = score->n_metrics * sizeof(*out->items);
    out->n_items = score->n_metrics;
    out->items = trivet_arena_alloc(arena, n_bytes);
    if (out->items == NULL) {
        return out_of_memory(err);
    }
    memcpy(out->items, score->metrics, n_bytes);
    return TRIVET_OK;
}

/* What the gates of the request look at: with a dataset of its own, the scores on that. */
static enum trivet_status candidate_metrics(const struct trivet_holdout *holdout,
                                            const struct trivet_servable *candidate,
                                            struct trivet_arena *arena, struct metrics *out,
                                            struct trivet_error *err)
{
    struct trivet_holdout_score score;
    const Trivet__V1__TrainingReport *report = trivet_servable_artefact(candidate)->message->report;
    if (holdout == NULL) {
        /* Those of training only tell which metrics there are. */
        const Trivet__V1__EvaluationReport *test = report == NULL ? NULL : report->test;
        out->seen = test == NULL;
        out->n_rows = test == NULL ? 0 : test->rows;
        out->n_unpredicted = test == NULL ? 0 : test->rows_skipped;
        return read_metrics(report == NULL || test != NULL ? test : report->train, arena, out, err);
    }
    enum trivet_status status = trivet_holdout_score(holdout, candidate, &score, err);
    if (status == TRIVET_OK) {
        out->n_rows = score.n_rows;
        out->n_unpredicted = score.n_unpredicted;
        status = copy_metrics(&score, arena, out, err);
    }
    return status;
}

/* Rows without a prediction are not scored: of too many, the others prove nothing. The first rows
 * of a pipeline that looks back have none whatever it is worth. */
static enum trivet_status check_unpredicted(const struct trivet_servable *candidate,
                                            const struct metrics *metrics, struct trivet_error *err)
{
    const uint64_t look_back = trivet_pipeline_history_rows(trivet_servable_pipeline(candidate));
    const uint64_t n_rows = metrics->n_rows + metrics->n_unpredicted;
    if (metrics->n_unpredicted <= look_back ||
        metrics->n_unpredicted - look_back <= n_rows * UNPREDICTED_PERCENT_MAX / 100) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "version %llu has no prediction for %llu of the %llu rows that it is "
                            "judged on; a gate takes at most %d in 100 (missing values need an "
                            "imputer)",
                            (unsigned long long)trivet_servable_version(candidate),
                            (unsigned long long)metrics->n_unpredicted, (unsigned long long)n_rows,
                            UNPREDICTED_PERCENT_MAX);
}

static enum trivet_status check_bounds(const Trivet__V1__PromoteRequest *request,
                                       const struct trivet_servable *candidate,
                                       const struct metrics *metrics, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < request->n_require; i++) {
        status = trivet_gate_check(request->require[i], metrics->items, metrics->n_items, err);
        if (metrics->seen && status != TRIVET_INVALID_ARGUMENT) {
            status = trivet_error_set(
                err, TRIVET_FAILED_PRECONDITION,
                "version %llu of '%s' was trained without held-out rows, and what it scores on its "
                "own proves nothing; give others that the gate looks at (trivet deploy --holdout), "
                "or train with a test split",
                (unsigned long long)trivet_servable_version(candidate), request->model);
        }
    }
    return status == TRIVET_OK && request->n_require > 0
               ? check_unpredicted(candidate, metrics, err)
               : status;
}

/* --- the same holdout ------------------------------------------------------------------------ */

static bool same_texts(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++) {
        same = strcmp(a[i], b[i]) == 0;
    }
    return same;
}

/* Splits are drawn from their seed: the same rows, specification and target hold out the same. */
static bool same_rows(const Trivet__V1__Artefact *a, const Trivet__V1__Artefact *b)
{
    const Trivet__V1__SplitSpec *split_a = a->split;
    const Trivet__V1__SplitSpec *split_b = b->split;
    const Trivet__V1__PipelineSpec *spec_a = a->spec;
    const Trivet__V1__PipelineSpec *spec_b = b->spec;
    if (split_a == NULL || split_b == NULL || spec_a == NULL || spec_b == NULL ||
        a->lineage == NULL || b->lineage == NULL) {
        return false;
    }
    bool same_split = split_a->test_size == split_b->test_size && split_a->seed == split_b->seed &&
                      split_a->kind == split_b->kind &&
                      strcmp(split_a->column, split_b->column) == 0;
    /* What a duplicate is goes by the columns used. */
    bool same_kept = spec_a->drop_duplicates == spec_b->drop_duplicates &&
                     (!spec_a->drop_duplicates || same_texts(spec_a->columns, spec_a->n_columns,
                                                             spec_b->columns, spec_b->n_columns));
    return same_split && same_kept && strcmp(spec_a->target, spec_b->target) == 0 &&
           a->lineage->dataset_hash[0] != '\0' &&
           strcmp(a->lineage->dataset_hash, b->lineage->dataset_hash) == 0;
}

static bool same_holdout(const Trivet__V1__Artefact *a, const Trivet__V1__Artefact *b)
{
    const Trivet__V1__EvaluationReport *test_a = a->report == NULL ? NULL : a->report->test;
    const Trivet__V1__EvaluationReport *test_b = b->report == NULL ? NULL : b->report->test;
    /* As many rows of the same task: also when a split of the kind "by the task" differed. */
    return test_a != NULL && test_b != NULL && test_a->task == test_b->task &&
           test_a->rows == test_b->rows && same_rows(a, b);
}

/* --- better than a rival --------------------------------------------------------------------- */

static enum trivet_status parse_rival(const char *text, struct trivet_rival *out,
                                      struct trivet_error *err)
{
    const struct trivet_rival named = {.alias = text[0] == '@' ? text + 1 : NULL};
    *out = named;
    if (named.alias != NULL ? trivet_text_is_name(named.alias, TRIVET_STORE_NAME_BYTES - 1)
                            : trivet_text_parse_uint64(text, &out->version) && out->version > 0) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "'%.80s' is nothing to be better than; give an alias, as in "
                            "@production, or a version, as in 3",
                            text);
}

/* Both by the evaluations in their artefacts. */
static enum trivet_status compare(const Trivet__V1__PromoteRequest *request,
                                  const struct trivet_servable *candidate,
                                  const struct trivet_servable *other, struct trivet_arena *arena,
                                  struct trivet_error *err)
{
    const Trivet__V1__Artefact *a = trivet_servable_artefact(candidate)->message;
    const Trivet__V1__Artefact *b = trivet_servable_artefact(other)->message;
    const unsigned long long number = trivet_servable_version(candidate);
    const unsigned long long rival = trivet_servable_version(other);
    struct metrics ours;
    struct metrics theirs;
    if (!same_holdout(a, b)) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "versions %llu and %llu of '%s' were not evaluated on the same "
                                "holdout; give a dataset that both are scored on (trivet deploy "
                                "--holdout), or train both on one dataset with the same split",
                                number, rival, request->model);
    }
    enum trivet_status status = read_metrics(a->report->test, arena, &ours, err);
    if (status == TRIVET_OK) {
        status = read_metrics(b->report->test, arena, &theirs, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_gate_better(request->better_metric, ours.items, ours.n_items, theirs.items,
                                    theirs.n_items, err);
    }
    return status;
}

static bool same_target(const struct trivet_servable *a, const struct trivet_servable *b)
{
    const struct trivet_pipeline *of_a = trivet_servable_pipeline(a);
    const struct trivet_pipeline *of_b = trivet_servable_pipeline(b);
    const struct trivet_column_spec *target_a = trivet_pipeline_target(of_a);
    const struct trivet_column_spec *target_b = trivet_pipeline_target(of_b);
    bool same = target_a == NULL || target_b == NULL ? target_a == target_b
                                                     : strcmp(target_a->name, target_b->name) == 0;
    return same && trivet_pipeline_task(of_a) == trivet_pipeline_task(of_b);
}

/* Both on the rows of the request's dataset; the candidate's scores are there already. */
static enum trivet_status compare_on(const struct trivet_holdout *holdout,
                                     const Trivet__V1__PromoteRequest *request,
                                     const struct trivet_servable *candidate,
                                     const struct metrics *ours,
                                     const struct trivet_servable *other, struct trivet_error *err)
{
    struct trivet_holdout_score theirs;
    const unsigned long long number = trivet_servable_version(candidate);
    const unsigned long long rival = trivet_servable_version(other);
    if (!same_target(candidate, other)) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "versions %llu and %llu of '%s' predict different targets; their "
                                "scores cannot be compared",
                                number, rival, request->model);
    }
    enum trivet_status status = trivet_holdout_score(holdout, other, &theirs, err);
    if (status != TRIVET_OK) {
        return status;
    }
    /* Rows without a prediction are not scored: who leaves out the hard ones is not better. */
    if (ours->n_rows < theirs.n_rows) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "version %llu has a prediction for %llu rows of the holdout, "
                                "version %llu for %llu; it must not have fewer",
                                number, (unsigned long long)ours->n_rows, rival,
                                (unsigned long long)theirs.n_rows);
    }
    status = check_unpredicted(candidate, ours, err);
    return status == TRIVET_OK
               ? trivet_gate_better(request->better_metric, ours->items, ours->n_items,
                                    theirs.metrics, theirs.n_metrics, err)
               : status;
}

static enum trivet_status
check_better(const Trivet__V1__PromoteRequest *request, const struct trivet_holdout *holdout,
             const struct trivet_servable *candidate, const struct metrics *ours,
             struct trivet_servable_set *servables, struct trivet_arena *arena,
             struct trivet_rival *rival, struct trivet_error *err)
{
    struct trivet_servable *other = NULL;
    enum trivet_status status = parse_rival(request->require_better_than, rival, err);
    if (status == TRIVET_OK) {
        status = trivet_servable_set_load(servables, request->model, rival->version, rival->alias,
                                          &other, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    rival->version = trivet_servable_version(other);
    if (rival->version == trivet_servable_version(candidate)) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "%s is version %llu itself, which cannot be better than itself",
                                  request->require_better_than, (unsigned long long)rival->version);
    } else if (holdout == NULL) {
        status = compare(request, candidate, other, arena, err);
    } else {
        status = compare_on(holdout, request, candidate, ours, other, err);
    }
    trivet_servable_unref(other);
    return status;
}

enum trivet_status trivet_promotion_check(const Trivet__V1__PromoteRequest *request,
                                          const struct trivet_servable *candidate,
                                          const struct trivet_promotion *promotion,
                                          struct trivet_arena *arena, struct trivet_rival *rival,
                                          struct trivet_error *err)
{
    const bool better = request->require_better_than[0] != '\0';
    struct trivet_holdout *holdout = NULL;
    struct metrics ours = {0};
    enum trivet_status status = TRIVET_OK;
    if (request->n_require > GATES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "more than %d gates", GATES_MAX);
    }
    if (request->holdout_dataset_id[0] != '\0') {
        status = request->n_require == 0 && !better
                     ? trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "a holdout without a gate decides nothing; say what must "
                                        "hold on it (require, require_better_than)")
                     : trivet_holdout_open(promotion->scoring, promotion->store,
                                           request->holdout_dataset_id, &holdout, err);
    }
    if (status == TRIVET_OK) {
        status = candidate_metrics(holdout, candidate, arena, &ours, err);
    }
    if (status == TRIVET_OK) {
        status = check_bounds(request, candidate, &ours, err);
    }
    if (status == TRIVET_OK && better) {
        status = trivet_gate_check_metric(request->better_metric, ours.items, ours.n_items, err);
    }
    if (status == TRIVET_OK && better) {
        status = check_better(request, holdout, candidate, &ours, promotion->servables, arena,
                              rival, err);
    }
    trivet_holdout_free(holdout);
    return status;
}

enum trivet_status trivet_promotion_check_rival(struct trivet_store *store, const char *model,
                                                const struct trivet_rival *rival,
                                                struct trivet_error *err)
{
    size_t count = 0;
    if (rival->alias == NULL) {
        return TRIVET_OK;
    }
    struct trivet_store_alias *records = trivet_calloc(TRIVET_STORE_ALIASES_MAX, sizeof(*records));
    enum trivet_status status =
        records == NULL
            ? out_of_memory(err)
            : trivet_store_alias_list(store, model, records, TRIVET_STORE_ALIASES_MAX, &count, err);
    bool still = false;
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        still = still || (strcmp(records[i].name, rival->alias) == 0 &&
                          records[i].version == rival->version);
    }
    if (status == TRIVET_OK && !still) {
        status = trivet_error_set(err, TRIVET_ABORTED,
                                  "alias '%s' of model '%s' has left version %llu since it was "
                                  "compared with; try again",
                                  rival->alias, model, (unsigned long long)rival->version);
    }
    trivet_free(records);
    return status;
}
