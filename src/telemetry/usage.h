/* What this process uses, from /proc/self. */
#ifndef TRIVET_TELEMETRY_USAGE_H
#define TRIVET_TELEMETRY_USAGE_H

#include <stdint.h>

struct trivet_usage {
    double cpu_seconds; /* user and system, all threads */
    uint64_t rss_bytes;
    uint32_t n_threads;
    uint32_t n_open_files;
};

/* What cannot be read is 0. Any thread; some tens of µs. */
struct trivet_usage trivet_usage_now(void);

#endif
