/* Puts a server under load and prints one line of what it found:
 *
 *   load mode=… calls=… p50_us=… … failed=0 wrong=0
 *
 * Exit status 1 when an answer was wrong or an error, 2 when it could not be measured. */
#include "base/clock.h"
#include "base/text.h"
#include "bench/wire/dial.h"
#include "bench/wire/engine.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS_MAX 16384
#define OPEN_SLOTS      16384

struct options {
    struct work_options work;
    struct engine_options engine;
    const char *mode;
};

enum key {
    KEY_URL = 256,
    KEY_MODE,
    KEY_MODEL,
    KEY_FILE,
    KEY_ROWS,
    KEY_CONNECTIONS,
    KEY_WINDOW,
    KEY_RATE,
    KEY_SECONDS,
    KEY_WARM_UP,
    KEY_PID,
    KEY_BARE,
    KEY_ECHO,
};

static const struct argp_option rows[] = {
    {"url", KEY_URL, "URL", 0, "what is measured: ipc:///PATH or tcp://ADDRESS:PORT", 0},
    {"mode", KEY_MODE, "MODE", 0,
     "unary: one call after the other; pipelined: a window in flight; open: a constant rate", 0},
    {"model", KEY_MODEL, "NAME", 0, "the model to ask", 0},
    {"file", KEY_FILE, "FILE", 0, "its coefficients; once for each version that may answer", 0},
    {"rows", KEY_ROWS, "N", 0, "rows of a call (default 1)", 0},
    {"connections", KEY_CONNECTIONS, "N", 0, "default 1", 0},
    {"window", KEY_WINDOW, "N", 0, "calls in flight over all connections (default 64)", 0},
    {"rate", KEY_RATE, "N", 0, "calls/s of an open loop", 0},
    {"seconds", KEY_SECONDS, "S", 0, "how long it counts (default 2)", 0},
    {"warm-up", KEY_WARM_UP, "S", 0, "before that (default 0.3)", 0},
    {"pid", KEY_PID, "PID", 0, "of the server, for its CPU time and memory", 0},
    {"bare", KEY_BARE, NULL, 0, "the server speaks no SP; with --echo", 0},
    {"echo", KEY_ECHO, "BYTES", 0,
     "the server answers each request with so many bytes that begin like it", 0},
    {0},
};

static uint64_t count_of(struct argp_state *state, const char *value, uint64_t least, uint64_t most)
{
    uint64_t count = 0;
    if (!trivet_text_parse_uint64(value, &count) || count < least || count > most) {
        argp_error(state, "'%s': not a number from %" PRIu64 " to %" PRIu64, value, least, most);
    }
    return count;
}

static double real_of(struct argp_state *state, const char *value)
{
    double real = 0;
    if (!trivet_text_parse_double(value, strlen(value), &real) || real < 0) {
        argp_error(state, "'%s': not a number from 0", value);
    }
    return real;
}

static void take_mode(struct argp_state *state, struct options *options, const char *value)
{
    static const char *const names[] = {
        [ENGINE_UNARY] = "unary", [ENGINE_PIPELINED] = "pipelined", [ENGINE_OPEN] = "open"};
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(names); k++) {
        if (strcmp(names[k], value) == 0) {
            options->engine.mode = (enum engine_mode)k;
            options->mode = names[k];
            return;
        }
    }
    argp_error(state, "mode '%s': choose unary, pipelined or open", value);
}

static void take_file(struct argp_state *state, struct options *options, const char *value)
{
    if (options->work.n_files == WORK_MODELS_MAX) {
        argp_error(state, "at most %d files", WORK_MODELS_MAX);
        return;
    }
    options->work.files[options->work.n_files++] = value;
}

static error_t on_number(int key, char *value, struct argp_state *state, struct options *options)
{
    switch (key) {
    case KEY_ROWS:
        options->work.n_rows = count_of(state, value, 1, 65536);
        return 0;
    case KEY_CONNECTIONS:
        options->engine.n_connections = count_of(state, value, 1, CONNECTIONS_MAX);
        return 0;
    case KEY_WINDOW:
        options->work.n_slots = count_of(state, value, 1, WORK_SLOTS_MAX);
        return 0;
    case KEY_RATE:
        options->engine.rate = real_of(state, value);
        return 0;
    case KEY_SECONDS:
        options->engine.seconds = real_of(state, value);
        return 0;
    case KEY_WARM_UP:
        options->engine.warm_up_s = real_of(state, value);
        return 0;
    case KEY_PID:
        options->engine.server_pid = (int)count_of(state, value, 1, INT32_MAX);
        return 0;
    case KEY_ECHO:
        options->work.echo = true;
        options->work.reply_bytes = count_of(state, value, 16, 1u << 20);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct options *options = state->input;
    switch (key) {
    case KEY_URL:
        options->engine.url = value;
        return 0;
    case KEY_MODE:
        take_mode(state, options, value);
        return 0;
    case KEY_MODEL:
        options->work.model = value;
        return 0;
    case KEY_FILE:
        take_file(state, options, value);
        return 0;
    case KEY_BARE:
        options->work.bare = true;
        return 0;
    case ARGP_KEY_END:
        if (options->engine.url == NULL || options->work.n_files == 0) {
            argp_error(state, "--url and --file are needed");
        }
        if (options->work.bare && !options->work.echo) {
            argp_error(state, "--bare goes with --echo");
        }
        if (options->engine.mode == ENGINE_OPEN && !(options->engine.rate > 0)) {
            argp_error(state, "an open loop needs --rate");
        }
        return 0;
    default:
        return on_number(key, value, state, options);
    }
}

static void show(const struct options *options, const struct engine_result *result,
                 size_t request_bytes)
{
    const struct latency *latency = &result->latency;
    double calls = (double)latency->n, s = result->seconds;
    double per_s = s > 0 ? calls / s : 0, of_call = calls > 0 ? 1e6 / calls : 0;
    (void)printf("load mode=%s connections=%zu window=%zu rows=%zu calls=%" PRIu64 " seconds=%.3f "
                 "p50_us=%.2f p99_us=%.2f p999_us=%.2f mean_us=%.2f max_us=%.2f calls_per_s=%.0f "
                 "rows_per_s=%.0f server_cpu_us=%.3f client_cpu_us=%.3f server_rss=%" PRIu64
                 " server_rss_before=%" PRIu64 " request_bytes=%zu reply_bytes=%" PRIu64
                 " failed=%" PRIu64 " wrong=%" PRIu64 "\n",
                 options->mode, options->engine.n_connections, options->work.n_slots,
                 options->work.n_rows, latency->n, s, latency_quantile_us(latency, 0.5),
                 latency_quantile_us(latency, 0.99), latency_quantile_us(latency, 0.999),
                 latency_mean_us(latency), (double)latency->max_ns / 1e3, per_s,
                 per_s * (double)options->work.n_rows, result->server_cpu_s * of_call,
                 result->client_cpu_s * of_call, result->server_rss_bytes,
                 result->server_rss_before, request_bytes, result->reply_bytes, result->n_failed,
                 result->n_wrong);
}

int main(int argc, char **argv)
{
    static struct engine_result result;
    static const struct argp parser = {
        rows, on_option, NULL, "Puts a server under load and checks every answer.",
        NULL, NULL,      NULL};
    struct options options = {
        .mode = "unary",
        .work = {.model = "linear", .n_rows = 1, .n_slots = 64},
        .engine = {.n_connections = 1, .seconds = 2, .warm_up_s = 0.3},
    };
    struct work work;
    argp_err_exit_status = 2;
    argp_parse(&parser, argc, argv, 0, NULL, &options);
    options.work.ipc = url_is_ipc(options.engine.url);
    if (options.engine.mode == ENGINE_OPEN) {
        options.work.n_slots = OPEN_SLOTS;
    }
    work_init(&work, &options.work);
    engine_run(&work, &options.engine, &result);
    show(&options, &result, work.request_bytes);
    work_release(&work);
    if (result.n_wrong + result.n_failed > 0) {
        (void)fprintf(stderr, "load: %s\n", result.why);
        return 1;
    }
    return result.latency.n > 0 ? 0 : 2;
}
