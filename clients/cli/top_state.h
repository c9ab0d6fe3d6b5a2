/* What `trivet top` knows: the newest totals of every version and of the server, and how fast they
 * grow. Rates are differences of running totals over the publisher's own time, so that a lost event
 * costs nothing: the next one makes up for it. One thread at a time. */
#ifndef TRIVET_CLI_TOP_STATE_H
#define TRIVET_CLI_TOP_STATE_H

#include "base/compiler.h"
#include "clients/cli/feed.h"
#include "clients/cli/names.h"
#include "telemetry/histogram.h"
#include "trivet/v1/server.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As many as a server counts apart, and what it adds up in one. */
#define TRIVET_CLI_TOP_VERSIONS_MAX 4097

/* Running totals of a version. */
struct trivet_cli_top_counts {
    uint64_t calls; /* failed ones too */
    uint64_t calls_failed;
    uint64_t rows;   /* predicted: failed ones are not in it */
    uint64_t errors; /* rows that failed; of a failed call those that could be read, maybe none */
    uint64_t batches;
    struct trivet_histogram queue;
    struct trivet_histogram compute;
    struct trivet_histogram total;
};

/* Of the last interval. Times are 0 when there was no call. */
struct trivet_cli_top_rates {
    bool known; /* false before two samples */
    double calls_per_s;
    double calls_failed_per_s;
    double rows_per_s;
    double errors_per_s;
    double p50_us;
    double p99_us;
    double queue_us;   /* mean of a call */
    double compute_us; /* mean of a call */
    double batch_rows; /* mean of a batch */
};

struct trivet_cli_top_version {
    char model[TRIVET_CLI_NAME_BYTES];
    uint64_t version;
    struct trivet_cli_top_counts counts;
    int64_t unix_us;                     /* of counts; 0 = before the first event */
    struct trivet_cli_top_counts sample; /* at the last tick */
    int64_t sample_unix_us;              /* 0 = none */
    struct trivet_cli_top_rates rates;
};

struct trivet_cli_top_server {
    bool known;
    int64_t unix_us; /* 0 = before the first event */
    Trivet__V1__ServerPhase phase;
    double cpu_seconds;
    uint64_t rss_bytes;
    uint32_t threads;
    uint32_t open_files;
    uint64_t queue_rows;
    uint64_t queue_rows_max; /* of this and the next: 0 = no limit, or not told */
    uint64_t model_bytes;
    uint64_t model_bytes_max;
    uint32_t models_loaded;
    uint32_t calls_in_hand;
    uint32_t calls_max;
    uint32_t connections;
    uint32_t connections_max;
    uint32_t jobs_queued;
    uint32_t jobs_running;
    uint64_t events_dropped;
    uint64_t calls; /* of all methods */
    uint64_t errors;
};

struct trivet_cli_top {
    struct trivet_cli_top_version *versions; /* owned */
    size_t n_versions;
    size_t capacity;
    struct trivet_cli_top_server server;
    struct trivet_cli_top_server server_sample;
    bool server_rates_known;
    double cpu_percent;
    double calls_per_s; /* of all methods */
    double errors_per_s;
    bool dropping; /* events_dropped grew in the last interval */
    struct trivet_cli_place place;
    struct trivet_cli_place stats; /* the answer of Server.Stats is as new as this event */
    uint64_t lost;                 /* events, since this program's start */
    uint64_t restarts;             /* new epochs */
    int64_t heard_ns;              /* the last event; 0 = none */
    /* The publisher's clock: the newest time in an event, and when it came. */
    int64_t clock_unix_us;
    int64_t clock_ns;
};

void trivet_cli_top_release(struct trivet_cli_top *top);
/* An event at monotonic `now_ns`. A new epoch forgets all totals. RESOURCE_EXHAUSTED when out of
 * memory. */
enum trivet_status trivet_cli_top_take(struct trivet_cli_top *top, const Trivet__V1__Event *event,
                                       int64_t now_ns, struct trivet_error *err) TRIVET_MUST_USE;
/* The answer of Server.Stats: all totals at once, before the first event. Events that are older are
 * then only counted. */
enum trivet_status trivet_cli_top_take_stats(struct trivet_cli_top *top,
                                             const Trivet__V1__StatsResponse *stats,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* An interval ends: rates are those since the tick before. Nothing happens before the first event,
 * which brings the publisher's time. */
void trivet_cli_top_tick(struct trivet_cli_top *top, int64_t now_ns);
/* No event for TRIVET_CLI_SILENCE_NS. */
bool trivet_cli_top_silent(const struct trivet_cli_top *top, int64_t now_ns);

enum trivet_cli_top_key {
    TRIVET_CLI_TOP_BY_CALLS,
    TRIVET_CLI_TOP_BY_ROWS,
    TRIVET_CLI_TOP_BY_ERRORS, /* failed calls and failed rows together */
    TRIVET_CLI_TOP_BY_P99,
    TRIVET_CLI_TOP_BY_NAME,
    TRIVET_CLI_TOP_KEYS,
};
/* Largest first, by name the first first; the other way round when `reverse`. What is equal stands
 * in the order of totals, then of names. */
void trivet_cli_top_sort(struct trivet_cli_top *top, enum trivet_cli_top_key key, bool reverse);

#endif
