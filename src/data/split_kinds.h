/* The kinds of split behind data/split.h; for its own files. */
#ifndef TRIVET_DATA_SPLIT_KINDS_H
#define TRIVET_DATA_SPLIT_KINDS_H

#include "data/split.h"

/* is_test (n_rows, all false) ← the rows of the test part, about n_test, 0 < n_test < n_rows. */
enum trivet_status trivet_split_stratified_test(const struct trivet_split_plan *plan, size_t n_test,
                                                bool *is_test,
                                                struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_split_grouped_test(const struct trivet_split_plan *plan, size_t n_test,
                                             bool *is_test,
                                             struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_split_time_test(const struct trivet_split_plan *plan, size_t n_test,
                                          bool *is_test, struct trivet_error *err) TRIVET_MUST_USE;

/* fold_of_row (n_rows), 2 <= n_folds <= n_rows; left alone on error. */
enum trivet_status trivet_split_stratified_folds(const struct trivet_split_plan *plan,
                                                 size_t n_folds, uint32_t *fold_of_row,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_split_grouped_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                              uint32_t *fold_of_row,
                                              struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_split_time_folds(const struct trivet_split_plan *plan, size_t n_folds,
                                           uint32_t *fold_of_row,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* What the kinds share. Positions 0..count-1, shuffled by `seed`; the caller frees them; NULL when
 * out of memory. */
size_t *trivet_split_shuffled(size_t count, uint64_t seed) TRIVET_MUST_USE;
/* Rows of each key (n_keys), zero-initialised by trivet_calloc; NULL when out of memory. */
size_t *trivet_split_count_keys(const struct trivet_split_plan *plan) TRIVET_MUST_USE;
enum trivet_status trivet_split_no_memory(size_t n_rows, struct trivet_error *err);

#endif
