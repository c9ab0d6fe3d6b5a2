/* trivet feedback NAME --data F.csv|- [--id COL] [--outcome COL] [--observed COL]
 * trivet feedback NAME --grow [--name N] [--since T] [--rows N] [--part P] [--base DATASET]
 *
 * The file is read and sent in pieces, one call after the other: a file may be of any length. */
#include "clients/cli/feedback_grow.h"
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "clients/cli/progress.h"
#include "data/csv.h"
#include "trivet/v1/feedback.pb-c.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OUTCOMES_PER_CALL 10000
#define ARENA_BYTES       ((size_t)256 << 20)
#define ARENA_KEEP        ((size_t)1 << 20)
#define RECORD_TIMEOUT_MS 120000
#define US_PER_S          1e6
/* Of any calendar; far from what 64 bits of microseconds hold. */
#define SECONDS_MAX         1e12
#define COLUMNS_MAX         3
#define PROGRESS_TEXT_BYTES 96

enum { KEY_OBSERVED = 0x100, KEY_NAME, KEY_SINCE, KEY_ROWS, KEY_PART, KEY_SHARE, KEY_BASE };

struct feedback_options {
    struct trivet_cli *cli;
    const char *model;
    const char *data;
    const char *id;
    const char *outcome;
    const char *observed;
    bool grow;
    bool grow_only; /* an option that goes with --grow was given */
    Trivet__V1__GrowDatasetRequest request;
};

/* One run of --data. */
struct recorder {
    const struct feedback_options *options;
    char *model;
    bool is_label; /* the model predicts labels, not numbers */
    struct trivet_schema schema;
    struct trivet_csv_reader *reader;
    struct trivet_arena *arena; /* of one call */
    struct trivet_cli_progress progress;
    Trivet__V1__RecordResponse sums;
    uint64_t n_sent;
    uint64_t n_open; /* rows without an outcome */
};

static bool parse_part(const char *text, Trivet__V1__FeedbackPart *out)
{
    bool train = strcmp(text, "train") == 0;
    *out = train ? TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_TRAIN
                 : TRIVET__V1__FEEDBACK_PART__FEEDBACK_PART_HOLDOUT;
    return train || strcmp(text, "holdout") == 0;
}

static double parse_number(const char *option, const char *argument, double most,
                           struct argp_state *state)
{
    double number = 0;
    if (!trivet_text_parse_double(argument, strlen(argument), &number) || number < 0 ||
        number > most) {
        argp_error(state, "--%s %s: give a number from 0 to %g", option, argument, most);
    }
    return number;
}

static error_t parse_grow(struct feedback_options *options, int key, char *argument,
                          struct argp_state *state)
{
    options->grow_only = true;
    switch (key) {
    case KEY_NAME:
        options->request.name = argument;
        return 0;
    case KEY_SINCE:
        options->request.since_unix_us =
            (int64_t)(parse_number("since", argument, 1e12, state) * US_PER_S);
        return 0;
    case KEY_ROWS:
        if (!trivet_text_parse_uint64(argument, &options->request.rows_max)) {
            argp_error(state, "--rows %s: give a whole number", argument);
        }
        return 0;
    case KEY_PART:
        if (!parse_part(argument, &options->request.part)) {
            argp_error(state, "--part %s: give train or holdout", argument);
        }
        return 0;
    case KEY_SHARE:
        options->request.holdout_share = parse_number("holdout-share", argument, 1, state);
        return 0;
    case KEY_BASE:
        options->request.base_dataset_id = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void check_options(const struct feedback_options *options, struct argp_state *state)
{
    if (options->model == NULL) {
        argp_error(state, "name the model");
    }
    if (options->grow == (options->data != NULL)) {
        argp_error(state, "give either --data FILE or --grow");
    }
    if (options->grow_only && !options->grow) {
        argp_error(state, "--name, --since, --rows, --part, --holdout-share and --base go with "
                          "--grow");
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct feedback_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'd':
        options->data = argument;
        return 0;
    case 'i':
        options->id = argument;
        return 0;
    case 'o':
        options->outcome = argument;
        return 0;
    case KEY_OBSERVED:
        options->observed = argument;
        return 0;
    case 'g':
        options->grow = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->model != NULL) {
            argp_error(state, "one model at a time; '%s' is too much", argument);
        }
        options->model = argument;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state);
        return 0;
    default:
        return key >= KEY_NAME && key <= KEY_BASE ? parse_grow(options, key, argument, state)
                                                  : ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option feedback_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file of outcomes, or - for standard input", 1},
    {"id", 'i', "COLUMN", 0, "the column of prediction ids, \"CALL/ROW\" (else id)", 1},
    {"outcome", 'o', "COLUMN", 0, "the column of what turned out to be true (else outcome)", 1},
    {"observed", KEY_OBSERVED, "COLUMN", 0,
     "a column of when that was seen, in seconds since 1970 (else now)", 1},
    {"grow", 'g', NULL, 0, "make a dataset of the features and outcomes that the log has", 2},
    {"name", KEY_NAME, "NAME", 0, "of the dataset (else NAME-feedback)", 3},
    {"since", KEY_SINCE, "SECONDS", 0, "predictions since then, in seconds since 1970 (else all)",
     3},
    {"rows", KEY_ROWS, "N", 0, "the newest N rows (else all)", 3},
    {"part", KEY_PART, "train|holdout", 0, "one part of the rows, by their ids (else all)", 3},
    {"holdout-share", KEY_SHARE, "SHARE", 0, "share of the holdout (else 0.2)", 3},
    {"base", KEY_BASE, "DATASET", 0,
     "rows of this dataset come first, but for those that are of the log themselves", 3},
    {0},
};

static const struct argp feedback_argp = {
    .options = feedback_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc =
        "Tell what predictions should have been: each outcome is joined to its prediction, whose "
        "id 'trivet predict --ids' writes. Prints how many were joined, and why the others were "
        "not. Or, with --grow, make a dataset to train on out of what was joined.",
    .children = trivet_cli_shared_children,
};

/* --- recording ------------------------------------------------------------------------------- */

/* What the newest version predicts. */
static enum trivet_status find_kind(struct recorder *recorder, struct trivet_error *err)
{
    struct trivet_cli *cli = recorder->options->cli;
    Trivet__V1__Model *found = NULL;
    enum trivet_status status = trivet_cli_describe(cli, recorder->model, 0, &found, err);
    if (status == TRIVET_OK && found->n_versions > 0) {
        status =
            trivet_cli_describe(cli, recorder->model, found->versions[0]->version, &found, err);
    }
    if (status != TRIVET_OK || found->n_versions == 0 || found->versions[0]->signature == NULL) {
        return status;
    }
    const Trivet__V1__Signature *signature = found->versions[0]->signature;
    for (size_t i = 0; i < signature->n_outputs; i++) {
        recorder->is_label = recorder->is_label || signature->outputs[i]->type ==
                                                       TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
    }
    return TRIVET_OK;
}

static enum trivet_status open_file(struct recorder *recorder, struct trivet_error *err)
{
    const struct feedback_options *options = recorder->options;
    enum trivet_column_type outcome_type =
        recorder->is_label ? TRIVET_COLUMN_CATEGORICAL : TRIVET_COLUMN_NUMERIC;
    recorder->arena = trivet_arena_create(ARENA_BYTES, ARENA_KEEP);
    if (recorder->arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    enum trivet_status status =
        trivet_schema_add(&recorder->schema, options->id, TRIVET_COLUMN_CATEGORICAL, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_add(&recorder->schema, options->outcome, outcome_type, err);
    }
    if (status == TRIVET_OK && options->observed != NULL) {
        status =
            trivet_schema_add(&recorder->schema, options->observed, TRIVET_COLUMN_NUMERIC, err);
    }
    return status == TRIVET_OK ? trivet_csv_open(options->data, NULL, &recorder->reader, err)
                               : status;
}

static const char *text_at(const struct trivet_column *column, size_t row)
{
    uint32_t code = column->codes[row * column->stride];
    return code == TRIVET_CODE_NULL ? NULL : column->dictionary[code];
}

/* False: the row has no outcome yet, or no id. */
static bool fill(const struct recorder *recorder, const struct trivet_table *table, size_t row,
                 Trivet__V1__Outcome *out)
{
    const struct trivet_column *columns = table->columns;
    const char *id = text_at(&columns[0], row);
    trivet__v1__outcome__init(out);
    if (recorder->is_label) {
        out->outcome_case = TRIVET__V1__OUTCOME__OUTCOME_LABEL;
        out->label = trivet_cli_field(text_at(&columns[1], row));
    } else {
        out->outcome_case = TRIVET__V1__OUTCOME__OUTCOME_NUMBER;
        out->number = columns[1].numbers[row * columns[1].stride];
    }
    if (id == NULL || (recorder->is_label ? out->label == NULL : (bool)isnan(out->number))) {
        return false;
    }
    out->prediction = trivet_cli_field(id);
    if (table->n_columns == COLUMNS_MAX) {
        double seconds = columns[2].numbers[row * columns[2].stride];
        /* What is no time is for the server to refuse. */
        bool is_time = fabs(seconds) < SECONDS_MAX;
        out->observed_unix_us =
            is_time ? (int64_t)(seconds * US_PER_S) : (isnan(seconds) ? 0 : INT64_MAX);
    }
    return true;
}

static void add_counts(Trivet__V1__RecordResponse *sums, const Trivet__V1__RecordResponse *counts)
{
    sums->joined += counts->joined;
    sums->not_sampled += counts->not_sampled;
    sums->unmatched += counts->unmatched;
    sums->duplicate += counts->duplicate;
    sums->corrected += counts->corrected;
    sums->invalid += counts->invalid;
    sums->late += counts->late;
}

static enum trivet_status send_table(struct recorder *recorder, const struct trivet_table *table,
                                     struct trivet_error *err)
{
    Trivet__V1__RecordRequest request = TRIVET__V1__RECORD_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    trivet_arena_reset(recorder->arena);
    Trivet__V1__Outcome *outcomes =
        trivet_arena_alloc_array(recorder->arena, table->n_rows, sizeof(*outcomes));
    request.outcomes =
        trivet_arena_alloc_array(recorder->arena, table->n_rows, sizeof(Trivet__V1__Outcome *));
    if (outcomes == NULL || request.outcomes == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < table->n_rows; i++) {
        Trivet__V1__Outcome *outcome = &outcomes[request.n_outcomes];
        if (fill(recorder, table, i, outcome)) {
            request.outcomes[request.n_outcomes++] = outcome;
        } else {
            recorder->n_open++;
        }
    }
    request.model = recorder->model;
    if (request.n_outcomes == 0) {
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_cli_call(
        recorder->options->cli, "trivet.v1.Feedback/Record", &request.base,
        &trivet__v1__record_response__descriptor, RECORD_TIMEOUT_MS, recorder->arena, &reply, err);
    if (status == TRIVET_OK) {
        add_counts(&recorder->sums, (const Trivet__V1__RecordResponse *)reply);
        recorder->n_sent += request.n_outcomes;
    }
    return status;
}

static enum trivet_status send_all(struct recorder *recorder, struct trivet_error *err)
{
    struct trivet_table table = {.n_rows = 1};
    enum trivet_status status = TRIVET_OK;
    trivet_cli_progress_init(&recorder->progress, recorder->options->cli);
    while (status == TRIVET_OK && table.n_rows > 0) {
        char detail[PROGRESS_TEXT_BYTES];
        uint64_t total = trivet_csv_bytes_total(recorder->reader);
        double fraction =
            total > 0 ? (double)trivet_csv_bytes_read(recorder->reader) / (double)total : -1;
        snprintf(detail, sizeof(detail), "%llu outcomes", (unsigned long long)recorder->n_sent);
        if (recorder->progress.live) {
            trivet_cli_progress_show(&recorder->progress, "feedback", fraction, detail);
        }
        status =
            trivet_csv_read(recorder->reader, &recorder->schema, OUTCOMES_PER_CALL, &table, err);
        if (status == TRIVET_OK && table.n_rows > 0) {
            status = send_table(recorder, &table, err);
        }
    }
    trivet_cli_progress_clear(&recorder->progress);
    return status;
}

static int print_counts(const struct recorder *recorder)
{
    static const struct trivet_cli_column columns[] = {
        {.name = "result"},
        {.name = "outcomes", .right = true},
    };
    struct trivet_cli *cli = recorder->options->cli;
    const Trivet__V1__RecordResponse *sums = &recorder->sums;
    const struct {
        const char *name;
        uint64_t count;
    } rows[] = {
        {"joined", sums->joined},       {"corrected", sums->corrected},
        {"duplicate", sums->duplicate}, {"not_sampled", sums->not_sampled},
        {"unmatched", sums->unmatched}, {"invalid", sums->invalid},
        {"late", sums->late},
    };
    if (recorder->n_open > 0) {
        fprintf(stderr, "%llu rows have no outcome or no id yet and were left out\n",
                (unsigned long long)recorder->n_open);
    }
    if (cli->json) {
        return trivet_cli_print_json(&sums->base);
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 2);
    for (size_t i = 0; table != NULL && i < sizeof(rows) / sizeof(rows[0]); i++) {
        trivet_cli_table_text(table, "%s", rows[i].name);
        trivet_cli_table_count(table, rows[i].count);
    }
    return trivet_cli_print_table(cli, table);
}

static int record(const struct feedback_options *options, char *model)
{
    struct recorder recorder = {
        .options = options, .model = model, .sums = TRIVET__V1__RECORD_RESPONSE__INIT};
    struct trivet_error err = {0};
    enum trivet_status status = find_kind(&recorder, &err);
    if (status == TRIVET_OK) {
        status = open_file(&recorder, &err);
    }
    if (status == TRIVET_OK) {
        status = send_all(&recorder, &err);
    }
    int code = TRIVET_CLI_DONE;
    if (status == TRIVET_OK || recorder.n_sent > 0) {
        code = print_counts(&recorder); /* also what came before a failure is recorded */
    }
    if (status != TRIVET_OK) {
        code = trivet_cli_fail(&err);
    }
    trivet_csv_close(recorder.reader);
    trivet_schema_release(&recorder.schema);
    trivet_arena_free(recorder.arena);
    return code;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct feedback_options options = {.cli = cli,
                                       .id = "id",
                                       .outcome = "outcome",
                                       .request = TRIVET__V1__GROW_DATASET_REQUEST__INIT};
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    argp_parse(&feedback_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_name(options.model, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (!options.grow) {
        return record(&options, model.name);
    }
    options.request.model = model.name;
    return trivet_cli_grow(cli, &options.request);
}

const struct trivet_cli_command trivet_cli_feedback = {
    .name = "feedback",
    .summary = "tell what predictions should have been, and train on it",
    .run = run,
};
