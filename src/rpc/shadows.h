/* Shadows: versions that compute what another one has answered, to be compared and never answered.
 *
 * What a call asked and what it was told is copied where it is answered, and put to a bounded queue
 * without a lock; a thread of its own, at the lowest priority, predicts, compares and counts. When
 * the queue is full rows are skipped, and counted as that. No worker and no loop waits for it, and
 * a shadow that fails is only counted. */
#ifndef TRIVET_RPC_SHADOWS_H
#define TRIVET_RPC_SHADOWS_H

#include "base/compiler.h"
#include "data/table.h"
#include "events/shadow_totals.h"
#include "serving/traffic.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_shadows;

struct trivet_shadows_options {
    struct trivet_shadow_totals *totals; /* borrowed */
    size_t queue_rows_max; /* so many of calls that wait, of all shadows: no more are taken */
    size_t queue_bytes_max;
};

enum trivet_status trivet_shadows_create(const struct trivet_shadows_options *options,
                                         struct trivet_shadows **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* What waits is skipped. No offer may run or follow. NULL is fine. */
void trivet_shadows_free(struct trivet_shadows *shadows);

/* A call that is being answered; all borrowed for the offer. */
struct trivet_shadow_call {
    struct trivet_traffic *traffic; /* that gave the call to `answered_by` */
    struct trivet_servable *answered_by;
    size_t n_rows;
    /* (n_rows, n_outputs) of answered_by, and what is wrong with which rows; NULL: nothing. */
    const double *outputs;
    const struct trivet_row_status *faults;
    /* The rows: a matrix of doubles or floats, at any address … */
    const void *matrix; /* (n_rows, n_cols); NULL: in the request */
    size_t n_cols;
    bool single_precision;
    /* … or a packed PredictRequest. */
    const void *request;
    size_t request_bytes;
};
/* To the shadows that have their turn. Any thread; copies, never blocks. */
void trivet_shadows_offer(struct trivet_shadows *shadows, const struct trivet_shadow_call *call);

#endif
