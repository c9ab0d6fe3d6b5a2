/* Counts of rows in the bins of a reference profile: of the reference itself, or of what was
 * served. Memory is fixed by the profile, whatever is counted; two that are laid out alike can be
 * merged. May be used by: serving, monitor. */
#ifndef TRIVET_PROFILE_BINS_H
#define TRIVET_PROFILE_BINS_H

#include "base/compiler.h"
#include "trivet/v1/report.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Of one version, all columns together (32 MiB). */
#define TRIVET_BINS_CELLS_MAX ((size_t)4 << 20)

/* Columns are the features of the profile, then its predictions. The cells of column i are
 * cells[first[i]] … cells[first[i + 1] - 1]: as the `counts` of its profile, then the missing ones.
 * A row counts with its weight: how many rows a sampled one stands for. */
struct trivet_bins {
    size_t n_columns;
    size_t *first;  /* n_columns + 1 */
    double *cells;  /* sums of weights */
    double weights; /* of the rows */
    double squares; /* of the rows' weights */
};

/* Profile i of the columns above. */
const Trivet__V1__FeatureProfile *trivet_bins_column(const Trivet__V1__Profile *profile, size_t i);
/* Empty bins for `profile`, which has passed trivet_profile_check and is not kept. DATA_LOSS: it
 * has too many cells. */
enum trivet_status trivet_bins_create(const Trivet__V1__Profile *profile, struct trivet_bins **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
void trivet_bins_free(struct trivet_bins *bins);
void trivet_bins_clear(struct trivet_bins *bins);

/* Count one row: each of its columns once, in any order, with the same weight > 0, then the row. */
void trivet_bins_add_number(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                            size_t column, double value, double weight);
/* NULL = missing. */
void trivet_bins_add_category(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                              size_t column, const char *category, double weight);
void trivet_bins_add_row(struct trivet_bins *bins, double weight);

/* Add the rows that the profile was made of. */
void trivet_bins_add_profile(struct trivet_bins *bins, const Trivet__V1__Profile *profile);
bool trivet_bins_same_layout(const struct trivet_bins *a, const struct trivet_bins *b);
/* Both of the same layout. */
void trivet_bins_merge(struct trivet_bins *into, const struct trivet_bins *from);
/* The same, but the weights of `from` are scaled so that they add up to its effective rows: a few
 * sampled rows that stand for many do not push aside what is there. */
void trivet_bins_merge_rows(struct trivet_bins *into, const struct trivet_bins *from);
/* As many equal rows would tell as much: (sum of weights)² / (sum of their squares) (Kish 1965). 0
 * when nothing was counted. */
double trivet_bins_rows(const struct trivet_bins *bins);

#endif
