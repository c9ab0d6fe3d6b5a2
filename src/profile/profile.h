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

/* Profile of one numeric column (NaN = missing, and so is infinity) of n_rows values at `stride`.
 * Edges: the quantiles k/TRIVET_PROFILE_BINS of the values present, the minimum and the maximum
 * among them (linear interpolation, as numpy's default). A value that is several quantiles is one
 * edge and has a bin of its own, up to the next double: else the two values of a flag could share a
 * bin. n_counts = n_edges + 1: under the first edge, the bins, over the last; the last bin holds
 * its upper edge, so that nothing of the reference is under or over. No value: no edges, one count.
 * Everything is made in `arena` or copied to it. O(n). */
enum trivet_status trivet_profile_numeric(const char *name, const double *values, size_t n_rows,
                                          size_t stride, struct trivet_arena *arena,
                                          Trivet__V1__FeatureProfile *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Profile of a coded column; UINT32_MAX, or a code beyond the dictionary, = missing. The most
 * frequent categories are kept (of equals, the first by bytes). Everything is copied to `arena`. */
enum trivet_status trivet_profile_categorical(const char *name, const uint32_t *codes,
                                              size_t n_rows, size_t stride,
                                              const char *const *dictionary, size_t n_dictionary,
                                              struct trivet_arena *arena,
                                              Trivet__V1__FeatureProfile *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* Index into `counts` for a value (finite) of a numeric profile. O(log n_edges). */
size_t trivet_profile_bin(const Trivet__V1__FeatureProfile *profile, double value);
/* Index into `counts` for a category of a categorical profile; unknown ones are "other". */
size_t trivet_profile_category(const Trivet__V1__FeatureProfile *profile, const char *category);
/* For profiles that come from outside: counts that match edges or categories, edges finite and
 * ascending, categories ascending. DATA_LOSS. The two functions above need it. */
enum trivet_status trivet_profile_check(const Trivet__V1__FeatureProfile *profile,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
