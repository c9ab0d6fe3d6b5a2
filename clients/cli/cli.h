/* What every command of `trivet` shares: the options of all commands, calls, errors, exit codes. */
#ifndef TRIVET_CLI_CLI_H
#define TRIVET_CLI_CLI_H

#include "base/arena.h"
#include "base/compiler.h"

#include <trivet/client.h>

#include <argp.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#define TRIVET_CLI_DONE   0
#define TRIVET_CLI_FAILED 1
#define TRIVET_CLI_USAGE  2

struct trivet_cli {
    const char *server; /* URL */
    bool json;
    bool out_is_terminal;
    bool err_is_terminal;
    struct trivet_client *client; /* opened by the first call; owned */
    /* Replies of a command live here until it ends; a loop resets it, or has one of its own. */
    struct trivet_arena *arena;
};

/* argv[0] is "trivet COMMAND". Returns the exit code. */
struct trivet_cli_command {
    const char *name;
    const char *summary;
    int (*run)(struct trivet_cli *cli, int argc, char **argv);
};

extern const struct trivet_cli_command trivet_cli_train;
extern const struct trivet_cli_command trivet_cli_evaluate;
extern const struct trivet_cli_command trivet_cli_deploy;
extern const struct trivet_cli_command trivet_cli_rollback;
extern const struct trivet_cli_command trivet_cli_history;
extern const struct trivet_cli_command trivet_cli_predict;
extern const struct trivet_cli_command trivet_cli_explain;
extern const struct trivet_cli_command trivet_cli_feedback;
extern const struct trivet_cli_command trivet_cli_configure;
extern const struct trivet_cli_command trivet_cli_models;
extern const struct trivet_cli_command trivet_cli_jobs;
extern const struct trivet_cli_command trivet_cli_datasets;
extern const struct trivet_cli_command trivet_cli_estimators;
extern const struct trivet_cli_command trivet_cli_events;
extern const struct trivet_cli_command trivet_cli_top_command;
extern const struct trivet_cli_command trivet_cli_status;

/* --server and --json, for the `children` of a command's argp; its input is the trivet_cli. */
extern const struct argp trivet_cli_shared_argp;
extern const struct argp_child trivet_cli_shared_children[];

/* Fails with UNAVAILABLE when there is no server, INVALID_ARGUMENT when the address is none; fine
 * to call again. */
enum trivet_status trivet_cli_connect(struct trivet_cli *cli,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* One call: packs `request`, unpacks the reply into `arena`. `timeout_ms` 0 = the default. */
enum trivet_status trivet_cli_call(struct trivet_cli *cli, const char *method,
                                   const ProtobufCMessage *request,
                                   const ProtobufCMessageDescriptor *reply_type, int timeout_ms,
                                   struct trivet_arena *arena, ProtobufCMessage **out,
                                   struct trivet_error *err) TRIVET_MUST_USE;
/* A reply's body as a message. */
enum trivet_status trivet_cli_unpack(const struct trivet_reply *reply,
                                     const ProtobufCMessageDescriptor *type,
                                     struct trivet_arena *arena, ProtobufCMessage **out,
                                     struct trivet_error *err) TRIVET_MUST_USE;

/* "trivet: …" and the refused fields, on stderr; TRIVET_CLI_FAILED, or TRIVET_CLI_USAGE when the
 * command line itself is wrong. */
int trivet_cli_fail(const struct trivet_error *err);
int trivet_cli_usage(const char *format, ...) TRIVET_PRINTF(1, 2);

/* protobuf-c's text fields are not const, though packing only reads them. */
char *trivet_cli_field(const char *text);

#endif
