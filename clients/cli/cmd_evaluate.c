/* trivet evaluate NAME[:VERSION|@ALIAS] --data FILE [--target COLUMN] */
#include "clients/cli/arguments.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/models.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/upload.h"
#include "trivet/v1/evaluation.pb-c.h"

#include <stdio.h>
#include <string.h>

#define TITLE_BYTES         128
#define EVALUATE_TIMEOUT_MS 600000

struct evaluate_options {
    struct trivet_cli_model_on_data given;
    const char *target;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluate_options *options = state->input;
    if (key == 't') {
        options->target = argument;
        return 0;
    }
    return trivet_cli_parse_model_on_data(&options->given, key, argument, state);
}

static const struct argp_option evaluate_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with the model's inputs and the target, or -", 0},
    {"target", 't', "COLUMN", 0, "the true outcome (else the target it was trained on)", 0},
    {0},
};

static const struct argp evaluate_argp = {
    .options = evaluate_argp_options,
    .parser = parse,
    .args_doc = "NAME[:VERSION|@ALIAS]",
    .doc = "Score a version on other data. The data is uploaded for that and deleted again.",
    .children = trivet_cli_shared_children,
};

/* The model's inputs and the target, typed as the model needs them. */
static enum trivet_status columns_to_send(const Trivet__V1__Version *version, const char *target,
                                          struct trivet_schema *out, struct trivet_error *err)
{
    const Trivet__V1__Signature *signature = version->signature;
    enum trivet_status status = trivet_cli_input_columns(version, out, err);
    if (status != TRIVET_OK || trivet_schema_find(out, target) != TRIVET_COLUMN_NOT_FOUND) {
        return status;
    }
    bool text = signature->n_outputs > 0 &&
                signature->outputs[0]->type == TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
    return trivet_schema_add(out, target, text ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC,
                             err);
}

static enum trivet_status upload(struct trivet_cli *cli, const char *path,
                                 const struct trivet_schema *schema, Trivet__V1__Dataset **out,
                                 struct trivet_error *err)
{
    char title[TITLE_BYTES];
    struct trivet_cli_interrupt interrupt;
    struct trivet_cli_progress progress;
    enum trivet_status status = trivet_cli_interrupt_begin(&interrupt, cli, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trivet_cli_file_title(path, title, sizeof(title));
    trivet_cli_progress_init(&progress, cli);
    struct trivet_cli_upload job = {.path = path,
                                    .name = title,
                                    .schema = schema,
                                    .progress = &progress,
                                    .interrupt = &interrupt};
    status = trivet_cli_upload_file(cli, &job, out, err);
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    return status;
}

static enum trivet_status score(struct trivet_cli *cli, const Trivet__V1__Version *version,
                                const char *dataset_id, const char *target,
                                Trivet__V1__EvaluateResponse **out, struct trivet_error *err)
{
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = version->model;
    ref.version = version->version;
    Trivet__V1__EvaluateRequest request = TRIVET__V1__EVALUATE_REQUEST__INIT;
    request.model = &ref;
    request.dataset_id = trivet_cli_field(dataset_id);
    request.target = trivet_cli_field(target);
    ProtobufCMessage *reply = NULL;
    enum trivet_status status = trivet_cli_call(cli, "trivet.v1.Evaluation/Evaluate", &request.base,
                                                &trivet__v1__evaluate_response__descriptor,
                                                EVALUATE_TIMEOUT_MS, cli->arena, &reply, err);
    struct trivet_error of_delete = {0};
    if (trivet_cli_delete_dataset(cli, dataset_id, &of_delete) != TRIVET_OK) {
        fprintf(stderr, "trivet: %s stays on the server: %s\n", dataset_id, of_delete.message);
    }
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__EvaluateResponse *)reply;
    }
    return status;
}

static int print(struct trivet_cli *cli, const Trivet__V1__EvaluateResponse *response)
{
    struct trivet_cli_subject subject = {response->model, response->version};
    struct trivet_error err = {0};
    if (cli->json) {
        return trivet_cli_print_json(&response->base);
    }
    if (response->evaluation == NULL) {
        trivet_error_set(&err, TRIVET_DATA_LOSS, "the server's answer holds no evaluation");
        return trivet_cli_fail(&err);
    }
    return trivet_cli_print_evaluation(cli, &subject, response->evaluation);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct evaluate_options options = {.given.cli = cli};
    struct trivet_cli_model name = {0};
    struct trivet_schema schema = {0};
    struct trivet_error err = {0};
    Trivet__V1__Version *version = NULL;
    Trivet__V1__Dataset *dataset = NULL;
    Trivet__V1__EvaluateResponse *response = NULL;
    argp_parse(&evaluate_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_model(options.given.model, &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    enum trivet_status status = trivet_cli_resolve(cli, &name, &version, &err);
    const char *target = options.target;
    if (status == TRIVET_OK) {
        target = target != NULL ? target : version->target;
        status = columns_to_send(version, target, &schema, &err);
    }
    if (status == TRIVET_OK) {
        status = upload(cli, options.given.data, &schema, &dataset, &err);
    }
    if (status == TRIVET_OK) {
        status = score(cli, version, dataset->id, target, &response, &err);
    }
    trivet_schema_release(&schema);
    return status == TRIVET_OK ? print(cli, response) : trivet_cli_fail(&err);
}

const struct trivet_cli_command trivet_cli_evaluate = {
    .name = "evaluate",
    .summary = "score a version on other data",
    .run = run,
};
