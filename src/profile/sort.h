/* Sorting of doubles: internal to src/profile. */
#ifndef TRIVET_PROFILE_SORT_H
#define TRIVET_PROFILE_SORT_H

#include <stddef.h>

/* Ascending, in place; `scratch` has room for `count` values. No NaN; -0 and 0 count as equal.
 * Radix sort, least significant digit first (Knuth, TAOCP 3, 5.2.5): O(count), several times faster
 * than qsort at a million values. */
void trivet_profile_sort(double *values, double *scratch, size_t count);

#endif
