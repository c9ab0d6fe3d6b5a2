/* Datasets: create, append, commit; messages ↔ the store's bytes. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "data/pack.h"
#include "data/schema.h"
#include "data/table.h"
#include "rpc/call.h"
#include "rpc/services.h"
#include "trivet/v1/datasets.pb-c.h"
#include "wire/codec.h"

#include <string.h>

#define LIST_DEFAULT         100
#define LIST_MAX             1000
#define ROW_FAULT_TEXT_BYTES 192

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
}

Trivet__V1__Dataset *trivet_dataset_message(struct trivet_arena *arena,
                                            const struct trivet_store_dataset *record)
{
    Trivet__V1__Dataset *message = trivet_arena_alloc(arena, sizeof(*message));
    if (message == NULL) {
        return NULL;
    }
    trivet__v1__dataset__init(message);
    message->id = trivet_arena_strdup(arena, record->id);
    message->name = trivet_arena_strdup(arena, record->name);
    message->content_hash = trivet_arena_strdup(arena, record->content_hash);
    message->state = record->committed ? TRIVET__V1__DATASET_STATE__DATASET_STATE_COMMITTED
                                       : TRIVET__V1__DATASET_STATE__DATASET_STATE_OPEN;
    message->rows = record->n_rows;
    message->chunks = record->n_chunks;
    message->stored_bytes = record->stored_bytes;
    message->created_unix_us = record->created_unix_us;
    message->committed_unix_us = record->committed_unix_us;
    message->grown_from = trivet_arena_strdup(arena, record->grown_from);
    message->base_rows = record->n_base_rows;
    bool whole = message->id != NULL && message->name != NULL && message->content_hash != NULL &&
                 message->grown_from != NULL;
    return whole ? message : NULL;
}

/* Ends the transaction: with the dataset as the answer when `status` is OK. */
static enum trivet_status keep(struct trivet_call *call, struct trivet_store_txn *txn,
                               enum trivet_status status, const struct trivet_store_dataset *record,
                               Trivet__V1__Schema *schema, ProtobufCMessage **response,
                               struct trivet_error *err)
{
    Trivet__V1__Dataset *made =
        status == TRIVET_OK ? trivet_dataset_message(call->arena, record) : NULL;
    if (made == NULL) {
        trivet_store_abort(txn);
        return status == TRIVET_OK ? out_of_memory(err) : status;
    }
    made->schema = schema;
    *response = &made->base;
    return trivet_call_commit_change(call, txn, *response, err);
}

static enum trivet_status check_create(const Trivet__V1__CreateDatasetRequest *request,
                                       struct trivet_error *err)
{
    struct trivet_schema schema = {0};
    if (request->schema == NULL || request->schema->n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the dataset has no schema; name its columns and their types");
    }
    if (strlen(request->name) >= TRIVET_STORE_TITLE_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the dataset's name has more than %d bytes",
                                TRIVET_STORE_TITLE_BYTES - 1);
    }
    enum trivet_status status = trivet_schema_decode(request->schema, &schema, err);
    trivet_schema_release(&schema);
    return status;
}

static void create(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__CreateDatasetRequest *request =
        (const Trivet__V1__CreateDatasetRequest *)call->request;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *response = NULL;
    struct trivet_store_dataset record;
    struct trivet_buffer schema = {0};
    struct trivet_error err;
    enum trivet_status status = check_create(request, &err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&request->schema->base, &schema, &err);
    }
    if (status == TRIVET_OK) {
        (void)trivet_store_dataset_expire(service->store, trivet_clock_unix_us());
    }
    if (status == TRIVET_OK) {
        status = trivet_call_begin_change(call, service->store, TRIVET_STORE_DATA, &txn, &response,
                                          &err);
    }
    if (status == TRIVET_OK && txn != NULL) {
        status = trivet_store_dataset_create(txn, request->name, schema.data, schema.n_bytes,
                                             &record, &err);
        status = keep(call, txn, status, &record, request->schema, &response, &err);
    }
    trivet_call_end(call, status, response, &err);
    trivet_buffer_release(&schema);
}

/* Every value must be usable: what cannot be trained on is refused at the door, with its place. */
static enum trivet_status check_rows(const Trivet__V1__Table *message, struct trivet_arena *arena,
                                     const struct trivet_schema *schema, struct trivet_error *err)
{
    struct trivet_table table;
    struct trivet_table bound;
    struct trivet_row_status *rows = NULL;
    enum trivet_status status = trivet_table_decode(message, arena, &table, &rows, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < table.n_rows; i++) {
        if (rows[i].fault != TRIVET_ROW_FINE) {
            char text[ROW_FAULT_TEXT_BYTES];
            trivet_row_fault_text(rows[i], &table, text, sizeof(text));
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "row %zu of the chunk: %s", i + 1,
                                    text);
        }
    }
    if (table.n_rows == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the chunk has zero rows; send at least one");
    }
    if (table.n_columns != schema->n_columns) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the chunk has %zu columns, the dataset %zu", table.n_columns,
                                schema->n_columns);
    }
    return trivet_table_bind(&table, schema, arena, &bound, err);
}

/* Rows that a job makes are the job's alone until it has ended. */
static enum trivet_status check_ours(const struct trivet_datasets_service *service, const char *id,
                                     struct trivet_error *err)
{
    return trivet_jobs_makes_dataset(service->jobs, id)
               ? trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "dataset %s is made by a job; wait for it or cancel it first", id)
               : TRIVET_OK;
}

static enum trivet_status append_rows(struct trivet_call *call,
                                      const struct trivet_datasets_service *service,
                                      struct trivet_store_dataset *record, struct trivet_error *err)
{
    const Trivet__V1__AppendDatasetRequest *request =
        (const Trivet__V1__AppendDatasetRequest *)call->request;
    struct trivet_schema schema = {0};
    struct trivet_buffer bytes = {0};
    if (request->rows == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the chunk has no rows");
    }
    enum trivet_status status = check_ours(service, request->dataset_id, err);
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_get(service->store, request->dataset_id, record, &bytes, err);
    }
    if (status == TRIVET_OK && record->committed) {
        status = trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                  "dataset %s is committed and takes no more rows; create a new "
                                  "dataset",
                                  record->id);
    }
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, &schema, err);
    }
    if (status == TRIVET_OK) {
        status = check_rows(request->rows, call->arena, &schema, err);
    }
    bytes.n_bytes = 0;
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&request->rows->base, &bytes, err);
    }
    if (status == TRIVET_OK && bytes.n_bytes > TRIVET_STORE_CHUNK_BYTES_MAX) {
        status =
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "the chunk has %zu bytes, at most %u are allowed; send fewer rows "
                             "per chunk",
                             bytes.n_bytes, TRIVET_STORE_CHUNK_BYTES_MAX);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_append(service->store, request->dataset_id, request->chunk,
                                             bytes.data, bytes.n_bytes, request->rows->rows, record,
                                             err);
    }
    trivet_buffer_release(&bytes);
    trivet_schema_release(&schema);
    return status;
}

static void append(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    struct trivet_store_dataset record;
    struct trivet_error err;
    if (append_rows(call, service, &record, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    Trivet__V1__AppendDatasetResponse response = TRIVET__V1__APPEND_DATASET_RESPONSE__INIT;
    response.rows = record.n_rows;
    response.chunks = record.n_chunks;
    trivet_call_finish(call, &response.base);
}

static void commit(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__CommitDatasetRequest *request =
        (const Trivet__V1__CommitDatasetRequest *)call->request;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *response = NULL;
    struct trivet_store_dataset record;
    struct trivet_error err;
    enum trivet_status status = check_ours(service, request->dataset_id, &err);
    if (status == TRIVET_OK) {
        status = trivet_call_begin_change(call, service->store, TRIVET_STORE_DATA, &txn, &response,
                                          &err);
    }
    if (status == TRIVET_OK && txn != NULL) {
        status =
            trivet_store_dataset_commit(txn, request->dataset_id, request->chunks, &record, &err);
        status = keep(call, txn, status, &record, NULL, &response, &err);
    }
    trivet_call_end(call, status, response, &err);
}

static void describe(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__DescribeDatasetRequest *request =
        (const Trivet__V1__DescribeDatasetRequest *)call->request;
    struct trivet_buffer bytes = {0};
    struct trivet_store_dataset record;
    struct trivet_error err;
    ProtobufCMessage *schema = NULL;
    Trivet__V1__Dataset *response = NULL;
    enum trivet_status status =
        trivet_store_dataset_get(service->store, request->dataset_id, &record, &bytes, &err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__schema__descriptor, call->arena, bytes.data,
                                     bytes.n_bytes, &schema, &err);
    }
    if (status == TRIVET_OK) {
        response = trivet_dataset_message(call->arena, &record);
        status = response == NULL ? out_of_memory(&err) : TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        response->schema = (Trivet__V1__Schema *)schema;
        trivet_call_finish(call, &response->base);
    } else {
        trivet_call_fail(call, &err);
    }
    trivet_buffer_release(&bytes);
}

static void read_chunk(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__ReadDatasetRequest *request =
        (const Trivet__V1__ReadDatasetRequest *)call->request;
    Trivet__V1__ReadDatasetResponse response = TRIVET__V1__READ_DATASET_RESPONSE__INIT;
    struct trivet_store_dataset record;
    struct trivet_buffer bytes = {0};
    ProtobufCMessage *rows = NULL;
    struct trivet_error err;
    uint64_t n_rows = 0;
    enum trivet_status status =
        trivet_store_dataset_get(service->store, request->dataset_id, &record, NULL, &err);
    if (status == TRIVET_OK && !record.committed) {
        status =
            trivet_error_set(&err, TRIVET_FAILED_PRECONDITION,
                             "dataset %s is not committed; its rows may still change", record.id);
    }
    if (status == TRIVET_OK && request->chunk >= record.n_chunks) {
        status = trivet_error_set(&err, TRIVET_OUT_OF_RANGE, "dataset %s has %llu chunks, from 0",
                                  record.id, (unsigned long long)record.n_chunks);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_read(service->store, request->dataset_id, request->chunk,
                                           &bytes, &n_rows, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__table__descriptor, call->arena, bytes.data,
                                     bytes.n_bytes, &rows, &err);
    }
    trivet_buffer_release(&bytes);
    response.rows = (Trivet__V1__Table *)rows;
    trivet_call_end(call, status, &response.base, &err);
}

static void list(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__ListDatasetsRequest *request =
        (const Trivet__V1__ListDatasetsRequest *)call->request;
    size_t limit = request->limit == 0 ? LIST_DEFAULT : request->limit;
    limit = limit > LIST_MAX ? LIST_MAX : limit;
    struct trivet_store_dataset *records =
        trivet_arena_alloc_array(call->arena, limit, sizeof(*records));
    Trivet__V1__ListDatasetsResponse response = TRIVET__V1__LIST_DATASETS_RESPONSE__INIT;
    response.datasets = trivet_arena_alloc_array(call->arena, limit, sizeof(Trivet__V1__Dataset *));
    size_t count = 0;
    struct trivet_error err;
    enum trivet_status status =
        records == NULL || response.datasets == NULL
            ? out_of_memory(&err)
            : trivet_store_dataset_list(service->store, records, limit, &count, &err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        response.datasets[i] = trivet_dataset_message(call->arena, &records[i]);
        status = response.datasets[i] == NULL ? out_of_memory(&err) : TRIVET_OK;
        response.n_datasets++;
    }
    trivet_call_end(call, status, &response.base, &err);
}

static void delete_dataset(struct trivet_call *call, void *arg)
{
    struct trivet_datasets_service *service = arg;
    const Trivet__V1__DeleteDatasetRequest *request =
        (const Trivet__V1__DeleteDatasetRequest *)call->request;
    Trivet__V1__DeleteDatasetResponse response = TRIVET__V1__DELETE_DATASET_RESPONSE__INIT;
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    struct trivet_error err;
    enum trivet_status status = check_ours(service, request->dataset_id, &err);
    if (status == TRIVET_OK && trivet_jobs_uses_dataset(service->jobs, request->dataset_id)) {
        status = trivet_error_set(&err, TRIVET_FAILED_PRECONDITION,
                                  "a job uses dataset %s; wait for it or cancel it first",
                                  request->dataset_id);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_call_begin_change(call, service->store, TRIVET_STORE_DATA, &txn, &earlier, &err);
    }
    if (status == TRIVET_OK && txn != NULL) {
        status = trivet_store_dataset_delete(txn, request->dataset_id, &err);
        if (status == TRIVET_OK) {
            status = trivet_call_commit_change(call, txn, &response.base, &err);
        } else {
            trivet_store_abort(txn);
        }
    }
    trivet_call_end(call, status, &response.base, &err);
}

static const struct trivet_method rows[] = {
    {.name = "Create",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 1u << 20,
     .handle = create},
    /* Its key is (dataset, chunk): it needs no request id. */
    {.name = "Append",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 60000,
     .request_bytes_max = TRIVET_STORE_CHUNK_BYTES_MAX + 4096,
     .handle = append},
    {.name = "Commit",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 120000,
     .request_bytes_max = 4096,
     .handle = commit},
    {.name = "Describe",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = describe},
    {.name = "Read",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 60000,
     .request_bytes_max = 4096,
     .handle = read_chunk},
    {.name = "List",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 10000,
     .request_bytes_max = 4096,
     .handle = list},
    {.name = "Delete",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 60000,
     .request_bytes_max = 4096,
     .handle = delete_dataset},
    {.name = NULL},
};

enum trivet_status trivet_datasets_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_datasets_service *service,
                                               struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__datasets__descriptor, rows, service, err);
}
