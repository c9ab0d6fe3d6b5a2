/* Frames as a listener and a client get them, and events as a subscriber gets them. */
#include "contract/golden_file.h"
#include "fuzz/fuzz.h"
#include "trivet/v1/events.pb-c.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <string.h>

#define BUDGET_BYTES ((size_t)1 << 20)

/* What unpacks packs again, and that unpacks to the same bytes. */
static void check_message(const ProtobufCMessageDescriptor *type, const uint8_t *data,
                          size_t n_bytes)
{
    struct trivet_arena *arena = trivet_arena_create(BUDGET_BYTES, 4096);
    struct trivet_buffer first = {0};
    struct trivet_buffer second = {0};
    struct trivet_error err = {0};
    ProtobufCMessage *message = NULL;
    if (!arena) {
        return;
    }
    enum trivet_status status = trivet_codec_unpack(type, arena, data, n_bytes, &message, &err);
    FUZZ_REQUIRE(status == TRIVET_OK || status == TRIVET_INVALID_ARGUMENT ||
                 status == TRIVET_RESOURCE_EXHAUSTED);
    FUZZ_REQUIRE(status == TRIVET_OK || (status == err.status && err.message[0] != '\0'));
    if (status == TRIVET_OK && trivet_codec_pack(message, &first, NULL) == TRIVET_OK) {
        trivet_arena_reset(arena);
        status = trivet_codec_unpack(type, arena, first.data, first.n_bytes, &message, NULL);
        FUZZ_REQUIRE(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        if (status == TRIVET_OK && trivet_codec_pack(message, &second, NULL) == TRIVET_OK) {
            FUZZ_REQUIRE(first.n_bytes == second.n_bytes);
            FUZZ_REQUIRE(first.n_bytes == 0 || memcmp(first.data, second.data, first.n_bytes) == 0);
        }
    }
    trivet_buffer_release(&first);
    trivet_buffer_release(&second);
    trivet_arena_free(arena);
}

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    struct trivet_frame frame;
    struct trivet_error err = {0};
    if (trivet_frame_parse(data, n_bytes, &frame, &err) == TRIVET_OK) {
        FUZZ_REQUIRE(frame.header_bytes + frame.body_bytes + TRIVET_FRAME_PREFIX_BYTES == n_bytes);
        check_message(&trivet__v1__request_header__descriptor, frame.header, frame.header_bytes);
        check_message(&trivet__v1__response_header__descriptor, frame.header, frame.header_bytes);
        check_message(&trivet__v1__predict_request__descriptor, frame.body, frame.body_bytes);
        check_message(&trivet__v1__predict_response__descriptor, frame.body, frame.body_bytes);
        check_message(&trivet__v1__event__descriptor, frame.body, frame.body_bytes);
    }
    /* Not only behind a frame that is right. */
    check_message(&trivet__v1__predict_request__descriptor, data, n_bytes);
    check_message(&trivet__v1__event__descriptor, data, n_bytes);
    return 0;
}

static bool seed_event(struct trivet_buffer *out)
{
    uint32_t buckets[] = {5, 9, 40};
    uint64_t counts[] = {1, 2, 300};
    char model[] = "m";
    Trivet__V1__Histogram histogram = TRIVET__V1__HISTOGRAM__INIT;
    Trivet__V1__CodeCount code = TRIVET__V1__CODE_COUNT__INIT;
    Trivet__V1__CodeCount *codes[] = {&code};
    Trivet__V1__PredictionTotals totals = TRIVET__V1__PREDICTION_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    histogram.buckets = buckets;
    histogram.n_buckets = TRIVET_ARRAY_COUNT(buckets);
    histogram.counts = counts;
    histogram.n_counts = TRIVET_ARRAY_COUNT(counts);
    code.count = 303;
    totals.model = model;
    totals.version = 1;
    totals.calls = codes;
    totals.n_calls = 1;
    totals.total = &histogram;
    event.publisher_epoch = 12345;
    event.sequence = 7;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals;
    return trivet_codec_pack(&event.base, out, NULL) == TRIVET_OK;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    static const char *const names[] = {"predict_request", "predict_request_table",
                                        "predict_response", "error_response"};
    struct golden golden;
    if (index == 0) {
        return seed_event(out);
    }
    index--;
    size_t n_names = TRIVET_ARRAY_COUNT(names);
    if (index >= 2 * n_names || !golden_read(names[index % n_names], &golden)) {
        return false;
    }
    /* As a frame, and its body alone. */
    struct trivet_frame frame;
    if (trivet_frame_parse(golden.bytes, golden.n_bytes, &frame, NULL) != TRIVET_OK) {
        return false;
    }
    if (index < n_names) {
        return trivet_buffer_append(out, golden.bytes, golden.n_bytes, NULL) == TRIVET_OK;
    }
    return trivet_buffer_append(out, frame.body, frame.body_bytes, NULL) == TRIVET_OK;
}
