/* trivet predict NAME[:VERSION|@ALIAS] --data FILE|- …: rows stream in, predictions stream out in
 * the same order. Memory is bounded by window × rows per call, whatever the file's length.
 * With --dataset ID instead the rows are on the server, and so is the work. */
#include "clients/cli/arguments.h"
#include "clients/cli/flow.h"
#include "clients/cli/format.h"
#include "clients/cli/models.h"
#include "clients/cli/predict_dataset.h"
#include "clients/cli/progress.h"
#include "clients/cli/scoring.h"
#include "data/csv.h"
#include "data/table.h"
#include "wire/codec.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROWS_PER_CALL       1024
#define WINDOW              8
#define WINDOW_MAX          1024
#define CHUNK_ARENA_BYTES   ((size_t)256 * 1024 * 1024)
#define CHUNK_ARENA_KEEP    ((size_t)256 * 1024)
#define PROGRESS_TEXT_BYTES 96

enum { KEY_ROWS = 0x100, KEY_WINDOW, KEY_IDS, KEY_DATASET, KEY_KEEP, KEY_NAME, KEY_DETACH };

struct predict_options {
    struct trivet_cli_model_on_data given;
    const char *output; /* NULL = stdout */
    uint64_t rows_per_call;
    uint64_t window;
    struct trivet_cli_dataset_prediction dataset; /* its id is NULL: rows of a file */
    bool ids;
};

/* One run. */
struct predictor {
    const struct predict_options *options;
    const Trivet__V1__Version *version;
    struct trivet_schema schema;
    struct trivet_csv_reader *reader;
    struct trivet_table table; /* the rows read last; the reader's */
    struct trivet_cli_flow *flow;
    struct trivet_arena *arena; /* of one request or one reply */
    FILE *out;
    struct trivet_buffer text; /* lines of one reply */
    bool has_header;
    struct trivet_cli_progress progress;
    uint64_t n_rows; /* written */
    uint64_t n_failed;
};

static error_t parse_keep(struct predict_options *options, const char *argument,
                          struct argp_state *state)
{
    struct trivet_error err = {0};
    if (trivet_cli_list_parse(&options->dataset.keep, argument, &err) != TRIVET_OK) {
        argp_error(state, "--keep %s: %s", argument, err.message);
    }
    return 0;
}

/* Rows are of a file or of a dataset. */
static error_t check(const struct predict_options *options, struct argp_state *state)
{
    const struct trivet_cli_dataset_prediction *dataset = &options->dataset;
    if (dataset->dataset_id == NULL &&
        (dataset->keep.n_items > 0 || dataset->output_name != NULL || dataset->detach)) {
        argp_error(state, "--keep, --name and --detach go with --dataset");
    }
    if (dataset->dataset_id != NULL &&
        (options->given.data != NULL || options->given.model == NULL || options->output != NULL)) {
        argp_error(state, "name the model, and --data or --dataset; a dataset's predictions are a "
                          "dataset too: trivet datasets export ID --output FILE");
    }
    return 0;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct predict_options *options = state->input;
    switch (key) {
    case 'o':
        options->output = argument;
        return 0;
    case KEY_IDS:
        options->ids = true;
        return 0;
    case KEY_ROWS:
        if (!trivet_text_parse_uint64(argument, &options->rows_per_call) ||
            options->rows_per_call == 0 || options->rows_per_call > TRIVET_ROWS_MAX_PER_CALL) {
            argp_error(state, "--rows-per-call %s: give 1 to %d", argument,
                       TRIVET_ROWS_MAX_PER_CALL);
        }
        return 0;
    case KEY_WINDOW:
        if (!trivet_text_parse_uint64(argument, &options->window) || options->window == 0 ||
            options->window > WINDOW_MAX) {
            argp_error(state, "--window %s: give 1 to %d", argument, WINDOW_MAX);
        }
        return 0;
    case KEY_DATASET:
        options->dataset.dataset_id = argument;
        return 0;
    case KEY_KEEP:
        return parse_keep(options, argument, state);
    case KEY_NAME:
        options->dataset.output_name = argument;
        return 0;
    case KEY_DETACH:
        options->dataset.detach = true;
        return 0;
    case ARGP_KEY_END:
        check(options, state);
        return options->dataset.dataset_id != NULL
                   ? 0
                   : trivet_cli_parse_model_on_data(&options->given, key, argument, state);
    default:
        return trivet_cli_parse_model_on_data(&options->given, key, argument, state);
    }
}

static const struct argp_option predict_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with the model's inputs, or - for standard input", 1},
    {"output", 'o', "FILE", 0, "write the predictions here (else standard output)", 1},
    {"ids", KEY_IDS, NULL, 0,
     "with the id of each prediction, for 'trivet feedback' when its outcome is known", 1},
    {"rows-per-call", KEY_ROWS, "N", 0, "rows in one call (default 1024)", 2},
    {"window", KEY_WINDOW, "N", 0, "calls in flight (default 8)", 2},
    {"dataset", KEY_DATASET, "ID", 0,
     "instead of --data: all rows of a dataset on the server, as a job there, into a new dataset",
     3},
    {"keep", KEY_KEEP, "COLUMNS", 0, "copy these columns of the dataset, a,b,c, to the new one", 3},
    {"name", KEY_NAME, "NAME", 0, "name of the new dataset (else dataset-model-version)", 3},
    {"detach", KEY_DETACH, NULL, 0, "do not wait for the job; 'trivet jobs ID' shows it", 3},
    {0},
};

static const struct argp predict_argp = {
    .options = predict_argp_options,
    .parser = parse,
    .args_doc = "NAME[:VERSION|@ALIAS]",
    .doc = "Predict every row of a CSV file. The output is CSV, row,prediction,error, for classes "
           "with a probability or score of each before the error, in the order of the input with "
           "rows counted from 0; with --json an object per row. One version "
           "answers all rows. The exit code is 1 when rows failed. With --dataset the rows of a "
           "dataset "
           "on the server are predicted there, beside what it serves.",
    .children = trivet_cli_shared_children,
};

static void show(struct predictor *predictor)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    char detail[PROGRESS_TEXT_BYTES];
    uint64_t total = trivet_csv_bytes_total(predictor->reader);
    double fraction =
        total > 0 ? (double)trivet_csv_bytes_read(predictor->reader) / (double)total : -1;
    if (!predictor->progress.live) {
        return; /* the summary is enough for a log */
    }
    trivet_cli_format_count(predictor->n_rows, rows);
    snprintf(detail, sizeof(detail), "%s rows", rows);
    trivet_cli_progress_show(&predictor->progress, "predict", fraction, detail);
}

static enum trivet_status write_text(struct predictor *predictor, struct trivet_error *err)
{
    size_t n_bytes = predictor->text.n_bytes;
    if (fwrite(predictor->text.data, 1, n_bytes, predictor->out) != n_bytes) {
        return trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the predictions: %s",
                                strerror(errno));
    }
    return TRIVET_OK;
}

static unsigned form_of(const struct predictor *predictor)
{
    const struct predict_options *options = predictor->options;
    return (options->given.cli->json ? TRIVET_CLI_SCORING_JSON : 0u) |
           (options->ids ? TRIVET_CLI_SCORING_IDS : 0u);
}

/* Before the first line: the first reply tells what the lines hold. */
static enum trivet_status append_header(struct predictor *predictor,
                                        const Trivet__V1__PredictResponse *response,
                                        uint64_t n_rows, struct trivet_error *err)
{
    if (predictor->has_header || predictor->options->given.cli->json) {
        return TRIVET_OK;
    }
    predictor->has_header = true;
    return trivet_cli_scoring_header(response, n_rows, form_of(predictor), &predictor->text, err);
}

/* The oldest reply as lines of output. */
static enum trivet_status take_one(struct predictor *predictor, struct trivet_error *err)
{
    struct trivet_reply reply = {0};
    ProtobufCMessage *message = NULL;
    uint64_t n_rows = 0;
    uint64_t first = predictor->n_rows;
    enum trivet_status status = trivet_cli_flow_next(predictor->flow, &reply, &n_rows, err);
    trivet_arena_reset(predictor->arena);
    if (status == TRIVET_OK) {
        status = trivet_cli_unpack(&reply, &trivet__v1__predict_response__descriptor,
                                   predictor->arena, &message, err);
    }
    if (status == TRIVET_OK) {
        predictor->text.n_bytes = 0;
        status =
            append_header(predictor, (const Trivet__V1__PredictResponse *)message, n_rows, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_scoring_append((const Trivet__V1__PredictResponse *)message, first,
                                           n_rows, form_of(predictor), predictor->arena,
                                           &predictor->text, &predictor->n_failed, err);
    }
    trivet_reply_release(&reply);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "rows %llu to %llu: ", (unsigned long long)first,
                            (unsigned long long)(first + n_rows - 1));
        return status;
    }
    predictor->n_rows += n_rows;
    return write_text(predictor, err);
}

static enum trivet_status send_table(struct predictor *predictor, const struct trivet_table *table,
                                     struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = predictor->version->model;
    ref.version = predictor->version->version;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    request.model = &ref;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_TABLE;
    trivet_arena_reset(predictor->arena);
    enum trivet_status status = trivet_table_encode(table, predictor->arena, &request.table, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&request.base, &body, err);
    }
    if (status == TRIVET_OK && trivet_cli_flow_full(predictor->flow)) {
        status = take_one(predictor, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_flow_submit(predictor->flow, &body, table->n_rows, err);
    }
    trivet_buffer_release(&body);
    return status;
}

static enum trivet_status read_rows(struct predictor *predictor, struct trivet_error *err)
{
    return trivet_csv_read(predictor->reader, &predictor->schema,
                           (size_t)predictor->options->rows_per_call, &predictor->table, err);
}

/* All rows, the first of which are read. When the file turns out to be bad, what was read before is
 * still answered. */
static enum trivet_status stream_rows(struct predictor *predictor, struct trivet_error *err)
{
    struct trivet_error of_reading = {0};
    enum trivet_status status = TRIVET_OK;
    enum trivet_status reading = TRIVET_OK;
    while (status == TRIVET_OK && reading == TRIVET_OK && predictor->table.n_rows > 0) {
        show(predictor);
        status = send_table(predictor, &predictor->table, err);
        if (status == TRIVET_OK) {
            reading = read_rows(predictor, &of_reading);
        }
    }
    while (status == TRIVET_OK && !trivet_cli_flow_empty(predictor->flow)) {
        status = take_one(predictor, err);
    }
    if (status == TRIVET_OK && reading != TRIVET_OK) {
        *err = of_reading;
        status = reading;
    }
    return status;
}

static enum trivet_status open_output(struct predictor *predictor, struct trivet_error *err)
{
    const char *path = predictor->options->output;
    predictor->out = stdout;
    if (path != NULL && strcmp(path, "-") != 0) {
        predictor->out = fopen(path, "we");
    }
    if (predictor->out == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "cannot write %s: %s", path,
                                strerror(errno));
    }
    return TRIVET_OK;
}

/* What was written only counts when it is on its way to the disk. */
static enum trivet_status close_output(struct predictor *predictor, struct trivet_error *err)
{
    if (predictor->n_rows == 0 && !predictor->has_header && !predictor->options->given.cli->json) {
        fputs(TRIVET_CLI_SCORING_HEADER, predictor->out);
    }
    bool bad = fflush(predictor->out) != 0 || ferror(predictor->out);
    if (predictor->out != stdout) {
        bad = fclose(predictor->out) != 0 || bad;
    }
    return bad ? trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the predictions: %s",
                                  strerror(errno))
               : TRIVET_OK;
}

static enum trivet_status open_parts(struct predictor *predictor,
                                     const struct trivet_cli_model *name, struct trivet_error *err)
{
    const struct predict_options *options = predictor->options;
    Trivet__V1__Version *version = NULL;
    enum trivet_status status = trivet_cli_resolve(options->given.cli, name, &version, err);
    if (status != TRIVET_OK) {
        return status;
    }
    predictor->version = version;
    predictor->arena = trivet_arena_create(CHUNK_ARENA_BYTES, CHUNK_ARENA_KEEP);
    if (predictor->arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = trivet_cli_input_columns(version, &predictor->schema, err);
    if (status == TRIVET_OK) {
        status = trivet_csv_open(options->given.data, NULL, &predictor->reader, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_flow_open(options->given.cli, "trivet.v1.Prediction/Predict",
                                      (size_t)options->window, &predictor->flow, err);
    }
    /* Columns that are missing show now: nothing is written, and no file made, for such input. */
    if (status == TRIVET_OK) {
        status = read_rows(predictor, err);
    }
    return status == TRIVET_OK ? open_output(predictor, err) : status;
}

static void print_summary(const struct predictor *predictor)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    char rate[TRIVET_CLI_TEXT_BYTES];
    char failed[TRIVET_CLI_TEXT_BYTES];
    char took[TRIVET_CLI_TEXT_BYTES];
    double seconds = (double)(trivet_clock_monotonic_ns() - predictor->progress.started_ns) /
                     (double)TRIVET_NS_PER_S;
    trivet_cli_format_count(predictor->n_rows, rows);
    trivet_cli_format_count(predictor->n_failed, failed);
    trivet_cli_format_count((uint64_t)((double)predictor->n_rows / seconds), rate);
    trivet_cli_format_seconds(seconds, took);
    fprintf(stderr, "%s rows by %s version %llu in %s, %s rows/s, %s failed\n", rows,
            predictor->version->model, (unsigned long long)predictor->version->version, took, rate,
            failed);
}

static int predict(const struct predict_options *options, const struct trivet_cli_model *name)
{
    struct predictor predictor = {.options = options};
    struct trivet_error err = {0};
    enum trivet_status status = open_parts(&predictor, name, &err);
    if (status == TRIVET_OK) {
        trivet_cli_progress_init(&predictor.progress, options->given.cli);
        /* Rows on the same terminal and a bar would write over each other. */
        predictor.progress.live = predictor.progress.live &&
                                  !(predictor.out == stdout && options->given.cli->out_is_terminal);
        status = stream_rows(&predictor, &err);
        trivet_cli_progress_clear(&predictor.progress);
    }
    if (predictor.out != NULL) {
        struct trivet_error of_closing;
        enum trivet_status closing = close_output(&predictor, &of_closing);
        if (status == TRIVET_OK && closing != TRIVET_OK) {
            err = of_closing;
            status = closing;
        }
        if (closing == TRIVET_OK && (status == TRIVET_OK || predictor.n_rows > 0)) {
            print_summary(&predictor);
        }
    }
    int code = status != TRIVET_OK      ? trivet_cli_fail(&err)
               : predictor.n_failed > 0 ? TRIVET_CLI_FAILED
                                        : TRIVET_CLI_DONE;
    trivet_cli_flow_close(predictor.flow);
    trivet_csv_close(predictor.reader);
    trivet_schema_release(&predictor.schema);
    trivet_buffer_release(&predictor.text);
    trivet_arena_free(predictor.arena);
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct predict_options options = {
        .given.cli = cli, .rows_per_call = ROWS_PER_CALL, .window = WINDOW};
    struct trivet_cli_model name = {0};
    struct trivet_error err = {0};
    argp_parse(&predict_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_model(options.given.model, &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    int code = options.dataset.dataset_id != NULL
                   ? trivet_cli_predict_dataset(cli, &name, &options.dataset)
                   : predict(&options, &name);
    trivet_cli_list_release(&options.dataset.keep);
    return code;
}

const struct trivet_cli_command trivet_cli_predict = {
    .name = "predict",
    .summary = "predict every row of a CSV file, or of a dataset",
    .run = run,
};
