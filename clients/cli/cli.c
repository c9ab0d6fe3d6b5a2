#include "clients/cli/cli.h"

#include "base/buffer.h"
#include "clients/cli/names.h"
#include "wire/codec.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static error_t parse_shared(int key, char *argument, struct argp_state *state)
{
    struct trivet_cli *cli = state->input;
    switch (key) {
    case 's':
        cli->server = argument;
        return 0;
    case 'j':
        cli->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option shared_options[] = {
    {"server", 's', "URL", 0,
     "the server's address (else $TRIVET_SERVER, else " TRIVET_DEFAULT_URL ")", 0},
    {"json", 'j', NULL, 0, "answer with JSON", 0},
    {0},
};

const struct argp trivet_cli_shared_argp = {.options = shared_options, .parser = parse_shared};
const struct argp_child trivet_cli_shared_children[] = {
    {&trivet_cli_shared_argp, 0, "For every command:", 10}, {0}};

enum trivet_status trivet_cli_connect(struct trivet_cli *cli, struct trivet_error *err)
{
    if (cli->client != NULL) {
        return TRIVET_OK;
    }
    struct trivet_client_options options = {.url = cli->server};
    enum trivet_status status = trivet_cli_check_url(cli->server, err);
    if (status != TRIVET_OK) {
        return status;
    }
    /* Threads that this makes must not take the signals that trivet_cli_interrupt waits for. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    status = trivet_client_open(&options, &cli->client, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

enum trivet_status trivet_cli_unpack(const struct trivet_reply *reply,
                                     const ProtobufCMessageDescriptor *type,
                                     struct trivet_arena *arena, ProtobufCMessage **out,
                                     struct trivet_error *err)
{
    enum trivet_status status =
        trivet_codec_unpack(type, arena, reply->body, reply->body_bytes, out, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "the server's answer (%zu bytes): ", reply->body_bytes);
    }
    return status;
}

enum trivet_status trivet_cli_call(struct trivet_cli *cli, const char *method,
                                   const ProtobufCMessage *request,
                                   const ProtobufCMessageDescriptor *reply_type, int timeout_ms,
                                   struct trivet_arena *arena, ProtobufCMessage **out,
                                   struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    struct trivet_reply reply = {0};
    enum trivet_status status = trivet_cli_connect(cli, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(request, &body, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_client_call(cli->client, method, body.data, body.n_bytes, NULL, timeout_ms,
                                    &reply, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_unpack(&reply, reply_type, arena, out, err);
    }
    trivet_reply_release(&reply);
    trivet_buffer_release(&body);
    return status;
}

/* The message tells of the field and its fault already. */
static bool is_told(const char *message, const struct trivet_violation *violation)
{
    return strstr(message, violation->field) != NULL && strstr(message, violation->reason) != NULL;
}

int trivet_cli_fail(const struct trivet_error *err)
{
    fprintf(stderr, "trivet: %s\n", err->message);
    for (size_t i = 0; i < err->n_violations; i++) {
        const struct trivet_violation *violation = &err->violations[i];
        if (!is_told(err->message, violation)) {
            fprintf(stderr, "  %s: %s\n", violation->field, violation->reason);
        }
    }
    return TRIVET_CLI_FAILED;
}

int trivet_cli_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("trivet: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return TRIVET_CLI_USAGE;
}

char *trivet_cli_field(const char *text)
{
    union {
        const char *in;
        char *field;
    } text_union = {.in = text};
    return text_union.field;
}
