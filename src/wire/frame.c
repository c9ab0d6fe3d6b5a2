#include "wire/frame.h"

enum trivet_status trivet_frame_parse(const void *data, size_t n_bytes, struct trivet_frame *out,
                                      struct trivet_error *err)
{
    const uint8_t *bytes = data;
    if (n_bytes < TRIVET_FRAME_PREFIX_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a frame of %zu bytes is too short: it begins with version, flags "
                                "and header length (%d bytes)",
                                n_bytes, TRIVET_FRAME_PREFIX_BYTES);
    }
    if (bytes[0] != TRIVET_FRAME_VERSION) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "frame version %u is not known; send version %d", bytes[0],
                                TRIVET_FRAME_VERSION);
    }
    if (bytes[1] != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "frame flags 0x%02x are not known; send 0", bytes[1]);
    }
    size_t header_bytes = (size_t)bytes[2] | (size_t)bytes[3] << 8;
    size_t rest_bytes = n_bytes - TRIVET_FRAME_PREFIX_BYTES;
    if (header_bytes > TRIVET_FRAME_HEADER_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a frame header of %zu bytes is too long; at most %d", header_bytes,
                                TRIVET_FRAME_HEADER_BYTES_MAX);
    }
    if (header_bytes > rest_bytes) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the frame claims a header of %zu bytes but only %zu follow: it "
                                "was cut, or the length is wrong (little-endian)",
                                header_bytes, rest_bytes);
    }
    *out = (struct trivet_frame){
        .header = bytes + TRIVET_FRAME_PREFIX_BYTES,
        .header_bytes = header_bytes,
        .body = bytes + TRIVET_FRAME_PREFIX_BYTES + header_bytes,
        .body_bytes = rest_bytes - header_bytes,
    };
    return TRIVET_OK;
}

size_t trivet_frame_packed_bytes(const ProtobufCMessage *header, const ProtobufCMessage *body)
{
    return TRIVET_FRAME_PREFIX_BYTES + protobuf_c_message_get_packed_size(header) +
           (body ? protobuf_c_message_get_packed_size(body) : 0);
}

size_t trivet_frame_pack(const ProtobufCMessage *header, const ProtobufCMessage *body, uint8_t *out)
{
    size_t header_bytes = protobuf_c_message_pack(header, out + TRIVET_FRAME_PREFIX_BYTES);
    out[0] = TRIVET_FRAME_VERSION;
    out[1] = 0;
    out[2] = (uint8_t)(header_bytes & 0xff);
    out[3] = (uint8_t)(header_bytes >> 8);
    size_t n_bytes = TRIVET_FRAME_PREFIX_BYTES + header_bytes;
    if (body) {
        n_bytes += protobuf_c_message_pack(body, out + n_bytes);
    }
    return n_bytes;
}
