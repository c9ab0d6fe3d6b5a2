/* Memory for scoring versions on datasets in the server: rows and scores of all calls that do so at
 * once keep to one limit. Any thread. */
#ifndef TRIVET_RPC_SCORING_H
#define TRIVET_RPC_SCORING_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/dataset.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_scoring {
    size_t dataset_bytes_max;        /* a larger one is not scored in the server */
    struct trivet_arena_pool memory; /* of all calls */
};

/* A committed dataset in memory. */
struct trivet_scoring_rows {
    char id[TRIVET_STORE_ID_BYTES];
    struct trivet_dataset *dataset;
    size_t n_bytes; /* of the limit */
};

/* NOT_FOUND; FAILED_PRECONDITION: not committed, or too large; RESOURCE_EXHAUSTED: other calls hold
 * what there is. */
enum trivet_status trivet_scoring_load(struct trivet_scoring *scoring, struct trivet_store *store,
                                       const char *dataset_id, struct trivet_scoring_rows *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Zeroed rows are fine. */
void trivet_scoring_release(struct trivet_scoring *scoring, struct trivet_scoring_rows *rows);
/* What came of an evaluation in an arena of the limit's: where memory was short, `err` says what of
 * and what helps. Returns `status`. */
enum trivet_status trivet_scoring_explain(const struct trivet_scoring *scoring,
                                          enum trivet_status status, struct trivet_error *err);

#endif
