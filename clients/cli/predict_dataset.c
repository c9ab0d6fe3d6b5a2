#include "clients/cli/predict_dataset.h"

#include "clients/cli/format.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/job.h"
#include "clients/cli/output.h"
#include "clients/cli/progress.h"
#include "trivet/v1/prediction.pb-c.h"

#include <stdio.h>

static enum trivet_status start(struct trivet_cli *cli, const struct trivet_cli_model *model,
                                const struct trivet_cli_dataset_prediction *options,
                                Trivet__V1__Job **out, struct trivet_error *err)
{
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = trivet_cli_field(model->name);
    ref.version = model->version;
    ref.alias = trivet_cli_field(model->alias);
    Trivet__V1__PredictDatasetRequest request = TRIVET__V1__PREDICT_DATASET_REQUEST__INIT;
    request.model = &ref;
    request.dataset_id = trivet_cli_field(options->dataset_id);
    request.output_name =
        trivet_cli_field(options->output_name != NULL ? options->output_name : "");
    request.n_keep_columns = options->keep.n_items;
    request.keep_columns = options->keep.items;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Prediction/PredictDataset", &request.base,
                        &trivet__v1__job__descriptor, 0, cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Job *)reply;
    }
    return status;
}

/* Until it has ended; an interrupt cancels it. */
static enum trivet_status wait_for(struct trivet_cli *cli, Trivet__V1__Job **job,
                                   struct trivet_error *err)
{
    struct trivet_cli_interrupt interrupt;
    struct trivet_cli_progress progress;
    enum trivet_status status = trivet_cli_interrupt_begin(&interrupt, cli, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trivet_cli_progress_init(&progress, cli);
    trivet_cli_interrupt_set_job(&interrupt, (*job)->id);
    status = trivet_cli_wait_job(cli, (*job)->id, &progress, job, err);
    trivet_cli_progress_clear(&progress);
    trivet_cli_interrupt_end(&interrupt);
    return status == TRIVET_OK ? trivet_cli_job_result(*job, err) : status;
}

static int print_started(struct trivet_cli *cli, const Trivet__V1__Job *job)
{
    static const struct trivet_cli_column columns[] = {{"job", false, false},
                                                       {"model", false, false},
                                                       {"version", true, false},
                                                       {"state", false, false}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 4);
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", job->id);
        trivet_cli_table_text(table, "%s", job->model);
        trivet_cli_table_count(table, job->version);
        trivet_cli_table_text(table, "%s", trivet_cli_job_state(job->state));
    }
    return trivet_cli_print_table(cli, table);
}

static int print_made(struct trivet_cli *cli, const Trivet__V1__Job *job)
{
    static const struct trivet_cli_column columns[] = {
        {"dataset", false, false}, {"model", false, false}, {"version", true, false},
        {"rows", true, false},     {"failed", true, false}, {"took", true, false},
    };
    const Trivet__V1__TrainingReport *report = job->report;
    struct trivet_cli_table *table =
        trivet_cli_open_table(cli, columns, sizeof(columns) / sizeof(columns[0]));
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", job->output_dataset_id);
        trivet_cli_table_text(table, "%s", job->model);
        trivet_cli_table_count(table, job->version);
        trivet_cli_table_count(table, report != NULL ? report->rows_total : 0);
        trivet_cli_table_count(table, report != NULL ? report->rows_dropped : 0);
        trivet_cli_table_seconds(table, report != NULL ? report->total_seconds : 0);
    }
    return trivet_cli_print_table(cli, table);
}

static int print_ended(struct trivet_cli *cli, const Trivet__V1__Job *job)
{
    const Trivet__V1__TrainingReport *report = job->report;
    const bool failed = report != NULL && report->rows_dropped > 0;
    int code = cli->json ? trivet_cli_print_json(&job->base) : print_made(cli, job);
    for (size_t i = 0; report != NULL && report->fit != NULL && i < report->fit->n_warnings; i++) {
        fprintf(stderr, "trivet: %s\n", report->fit->warnings[i]);
    }
    if (code == TRIVET_CLI_DONE && !cli->json && trivet_cli_for_person(cli)) {
        printf("\nAs a file: trivet datasets export %s\n", job->output_dataset_id);
        code = trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    return code == TRIVET_CLI_DONE && failed ? TRIVET_CLI_FAILED : code;
}

int trivet_cli_predict_dataset(struct trivet_cli *cli, const struct trivet_cli_model *model,
                               const struct trivet_cli_dataset_prediction *options)
{
    Trivet__V1__Job *job = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = start(cli, model, options, &job, &err);
    if (status == TRIVET_OK && options->detach) {
        return cli->json ? trivet_cli_print_json(&job->base) : print_started(cli, job);
    }
    if (status == TRIVET_OK) {
        status = wait_for(cli, &job, &err);
    }
    return status == TRIVET_OK ? print_ended(cli, job) : trivet_cli_fail(&err);
}
