/* A reply to Predict taken apart where it lies: the few fields that are checked. Written for speed,
 * apart from the generated code, so that the load generator is no slower than what it measures. */
#ifndef TESTS_BENCH_REPLY_H
#define TESTS_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply {
    uint64_t status;
    const char *message; /* no NUL */
    size_t message_bytes;
    uint64_t version;
    const uint8_t *values; /* doubles of the output "prediction" or "probabilities", unaligned */
    size_t n_values;
    bool has_row_errors;
};

/* `frame`: the payload of the SP message after its request id. `out` is zeroed before. False when
 * it is no frame of a ResponseHeader and a PredictResponse. */
bool reply_parse(const uint8_t *frame, size_t n_bytes, struct reply *out);

#endif
