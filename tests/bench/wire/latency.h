/* Latencies in a histogram, and what a server process has used. */
#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include <stdint.h>

/* Buckets of 1/128 of their value: a quantile is read off within 0.8 %. */
#define LATENCY_STEPS   128
#define LATENCY_BUCKETS (40 * LATENCY_STEPS)

struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t n;
    uint64_t sum_ns;
    uint64_t max_ns;
};

void latency_add(struct latency *latency, int64_t ns);
/* In µs, the middle of its bucket; 0 when there is none. */
double latency_quantile_us(const struct latency *latency, double quantile);
double latency_mean_us(const struct latency *latency);

/* User and system time of all threads of process `pid` so far, in seconds; 0 when it is not there.
 */
double process_cpu_s(int pid);
/* Resident memory in bytes; 0 when it is not there. */
uint64_t process_rss_bytes(int pid);
/* Both of this process. */
double own_cpu_s(void);

#endif
