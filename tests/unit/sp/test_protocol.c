#include "base/alloc.h"
#include "sp/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MESSAGE_BYTES_MAX 1000
#define HEAD_BYTES        16

static const uint8_t req_hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static void hello(void **state)
{
    (void)state;
    uint8_t out[TRIVET_SP_HELLO_BYTES];
    uint16_t protocol = 0;
    trivet_sp_hello_write(TRIVET_SP_REQ, out);
    assert_memory_equal(out, req_hello, sizeof(out));
    assert_true(trivet_sp_hello_parse(out, &protocol));
    assert_int_equal(protocol, TRIVET_SP_REQ);
    trivet_sp_hello_write(0x1234, out);
    assert_true(trivet_sp_hello_parse(out, &protocol));
    assert_int_equal(protocol, 0x1234);
    const size_t fixed[] = {0, 1, 2, 3, 6, 7};
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        out[fixed[i]] ^= 1;
        assert_false(trivet_sp_hello_parse(out, &protocol));
        out[fixed[i]] ^= 1;
    }
}

static void prefix(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {0, 1, 255, 256, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t out[TRIVET_SP_PREFIX_BYTES_MAX];
        uint64_t length = 7;
        trivet_sp_prefix_write(TRIVET_SP_FRAMING_TCP, lengths[i], out);
        assert_true(trivet_sp_prefix_parse(TRIVET_SP_FRAMING_TCP, out, &length));
        assert_true(length == lengths[i]);
        trivet_sp_prefix_write(TRIVET_SP_FRAMING_IPC, lengths[i], out);
        assert_int_equal(out[0], 1);
        assert_true(trivet_sp_prefix_parse(TRIVET_SP_FRAMING_IPC, out, &length));
        assert_true(length == lengths[i]);
        out[0] = 2;
        assert_false(trivet_sp_prefix_parse(TRIVET_SP_FRAMING_IPC, out, &length));
    }
}

static void backtrace(void **state)
{
    (void)state;
    uint8_t payload[80] = {0};
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 0), 0);
    assert_int_equal(trivet_sp_backtrace_bytes(payload, sizeof(payload)), 0);
    payload[0] = 0x80;
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 3), 0);
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 4), 4);
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 80), 4);
    payload[0] = 0x7f;
    payload[56] = 0x80; /* the fifteenth word */
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 59), 0);
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 60), 60);
    payload[56] = 0;
    payload[60] = 0x80; /* one more than may be */
    assert_int_equal(trivet_sp_backtrace_bytes(payload, 80), 0);
}

/* --- the reader ------------------------------------------------------------------------------ */

/* A hello, then messages of these sizes; each byte is its number from the message's start. */
static size_t make_stream(enum trivet_sp_framing framing, const size_t *sizes, size_t n_sizes,
                          uint8_t *out)
{
    size_t at = sizeof(req_hello);
    memcpy(out, req_hello, at);
    for (size_t i = 0; i < n_sizes; i++) {
        trivet_sp_prefix_write(framing, sizes[i], out + at);
        at += trivet_sp_prefix_bytes(framing);
        for (size_t j = 0; j < sizes[i]; j++) {
            out[at++] = (uint8_t)j;
        }
    }
    return at;
}

static void check_message(struct trivet_sp_reader *reader, size_t expected_bytes)
{
    size_t n_bytes = 12345;
    uint8_t *block = trivet_sp_reader_take(reader, &n_bytes, &(size_t){0});
    assert_non_null(block);
    assert_int_equal(n_bytes, expected_bytes);
    memset(block, 0, HEAD_BYTES);
    for (size_t i = 0; i < n_bytes; i++) {
        assert_int_equal(block[HEAD_BYTES + i], (uint8_t)i);
    }
    trivet_free(block);
    assert_true(trivet_sp_reader_is_idle(reader));
    assert_int_equal(trivet_sp_reader_held_bytes(reader), 0);
}

/* The stream in pieces of `piece` bytes gives the same messages, whatever the pieces. */
static void read_in_pieces(enum trivet_sp_framing framing, size_t piece)
{
    static const size_t sizes[] = {0, 1, 4, 5, 511, 512, 0, MESSAGE_BYTES_MAX, 3};
    const size_t n_sizes = sizeof(sizes) / sizeof(sizes[0]);
    static uint8_t stream[4096];
    struct trivet_sp_reader reader;
    size_t n_messages = 0;
    size_t n_bytes = make_stream(framing, sizes, n_sizes, stream);
    trivet_sp_reader_init(&reader, framing, TRIVET_SP_REQ, MESSAGE_BYTES_MAX, HEAD_BYTES, NULL);
    assert_false(trivet_sp_reader_is_idle(&reader));
    for (size_t at = 0; at < n_bytes; at += piece) {
        const uint8_t *data = stream + at;
        size_t left = n_bytes - at < piece ? n_bytes - at : piece;
        while (left > 0) {
            enum trivet_sp_event event = trivet_sp_reader_next(&reader, &data, &left);
            assert_true(event == TRIVET_SP_MORE || event == TRIVET_SP_HELLO ||
                        event == TRIVET_SP_MESSAGE);
            if (event == TRIVET_SP_MESSAGE) {
                assert_true(n_messages < n_sizes);
                check_message(&reader, sizes[n_messages++]);
            }
        }
    }
    assert_int_equal(n_messages, n_sizes);
    assert_true(trivet_sp_reader_is_idle(&reader));
    trivet_sp_reader_release(&reader);
}

static void pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 64; piece++) {
        read_in_pieces(TRIVET_SP_FRAMING_TCP, piece);
        read_in_pieces(TRIVET_SP_FRAMING_IPC, piece);
    }
    read_in_pieces(TRIVET_SP_FRAMING_TCP, 4096);
    read_in_pieces(TRIVET_SP_FRAMING_IPC, 4096);
}

static enum trivet_sp_event last_event(const uint8_t *data, size_t n_bytes,
                                       enum trivet_sp_framing framing)
{
    struct trivet_sp_reader reader;
    enum trivet_sp_event event = TRIVET_SP_MORE;
    trivet_sp_reader_init(&reader, framing, TRIVET_SP_REQ, MESSAGE_BYTES_MAX, HEAD_BYTES, NULL);
    while (n_bytes > 0 && (event == TRIVET_SP_MORE || event == TRIVET_SP_HELLO)) {
        event = trivet_sp_reader_next(&reader, &data, &n_bytes);
    }
    trivet_sp_reader_release(&reader);
    return event;
}

static void wrong_streams(void **state)
{
    (void)state;
    uint8_t stream[64] = {0};
    memcpy(stream, req_hello, sizeof(req_hello));
    stream[5] = TRIVET_SP_SUB;
    assert_int_equal(last_event(stream, 8, TRIVET_SP_FRAMING_TCP), TRIVET_SP_WRONG);
    stream[5] = TRIVET_SP_REQ;
    assert_int_equal(last_event(stream, 7, TRIVET_SP_FRAMING_TCP), TRIVET_SP_MORE);
    assert_int_equal(last_event(stream, 8, TRIVET_SP_FRAMING_TCP), TRIVET_SP_HELLO);
    trivet_sp_prefix_write(TRIVET_SP_FRAMING_TCP, MESSAGE_BYTES_MAX, stream + 8);
    assert_int_equal(last_event(stream, 16, TRIVET_SP_FRAMING_TCP), TRIVET_SP_MORE);
    trivet_sp_prefix_write(TRIVET_SP_FRAMING_TCP, MESSAGE_BYTES_MAX + 1, stream + 8);
    assert_int_equal(last_event(stream, 16, TRIVET_SP_FRAMING_TCP), TRIVET_SP_WRONG);
    trivet_sp_prefix_write(TRIVET_SP_FRAMING_TCP, UINT64_MAX, stream + 8);
    assert_int_equal(last_event(stream, 16, TRIVET_SP_FRAMING_TCP), TRIVET_SP_WRONG);
    trivet_sp_prefix_write(TRIVET_SP_FRAMING_IPC, 0, stream + 8);
    assert_int_equal(last_event(stream, 17, TRIVET_SP_FRAMING_IPC), TRIVET_SP_MESSAGE);
    stream[8] = 0;
    assert_int_equal(last_event(stream, 17, TRIVET_SP_FRAMING_IPC), TRIVET_SP_WRONG);
}

/* A claim reserves nothing: what is held follows what has come. */
static void held_bytes(void **state)
{
    (void)state;
    const size_t claim = (size_t)1 << 30;
    static uint8_t bytes[4096];
    uint8_t head[16];
    struct trivet_sp_reader reader;
    const uint8_t *data = head;
    size_t left = sizeof(head);
    memcpy(head, req_hello, 8);
    trivet_sp_prefix_write(TRIVET_SP_FRAMING_TCP, claim, head + 8);
    trivet_sp_reader_init(&reader, TRIVET_SP_FRAMING_TCP, TRIVET_SP_REQ, claim, HEAD_BYTES, NULL);
    assert_int_equal(trivet_sp_reader_next(&reader, &data, &left), TRIVET_SP_HELLO);
    assert_int_equal(trivet_sp_reader_next(&reader, &data, &left), TRIVET_SP_MORE);
    assert_true(trivet_sp_reader_held_bytes(&reader) <= 4096);
    for (size_t sent = sizeof(bytes); sent < (1u << 20); sent += sizeof(bytes)) {
        data = bytes;
        left = sizeof(bytes);
        assert_int_equal(trivet_sp_reader_next(&reader, &data, &left), TRIVET_SP_MORE);
        assert_true(trivet_sp_reader_held_bytes(&reader) <= 2 * sent);
        size_t room_bytes = 0;
        bool has_room = trivet_sp_reader_room(&reader, &room_bytes) != NULL;
        assert_true(has_room == (sent >= (16u << 10)));
        assert_true(trivet_sp_reader_held_bytes(&reader) <= 2 * sent);
    }
    trivet_sp_reader_release(&reader);
    assert_int_equal(trivet_sp_reader_held_bytes(&reader), 0);
}

static void out_of_memory(void **state)
{
    (void)state;
    const size_t sizes[] = {MESSAGE_BYTES_MAX};
    uint8_t stream[MESSAGE_BYTES_MAX + 64];
    size_t n_bytes = make_stream(TRIVET_SP_FRAMING_TCP, sizes, 1, stream);
    trivet_alloc_fail_at(1);
    enum trivet_sp_event event = last_event(stream, n_bytes, TRIVET_SP_FRAMING_TCP);
    trivet_alloc_fail_at(0);
    assert_int_equal(event, TRIVET_SP_OUT_OF_MEMORY);
    assert_int_equal(last_event(stream, n_bytes, TRIVET_SP_FRAMING_TCP), TRIVET_SP_MESSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello),         cmocka_unit_test(prefix),
        cmocka_unit_test(backtrace),     cmocka_unit_test(pieces),
        cmocka_unit_test(wrong_streams), cmocka_unit_test(held_bytes),
        cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
