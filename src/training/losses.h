/* How the loss of a fit that goes on went, in bounded room. Pure. */
#ifndef TRIVET_TRAINING_LOSSES_H
#define TRIVET_TRAINING_LOSSES_H

#include "trivet/v1/training.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define TRIVET_LOSSES_MAX 128 /* even */

/* Zero-initialised is empty. The newest point is always the last; those before it are the first
 * that was told and every stride-th after it. */
struct trivet_losses {
    size_t n;
    uint64_t stride; /* doubled, and every second point dropped, whenever there is no room */
    uint64_t n_told; /* since the fit began */
    uint64_t iterations[TRIVET_LOSSES_MAX]; /* ascending, from 1 */
    double values[TRIVET_LOSSES_MAX];       /* finite */
};

/* Takes the next point. An iteration before the newest is of a fit that begins anew: what there was
 * is forgotten. What can be no point, or was told already, is left out. */
void trivet_losses_take(struct trivet_losses *losses, uint64_t iteration, double loss);
/* As messages: `points`, and pointers to them in `list`; n of each. */
void trivet_losses_points(const struct trivet_losses *losses, Trivet__V1__LossPoint *points,
                          Trivet__V1__LossPoint **list);
/* Leaves the newest point alone, for those who hear of every change. */
void trivet_losses_keep_newest(struct trivet_losses *losses);

#endif
