#include "clients/cli/models_delete.h"

#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "trivet/v1/models.pb-c.h"

#include "base/text.h"

#include <stdio.h>

#define WHAT_BYTES 160

static void describe(const struct trivet_cli_model *model, char text[WHAT_BYTES])
{
    if (model->alias[0] != '\0') {
        (void)trivet_text_format(text, WHAT_BYTES, "the alias %s@%s", model->name, model->alias);
    } else if (model->version != 0) {
        (void)trivet_text_format(text, WHAT_BYTES, "%s version %llu", model->name,
                                 (unsigned long long)model->version);
    } else {
        (void)trivet_text_format(text, WHAT_BYTES, "the model %s with all its versions",
                                 model->name);
    }
}

static enum trivet_status remove_alias(struct trivet_cli *cli, struct trivet_cli_model *model,
                                       const char *reason, ProtobufCMessage **reply,
                                       struct trivet_error *err)
{
    Trivet__V1__RemoveAliasRequest request = TRIVET__V1__REMOVE_ALIAS_REQUEST__INIT;
    request.model = model->name;
    request.alias = model->alias;
    request.reason = trivet_cli_field(reason);
    return trivet_cli_call(cli, "trivet.v1.Models/RemoveAlias", &request.base,
                           &trivet__v1__model__descriptor, 0, cli->arena, reply, err);
}

static enum trivet_status delete_versions(struct trivet_cli *cli, struct trivet_cli_model *model,
                                          const char *reason, ProtobufCMessage **reply,
                                          struct trivet_error *err)
{
    Trivet__V1__DeleteModelRequest request = TRIVET__V1__DELETE_MODEL_REQUEST__INIT;
    request.model = model->name;
    request.version = model->version;
    request.reason = trivet_cli_field(reason);
    return trivet_cli_call(cli, "trivet.v1.Models/Delete", &request.base,
                           &trivet__v1__delete_model_response__descriptor, 0, cli->arena, reply,
                           err);
}

int trivet_cli_delete_model(struct trivet_cli *cli, const char *what, bool yes, const char *reason)
{
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    ProtobufCMessage *reply = NULL;
    char text[WHAT_BYTES];
    if (trivet_cli_parse_model(what, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    describe(&model, text);
    if (!yes) {
        return trivet_cli_usage("that would delete %s, for good; say --yes to do it", text);
    }
    reason = reason != NULL ? reason : "";
    enum trivet_status status = model.alias[0] != '\0'
                                    ? remove_alias(cli, &model, reason, &reply, &err)
                                    : delete_versions(cli, &model, reason, &reply, &err);
    if (status != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    fprintf(stderr, "%s deleted\n", text);
    return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
}
