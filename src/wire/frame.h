/* The frame: version, flags, header length, header, body. See proto/trivet/v1/frame.proto. */
#ifndef TRIVET_WIRE_FRAME_H
#define TRIVET_WIRE_FRAME_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <protobuf-c/protobuf-c.h>
#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_FRAME_VERSION          1
#define TRIVET_FRAME_PREFIX_BYTES     4
#define TRIVET_FRAME_HEADER_BYTES_MAX 4096

/* Borrowed views into a received message. */
struct trivet_frame {
    const uint8_t *header;
    size_t header_bytes;
    const uint8_t *body;
    size_t body_bytes;
};

/* Split `data`. INVALID_ARGUMENT when it is too short, of another version, has flags set, or
 * claims a longer header than there is. Any thread. */
enum trivet_status trivet_frame_parse(const void *data, size_t n_bytes, struct trivet_frame *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Bytes that trivet_frame_pack will write; `body` may be NULL (no body). */
size_t trivet_frame_packed_bytes(const ProtobufCMessage *header, const ProtobufCMessage *body);
/* Write the frame to `out`, which has trivet_frame_packed_bytes; returns their number. The packed
 * header must not exceed TRIVET_FRAME_HEADER_BYTES_MAX (the caller bounds its texts). */
size_t trivet_frame_pack(const ProtobufCMessage *header, const ProtobufCMessage *body,
                         uint8_t *out);

#endif
