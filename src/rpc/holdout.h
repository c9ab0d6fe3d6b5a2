/* Rows that versions are scored on side by side, whatever they were trained on. Control threads: a
 * scoring takes as long as the rows do. */
#ifndef TRIVET_RPC_HOLDOUT_H
#define TRIVET_RPC_HOLDOUT_H

#include "base/arena.h"
#include "base/compiler.h"
#include "evaluation/evaluate.h"
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

/* A committed dataset, held in memory until it is freed. NOT_FOUND; FAILED_PRECONDITION: not
 * committed, or more than `bytes_max`. */
enum trivet_status trivet_holdout_open(struct trivet_store *store, const char *dataset_id,
                                       size_t bytes_max, struct trivet_holdout **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_holdout_free(struct trivet_holdout *holdout);
/* Score a version by the target that it was trained on. INVALID_ARGUMENT: the rows lack the target
 * or an input; the message names the version and the dataset. */
enum trivet_status trivet_holdout_score(const struct trivet_holdout *holdout,
                                        const struct trivet_servable *servable,
                                        struct trivet_holdout_score *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
