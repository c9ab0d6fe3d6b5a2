#include "data/split.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "data/split_kinds.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

size_t *trivet_split_shuffled(size_t count, uint64_t seed)
{
    size_t *order = trivet_alloc_array(count, sizeof(*order));
    if (order == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    trivet_rng_shuffle(&rng, order, count);
    return order;
}

size_t *trivet_split_count_keys(const struct trivet_split_plan *plan)
{
    size_t *counts = trivet_calloc(plan->n_keys, sizeof(*counts));
    for (size_t i = 0; counts != NULL && i < plan->n_rows; i++) {
        assert(plan->keys[i] < plan->n_keys);
        counts[plan->keys[i]]++;
    }
    return counts;
}

enum trivet_status trivet_split_no_memory(size_t n_rows, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory splitting %zu rows; use fewer rows", n_rows);
}

static int compare_sizes(const void *left, const void *right)
{
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    return (a > b) - (a < b);
}

/* Rows of the test part, which leaves at least one for training. */
static enum trivet_status count_test(size_t n_rows, double test_size, size_t *n_test,
                                     struct trivet_error *err)
{
    if (!(test_size >= 0.0 && test_size < 1.0)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "test_size is %g; it must be in [0, 1)", test_size);
    }
    if (n_rows == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "there are no rows to split; add rows");
    }
    double exact = ceil(test_size * (double)n_rows);
    size_t count = exact >= (double)n_rows ? n_rows : (size_t)exact;
    if (count == n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a test_size of %g leaves none of %zu rows for training; lower it "
                                "or add rows",
                                test_size, n_rows);
    }
    *n_test = count;
    return TRIVET_OK;
}

enum trivet_status trivet_split_train_test(size_t *rows, size_t n_rows, double test_size,
                                           uint64_t seed, size_t *n_train, struct trivet_error *err)
{
    size_t n_test = 0;
    enum trivet_status status = count_test(n_rows, test_size, &n_test, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    trivet_rng_shuffle(&rng, rows, n_rows);
    size_t n_first = n_rows - n_test;
    qsort(rows, n_first, sizeof(*rows), compare_sizes);
    qsort(rows + n_first, n_test, sizeof(*rows), compare_sizes);
    *n_train = n_first;
    return TRIVET_OK;
}

/* The parts of positions: training first, each ascending. */
static void cut(const bool *is_test, size_t n_rows, size_t *positions, size_t *n_train)
{
    size_t next = 0;
    for (size_t i = 0; i < n_rows; i++) {
        if (!is_test[i]) {
            positions[next++] = i;
        }
    }
    *n_train = next;
    for (size_t i = 0; i < n_rows; i++) {
        if (is_test[i]) {
            positions[next++] = i;
        }
    }
}

static enum trivet_status mark_test(const struct trivet_split_plan *plan, size_t n_test,
                                    bool *is_test, struct trivet_error *err)
{
    if (n_test == 0) {
        return TRIVET_OK;
    }
    switch (plan->kind) {
    case TRIVET_SPLIT_STRATIFIED:
        return trivet_split_stratified_test(plan, n_test, is_test, err);
    case TRIVET_SPLIT_GROUPED:
        return trivet_split_grouped_test(plan, n_test, is_test, err);
    case TRIVET_SPLIT_TIME:
        return trivet_split_time_test(plan, n_test, is_test, err);
    case TRIVET_SPLIT_SHUFFLED:
        break;
    }
    size_t *order = trivet_split_shuffled(plan->n_rows, plan->seed);
    if (order == NULL) {
        return trivet_split_no_memory(plan->n_rows, err);
    }
    for (size_t i = plan->n_rows - n_test; i < plan->n_rows; i++) {
        is_test[order[i]] = true;
    }
    trivet_free(order);
    return TRIVET_OK;
}

enum trivet_status trivet_split_holdout(const struct trivet_split_plan *plan, double test_size,
                                        size_t *positions, size_t *n_train,
                                        struct trivet_error *err)
{
    size_t n_test = 0;
    enum trivet_status status = count_test(plan->n_rows, test_size, &n_test, err);
    if (status != TRIVET_OK) {
        return status;
    }
    bool *is_test = trivet_calloc(plan->n_rows, sizeof(*is_test));
    if (is_test == NULL) {
        return trivet_split_no_memory(plan->n_rows, err);
    }
    status = mark_test(plan, n_test, is_test, err);
    if (status == TRIVET_OK) {
        cut(is_test, plan->n_rows, positions, n_train);
    }
    trivet_free(is_test);
    return status;
}

static enum trivet_status shuffled_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                         uint32_t *fold_of_row, struct trivet_error *err)
{
    size_t *order = trivet_split_shuffled(plan->n_rows, plan->seed);
    if (order == NULL) {
        return trivet_split_no_memory(plan->n_rows, err);
    }
    for (size_t i = 0; i < plan->n_rows; i++) {
        fold_of_row[order[i]] = (uint32_t)(i % n_folds);
    }
    trivet_free(order);
    return TRIVET_OK;
}

enum trivet_status trivet_split_assign_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                             uint32_t *fold_of_row, struct trivet_error *err)
{
    if (n_folds < 2 || n_folds > plan->n_rows || n_folds >= TRIVET_FOLD_NEVER_TESTED) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu folds of %zu rows; use at least 2 and at most one per row",
                                n_folds, plan->n_rows);
    }
    switch (plan->kind) {
    case TRIVET_SPLIT_SHUFFLED:
        break;
    case TRIVET_SPLIT_STRATIFIED:
        return trivet_split_stratified_folds(plan, n_folds, fold_of_row, err);
    case TRIVET_SPLIT_GROUPED:
        return trivet_split_grouped_folds(plan, n_folds, fold_of_row, err);
    case TRIVET_SPLIT_TIME:
        return trivet_split_time_folds(plan, n_folds, fold_of_row, err);
    }
    return shuffled_folds(plan, n_folds, fold_of_row, err);
}

enum trivet_status trivet_split_folds(size_t n_rows, size_t n_folds, uint64_t seed,
                                      uint32_t *fold_of_row, struct trivet_error *err)
{
    const struct trivet_split_plan plan = {
        .kind = TRIVET_SPLIT_SHUFFLED, .n_rows = n_rows, .seed = seed};
    return trivet_split_assign_folds(&plan, n_folds, fold_of_row, err);
}
