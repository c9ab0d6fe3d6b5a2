/* trivet train NAME --data FILE.csv --target COLUMN … */
#include "clients/cli/estimators.h"
#include "clients/cli/gnuplot.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/job.h"
#include "clients/cli/output.h"
#include "clients/cli/plot.h"
#include "clients/cli/report.h"
#include "clients/cli/train_options.h"
#include "clients/cli/train_steps.h"
#include "clients/cli/upload.h"

#include <stdio.h>
#include <string.h>

#define TITLE_BYTES 128

/* Everything decided before data is sent. */
struct training {
    const struct trivet_cli_train_options *options;
    struct trivet_cli_plan plan;        /* owned */
    Trivet__V1__PipelineSpec *pipeline; /* these in the command's arena */
    Trivet__V1__SearchSpec *search;     /* NULL: none */
};

static enum trivet_status start_job(const struct training *training, const char *dataset_id,
                                    Trivet__V1__Job **out, struct trivet_error *err)
{
    const struct trivet_cli_train_options *options = training->options;
    Trivet__V1__SplitSpec split = TRIVET__V1__SPLIT_SPEC__INIT;
    split.test_size = options->test_size;
    split.seed = options->seed;
    split.folds = (uint32_t)options->folds;
    split.kind = options->split;
    split.column = trivet_cli_field(options->recipe.group != NULL ? options->recipe.group : "");
    Trivet__V1__TrainRequest request = TRIVET__V1__TRAIN_REQUEST__INIT;
    request.model = trivet_cli_field(options->name);
    request.dataset_id = trivet_cli_field(dataset_id);
    request.split = &split;
    request.pipeline = training->pipeline;
    request.search = training->search;
    request.learning_curve = options->learning_curve;
    request.permutation_importance = options->importance;
    request.threads = (uint32_t)options->threads;
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
static enum trivet_status upload_and_start(const struct training *training,
                                           struct trivet_cli_progress *progress,
                                           struct trivet_cli_interrupt *interrupt,
                                           Trivet__V1__Job **out, struct trivet_error *err)
{
    const struct trivet_cli_train_options *options = training->options;
    char title[TITLE_BYTES];
    trivet_cli_file_title(options->recipe.data, title, sizeof(title));
    struct trivet_cli_upload upload = {.path = options->recipe.data,
                                       .name = title,
                                       .schema = &training->plan.sent,
                                       .progress = progress,
                                       .interrupt = interrupt};
    Trivet__V1__Dataset *dataset = NULL;
    enum trivet_status status = trivet_cli_upload_file(options->cli, &upload, &dataset, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = start_job(training, dataset->id, out, err);
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

/* The training has succeeded, whatever becomes of its picture. */
static int plot(const struct trivet_cli_train_options *options, const Trivet__V1__Job *job)
{
    char path[TRIVET_CLI_PLOT_PATH_BYTES];
    struct trivet_cli_subject subject = {job->model, job->version};
    struct trivet_error err = {0};
    if (options->plot == NULL) {
        return TRIVET_CLI_DONE;
    }
    trivet_cli_plot_path(options->plot, job->model, job->version, "training", path);
    if (trivet_cli_plot_training(&subject, job->report, path, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    fprintf(stderr, "drawn: %s\n", path);
    return TRIVET_CLI_DONE;
}

static int print_ended(const struct trivet_cli_train_options *options, const Trivet__V1__Job *job)
{
    struct trivet_cli *cli = options->cli;
    struct trivet_error err = {0};
    if (trivet_cli_job_result(job, &err) != TRIVET_OK) {
        struct trivet_error ignored; /* the data is of no use to anyone then */
        (void)!trivet_cli_delete_dataset(cli, job->dataset_id, &ignored);
        return trivet_cli_fail(&err);
    }
    struct trivet_cli_subject subject = {job->model, job->version};
    if (job->report == NULL) {
        trivet_error_set(&err, TRIVET_DATA_LOSS, "%s succeeded, but its report is missing",
                         job->id);
        return trivet_cli_fail(&err);
    }
    int code = cli->json ? trivet_cli_print_json(&job->base)
                         : trivet_cli_print_training(cli, &subject, job->report);
    if (code == TRIVET_CLI_DONE) {
        code = plot(options, job);
    }
    if (code == TRIVET_CLI_DONE && !cli->json && trivet_cli_for_person(cli)) {
        printf("\nLet it answer: trivet deploy %s %llu\n", job->model,
               (unsigned long long)job->version);
        code = trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    return code;
}

static int train(const struct training *training)
{
    const struct trivet_cli_train_options *options = training->options;
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
        status = upload_and_start(training, &progress, &interrupt, &job, &err);
    }
    if (status == TRIVET_OK && !options->no_wait) {
        status = trivet_cli_wait_job(cli, job->id, &progress, &job, &err);
    }
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    if (status != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return options->no_wait ? print_started(cli, job) : print_ended(options, job);
}

/* Steps that look back need the rows of a part in the order of the file. */
static enum trivet_status check_order(const struct training *training,
                                      const Trivet__V1__ListEstimatorsResponse *known,
                                      struct trivet_error *err)
{
    const struct trivet_cli_train_options *options = training->options;
    bool parts = options->test_size > 0 || options->folds > 0 || options->learning_curve ||
                 training->search != NULL;
    for (size_t i = 0; parts && options->split != TRIVET__V1__SPLIT_KIND__SPLIT_KIND_TIME &&
                       i < training->pipeline->n_transformers;
         i++) {
        const char *name = training->pipeline->transformers[i]->name;
        const Trivet__V1__EstimatorInfo *info = trivet_cli_find_transformer(known, name);
        if (info != NULL && info->needs_order) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "--transform %s looks at the rows before a row, which another "
                                    "split tears apart; give --split time, and a file in the "
                                    "order of time",
                                    name);
        }
    }
    return TRIVET_OK;
}

static enum trivet_status check_split(const struct trivet_cli_train_options *options,
                                      const struct trivet_cli_plan *plan, struct trivet_error *err)
{
    if (options->folds > plan->file.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--cross-validate %llu: %.200s has only %llu rows",
                                (unsigned long long)options->folds, options->recipe.data,
                                (unsigned long long)plan->file.n_rows);
    }
    if (options->split == TRIVET__V1__SPLIT_KIND__SPLIT_KIND_STRATIFIED &&
        plan->task != TRIVET__V1__TASK__TASK_CLASSIFICATION) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--split stratified keeps the shares of classes, and %s has none; "
                                "choose shuffled, time or grouped:COLUMN",
                                trivet_cli_task_name(plan->task));
    }
    return TRIVET_OK;
}

/* Everything that can be found wrong before data is sent. */
static enum trivet_status make_plan(struct training *training, struct trivet_error *err)
{
    const struct trivet_cli_train_options *options = training->options;
    const struct trivet_cli_recipe *recipe = &options->recipe;
    struct trivet_cli_plan *plan = &training->plan;
    struct trivet_arena *arena = options->cli->arena;
    Trivet__V1__ListEstimatorsResponse *known = NULL;
    char path[TRIVET_CLI_PLOT_PATH_BYTES];
    enum trivet_status status = TRIVET_OK;
    if (options->plot != NULL) {
        trivet_cli_plot_path(options->plot, "model", 1, "training", path);
        status = trivet_cli_gnuplot_check(path, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_make(recipe, plan, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_list_estimators(options->cli, "", &known, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_choose(recipe, known, plan, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_pipeline(recipe, known, plan, arena, &training->pipeline, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_check_plan(plan, training->pipeline, known, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_search(&options->search, plan, training->pipeline, known,
                                        options->folds, arena, &training->search, err);
    }
    if (status == TRIVET_OK) {
        status = check_order(training, known, err);
    }
    return status == TRIVET_OK ? check_split(options, plan, err) : status;
}

static int plan_and_train(const struct trivet_cli_train_options *options)
{
    struct training training = {.options = options};
    struct trivet_cli_model name = {0};
    struct trivet_error err = {0};
    int code = TRIVET_CLI_DONE;
    if (trivet_cli_parse_name(options->name, &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (make_plan(&training, &err) != TRIVET_OK) {
        code = trivet_cli_fail(&err);
    } else {
        trivet_cli_plan_print(&options->recipe, &training.plan, training.search, stderr);
        code = train(&training);
    }
    trivet_cli_plan_release(&training.plan);
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct trivet_cli_train_options options = {.cli = cli, .test_size = 0.2};
    trivet_cli_train_parse(&options, argc, argv);
    int code = plan_and_train(&options);
    trivet_cli_train_options_release(&options);
    return code;
}

const struct trivet_cli_command trivet_cli_train = {
    .name = "train",
    .summary = "train a model on a CSV file",
    .run = run,
};
