/* trivet jobs [ID], trivet jobs cancel ID */
#include "clients/cli/arguments.h"
#include "clients/cli/job.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "wire/json.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct jobs_options {
    struct trivet_cli_words words;
    const char *model;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct jobs_options *options = state->input;
    if (key == 'm') {
        options->model = argument;
        return 0;
    }
    return trivet_cli_parse_word(&options->words, key, argument, state);
}

static const struct argp_option jobs_argp_options[] = {
    {"model", 'm', "NAME", 0, "only jobs of this model", 0}, {0}};

static const struct argp jobs_argp = {
    .options = jobs_argp_options,
    .parser = parse,
    .args_doc = "[ID]\ncancel ID",
    .doc = "List the training jobs, newest first; show one; or cancel one.",
    .children = trivet_cli_shared_children,
};

static double seconds_taken(const Trivet__V1__Job *job)
{
    int64_t end_us = job->ended_unix_us != 0 ? job->ended_unix_us : trivet_clock_unix_us();
    return job->started_unix_us == 0 ? 0 : (double)(end_us - job->started_unix_us) / 1e6;
}

static void job_row(struct trivet_cli_table *table, const Trivet__V1__Job *job)
{
    trivet_cli_table_text(table, "%s", job->id);
    trivet_cli_table_text(table, "%s", trivet_cli_job_state(job->state));
    trivet_cli_table_text(table, "%s", job->model);
    if (job->version > 0) {
        trivet_cli_table_count(table, job->version);
    } else {
        trivet_cli_table_empty(table);
    }
    trivet_cli_table_text(table, "%s",
                          job->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN     ? "train"
                          : job->kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT ? "predict"
                                                                                : "cross-validate");
    if (job->progress != NULL && !trivet_cli_job_ended(job)) {
        char loss[TRIVET_CLI_LOSS_BYTES];
        trivet_cli_job_loss(job, ", ", loss);
        trivet_cli_table_text(table, "%s %.0f %%%s", job->progress->phase,
                              job->progress->fraction * 100, loss);
    } else {
        trivet_cli_table_empty(table);
    }
    trivet_cli_table_time(table, job->created_unix_us);
    trivet_cli_table_seconds(table, seconds_taken(job));
    trivet_cli_table_text(table, "%s", job->error_message);
}

static const struct trivet_cli_column job_columns[] = {
    {"job", false, false},     {"state", false, false}, {"model", false, false},
    {"version", true, false},  {"kind", false, false},  {"progress", false, true},
    {"created", false, false}, {"took", true, false},   {"error", false, true},
};
#define N_JOB_COLUMNS (sizeof(job_columns) / sizeof(job_columns[0]))

static int list(struct trivet_cli *cli, const char *model)
{
    Trivet__V1__ListJobsRequest request = TRIVET__V1__LIST_JOBS_REQUEST__INIT;
    request.model = trivet_cli_field(model != NULL ? model : "");
    ProtobufCMessage *reply = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_call(cli, "trivet.v1.Training/ListJobs", &request.base,
                        &trivet__v1__list_jobs_response__descriptor, 0, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    const Trivet__V1__ListJobsResponse *response = (const Trivet__V1__ListJobsResponse *)reply;
    if (response->n_jobs == 0 && trivet_cli_for_person(cli)) {
        puts("No jobs.");
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, job_columns, N_JOB_COLUMNS);
    for (size_t i = 0; table != NULL && i < response->n_jobs; i++) {
        job_row(table, response->jobs[i]);
    }
    return trivet_cli_print_table(cli, table);
}

/* GetJob or CancelJob: a job id in, the job out. */
static int one_job(struct trivet_cli *cli, const char *method, const ProtobufCMessage *request,
                   bool with_report)
{
    ProtobufCMessage *reply = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_call(cli, method, request, &trivet__v1__job__descriptor, 0, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    const Trivet__V1__Job *job = (const Trivet__V1__Job *)reply;
    struct trivet_cli_table *table = trivet_cli_open_table(cli, job_columns, N_JOB_COLUMNS);
    if (table != NULL) {
        job_row(table, job);
    }
    int code = trivet_cli_print_table(cli, table);
    if (code == TRIVET_CLI_DONE && with_report && job->output_dataset_id[0] != '\0' &&
        trivet_cli_for_person(cli)) {
        putchar('\n');
        trivet_cli_print_fact(cli, "Output", "%s; as a file: trivet datasets export %s",
                              job->output_dataset_id, job->output_dataset_id);
    } else if (code == TRIVET_CLI_DONE && with_report && job->report != NULL &&
               trivet_cli_for_person(cli)) {
        struct trivet_cli_subject subject = {job->model, job->version};
        putchar('\n');
        code = trivet_cli_print_training(cli, &subject, job->report);
    }
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct jobs_options options = {.words.cli = cli};
    argp_parse(&jobs_argp, argc, argv, 0, NULL, &options);
    if (options.words.n_items == 0) {
        return list(cli, options.model);
    }
    bool cancel = strcmp(options.words.items[0], "cancel") == 0;
    if (cancel != (options.words.n_items == 2)) {
        return trivet_cli_usage("write 'trivet jobs', 'trivet jobs ID' or 'trivet jobs cancel ID'");
    }
    if (cancel) {
        Trivet__V1__CancelJobRequest request = TRIVET__V1__CANCEL_JOB_REQUEST__INIT;
        request.job_id = trivet_cli_field(options.words.items[1]);
        return one_job(cli, "trivet.v1.Training/CancelJob", &request.base, false);
    }
    Trivet__V1__GetJobRequest request = TRIVET__V1__GET_JOB_REQUEST__INIT;
    request.job_id = trivet_cli_field(options.words.items[0]);
    return one_job(cli, "trivet.v1.Training/GetJob", &request.base, true);
}

const struct trivet_cli_command trivet_cli_jobs = {
    .name = "jobs",
    .summary = "list training jobs, show or cancel one",
    .run = run,
};
