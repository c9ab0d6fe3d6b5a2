/* trivet events [--topic T] [--count N] */
#include "clients/cli/event_text.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "trivet/v1/server.pb-c.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TOPIC_BYTES 256
#define URL_BYTES   256

struct events_options {
    struct trivet_cli *cli;
    const char *events; /* NULL = ask the server */
    const char *topic;
    uint64_t count; /* 0 = no end */
};

/* The last event of the publisher, to count what was lost. */
struct place {
    uint64_t epoch;
    uint64_t sequence;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct events_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'e':
        options->events = argument;
        return 0;
    case 't':
        options->topic = argument;
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
    {"count", 'n', "N", 0, "end after N events", 0},
    {0},
};

static const struct argp events_argp = {
    .options = events_argp_options,
    .parser = parse,
    .doc = "Print the server's events as they come: a line each on a terminal, else JSON lines.",
    .children = trivet_cli_shared_children,
};

static enum trivet_status ask_server(struct trivet_cli *cli, char url[URL_BYTES],
                                     struct trivet_error *err)
{
    Trivet__V1__InfoRequest request = TRIVET__V1__INFO_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Server/Info", &request.base,
                        &trivet__v1__info_response__descriptor, 0, cli->arena, &reply, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const char *events_url = ((const Trivet__V1__InfoResponse *)reply)->events_url;
    if (events_url[0] == '\0') {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the server at %s publishes no events; start it with --events URL",
                                cli->server);
    }
    if (!trivet_cli_events_url(events_url, cli->server, url, URL_BYTES)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the events' address is too long; give it with --events");
    }
    return TRIVET_OK;
}

/* With a topic filter gaps are normal: the others were not sent for us. */
static void note_losses(const struct events_options *options, const Trivet__V1__Event *event,
                        struct place *place)
{
    bool follows = event->publisher_epoch == place->epoch && place->sequence > 0;
    if (options->topic[0] == '\0' && follows && event->sequence > place->sequence + 1) {
        fprintf(stderr, "trivet: %llu events were lost\n",
                (unsigned long long)(event->sequence - place->sequence - 1));
    }
    place->epoch = event->publisher_epoch;
    place->sequence = event->sequence;
}

static enum trivet_status print_one(const struct events_options *options, const char *topic,
                                    const struct trivet_reply *received, struct place *place,
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
    note_losses(options, event, place);
    status = cli->json || !trivet_cli_for_person(cli)
                 ? trivet_cli_event_json(topic, event, &text, err)
                 : trivet_cli_event_line(topic, event, &text, err);
    if (status == TRIVET_OK) {
        fwrite(text.data, 1, text.n_bytes, stdout);
    }
    trivet_buffer_release(&text);
    return status;
}

static int follow(const struct events_options *options, struct trivet_subscriber *subscriber)
{
    char topic[TOPIC_BYTES];
    struct place place = {0};
    struct trivet_error err = {0};
    uint64_t n_events = 0;
    while (options->count == 0 || n_events < options->count) {
        struct trivet_reply received = {0};
        enum trivet_status status =
            trivet_subscriber_next(subscriber, topic, sizeof(topic), &received, &err);
        if (status == TRIVET_OK) {
            status = print_one(options, topic, &received, &place, &err);
        }
        trivet_reply_release(&received);
        if (status != TRIVET_OK) {
            return trivet_cli_fail(&err);
        }
        if (!trivet_cli_flush()) {
            return TRIVET_CLI_FAILED;
        }
        n_events++;
    }
    return TRIVET_CLI_DONE;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct events_options options = {.cli = cli, .topic = ""};
    struct trivet_subscriber *subscriber = NULL;
    struct trivet_error err = {0};
    char url[URL_BYTES];
    argp_parse(&events_argp, argc, argv, 0, NULL, &options);
    enum trivet_status status = TRIVET_OK;
    if (options.events == NULL) {
        status = ask_server(cli, url, &err);
        options.events = url;
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_check_url(options.events, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_subscriber_open(options.events, options.topic, &subscriber, &err);
    }
    int code = status == TRIVET_OK ? follow(&options, subscriber) : trivet_cli_fail(&err);
    trivet_subscriber_close(subscriber);
    return code;
}

const struct trivet_cli_command trivet_cli_events = {
    .name = "events",
    .summary = "print events as they come",
    .run = run,
};
