/* Prometheus text exposition, format 0.0.4. */
#ifndef TRIVET_TELEMETRY_PROMETHEUS_H
#define TRIVET_TELEMETRY_PROMETHEUS_H

#include "base/buffer.h"
#include "telemetry/histogram.h"

#define TRIVET_PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct trivet_label {
    const char *name;
    const char *value; /* escaped on output */
};

/* # HELP and # TYPE of a metric family; type is "counter", "gauge" or "histogram". Once per family,
 * before its samples. */
enum trivet_status trivet_prometheus_family(struct trivet_buffer *out, const char *name,
                                            const char *type, const char *help,
                                            struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_prometheus_sample(struct trivet_buffer *out, const char *name,
                                            const struct trivet_label *labels, size_t n_labels,
                                            double value, struct trivet_error *err) TRIVET_MUST_USE;
/* _bucket, _sum and _count of a latency histogram, in seconds, over the fixed bounds
 * 10 25 50 100 250 500 µs, 1 2.5 5 10 25 50 100 250 500 ms, 1 2.5 5 10 s, +Inf. A bucket of ours
 * that a bound cuts counts in proportion. */
enum trivet_status trivet_prometheus_histogram(struct trivet_buffer *out, const char *name,
                                               const struct trivet_label *labels, size_t n_labels,
                                               const struct trivet_histogram *histogram,
                                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
