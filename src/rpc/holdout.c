#include "rpc/holdout.h"

#include "base/alloc.h"

#include <string.h>

struct trivet_holdout {
    struct trivet_scoring *scoring;
    struct trivet_scoring_rows rows;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

enum trivet_status trivet_holdout_open(struct trivet_scoring *scoring, struct trivet_store *store,
                                       const char *dataset_id, struct trivet_holdout **out,
                                       struct trivet_error *err)
{
    struct trivet_holdout *holdout = trivet_calloc(1, sizeof(*holdout));
    enum trivet_status status =
        holdout == NULL ? out_of_memory(err)
                        : trivet_scoring_load(scoring, store, dataset_id, &holdout->rows, err);
    if (status != TRIVET_OK) {
        trivet_free(holdout);
        return status;
    }
    holdout->scoring = scoring;
    *out = holdout;
    return TRIVET_OK;
}

void trivet_holdout_free(struct trivet_holdout *holdout)
{
    if (holdout != NULL) {
        trivet_scoring_release(holdout->scoring, &holdout->rows);
        trivet_free(holdout);
    }
}

enum trivet_status trivet_holdout_score(const struct trivet_holdout *holdout,
                                        const struct trivet_servable *servable,
                                        struct trivet_holdout_score *out, struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(servable);
    const struct trivet_column_spec *target = trivet_pipeline_target(pipeline);
    const struct trivet_table table = trivet_dataset_table(holdout->rows.dataset);
    const struct trivet_evaluate_options plain = {0};
    struct trivet_evaluation evaluation;
    /* The rows take more room than a call has. */
    struct trivet_arena *arena = trivet_arena_create_in(&holdout->scoring->memory);
    enum trivet_status status =
        arena == NULL ? out_of_memory(err)
                      : trivet_evaluate(pipeline, &table, target == NULL ? "" : target->name, NULL,
                                        table.n_rows, &plain, arena, &evaluation, err);
    if (status == TRIVET_OK) {
        out->n_rows = evaluation.n_rows;
        out->n_unpredicted = evaluation.n_unpredicted;
        out->n_metrics = evaluation.n_metrics;
        memcpy(out->metrics, evaluation.metrics, sizeof(out->metrics));
    } else {
        status = trivet_scoring_explain(holdout->scoring, status, err);
        trivet_error_prefix(err, "version %llu on the holdout %s: ",
                            (unsigned long long)trivet_servable_version(servable),
                            holdout->rows.id);
    }
    trivet_arena_free(arena);
    return status;
}
