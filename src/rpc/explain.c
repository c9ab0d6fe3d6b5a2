#include "rpc/explain.h"

#include "base/clock.h"
#include "data/table.h"
#include "models/pipeline.h"
#include "rpc/row_errors.h"
#include "rpc/services.h"
#include "trivet/v1/prediction.pb-c.h"

#include <math.h>
#include <string.h>

#define ROUNDS_DEFAULT 2
#define ROUNDS_MAX     64
/* Contributions of one reply, so that it fits a frame with their errors. */
#define VALUES_MAX 500000
/* Rows between two looks at the deadline. */
#define SLICE_ROWS 16
#define NAME_BYTES 128

/* An Explain call on its way; arrays are the call's arena's. */
struct explaining {
    struct trivet_call *call;
    const Trivet__V1__ExplainRequest *request;
    const struct trivet_pipeline *pipeline;
    struct trivet_table rows;
    struct trivet_row_status *row_status;
    struct trivet_matrix x;
    size_t n_explained;
    Trivet__V1__ExplainResponse response;
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the call needs more memory than it may have; explain fewer rows");
}

static enum trivet_status decode(struct explaining *explaining, struct trivet_error *err)
{
    const Trivet__V1__ExplainRequest *request = explaining->request;
    const struct trivet_schema *inputs = trivet_pipeline_inputs(explaining->pipeline);
    struct trivet_arena *arena = explaining->call->arena;
    enum trivet_status status = TRIVET_OK;
    if (request->rows_case == TRIVET__V1__EXPLAIN_REQUEST__ROWS_MATRIX) {
        status = trivet_table_decode_matrix(request->matrix, inputs, arena, &explaining->rows,
                                            &explaining->row_status, err);
    } else if (request->rows_case == TRIVET__V1__EXPLAIN_REQUEST__ROWS_TABLE) {
        status = trivet_table_decode_inputs(request->table, inputs, arena, &explaining->rows,
                                            &explaining->row_status, err);
    }
    if (status == TRIVET_OK && explaining->rows.n_rows == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "the request has zero rows; send a matrix or a table with at "
                                  "least one");
    }
    return status;
}

static enum trivet_status check_size(const struct explaining *explaining, struct trivet_error *err)
{
    const size_t a_row = explaining->n_explained * trivet_pipeline_n_features(explaining->pipeline);
    if (explaining->request->samples > ROUNDS_MAX) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "samples is more than %d; give fewer",
                         ROUNDS_MAX);
        trivet_error_add_violation(err, "samples", "must be 0 to %d", ROUNDS_MAX);
        return TRIVET_INVALID_ARGUMENT;
    }
    if (explaining->rows.n_rows > VALUES_MAX / a_row && explaining->rows.n_rows > 1) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu rows of %zu contributions are too many for one call; explain "
                                "at most %zu rows at once",
                                explaining->rows.n_rows, a_row,
                                a_row > VALUES_MAX ? (size_t)1 : VALUES_MAX / a_row);
    }
    return TRIVET_OK;
}

static enum trivet_status transform(struct explaining *explaining, struct trivet_error *err)
{
    const size_t n_features = trivet_pipeline_n_features(explaining->pipeline);
    const size_t n_rows = explaining->rows.n_rows;
    struct trivet_arena *arena = explaining->call->arena;
    explaining->x = (struct trivet_matrix){
        .data = trivet_arena_alloc_array(arena, n_rows * n_features, sizeof(double)),
        .n_rows = n_rows,
        .n_cols = n_features,
        .stride = n_features};
    if (explaining->x.data == NULL) {
        return no_memory(err);
    }
    return trivet_pipeline_transform(explaining->pipeline, &explaining->rows, arena, explaining->x,
                                     explaining->row_status, err);
}

static enum trivet_status make_room(struct explaining *explaining, struct trivet_error *err)
{
    Trivet__V1__ExplainResponse *response = &explaining->response;
    struct trivet_arena *arena = explaining->call->arena;
    const size_t n_values = explaining->rows.n_rows * explaining->n_explained;
    const size_t n_all = n_values * explaining->x.n_cols;
    const bool exact = trivet_pipeline_explains_exactly(explaining->pipeline);
    response->contributions = trivet_arena_alloc_array(arena, n_all, sizeof(double));
    response->errors = trivet_arena_alloc_array(arena, exact ? 0 : n_all, sizeof(double));
    response->values = trivet_arena_alloc_array(arena, n_values, sizeof(double));
    response->base_values =
        trivet_arena_alloc_array(arena, explaining->n_explained, sizeof(double));
    if (response->contributions == NULL || response->errors == NULL || response->values == NULL ||
        response->base_values == NULL) {
        return no_memory(err);
    }
    response->n_contributions = n_all;
    response->n_errors = exact ? 0 : n_all;
    response->n_values = n_values;
    response->n_base_values = explaining->n_explained;
    return TRIVET_OK;
}

/* Base plus contributions; NaN for a row with a fault. */
static void sum_values(struct explaining *explaining)
{
    Trivet__V1__ExplainResponse *response = &explaining->response;
    const size_t n_features = explaining->x.n_cols;
    for (size_t i = 0; i < response->n_values; i++) {
        const size_t row = i / explaining->n_explained;
        double *contributions = &response->contributions[i * n_features];
        double value = response->base_values[i % explaining->n_explained];
        const bool failed = explaining->row_status[row].fault != TRIVET_ROW_FINE;
        for (size_t j = 0; j < n_features; j++) {
            contributions[j] = failed ? (double)NAN : contributions[j];
            value += contributions[j];
        }
        for (size_t j = 0; failed && response->n_errors > 0 && j < n_features; j++) {
            response->errors[i * n_features + j] = (double)NAN;
        }
        response->values[i] = value;
    }
    response->base_value = response->base_values[0];
}

static enum trivet_status explain(struct explaining *explaining, struct trivet_error *err)
{
    Trivet__V1__ExplainResponse *response = &explaining->response;
    const size_t n_features = explaining->x.n_cols;
    const size_t rounds =
        explaining->request->samples > 0 ? explaining->request->samples : (size_t)ROUNDS_DEFAULT;
    enum trivet_status status = TRIVET_OK;
    for (size_t first = 0; first < explaining->x.n_rows && status == TRIVET_OK;
         first += SLICE_ROWS) {
        const size_t left = explaining->x.n_rows - first;
        const size_t at = first * explaining->n_explained * n_features;
        const struct trivet_const_matrix slice = {.data = &explaining->x.data[first * n_features],
                                                  .n_rows = left < SLICE_ROWS ? left : SLICE_ROWS,
                                                  .n_cols = n_features,
                                                  .stride = n_features};
        if (trivet_clock_monotonic_ns() > explaining->call->deadline_ns) {
            return trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                    "the time was up after %zu of %zu rows; explain fewer rows, or "
                                    "with fewer samples",
                                    first, explaining->x.n_rows);
        }
        status =
            trivet_pipeline_explain(explaining->pipeline, slice, rounds, explaining->request->seed,
                                    &response->contributions[at], response->base_values,
                                    response->n_errors > 0 ? &response->errors[at] : NULL, err);
    }
    return status;
}

static enum trivet_status name_all(struct explaining *explaining, struct trivet_error *err)
{
    Trivet__V1__ExplainResponse *response = &explaining->response;
    struct trivet_arena *arena = explaining->call->arena;
    const size_t n_features = explaining->x.n_cols;
    response->features = trivet_arena_alloc_array(arena, n_features, sizeof(char *));
    response->outputs = trivet_arena_alloc_array(arena, explaining->n_explained, sizeof(char *));
    response->explained =
        trivet_arena_strdup(arena, trivet_pipeline_explained(explaining->pipeline));
    if (response->features == NULL || response->outputs == NULL || response->explained == NULL) {
        return no_memory(err);
    }
    for (size_t j = 0; j < n_features; j++) {
        response->features[j] =
            trivet_arena_strdup(arena, trivet_pipeline_feature_name(explaining->pipeline, j));
        if (response->features[j] == NULL) {
            return no_memory(err);
        }
    }
    for (size_t k = 0; k < explaining->n_explained; k++) {
        char name[NAME_BYTES];
        trivet_pipeline_explained_name(explaining->pipeline, k, name, sizeof(name));
        response->outputs[k] = trivet_arena_strdup(arena, name);
        if (response->outputs[k] == NULL) {
            return no_memory(err);
        }
    }
    response->n_features = n_features;
    response->n_outputs = explaining->n_explained;
    return TRIVET_OK;
}

static enum trivet_status run(struct explaining *explaining, struct trivet_error *err)
{
    Trivet__V1__ExplainResponse *response = &explaining->response;
    explaining->n_explained = trivet_pipeline_n_explained(explaining->pipeline);
    enum trivet_status status = decode(explaining, err);
    if (status == TRIVET_OK) {
        status = check_size(explaining, err);
    }
    if (status == TRIVET_OK) {
        status = transform(explaining, err);
    }
    if (status == TRIVET_OK) {
        status = make_room(explaining, err);
    }
    if (status == TRIVET_OK) {
        status = explain(explaining, err);
    }
    if (status == TRIVET_OK) {
        sum_values(explaining);
        status = name_all(explaining, err);
    }
    if (status == TRIVET_OK) {
        response->rows = (uint32_t)explaining->rows.n_rows;
        status = trivet_row_errors_encode(&explaining->rows, explaining->row_status,
                                          explaining->call->arena, &response->row_errors,
                                          &response->n_row_errors, err);
    }
    return status;
}

void trivet_explain(struct trivet_call *call, void *arg)
{
    struct trivet_prediction_service *service = arg;
    struct trivet_servable *servable = NULL;
    struct trivet_error err = {0};
    struct explaining explaining = {
        .call = call,
        .request = (const Trivet__V1__ExplainRequest *)call->request,
        .response = TRIVET__V1__EXPLAIN_RESPONSE__INIT,
    };
    const Trivet__V1__ModelRef *model = explaining.request->model;
    enum trivet_status status =
        model == NULL ? trivet_error_set(&err, TRIVET_INVALID_ARGUMENT, "name the model to explain")
                      : trivet_servable_set_load(service->servables, model->name, model->version,
                                                 model->alias, &servable, &err);
    if (status == TRIVET_OK) {
        explaining.pipeline = trivet_servable_pipeline(servable);
        explaining.response.version = trivet_servable_version(servable);
        explaining.response.model =
            trivet_arena_strdup(call->arena, trivet_servable_model(servable));
        status = explaining.response.model == NULL ? no_memory(&err) : run(&explaining, &err);
    }
    if (status == TRIVET_OK) {
        trivet_call_finish(call, &explaining.response.base);
    } else {
        trivet_call_fail(call, &err);
    }
    trivet_servable_unref(servable);
}
