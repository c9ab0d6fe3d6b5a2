/* trivet: the command line. Finds the command and runs it; a file per command. */
#include "clients/cli/cli.h"

#include "base/alloc.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Replies of one command: lists of thousands of versions with reports. */
#define ARENA_BUDGET_BYTES ((size_t)1 << 30)
#define ARENA_KEEP_BYTES   ((size_t)64 * 1024)

static const struct trivet_cli_command *const commands[] = {
    &trivet_cli_train,       &trivet_cli_evaluate, &trivet_cli_deploy,     &trivet_cli_rollback,
    &trivet_cli_history,     &trivet_cli_predict,  &trivet_cli_explain,    &trivet_cli_models,
    &trivet_cli_jobs,        &trivet_cli_datasets, &trivet_cli_estimators, &trivet_cli_events,
    &trivet_cli_top_command, &trivet_cli_status,   &trivet_cli_feedback,   &trivet_cli_configure,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

struct invocation {
    struct trivet_cli cli;
    const struct trivet_cli_command *command;
    int first; /* index of the command in argv */
};

static void print_commands(FILE *out)
{
    fputs("Commands:\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(out, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    }
}

static char *help_filter(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) {
        return trivet_cli_field(text);
    }
    char *written = NULL;
    size_t n_bytes = 0;
    FILE *out = open_memstream(&written, &n_bytes);
    if (out == NULL) {
        return trivet_cli_field(text);
    }
    print_commands(out);
    fputs("\n'trivet COMMAND --help' says more about one.", out);
    fclose(out);
    return written;
}

static error_t parse_main(int key, char *argument, struct argp_state *state)
{
    struct invocation *invocation = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &invocation->cli;
        return 0;
    case ARGP_KEY_ARG:
        for (size_t i = 0; i < N_COMMANDS; i++) {
            if (strcmp(commands[i]->name, argument) == 0) {
                invocation->command = commands[i];
            }
        }
        if (invocation->command == NULL) {
            argp_failure(state, TRIVET_CLI_USAGE, 0, "no command '%s'; 'trivet --help' lists them",
                         argument);
        }
        invocation->first = state->next - 1;
        state->next = state->argc; /* the rest is the command's */
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_failure(state, TRIVET_CLI_USAGE, 0, "name a command; 'trivet --help' lists them");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp main_argp = {
    .parser = parse_main,
    .args_doc = "COMMAND ...",
    .doc = "Train, evaluate, deploy and watch models on a Trivet server.\v ",
    .children = trivet_cli_shared_children,
    .help_filter = help_filter,
};

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "trivet %s\n", TRIVET_VERSION);
}

static int run(struct invocation *invocation, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof(name), "trivet %s", invocation->command->name);
    argv[invocation->first] = name;
    struct trivet_cli *cli = &invocation->cli;
    cli->arena = trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES);
    if (cli->arena == NULL) {
        fputs("trivet: out of memory\n", stderr);
        return TRIVET_CLI_FAILED;
    }
    int code = invocation->command->run(cli, argc - invocation->first, argv + invocation->first);
    trivet_client_close(cli->client);
    trivet_arena_free(cli->arena);
    return code;
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* widths of characters; numbers stay with the point */
    argp_err_exit_status = TRIVET_CLI_USAGE;
    setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
    argp_program_version_hook = print_version;
    const char *server = getenv("TRIVET_SERVER");
    struct invocation invocation = {
        .cli.server = server != NULL && server[0] != '\0' ? server : TRIVET_DEFAULT_URL,
        .cli.out_is_terminal = isatty(STDOUT_FILENO) == 1,
        .cli.err_is_terminal = isatty(STDERR_FILENO) == 1,
    };
    argp_parse(&main_argp, argc, argv, ARGP_IN_ORDER, NULL, &invocation);
    return run(&invocation, argc, argv);
}
