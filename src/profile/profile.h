/* Reference profiles: histograms of every feature and of the predictions at training time, kept in
 * the artefact so that drift can be told from the first request. */
#ifndef TRIVET_PROFILE_PROFILE_H
#define TRIVET_PROFILE_PROFILE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "trivet/v1/report.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_PROFILE_BINS           10
#define TRIVET_PROFILE_CATEGORIES_MAX 256 /* the rest is counted as "other" */

/* Profile of one numeric column (NaN = missing) of n_rows values at `stride`: edges at the
 * quantiles of the values present (linear interpolation, as numpy), duplicates removed; counts:
 * under the first edge (the minimum is an edge), the bins, over the last. Made in `arena`. Sorts a
 * copy: O(n log n). */
enum trivet_status trivet_profile_numeric(const char *name, const double *values, size_t n_rows,
                                          size_t stride, struct trivet_arena *arena,
                                          Trivet__V1__FeatureProfile *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Profile of a coded column; UINT32_MAX = missing. The most frequent categories are kept. */
enum trivet_status trivet_profile_categorical(const char *name, const uint32_t *codes,
                                              size_t n_rows, size_t stride,
                                              const char *const *dictionary, size_t n_dictionary,
                                              struct trivet_arena *arena,
                                              Trivet__V1__FeatureProfile *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* Index into `counts` for a value (never missing). */
size_t trivet_profile_bin(const Trivet__V1__FeatureProfile *profile, double value);

#endif
