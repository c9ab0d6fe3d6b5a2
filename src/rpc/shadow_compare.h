/* Whether a shadow says the same as what was answered. */
#ifndef TRIVET_RPC_SHADOW_COMPARE_H
#define TRIVET_RPC_SHADOW_COMPARE_H

#include "base/compiler.h"
#include "data/table.h"
#include "events/shadow_totals.h"
#include "models/pipeline.h"

#include <stdbool.h>
#include <stddef.h>

/* Numbers are equal within this part of the greater one. */
#define TRIVET_SHADOW_TOLERANCE 1e-6
/* Beyond, a difference is in no sum: squares of as many rows as there will ever be add up. */
#define TRIVET_SHADOW_DIFFERENCE_MAX 1e140

/* How two versions can be compared; borrows from both pipelines. */
struct trivet_shadow_kinds {
    const struct trivet_pipeline *shadow;
    const struct trivet_labels *labels;          /* of the shadow's classes; NULL: it has none */
    const struct trivet_labels *answered_labels; /* of the answer's */
    bool numbers;                                /* both are values */
    bool same_kind;                              /* else nothing is equal */
};
struct trivet_shadow_kinds trivet_shadow_kinds_of(const struct trivet_pipeline *shadow,
                                                  const struct trivet_pipeline *answered_by);

/* Adds `n_rows` rows to `counts`: `answered` has their values or codes, NaN where there was no
 * answer, which does not count; `outputs` (n_rows, n_outputs) and `faults` are the shadow's, NULL
 * when it could not predict at all. */
void trivet_shadow_compare(const struct trivet_shadow_kinds *kinds, const double *answered,
                           size_t n_rows, const double *outputs,
                           const struct trivet_row_status *faults,
                           struct trivet_shadow_counts *counts);

#endif
