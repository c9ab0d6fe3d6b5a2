/* Bucket 1 + 4e + s begins at 2^e (1 + s/4) µs = 2^e (4 + s) quarter microseconds. In quarter
 * microseconds q >= 4 that is e = floor(log2 q) - 2 and s = the two bits below the leading one. */
#include "telemetry/histogram.h"

#include <math.h>

#define QUARTER_US_NS 250

size_t trivet_histogram_bucket_of_ns(uint64_t value_ns)
{
    uint64_t quarters = value_ns / QUARTER_US_NS;
    if (quarters < 4) {
        return 0;
    }
    unsigned e = 61 - (unsigned)__builtin_clzll(quarters);
    size_t bucket = 1 + 4 * (size_t)e + (size_t)((quarters >> e) & 3);
    return bucket < TRIVET_HISTOGRAM_BUCKETS ? bucket : TRIVET_HISTOGRAM_BUCKETS - 1;
}

static double lower_us(size_t bucket)
{
    if (bucket == 0) {
        return 0.0;
    }
    size_t step = bucket - 1;
    return ldexp(4.0 + (double)(step % 4), (int)(step / 4) - 2);
}

double trivet_histogram_upper_us(size_t bucket)
{
    return lower_us(bucket + 1);
}

void trivet_histogram_record_ns(struct trivet_histogram *histogram, uint64_t value_ns)
{
    histogram->count++;
    histogram->sum_ns += value_ns;
    histogram->buckets[trivet_histogram_bucket_of_ns(value_ns)]++;
}

void trivet_histogram_merge(struct trivet_histogram *into, const struct trivet_histogram *from)
{
    into->count += from->count;
    into->sum_ns += from->sum_ns;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

/* Totals may come from a peer: a count that went back is 0, never 2^64 less a little. */
static uint64_t difference(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

void trivet_histogram_subtract(struct trivet_histogram *now, const struct trivet_histogram *before)
{
    now->count = difference(now->count, before->count);
    now->sum_ns = difference(now->sum_ns, before->sum_ns);
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        now->buckets[i] = difference(now->buckets[i], before->buckets[i]);
    }
}

double trivet_histogram_quantile_us(const struct trivet_histogram *histogram, double q)
{
    uint64_t total = 0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        total += histogram->buckets[i];
    }
    if (total == 0) {
        return 0.0;
    }
    /* The values of a bucket of n are taken to lie at its (k + 1/2)/n: one value at the middle. */
    q = q > 0.0 ? fmin(q, 1.0) : 0.0;
    double position = q * (double)(total - 1);
    double before = 0.0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS; i++) {
        double in_bucket = (double)histogram->buckets[i];
        if (in_bucket > 0.0 && position <= before + in_bucket - 0.5) {
            double fraction = fmax(position - before + 0.5, 0.0) / in_bucket;
            return lower_us(i) + fraction * (trivet_histogram_upper_us(i) - lower_us(i));
        }
        before += in_bucket;
    }
    return trivet_histogram_upper_us(TRIVET_HISTOGRAM_BUCKETS - 1);
}
