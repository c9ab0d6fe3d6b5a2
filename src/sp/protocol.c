#include "sp/protocol.h"

#include "base/alloc.h"

#include <assert.h>
#include <string.h>

#define WORD_BYTES          4
#define IPC_MESSAGE         1
#define PAYLOAD_BYTES_FIRST 1024 /* first memory of a message that is not wholly there */
#define READ_BYTES_MIN      ((size_t)16 << 10) /* worth a read to its place */

void trivet_sp_hello_write(uint16_t protocol, uint8_t out[TRIVET_SP_HELLO_BYTES])
{
    const uint8_t hello[TRIVET_SP_HELLO_BYTES] = {
        0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0,
    };
    memcpy(out, hello, sizeof(hello));
}

bool trivet_sp_hello_parse(const uint8_t hello[TRIVET_SP_HELLO_BYTES], uint16_t *protocol)
{
    static const uint8_t magic[] = {0, 'S', 'P', 0};
    if (memcmp(hello, magic, sizeof(magic)) != 0 || hello[6] != 0 || hello[7] != 0) {
        return false;
    }
    *protocol = (uint16_t)(hello[4] << 8 | hello[5]);
    return true;
}

size_t trivet_sp_prefix_bytes(enum trivet_sp_framing framing)
{
    return framing == TRIVET_SP_FRAMING_IPC ? 9 : 8;
}

void trivet_sp_prefix_write(enum trivet_sp_framing framing, uint64_t payload_bytes, uint8_t *out)
{
    if (framing == TRIVET_SP_FRAMING_IPC) {
        *out++ = IPC_MESSAGE;
    }
    for (int shift = 56; shift >= 0; shift -= 8) {
        *out++ = (uint8_t)(payload_bytes >> shift);
    }
}

bool trivet_sp_prefix_parse(enum trivet_sp_framing framing, const uint8_t *prefix,
                            uint64_t *payload_bytes)
{
    if (framing == TRIVET_SP_FRAMING_IPC && *prefix++ != IPC_MESSAGE) {
        return false;
    }
    uint64_t length = 0;
    for (int i = 0; i < 8; i++) {
        length = length << 8 | prefix[i];
    }
    *payload_bytes = length;
    return true;
}

size_t trivet_sp_backtrace_bytes(const uint8_t *payload, size_t n_bytes)
{
    size_t at = 0;
    for (int i = 0; i < TRIVET_SP_BACKTRACE_WORDS_MAX && n_bytes - at >= WORD_BYTES; i++) {
        bool last = (payload[at] & 0x80) != 0;
        at += WORD_BYTES;
        if (last) {
            return at;
        }
    }
    return 0;
}

/* --- spare blocks ---------------------------------------------------------------------------- */

void trivet_sp_spares_put(struct trivet_sp_spares *spares, void *block, size_t n_bytes)
{
    bool fits = n_bytes >= TRIVET_SP_SPARE_BYTES_MIN && n_bytes <= TRIVET_SP_SPARE_BYTES_MAX;
    for (int i = 0; fits && i < TRIVET_SP_SPARES; i++) {
        if (spares->blocks[i] == NULL) {
            spares->blocks[i] = block;
            spares->block_bytes[i] = n_bytes;
            return;
        }
    }
    trivet_free(block);
}

void trivet_sp_spares_release(struct trivet_sp_spares *spares)
{
    for (int i = 0; i < TRIVET_SP_SPARES; i++) {
        trivet_free(spares->blocks[i]);
        spares->blocks[i] = NULL;
    }
}

/* A block of at least `wanted` bytes, or NULL; no small message takes a large block away. */
static void *take_spare(struct trivet_sp_spares *spares, size_t wanted, size_t *block_bytes)
{
    for (int i = 0; wanted >= TRIVET_SP_SPARE_BYTES_MIN && i < TRIVET_SP_SPARES; i++) {
        void *block = spares->blocks[i];
        if (block != NULL && spares->block_bytes[i] >= wanted) {
            spares->blocks[i] = NULL;
            *block_bytes = spares->block_bytes[i];
            return block;
        }
    }
    return NULL;
}

/* --- the reader ------------------------------------------------------------------------------ */

void trivet_sp_reader_init(struct trivet_sp_reader *reader, enum trivet_sp_framing framing,
                           uint16_t peer_protocol, size_t message_bytes_max, size_t head_bytes,
                           struct trivet_sp_spares *spares)
{
    *reader = (struct trivet_sp_reader){
        .spares = spares,
        .framing = framing,
        .peer_protocol = peer_protocol,
        .message_bytes_max = message_bytes_max,
        .head_bytes = head_bytes,
    };
}

void trivet_sp_reader_release(struct trivet_sp_reader *reader)
{
    trivet_free(reader->block);
    reader->block = NULL;
    reader->capacity = 0;
}

/* True when the hello or prefix is whole. */
static bool fill_prefix(struct trivet_sp_reader *reader, size_t wanted, const uint8_t **data,
                        size_t *n_bytes)
{
    size_t missing = wanted - reader->prefix_bytes;
    size_t taken = *n_bytes < missing ? *n_bytes : missing;
    memcpy(reader->prefix + reader->prefix_bytes, *data, taken);
    reader->prefix_bytes += taken;
    *data += taken;
    *n_bytes -= taken;
    return reader->prefix_bytes == wanted;
}

static enum trivet_sp_event read_hello(struct trivet_sp_reader *reader, const uint8_t **data,
                                       size_t *n_bytes)
{
    if (!fill_prefix(reader, TRIVET_SP_HELLO_BYTES, data, n_bytes)) {
        return TRIVET_SP_MORE;
    }
    uint16_t protocol;
    if (!trivet_sp_hello_parse(reader->prefix, &protocol) || protocol != reader->peer_protocol) {
        return TRIVET_SP_WRONG;
    }
    reader->greeted = true;
    reader->prefix_bytes = 0;
    return TRIVET_SP_HELLO;
}

static bool grow(struct trivet_sp_reader *reader, size_t capacity)
{
    uint8_t *block = trivet_realloc(reader->block, reader->head_bytes + capacity);
    if (block == NULL) {
        return false;
    }
    reader->block = block;
    reader->capacity = capacity;
    return true;
}

/* Room for the bytes that are there, doubling while more come. */
static bool make_room(struct trivet_sp_reader *reader, size_t there_bytes)
{
    size_t wanted = reader->n_bytes + there_bytes;
    if (reader->block != NULL && wanted <= reader->capacity) {
        return true;
    }
    size_t block_bytes;
    if (reader->block == NULL && reader->spares != NULL) {
        reader->block =
            take_spare(reader->spares, reader->head_bytes + reader->payload_bytes, &block_bytes);
        if (reader->block != NULL) {
            reader->capacity = block_bytes - reader->head_bytes;
            return true;
        }
    }
    size_t capacity = wanted < PAYLOAD_BYTES_FIRST / 2 ? PAYLOAD_BYTES_FIRST : wanted * 2;
    if (capacity > reader->payload_bytes || wanted == reader->payload_bytes) {
        capacity = reader->payload_bytes;
    }
    return grow(reader, capacity);
}

static enum trivet_sp_event begin_payload(struct trivet_sp_reader *reader)
{
    uint64_t payload_bytes;
    if (!trivet_sp_prefix_parse(reader->framing, reader->prefix, &payload_bytes) ||
        payload_bytes > reader->message_bytes_max) {
        return TRIVET_SP_WRONG;
    }
    reader->prefix_bytes = 0;
    reader->payload_bytes = (size_t)payload_bytes;
    reader->n_bytes = 0;
    reader->in_payload = true;
    return TRIVET_SP_MORE;
}

static enum trivet_sp_event read_payload(struct trivet_sp_reader *reader, const uint8_t **data,
                                         size_t *n_bytes)
{
    size_t missing = reader->payload_bytes - reader->n_bytes;
    size_t taken = *n_bytes < missing ? *n_bytes : missing;
    if (!make_room(reader, taken)) {
        return TRIVET_SP_OUT_OF_MEMORY;
    }
    if (taken > 0) {
        memcpy(reader->block + reader->head_bytes + reader->n_bytes, *data, taken);
    }
    reader->n_bytes += taken;
    *data += taken;
    *n_bytes -= taken;
    return reader->n_bytes == reader->payload_bytes ? TRIVET_SP_MESSAGE : TRIVET_SP_MORE;
}

uint8_t *trivet_sp_reader_room(struct trivet_sp_reader *reader, size_t *n_bytes)
{
    size_t missing = reader->payload_bytes - reader->n_bytes;
    if (!reader->in_payload || missing < READ_BYTES_MIN || reader->n_bytes < READ_BYTES_MIN) {
        return NULL;
    }
    if (reader->capacity - reader->n_bytes < READ_BYTES_MIN &&
        !grow(reader, reader->n_bytes < missing ? 2 * reader->n_bytes : reader->payload_bytes)) {
        return NULL;
    }
    size_t room = reader->capacity - reader->n_bytes;
    *n_bytes = room < missing ? room : missing;
    return reader->block + reader->head_bytes + reader->n_bytes;
}

enum trivet_sp_event trivet_sp_reader_filled(struct trivet_sp_reader *reader, size_t n_bytes)
{
    assert(n_bytes <= reader->payload_bytes - reader->n_bytes);
    reader->n_bytes += n_bytes;
    return reader->n_bytes == reader->payload_bytes ? TRIVET_SP_MESSAGE : TRIVET_SP_MORE;
}

enum trivet_sp_event trivet_sp_reader_next(struct trivet_sp_reader *reader, const uint8_t **data,
                                           size_t *n_bytes)
{
    if (!reader->greeted) {
        return read_hello(reader, data, n_bytes);
    }
    if (!reader->in_payload) {
        if (!fill_prefix(reader, trivet_sp_prefix_bytes(reader->framing), data, n_bytes)) {
            return TRIVET_SP_MORE;
        }
        if (begin_payload(reader) != TRIVET_SP_MORE) {
            return TRIVET_SP_WRONG;
        }
    }
    return read_payload(reader, data, n_bytes);
}

void *trivet_sp_reader_take(struct trivet_sp_reader *reader, size_t *payload_bytes,
                            size_t *block_bytes)
{
    assert(reader->in_payload && reader->n_bytes == reader->payload_bytes);
    void *block = reader->block;
    *block_bytes = reader->head_bytes + reader->capacity;
    *payload_bytes = reader->payload_bytes;
    reader->block = NULL;
    reader->capacity = 0;
    reader->in_payload = false;
    return block;
}

bool trivet_sp_reader_is_idle(const struct trivet_sp_reader *reader)
{
    return reader->greeted && !reader->in_payload && reader->prefix_bytes == 0;
}

size_t trivet_sp_reader_held_bytes(const struct trivet_sp_reader *reader)
{
    return reader->capacity;
}
