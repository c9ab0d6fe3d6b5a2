#include "base/alloc.h"
#include "recursive.pb-c.h"
#include "trivet/v1/data.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define PREDICT (&trivet__v1__predict_request__descriptor)

static enum trivet_status unpack(const ProtobufCMessageDescriptor *type, const char *bytes,
                                 size_t n_bytes, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 1 << 12);
    ProtobufCMessage *message = NULL;
    enum trivet_status status = trivet_codec_unpack(type, arena, bytes, n_bytes, &message, err);
    assert_true((status == TRIVET_OK) == (message != NULL));
    trivet_arena_free(arena);
    return status;
}

static void a_message_comes_back(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static double values[COUNT];
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = (double)i / 7;
    }
    matrix.rows = 100;
    matrix.cols = 10;
    matrix.f64 = values;
    matrix.n_f64 = COUNT;
    request.matrix = &matrix;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    struct trivet_buffer packed = {0};
    assert_int_equal(trivet_codec_pack(&request.base, &packed, NULL), TRIVET_OK);

    struct trivet_arena *arena = trivet_arena_create(1 << 16, 1 << 12);
    ProtobufCMessage *message;
    assert_int_equal(
        trivet_codec_unpack(PREDICT, arena, packed.data, packed.n_bytes, &message, NULL),
        TRIVET_OK);
    const Trivet__V1__PredictRequest *back = (const Trivet__V1__PredictRequest *)message;
    assert_int_equal(back->rows_case, TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX);
    assert_int_equal(back->matrix->n_f64, COUNT);
    assert_memory_equal(back->matrix->f64, values, sizeof(values));
    assert_int_equal((uintptr_t)back->matrix->f64 % 64, 0);
    trivet_arena_free(arena);
    trivet_buffer_release(&packed);
}

static void nothing_is_an_empty_message(void **state)
{
    (void)state;
    assert_int_equal(unpack(PREDICT, NULL, 0, NULL), TRIVET_OK);
}

static void malformed_bytes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
    } rows[] = {
        {"\x0a\x05"
         "ab",
         4},                                                  /* cut */
        {"\x00\x01", 2},                                      /* field 0 */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x0f", 1},                                          /* wire type 7 */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11}, /* a key without an end */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a length of 2^64 - 1 */
        {"\x2a", 1},                                          /* a length is missing */
        {"\x28\x01", 2},                                      /* a string as a varint */
        {"\x08\x01", 2},                                      /* a message as a varint */
        {"\x12\x03\x1a\x01\x00", 5},                          /* a packed double of one byte */
        {"\x2d\x01\x02", 3},                                  /* a cut fixed32 */
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        struct trivet_error err;
        assert_int_equal(unpack(PREDICT, rows[i].bytes, rows[i].n_bytes, &err),
                         TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "trivet.v1.PredictRequest"));
    }
}

static void texts_must_be_utf8_everywhere(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
        const char *field;
    } rows[] = {
        {"\x2a\x01\xff", 3, "prediction_id"}, /* singular */
        {"\x22\x01"
         "a\x22\x01\x80",
         6, "outputs"},                                            /* repeated, the second */
        {"\x0a\x03\x0a\x01\xc0", 5, "name"},                       /* nested */
        {"\x1a\x05\x12\x03\x0a\x01\xff", 7, "name"},               /* in a oneof, two deep */
        {"\x1a\x07\x12\x05\x1a\x03\x0a\x01\xff", 9, "dictionary"}, /* repeated, three deep */
        {"\x2a\x03"
         "a\0b",
         5, "prediction_id"}, /* a NUL byte would cut it */
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        struct trivet_error err;
        assert_int_equal(unpack(PREDICT, rows[i].bytes, rows[i].n_bytes, &err),
                         TRIVET_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, rows[i].field));
        assert_int_equal(err.n_violations, 1);
        assert_string_equal(err.violations[0].field, rows[i].field);
    }
    assert_int_equal(unpack(PREDICT, "\x2a\x02\xc3\xa4", 4, NULL), TRIVET_OK);
    assert_int_equal(unpack(PREDICT, "\xfa\x07\x01\xff", 4, NULL), TRIVET_OK); /* unknown field */
}

static void a_spent_budget_is_not_the_senders_syntax(void **state)
{
    (void)state;
    /* 64 KiB of empty row sub-messages unpack into megabytes. */
    static char bytes[1 << 16];
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = 0x12;
    }
    struct trivet_error err;
    assert_int_equal(unpack(&trivet__v1__table__descriptor, bytes, sizeof(bytes), &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    assert_non_null(strstr(err.message, "send less"));
    assert_int_equal(unpack(&trivet__v1__table__descriptor, bytes, 200, &err), TRIVET_OK);
}

/* A part of a message again and again, with memory for all of it. */
static enum trivet_status unpack_many(const ProtobufCMessageDescriptor *type, const char *part,
                                      size_t part_bytes, size_t n_parts)
{
    uint8_t *bytes = trivet_malloc(n_parts * part_bytes);
    struct trivet_arena *arena = trivet_arena_create((size_t)1 << 30, 1 << 12);
    ProtobufCMessage *message = NULL;
    assert_non_null(bytes);
    assert_non_null(arena);
    for (size_t i = 0; i < n_parts; i++) {
        memcpy(bytes + i * part_bytes, part, part_bytes);
    }
    enum trivet_status status =
        trivet_codec_unpack(type, arena, bytes, n_parts * part_bytes, &message, NULL);
    trivet_arena_free(arena);
    trivet_free(bytes);
    return status;
}

static void tiny_parts_are_counted(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *table = &trivet__v1__table__descriptor;
    const enum trivet_status refused = TRIVET_RESOURCE_EXHAUSTED;
    assert_int_equal(unpack_many(table, "\x12\x00", 2, 20000), TRIVET_OK); /* empty columns */
    assert_int_equal(unpack_many(table, "\x12\x00", 2, 500000), refused);
    assert_int_equal(unpack_many(PREDICT, "\x22\x00", 2, 50000), TRIVET_OK); /* empty texts */
    assert_int_equal(unpack_many(PREDICT, "\x22\x00", 2, 500000), refused);
    assert_int_equal(unpack_many(PREDICT, "\x78\x00", 2, 50000), TRIVET_OK); /* unknown fields */
    assert_int_equal(unpack_many(PREDICT, "\x78\x00", 2, 500000), refused);
    assert_int_equal(unpack_many(PREDICT, "\x22\x02lo", 4, 1000000), TRIVET_OK);
    assert_int_equal(unpack_many(PREDICT, "\x22\x02lo", 4, 3000000), refused);
}

static void nesting_is_bounded_before_unpacking(void **state)
{
    (void)state;
    /* Each level wraps the one below: key, length, content. 50,000 levels fit no stack. */
    static uint8_t bytes[50000 * 4];
    for (size_t levels = 1; levels <= 50000; levels = levels < 40 ? levels + 1 : levels * 5) {
        size_t start = sizeof(bytes);
        for (size_t i = 0; i < levels; i++) {
            size_t length = sizeof(bytes) - start;
            uint8_t head[4] = {0x0a, (uint8_t)(length & 0x7f)};
            size_t head_bytes = 2;
            for (size_t rest = length >> 7; rest > 0; rest >>= 7) {
                head[head_bytes - 1] |= 0x80;
                head[head_bytes++] = (uint8_t)(rest & 0x7f);
            }
            start -= head_bytes;
            memcpy(bytes + start, head, head_bytes);
        }
        struct trivet_error err = {0};
        enum trivet_status status = unpack(&test__node__descriptor, (const char *)bytes + start,
                                           sizeof(bytes) - start, &err);
        if (levels < 32) {
            assert_int_equal(status, TRIVET_OK);
        } else {
            assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
            assert_non_null(strstr(err.message, "nested too deep"));
        }
    }
}

static void every_failing_allocation_is_a_status(void **state)
{
    (void)state;
    static const char bytes[] = "\x0a\x03\x0a\x01"
                                "m\x22\x01"
                                "a\x22\x01"
                                "b\x1a\x05\x12\x03\x0a\x01"
                                "c";
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    uint64_t k = 1;
    for (; status != TRIVET_OK; k++) {
        /* A budget of ever more pieces fails every allocation of the unpack in turn. */
        struct trivet_arena *arena = trivet_arena_create(16 * k, 0);
        ProtobufCMessage *message = NULL;
        assert_true(k < 1000);
        status = trivet_codec_unpack(PREDICT, arena, bytes, sizeof(bytes) - 1, &message, NULL);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_arena_free(arena);
    }
    assert_true(k > 4);

    struct trivet_arena *arena = trivet_arena_create(1 << 16, 0);
    ProtobufCMessage *message = NULL;
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_codec_unpack(PREDICT, arena, bytes, sizeof(bytes) - 1, &message, NULL),
                     TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
    assert_int_equal(trivet_codec_unpack(PREDICT, arena, bytes, sizeof(bytes) - 1, &message, NULL),
                     TRIVET_OK);
    struct trivet_buffer packed = {0};
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_codec_pack(message, &packed, NULL), TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
    trivet_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_back),
        cmocka_unit_test(nothing_is_an_empty_message),
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(texts_must_be_utf8_everywhere),
        cmocka_unit_test(a_spent_budget_is_not_the_senders_syntax),
        cmocka_unit_test(tiny_parts_are_counted),
        cmocka_unit_test(nesting_is_bounded_before_unpacking),
        cmocka_unit_test(every_failing_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
