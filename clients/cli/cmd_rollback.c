/* trivet rollback NAME [--alias A] [--reason TEXT] */
#include "clients/cli/arguments.h"
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "trivet/v1/models.pb-c.h"

#include <string.h>

struct rollback_options {
    struct trivet_cli_one_model model;
    const char *alias;
    const char *reason;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct rollback_options *options = state->input;
    switch (key) {
    case 'a':
        options->alias = argument;
        return 0;
    case 'm':
        options->reason = argument;
        return 0;
    default:
        return trivet_cli_parse_one_model(&options->model, key, argument, state);
    }
}

static const struct argp_option rollback_argp_options[] = {
    {"alias", 'a', "ALIAS", 0, "the alias to set back (else production)", 0},
    {"reason", 'm', "TEXT", 0, "why, for the record", 0},
    {0},
};

static const struct argp rollback_argp = {
    .options = rollback_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc = "Let the version answer that did before: undo the last deployment. Once more undoes the "
           "one before that. 'trivet history NAME' shows them.",
    .children = trivet_cli_shared_children,
};

static uint64_t version_of(const Trivet__V1__Model *model, const char *alias)
{
    uint64_t version = 0;
    for (size_t i = 0; i < model->n_aliases; i++) {
        if (strcmp(model->aliases[i]->name, alias) == 0) {
            version = model->aliases[i]->version;
        }
    }
    return version;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct rollback_options options = {.model = {.cli = cli}};
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    argp_parse(&rollback_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_name(options.model.name, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    const char *alias = options.alias != NULL ? options.alias : "production";
    Trivet__V1__RollbackRequest request = TRIVET__V1__ROLLBACK_REQUEST__INIT;
    request.model = model.name;
    request.alias = trivet_cli_field(alias);
    request.reason = trivet_cli_field(options.reason != NULL ? options.reason : "");
    ProtobufCMessage *reply = NULL;
    if (trivet_cli_call(cli, "trivet.v1.Models/Rollback", &request.base,
                        &trivet__v1__model__descriptor, 0, cli->arena, &reply, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return cli->json ? trivet_cli_print_json(reply)
                     : trivet_cli_print_alias(cli, model.name, alias,
                                              version_of((const Trivet__V1__Model *)reply, alias));
}

const struct trivet_cli_command trivet_cli_rollback = {
    .name = "rollback",
    .summary = "let the version answer that did before",
    .run = run,
};
