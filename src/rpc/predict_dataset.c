#include "rpc/predict_dataset.h"

#include "base/text.h"
#include "data/pack.h"
#include "rpc/job_reply.h"
#include "rpc/services.h"
#include "training/output.h"
#include "trivet/v1/prediction.pb-c.h"

#include <string.h>

static enum trivet_status check_request(const Trivet__V1__PredictDatasetRequest *request,
                                        struct trivet_error *err)
{
    if (request->model == NULL || request->model->name[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "name the model to predict with");
    }
    if (request->dataset_id[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "name the dataset to predict; see them with: trivet datasets");
    }
    if (strlen(request->output_name) >= TRIVET_STORE_TITLE_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the output's name has more than %d bytes",
                                TRIVET_STORE_TITLE_BYTES - 1);
    }
    return TRIVET_OK;
}

/* What the version needs is there, and what is kept. `title` gets the output's name. */
static enum trivet_status check_dataset(const struct trivet_prediction_service *service,
                                        const Trivet__V1__PredictDatasetRequest *request,
                                        const struct trivet_servable *servable,
                                        char title[TRIVET_STORE_TITLE_BYTES],
                                        struct trivet_error *err)
{
    struct trivet_store_dataset record;
    struct trivet_buffer bytes = {0};
    struct trivet_schema schema = {0};
    struct trivet_schema columns = {0};
    enum trivet_status status =
        trivet_store_dataset_get(service->store, request->dataset_id, &record, &bytes, err);
    if (status == TRIVET_OK) {
        status = trivet_schema_unpack(bytes.data, bytes.n_bytes, &schema, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_predict_columns(trivet_servable_pipeline(servable), &schema,
                                   request->keep_columns, request->n_keep_columns, &columns, err);
    }
    if (status == TRIVET_OK &&
        !(request->output_name[0] != '\0'
              ? trivet_text_copy(title, TRIVET_STORE_TITLE_BYTES, request->output_name)
              : trivet_text_format(title, TRIVET_STORE_TITLE_BYTES, "%s-%s-%llu", record.name,
                                   trivet_servable_model(servable),
                                   (unsigned long long)trivet_servable_version(servable)))) {
        trivet_text_trim_utf8(title); /* a long name is cut */
    }
    trivet_schema_release(&columns);
    trivet_schema_release(&schema);
    trivet_buffer_release(&bytes);
    return status;
}

static void submit(struct trivet_call *call, struct trivet_prediction_service *service,
                   const struct trivet_servable *servable)
{
    const Trivet__V1__PredictDatasetRequest *request =
        (const Trivet__V1__PredictDatasetRequest *)call->request;
    Trivet__V1__JobSpec spec = TRIVET__V1__JOB_SPEC__INIT;
    char title[TRIVET_STORE_TITLE_BYTES] = "";
    struct trivet_error err;
    if (check_dataset(service, request, servable, title, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    spec.kind = TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT;
    spec.model = request->model->name;
    spec.version = trivet_servable_version(servable);
    spec.dataset_id = request->dataset_id;
    spec.output_name = title;
    spec.keep_columns = request->keep_columns;
    spec.n_keep_columns = request->n_keep_columns;
    trivet_job_submit(call, service->jobs, &spec);
}

/* The job that the call made before, whatever has become of what it names; false: it is new. */
static bool answer_earlier(struct trivet_call *call, struct trivet_prediction_service *service)
{
    struct trivet_store_txn *txn = NULL;
    ProtobufCMessage *earlier = NULL;
    struct trivet_job_view view = {0};
    struct trivet_error err;
    enum trivet_status status =
        trivet_call_begin_change(call, service->store, TRIVET_STORE_CATALOG, &txn, &earlier, &err);
    trivet_store_abort(txn);
    if (status == TRIVET_OK && earlier == NULL) {
        return false;
    }
    if (status == TRIVET_OK) {
        status =
            trivet_jobs_get(service->jobs, ((const Trivet__V1__Job *)earlier)->id, &view, &err);
    }
    if (status == TRIVET_OK) {
        trivet_job_reply(call, &view);
    } else {
        trivet_call_fail(call, &err);
    }
    trivet_job_view_release(&view);
    return true;
}

void trivet_predict_dataset(struct trivet_call *call, void *arg)
{
    struct trivet_prediction_service *service = arg;
    const Trivet__V1__PredictDatasetRequest *request =
        (const Trivet__V1__PredictDatasetRequest *)call->request;
    struct trivet_servable *servable = NULL;
    struct trivet_error err;
    enum trivet_status status = check_request(request, &err);
    if (status == TRIVET_OK && answer_earlier(call, service)) {
        return;
    }
    if (status == TRIVET_OK) {
        status = trivet_servable_set_load(service->servables, request->model->name,
                                          request->model->version, request->model->alias, &servable,
                                          &err);
    }
    if (status == TRIVET_OK) {
        submit(call, service, servable);
    } else {
        trivet_call_fail(call, &err);
    }
    trivet_servable_unref(servable);
}
