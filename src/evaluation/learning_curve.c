#include "evaluation/learning_curve.h"

#include <math.h>

static void summarise(const struct trivet_cross_validation *validation, const char *metric,
                      struct trivet_learning_point *out)
{
    double train_squares = 0.0;
    double squares = 0.0;
    double n = 0.0;
    *out = (struct trivet_learning_point){0};
    for (size_t k = 0; k < validation->n_folds; k++) {
        const struct trivet_fold *fold = &validation->folds[k];
        const struct trivet_metric *score = trivet_evaluation_metric(&fold->evaluation, metric);
        if (score == NULL || !score->defined || !fold->train_score.defined) {
            continue;
        }
        /* Running means and sums of squares (Welford 1962). */
        n += 1.0;
        const double train = fold->train_score.value - out->train_mean;
        const double validated = score->value - out->validation_mean;
        out->train_mean += train / n;
        out->validation_mean += validated / n;
        train_squares += train * (fold->train_score.value - out->train_mean);
        squares += validated * (score->value - out->validation_mean);
        out->n_train += fold->n_train;
    }
    if (n > 0.0) {
        out->n_train = (uint64_t)((double)out->n_train / n);
        out->train_deviation = sqrt(train_squares / n);
        out->validation_deviation = sqrt(squares / n);
    }
}

enum trivet_status trivet_learning_curve_make(const struct trivet_validation_plan *plan,
                                              const char *metric, trivet_learning_cb on_point,
                                              void *ctx, struct trivet_learning_curve *out,
                                              struct trivet_error *err)
{
    struct trivet_learning_curve curve = {.metric = metric};
    struct trivet_validation_plan part = *plan;
    enum trivet_status status = TRIVET_OK;
    part.train_metric = metric;
    for (size_t p = 0; p < TRIVET_LEARNING_POINTS; p++) {
        struct trivet_cross_validation validation = {0};
        if (on_point != NULL && !on_point(ctx, p, TRIVET_LEARNING_POINTS)) {
            return trivet_error_set(err, TRIVET_CANCELLED, "the learning curve was cancelled");
        }
        struct trivet_arena *arena = trivet_arena_create((size_t)-1 / 4, 0);
        if (arena == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory for the learning curve");
        }
        part.train_fraction = 0.1 + 0.9 * (double)p / (TRIVET_LEARNING_POINTS - 1);
        status = trivet_cross_validate(&part, arena, &validation, err);
        if (status == TRIVET_OK) {
            summarise(&validation, metric, &curve.points[curve.n_points]);
            curve.n_points += curve.points[curve.n_points].n_train > 0 ? 1 : 0;
        }
        trivet_arena_free(arena);
    }
    if (status == TRIVET_OK) {
        *out = curve;
    }
    return status;
}
