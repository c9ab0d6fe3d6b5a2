/* What a peer of the listener sends: the same messages come out of a stream however it is cut. */
#include "base/alloc.h"
#include "fuzz/fuzz.h"
#include "sp/protocol.h"

#include <string.h>

#define MESSAGE_BYTES_MAX ((size_t)1 << 16)
#define HEAD_BYTES        24

/* What happened in a stream, as one number, and what it left. */
struct outcome {
    uint64_t events; /* hash of every event and message */
    bool broken;
    bool out_of_memory;
};

static void note(struct outcome *outcome, const uint8_t *data, size_t n_bytes)
{
    uint64_t hash = (outcome->events ^ n_bytes) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    }
    outcome->events = hash;
}

static void take_message(struct trivet_sp_reader *reader, struct outcome *outcome)
{
    size_t payload_bytes;
    uint8_t *block = trivet_sp_reader_take(reader, &payload_bytes, &(size_t){0});
    FUZZ_REQUIRE(block != NULL && payload_bytes <= MESSAGE_BYTES_MAX);
    memset(block, 0, HEAD_BYTES);
    const uint8_t *payload = block + HEAD_BYTES;
    note(outcome, payload, payload_bytes);
    size_t backtrace_bytes = trivet_sp_backtrace_bytes(payload, payload_bytes);
    FUZZ_REQUIRE(backtrace_bytes % 4 == 0 && backtrace_bytes <= payload_bytes);
    FUZZ_REQUIRE(backtrace_bytes <= 4u * TRIVET_SP_BACKTRACE_WORDS_MAX);
    for (size_t i = 0; i + 4 < backtrace_bytes; i += 4) {
        FUZZ_REQUIRE((payload[i] & 0x80) == 0);
    }
    FUZZ_REQUIRE(backtrace_bytes == 0 || (payload[backtrace_bytes - 4] & 0x80) != 0);
    trivet_free(block);
}

/* The stream in pieces of `piece` bytes. */
static struct outcome read_stream(const uint8_t *data, size_t n_bytes,
                                  enum trivet_sp_framing framing, size_t piece)
{
    struct outcome outcome = {0};
    struct trivet_sp_reader reader;
    trivet_sp_reader_init(&reader, framing, TRIVET_SP_REQ, MESSAGE_BYTES_MAX, HEAD_BYTES, NULL);
    for (size_t at = 0; at < n_bytes && !outcome.broken; at += piece) {
        const uint8_t *input = data + at;
        size_t left = n_bytes - at < piece ? n_bytes - at : piece;
        while (left > 0 && !outcome.broken) {
            size_t before = left;
            enum trivet_sp_event event = trivet_sp_reader_next(&reader, &input, &left);
            FUZZ_REQUIRE(left < before);
            FUZZ_REQUIRE(event != TRIVET_SP_MORE || left == 0);
            FUZZ_REQUIRE(trivet_sp_reader_held_bytes(&reader) <= 2 * n_bytes + 1024);
            if (event == TRIVET_SP_MESSAGE) {
                take_message(&reader, &outcome);
            }
            outcome.out_of_memory = event == TRIVET_SP_OUT_OF_MEMORY;
            outcome.broken = event == TRIVET_SP_WRONG || outcome.out_of_memory;
        }
    }
    trivet_sp_reader_release(&reader);
    return outcome;
}

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes < 2) {
        return 0;
    }
    enum trivet_sp_framing framing =
        (data[0] & 1) != 0 ? TRIVET_SP_FRAMING_IPC : TRIVET_SP_FRAMING_TCP;
    size_t piece = data[1] % 64 + 1u;
    data += 2;
    n_bytes -= 2;
    struct outcome whole = read_stream(data, n_bytes, framing, n_bytes + 1);
    struct outcome parts = read_stream(data, n_bytes, framing, piece);
    FUZZ_REQUIRE(whole.out_of_memory || parts.out_of_memory ||
                 (whole.events == parts.events && whole.broken == parts.broken));
    return 0;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    static const char payload[] = "\0\0\0\1\x80\0\0\7hello, a body of some length";
    if (index >= 4) {
        return false;
    }
    enum trivet_sp_framing framing =
        (index & 1) != 0 ? TRIVET_SP_FRAMING_IPC : TRIVET_SP_FRAMING_TCP;
    uint8_t bytes[256] = {(uint8_t)index, (uint8_t)(index * 7)};
    size_t at = 2;
    trivet_sp_hello_write(TRIVET_SP_REQ, bytes + at);
    at += TRIVET_SP_HELLO_BYTES;
    for (size_t i = 0; i < 3; i++) {
        size_t payload_bytes = sizeof(payload) - 1 - i * 8;
        trivet_sp_prefix_write(framing, payload_bytes, bytes + at);
        at += trivet_sp_prefix_bytes(framing);
        memcpy(bytes + at, payload + i * 4, payload_bytes);
        at += payload_bytes;
    }
    return trivet_buffer_append(out, bytes, at, NULL) == TRIVET_OK;
}
