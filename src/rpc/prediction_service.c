/* Prediction: message → table → pool → message. Data plane: nothing here waits.
 *
 *   transport's thread: find the servable, decode and check the rows, submit
 *   worker's thread:    outputs and row faults → response, totals, reply
 * A version that is not loaded takes the way round through the executor, which loads it. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/table.h"
#include "models/outputs.h"
#include "models/pipeline.h"
#include "rpc/call.h"
#include "rpc/explain.h"
#include "rpc/log_rows.h"
#include "rpc/predict_dataset.h"
#include "rpc/row_errors.h"
#include "rpc/services.h"
#include "rpc/shadows.h"
#include "serving/observer.h"
#include "trivet/v1/prediction.pb-c.h"

#include <math.h>
#include <string.h>

#define PREDICTION_ID_BYTES_MAX 64
#define KEY_BYTES_MAX           64
#define OUTPUT_NAME_BYTES       128

/* A Predict call on its way; in the call's arena. The task is first: the pool hands it back. */
struct prediction {
    struct trivet_pool_task task;
    struct trivet_call *call;
    struct trivet_prediction_service *service;
    struct trivet_servable *servable; /* our reference */
    struct trivet_traffic *traffic;   /* our reference: the call is shadowed; or NULL */
    const char *id;
    bool single_precision;
    uint64_t n_failed;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the call needs more memory than it may have; send fewer rows");
}

/* --- the totals ------------------------------------------------------------------------------ */

static void record(const struct prediction *prediction, enum trivet_status status)
{
    const struct trivet_pool_task *task = &prediction->task;
    const struct trivet_call *call = prediction->call;
    struct trivet_version_totals *slot = trivet_servable_user(prediction->servable);
    struct trivet_prediction_record entry = {
        .status = status,
        .queue_ns = call->timings.queue_us * TRIVET_NS_PER_US,
        .compute_ns = (uint64_t)task->compute_ns,
        .total_ns = (uint64_t)(trivet_clock_monotonic_ns() - task->arrival_ns),
        .batches = task->leads_batches,
    };
    if (status == TRIVET_OK) {
        entry.rows[TRIVET_OK] = task->rows.n_rows - prediction->n_failed;
        for (size_t i = 0; prediction->n_failed > 0 && i < task->rows.n_rows; i++) {
            enum trivet_row_fault fault = task->row_status[i].fault;
            entry.rows[trivet_row_fault_status(fault)] += fault != TRIVET_ROW_FINE;
        }
    } else {
        entry.rows[status] = task->rows.n_rows;
    }
    if (slot != NULL) {
        trivet_version_totals_add(slot, &entry);
    }
}

/* Rows chosen by their hash to the bins of drift; failed ones too: what came in counts. */
static void observe(const struct prediction *prediction)
{
    const struct trivet_pool_task *task = &prediction->task;
    const struct trivet_observer_round round =
        trivet_observer_begin(prediction->servable, task->rows.n_rows, trivet_clock_monotonic_ns());
    if (round.observer == NULL) {
        return;
    }
    size_t n_outputs = trivet_pipeline_n_outputs(trivet_servable_pipeline(prediction->servable));
    uint64_t id_hash = trivet_prediction_log_hash(prediction->service->log, prediction->id,
                                                  strlen(prediction->id));
    for (size_t i = 0; i < task->rows.n_rows; i++) {
        if (trivet_observer_chooses(&round, trivet_publisher_row_hash(id_hash, (uint32_t)i))) {
            bool failed = task->row_status[i].fault != TRIVET_ROW_FINE;
            trivet_observer_add_row(&round, &task->rows, i,
                                    failed ? NULL : &task->outputs[i * n_outputs]);
        }
    }
}

/* Offers rows as samples: every failed one, and the good ones by the hash of their id. */
static void sample(const struct prediction *prediction)
{
    const struct trivet_pool_task *task = &prediction->task;
    const char *model = trivet_servable_model(prediction->servable);
    uint64_t version = trivet_servable_version(prediction->servable);
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(prediction->servable);
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    uint64_t total_us =
        (uint64_t)(trivet_clock_monotonic_ns() - task->arrival_ns) / TRIVET_NS_PER_US;
    for (size_t i = 0; i < task->rows.n_rows; i++) {
        enum trivet_status status = trivet_row_fault_status(task->row_status[i].fault);
        trivet_publisher_sample(
            prediction->service->publisher, model, version, prediction->id, (uint32_t)i, status,
            status == TRIVET_OK ? trivet_pipeline_number(pipeline, &task->outputs[i * n_outputs])
                                : 0,
            total_us);
    }
}

static void offer_to_shadows(const struct prediction *prediction)
{
    const struct trivet_pool_task *task = &prediction->task;
    if (prediction->traffic == NULL) {
        return;
    }
    const struct trivet_shadow_call offer = {
        .traffic = prediction->traffic,
        .answered_by = prediction->servable,
        .n_rows = task->rows.n_rows,
        .outputs = task->outputs,
        .faults = task->row_status,
        .request = prediction->call->body,
        .request_bytes = prediction->call->body_bytes,
    };
    trivet_shadows_offer(prediction->service->shadows, &offer);
}

/* Before the reply, so that an outcome may follow it at once. */
static void log_rows(const struct prediction *prediction)
{
    const struct trivet_pool_task *task = &prediction->task;
    struct trivet_prediction_log *log = prediction->service->log;
    struct trivet_log_version *version = trivet_log_version_of(log, prediction->servable);
    struct trivet_log_round round = trivet_log_begin(log, version, task->rows.n_rows);
    if (round.version != NULL) {
        trivet_log_put_table(&round, trivet_servable_pipeline(prediction->servable), prediction->id,
                             &task->rows, task->row_status, task->outputs);
    }
    trivet_log_version_release(version);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* The estimator's columns as they are. */
static enum trivet_status fill_columns(const struct prediction *prediction,
                                       Trivet__V1__Output *output, struct trivet_error *err)
{
    const struct trivet_pool_task *task = &prediction->task;
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(prediction->servable);
    struct trivet_arena *arena = prediction->call->arena;
    output->cols = (uint32_t)trivet_pipeline_n_outputs(pipeline);
    size_t n_values = task->rows.n_rows * output->cols;
    if (trivet_pipeline_output_kind(pipeline) != TRIVET_OUTPUT_VALUE) {
        output->columns = trivet_arena_alloc_array(arena, output->cols, sizeof(char *));
        for (size_t k = 0; output->columns != NULL && k < output->cols; k++) {
            char name[OUTPUT_NAME_BYTES];
            trivet_pipeline_output_name(pipeline, k, name, sizeof(name));
            output->columns[k] = trivet_arena_strdup(arena, name);
            if (output->columns[k] == NULL) {
                return out_of_memory(err);
            }
        }
        if (output->columns == NULL) {
            return out_of_memory(err);
        }
        output->n_columns = output->cols;
    }
    if (!prediction->single_precision) {
        output->f64 = task->outputs;
        output->n_f64 = n_values;
        return TRIVET_OK;
    }
    output->f32 = trivet_arena_alloc_array(arena, n_values, sizeof(float));
    if (output->f32 == NULL) {
        return out_of_memory(err);
    }
    output->n_f32 = n_values;
    for (size_t i = 0; i < n_values; i++) {
        output->f32[i] = (float)task->outputs[i];
    }
    return TRIVET_OK;
}

/* Labels by code; the empty text, last in the dictionary, for a failed row. */
static enum trivet_status fill_labels(const struct prediction *prediction,
                                      Trivet__V1__Output *output, struct trivet_error *err)
{
    static char empty[] = "";
    const struct trivet_pool_task *task = &prediction->task;
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(prediction->servable);
    const struct trivet_labels *labels = trivet_pipeline_labels(pipeline);
    struct trivet_arena *arena = prediction->call->arena;
    size_t n_columns = trivet_pipeline_n_outputs(pipeline);
    output->cols = 1;
    output->text = trivet_arena_alloc_array(arena, labels->n_labels + 1, sizeof(char *));
    output->text_codes = trivet_arena_alloc_array(arena, task->rows.n_rows, sizeof(uint32_t));
    if (output->text == NULL || output->text_codes == NULL) {
        return out_of_memory(err);
    }
    memcpy(output->text, labels->texts, labels->n_labels * sizeof(char *));
    output->n_text = labels->n_labels;
    if (prediction->n_failed > 0) {
        output->text[output->n_text++] = empty;
    }
    output->n_text_codes = task->rows.n_rows;
    for (size_t i = 0; i < task->rows.n_rows; i++) {
        output->text_codes[i] =
            task->row_status[i].fault != TRIVET_ROW_FINE
                ? (uint32_t)labels->n_labels
                : trivet_pipeline_decide(pipeline, &task->outputs[i * n_columns]);
    }
    return TRIVET_OK;
}

/* Numbers of the clusters, NaN for a failed row. */
static enum trivet_status fill_clusters(const struct prediction *prediction,
                                        Trivet__V1__Output *output, struct trivet_error *err)
{
    const struct trivet_pool_task *task = &prediction->task;
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(prediction->servable);
    size_t n_columns = trivet_pipeline_n_outputs(pipeline);
    output->cols = 1;
    output->f64 =
        trivet_arena_alloc_array(prediction->call->arena, task->rows.n_rows, sizeof(double));
    if (output->f64 == NULL) {
        return out_of_memory(err);
    }
    output->n_f64 = task->rows.n_rows;
    for (size_t i = 0; i < task->rows.n_rows; i++) {
        output->f64[i] =
            task->row_status[i].fault != TRIVET_ROW_FINE
                ? (double)NAN
                : (double)trivet_pipeline_decide(pipeline, &task->outputs[i * n_columns]);
    }
    return TRIVET_OK;
}

static bool is_wanted(const Trivet__V1__PredictRequest *request, const char *name)
{
    for (size_t i = 0; i < request->n_outputs; i++) {
        if (strcmp(request->outputs[i], name) == 0) {
            return true;
        }
    }
    return request->n_outputs == 0;
}

/* The outputs that are wanted, in the order of the model. */
static enum trivet_status fill_outputs(const struct prediction *prediction,
                                       Trivet__V1__PredictResponse *response,
                                       struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(prediction->servable);
    const Trivet__V1__PredictRequest *request =
        (const Trivet__V1__PredictRequest *)prediction->call->request;
    size_t n = 0;
    const struct trivet_output *made = trivet_outputs_of(trivet_pipeline_output_kind(pipeline), &n);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        if (!is_wanted(request, made[i].name)) {
            continue;
        }
        Trivet__V1__Output *output = response->outputs[response->n_outputs++];
        trivet__v1__output__init(output);
        output->name = trivet_arena_strdup(prediction->call->arena, made[i].name);
        if (output->name == NULL) {
            return out_of_memory(err);
        }
        if (!made[i].is_decision) {
            status = fill_columns(prediction, output, err);
        } else {
            status = made[i].is_text ? fill_labels(prediction, output, err)
                                     : fill_clusters(prediction, output, err);
        }
    }
    return status;
}

static enum trivet_status respond(struct prediction *prediction, struct trivet_error *err)
{
    const struct trivet_pool_task *task = &prediction->task;
    struct trivet_call *call = prediction->call;
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    Trivet__V1__Output values[TRIVET_OUTPUTS_MAX];
    Trivet__V1__Output *outputs[TRIVET_OUTPUTS_MAX] = {&values[0], &values[1]};
    char *model = trivet_arena_strdup(call->arena, trivet_servable_model(prediction->servable));
    char *id = trivet_arena_strdup(call->arena, prediction->id);
    response.outputs = outputs;
    enum trivet_status status =
        model == NULL || id == NULL ? out_of_memory(err) : fill_outputs(prediction, &response, err);
    if (status == TRIVET_OK && prediction->n_failed > 0) {
        status = trivet_row_errors_encode(&task->rows, task->row_status, call->arena,
                                          &response.row_errors, &response.n_row_errors, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    response.model = model;
    response.version = trivet_servable_version(prediction->servable);
    response.prediction_id = id;
    response.rows = (uint32_t)task->rows.n_rows;
    record(prediction, TRIVET_OK);
    sample(prediction);
    observe(prediction);
    offer_to_shadows(prediction);
    log_rows(prediction);
    struct trivet_servable *servable = prediction->servable;
    struct trivet_traffic *traffic = prediction->traffic;
    trivet_call_finish(call, &response.base);
    /* After the reply: a swap must not free the version while its outputs are read. */
    trivet_servable_unref(servable);
    trivet_traffic_unref(traffic);
    return TRIVET_OK;
}

static void fail(struct prediction *prediction, const struct trivet_error *err)
{
    struct trivet_servable *servable = prediction->servable;
    struct trivet_traffic *traffic = prediction->traffic;
    record(prediction, err->status);
    trivet_call_fail(prediction->call, err);
    trivet_servable_unref(servable);
    trivet_traffic_unref(traffic);
}

/* Worker's thread. */
static void on_done(struct trivet_pool_task *task)
{
    struct prediction *prediction = (struct prediction *)task;
    struct trivet_call *call = prediction->call;
    if (task->started_ns > task->arrival_ns) {
        call->timings.queue_us = (uint64_t)(task->started_ns - task->arrival_ns) / TRIVET_NS_PER_US;
    }
    call->timings.compute_us = (uint64_t)task->compute_ns / TRIVET_NS_PER_US;
    for (size_t i = 0; task->status == TRIVET_OK && i < task->rows.n_rows; i++) {
        prediction->n_failed += task->row_status[i].fault != TRIVET_ROW_FINE;
    }
    struct trivet_error err = task->error;
    if (task->status != TRIVET_OK || respond(prediction, &err) != TRIVET_OK) {
        fail(prediction, &err);
    }
}

/* --- the way in ------------------------------------------------------------------------------ */

static enum trivet_status decode_rows(struct trivet_call *call, struct prediction *prediction,
                                      struct trivet_error *err)
{
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    const struct trivet_schema *inputs =
        trivet_pipeline_inputs(trivet_servable_pipeline(prediction->servable));
    struct trivet_pool_task *task = &prediction->task;
    bool is_matrix = request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    prediction->single_precision = is_matrix && request->matrix->n_f32 > 0;
    if (is_matrix) {
        task->matrix = prediction->single_precision ? (const void *)request->matrix->f32
                                                    : (const void *)request->matrix->f64;
        task->matrix_single = prediction->single_precision;
        task->nan_is_missing = request->matrix->nan_is_missing;
    }
    return is_matrix ? trivet_table_decode_matrix(request->matrix, inputs, call->arena, &task->rows,
                                                  &task->row_status, err)
                     : trivet_table_decode_inputs(request->table, inputs, call->arena, &task->rows,
                                                  &task->row_status, err);
}

static enum trivet_status check_request(const Trivet__V1__PredictRequest *request,
                                        struct trivet_error *err)
{
    if (strlen(request->prediction_id) > PREDICTION_ID_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the prediction id has more than %d bytes",
                                PREDICTION_ID_BYTES_MAX);
    }
    if (strlen(request->key) > KEY_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the key has more than %d bytes",
                                KEY_BYTES_MAX);
    }
    bool has_rows = false;
    if (request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX) {
        has_rows = request->matrix->rows > 0;
    } else if (request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_TABLE) {
        has_rows = request->table->rows > 0;
    }
    if (!has_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the request has zero rows; send a matrix or a table with at least "
                                "one");
    }
    return TRIVET_OK;
}

static enum trivet_status check_outputs(const struct trivet_pipeline *pipeline,
                                        const Trivet__V1__PredictRequest *request,
                                        struct trivet_error *err)
{
    size_t n = 0;
    const struct trivet_output *made = trivet_outputs_of(trivet_pipeline_output_kind(pipeline), &n);
    for (size_t i = 0; i < request->n_outputs; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++) {
            found = found || strcmp(request->outputs[i], made[k].name) == 0;
        }
        if (!found) {
            return trivet_error_set(
                err, TRIVET_INVALID_ARGUMENT, "no output '%.60s'; this model gives: %s%s%s",
                request->outputs[i], made[0].name, n > 1 ? ", " : "", n > 1 ? made[1].name : "");
        }
    }
    return TRIVET_OK;
}

/* The caller's id, or one of 64 random bits. */
static const char *prediction_id(struct trivet_call *call,
                                 const Trivet__V1__PredictRequest *request)
{
    if (request->prediction_id[0] != '\0') {
        return request->prediction_id;
    }
    char made[24];
    trivet_text_format(made, sizeof(made), "p-%016llx", (unsigned long long)trivet_rng_entropy());
    return trivet_arena_strdup(call->arena, made);
}

static enum trivet_status prepare(struct trivet_call *call, struct prediction *prediction,
                                  struct trivet_error *err)
{
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    struct trivet_pool_task *task = &prediction->task;
    enum trivet_status status = check_request(request, err);
    if (status == TRIVET_OK) {
        status = check_outputs(trivet_servable_pipeline(prediction->servable), request, err);
    }
    if (status == TRIVET_OK) {
        status = decode_rows(call, prediction, err);
    }
    if (status != TRIVET_OK) {
        task->rows.n_rows = 0;
        return status;
    }
    size_t n_outputs = trivet_pipeline_n_outputs(trivet_servable_pipeline(prediction->servable));
    task->outputs =
        trivet_arena_alloc_array(call->arena, task->rows.n_rows * n_outputs, sizeof(double));
    prediction->id = prediction_id(call, request);
    return task->outputs == NULL || prediction->id == NULL ? out_of_memory(err) : TRIVET_OK;
}

/* Takes the version, and the split, which may be NULL. */
static void predict_with(struct trivet_call *call, struct trivet_prediction_service *service,
                         struct trivet_servable *servable, struct trivet_traffic *traffic)
{
    struct trivet_error err = {0};
    struct prediction *prediction = trivet_arena_alloc(call->arena, sizeof(*prediction));
    if (prediction == NULL) {
        (void)out_of_memory(&err);
        trivet_call_fail(call, &err);
        trivet_servable_unref(servable);
        trivet_traffic_unref(traffic);
        return;
    }
    memset(prediction, 0, sizeof(*prediction));
    prediction->call = call;
    prediction->service = service;
    prediction->servable = servable;
    prediction->traffic = traffic;
    prediction->task.servable = servable;
    prediction->task.arrival_ns = call->exchange->arrival_ns;
    prediction->task.deadline_ns = call->deadline_ns;
    prediction->task.batch_priority =
        call->header->priority == TRIVET__V1__PRIORITY__PRIORITY_BATCH;
    prediction->task.done = on_done;
    if (prepare(call, prediction, &err) != TRIVET_OK ||
        trivet_pool_submit(service->pool, &prediction->task, &err) != TRIVET_OK) {
        fail(prediction, &err);
    }
}

/* Of a split, which is taken: the version that answers this call, and in *traffic the split when it
 * has shadows. References for the caller. */
static struct trivet_servable *choose(struct trivet_call *call, struct trivet_traffic *split,
                                      struct trivet_traffic **traffic)
{
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    const char *key = request->key[0] != '\0' ? request->key : request->prediction_id;
    size_t n_shares;
    size_t n_shadows;
    const struct trivet_traffic_member *shares = trivet_traffic_shares(split, &n_shares);
    size_t i = trivet_traffic_choose(split, key, strlen(key), &call->exchange->traffic_turn);
    struct trivet_servable *chosen = trivet_servable_ref(shares[i].servable);
    (void)trivet_traffic_shadows(split, &n_shadows);
    *traffic = n_shadows > 0 ? split : NULL;
    if (n_shadows == 0) {
        trivet_traffic_unref(split);
    }
    return chosen;
}

/* The version that answers, which the call's key decides where the traffic is split; *traffic: the
 * split, when it has shadows, or NULL. References for the caller. */
static enum trivet_status find_servable(struct trivet_call *call,
                                        const struct trivet_prediction_service *service,
                                        struct trivet_servable **out,
                                        struct trivet_traffic **traffic, struct trivet_error *err)
{
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    struct trivet_traffic *split = NULL;
    enum trivet_status status = trivet_servable_set_find_traffic(
        service->servables, request->model->name, request->model->version, request->model->alias,
        out, &split, err);
    *traffic = NULL;
    if (status == TRIVET_OK && split != NULL) {
        *out = choose(call, split, traffic);
    }
    return status;
}

/* Executor: load the version first. It may be unloaded again at any time: what was loaded is used,
 * and not looked for once more. */
static void load_then_predict(struct trivet_work *work)
{
    struct trivet_call *call = (struct trivet_call *)work;
    struct trivet_prediction_service *service = call->service;
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    const Trivet__V1__ModelRef *model = request->model;
    struct trivet_servable *servable = NULL;
    struct trivet_traffic *split = NULL;
    struct trivet_traffic *traffic = NULL;
    struct trivet_error err;
    if (trivet_servable_set_load(service->servables, model->name, model->version, model->alias,
                                 &servable, &err) != TRIVET_OK) {
        trivet_call_fail(call, &err);
        return;
    }
    if (model->version == 0) {
        split = trivet_servable_set_peek_traffic(service->servables, model->name, model->alias);
    }
    if (split != NULL) {
        trivet_servable_unref(servable);
        servable = choose(call, split, &traffic);
    }
    predict_with(call, service, servable, traffic);
}

static void predict(struct trivet_call *call, void *arg)
{
    struct trivet_prediction_service *service = arg;
    const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)call->request;
    struct trivet_error err;
    if (request->model == NULL || request->model->name[0] == '\0') {
        (void)trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "name the model to predict with");
        trivet_error_add_violation(&err, "model.name", "is empty");
        trivet_call_fail(call, &err);
        return;
    }
    struct trivet_servable *servable;
    struct trivet_traffic *traffic = NULL;
    enum trivet_status status = find_servable(call, service, &servable, &traffic, &err);
    if (status == TRIVET_OK) {
        predict_with(call, service, servable, traffic);
    } else if (status == TRIVET_UNAVAILABLE) {
        trivet_call_defer(call, load_then_predict);
    } else {
        trivet_call_fail(call, &err);
    }
}

static const struct trivet_method rows[] = {
    {.name = "Predict",
     .plane = TRIVET_PLANE_DATA,
     .timeout_ms_default = 10000,
     .request_bytes_max = 16u << 20,
     .handle = predict},
    /* Sampled explanations ask for many predictions: not on the threads that serve. */
    {.name = "Explain",
     .plane = TRIVET_PLANE_CONTROL,
     .timeout_ms_default = 60000,
     .request_bytes_max = 16u << 20,
     .handle = trivet_explain},
    {.name = "PredictDataset",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 64u << 10,
     .handle = trivet_predict_dataset},
    {.name = NULL},
};

enum trivet_status trivet_prediction_service_add(struct trivet_dispatch *dispatch,
                                                 struct trivet_prediction_service *service,
                                                 struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__prediction__descriptor, rows, service, err);
}
