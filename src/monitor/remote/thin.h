/* Curves of a report that are too long for a picture. Pure. */
#ifndef TRIVET_MONITOR_REMOTE_THIN_H
#define TRIVET_MONITOR_REMOTE_THIN_H

#include <stddef.h>
#include <stdint.h>

/* Points of a curve that pages get. */
#define TRIVET_REMOTE_CURVE_MAX 1000

/* Keep `most` of `n` values, in their order and at the beginning of `values`: the first, the last,
 * and of as many stretches as fit between the least and the greatest, so that no spike is lost.
 *   most        at least 4
 *   iterations  most; that of each value kept, from 1
 * Returns how many were kept: all when they are not more than `most`. */
size_t trivet_remote_thin(double *values, size_t n, size_t most, uint64_t *iterations);

#endif
