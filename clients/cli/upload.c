#include "clients/cli/upload.h"

#include "clients/cli/flow.h"
#include "clients/cli/format.h"
#include "data/csv.h"
#include "data/table.h"
#include "wire/codec.h"

#include <stdio.h>

#define WINDOW            4
#define CHUNK_ROWS        50000
#define CHUNKS_MAX        65535
#define COMMIT_TIMEOUT_MS 120000
/* A table of TRIVET_CSV_TABLE_BYTES_MAX as a message; a wide row may pass that a little. */
#define CHUNK_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define CHUNK_ARENA_KEEP  ((size_t)1024 * 1024)

/* One upload under way. */
struct sender {
    struct trivet_cli *cli;
    const struct trivet_cli_upload *upload;
    const char *dataset_id;
    struct trivet_csv_reader *reader;
    struct trivet_cli_flow *flow;
    struct trivet_arena *arena; /* of one chunk */
    uint32_t n_chunks;
    uint64_t n_rows;
};

static enum trivet_status create(struct trivet_cli *cli, const struct trivet_cli_upload *upload,
                                 Trivet__V1__Dataset **out, struct trivet_error *err)
{
    Trivet__V1__CreateDatasetRequest request = TRIVET__V1__CREATE_DATASET_REQUEST__INIT;
    request.name = trivet_cli_field(upload->name);
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_schema_encode(upload->schema, cli->arena, &request.schema, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_call(cli, "trivet.v1.Datasets/Create", &request.base,
                                 &trivet__v1__dataset__descriptor, 0, cli->arena, &reply, err);
    }
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Dataset *)reply;
    }
    return status;
}

static enum trivet_status commit(struct sender *sender, Trivet__V1__Dataset **out,
                                 struct trivet_error *err)
{
    Trivet__V1__CommitDatasetRequest request = TRIVET__V1__COMMIT_DATASET_REQUEST__INIT;
    request.dataset_id = trivet_cli_field(sender->dataset_id);
    request.chunks = sender->n_chunks;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status = trivet_cli_call(sender->cli, "trivet.v1.Datasets/Commit",
                                                &request.base, &trivet__v1__dataset__descriptor,
                                                COMMIT_TIMEOUT_MS, sender->cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__Dataset *)reply;
    }
    return status;
}

enum trivet_status trivet_cli_delete_dataset(struct trivet_cli *cli, const char *dataset_id,
                                             struct trivet_error *err)
{
    Trivet__V1__DeleteDatasetRequest request = TRIVET__V1__DELETE_DATASET_REQUEST__INIT;
    request.dataset_id = trivet_cli_field(dataset_id);
    ProtobufCMessage *reply = NULL;
    return trivet_cli_call(cli, "trivet.v1.Datasets/Delete", &request.base,
                           &trivet__v1__delete_dataset_response__descriptor, 0, cli->arena, &reply,
                           err);
}

static void show(struct sender *sender)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    char detail[TRIVET_CLI_TEXT_BYTES + 16];
    uint64_t total = trivet_csv_bytes_total(sender->reader);
    double fraction =
        total > 0 ? (double)trivet_csv_bytes_read(sender->reader) / (double)total : -1;
    trivet_cli_format_count(sender->n_rows, rows);
    snprintf(detail, sizeof(detail), "%s rows", sender->n_rows > 0 ? rows : "");
    trivet_cli_progress_show(sender->upload->progress, "upload", fraction,
                             sender->n_rows > 0 ? detail : "");
}

static enum trivet_status take_one(struct sender *sender, struct trivet_error *err)
{
    struct trivet_reply reply = {0};
    uint64_t chunk = 0;
    enum trivet_status status = trivet_cli_flow_next(sender->flow, &reply, &chunk, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "upload of %s, chunk %llu: ", sender->upload->path,
                            (unsigned long long)chunk);
    }
    trivet_reply_release(&reply);
    return status;
}

static enum trivet_status send_table(struct sender *sender, const struct trivet_table *table,
                                     struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    Trivet__V1__AppendDatasetRequest request = TRIVET__V1__APPEND_DATASET_REQUEST__INIT;
    request.dataset_id = trivet_cli_field(sender->dataset_id);
    request.chunk = sender->n_chunks;
    if (sender->n_chunks == CHUNKS_MAX) {
        return trivet_error_set(
            err, TRIVET_OUT_OF_RANGE,
            "%s is too large for one dataset (%d chunks); train on a part of it",
            sender->upload->path, CHUNKS_MAX);
    }
    trivet_arena_reset(sender->arena);
    enum trivet_status status = trivet_table_encode(table, sender->arena, &request.rows, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&request.base, &body, err);
    }
    if (status == TRIVET_OK && trivet_cli_flow_full(sender->flow)) {
        status = take_one(sender, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_flow_submit(sender->flow, &body, sender->n_chunks, err);
    }
    if (status == TRIVET_OK) {
        sender->n_chunks++;
        sender->n_rows += table->n_rows;
    }
    trivet_buffer_release(&body);
    return status;
}

static enum trivet_status send_all(struct sender *sender, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    struct trivet_table table = {.n_rows = 1};
    while (status == TRIVET_OK && table.n_rows > 0) {
        struct trivet_cli_interrupt *interrupt = sender->upload->interrupt;
        if (interrupt != NULL && trivet_cli_interrupt_requested(interrupt)) {
            return trivet_error_set(err, TRIVET_CANCELLED, "the upload was interrupted");
        }
        show(sender);
        status = trivet_csv_read(sender->reader, sender->upload->schema, CHUNK_ROWS, &table, err);
        if (status == TRIVET_OK && table.n_rows > 0) {
            status = send_table(sender, &table, err);
        }
    }
    while (status == TRIVET_OK && !trivet_cli_flow_empty(sender->flow)) {
        status = take_one(sender, err);
    }
    if (status == TRIVET_OK && sender->n_rows == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%s has a header and no rows; give a file with data",
                                  sender->upload->path);
    }
    return status;
}

enum trivet_status trivet_cli_upload_file(struct trivet_cli *cli,
                                          const struct trivet_cli_upload *upload,
                                          Trivet__V1__Dataset **out, struct trivet_error *err)
{
    struct sender sender = {.cli = cli, .upload = upload};
    Trivet__V1__Dataset *dataset = NULL;
    sender.arena = trivet_arena_create(CHUNK_ARENA_BYTES, CHUNK_ARENA_KEEP);
    enum trivet_status status =
        sender.arena == NULL
            ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for an upload")
            : trivet_csv_open(upload->path, NULL, &sender.reader, err);
    if (status == TRIVET_OK) {
        status = create(cli, upload, &dataset, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    sender.dataset_id = dataset->id;
    status = trivet_cli_flow_open(cli, "trivet.v1.Datasets/Append", WINDOW, &sender.flow, err);
    if (status == TRIVET_OK) {
        status = send_all(&sender, err);
    }
    if (status == TRIVET_OK) {
        status = commit(&sender, out, err);
    }
    trivet_cli_flow_close(sender.flow);
    if (status != TRIVET_OK) {
        struct trivet_error ignored; /* the first error is the one to tell */
        (void)!trivet_cli_delete_dataset(cli, dataset->id, &ignored);
    }
done:
    trivet_csv_close(sender.reader);
    trivet_arena_free(sender.arena);
    return status;
}
