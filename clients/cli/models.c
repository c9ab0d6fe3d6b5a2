#include "clients/cli/models.h"
#include "clients/cli/output.h"

#include <stdio.h>
#include <string.h>

enum trivet_status trivet_cli_describe(struct trivet_cli *cli, const char *name, uint64_t version,
                                       Trivet__V1__Model **out, struct trivet_error *err)
{
    Trivet__V1__DescribeModelRequest request = TRIVET__V1__DESCRIBE_MODEL_REQUEST__INIT;
    request.model = trivet_cli_field(name);
    request.version = version;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Models/Describe", &request.base,
                        &trivet__v1__model__descriptor, 0, cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Model *)reply;
    }
    return status;
}

static enum trivet_status version_of_alias(struct trivet_cli *cli,
                                           const struct trivet_cli_model *model, uint64_t *out,
                                           struct trivet_error *err)
{
    const char *alias = model->alias[0] != '\0' ? model->alias : "production";
    Trivet__V1__Model *found = NULL;
    enum trivet_status status = trivet_cli_describe(cli, model->name, 0, &found, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < found->n_aliases; i++) {
        if (strcmp(found->aliases[i]->name, alias) == 0) {
            *out = found->aliases[i]->version;
            return TRIVET_OK;
        }
    }
    unsigned long long newest = found->n_versions > 0 ? found->versions[0]->version : 1;
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "no version of '%s' has the alias '%s'; set it with 'trivet deploy %s "
                            "%llu --alias %s', or name a version: %s:%llu",
                            model->name, alias, model->name, newest, alias, model->name, newest);
}

enum trivet_status trivet_cli_resolve(struct trivet_cli *cli, const struct trivet_cli_model *model,
                                      Trivet__V1__Version **out, struct trivet_error *err)
{
    uint64_t version = model->version;
    Trivet__V1__Model *found = NULL;
    enum trivet_status status = TRIVET_OK;
    if (version == 0) {
        status = version_of_alias(cli, model, &version, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_describe(cli, model->name, version, &found, err);
    }
    if (status == TRIVET_OK && found->n_versions == 0) {
        status = trivet_error_set(err, TRIVET_NOT_FOUND, "'%s' has no version %llu", model->name,
                                  (unsigned long long)version);
    }
    if (status == TRIVET_OK) {
        *out = found->versions[0];
    }
    return status;
}

enum trivet_status trivet_cli_input_columns(const Trivet__V1__Version *version,
                                            struct trivet_schema *out, struct trivet_error *err)
{
    const Trivet__V1__Signature *signature = version->signature;
    if (signature == NULL || signature->n_inputs == 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the server named no inputs for '%s' version %llu", version->model,
                                (unsigned long long)version->version);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < signature->n_inputs; i++) {
        const Trivet__V1__TensorSpec *input = signature->inputs[i];
        bool text = input->type == TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
        if (input->n_row_shape > 0) {
            status =
                trivet_error_set(err, TRIVET_UNIMPLEMENTED,
                                 "input '%s' is an array in every row, which a CSV file cannot "
                                 "hold",
                                 input->name);
        } else {
            status = trivet_schema_add(
                out, input->name, text ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC, err);
        }
    }
    return status;
}

int trivet_cli_print_alias(struct trivet_cli *cli, const char *name, const char *alias,
                           uint64_t version)
{
    static const struct trivet_cli_column columns[] = {
        {"model", false, false}, {"alias", false, false}, {"version", true, false}};
    if (trivet_cli_for_person(cli)) {
        printf("%s@%s is version %llu\n", name, alias, (unsigned long long)version);
        return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", name);
        trivet_cli_table_text(table, "%s", alias);
        trivet_cli_table_count(table, version);
    }
    return trivet_cli_print_table(cli, table);
}
