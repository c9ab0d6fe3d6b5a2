#include "rpc/scoring.h"

#include "training/dataset_load.h"

#include <string.h>

enum trivet_status trivet_scoring_explain(const struct trivet_scoring *scoring,
                                          enum trivet_status status, struct trivet_error *err)
{
    if (status != TRIVET_RESOURCE_EXHAUSTED) {
        return status;
    }
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the rows take more memory than is left for evaluations and gates, "
                            "which have %llu MiB for all that run at once; repeat the call later, "
                            "or give fewer rows",
                            (unsigned long long)scoring->memory.bytes_max >> 20);
}

enum trivet_status trivet_scoring_load(struct trivet_scoring *scoring, struct trivet_store *store,
                                       const char *dataset_id, struct trivet_scoring_rows *out,
                                       struct trivet_error *err)
{
    struct trivet_store_dataset record;
    struct trivet_scoring_rows rows = {0};
    *out = rows;
    enum trivet_status status = trivet_store_dataset_get(store, dataset_id, &record, NULL, err);
    if (status != TRIVET_OK) {
        return status;
    }
    /* One that is too large or not committed is told as that. */
    rows.n_bytes = record.committed && record.stored_bytes <= scoring->dataset_bytes_max
                       ? (size_t)record.stored_bytes
                       : 0;
    if (!trivet_arena_pool_take(&scoring->memory, rows.n_bytes)) {
        return trivet_scoring_explain(scoring, TRIVET_RESOURCE_EXHAUSTED, err);
    }
    status = trivet_dataset_load(store, dataset_id, scoring->dataset_bytes_max, NULL, NULL, NULL,
                                 NULL, &rows.dataset, err);
    if (status != TRIVET_OK) {
        trivet_scoring_release(scoring, &rows);
        return status;
    }
    memcpy(rows.id, record.id, sizeof(rows.id));
    *out = rows;
    return TRIVET_OK;
}

void trivet_scoring_release(struct trivet_scoring *scoring, struct trivet_scoring_rows *rows)
{
    trivet_dataset_free(rows->dataset);
    trivet_arena_pool_give(&scoring->memory, rows->n_bytes);
    *rows = (struct trivet_scoring_rows){0};
}
