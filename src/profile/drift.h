/* How far what is served is from the reference: one column, one window. Pure.
 *
 * PSI: sum of (q - p) ln(q / p) over the cells of reference p and window q. Cells that hold fewer
 * than TRIVET_DRIFT_CELL_ROWS expected rows of the smaller sample, and categories that the
 * reference does not name, are one cell; each share is mixed with half a row of the smaller sample,
 * so that empty cells count finitely and alike on both sides. Without drift, n rows against m are
 * about (1/n + 1/m) times a chi-square with cells - 1 degrees of freedom.
 *
 * KS: the largest distance of the distributions of the values present, at the edges (numbers only).
 *
 * JS: the Jensen–Shannon distance, base 2, from 0 to 1, of all cells as they are.
 *
 * Drift is PSI or KS over its limit: what a change is worth looking at from (0.1), or what chance
 * exceeds with probability `level`, the greater of the two. Missing and out-of-range rows likewise:
 * so many points more than in the reference, and not by chance. */
#ifndef TRIVET_PROFILE_DRIFT_H
#define TRIVET_PROFILE_DRIFT_H

#include "base/compiler.h"
#include "profile/bins.h"

#include <stdbool.h>
#include <stddef.h>

#define TRIVET_DRIFT_CELL_ROWS 5.0
/* Fewer rows are shown and never judged: chance moves them too far. */
#define TRIVET_DRIFT_ROWS_MIN           500.0
#define TRIVET_DRIFT_REFERENCE_ROWS_MIN 500.0
#define TRIVET_DRIFT_PSI_MIN            0.1
#define TRIVET_DRIFT_KS_MIN             0.1
/* More missing than in the reference, as a share of the rows. */
#define TRIVET_DRIFT_MISSING_MIN      0.05
#define TRIVET_DRIFT_OUT_OF_RANGE_MIN 0.01

enum trivet_drift_finding {
    TRIVET_DRIFT_DISTRIBUTION, /* PSI or KS */
    TRIVET_DRIFT_MISSING,
    TRIVET_DRIFT_OUT_OF_RANGE, /* numbers beyond the edges, categories unknown to the reference */
    TRIVET_DRIFT_FINDING_COUNT,
};

struct trivet_drift_score {
    double rows; /* effective, see trivet_bins_rows */
    double reference_rows;
    double psi;
    double psi_limit;
    double ks; /* 0 for categories */
    double ks_limit;
    double js;
    double missing; /* shares of the rows */
    double reference_missing;
    double out_of_range;
    double expected_out_of_range;
    /* All false when either side has too few rows to be judged. */
    bool found[TRIVET_DRIFT_FINDING_COUNT];
};

/* Score column `column` of `window` against `reference`, which are laid out alike. `level`: the
 * probability of a false finding of each kind, for this column alone: who looks at many columns
 * divides by their number. O(cells). */
void trivet_drift_score(const struct trivet_bins *reference, const struct trivet_bins *window,
                        size_t column, bool categorical, double level,
                        struct trivet_drift_score *out);

#endif
