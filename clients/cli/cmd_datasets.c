/* trivet datasets, trivet datasets upload FILE, trivet datasets export ID, trivet datasets delete
 * ID
 */
#include "clients/cli/arguments.h"
#include "clients/cli/export.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "clients/cli/upload.h"
#include "data/csv.h"
#include "trivet/v1/datasets.pb-c.h"

#include <stdio.h>
#include <string.h>

#define TITLE_BYTES 128

struct datasets_options {
    struct trivet_cli_words words;
    const char *name;
    const char *output;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct datasets_options *options = state->input;
    if (key == 'n') {
        options->name = argument;
        return 0;
    }
    if (key == 'o') {
        options->output = argument;
        return 0;
    }
    return trivet_cli_parse_word(&options->words, key, argument, state);
}

static const struct argp_option datasets_argp_options[] = {
    {"name", 'n', "NAME", 0, "name of the uploaded dataset (else the file's)", 0},
    {"output", 'o', "FILE", 0, "write the exported rows here (else standard output)", 0},
    {0}};

static const struct argp datasets_argp = {
    .options = datasets_argp_options,
    .parser = parse,
    .args_doc = "\nupload FILE.csv\nexport ID\ndelete ID",
    .doc =
        "List the datasets, newest first; upload one from a CSV file; write one as a CSV file; or "
        "delete one.",
    .children = trivet_cli_shared_children,
};

static const struct trivet_cli_column dataset_columns[] = {
    {"dataset", false, false}, {"name", false, true}, {"state", false, false},
    {"rows", true, false},     {"size", true, false}, {"created", false, false},
};
#define N_DATASET_COLUMNS (sizeof(dataset_columns) / sizeof(dataset_columns[0]))

static void dataset_row(struct trivet_cli_table *table, const Trivet__V1__Dataset *dataset)
{
    bool committed = dataset->state == TRIVET__V1__DATASET_STATE__DATASET_STATE_COMMITTED;
    trivet_cli_table_text(table, "%s", dataset->id);
    trivet_cli_table_text(table, "%s", dataset->name);
    trivet_cli_table_text(table, "%s", committed ? "committed" : "open");
    trivet_cli_table_count(table, dataset->rows);
    trivet_cli_table_bytes(table, dataset->stored_bytes);
    trivet_cli_table_time(table, dataset->created_unix_us);
}

static int list(struct trivet_cli *cli)
{
    Trivet__V1__ListDatasetsRequest request = TRIVET__V1__LIST_DATASETS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_call(cli, "trivet.v1.Datasets/List", &request.base,
                        &trivet__v1__list_datasets_response__descriptor, 0, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    const Trivet__V1__ListDatasetsResponse *response =
        (const Trivet__V1__ListDatasetsResponse *)reply;
    if (response->n_datasets == 0 && trivet_cli_for_person(cli)) {
        puts("No datasets.");
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, dataset_columns, N_DATASET_COLUMNS);
    for (size_t i = 0; table != NULL && i < response->n_datasets; i++) {
        dataset_row(table, response->datasets[i]);
    }
    return trivet_cli_print_table(cli, table);
}

static enum trivet_status upload_inferred(struct trivet_cli *cli, const char *path,
                                          const char *name, Trivet__V1__Dataset **out,
                                          struct trivet_error *err)
{
    struct trivet_schema schema = {0};
    struct trivet_cli_interrupt interrupt;
    struct trivet_cli_progress progress;
    uint64_t n_rows = 0;
    enum trivet_status status = trivet_csv_infer(path, NULL, &schema, &n_rows, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_interrupt_begin(&interrupt, cli, err);
    }
    if (status != TRIVET_OK) {
        trivet_schema_release(&schema);
        return status;
    }
    trivet_cli_progress_init(&progress, cli);
    struct trivet_cli_upload upload = {.path = path,
                                       .name = name,
                                       .schema = &schema,
                                       .progress = &progress,
                                       .interrupt = &interrupt};
    status = trivet_cli_upload_file(cli, &upload, out, err);
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    trivet_schema_release(&schema);
    return status;
}

static int upload_command(struct trivet_cli *cli, const char *path, const char *name)
{
    char title[TITLE_BYTES];
    struct trivet_error err = {0};
    Trivet__V1__Dataset *dataset = NULL;
    trivet_cli_file_title(path, title, sizeof(title));
    if (upload_inferred(cli, path, name != NULL ? name : title, &dataset, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(&dataset->base);
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, dataset_columns, N_DATASET_COLUMNS);
    if (table != NULL) {
        dataset_row(table, dataset);
    }
    return trivet_cli_print_table(cli, table);
}

static int delete_command(struct trivet_cli *cli, const char *id)
{
    struct trivet_error err = {0};
    if (trivet_cli_delete_dataset(cli, id, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        printf("{}\n");
    } else {
        fprintf(stderr, "%s deleted\n", id);
    }
    return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct datasets_options options = {.words.cli = cli};
    argp_parse(&datasets_argp, argc, argv, 0, NULL, &options);
    if (options.words.n_items == 0) {
        return list(cli);
    }
    if (options.words.n_items == 2 && strcmp(options.words.items[0], "upload") == 0) {
        return upload_command(cli, options.words.items[1], options.name);
    }
    if (options.words.n_items == 2 && strcmp(options.words.items[0], "delete") == 0) {
        return delete_command(cli, options.words.items[1]);
    }
    if (options.words.n_items == 2 && strcmp(options.words.items[0], "export") == 0) {
        return trivet_cli_export_dataset(cli, options.words.items[1], options.output);
    }
    return trivet_cli_usage("write 'trivet datasets', 'trivet datasets upload FILE.csv', 'trivet "
                            "datasets export ID' or 'trivet datasets delete ID'");
}

const struct trivet_cli_command trivet_cli_datasets = {
    .name = "datasets",
    .summary = "list datasets; upload, export or delete one",
    .run = run,
};
