/* trivet evaluate NAME[:VERSION|@ALIAS] --data FILE [--target COLUMN] */
#include "clients/cli/arguments.h"
#include "clients/cli/gnuplot.h"
#include "clients/cli/models.h"
#include "clients/cli/output.h"
#include "clients/cli/plot.h"
#include "clients/cli/report.h"
#include "clients/cli/scored_data.h"
#include "trivet/v1/evaluation.pb-c.h"

#include "base/text.h"
#include "data/csv.h"

#include <stdio.h>
#include <string.h>

#define EVALUATE_TIMEOUT_MS 600000
#define SLICES_MAX          8
#define REPEATS_DEFAULT     5
#define REPEATS_MAX         50

enum { KEY_SLICE = 0x100, KEY_IMPORTANCE, KEY_PLOT, KEY_SEED };

struct evaluate_options {
    struct trivet_cli_model_on_data given;
    const char *target;
    struct trivet_cli_list slices;
    uint64_t repeats; /* 0 = no importances */
    uint64_t seed;
    const char *plot;
};

static error_t parse_slice(struct evaluate_options *options, const char *argument,
                           struct argp_state *state)
{
    struct trivet_error err = {0};
    if (options->slices.n_items == SLICES_MAX) {
        argp_error(state, "--slice %s: at most %d columns", argument, SLICES_MAX);
    }
    if (trivet_cli_list_add(&options->slices, argument, strlen(argument), &err) != TRIVET_OK) {
        argp_error(state, "%s", err.message);
    }
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct evaluate_options *options = state->input;
    switch (key) {
    case 't':
        options->target = argument;
        return 0;
    case KEY_SLICE:
        return parse_slice(options, argument, state);
    case KEY_IMPORTANCE:
        options->repeats = REPEATS_DEFAULT;
        if (argument != NULL && (!trivet_text_parse_uint64(argument, &options->repeats) ||
                                 options->repeats == 0 || options->repeats > REPEATS_MAX)) {
            argp_error(state, "--importance=%s: give 1 to %d", argument, REPEATS_MAX);
        }
        return 0;
    case KEY_SEED:
        if (!trivet_text_parse_uint64(argument, &options->seed)) {
            argp_error(state, "--seed %s: give a whole number from 0", argument);
        }
        return 0;
    case KEY_PLOT:
        options->plot = argument;
        return 0;
    default:
        return trivet_cli_parse_model_on_data(&options->given, key, argument, state);
    }
}

static const struct argp_option evaluate_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with the model's inputs and the target, or -", 1},
    {"target", 't', "COLUMN", 0, "the true outcome (else the target it was trained on)", 1},
    {"slice", KEY_SLICE, "COLUMN", 0,
     "also the metrics of the rows with each value of a column, of the model or not; may be "
     "repeated",
     2},
    {"importance", KEY_IMPORTANCE, "TIMES", OPTION_ARG_OPTIONAL,
     "also how much worse it gets when a column is shuffled, the mean of 5 times", 2},
    {"plot", KEY_PLOT, "FILE", 0,
     "draw ROC, precision and recall, calibration and confusion, or predictions and residuals, as "
     ".png or .svg; a folder: a .png in it",
     2},
    {"seed", KEY_SEED, "N", 0, "of the shuffling (default 0)", 2},
    {0},
};

static const struct argp evaluate_argp = {
    .options = evaluate_argp_options,
    .parser = parse,
    .args_doc = "NAME[:VERSION|@ALIAS]",
    .doc = "Score a version on other data. The data is uploaded for that and deleted again.",
    .children = trivet_cli_shared_children,
};

/* The slices' columns that the model does not read, typed by what is in the file; standard input
 * cannot be read twice, so there every value is a slice of its own. */
static enum trivet_status add_slices(const struct evaluate_options *options,
                                     struct trivet_schema *out, struct trivet_error *err)
{
    struct trivet_schema file = {0};
    uint64_t n_rows = 0;
    enum trivet_status status = TRIVET_OK;
    bool readable = strcmp(options->given.data, "-") != 0;
    for (size_t i = 0; status == TRIVET_OK && i < options->slices.n_items; i++) {
        const char *name = options->slices.items[i];
        enum trivet_column_type type = TRIVET_COLUMN_CATEGORICAL;
        if (trivet_schema_find(out, name) != TRIVET_COLUMN_NOT_FOUND) {
            continue;
        }
        if (readable && file.n_columns == 0) {
            status = trivet_csv_infer(options->given.data, NULL, &file, &n_rows, err);
        }
        size_t column = trivet_schema_find(&file, name);
        if (status == TRIVET_OK && readable && column == TRIVET_COLUMN_NOT_FOUND) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "--slice '%.80s': %.160s has no such column", name,
                                      options->given.data);
        }
        if (status == TRIVET_OK && readable) {
            type = file.columns[column].type;
        }
        if (status == TRIVET_OK) {
            status = trivet_schema_add(out, name, type, err);
        }
    }
    trivet_schema_release(&file);
    return status;
}

/* The model's inputs, the target and the slices' columns, typed as the model needs them. */
static enum trivet_status columns_to_send(const Trivet__V1__Version *version, const char *target,
                                          const struct evaluate_options *options,
                                          struct trivet_schema *out, struct trivet_error *err)
{
    if (version->target[0] == '\0' && target[0] != '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--target %.80s: %.80s groups rows without a target; leave "
                                "--target out, or see a column's groups with --slice %.80s",
                                target, version->model, target);
    }
    enum trivet_status status = trivet_cli_scored_columns(version, target, out, err);
    return status == TRIVET_OK ? add_slices(options, out, err) : status;
}

static enum trivet_status score(const struct evaluate_options *options,
                                const Trivet__V1__Version *version, const char *dataset_id,
                                const char *target, Trivet__V1__EvaluateResponse **out,
                                struct trivet_error *err)
{
    struct trivet_cli *cli = options->given.cli;
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = version->model;
    ref.version = version->version;
    Trivet__V1__EvaluateRequest request = TRIVET__V1__EVALUATE_REQUEST__INIT;
    request.model = &ref;
    request.dataset_id = trivet_cli_field(dataset_id);
    request.target = trivet_cli_field(target);
    request.curves = options->plot != NULL || cli->json;
    request.slice_columns = options->slices.items;
    request.n_slice_columns = options->slices.n_items;
    request.permutation_repeats = (uint32_t)options->repeats;
    request.seed = options->seed;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status = trivet_cli_call(cli, "trivet.v1.Evaluation/Evaluate", &request.base,
                                                &trivet__v1__evaluate_response__descriptor,
                                                EVALUATE_TIMEOUT_MS, cli->arena, &reply, err);
    trivet_cli_drop_scored(cli, dataset_id);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__EvaluateResponse *)reply;
    }
    return status;
}

static int print(const struct evaluate_options *options,
                 const Trivet__V1__EvaluateResponse *response)
{
    struct trivet_cli *cli = options->given.cli;
    struct trivet_cli_subject subject = {response->model, response->version};
    struct trivet_error err = {0};
    if (response->evaluation == NULL) {
        trivet_error_set(&err, TRIVET_DATA_LOSS, "the server's answer holds no evaluation");
        return trivet_cli_fail(&err);
    }
    int code = cli->json ? trivet_cli_print_json(&response->base)
                         : trivet_cli_print_evaluation(cli, &subject, response->evaluation);
    if (code == TRIVET_CLI_DONE && options->plot != NULL) {
        char path[TRIVET_CLI_PLOT_PATH_BYTES];
        trivet_cli_plot_path(options->plot, response->model, response->version, "evaluation", path);
        if (trivet_cli_plot_evaluation(&subject, response->evaluation, path, &err) != TRIVET_OK) {
            return trivet_cli_fail(&err);
        }
        fprintf(stderr, "drawn: %s\n", path);
    }
    return code;
}

/* Before anything is sent for it. */
static enum trivet_status check_plot(const struct evaluate_options *options,
                                     struct trivet_error *err)
{
    char path[TRIVET_CLI_PLOT_PATH_BYTES];
    if (options->plot == NULL) {
        return TRIVET_OK;
    }
    trivet_cli_plot_path(options->plot, "model", 1, "evaluation", path);
    return trivet_cli_gnuplot_check(path, err);
}

static int evaluate(const struct evaluate_options *options, const struct trivet_cli_model *name)
{
    struct trivet_cli *cli = options->given.cli;
    struct trivet_schema schema = {0};
    struct trivet_error err = {0};
    Trivet__V1__Version *version = NULL;
    Trivet__V1__Dataset *dataset = NULL;
    Trivet__V1__EvaluateResponse *response = NULL;
    const char *target = options->target;
    enum trivet_status status = check_plot(options, &err);
    if (status == TRIVET_OK) {
        status = trivet_cli_resolve(cli, name, &version, &err);
    }
    if (status == TRIVET_OK) {
        target = target != NULL ? target : version->target;
        status = columns_to_send(version, target, options, &schema, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_upload_scored(cli, options->given.data, &schema, &dataset, &err);
    }
    if (status == TRIVET_OK) {
        status = score(options, version, dataset->id, target, &response, &err);
    }
    trivet_schema_release(&schema);
    return status == TRIVET_OK ? print(options, response) : trivet_cli_fail(&err);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct evaluate_options options = {.given.cli = cli};
    struct trivet_cli_model name = {0};
    struct trivet_error err = {0};
    argp_parse(&evaluate_argp, argc, argv, 0, NULL, &options);
    int code = trivet_cli_parse_model(options.given.model, &name, &err) == TRIVET_OK
                   ? evaluate(&options, &name)
                   : trivet_cli_usage("%s", err.message);
    trivet_cli_list_release(&options.slices);
    return code;
}

const struct trivet_cli_command trivet_cli_evaluate = {
    .name = "evaluate",
    .summary = "score a version on other data",
    .run = run,
};
