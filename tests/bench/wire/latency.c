#include "bench/wire/latency.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Below LATENCY_STEPS ns a bucket is one ns; from there on each doubling has LATENCY_STEPS. */
static unsigned bucket_of(uint64_t ns)
{
    if (ns < LATENCY_STEPS) {
        return (unsigned)ns;
    }
    unsigned doublings = 63u - (unsigned)__builtin_clzll(ns) - 7u;
    unsigned bucket =
        (doublings + 1) * LATENCY_STEPS + (unsigned)((ns >> doublings) & (LATENCY_STEPS - 1));
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static double middle_ns(unsigned bucket)
{
    if (bucket < LATENCY_STEPS) {
        return bucket;
    }
    unsigned doublings = bucket / LATENCY_STEPS - 1;
    double low = (double)((uint64_t)(LATENCY_STEPS + bucket % LATENCY_STEPS) << doublings);
    return low + 0.5 * (double)((uint64_t)1 << doublings);
}

void latency_add(struct latency *latency, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    latency->counts[bucket_of(value)]++;
    latency->n++;
    latency->sum_ns += value;
    if (value > latency->max_ns) {
        latency->max_ns = value;
    }
}

double latency_quantile_us(const struct latency *latency, double quantile)
{
    uint64_t wanted = (uint64_t)(quantile * (double)latency->n);
    uint64_t seen = 0;
    for (unsigned k = 0; k < LATENCY_BUCKETS; k++) {
        seen += latency->counts[k];
        if (seen > wanted) {
            return middle_ns(k) / 1e3;
        }
    }
    return (double)latency->max_ns / 1e3;
}

double latency_mean_us(const struct latency *latency)
{
    return latency->n == 0 ? 0 : (double)latency->sum_ns / (double)latency->n / 1e3;
}

double process_cpu_s(int pid)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    size_t n_bytes = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[n_bytes] = '\0';
    /* The name of the program, in brackets, may hold anything. */
    const char *rest = strrchr(text, ')');
    unsigned long user = 0, system = 0;
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user, &system) != 2) {
        return 0;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

uint64_t process_rss_bytes(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/statm", pid);
    FILE *file = fopen(path, "r");
    unsigned long pages = 0;
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*u %lu", &pages) != 1) {
        pages = 0;
    }
    (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

double own_cpu_s(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
