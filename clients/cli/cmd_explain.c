/* trivet explain NAME[:VERSION|@ALIAS] --data FILE|- [--rows N] [--samples N] */
#include "clients/cli/arguments.h"
#include "clients/cli/explain.h"
#include "clients/cli/models.h"
#include "clients/cli/output.h"
#include "clients/cli/progress.h"
#include "data/csv.h"
#include "data/table.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ROWS_PER_CALL      32
#define ROWS_DEFAULT       1000
#define ROWS_SHOWN_DEFAULT 3
#define SAMPLES_MAX        4096
#define TIMEOUT_MS         600000
#define DETAIL_BYTES       64

enum { KEY_ROWS = 0x100, KEY_SAMPLES, KEY_SEED, KEY_SHOW };

struct explain_options {
    struct trivet_cli_model_on_data given;
    uint64_t rows_max; /* 0 = all */
    uint64_t samples;  /* 0 = the server's number */
    uint64_t seed;
    uint64_t shown;
};

/* One run. */
struct explaining {
    const struct explain_options *options;
    const Trivet__V1__Version *version;
    struct trivet_schema schema;
    struct trivet_csv_reader *reader;
    struct trivet_table table; /* the rows read last; the reader's */
    struct trivet_cli_influence influence;
    struct trivet_cli_progress progress;
    struct trivet_buffer text;
    uint64_t n_rows;
};

static void parse_count(const char *option, const char *argument, uint64_t most, uint64_t *out,
                        struct argp_state *state)
{
    if (!trivet_text_parse_uint64(argument, out) || *out > most) {
        argp_error(state, "%s %s: give a whole number up to %llu", option, argument,
                   (unsigned long long)most);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct explain_options *options = state->input;
    switch (key) {
    case KEY_ROWS:
        parse_count("--rows", argument, UINT64_MAX, &options->rows_max, state);
        return 0;
    case KEY_SHOW:
        parse_count("--show", argument, UINT64_MAX, &options->shown, state);
        return 0;
    case KEY_SAMPLES:
        parse_count("--samples", argument, SAMPLES_MAX, &options->samples, state);
        return 0;
    case KEY_SEED:
        parse_count("--seed", argument, UINT64_MAX, &options->seed, state);
        return 0;
    default:
        return trivet_cli_parse_model_on_data(&options->given, key, argument, state);
    }
}

static const struct argp_option explain_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with the model's inputs, or - for standard input", 1},
    {"rows", KEY_ROWS, "N", 0, "explain the first N rows (default 1000; 0: all)", 1},
    {"show", KEY_SHOW, "N", 0, "on a terminal show the first N one by one (default 3)", 1},
    {"samples", KEY_SAMPLES, "N", 0,
     "orders of the features drawn where there is no exact explanation (default 128)", 2},
    {"seed", KEY_SEED, "N", 0, "of that (default 0)", 2},
    {0},
};

static const struct argp explain_argp = {
    .options = explain_argp_options,
    .parser = parse,
    .args_doc = "NAME[:VERSION|@ALIAS]",
    .doc =
        "What each feature adds to each prediction: with the base, which is what the model says "
        "on average, the contributions of a row sum to its output. Piped, the output is CSV with "
        "a line per row, output and feature; with --json an object per row.",
    .children = trivet_cli_shared_children,
};

static enum trivet_status read_rows(struct explaining *explaining, struct trivet_error *err)
{
    uint64_t limit = explaining->options->rows_max;
    uint64_t left = limit == 0 ? ROWS_PER_CALL : limit - explaining->n_rows;
    if (left == 0) {
        explaining->table.n_rows = 0;
        return TRIVET_OK;
    }
    return trivet_csv_read(explaining->reader, &explaining->schema,
                           left < ROWS_PER_CALL ? (size_t)left : ROWS_PER_CALL, &explaining->table,
                           err);
}

static enum trivet_status call(struct explaining *explaining, Trivet__V1__ExplainResponse **out,
                               struct trivet_error *err)
{
    const struct explain_options *options = explaining->options;
    struct trivet_cli *cli = options->given.cli;
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = trivet_cli_field(explaining->version->model);
    ref.version = explaining->version->version;
    Trivet__V1__ExplainRequest request = TRIVET__V1__EXPLAIN_REQUEST__INIT;
    request.model = &ref;
    request.rows_case = TRIVET__V1__EXPLAIN_REQUEST__ROWS_TABLE;
    request.samples = (uint32_t)options->samples;
    request.seed = options->seed;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_table_encode(&explaining->table, cli->arena, &request.table, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_call(cli, "trivet.v1.Prediction/Explain", &request.base,
                                 &trivet__v1__explain_response__descriptor, TIMEOUT_MS, cli->arena,
                                 &reply, err);
    }
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__ExplainResponse *)reply;
        status = trivet_cli_explain_check(*out, explaining->table.n_rows, err);
    }
    return status;
}

static enum trivet_status write_lines(struct explaining *explaining,
                                      const Trivet__V1__ExplainResponse *response,
                                      struct trivet_error *err)
{
    bool json = explaining->options->given.cli->json;
    explaining->text.n_bytes = 0;
    enum trivet_status status =
        explaining->n_rows == 0 && !json
            ? trivet_buffer_printf(&explaining->text, err, "%s", TRIVET_CLI_EXPLAIN_HEADER)
            : TRIVET_OK;
    if (status == TRIVET_OK) {
        status =
            trivet_cli_explain_append(response, explaining->n_rows, json, &explaining->text, err);
    }
    if (status == TRIVET_OK && fwrite(explaining->text.data, 1, explaining->text.n_bytes, stdout) !=
                                   explaining->text.n_bytes) {
        status = trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the explanations");
    }
    return status;
}

static enum trivet_status show(struct explaining *explaining,
                               const Trivet__V1__ExplainResponse *response,
                               struct trivet_error *err)
{
    const struct explain_options *options = explaining->options;
    struct trivet_cli *cli = options->given.cli;
    bool person = trivet_cli_for_person(cli) && !cli->json;
    if (!person) {
        return write_lines(explaining, response, err);
    }
    trivet_cli_progress_clear(&explaining->progress);
    for (uint32_t row = 0; row < response->rows; row++) {
        uint64_t number = explaining->n_rows + row;
        if (number < options->shown &&
            trivet_cli_explain_print_row(cli, response, row, number) != TRIVET_CLI_DONE) {
            return trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the explanations");
        }
    }
    return TRIVET_OK;
}

/* All rows, the first of which are read. */
static enum trivet_status explain_rows(struct explaining *explaining, struct trivet_error *err)
{
    struct trivet_cli *cli = explaining->options->given.cli;
    uint64_t total = trivet_csv_bytes_total(explaining->reader);
    enum trivet_status status = TRIVET_OK;
    while (status == TRIVET_OK && explaining->table.n_rows > 0) {
        Trivet__V1__ExplainResponse *response = NULL;
        char detail[DETAIL_BYTES];
        double fraction = explaining->options->rows_max > 0
                              ? (double)explaining->n_rows / (double)explaining->options->rows_max
                          : total > 0
                              ? (double)trivet_csv_bytes_read(explaining->reader) / (double)total
                              : -1;
        snprintf(detail, sizeof(detail), "%llu rows", (unsigned long long)explaining->n_rows);
        if (explaining->progress.live) {
            trivet_cli_progress_show(&explaining->progress, "explain", fraction, detail);
        }
        trivet_arena_reset(cli->arena);
        status = call(explaining, &response, err);
        if (status == TRIVET_OK) {
            status = trivet_cli_influence_add(&explaining->influence, response, err);
        }
        if (status == TRIVET_OK) {
            status = show(explaining, response, err);
        }
        if (status == TRIVET_OK) {
            explaining->n_rows += explaining->table.n_rows;
            status = read_rows(explaining, err);
        }
    }
    trivet_cli_progress_clear(&explaining->progress);
    return status;
}

static enum trivet_status explain(struct explaining *explaining,
                                  const struct trivet_cli_model *name, struct trivet_error *err)
{
    struct trivet_cli *cli = explaining->options->given.cli;
    Trivet__V1__Version *found = NULL;
    enum trivet_status status = trivet_cli_resolve(cli, name, &found, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_input_columns(found, &explaining->schema, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_csv_open(explaining->options->given.data, NULL, &explaining->reader, err);
    }
    if (status == TRIVET_OK) {
        status = read_rows(explaining, err);
    }
    if (status == TRIVET_OK && explaining->table.n_rows == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%.200s has a header and no rows; give a file with data",
                                  explaining->options->given.data);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    /* The version outlives the replies, which the command's arena is emptied of. */
    char model[TRIVET_CLI_NAME_BYTES];
    Trivet__V1__Version version = TRIVET__V1__VERSION__INIT;
    trivet_text_copy(model, sizeof(model), found->model);
    version.model = model;
    version.version = found->version;
    explaining->version = &version;
    trivet_cli_progress_init(&explaining->progress, cli);
    return explain_rows(explaining, err);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct explain_options options = {
        .given.cli = cli, .rows_max = ROWS_DEFAULT, .shown = ROWS_SHOWN_DEFAULT};
    struct explaining explaining = {.options = &options};
    struct trivet_cli_model name = {0};
    struct trivet_error err = {0};
    argp_parse(&explain_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_model(options.given.model, &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    enum trivet_status status = explain(&explaining, &name, &err);
    int code = status == TRIVET_OK ? TRIVET_CLI_DONE : trivet_cli_fail(&err);
    if (status == TRIVET_OK && trivet_cli_for_person(cli) && !cli->json) {
        code = trivet_cli_influence_print(cli, &explaining.influence);
    } else if (status == TRIVET_OK) {
        code = trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    if (code == TRIVET_CLI_DONE && explaining.influence.n_failed > 0) {
        fprintf(stderr, "trivet: %llu rows failed\n",
                (unsigned long long)explaining.influence.n_failed);
        code = TRIVET_CLI_FAILED;
    }
    trivet_cli_influence_release(&explaining.influence);
    trivet_csv_close(explaining.reader);
    trivet_schema_release(&explaining.schema);
    trivet_buffer_release(&explaining.text);
    return code;
}

const struct trivet_cli_command trivet_cli_explain = {
    .name = "explain",
    .summary = "what each feature adds to each prediction",
    .run = run,
};
