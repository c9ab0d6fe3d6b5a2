/* trivet events [--topic T] [--model M] [--kind K] [--count N]
 *
 * DESIGN: the main thread receives and prints. A watcher thread takes SIGINT and SIGTERM, which are
 * blocked elsewhere, and ends the receive; it also says when the server has fallen silent. */
#include "clients/cli/event_filter.h"
#include "clients/cli/event_text.h"
#include "clients/cli/feed.h"
#include "clients/cli/output.h"

#include "base/clock.h"
#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#define WATCH_NS (500 * TRIVET_NS_PER_MS)

struct events_options {
    struct trivet_cli *cli;
    const char *events; /* NULL = ask the server */
    struct trivet_cli_event_filter filter;
    uint64_t count; /* 0 = no end */
};

struct watch {
    struct trivet_subscriber *subscriber;
    pthread_t thread;
    atomic_bool ending;
    atomic_bool silent; /* was said */
    atomic_llong last_ns;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct events_options *options = state->input;
    unsigned kind = 0;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'e':
        options->events = argument;
        return 0;
    case 't':
        options->filter.topic = argument;
        return 0;
    case 'm':
        options->filter.model = argument;
        return 0;
    case 'k':
        kind = trivet_cli_event_kind_of_name(argument);
        if (kind == 0) {
            argp_error(state, "--kind %s: there are " TRIVET_CLI_EVENT_KINDS, argument);
        }
        options->filter.kinds |= kind;
        return 0;
    case 'n':
        if (!trivet_text_parse_uint64(argument, &options->count) || options->count == 0) {
            argp_error(state, "--count %s: give a whole number from 1", argument);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option events_argp_options[] = {
    {"events", 'e', "URL", 0, "the events' address (else the server says it)", 0},
    {"topic", 't', "PREFIX", 0,
     "only topics that begin so: prediction., training., model., server.", 0},
    {"model", 'm', "NAME", 0, "only events about this model", 0},
    {"kind", 'k', "KIND", 0, "only this kind; may be repeated: " TRIVET_CLI_EVENT_KINDS, 0},
    {"count", 'n', "N", 0, "end after N events", 0},
    {0},
};

static const struct argp events_argp = {
    .options = events_argp_options,
    .parser = parse,
    .doc = "Print the server's events as they come: a line each on a terminal (its time is "
           "UTC), else JSON lines. "
           "On stderr: how many were lost, that the server is silent, that it started anew. Goes "
           "on when the server comes back; Ctrl-C ends it.",
    .children = trivet_cli_shared_children,
};

static void watched_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

static void *watch_thread(void *argument)
{
    struct watch *watch = argument;
    const struct timespec pause = {.tv_nsec = WATCH_NS};
    sigset_t set;
    watched_signals(&set);
    while (!atomic_load(&watch->ending)) {
        if (sigtimedwait(&set, NULL, &pause) > 0) {
            trivet_subscriber_interrupt(watch->subscriber);
            return NULL;
        }
        int64_t age_ns = trivet_clock_monotonic_ns() - atomic_load(&watch->last_ns);
        if (age_ns > TRIVET_CLI_SILENCE_NS && !atomic_exchange(&watch->silent, true)) {
            fputs("trivet: the server is silent; waiting for it\n", stderr);
        }
    }
    return NULL;
}

static void tell(const struct trivet_cli_step *step)
{
    if (step->new_epoch) {
        fputs("trivet: the server started anew; its totals begin again at zero\n", stderr);
    }
    if (step->lost > 0) {
        fprintf(stderr, "trivet: %llu events were lost%s\n", (unsigned long long)step->lost,
                step->new_epoch ? ", those since its start" : "");
    }
}

/* One event to stdout, unless it is filtered out. *n_printed counts those that are printed. */
static enum trivet_status take_one(const struct events_options *options, const char *topic,
                                   const struct trivet_reply *received,
                                   struct trivet_cli_place *place, uint64_t *n_printed,
                                   struct trivet_error *err)
{
    struct trivet_cli *cli = options->cli;
    struct trivet_buffer text = {0};
    ProtobufCMessage *message = NULL;
    trivet_arena_reset(cli->arena);
    enum trivet_status status =
        trivet_cli_unpack(received, &trivet__v1__event__descriptor, cli->arena, &message, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const Trivet__V1__Event *event = (const Trivet__V1__Event *)message;
    struct trivet_cli_step step = trivet_cli_place_take(place, event);
    tell(&step);
    if (!trivet_cli_event_passes(&options->filter, topic, event)) {
        return TRIVET_OK;
    }
    status = cli->json || !trivet_cli_for_person(cli)
                 ? trivet_cli_event_json(topic, event, &text, err)
                 : trivet_cli_event_line(topic, event, &text, err);
    if (status == TRIVET_OK) {
        fwrite(text.data, 1, text.n_bytes, stdout);
        (*n_printed)++;
    }
    trivet_buffer_release(&text);
    return status;
}

static int follow(const struct events_options *options, struct watch *watch)
{
    char topic[TRIVET_CLI_TOPIC_BYTES];
    struct trivet_cli_place place = {0};
    struct trivet_error err = {0};
    uint64_t n_printed = 0;
    while (options->count == 0 || n_printed < options->count) {
        struct trivet_reply received = {0};
        enum trivet_status status =
            trivet_subscriber_next(watch->subscriber, topic, sizeof(topic), &received, &err);
        if (status == TRIVET_CANCELLED) { /* Ctrl-C: the way this command ends */
            return TRIVET_CLI_DONE;
        }
        atomic_store(&watch->last_ns, trivet_clock_monotonic_ns());
        if (status == TRIVET_OK && atomic_exchange(&watch->silent, false)) {
            fputs("trivet: the server is back\n", stderr);
        }
        if (status == TRIVET_OK) {
            status = take_one(options, topic, &received, &place, &n_printed, &err);
        }
        trivet_reply_release(&received);
        if (status != TRIVET_OK) {
            return trivet_cli_fail(&err);
        }
        if (!trivet_cli_flush()) {
            return TRIVET_CLI_FAILED;
        }
    }
    return TRIVET_CLI_DONE;
}

static int follow_watched(const struct events_options *options)
{
    struct trivet_error err = {0};
    struct watch watch = {.last_ns = trivet_clock_monotonic_ns()};
    enum trivet_status status =
        trivet_cli_feed_open(options->cli, options->events, &watch.subscriber, &err);
    if (status != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    sigset_t set;
    watched_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int code = TRIVET_CLI_FAILED;
    if (pthread_create(&watch.thread, NULL, watch_thread, &watch) == 0) {
        code = follow(options, &watch);
        atomic_store(&watch.ending, true);
        pthread_kill(watch.thread, SIGTERM);
        pthread_join(watch.thread, NULL);
    } else {
        fputs("trivet: cannot start a thread\n", stderr);
    }
    trivet_subscriber_close(watch.subscriber);
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct events_options options = {.cli = cli};
    argp_parse(&events_argp, argc, argv, 0, NULL, &options);
    return follow_watched(&options);
}

const struct trivet_cli_command trivet_cli_events = {
    .name = "events",
    .summary = "print events as they come",
    .run = run,
};
