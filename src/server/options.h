/* trivetd's options: command line over config file over defaults. */
#ifndef TRIVET_SERVER_OPTIONS_H
#define TRIVET_SERVER_OPTIONS_H

#include "base/compiler.h"
#include "base/log.h"
#include "server/readiness.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_LISTEN_MAX       8
#define TRIVET_HTTP_HOSTS_MAX   8
#define TRIVET_OPTION_BYTES_MAX 256

enum trivet_transport {
    TRIVET_TRANSPORT_SP,  /* our own: tcp, ipc */
    TRIVET_TRANSPORT_NNG, /* nng's REP socket: inproc too */
};

struct trivet_options {
    char data_dir[TRIVET_OPTION_BYTES_MAX];
    char listen[TRIVET_LISTEN_MAX][TRIVET_OPTION_BYTES_MAX];
    size_t n_listen;
    enum trivet_transport transport;
    char events[TRIVET_OPTION_BYTES_MAX]; /* "" = off */
    char http[TRIVET_OPTION_BYTES_MAX];   /* "" = off */
    char http_hosts[TRIVET_HTTP_HOSTS_MAX][TRIVET_OPTION_BYTES_MAX];
    size_t n_http_hosts;
    uint64_t n_loops;
    uint64_t inline_us_max;
    unsigned n_workers;
    uint64_t batch_rows_max;
    uint64_t queue_rows_max;
    uint64_t model_memory_bytes_max;   /* 0 = no cap */
    uint64_t trainer_memory_bytes_max; /* 0 = no cap */
    uint64_t n_trainer_threads;
    uint64_t bins_rows_per_s_max; /* 0 = drift is not observed */
    uint64_t bins_every_ms;
    char require_models[TRIVET_REQUIRED_MODELS_MAX][TRIVET_STORE_NAME_BYTES];
    size_t n_require_models;
    enum trivet_log_level log_level;
    bool log_json;
    bool trainer; /* run as the trainer child */
};

/* Defaults, then --config, then the rest of the command line. Prints help and exits 0, or a usage
 * message and exits 2, as argp does. INVALID_ARGUMENT: a value or the config file is wrong. */
enum trivet_status trivet_options_parse(int argc, char **argv, struct trivet_options *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
