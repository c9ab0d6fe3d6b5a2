/* Frames of Predict calls taken apart and put together by hand, without an allocation: what the hot
 * path does for every call. Only the plain shape is taken, a matrix by a caller without a token;
 * every other frame is the codec's (wire/codec.h), which also words all refusals. What is taken
 * means exactly what the codec would have read, and a reply is byte for byte what it would pack. */
#ifndef TRIVET_WIRE_PREDICT_FRAME_H
#define TRIVET_WIRE_PREDICT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_PREDICT_METHOD         "trivet.v1.Prediction/Predict"
#define TRIVET_PREDICT_TEXT_BYTES_MAX 64

/* Not terminated. */
struct trivet_text_view {
    const char *data;
    size_t n_bytes;
};

/* Borrowed from the frame. */
struct trivet_predict_view {
    struct trivet_text_view request_id; /* ASCII, as all texts here */
    uint64_t timeout_us;
    struct trivet_text_view model;
    struct trivet_text_view alias;
    uint64_t version;
    struct trivet_text_view prediction_id;
    struct trivet_text_view key;
    uint32_t rows; /* at least 1 */
    uint32_t cols; /* at least 1 */
    bool single_precision;
    bool nan_is_missing;
    const uint8_t *values; /* (rows, cols) of double or float, of any alignment */
};

/* False: leave it to the codec; `out` is undefined then. Any thread. */
bool trivet_predict_frame_parse(const void *data, size_t n_bytes, struct trivet_predict_view *out);

/* Bytes of a reply that are the same for every call of a version; owned by who builds them. */
struct trivet_predict_output_parts {
    const uint8_t *head; /* name, cols */
    size_t head_bytes;
    const uint8_t *tail; /* dictionary, names of columns */
    size_t tail_bytes;
};

enum trivet_predict_values {
    TRIVET_PREDICT_F64,
    TRIVET_PREDICT_F32,
    TRIVET_PREDICT_CODES, /* indices into the dictionary */
};

struct trivet_predict_output {
    const struct trivet_predict_output_parts *parts;
    enum trivet_predict_values kind;
    const void *values; /* n_values of double, float or uint32_t */
    size_t n_values;    /* at least 1 */
};

struct trivet_predict_reply {
    struct trivet_text_view request_id;
    uint64_t queue_us;
    uint64_t compute_us;
    uint64_t total_us;
    const uint8_t *version_part; /* model and version, packed */
    size_t version_bytes;
    struct trivet_text_view prediction_id;
    uint32_t rows;
    const struct trivet_predict_output *outputs;
    size_t n_outputs;
};

/* Bytes of the whole frame. */
size_t trivet_predict_reply_bytes(const struct trivet_predict_reply *reply);
/* Writes them; returns their end. */
uint8_t *trivet_predict_reply_write(const struct trivet_predict_reply *reply, uint8_t *out);

#endif
