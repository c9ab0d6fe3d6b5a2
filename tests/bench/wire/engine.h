/* Sends the work over one or many connections and checks what comes back. One thread. */
#ifndef TESTS_BENCH_ENGINE_H
#define TESTS_BENCH_ENGINE_H

#include "bench/wire/latency.h"
#include "bench/wire/work.h"

enum engine_mode {
    ENGINE_UNARY,     /* one call at a time, one blocking connection: write, read */
    ENGINE_PIPELINED, /* as many in flight as there are slots, spread over the connections */
    ENGINE_OPEN,      /* at a constant rate; latency counts from when a call was to be sent */
};

struct engine_options {
    enum engine_mode mode;
    const char *url;
    size_t n_connections;
    double rate;      /* calls/s of ENGINE_OPEN */
    double seconds;   /* that count */
    double warm_up_s; /* before them, not counted */
    int server_pid;   /* 0: nothing is known of the server's process */
};

struct engine_result {
    struct latency latency;
    double seconds;
    double server_cpu_s;
    double client_cpu_s;
    uint64_t server_rss_bytes;  /* with all connections open, at the end */
    uint64_t server_rss_before; /* before the first connection */
    uint64_t reply_bytes;       /* of the last reply, prefix included */
    uint64_t n_wrong;
    uint64_t n_failed; /* error answers, and calls without one */
    char why[128];     /* of the first that was not right */
};

void engine_run(struct work *work, const struct engine_options *options,
                struct engine_result *result);

#endif
