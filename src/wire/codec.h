/* protobuf-c under a byte budget. The generated messages are "trivet/v1/NAME.pb-c.h". */
#ifndef TRIVET_WIRE_CODEC_H
#define TRIVET_WIRE_CODEC_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"

#include <protobuf-c/protobuf-c.h>
#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* Unpack `data` into memory of `arena`; the message lives until the arena is reset and is never
 * freed itself. Refuses invalid UTF-8 in strings. On failure INVALID_ARGUMENT (malformed) or
 * RESOURCE_EXHAUSTED (the arena's budget is spent, or the message has so many tiny parts that it
 * would take far more memory and time than its bytes), and `*out` is untouched. */
enum trivet_status trivet_codec_unpack(const ProtobufCMessageDescriptor *type,
                                       struct trivet_arena *arena, const void *data, size_t n_bytes,
                                       ProtobufCMessage **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Append the packed message to `out`. */
enum trivet_status trivet_codec_pack(const ProtobufCMessage *message, struct trivet_buffer *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;

#endif
