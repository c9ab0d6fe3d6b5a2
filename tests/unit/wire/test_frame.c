#include "base/alloc.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void a_frame_is_split(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 0, 2, 0, 'h', 'h', 'b', 'b', 'b'};
    struct trivet_frame frame;
    assert_int_equal(trivet_frame_parse(data, sizeof(data), &frame, NULL), TRIVET_OK);
    assert_ptr_equal(frame.header, data + 4);
    assert_int_equal(frame.header_bytes, 2);
    assert_ptr_equal(frame.body, data + 6);
    assert_int_equal(frame.body_bytes, 3);
    static const uint8_t empty[] = {1, 0, 0, 0};
    assert_int_equal(trivet_frame_parse(empty, sizeof(empty), &frame, NULL), TRIVET_OK);
    assert_int_equal(frame.header_bytes + frame.body_bytes, 0);
}

static void wrong_prefixes_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t prefix[4];
        const char *says;
    } rows[] = {
        {{0, 0, 0, 0}, "version 0"},
        {{2, 0, 0, 0}, "version 2"},
        {{1, 1, 0, 0}, "flags 0x01"},
        {{1, 0, 5, 0}, "5 bytes but only 4"},
        {{1, 0, 1, 16}, "4097 bytes is too long"},
        {{1, 0, 0xff, 0xff}, "65535 bytes is too long"},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        uint8_t data[8] = {0};
        struct trivet_frame frame = {.header_bytes = 77};
        struct trivet_error err;
        memcpy(data, rows[i].prefix, 4);
        assert_int_equal(trivet_frame_parse(data, sizeof(data), &frame, &err),
                         TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, rows[i].says));
        assert_int_equal(frame.header_bytes, 77);
    }
}

static void a_header_of_the_greatest_length_passes(void **state)
{
    (void)state;
    static uint8_t data[TRIVET_FRAME_PREFIX_BYTES + TRIVET_FRAME_HEADER_BYTES_MAX] = {1, 0, 0, 16};
    struct trivet_frame frame;
    assert_int_equal(trivet_frame_parse(data, sizeof(data), &frame, NULL), TRIVET_OK);
    assert_int_equal(frame.header_bytes, TRIVET_FRAME_HEADER_BYTES_MAX);
    assert_int_equal(frame.body_bytes, 0);
    assert_int_equal(trivet_frame_parse(data, sizeof(data) - 1, &frame, NULL),
                     TRIVET_INVALID_ARGUMENT);
}

static void every_truncation_is_refused_or_shortens_the_body(void **state)
{
    (void)state;
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    Trivet__V1__PredictRequest body = TRIVET__V1__PREDICT_REQUEST__INIT;
    char method[] = "trivet.v1.Prediction/Predict";
    char id[] = "call-1";
    header.method = method;
    body.prediction_id = id;
    size_t whole_bytes = trivet_frame_packed_bytes(&header.base, &body.base);
    uint8_t *whole = trivet_malloc(whole_bytes);
    assert_int_equal(trivet_frame_pack(&header.base, &body.base, whole), whole_bytes);
    size_t header_bytes = protobuf_c_message_get_packed_size(&header.base);
    for (size_t n_bytes = 0; n_bytes <= whole_bytes; n_bytes++) {
        uint8_t *cut = trivet_memdup(whole, n_bytes); /* its own end, for AddressSanitizer */
        struct trivet_frame frame;
        enum trivet_status status = trivet_frame_parse(cut, n_bytes, &frame, NULL);
        if (n_bytes < 4 + header_bytes) {
            assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
        } else {
            assert_int_equal(status, TRIVET_OK);
            assert_int_equal(frame.header_bytes, header_bytes);
            assert_int_equal(frame.body_bytes, n_bytes - 4 - header_bytes);
        }
        trivet_free(cut);
    }
    trivet_free(whole);
}

static void a_frame_needs_no_body(void **state)
{
    (void)state;
    Trivet__V1__ResponseHeader header = TRIVET__V1__RESPONSE_HEADER__INIT;
    uint8_t data[4];
    assert_int_equal(trivet_frame_packed_bytes(&header.base, NULL), 4);
    assert_int_equal(trivet_frame_pack(&header.base, NULL, data), 4);
    assert_memory_equal(data, "\1\0\0\0", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_split),
        cmocka_unit_test(wrong_prefixes_are_refused),
        cmocka_unit_test(a_header_of_the_greatest_length_passes),
        cmocka_unit_test(every_truncation_is_refused_or_shortens_the_body),
        cmocka_unit_test(a_frame_needs_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
