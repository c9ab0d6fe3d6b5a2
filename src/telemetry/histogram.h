/* Latency histogram with log-linear buckets: fixed size, mergeable, any range from 1 µs to 1 h. */
#ifndef TRIVET_TELEMETRY_HISTOGRAM_H
#define TRIVET_TELEMETRY_HISTOGRAM_H

#include "base/compiler.h"

#include <stddef.h>
#include <stdint.h>

/* 4 sub-buckets per power of two of microseconds, 0 … 2^32 µs: bucket i is stable across processes
 * and versions, so that histograms travel as (bucket counts) and add up. Bucket 0 holds < 1 µs. */
#define TRIVET_HISTOGRAM_BUCKETS 132

struct trivet_histogram {
    uint64_t count;
    uint64_t sum_ns;
    uint64_t buckets[TRIVET_HISTOGRAM_BUCKETS];
};

/* One thread at a time, or under the owner's lock. */
void trivet_histogram_record_ns(struct trivet_histogram *histogram, uint64_t value_ns);
void trivet_histogram_merge(struct trivet_histogram *into, const struct trivet_histogram *from);
/* `now - before`, bucket by bucket, for windows over running totals. What went back becomes 0. */
void trivet_histogram_subtract(struct trivet_histogram *now, const struct trivet_histogram *before);
/* Index of the bucket of a value, and the exclusive upper bound of a bucket, in µs. */
size_t trivet_histogram_bucket_of_ns(uint64_t value_ns);
double trivet_histogram_upper_us(size_t bucket);
/* Quantile q in [0, 1] in µs, interpolated inside its bucket; 0 when empty. From 1 µs up it is less
 * than 1/4 off, the width of a bucket; about 1/50 when the values spread over the bucket. */
double trivet_histogram_quantile_us(const struct trivet_histogram *histogram, double q);

#endif
