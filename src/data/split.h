/* Seeded splits of rows into training and test, and into folds.
 *
 * Four kinds. Rows are positions 0..n_rows-1 of the caller's own list; `keys` and `times` are in
 * the same order. The same plan gives the same split, on every machine; one thread per call.
 *
 *   SHUFFLED    any row may go anywhere
 *   STRATIFIED  each class keeps its share in every part
 *   GROUPED     all rows of a group stay together, so that a model is not tested on a person,
 *               machine or document it has seen in training
 *   TIME        nothing is trained on what came later */
#ifndef TRIVET_DATA_SPLIT_H
#define TRIVET_DATA_SPLIT_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trivet_split_kind {
    TRIVET_SPLIT_SHUFFLED,
    TRIVET_SPLIT_STRATIFIED,
    TRIVET_SPLIT_GROUPED,
    TRIVET_SPLIT_TIME,
};

struct trivet_split_plan {
    enum trivet_split_kind kind;
    size_t n_rows;
    const uint32_t *keys; /* (n_rows), < n_keys: the row's class (STRATIFIED) or group (GROUPED) */
    size_t n_keys;
    const double *times; /* TIME: (n_rows), finite, in any order; NULL: rows stand in time order */
    uint64_t seed;       /* not for TIME: there is only one way */
};

/* Training and test. positions (n_rows) ← a permutation of 0..n_rows-1: the first *n_train are for
 * training, the others for test, each part ascending. test_size in [0, 1); 0 leaves no test rows.
 * The test part has n_test = ceil(test_size × n_rows) rows, as scikit-learn counts, and
 *   SHUFFLED    they are drawn;
 *   STRATIFIED  each class gets its share of n_test to the nearest row (largest remainders), but
 *               one row at least in both parts if it has two or more; a single row of a class goes
 *               to training (scikit-learn refuses such a class);
 *   GROUPED     groups are drawn, each taken when that brings the part nearer to n_test rows; with
 *               test_size > 0 at least one group is in either part, so the size may differ much
 *               where groups are few (scikit-learn counts groups, not rows);
 *   TIME        they are the last; of equal times the later positions.
 * INVALID_ARGUMENT when a part that should have rows would be empty, n_test or n_train is too small
 * for one row of each class, there is a single group, or a time is not finite. Outputs are left
 * alone on error. */
enum trivet_status trivet_split_holdout(const struct trivet_split_plan *plan, double test_size,
                                        size_t *positions, size_t *n_train,
                                        struct trivet_error *err) TRIVET_MUST_USE;

/* A row that is in no test block: TIME only, the rows before the first block. */
#define TRIVET_FOLD_NEVER_TESTED UINT32_MAX

/* fold_of_row (n_rows) ← the fold in which the row is tested, 0..n_folds-1.
 *   SHUFFLED    sizes of folds differ by at most one;
 *   STRATIFIED  so do the counts of each class, and the sizes; a class of fewer rows than folds is
 *               missing from some, but one class at least must have as many rows as folds;
 *   GROUPED     no group is in two folds; from the largest group down, each goes to the fold that
 *               has the fewest rows (scikit-learn's GroupKFold; among groups of one size `seed`
 *               decides the order);
 *   TIME        blocks of n_rows / (n_folds + 1) rows in time order, the last ending with the last
 *               row; the rows before the first block are TRIVET_FOLD_NEVER_TESTED (scikit-learn's
 *               TimeSeriesSplit).
 * Ask trivet_split_trains and trivet_split_tests which rows belong to a fold: with TIME the folds
 * are no partition. INVALID_ARGUMENT: n_folds < 2, or more than rows, groups or (TIME) rows - 1. */
enum trivet_status trivet_split_assign_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                             uint32_t *fold_of_row,
                                             struct trivet_error *err) TRIVET_MUST_USE;

/* Whether a row of `row_fold` is tested in fold `fold`. */
static inline bool trivet_split_tests(uint32_t row_fold, uint32_t fold)
{
    return row_fold == fold;
}

/* Whether it is trained on: every other row, or with TIME only those before the fold's block. */
static inline bool trivet_split_trains(enum trivet_split_kind kind, uint32_t row_fold,
                                       uint32_t fold)
{
    if (kind == TRIVET_SPLIT_TIME) {
        return row_fold == TRIVET_FOLD_NEVER_TESTED || row_fold < fold;
    }
    return row_fold != fold;
}

/* SHUFFLED, of any row numbers: shuffles rows[0..n_rows) by `seed` and cuts as
 * trivet_split_holdout does. INVALID_ARGUMENT when a part that should have rows would be empty. */
enum trivet_status trivet_split_train_test(size_t *rows, size_t n_rows, double test_size,
                                           uint64_t seed, size_t *n_train,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* trivet_split_assign_folds of SHUFFLED. */
enum trivet_status trivet_split_folds(size_t n_rows, size_t n_folds, uint64_t seed,
                                      uint32_t *fold_of_row,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
