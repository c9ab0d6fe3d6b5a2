#include "wire/json.h"

#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Beyond it a reader that knows only doubles rounds. */
#define EXACT_INTEGER_MAX (1LL << 53)

const char *trivet_wire_enum_name(const ProtobufCEnumDescriptor *type, int value)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
    if (found == NULL) {
        return "?";
    }
    size_t shared = strlen(type->values[0].name);
    for (unsigned i = 1; i < type->n_values; i++) {
        size_t same = 0;
        while (same < shared && type->values[i].name[same] == type->values[0].name[same]) {
            same++;
        }
        shared = same;
    }
    while (shared > 0 && type->values[0].name[shared - 1] != '_') {
        shared--;
    }
    return found->name + shared;
}

enum trivet_status trivet_wire_json_text(const char *text, struct trivet_buffer *out,
                                         struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_append(out, "\"", 1, err);
    while (status == TRIVET_OK && text[0] != '\0') {
        size_t plain = 0;
        while ((unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        status = trivet_buffer_append(out, text, plain, err);
        text += plain;
        if (status == TRIVET_OK && text[0] != '\0') {
            bool quoted = text[0] == '"' || text[0] == '\\';
            status = quoted ? trivet_buffer_printf(out, err, "\\%c", text[0])
                            : trivet_buffer_printf(out, err, "\\u%04x", (unsigned)text[0]);
            text++;
        }
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "\"", 1, err) : status;
}

enum trivet_status trivet_wire_json_double(double value, struct trivet_buffer *out,
                                           struct trivet_error *err)
{
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    if (!isfinite(value)) {
        return trivet_buffer_append(out, "null", 4, err);
    }
    size_t n_bytes = trivet_text_double(value, text);
    return trivet_buffer_append(out, text, n_bytes, err);
}

static enum trivet_status append_signed(int64_t value, struct trivet_buffer *out,
                                        struct trivet_error *err)
{
    bool exact = value <= EXACT_INTEGER_MAX && value >= -EXACT_INTEGER_MAX;
    return trivet_buffer_printf(out, err, exact ? "%lld" : "\"%lld\"", (long long)value);
}

static enum trivet_status append_unsigned(uint64_t value, struct trivet_buffer *out,
                                          struct trivet_error *err)
{
    bool exact = value <= (uint64_t)EXACT_INTEGER_MAX;
    return trivet_buffer_printf(out, err, exact ? "%llu" : "\"%llu\"", (unsigned long long)value);
}

static size_t value_bytes(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* `at` points to a value of the field's type inside a message. */
static enum trivet_status append_value(const ProtobufCFieldDescriptor *field, const void *at,
                                       struct trivet_buffer *out, struct trivet_error *err)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return append_signed(*(const int32_t *)at, out, err);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return append_signed(*(const int64_t *)at, out, err);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return append_unsigned(*(const uint32_t *)at, out, err);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return append_unsigned(*(const uint64_t *)at, out, err);
    case PROTOBUF_C_TYPE_FLOAT:
        return trivet_wire_json_double((double)*(const float *)at, out, err);
    case PROTOBUF_C_TYPE_DOUBLE:
        return trivet_wire_json_double(*(const double *)at, out, err);
    case PROTOBUF_C_TYPE_BOOL:
        return trivet_buffer_printf(out, err, *(const protobuf_c_boolean *)at ? "true" : "false");
    case PROTOBUF_C_TYPE_ENUM:
        return trivet_wire_json_text(trivet_wire_enum_name(field->descriptor, *(const int *)at),
                                     out, err);
    case PROTOBUF_C_TYPE_STRING:
        return trivet_wire_json_text(*(char *const *)at != NULL ? *(char *const *)at : "", out,
                                     err);
    case PROTOBUF_C_TYPE_MESSAGE:
        return trivet_wire_json_message(*(ProtobufCMessage *const *)at, out, err);
    case PROTOBUF_C_TYPE_BYTES:
        break;
    }
    return trivet_buffer_append(out, "null", 4, err);
}

static enum trivet_status append_array(const ProtobufCFieldDescriptor *field,
                                       const ProtobufCMessage *message, struct trivet_buffer *out,
                                       struct trivet_error *err)
{
    const uint8_t *base = (const uint8_t *)message;
    size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
    const uint8_t *values = *(const uint8_t *const *)(const void *)(base + field->offset);
    size_t stride = value_bytes(field->type);
    enum trivet_status status = trivet_buffer_append(out, "[", 1, err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++) {
        if (i > 0) {
            status = trivet_buffer_append(out, ",", 1, err);
        }
        if (status == TRIVET_OK) {
            status = append_value(field, values + i * stride, out, err);
        }
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "]", 1, err) : status;
}

static bool is_present(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
    const uint8_t *base = (const uint8_t *)message;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        const void *chosen = base + field->quantifier_offset;
        if (*(const uint32_t *)chosen != field->id) {
            return false;
        }
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED) {
        const void *at = base + field->offset;
        return *(ProtobufCMessage *const *)at != NULL;
    }
    return true;
}

enum trivet_status trivet_wire_json_message(const ProtobufCMessage *message,
                                            struct trivet_buffer *out, struct trivet_error *err)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    enum trivet_status status = trivet_buffer_append(out, "{", 1, err);
    const char *separator = "";
    for (unsigned i = 0; status == TRIVET_OK && i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!is_present(field, message)) {
            continue;
        }
        status = trivet_buffer_printf(out, err, "%s\"%s\":", separator, field->name);
        separator = ",";
        if (status != TRIVET_OK) {
            break;
        }
        status = field->label == PROTOBUF_C_LABEL_REPEATED
                     ? append_array(field, message, out, err)
                     : append_value(field, (const uint8_t *)message + field->offset, out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "}", 1, err) : status;
}
