/* Splits in time order: nothing is trained on what came later. */
#include "base/alloc.h"
#include "data/split_kinds.h"

#include <math.h>
#include <stdlib.h>

struct moment {
    double time;
    size_t position;
};

static int compare_moments(const void *left, const void *right)
{
    const struct moment *a = left;
    const struct moment *b = right;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    return (a->position > b->position) - (a->position < b->position);
}

/* The rows in time order; the caller frees them. Without times that is their own order. */
static enum trivet_status order_rows(const struct trivet_split_plan *plan, struct moment **out,
                                     struct trivet_error *err)
{
    for (size_t i = 0; plan->times != NULL && i < plan->n_rows; i++) {
        if (!isfinite(plan->times[i])) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "row %zu has no time to be ordered by; fill it in or leave the "
                                    "row out",
                                    i + 1);
        }
    }
    struct moment *moments = trivet_alloc_array(plan->n_rows, sizeof(*moments));
    if (moments == NULL) {
        return trivet_split_no_memory(plan->n_rows, err);
    }
    for (size_t i = 0; i < plan->n_rows; i++) {
        double time = plan->times != NULL ? plan->times[i] : 0.0;
        moments[i] = (struct moment){.time = time, .position = i};
    }
    if (plan->times != NULL) {
        qsort(moments, plan->n_rows, sizeof(*moments), compare_moments);
    }
    *out = moments;
    return TRIVET_OK;
}

enum trivet_status trivet_split_time_test(const struct trivet_split_plan *plan, size_t n_test,
                                          bool *is_test, struct trivet_error *err)
{
    struct moment *moments = NULL;
    enum trivet_status status = order_rows(plan, &moments, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = plan->n_rows - n_test; i < plan->n_rows; i++) {
        is_test[moments[i].position] = true;
    }
    trivet_free(moments);
    return TRIVET_OK;
}

enum trivet_status trivet_split_time_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                           uint32_t *fold_of_row, struct trivet_error *err)
{
    size_t block = plan->n_rows / (n_folds + 1);
    if (block == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu folds in time order need at least %zu rows, and there are "
                                "%zu; use fewer folds",
                                n_folds, n_folds + 1, plan->n_rows);
    }
    struct moment *moments = NULL;
    enum trivet_status status = order_rows(plan, &moments, err);
    if (status != TRIVET_OK) {
        return status;
    }
    size_t first = plan->n_rows - n_folds * block;
    for (size_t i = 0; i < plan->n_rows; i++) {
        uint32_t fold = i < first ? TRIVET_FOLD_NEVER_TESTED : (uint32_t)((i - first) / block);
        fold_of_row[moments[i].position] = fold;
    }
    trivet_free(moments);
    return TRIVET_OK;
}
