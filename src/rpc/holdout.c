#include "rpc/holdout.h"

#include "base/alloc.h"
#include "data/dataset.h"
#include "training/dataset_load.h"

#include <string.h>

/* Predictions and truths of the rows of a dataset that may be held. */
#define SCORING_BYTES_MAX ((size_t)8 << 30)

struct trivet_holdout {
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_dataset *dataset;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

enum trivet_status trivet_holdout_open(struct trivet_store *store, const char *dataset_id,
                                       size_t bytes_max, struct trivet_holdout **out,
                                       struct trivet_error *err)
{
    struct trivet_store_dataset record;
    struct trivet_holdout *holdout = trivet_calloc(1, sizeof(*holdout));
    enum trivet_status status = holdout == NULL
                                    ? out_of_memory(err)
                                    : trivet_dataset_load(store, dataset_id, bytes_max, NULL, NULL,
                                                          &record, NULL, &holdout->dataset, err);
    if (status != TRIVET_OK) {
        trivet_free(holdout);
        return status;
    }
    memcpy(holdout->id, record.id, sizeof(holdout->id));
    *out = holdout;
    return TRIVET_OK;
}

void trivet_holdout_free(struct trivet_holdout *holdout)
{
    if (holdout != NULL) {
        trivet_dataset_free(holdout->dataset);
        trivet_free(holdout);
    }
}

enum trivet_status trivet_holdout_score(const struct trivet_holdout *holdout,
                                        const struct trivet_servable *servable,
                                        struct trivet_holdout_score *out, struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(servable);
    const struct trivet_column_spec *target = trivet_pipeline_target(pipeline);
    const struct trivet_table table = trivet_dataset_table(holdout->dataset);
    const struct trivet_evaluate_options plain = {0};
    struct trivet_evaluation evaluation;
    /* The rows take more room than a call has. */
    struct trivet_arena *arena = trivet_arena_create(SCORING_BYTES_MAX, 0);
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
        trivet_error_prefix(err, "version %llu on the holdout %s: ",
                            (unsigned long long)trivet_servable_version(servable), holdout->id);
    }
    trivet_arena_free(arena);
    return status;
}
