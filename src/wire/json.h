/* Messages as JSON: every field by its name in the contract. */
#ifndef TRIVET_WIRE_JSON_H
#define TRIVET_WIRE_JSON_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <protobuf-c/protobuf-c.h>
#include <trivet/error.h>

#include <stddef.h>

/* Append one object on one line. Scalars are always there, repeated fields are arrays, absent
 * messages are left out. Doubles are the shortest text that reads back equal (NaN and infinity:
 * null). Enums are their names without the type's prefix ("SUCCEEDED"). Integers beyond 2^53,
 * which a reader might round, are texts. Bytes are null. */
enum trivet_status trivet_wire_json_message(const ProtobufCMessage *message,
                                            struct trivet_buffer *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Append a text with its quotes. */
enum trivet_status trivet_wire_json_text(const char *text, struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_wire_json_double(double value, struct trivet_buffer *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Name of an enum's value without the prefix that all its names share; "?" when unknown. */
const char *trivet_wire_enum_name(const ProtobufCEnumDescriptor *type, int value);

#endif
