/* Grouped splits: the rows of a group stay together. */
#include "base/alloc.h"
#include "data/split_kinds.h"

#include <stdlib.h>

/* A group that has rows, in drawn order. */
struct group {
    size_t rank; /* of the draw */
    size_t n_rows;
    uint32_t key;
};

/* The groups that have rows, drawn by the seed; the caller frees them. */
static enum trivet_status draw_groups(const struct trivet_split_plan *plan, struct group **out,
                                      size_t *n_groups, struct trivet_error *err)
{
    size_t *order = trivet_split_shuffled(plan->n_keys, plan->seed);
    size_t *sizes = trivet_split_count_keys(plan);
    struct group *groups = trivet_alloc_array(plan->n_keys, sizeof(*groups));
    enum trivet_status status = TRIVET_OK;
    if (order == NULL || sizes == NULL || groups == NULL) {
        status = trivet_split_no_memory(plan->n_rows, err);
        goto done;
    }
    size_t count = 0;
    for (size_t i = 0; i < plan->n_keys; i++) {
        if (sizes[order[i]] > 0) {
            groups[count] =
                (struct group){.rank = count, .n_rows = sizes[order[i]], .key = (uint32_t)order[i]};
            count++;
        }
    }
    *n_groups = count;
    *out = groups;
    groups = NULL;
done:
    trivet_free(order);
    trivet_free(sizes);
    trivet_free(groups);
    return status;
}

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

/* in_test (n_keys, all false) ← the groups of the test part; two groups or more. */
static void choose_groups(const struct group *groups, size_t n_groups, size_t n_rows, size_t n_test,
                          bool *in_test)
{
    size_t taken = 0;
    size_t smallest = 0;
    for (size_t g = 0; g < n_groups; g++) {
        size_t after = taken + groups[g].n_rows;
        smallest = groups[g].n_rows < groups[smallest].n_rows ? g : smallest;
        if (after < n_rows && distance(after, n_test) < distance(taken, n_test)) {
            in_test[groups[g].key] = true;
            taken = after;
        }
    }
    if (taken == 0) {
        in_test[groups[smallest].key] = true;
    }
}

enum trivet_status trivet_split_grouped_test(const struct trivet_split_plan *plan, size_t n_test,
                                             bool *is_test, struct trivet_error *err)
{
    struct group *groups = NULL;
    bool *in_test = NULL;
    size_t n_groups = 0;
    enum trivet_status status = draw_groups(plan, &groups, &n_groups, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    if (n_groups < 2) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "all %zu rows are of one group, which cannot be both in training "
                                  "and in test; group by another column",
                                  plan->n_rows);
        goto done;
    }
    in_test = trivet_calloc(plan->n_keys, sizeof(*in_test));
    if (in_test == NULL) {
        status = trivet_split_no_memory(plan->n_rows, err);
        goto done;
    }
    choose_groups(groups, n_groups, plan->n_rows, n_test, in_test);
    for (size_t i = 0; i < plan->n_rows; i++) {
        is_test[i] = in_test[plan->keys[i]];
    }
done:
    trivet_free(groups);
    trivet_free(in_test);
    return status;
}

/* The largest first; of one size the first drawn. */
static int compare_groups(const void *left, const void *right)
{
    const struct group *a = left;
    const struct group *b = right;
    if (a->n_rows != b->n_rows) {
        return a->n_rows < b->n_rows ? 1 : -1;
    }
    return (a->rank > b->rank) - (a->rank < b->rank);
}

/* fold_of_key (n_keys) ← from the largest group down, the fold with the fewest rows so far. Folds
 * without a group come first of all, so that none stays empty. */
static enum trivet_status spread_groups(struct group *groups, size_t n_groups, size_t n_folds,
                                        uint32_t *fold_of_key, struct trivet_error *err)
{
    size_t *n_rows = trivet_calloc(n_folds, sizeof(*n_rows));
    if (n_rows == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for %zu folds",
                                n_folds);
    }
    qsort(groups, n_groups, sizeof(*groups), compare_groups);
    for (size_t g = 0; g < n_groups; g++) {
        size_t lightest = 0;
        for (size_t k = 1; k < n_folds; k++) {
            lightest = n_rows[k] < n_rows[lightest] ? k : lightest;
        }
        fold_of_key[groups[g].key] = (uint32_t)lightest;
        n_rows[lightest] += groups[g].n_rows;
    }
    trivet_free(n_rows);
    return TRIVET_OK;
}

enum trivet_status trivet_split_grouped_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                              uint32_t *fold_of_row, struct trivet_error *err)
{
    struct group *groups = NULL;
    uint32_t *fold_of_key = NULL;
    size_t n_groups = 0;
    enum trivet_status status = draw_groups(plan, &groups, &n_groups, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    if (n_groups < n_folds) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%zu folds cannot be made of %zu groups; use at most one fold "
                                  "per group",
                                  n_folds, n_groups);
        goto done;
    }
    fold_of_key = trivet_alloc_array(plan->n_keys, sizeof(*fold_of_key));
    if (fold_of_key == NULL) {
        status = trivet_split_no_memory(plan->n_rows, err);
        goto done;
    }
    status = spread_groups(groups, n_groups, n_folds, fold_of_key, err);
    for (size_t i = 0; status == TRIVET_OK && i < plan->n_rows; i++) {
        fold_of_row[i] = fold_of_key[plan->keys[i]];
    }
done:
    trivet_free(groups);
    trivet_free(fold_of_key);
    return status;
}
