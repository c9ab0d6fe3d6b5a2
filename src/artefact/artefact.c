/* Layout: "TRIVET\0", the format byte, SHA-256 of what follows, a packed Artefact. */
#include "artefact/artefact.h"

#include "artefact/check.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "wire/codec.h"

#include <stdint.h>
#include <string.h>

#define MAGIC_BYTES   7
#define FORMAT_OFFSET MAGIC_BYTES
#define HASH_OFFSET   (FORMAT_OFFSET + 1)
#define HEADER_BYTES  (HASH_OFFSET + TRIVET_SHA256_BYTES)
#define FORMAT        1

/* A message of small parts takes many times its packed size in memory (a named parameter of 8 bytes
 * becomes 88), one of tensors about the same. */
#define MEMORY_PER_BYTE  32
#define MEMORY_BYTES_MIN ((size_t)256 << 10)
#define MEMORY_BYTES_MAX ((size_t)2 << 30)
#define ARENA_KEEP_BYTES 4096

static const uint8_t magic[MAGIC_BYTES] = {'T', 'R', 'I', 'V', 'E', 'T', 0};

static enum trivet_status append_parts(const Trivet__V1__Artefact *message,
                                       struct trivet_buffer *out, struct trivet_error *err)
{
    const size_t start = out->n_bytes;
    uint8_t header[HEADER_BYTES] = {0};
    memcpy(header, magic, MAGIC_BYTES);
    header[FORMAT_OFFSET] = FORMAT;
    enum trivet_status status = trivet_buffer_append(out, header, sizeof header, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, out, err);
    }
    if (status == TRIVET_OK) {
        uint8_t *data = out->data + start;
        status = trivet_sha256_of(data + HEADER_BYTES, out->n_bytes - start - HEADER_BYTES,
                                  data + HASH_OFFSET, err);
    }
    return status;
}

enum trivet_status trivet_artefact_encode(const Trivet__V1__Artefact *message,
                                          struct trivet_buffer *out, struct trivet_error *err)
{
    const size_t packed_bytes = protobuf_c_message_get_packed_size(&message->base);
    if (packed_bytes > TRIVET_ARTEFACT_BYTES_MAX - HEADER_BYTES) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "the model takes %zu bytes, at most %zu can be kept; use fewer "
                                "features or a smaller model",
                                packed_bytes, (size_t)TRIVET_ARTEFACT_BYTES_MAX - HEADER_BYTES);
    }
    const size_t start = out->n_bytes;
    const enum trivet_status status = append_parts(message, out, err);
    if (status != TRIVET_OK) {
        out->n_bytes = start;
    }
    return status;
}

static enum trivet_status check_header(const uint8_t *data, size_t n_bytes,
                                       struct trivet_error *err)
{
    if (n_bytes < HEADER_BYTES || memcmp(data, magic, MAGIC_BYTES) != 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "these %zu bytes are no Trivet artefact: the header is not there",
                                n_bytes);
    }
    if (n_bytes > TRIVET_ARTEFACT_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the artefact has %zu bytes, more than the limit of %zu", n_bytes,
                                (size_t)TRIVET_ARTEFACT_BYTES_MAX);
    }
    const unsigned format = data[FORMAT_OFFSET];
    if (format > FORMAT) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the artefact has format %u, this version reads up to %u; use a "
                                "newer Trivet",
                                format, FORMAT);
    }
    if (format == 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the artefact has no format number");
    }
    uint8_t digest[TRIVET_SHA256_BYTES];
    const enum trivet_status status =
        trivet_sha256_of(data + HEADER_BYTES, n_bytes - HEADER_BYTES, digest, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (memcmp(digest, data + HASH_OFFSET, sizeof digest) != 0) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the artefact's checksum does not match its content: it was cut or "
                                "changed; take it from a backup or train again");
    }
    return TRIVET_OK;
}

static size_t memory_budget(size_t n_bytes)
{
    if (n_bytes > MEMORY_BYTES_MAX / MEMORY_PER_BYTE) {
        return MEMORY_BYTES_MAX;
    }
    const size_t bytes = n_bytes * MEMORY_PER_BYTE;
    return bytes < MEMORY_BYTES_MIN ? MEMORY_BYTES_MIN : bytes;
}

static enum trivet_status unpack(const uint8_t *data, size_t n_bytes, struct trivet_arena *arena,
                                 const Trivet__V1__Artefact **out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    enum trivet_status status =
        trivet_codec_unpack(&trivet__v1__artefact__descriptor, arena, data + HEADER_BYTES,
                            n_bytes - HEADER_BYTES, &message, err);
    if (status == TRIVET_INVALID_ARGUMENT) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the artefact's content cannot be read though its checksum is "
                                "right: it was not written by Trivet");
    }
    if (status == TRIVET_OK) {
        *out = (const Trivet__V1__Artefact *)message;
    }
    return status;
}

enum trivet_status trivet_artefact_decode(const void *data, size_t n_bytes,
                                          struct trivet_artefact **out, struct trivet_error *err)
{
    enum trivet_status status = check_header(data, n_bytes, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_artefact *artefact = trivet_calloc(1, sizeof *artefact);
    if (artefact != NULL) {
        artefact->arena = trivet_arena_create(memory_budget(n_bytes), ARENA_KEEP_BYTES);
    }
    if (artefact == NULL || artefact->arena == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory while an artefact is loaded");
        goto done;
    }
    artefact->n_bytes = n_bytes;
    status = unpack(data, n_bytes, artefact->arena, &artefact->message, err);
    if (status == TRIVET_OK) {
        status = trivet_artefact_check_parts(artefact->message, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_pipeline_load(artefact->message->pipeline, &artefact->pipeline, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_artefact_check_fit(artefact->message, artefact->pipeline, artefact->arena, err);
    }
    if (status == TRIVET_OK) {
        *out = artefact;
        artefact = NULL;
    }
done:
    trivet_artefact_free(artefact);
    return status;
}

void trivet_artefact_free(struct trivet_artefact *artefact)
{
    if (artefact == NULL) {
        return;
    }
    trivet_pipeline_free(artefact->pipeline);
    trivet_arena_free(artefact->arena);
    trivet_free(artefact);
}
