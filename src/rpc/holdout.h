/* Rows that versions are scored on side by side, whatever they were trained on. Control threads: a
 * scoring takes as long as the rows do. */
#ifndef TRIVET_RPC_HOLDOUT_H
#define TRIVET_RPC_HOLDOUT_H

#include "base/arena.h"
#include "base/compiler.h"
#include "evaluation/evaluate.h"
#include "rpc/scoring.h"
#include "serving/servable.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

struct trivet_holdout;

/* What one version is worth on the rows. */
struct trivet_holdout_score {
    uint64_t n_rows;        /* that it has a prediction for */
    uint64_t n_unpredicted; /* that have a true outcome, but no prediction */
    size_t n_metrics;
    struct trivet_metric metrics[TRIVET_METRICS_MAX];
};

/* A committed dataset, held in memory until it is freed, before `scoring`, whose limit it is part
 * of. NOT_FOUND; FAILED_PRECONDITION: not committed, or too large; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_holdout_open(struct trivet_scoring *scoring, struct trivet_store *store,
                                       const char *dataset_id, struct trivet_holdout **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_holdout_free(struct trivet_holdout *holdout);
/* Score a version by the target that it was trained on. INVALID_ARGUMENT: the rows lack the target
 * or an input; RESOURCE_EXHAUSTED: no memory is left of the limit; the message names the version
 * and the dataset. */
enum trivet_status trivet_holdout_score(const struct trivet_holdout *holdout,
                                        const struct trivet_servable *servable,
                                        struct trivet_holdout_score *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
