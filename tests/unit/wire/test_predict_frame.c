/* Frames by hand against frames by the codec: what the one takes the other reads the same, whatever
 * the bytes; and replies are the same to the byte. */
#include "base/arena.h"
#include "base/rng.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"
#include "wire/predict_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define METHOD      "trivet.v1.Prediction/Predict"
#define FRAME_BYTES 8192
#define VALUES_MAX  64

struct request {
    Trivet__V1__RequestHeader header;
    Trivet__V1__PredictRequest body;
    Trivet__V1__ModelRef model;
    Trivet__V1__Matrix matrix;
    double f64[VALUES_MAX];
    float f32[VALUES_MAX];
    char method[64];
    char id[80];
    char name[80];
    char alias[80];
    char prediction[80];
    char *outputs[1];
};

static void plain(struct request *request)
{
    memset(request, 0, sizeof(*request));
    trivet__v1__request_header__init(&request->header);
    trivet__v1__predict_request__init(&request->body);
    trivet__v1__model_ref__init(&request->model);
    trivet__v1__matrix__init(&request->matrix);
    snprintf(request->method, sizeof(request->method), "%s", METHOD);
    snprintf(request->name, sizeof(request->name), "%s", "house");
    request->header.method = request->method;
    request->model.name = request->name;
    request->body.model = &request->model;
    request->body.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request->body.matrix = &request->matrix;
    request->matrix.rows = 2;
    request->matrix.cols = 3;
    request->matrix.f64 = request->f64;
    request->matrix.n_f64 = 6;
    for (size_t i = 0; i < VALUES_MAX; i++) {
        request->f64[i] = (double)i / 3;
        request->f32[i] = (float)i / 3;
    }
}

static size_t pack(const struct request *request, uint8_t *out)
{
    assert_true(trivet_frame_packed_bytes(&request->header.base, &request->body.base) <=
                FRAME_BYTES);
    return trivet_frame_pack(&request->header.base, &request->body.base, out);
}

static bool is_text(struct trivet_text_view view, const char *text)
{
    return view.n_bytes == strlen(text) &&
           (view.n_bytes == 0 || memcmp(view.data, text, view.n_bytes) == 0);
}

/* What was taken is what the codec reads. */
static void expect_same(const uint8_t *bytes, size_t n_bytes,
                        const struct trivet_predict_view *view)
{
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 1 << 12);
    struct trivet_frame frame;
    ProtobufCMessage *message;
    assert_int_equal(trivet_frame_parse(bytes, n_bytes, &frame, NULL), TRIVET_OK);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__request_header__descriptor, arena,
                                         frame.header, frame.header_bytes, &message, NULL),
                     TRIVET_OK);
    const Trivet__V1__RequestHeader *header = (const Trivet__V1__RequestHeader *)message;
    assert_string_equal(header->method, METHOD);
    assert_true(is_text(view->request_id, header->request_id));
    assert_int_equal(view->timeout_us, header->timeout_us);
    assert_int_equal(header->priority, TRIVET__V1__PRIORITY__PRIORITY_NORMAL);
    assert_int_equal(header->token.len, 0);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__predict_request__descriptor, arena,
                                         frame.body, frame.body_bytes, &message, NULL),
                     TRIVET_OK);
    const Trivet__V1__PredictRequest *body = (const Trivet__V1__PredictRequest *)message;
    assert_true(is_text(view->model, body->model->name));
    assert_true(is_text(view->alias, body->model->alias));
    assert_int_equal(view->version, body->model->version);
    assert_true(is_text(view->prediction_id, body->prediction_id));
    assert_int_equal(body->n_outputs, 0);
    assert_int_equal(body->rows_case, TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX);
    assert_int_equal(view->rows, body->matrix->rows);
    assert_int_equal(view->cols, body->matrix->cols);
    assert_int_equal(view->nan_is_missing, body->matrix->nan_is_missing);
    size_t n_values = (size_t)view->rows * view->cols;
    if (view->single_precision) {
        assert_int_equal(body->matrix->n_f32, n_values);
        assert_int_equal(body->matrix->n_f64, 0);
        assert_memory_equal(view->values, body->matrix->f32, n_values * sizeof(float));
    } else {
        assert_int_equal(body->matrix->n_f64, n_values);
        assert_int_equal(body->matrix->n_f32, 0);
        assert_memory_equal(view->values, body->matrix->f64, n_values * sizeof(double));
    }
    trivet_arena_free(arena);
}

static bool is_taken(const struct request *request)
{
    uint8_t bytes[FRAME_BYTES];
    struct trivet_predict_view view;
    size_t n_bytes = pack(request, bytes);
    bool taken = trivet_predict_frame_parse(bytes, n_bytes, &view);
    if (taken) {
        expect_same(bytes, n_bytes, &view);
    }
    return taken;
}

static void plain_requests_are_taken(void **state)
{
    (void)state;
    struct request request;
    plain(&request);
    assert_true(is_taken(&request));
    snprintf(request.id, sizeof(request.id), "%s", "a-request");
    snprintf(request.alias, sizeof(request.alias), "%s", "staging");
    snprintf(request.prediction, sizeof(request.prediction), "%s", "order-17");
    request.header.request_id = request.id;
    request.header.timeout_us = 2500000;
    request.model.alias = request.alias;
    request.model.version = UINT64_C(1) << 40;
    request.body.prediction_id = request.prediction;
    request.matrix.nan_is_missing = 1;
    assert_true(is_taken(&request));
    request.matrix.n_f64 = 0;
    request.matrix.f32 = request.f32;
    request.matrix.n_f32 = 6;
    assert_true(is_taken(&request));
    memset(request.id, 'x', 64);
    assert_true(is_taken(&request));
}

/* Each of them is refused, or served, by the general way. */
static void others_are_left(void **state)
{
    (void)state;
    struct request request;
    plain(&request);
    request.method[strlen(METHOD) - 1] = 'T';
    assert_false(is_taken(&request));
    plain(&request);
    request.header.priority = TRIVET__V1__PRIORITY__PRIORITY_BATCH;
    assert_false(is_taken(&request));
    plain(&request);
    static uint8_t token[] = {1};
    request.header.token = (ProtobufCBinaryData){.len = 1, .data = token};
    assert_false(is_taken(&request));
    plain(&request);
    memset(request.id, 'x', 65);
    request.header.request_id = request.id;
    assert_false(is_taken(&request));
    plain(&request);
    snprintf(request.name, sizeof(request.name), "%s", "h\xc3\xa4user");
    assert_false(is_taken(&request));
    plain(&request);
    request.matrix.rows = 3;
    assert_false(is_taken(&request));
    plain(&request);
    request.matrix.rows = 0;
    request.matrix.n_f64 = 0;
    assert_false(is_taken(&request));
    plain(&request);
    request.matrix.f32 = request.f32;
    request.matrix.n_f32 = 6;
    assert_false(is_taken(&request));
    plain(&request);
    request.body.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS__NOT_SET;
    assert_false(is_taken(&request));
    plain(&request);
    request.outputs[0] = request.name;
    request.body.outputs = request.outputs;
    request.body.n_outputs = 1;
    assert_false(is_taken(&request));
}

/* Bytes that somebody has damaged, and repeated fields: never read differently. */
static void damaged_frames_are_left_or_read_alike(void **state)
{
    (void)state;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 20);
    size_t n_taken = 0;
    for (int i = 0; i < 200000; i++) {
        struct request request;
        plain(&request);
        snprintf(request.id, sizeof(request.id), "%s", "id");
        request.header.request_id = request.id;
        request.header.timeout_us = trivet_rng_below(&rng, 1 << 20);
        request.matrix.rows = 1 + (uint32_t)trivet_rng_below(&rng, 4);
        request.matrix.n_f64 = 3 * request.matrix.rows;
        uint8_t bytes[FRAME_BYTES];
        size_t n_bytes = pack(&request, bytes);
        for (uint64_t n = trivet_rng_below(&rng, 4); n > 0; n--) {
            size_t at = (size_t)trivet_rng_below(&rng, n_bytes);
            uint64_t what = trivet_rng_below(&rng, 3);
            if (what == 0) {
                bytes[at] = (uint8_t)trivet_rng_next(&rng);
            } else if (what == 1) {
                n_bytes = at;
                bytes[at] = 0;
                n_bytes += n_bytes == 0;
            } else {
                size_t from = (size_t)trivet_rng_below(&rng, n_bytes);
                size_t length = n_bytes - (at > from ? at : from);
                memmove(bytes + at, bytes + from, length);
            }
        }
        struct trivet_predict_view view;
        if (trivet_predict_frame_parse(bytes, n_bytes, &view)) {
            expect_same(bytes, n_bytes, &view);
            n_taken++;
        }
    }
    assert_true(n_taken > 20000);
    assert_true(n_taken < 190000);
}

/* Every cut of a frame, each in memory of its own, so that a sanitizer sees one byte too far. */
static void cut_frames_are_left(void **state)
{
    (void)state;
    struct request request;
    plain(&request);
    uint8_t bytes[FRAME_BYTES];
    size_t n_bytes = pack(&request, bytes);
    for (size_t i = 0; i < n_bytes; i++) {
        uint8_t *cut = malloc(i + (i == 0));
        memcpy(cut, bytes, i);
        struct trivet_predict_view view;
        assert_false(trivet_predict_frame_parse(cut, i, &view));
        free(cut);
    }
}

/* --- replies --------------------------------------------------------------------------------- */

struct answer {
    Trivet__V1__ResponseHeader header;
    Trivet__V1__Timings timings;
    Trivet__V1__PredictResponse body;
    Trivet__V1__Output outputs[2];
    Trivet__V1__Output *list[2];
};

static void expect_bytes(const struct answer *answer, const struct trivet_predict_reply *reply)
{
    uint8_t wanted[FRAME_BYTES];
    uint8_t got[FRAME_BYTES];
    size_t n_bytes = trivet_frame_pack(&answer->header.base, &answer->body.base, wanted);
    assert_int_equal(trivet_predict_reply_bytes(reply), n_bytes);
    assert_ptr_equal(trivet_predict_reply_write(reply, got), got + n_bytes);
    assert_memory_equal(got, wanted, n_bytes);
}

static size_t pack_part(const Trivet__V1__Output *from, bool head, uint8_t *to)
{
    static char empty[] = "";
    Trivet__V1__Output part = *from;
    part.n_f64 = 0;
    part.n_f32 = 0;
    part.n_text_codes = 0;
    if (head) {
        part.n_text = 0;
        part.n_columns = 0;
    } else {
        part.name = empty;
        part.cols = 0;
    }
    return protobuf_c_message_pack(&part.base, to);
}

static uint32_t codes[VALUES_MAX];
static double f64[VALUES_MAX];
static float f32[VALUES_MAX];

/* A classification: labels and probabilities. `body.prediction_id` and `rows` are left out. */
static void fill_answer(struct answer *answer, uint64_t number, size_t n_values,
                        bool single_precision)
{
    static char request_id[] = "req";
    static char model[] = "wine";
    static char label_name[] = "label";
    static char probabilities_name[] = "probabilities";
    static char red[] = "red";
    static char white[] = "white";
    static char *labels[] = {red, white};
    *answer = (struct answer){.header = TRIVET__V1__RESPONSE_HEADER__INIT,
                              .timings = TRIVET__V1__TIMINGS__INIT,
                              .body = TRIVET__V1__PREDICT_RESPONSE__INIT,
                              .outputs = {TRIVET__V1__OUTPUT__INIT, TRIVET__V1__OUTPUT__INIT}};
    for (size_t i = 0; i < VALUES_MAX; i++) {
        codes[i] = (uint32_t)(i * i * number) >> (i % 32);
        f64[i] = (double)i / 7;
        f32[i] = (float)i / 7;
    }
    answer->timings.queue_us = number;
    answer->timings.compute_us = number / 2;
    answer->timings.total_us = number * 3;
    answer->header.timings = &answer->timings;
    answer->header.request_id = request_id;
    answer->body.model = model;
    answer->body.version = number;
    answer->outputs[0].name = label_name;
    answer->outputs[0].cols = 1;
    answer->outputs[0].text_codes = codes;
    answer->outputs[0].n_text_codes = n_values;
    answer->outputs[0].text = labels;
    answer->outputs[0].n_text = 2;
    answer->outputs[1].name = probabilities_name;
    answer->outputs[1].cols = 2;
    answer->outputs[1].columns = labels;
    answer->outputs[1].n_columns = 2;
    answer->outputs[1].f64 = f64;
    answer->outputs[1].n_f64 = single_precision ? 0 : n_values;
    answer->outputs[1].f32 = f32;
    answer->outputs[1].n_f32 = single_precision ? n_values : 0;
}

static void check_reply(uint64_t number, size_t n_values, bool single_precision)
{
    static char id[] = "p-0123456789abcdef";
    struct answer answer;
    fill_answer(&answer, number, n_values, single_precision);
    uint8_t version_part[64];
    size_t version_bytes = protobuf_c_message_pack(&answer.body.base, version_part);
    answer.list[0] = &answer.outputs[0];
    answer.list[1] = &answer.outputs[1];
    answer.body.prediction_id = id;
    answer.body.rows = (uint32_t)n_values;
    answer.body.outputs = answer.list;
    answer.body.n_outputs = 2;

    uint8_t heads[2][64];
    uint8_t tails[2][64];
    struct trivet_predict_output_parts parts[2];
    for (int i = 0; i < 2; i++) {
        parts[i].head = heads[i];
        parts[i].tail = tails[i];
        parts[i].head_bytes = pack_part(&answer.outputs[i], true, heads[i]);
        parts[i].tail_bytes = pack_part(&answer.outputs[i], false, tails[i]);
    }
    const struct trivet_predict_output outputs[] = {
        {.parts = &parts[0], .kind = TRIVET_PREDICT_CODES, .values = codes, .n_values = n_values},
        {.parts = &parts[1],
         .kind = single_precision ? TRIVET_PREDICT_F32 : TRIVET_PREDICT_F64,
         .values = single_precision ? (const void *)f32 : (const void *)f64,
         .n_values = n_values},
    };
    const struct trivet_predict_reply reply = {
        .request_id = {answer.header.request_id, strlen(answer.header.request_id)},
        .queue_us = answer.timings.queue_us,
        .compute_us = answer.timings.compute_us,
        .total_us = answer.timings.total_us,
        .version_part = version_part,
        .version_bytes = version_bytes,
        .prediction_id = {id, sizeof(id) - 1},
        .rows = (uint32_t)n_values,
        .outputs = outputs,
        .n_outputs = 2,
    };
    expect_bytes(&answer, &reply);
}

static void replies_are_the_codecs(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT64_C(1) << 41};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        for (size_t n_values = 1; n_values <= VALUES_MAX; n_values += 21) {
            check_reply(numbers[i], n_values, false);
            check_reply(numbers[i], n_values, true);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_requests_are_taken),
        cmocka_unit_test(others_are_left),
        cmocka_unit_test(damaged_frames_are_left_or_read_alike),
        cmocka_unit_test(cut_frames_are_left),
        cmocka_unit_test(replies_are_the_codecs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
