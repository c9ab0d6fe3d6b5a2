/* trivet top [--interval S] [--sort KEY] [--once]
 *
 * DESIGN: a receiver thread takes events into `top`, under `lock`; the main thread ticks, draws and
 * reads keys. SIGINT and SIGTERM are the main thread's alone, and set a flag. The receiver ends
 * when the main thread interrupts the subscriber, or with an error. */
#include "clients/cli/feed.h"
#include "clients/cli/output.h"
#include "clients/cli/top_print.h"
#include "clients/cli/top_screen.h"
#include "clients/cli/top_state.h"
#include "clients/cli/top_view.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define INTERVAL_DEFAULT_S 2.0
#define INTERVAL_MIN_S     0.2
#define INTERVAL_MAX_S     3600.0
#define SERVER_EVENT_NS    (10 * TRIVET_NS_PER_S)
#define EVENT_ARENA_BYTES  ((size_t)4 << 20)
#define EVENT_ARENA_KEEP   ((size_t)64 << 10)
#define SLEEP_NS           (10 * TRIVET_NS_PER_MS)
#define KEY_WAIT_MS        100

struct top_options {
    struct trivet_cli *cli;
    const char *events; /* NULL = ask the server */
    double interval_s;
    enum trivet_cli_top_key key;
    bool once;
};

struct top_run {
    const struct top_options *options;
    struct trivet_subscriber *subscriber;
    pthread_t receiver;
    pthread_mutex_t lock;
    /* Under lock. */
    struct trivet_cli_top top;
    enum trivet_status status; /* of the receiver, when it has ended */
    struct trivet_error err;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static enum trivet_cli_top_key key_of(const char *name)
{
    enum trivet_cli_top_key key = TRIVET_CLI_TOP_BY_CALLS;
    while (key < TRIVET_CLI_TOP_KEYS && strcmp(trivet_cli_top_key_name(key), name) != 0) {
        key++;
    }
    return key;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct top_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'e':
        options->events = argument;
        return 0;
    case 'i':
        if (!trivet_text_parse_double(argument, strlen(argument), &options->interval_s) ||
            options->interval_s < INTERVAL_MIN_S || options->interval_s > INTERVAL_MAX_S) {
            argp_error(state, "--interval %s: give seconds from %g to %g", argument, INTERVAL_MIN_S,
                       INTERVAL_MAX_S);
        }
        return 0;
    case 'o':
        options->key = key_of(argument);
        if (options->key == TRIVET_CLI_TOP_KEYS) {
            argp_error(state, "--sort %s: there are calls, rows, errors, p99, name", argument);
        }
        return 0;
    case '1':
        options->once = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option top_argp_options[] = {
    {"events", 'e', "URL", 0,
     "the events' address (else the server says it); then only events are "
     "read, and all versions are there after 5 s",
     0},
    {"interval", 'i', "SECONDS", 0, "rates are those of so long (2)", 0},
    {"sort", 'o', "KEY", 0, "calls (the default), rows, errors, p99 or name", 0},
    {"once", '1', NULL, 0, "measure one interval and print it: a table, CSV when piped, or --json",
     0},
    {0},
};

static const struct argp top_argp = {
    .options = top_argp_options,
    .parser = parse,
    .doc = "A live table of models and versions, from the server's events.\v"
           "Per version, in the last interval: calls, calls that failed whole, rows predicted "
           "and rows failed a second; "
           "latency of calls in the server at p50 and p99; means of waiting (queue) and of "
           "computing; rows a batch. A wide terminal shows the totals too. Red is what is wrong: "
           "errors, events dropped or lost, a silent server.\n\n"
           "Keys: q ends. c, r, e, l and n sort by calls, rows, errors (of both kinds), p99 and "
           "name, once more "
           "the other way round. Arrows, j, k, blank and the page keys scroll.",
    .children = trivet_cli_shared_children,
};

/* --- events --- */

static enum trivet_status take(struct top_run *run, const struct trivet_reply *received,
                               struct trivet_arena *arena, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    trivet_arena_reset(arena);
    enum trivet_status status =
        trivet_cli_unpack(received, &trivet__v1__event__descriptor, arena, &message, err);
    if (status == TRIVET_OK) {
        pthread_mutex_lock(&run->lock);
        status = trivet_cli_top_take(&run->top, (const Trivet__V1__Event *)message,
                                     trivet_clock_monotonic_ns(), err);
        pthread_mutex_unlock(&run->lock);
    }
    return status;
}

static void *receive_thread(void *argument)
{
    struct top_run *run = argument;
    char topic[TRIVET_CLI_TOPIC_BYTES];
    struct trivet_error err = {0};
    enum trivet_status status = TRIVET_OK;
    struct trivet_arena *arena = trivet_arena_create(EVENT_ARENA_BYTES, EVENT_ARENA_KEEP);
    if (arena == NULL) {
        status = trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for events");
    }
    while (status == TRIVET_OK) {
        struct trivet_reply received = {0};
        status = trivet_subscriber_next(run->subscriber, topic, sizeof(topic), &received, &err);
        if (status == TRIVET_OK) {
            status = take(run, &received, arena, &err);
        }
        trivet_reply_release(&received);
    }
    trivet_arena_free(arena);
    pthread_mutex_lock(&run->lock);
    run->status = status;
    run->err = err;
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* All totals at once, which events repeat within 5 s only. */
static enum trivet_status read_stats(struct top_run *run, struct trivet_error *err)
{
    struct trivet_cli *cli = run->options->cli;
    Trivet__V1__StatsRequest request = TRIVET__V1__STATS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Server/Stats", &request.base,
                        &trivet__v1__stats_response__descriptor, 0, cli->arena, &reply, err);
    return status == TRIVET_OK
               ? trivet_cli_top_take_stats(&run->top, (const Trivet__V1__StatsResponse *)reply, err)
               : status;
}

/* --- the main thread --- */

static void tick(struct top_run *run)
{
    pthread_mutex_lock(&run->lock);
    trivet_cli_top_tick(&run->top, trivet_clock_monotonic_ns());
    pthread_mutex_unlock(&run->lock);
}

static bool goes_on(struct top_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool receives = run->status == TRIVET_OK;
    pthread_mutex_unlock(&run->lock);
    return receives && !interrupted;
}

/* Of the server's newest event, which it sends once a second; 0 = none yet. */
static int64_t server_unix_us(struct top_run *run)
{
    pthread_mutex_lock(&run->lock);
    int64_t unix_us = run->top.server.unix_us;
    pthread_mutex_unlock(&run->lock);
    return unix_us;
}

static void show(struct top_run *run, struct trivet_cli_top_view *view)
{
    view->now_ns = trivet_clock_monotonic_ns();
    view->now_unix_us = trivet_clock_unix_us();
    pthread_mutex_lock(&run->lock);
    trivet_cli_top_screen_show(&run->top, view);
    pthread_mutex_unlock(&run->lock);
}

static struct trivet_cli_top_view view_of(const struct top_options *options)
{
    return (struct trivet_cli_top_view){.server = options->events != NULL ? options->events
                                                                          : options->cli->server,
                                        .interval_s = options->interval_s,
                                        .key = options->key,
                                        .now_ns = trivet_clock_monotonic_ns(),
                                        .now_unix_us = trivet_clock_unix_us()};
}

static void watch(struct top_run *run)
{
    const struct top_options *options = run->options;
    int64_t interval_ns = (int64_t)(options->interval_s * 1e9);
    struct trivet_cli_top_view view = view_of(options);
    int64_t next_ns = 0; /* the server's first event begins the first interval */
    while (goes_on(run)) {
        int64_t now_ns = trivet_clock_monotonic_ns();
        if (next_ns <= now_ns && server_unix_us(run) != 0) {
            tick(run);
            next_ns = trivet_clock_after_ns(now_ns, interval_ns);
        }
        show(run, &view);
        enum trivet_cli_top_input input = TRIVET_CLI_TOP_NOTHING;
        do {
            int64_t left_ms = (next_ns - trivet_clock_monotonic_ns()) / TRIVET_NS_PER_MS + 1;
            int wait_ms = left_ms > 0 && left_ms < KEY_WAIT_MS ? (int)left_ms : KEY_WAIT_MS;
            input = trivet_cli_top_screen_read(&view, wait_ms);
        } while (input == TRIVET_CLI_TOP_NOTHING && !interrupted &&
                 trivet_clock_monotonic_ns() < next_ns);
        if (input == TRIVET_CLI_TOP_QUIT) {
            return;
        }
    }
}

static int watch_on_screen(struct top_run *run)
{
    struct trivet_error err = {0};
    if (!run->options->cli->out_is_terminal || isatty(STDIN_FILENO) != 1) {
        return trivet_cli_usage("top needs a terminal; --once prints without one");
    }
    if (trivet_cli_top_screen_begin(&err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    watch(run);
    trivet_cli_top_screen_end();
    return TRIVET_CLI_DONE;
}

/* Until `until_ns`, or a signal. */
static void sleep_until(int64_t until_ns)
{
    const struct timespec pause = {.tv_nsec = SLEEP_NS};
    while (!interrupted && trivet_clock_monotonic_ns() < until_ns) {
        (void)nanosleep(&pause, NULL);
    }
}

/* Under lock. */
static int print_json(const struct trivet_cli_top *top)
{
    struct trivet_error err = {0};
    struct trivet_buffer text = {0};
    int code = TRIVET_CLI_FAILED;
    if (trivet_cli_top_json(top, &text, &err) == TRIVET_OK) {
        fwrite(text.data, 1, text.n_bytes, stdout);
        code = trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    } else {
        (void)trivet_cli_fail(&err);
    }
    trivet_buffer_release(&text);
    return code;
}

/* Waits for an event of the server other than that of `unix_us`; false when none comes. */
static bool wait_for_server(struct top_run *run, int64_t unix_us)
{
    int64_t give_up_ns = trivet_clock_monotonic_ns() + SERVER_EVENT_NS;
    while (goes_on(run) && server_unix_us(run) == unix_us) {
        int64_t now_ns = trivet_clock_monotonic_ns();
        if (now_ns > give_up_ns) {
            fputs("trivet: no events came\n", stderr);
            return false;
        }
        sleep_until(now_ns + SLEEP_NS);
    }
    return goes_on(run);
}

static int print_once(struct top_run *run)
{
    const struct top_options *options = run->options;
    if (!wait_for_server(run, 0)) {
        return TRIVET_CLI_FAILED;
    }
    tick(run);
    int64_t begin_unix_us = server_unix_us(run);
    sleep_until(
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), (int64_t)(options->interval_s * 1e9)));
    /* A short interval may have none: then it takes as long as there are rates of the server. */
    if (!wait_for_server(run, begin_unix_us)) {
        return TRIVET_CLI_FAILED;
    }
    tick(run);
    struct trivet_cli_top_view view = view_of(options);
    pthread_mutex_lock(&run->lock);
    trivet_cli_top_sort(&run->top, options->key, false);
    int code = options->cli->json ? print_json(&run->top)
                                  : trivet_cli_top_print(options->cli, &run->top, &view);
    pthread_mutex_unlock(&run->lock);
    return code;
}

static int start_receiver(struct top_run *run)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&run->receiver, NULL, receive_thread, run);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* The subscriber is open. Its error, when it had one, is what ended the command. */
static int receive_and_show(struct top_run *run)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    run->top.heard_ns = trivet_clock_monotonic_ns();
    if (start_receiver(run) != 0) {
        fputs("trivet: cannot start a thread\n", stderr);
        return TRIVET_CLI_FAILED;
    }
    int code = run->options->once ? print_once(run) : watch_on_screen(run);
    trivet_subscriber_interrupt(run->subscriber);
    pthread_join(run->receiver, NULL);
    if (run->status != TRIVET_CANCELLED) {
        code = trivet_cli_fail(&run->err);
    }
    return code;
}

static int run_top(struct trivet_cli *cli, int argc, char **argv)
{
    struct top_options options = {.cli = cli, .interval_s = INTERVAL_DEFAULT_S};
    struct trivet_error err = {0};
    argp_parse(&top_argp, argc, argv, 0, NULL, &options);
    struct top_run run = {.options = &options, .lock = PTHREAD_MUTEX_INITIALIZER};
    enum trivet_status status = trivet_cli_feed_open(cli, options.events, &run.subscriber, &err);
    if (status == TRIVET_OK && options.events == NULL) {
        status = read_stats(&run, &err);
    }
    int code = status == TRIVET_OK ? receive_and_show(&run) : trivet_cli_fail(&err);
    trivet_subscriber_close(run.subscriber);
    trivet_cli_top_release(&run.top);
    pthread_mutex_destroy(&run.lock);
    return code;
}

const struct trivet_cli_command trivet_cli_top_command = {
    .name = "top",
    .summary = "a live table of models, rates and latencies",
    .run = run_top,
};
