#include "data/split.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

static int compare_sizes(const void *left, const void *right)
{
    size_t a = *(const size_t *)left;
    size_t b = *(const size_t *)right;
    return (a > b) - (a < b);
}

enum trivet_status trivet_split_train_test(size_t *rows, size_t n_rows, double test_size,
                                           uint64_t seed, size_t *n_train, struct trivet_error *err)
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
    size_t n_test = exact >= (double)n_rows ? n_rows : (size_t)exact;
    if (n_test == n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a test_size of %g leaves none of %zu rows for training; lower it "
                                "or add rows",
                                test_size, n_rows);
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    trivet_rng_shuffle(&rng, rows, n_rows);
    size_t cut = n_rows - n_test;
    qsort(rows, cut, sizeof(*rows), compare_sizes);
    qsort(rows + cut, n_test, sizeof(*rows), compare_sizes);
    *n_train = cut;
    return TRIVET_OK;
}

enum trivet_status trivet_split_folds(size_t n_rows, size_t n_folds, uint64_t seed,
                                      uint32_t *fold_of_row, struct trivet_error *err)
{
    if (n_folds < 2 || n_folds > n_rows || n_folds > UINT32_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu folds of %zu rows; use at least 2 and at most one per row",
                                n_folds, n_rows);
    }
    size_t *order = trivet_alloc_array(n_rows, sizeof(*order));
    if (order == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory splitting %zu rows into folds", n_rows);
    }
    for (size_t i = 0; i < n_rows; i++) {
        order[i] = i;
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, seed);
    trivet_rng_shuffle(&rng, order, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        fold_of_row[order[i]] = (uint32_t)(i % n_folds);
    }
    trivet_free(order);
    return TRIVET_OK;
}
