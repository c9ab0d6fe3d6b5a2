/* The frames of tests/contract/fixtures, made by another protobuf: the same messages built here
 * give the same bytes, and those bytes read here give the same messages. */
#include "base/arena.h"
#include "contract/golden_file.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

/* Both ways: the messages give the golden's bytes, and the golden read and packed gives them too.
 */
static void check_both_ways(const char *name, const ProtobufCMessage *header,
                            const ProtobufCMessage *body)
{
    struct golden golden;
    uint8_t packed[GOLDEN_BYTES_MAX];
    assert_true(golden_read(name, &golden));
    assert_int_equal(trivet_frame_packed_bytes(header, body), golden.n_bytes);
    assert_int_equal(trivet_frame_pack(header, body, packed), golden.n_bytes);
    assert_memory_equal(packed, golden.bytes, golden.n_bytes);

    struct trivet_arena *arena = trivet_arena_create(1 << 16, 0);
    struct trivet_frame frame;
    ProtobufCMessage *header_back;
    ProtobufCMessage *body_back = NULL;
    assert_int_equal(trivet_frame_parse(golden.bytes, golden.n_bytes, &frame, NULL), TRIVET_OK);
    assert_int_equal(trivet_codec_unpack(header->descriptor, arena, frame.header,
                                         frame.header_bytes, &header_back, NULL),
                     TRIVET_OK);
    if (body) {
        assert_int_equal(trivet_codec_unpack(body->descriptor, arena, frame.body, frame.body_bytes,
                                             &body_back, NULL),
                         TRIVET_OK);
    } else {
        assert_int_equal(frame.body_bytes, 0);
    }
    memset(packed, 0, sizeof(packed));
    assert_int_equal(trivet_frame_pack(header_back, body_back, packed), golden.n_bytes);
    assert_memory_equal(packed, golden.bytes, golden.n_bytes);
    trivet_arena_free(arena);
}

static char method[] = "trivet.v1.Prediction/Predict";
static char model_name[] = "house-prices";
static char request_id[] = "req-1";
static char call_id[] = "call-7";
static char price[] = "price";

static void predict_request(void **state)
{
    (void)state;
    double values[] = {120.5, 4, -0.25, 1e300, 0, 0.1};
    char *outputs[] = {price};
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    Trivet__V1__ModelRef model = TRIVET__V1__MODEL_REF__INIT;
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    header.method = method;
    header.timeout_us = 250000;
    header.request_id = request_id;
    model.name = model_name;
    model.version = 3;
    matrix.rows = 2;
    matrix.cols = 3;
    matrix.f64 = values;
    matrix.n_f64 = 6;
    request.model = &model;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request.matrix = &matrix;
    request.outputs = outputs;
    request.n_outputs = 1;
    request.prediction_id = call_id;
    check_both_ways("predict_request", &header.base, &request.base);
}

static void predict_request_table(void **state)
{
    (void)state;
    double areas[] = {50, 75.5, 0};
    uint8_t nulls[] = {4};
    uint32_t codes[] = {1, 0, 1};
    char small[] = "klein";
    char big[] = "gro\xc3\x9f";
    char *dictionary[] = {small, big};
    char area_name[] = "area";
    char size_name[] = "Gr\xc3\xb6\xc3\x9f"
                       "e";
    char alias[] = "canary";
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    Trivet__V1__ModelRef model = TRIVET__V1__MODEL_REF__INIT;
    Trivet__V1__NumericColumn numeric = TRIVET__V1__NUMERIC_COLUMN__INIT;
    Trivet__V1__CategoricalColumn categorical = TRIVET__V1__CATEGORICAL_COLUMN__INIT;
    Trivet__V1__TableColumn area = TRIVET__V1__TABLE_COLUMN__INIT;
    Trivet__V1__TableColumn size = TRIVET__V1__TABLE_COLUMN__INIT;
    Trivet__V1__TableColumn *columns[] = {&area, &size};
    Trivet__V1__Table table = TRIVET__V1__TABLE__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    header.method = method;
    model.name = model_name;
    model.alias = alias;
    numeric.values = areas;
    numeric.n_values = 3;
    categorical.dictionary = dictionary;
    categorical.n_dictionary = 2;
    categorical.codes = codes;
    categorical.n_codes = 3;
    area.name = area_name;
    area.values_case = TRIVET__V1__TABLE_COLUMN__VALUES_NUMERIC;
    area.numeric = &numeric;
    area.null_bitmap = (ProtobufCBinaryData){.len = 1, .data = nulls};
    size.name = size_name;
    size.values_case = TRIVET__V1__TABLE_COLUMN__VALUES_CATEGORICAL;
    size.categorical = &categorical;
    table.rows = 3;
    table.columns = columns;
    table.n_columns = 2;
    request.model = &model;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_TABLE;
    request.table = &table;
    check_both_ways("predict_request_table", &header.base, &request.base);
}

static void predict_response(void **state)
{
    (void)state;
    float values[] = {250000.5F, NAN};
    char text[] = "column 'rooms' is NaN";
    Trivet__V1__Timings timings = TRIVET__V1__TIMINGS__INIT;
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    Trivet__V1__Output output = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&output};
    Trivet__V1__RowError row_error = TRIVET__V1__ROW_ERROR__INIT;
    Trivet__V1__RowError *row_errors[] = {&row_error};
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    timings.queue_us = 3;
    timings.compute_us = 12;
    timings.total_us = 40;
    header.timings = &timings;
    header.request_id = request_id;
    output.name = price;
    output.cols = 1;
    output.f32 = values;
    output.n_f32 = 2;
    row_error.row = 1;
    row_error.status = TRIVET__V1__STATUS__STATUS_INVALID_ARGUMENT;
    row_error.message = text;
    response.model = model_name;
    response.version = 3;
    response.prediction_id = call_id;
    response.rows = 2;
    response.outputs = outputs;
    response.n_outputs = 1;
    response.row_errors = row_errors;
    response.n_row_errors = 1;
    check_both_ways("predict_response", &header.base, &response.base);
}

static void error_response(void **state)
{
    (void)state;
    char text[] = "no model 'x'; train it first";
    char field[] = "model.name";
    char description[] = "unknown";
    Trivet__V1__Timings timings = TRIVET__V1__TIMINGS__INIT;
    Trivet__V1__FieldViolation violation = TRIVET__V1__FIELD_VIOLATION__INIT;
    Trivet__V1__FieldViolation *violations[] = {&violation};
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    timings.total_us = 5;
    violation.field = field;
    violation.description = description;
    header.status = TRIVET__V1__STATUS__STATUS_NOT_FOUND;
    header.message = text;
    header.violations = violations;
    header.n_violations = 1;
    header.timings = &timings;
    header.replayed = 1;
    check_both_ways("error_response", &header.base, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predict_request),
        cmocka_unit_test(predict_request_table),
        cmocka_unit_test(predict_response),
        cmocka_unit_test(error_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
