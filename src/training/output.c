#include "training/output.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "models/prediction_table.h"
#include "wire/codec.h"

#include <string.h>

#define JOB_PREFIX "job-"

/* --- its columns ----------------------------------------------------------------------------- */

static enum trivet_status check_inputs(const struct trivet_pipeline *pipeline,
                                       const struct trivet_schema *dataset,
                                       struct trivet_error *err)
{
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    for (size_t j = 0; j < inputs->n_columns; j++) {
        const struct trivet_column_spec *input = &inputs->columns[j];
        const size_t at = trivet_schema_find(dataset, input->name);
        if (at == TRIVET_COLUMN_NOT_FOUND) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the dataset has no column '%s', which the version needs",
                                    input->name);
        }
        if (dataset->columns[at].type != input->type) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the dataset's column '%s' is %s, the version needs it %s",
                                    input->name, trivet_column_type_name(dataset->columns[at].type),
                                    trivet_column_type_name(input->type));
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_predict_columns(const struct trivet_pipeline *pipeline,
                                          const struct trivet_schema *dataset, char *const *keep,
                                          size_t n_keep, struct trivet_schema *out,
                                          struct trivet_error *err)
{
    struct trivet_schema columns = {0};
    enum trivet_status status = check_inputs(pipeline, dataset, err);
    for (size_t j = 0; status == TRIVET_OK && j < n_keep; j++) {
        const size_t at = trivet_schema_find(dataset, keep[j]);
        status = at == TRIVET_COLUMN_NOT_FOUND
                     ? trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "the dataset has no column '%.80s' to keep", keep[j])
                     : trivet_schema_add(&columns, keep[j], dataset->columns[at].type, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_prediction_columns(pipeline, &columns, err);
    }
    if (status == TRIVET_OK) {
        *out = columns;
    } else {
        trivet_schema_release(&columns);
    }
    return status;
}

/* --- in the store ---------------------------------------------------------------------------- */

void trivet_output_id(const char *job_id, char id[TRIVET_STORE_ID_BYTES])
{
    const bool usual = strncmp(job_id, JOB_PREFIX, strlen(JOB_PREFIX)) == 0;
    (void)trivet_text_format(id, TRIVET_STORE_ID_BYTES, "ds-%s",
                             usual ? job_id + strlen(JOB_PREFIX) : job_id);
}

enum trivet_status trivet_output_find(struct trivet_store *store, const char *id, bool *committed,
                                      struct trivet_error *err)
{
    struct trivet_store_dataset record = {.committed = false};
    const enum trivet_status status = trivet_store_dataset_get(store, id, &record, NULL, err);
    if (status != TRIVET_OK && status != TRIVET_NOT_FOUND) {
        return status;
    }
    *committed = status == TRIVET_OK && record.committed;
    return TRIVET_OK;
}

static enum trivet_status delete_old(struct trivet_store *store, const char *id,
                                     struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_store_dataset_delete(txn, id, err);
    if (status == TRIVET_OK) {
        return trivet_store_commit(txn, err);
    }
    trivet_store_abort(txn);
    return status == TRIVET_NOT_FOUND ? TRIVET_OK : status;
}

enum trivet_status trivet_output_begin(struct trivet_store *store, const char *id, const char *name,
                                       const Trivet__V1__Schema *columns, struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_buffer schema = {0};
    struct trivet_store_dataset record;
    enum trivet_status status = delete_old(store, id, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&columns->base, &schema, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_dataset_create_as(txn, id, name, schema.data, schema.n_bytes, &record,
                                                err);
        if (status == TRIVET_OK) {
            status = trivet_store_commit(txn, err);
        } else {
            trivet_store_abort(txn);
        }
    }
    trivet_buffer_release(&schema);
    return status;
}

enum trivet_status trivet_output_commit(struct trivet_store *store, const char *id,
                                        uint32_t n_chunks, struct trivet_error *err)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_store_dataset record;
    enum trivet_status status = trivet_store_begin(store, TRIVET_STORE_DATA, &txn, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_store_dataset_commit(txn, id, n_chunks, &record, err);
    if (status == TRIVET_OK) {
        return trivet_store_commit(txn, err);
    }
    trivet_store_abort(txn);
    return status;
}

void trivet_output_drop(struct trivet_store *store, const char *id)
{
    struct trivet_error error = {0};
    if (delete_old(store, id, &error) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_WARN, "output_not_deleted", "dataset=%s message=%s", id,
                   error.message);
    }
}
