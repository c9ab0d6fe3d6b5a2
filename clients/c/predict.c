/* A batch of numbers, without protobuf for the caller. */
#include "base/alloc.h"
#include "clients/c/request.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

#define PREDICT_METHOD "trivet.v1.Prediction/Predict"

static enum trivet_status pack_request(const char *model, uint64_t version, const double *x,
                                       size_t n_rows, size_t n_cols, struct trivet_buffer *out,
                                       struct trivet_error *err)
{
    if (n_rows == 0 || n_cols == 0 || n_rows > UINT32_MAX || n_cols > UINT32_MAX ||
        n_rows > SIZE_MAX / sizeof(double) / n_cols) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a batch of %zu rows and %zu columns; give at least one of each",
                                n_rows, n_cols);
    }
    /* protobuf-c's fields are not const, though packing only reads them. */
    union {
        const double *in;
        double *field;
    } values = {.in = x};
    union {
        const char *in;
        char *field;
    } name = {.in = model};
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    matrix.rows = (uint32_t)n_rows;
    matrix.cols = (uint32_t)n_cols;
    matrix.n_f64 = n_rows * n_cols;
    matrix.f64 = values.field;
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    ref.name = name.field;
    ref.version = version;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    request.model = &ref;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request.matrix = &matrix;
    return trivet_codec_pack(&request.base, out, err);
}

static enum trivet_status take_values(const Trivet__V1__PredictResponse *response, size_t n_rows,
                                      double *y, struct trivet_error *err)
{
    if (response->rows != n_rows || response->n_outputs == 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the reply has %u rows and %zu outputs for a batch of %zu rows",
                                response->rows, response->n_outputs, n_rows);
    }
    const Trivet__V1__Output *output = response->outputs[0];
    if (output->cols != 1 || output->n_f64 != n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the first output, '%s', is not one number per row; call "
                                "Prediction/Predict and read its outputs by name",
                                output->name);
    }
    memcpy(y, output->f64, n_rows * sizeof(double));
    return TRIVET_OK;
}

static size_t mark_failed(const Trivet__V1__PredictResponse *response, size_t n_rows, double *y)
{
    size_t n_failed = 0;
    for (size_t i = 0; i < response->n_row_errors; i++) {
        uint32_t row = response->row_errors[i]->row;
        if (row < n_rows) {
            y[row] = NAN;
            n_failed++;
        }
    }
    return n_failed;
}

enum trivet_status trivet_client_predict(struct trivet_client *client, const char *model,
                                         uint64_t version, const double *x, size_t n_rows,
                                         size_t n_cols, double *y, size_t *n_failed,
                                         uint64_t *answered_version, struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    struct trivet_reply reply = {0};
    struct trivet_arena *arena = NULL;
    enum trivet_status status = pack_request(model, version, x, n_rows, n_cols, &packed, err);
    if (status == TRIVET_OK) {
        status = trivet_client_call(client, PREDICT_METHOD, packed.data, packed.n_bytes, NULL, 0,
                                    &reply, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    /* Decoded, a row error takes a few times the bytes it has on the wire. */
    arena = trivet_arena_create(reply.body_bytes * 16 + 65536, 4096);
    if (arena == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the reply");
        goto done;
    }
    ProtobufCMessage *decoded = NULL;
    status = trivet_codec_unpack(&trivet__v1__predict_response__descriptor, arena, reply.body,
                                 reply.body_bytes, &decoded, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "the reply of Predict: ");
        goto done;
    }
    const Trivet__V1__PredictResponse *response = (const Trivet__V1__PredictResponse *)decoded;
    status = take_values(response, n_rows, y, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    size_t failed = mark_failed(response, n_rows, y);
    if (n_failed != NULL) {
        *n_failed = failed;
    }
    if (answered_version != NULL) {
        *answered_version = response->version;
    }
done:
    trivet_arena_free(arena);
    trivet_reply_release(&reply);
    trivet_buffer_release(&packed);
    return status;
}
