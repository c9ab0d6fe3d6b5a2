#include "clients/cli/export.h"

#include "base/text.h"
#include "clients/cli/flow.h"
#include "clients/cli/format.h"
#include "clients/cli/progress.h"
#include "data/csv.h"
#include "data/table.h"
#include "trivet/v1/datasets.pb-c.h"
#include "wire/codec.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define WINDOW            2
#define CHUNK_ARENA_BYTES ((size_t)1 << 30)
#define CHUNK_ARENA_KEEP  ((size_t)1 << 20)

struct exporter {
    struct trivet_cli *cli;
    const Trivet__V1__Dataset *dataset;
    struct trivet_cli_flow *flow;
    struct trivet_arena *arena; /* of one chunk */
    struct trivet_buffer text;  /* its lines */
    struct trivet_cli_progress progress;
    FILE *out;
    uint64_t n_rows; /* written */
};

static enum trivet_status describe(struct trivet_cli *cli, const char *id,
                                   const Trivet__V1__Dataset **out, struct trivet_error *err)
{
    Trivet__V1__DescribeDatasetRequest request = TRIVET__V1__DESCRIBE_DATASET_REQUEST__INIT;
    request.dataset_id = trivet_cli_field(id);
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Datasets/Describe", &request.base,
                        &trivet__v1__dataset__descriptor, 0, cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (const Trivet__V1__Dataset *)reply;
    }
    return status;
}

/* --- lines ----------------------------------------------------------------------------------- */

static enum trivet_status append_field(struct exporter *exporter,
                                       const struct trivet_column *column, size_t row,
                                       struct trivet_error *err)
{
    if (column->type == TRIVET_COLUMN_NUMERIC) {
        char number[TRIVET_DOUBLE_TEXT_BYTES];
        const double value = column->numbers[row * column->stride];
        return isnan(value) ? TRIVET_OK
                            : trivet_buffer_append(&exporter->text, number,
                                                   trivet_text_double(value, number), err);
    }
    const uint32_t code = column->codes[row * column->stride];
    if (code >= column->n_dictionary) {
        return TRIVET_OK;
    }
    const char *text = column->dictionary[code];
    return trivet_csv_append_text(&exporter->text, text, strlen(text), err);
}

static enum trivet_status append_rows(struct exporter *exporter, const struct trivet_table *table,
                                      struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < table->n_rows; i++) {
        for (size_t j = 0; status == TRIVET_OK && j < table->n_columns; j++) {
            status = append_field(exporter, &table->columns[j], i, err);
            if (status == TRIVET_OK) {
                status = trivet_buffer_append(&exporter->text,
                                              j + 1 < table->n_columns ? "," : "\n", 1, err);
            }
        }
    }
    return status;
}

static enum trivet_status append_header(struct exporter *exporter, struct trivet_error *err)
{
    const Trivet__V1__Schema *schema = exporter->dataset->schema;
    const size_t n_columns = schema == NULL ? 0 : schema->n_columns;
    enum trivet_status status = TRIVET_OK;
    for (size_t j = 0; status == TRIVET_OK && j < n_columns; j++) {
        const char *name = schema->columns[j]->name;
        status = trivet_csv_append_text(&exporter->text, name, strlen(name), err);
        if (status == TRIVET_OK) {
            status = trivet_buffer_append(&exporter->text, j + 1 < n_columns ? "," : "\n", 1, err);
        }
    }
    return status;
}

static enum trivet_status write_text(struct exporter *exporter, struct trivet_error *err)
{
    const size_t n_bytes = exporter->text.n_bytes;
    if (fwrite(exporter->text.data, 1, n_bytes, exporter->out) != n_bytes) {
        return trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the rows: %s", strerror(errno));
    }
    exporter->text.n_bytes = 0;
    return TRIVET_OK;
}

/* --- chunks ---------------------------------------------------------------------------------- */

static enum trivet_status ask_for(struct exporter *exporter, uint32_t chunk,
                                  struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    Trivet__V1__ReadDatasetRequest request = TRIVET__V1__READ_DATASET_REQUEST__INIT;
    request.dataset_id = exporter->dataset->id;
    request.chunk = chunk;
    enum trivet_status status = trivet_codec_pack(&request.base, &body, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_flow_submit(exporter->flow, &body, chunk, err);
    }
    trivet_buffer_release(&body);
    return status;
}

/* The columns in the order of the dataset: who sent a chunk may have had another. */
static enum trivet_status decode(struct exporter *exporter, const struct trivet_reply *reply,
                                 struct trivet_table *out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    struct trivet_schema schema = {0};
    struct trivet_row_status *rows = NULL;
    struct trivet_table table;
    enum trivet_status status = trivet_cli_unpack(
        reply, &trivet__v1__read_dataset_response__descriptor, exporter->arena, &message, err);
    if (status == TRIVET_OK) {
        const Trivet__V1__Table *sent = ((const Trivet__V1__ReadDatasetResponse *)message)->rows;
        status = sent == NULL || exporter->dataset->schema == NULL
                     ? trivet_error_set(err, TRIVET_DATA_LOSS, "the server sent no rows")
                     : trivet_table_decode(sent, exporter->arena, &table, &rows, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_schema_decode(exporter->dataset->schema, &schema, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_table_bind(&table, &schema, exporter->arena, out, err);
    }
    trivet_schema_release(&schema);
    return status;
}

static enum trivet_status take_one(struct exporter *exporter, struct trivet_error *err)
{
    struct trivet_reply reply = {0};
    struct trivet_table table = {0};
    uint64_t chunk = 0;
    char rows[TRIVET_CLI_TEXT_BYTES];
    char detail[TRIVET_CLI_TEXT_BYTES + 16];
    enum trivet_status status = trivet_cli_flow_next(exporter->flow, &reply, &chunk, err);
    trivet_arena_reset(exporter->arena);
    if (status == TRIVET_OK) {
        status = decode(exporter, &reply, &table, err);
    }
    if (status == TRIVET_OK) {
        status = append_rows(exporter, &table, err);
    }
    trivet_reply_release(&reply);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "chunk %llu of %s: ", (unsigned long long)chunk,
                            exporter->dataset->id);
        return status;
    }
    exporter->n_rows += table.n_rows;
    trivet_cli_format_count(exporter->n_rows, rows);
    (void)trivet_text_format(detail, sizeof(detail), "%s rows", rows);
    if (exporter->progress.live) {
        trivet_cli_progress_show(&exporter->progress, "export",
                                 (double)(chunk + 1) / (double)exporter->dataset->chunks, detail);
    }
    return write_text(exporter, err);
}

static enum trivet_status stream(struct exporter *exporter, struct trivet_error *err)
{
    enum trivet_status status = append_header(exporter, err);
    for (uint32_t chunk = 0; status == TRIVET_OK && chunk < exporter->dataset->chunks; chunk++) {
        if (trivet_cli_flow_full(exporter->flow)) {
            status = take_one(exporter, err);
        }
        if (status == TRIVET_OK) {
            status = ask_for(exporter, chunk, err);
        }
    }
    while (status == TRIVET_OK && !trivet_cli_flow_empty(exporter->flow)) {
        status = take_one(exporter, err);
    }
    return status;
}

static enum trivet_status open_parts(struct exporter *exporter, const char *id, const char *path,
                                     struct trivet_error *err)
{
    enum trivet_status status = describe(exporter->cli, id, &exporter->dataset, err);
    if (status == TRIVET_OK &&
        exporter->dataset->state != TRIVET__V1__DATASET_STATE__DATASET_STATE_COMMITTED) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "dataset %s is not committed; its rows may still change", id);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_flow_open(exporter->cli, "trivet.v1.Datasets/Read", WINDOW,
                                      &exporter->flow, err);
    }
    exporter->arena = trivet_arena_create(CHUNK_ARENA_BYTES, CHUNK_ARENA_KEEP);
    if (status == TRIVET_OK && exporter->arena == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == TRIVET_OK) {
        exporter->out = path == NULL || strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
        if (exporter->out == NULL) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "cannot write %s: %s", path,
                                      strerror(errno));
        }
    }
    return status;
}

/* What was written only counts when it is on its way to the disk. */
static enum trivet_status close_output(struct exporter *exporter, struct trivet_error *err)
{
    bool bad = fflush(exporter->out) != 0 || ferror(exporter->out);
    if (exporter->out != stdout) {
        bad = fclose(exporter->out) != 0 || bad;
    }
    return bad ? trivet_error_set(err, TRIVET_UNKNOWN, "cannot write the rows: %s", strerror(errno))
               : TRIVET_OK;
}

int trivet_cli_export_dataset(struct trivet_cli *cli, const char *dataset_id, const char *path)
{
    struct exporter exporter = {.cli = cli};
    struct trivet_error err = {0};
    enum trivet_status status = open_parts(&exporter, dataset_id, path, &err);
    trivet_cli_progress_init(&exporter.progress, cli);
    /* Rows on the same terminal and a bar would write over each other. */
    exporter.progress.live =
        exporter.progress.live && !(exporter.out == stdout && cli->out_is_terminal);
    if (status == TRIVET_OK) {
        status = stream(&exporter, &err);
    }
    trivet_cli_progress_clear(&exporter.progress);
    if (exporter.out != NULL) {
        struct trivet_error of_closing;
        const enum trivet_status closing = close_output(&exporter, &of_closing);
        if (status == TRIVET_OK && closing != TRIVET_OK) {
            err = of_closing;
            status = closing;
        }
    }
    trivet_cli_flow_close(exporter.flow);
    trivet_buffer_release(&exporter.text);
    trivet_arena_free(exporter.arena);
    return status == TRIVET_OK ? TRIVET_CLI_DONE : trivet_cli_fail(&err);
}
