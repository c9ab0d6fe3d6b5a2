/* Seeded splits of row numbers. */
#ifndef TRIVET_DATA_SPLIT_H
#define TRIVET_DATA_SPLIT_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Shuffles rows[0..n_rows) by `seed` and cuts: the first *n_train are for training, the rest
 * (ceil(test_size × n_rows), as scikit-learn counts) for test; each part is put in ascending order.
 * test_size in [0, 1). INVALID_ARGUMENT when a part that should have rows would be empty. */
enum trivet_status trivet_split_train_test(size_t *rows, size_t n_rows, double test_size,
                                           uint64_t seed, size_t *n_train,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Fold of each row, 0..n_folds-1, shuffled by `seed`; sizes differ by at most one.
 * INVALID_ARGUMENT: n_folds < 2 or > n_rows. */
enum trivet_status trivet_split_folds(size_t n_rows, size_t n_folds, uint64_t seed,
                                      uint32_t *fold_of_row,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
