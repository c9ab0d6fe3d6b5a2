#include "training/losses.h"

#include <math.h>

static void thin(struct trivet_losses *losses)
{
    losses->n /= 2;
    losses->stride *= 2;
    for (size_t i = 1; i < losses->n; i++) {
        losses->iterations[i] = losses->iterations[2 * i];
        losses->values[i] = losses->values[2 * i];
    }
}

void trivet_losses_take(struct trivet_losses *losses, uint64_t iteration, double loss)
{
    if (iteration == 0 || !isfinite(loss)) {
        return;
    }
    if (losses->n > 0 && iteration == losses->iterations[losses->n - 1]) {
        return;
    }
    if (losses->n == 0 || iteration < losses->iterations[losses->n - 1]) {
        *losses = (struct trivet_losses){.stride = 1};
    }
    if (losses->n > 0 && (losses->n_told - 1) % losses->stride != 0) {
        losses->n--; /* it was there as the newest only */
    }
    if (losses->n == TRIVET_LOSSES_MAX) {
        thin(losses);
    }
    losses->iterations[losses->n] = iteration;
    losses->values[losses->n] = loss;
    losses->n++;
    losses->n_told++;
}

void trivet_losses_points(const struct trivet_losses *losses, Trivet__V1__LossPoint *points,
                          Trivet__V1__LossPoint **list)
{
    for (size_t i = 0; i < losses->n; i++) {
        trivet__v1__loss_point__init(&points[i]);
        points[i].iteration = losses->iterations[i];
        points[i].loss = losses->values[i];
        list[i] = &points[i];
    }
}

void trivet_losses_keep_newest(struct trivet_losses *losses)
{
    if (losses->n > 1) {
        losses->iterations[0] = losses->iterations[losses->n - 1];
        losses->values[0] = losses->values[losses->n - 1];
        losses->n = 1;
    }
}
