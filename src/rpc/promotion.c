#include "rpc/promotion.h"

#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/text.h"
#include "lifecycle/gate.h"
#include "trivet/v1/artefact.pb-c.h"

#include <string.h>

#define GATES_MAX 32

struct metrics {
    struct trivet_metric *items;
    size_t n_items;
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

static enum trivet_status check_bounds(const Trivet__V1__PromoteRequest *request,
                                       const Trivet__V1__TrainingReport *report,
                                       struct trivet_arena *arena, struct trivet_error *err)
{
    struct metrics metrics;
    const Trivet__V1__EvaluationReport *evaluation =
        report == NULL ? NULL : (report->test != NULL ? report->test : report->train);
    if (request->n_require > GATES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "more than %d gates", GATES_MAX);
    }
    enum trivet_status status = read_metrics(evaluation, arena, &metrics, err);
    for (size_t i = 0; status == TRIVET_OK && i < request->n_require; i++) {
        status = trivet_gate_check(request->require[i], metrics.items, metrics.n_items, err);
    }
    return status;
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
    if (number == rival) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "%s is version %llu itself, which cannot be better than itself",
                                request->require_better_than, number);
    }
    if (!same_holdout(a, b)) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "versions %llu and %llu of '%s' were not evaluated on the same "
                                "holdout; train both on one dataset with the same split, or "
                                "evaluate both on one dataset (trivet evaluate %s:%llu) and deploy "
                                "with a bound",
                                number, rival, request->model, request->model, number);
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

enum trivet_status trivet_promotion_check(const Trivet__V1__PromoteRequest *request,
                                          const struct trivet_servable *candidate,
                                          struct trivet_servable_set *servables,
                                          struct trivet_arena *arena, struct trivet_rival *rival,
                                          struct trivet_error *err)
{
    struct trivet_servable *other = NULL;
    enum trivet_status status =
        check_bounds(request, trivet_servable_artefact(candidate)->message->report, arena, err);
    if (status != TRIVET_OK || request->require_better_than[0] == '\0') {
        return status;
    }
    status = parse_rival(request->require_better_than, rival, err);
    if (status == TRIVET_OK) {
        status = trivet_servable_set_load(servables, request->model, rival->version, rival->alias,
                                          &other, err);
    }
    if (status == TRIVET_OK) {
        rival->version = trivet_servable_version(other);
        status = compare(request, candidate, other, arena, err);
    }
    trivet_servable_unref(other);
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
