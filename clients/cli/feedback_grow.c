#include "clients/cli/feedback_grow.h"

#include "clients/cli/output.h"

#define GROW_TIMEOUT_MS 600000

int trivet_cli_grow(struct trivet_cli *cli, const Trivet__V1__GrowDatasetRequest *request)
{
    static const struct trivet_cli_column columns[] = {
        {.name = "dataset"},
        {.name = "name"},
        {.name = "rows", .right = true},
    };
    ProtobufCMessage *reply = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_call(cli, "trivet.v1.Feedback/GrowDataset", &request->base,
                        &trivet__v1__dataset__descriptor, GROW_TIMEOUT_MS, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    const Trivet__V1__Dataset *dataset = (const Trivet__V1__Dataset *)reply;
    struct trivet_cli_table *table =
        trivet_cli_open_table(cli, columns, sizeof(columns) / sizeof(columns[0]));
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", dataset->id);
        trivet_cli_table_text(table, "%s", dataset->name);
        trivet_cli_table_count(table, dataset->rows);
    }
    return trivet_cli_print_table(cli, table);
}
