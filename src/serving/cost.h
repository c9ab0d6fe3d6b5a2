/* What batches of one version cost, as a line over their rows. May be used by: serving, rpc. */
#ifndef TRIVET_SERVING_COST_H
#define TRIVET_SERVING_COST_H

#include <stddef.h>

struct trivet_cost {
    double batch_ns; /* of a batch, whatever its rows */
    double row_ns;   /* of each row */
};

double trivet_cost_ns(const struct trivet_cost *cost, size_t n_rows);
/* Takes in what a batch took: of few rows for the part of the batch, of many for that of the row.
 * A thread that was stopped in the middle took long without the batch costing more. So one batch
 * raises the estimate by a sixteenth at most, and takes a quarter of the way down. One thread at a
 * time. */
void trivet_cost_learn(struct trivet_cost *cost, size_t n_rows, double took_ns);

#endif
