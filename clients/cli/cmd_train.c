/* trivet train NAME --data FILE.csv --target COLUMN … */
#include "clients/cli/estimators.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/job.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/train_plan.h"
#include "clients/cli/upload.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TITLE_BYTES 128
#define FOLDS_MIN   2
#define FOLDS_MAX   100

enum {
    KEY_IMPUTE = 0x100,
    KEY_SCALE,
    KEY_ENCODE,
    KEY_COLUMNS,
    KEY_EXCLUDE,
    KEY_TEST_SIZE,
    KEY_SEED,
    KEY_FOLDS,
    KEY_NO_WAIT,
};

struct train_options {
    struct trivet_cli *cli;
    const char *name;
    struct trivet_cli_recipe recipe;
    Trivet__V1__PipelineSpec *pipeline; /* of recipe and file, in the arena */
    double test_size;
    uint64_t seed;
    uint64_t folds; /* 0 = no cross-validation */
    bool no_wait;
};

static const struct argp_option train_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with a header line", 1},
    {"target", 't', "COLUMN", 0, "what to predict", 1},
    {"estimator", 'e', "NAME", 0, "what to fit (else linear_regression); see 'trivet estimators'",
     2},
    {"param", 'p', "NAME=VALUE", 0, "a parameter of the estimator; may be repeated", 2},
    {"columns", KEY_COLUMNS, "A,B", 0, "learn from these columns only", 3},
    {"exclude", KEY_EXCLUDE, "A,B", 0, "leave these columns out", 3},
    {"impute", KEY_IMPUTE, "HOW", 0,
     "missing values: mean (default), median, most_frequent, constant[=NUMBER], none; of "
     "categories the most frequent",
     4},
    {"scale", KEY_SCALE, "HOW", 0, "numeric columns: standard (default), none", 4},
    {"encode", KEY_ENCODE, "HOW", 0, "categorical columns: one_hot (default), none", 4},
    {"test-size", KEY_TEST_SIZE, "FRACTION", 0, "rows held out for the test (default 0.2)", 5},
    {"cross-validate", KEY_FOLDS, "K", 0, "also K-fold over the rows that train", 5},
    {"seed", KEY_SEED, "N", 0, "of splits and fits (default 0)", 5},
    {"no-wait", KEY_NO_WAIT, NULL, 0, "only start the job and print its id", 6},
    {0},
};

static error_t parse_numbers(int key, const char *argument, struct argp_state *state)
{
    struct train_options *options = state->input;
    switch (key) {
    case KEY_TEST_SIZE:
        if (!trivet_text_parse_double(argument, strlen(argument), &options->test_size) ||
            options->test_size < 0 || options->test_size >= 1) {
            argp_error(state, "--test-size %s: give a fraction from 0 up to, not with, 1",
                       argument);
        }
        return 0;
    case KEY_SEED:
        if (!trivet_text_parse_uint64(argument, &options->seed)) {
            argp_error(state, "--seed %s: give a whole number from 0", argument);
        }
        return 0;
    case KEY_FOLDS:
        if (!trivet_text_parse_uint64(argument, &options->folds) ||
            (options->folds != 0 && options->folds < FOLDS_MIN) || options->folds > FOLDS_MAX) {
            argp_error(state, "--cross-validate %s: give %d to %d, or 0 for none", argument,
                       FOLDS_MIN, FOLDS_MAX);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_lists(int key, const char *argument, struct argp_state *state)
{
    struct train_options *options = state->input;
    struct trivet_cli_recipe *recipe = &options->recipe;
    struct trivet_error err = {0};
    enum trivet_status status = TRIVET_OK;
    switch (key) {
    case 'p':
        status = trivet_cli_pairs_parse(&recipe->params, argument, &err);
        break;
    case KEY_COLUMNS:
        status = trivet_cli_list_parse(&recipe->columns, argument, &err);
        break;
    case KEY_EXCLUDE:
        status = trivet_cli_list_parse(&recipe->exclude, argument, &err);
        break;
    default:
        return parse_numbers(key, argument, state);
    }
    if (status != TRIVET_OK) {
        argp_error(state, "%s", err.message);
    }
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct train_options *options = state->input;
    struct trivet_cli_recipe *recipe = &options->recipe;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'd':
        recipe->data = argument;
        return 0;
    case 't':
        recipe->target = argument;
        return 0;
    case 'e':
        recipe->estimator = argument;
        return 0;
    case KEY_IMPUTE:
        recipe->impute = argument;
        return 0;
    case KEY_SCALE:
        recipe->scale = argument;
        return 0;
    case KEY_ENCODE:
        recipe->encode = argument;
        return 0;
    case KEY_NO_WAIT:
        options->no_wait = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->name != NULL) {
            argp_error(state, "one model at a time; '%s' is too much", argument);
        }
        options->name = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->name == NULL || recipe->data == NULL || recipe->target == NULL) {
            argp_error(state, "name the model, --data FILE and --target COLUMN");
        }
        return 0;
    default:
        return parse_lists(key, argument, state);
    }
}

static const struct argp train_argp = {
    .options = train_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc = "Train a model on a CSV file: upload it, fit, evaluate, and make a new version. The "
           "version answers calls once it is deployed.",
    .children = trivet_cli_shared_children,
};

static enum trivet_status start_job(const struct train_options *options, const char *dataset_id,
                                    Trivet__V1__Job **out, struct trivet_error *err)
{
    Trivet__V1__SplitSpec split = TRIVET__V1__SPLIT_SPEC__INIT;
    split.test_size = options->test_size;
    split.seed = options->seed;
    split.folds = (uint32_t)options->folds;
    Trivet__V1__TrainRequest request = TRIVET__V1__TRAIN_REQUEST__INIT;
    request.model = trivet_cli_field(options->name);
    request.dataset_id = trivet_cli_field(dataset_id);
    request.split = &split;
    request.pipeline = options->pipeline;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(options->cli, "trivet.v1.Training/Train", &request.base,
                        &trivet__v1__job__descriptor, 0, options->cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Job *)reply;
    }
    return status;
}

/* Upload and start. A dataset that no job took is deleted again. */
static enum trivet_status upload_and_start(struct train_options *options,
                                           const struct trivet_cli_plan *plan,
                                           struct trivet_cli_progress *progress,
                                           struct trivet_cli_interrupt *interrupt,
                                           Trivet__V1__Job **out, struct trivet_error *err)
{
    char title[TITLE_BYTES];
    trivet_cli_file_title(options->recipe.data, title, sizeof(title));
    struct trivet_cli_upload upload = {.path = options->recipe.data,
                                       .name = title,
                                       .schema = &plan->sent,
                                       .progress = progress,
                                       .interrupt = interrupt};
    Trivet__V1__Dataset *dataset = NULL;
    enum trivet_status status = trivet_cli_upload_file(options->cli, &upload, &dataset, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = start_job(options, dataset->id, out, err);
    if (status != TRIVET_OK) {
        struct trivet_error ignored; /* the first error is the one to tell */
        (void)!trivet_cli_delete_dataset(options->cli, dataset->id, &ignored);
        return status;
    }
    trivet_cli_interrupt_set_job(interrupt, (*out)->id);
    return TRIVET_OK;
}

static int print_started(struct trivet_cli *cli, const Trivet__V1__Job *job)
{
    static const struct trivet_cli_column columns[] = {
        {"job", false, false}, {"model", false, false}, {"state", false, false}};
    if (cli->json) {
        return trivet_cli_print_json(&job->base);
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", job->id);
        trivet_cli_table_text(table, "%s", job->model);
        trivet_cli_table_text(table, "%s", trivet_cli_job_state(job->state));
    }
    return trivet_cli_print_table(cli, table);
}

static int print_ended(struct trivet_cli *cli, const Trivet__V1__Job *job)
{
    struct trivet_error err = {0};
    if (trivet_cli_job_result(job, &err) != TRIVET_OK) {
        struct trivet_error ignored; /* the data is of no use to anyone then */
        (void)!trivet_cli_delete_dataset(cli, job->dataset_id, &ignored);
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(&job->base);
    }
    struct trivet_cli_subject subject = {job->model, job->version};
    if (job->report == NULL) {
        trivet_error_set(&err, TRIVET_DATA_LOSS, "%s succeeded, but its report is missing",
                         job->id);
        return trivet_cli_fail(&err);
    }
    int code = trivet_cli_print_training(cli, &subject, job->report);
    if (code == TRIVET_CLI_DONE && trivet_cli_for_person(cli)) {
        printf("\nLet it answer: trivet deploy %s %llu\n", job->model,
               (unsigned long long)job->version);
        code = trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    return code;
}

static int train(struct train_options *options, const struct trivet_cli_plan *plan)
{
    struct trivet_cli *cli = options->cli;
    struct trivet_cli_interrupt interrupt;
    struct trivet_cli_progress progress;
    struct trivet_error err = {0};
    Trivet__V1__Job *job = NULL;
    if (trivet_cli_interrupt_begin(&interrupt, cli, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    trivet_cli_progress_init(&progress, cli);
    enum trivet_status status = trivet_cli_connect(cli, &err);
    if (status == TRIVET_OK) {
        status = upload_and_start(options, plan, &progress, &interrupt, &job, &err);
    }
    if (status == TRIVET_OK && !options->no_wait) {
        status = trivet_cli_wait_job(cli, job->id, &progress, &job, &err);
    }
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    if (status != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return options->no_wait ? print_started(cli, job) : print_ended(cli, job);
}

/* Everything that can be found wrong before data is sent. */
static enum trivet_status make_plan(struct train_options *options, struct trivet_cli_plan *plan,
                                    struct trivet_error *err)
{
    Trivet__V1__ListEstimatorsResponse *known = NULL;
    enum trivet_status status = trivet_cli_plan_make(&options->recipe, plan, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_pipeline(&options->recipe, plan, options->cli->arena,
                                          &options->pipeline, err);
    }
    if (status == TRIVET_OK && options->folds > plan->file.n_rows) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "--cross-validate %llu: %.200s has only %llu rows",
                                  (unsigned long long)options->folds, options->recipe.data,
                                  (unsigned long long)plan->file.n_rows);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_list_estimators(options->cli, "", &known, err);
    }
    return status == TRIVET_OK
               ? trivet_cli_check_plan(&options->recipe, plan, options->pipeline, known, err)
               : status;
}

static int plan_and_train(struct train_options *options)
{
    struct trivet_cli_plan plan = {0};
    struct trivet_cli_model name = {0};
    struct trivet_error err = {0};
    int code = TRIVET_CLI_DONE;
    if (trivet_cli_parse_name(options->name, &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (make_plan(options, &plan, &err) != TRIVET_OK) {
        code = trivet_cli_fail(&err);
    } else {
        trivet_cli_plan_print(&options->recipe, &plan, stderr);
        code = train(options, &plan);
    }
    trivet_cli_plan_release(&plan);
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct train_options options = {
        .cli = cli, .recipe.estimator = "linear_regression", .test_size = 0.2};
    argp_parse(&train_argp, argc, argv, 0, NULL, &options);
    int code = plan_and_train(&options);
    trivet_cli_pairs_release(&options.recipe.params);
    trivet_cli_list_release(&options.recipe.columns);
    trivet_cli_list_release(&options.recipe.exclude);
    return code;
}

const struct trivet_cli_command trivet_cli_train = {
    .name = "train",
    .summary = "train a model on a CSV file",
    .run = run,
};
