/* Before protobuf-c sees a message, the raw bytes are walked by the descriptor: nesting is bounded
 * while nothing has been unpacked yet (protobuf-c recurses without a limit), and every string is
 * checked for UTF-8 and for NUL bytes, which could not be seen afterwards: unpacked strings have no
 * length. Packed arrays and bytes are skipped over, so that a large matrix costs nothing here.
 *
 * The parts are counted by the memory and time that they will take: two bytes can stand for a
 * message of a hundred, and millions of them would hold up a thread for seconds. */
#include "wire/codec.h"

#include "base/text.h"

#include <string.h>

/* The contract nests 7 deep and has no recursive messages. */
#define DEPTH_MAX 32

/* What parts of any message may take, and for each of its bytes more. Texts of two letters, one
 * after the other, are within that. */
#define COST_BASE     ((size_t)8 << 20)
#define COST_PER_BYTE 16
/* About what protobuf-c takes for a field while it unpacks, and for its text or message then. */
#define FIELD_COST   48
#define UNKNOWN_COST 80
#define PARTS_MAX    ((size_t)2 << 20)

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_FIXED32 = 5,
};

struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct reader *reader, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* The content of a field: for WIRE_BYTES without its length. False when it is cut. */
static bool read_content(struct reader *reader, unsigned type, struct reader *content)
{
    uint64_t n_bytes;
    content->at = reader->at;
    if (type == WIRE_VARINT) {
        if (!read_varint(reader, &n_bytes)) {
            return false;
        }
        content->end = reader->at;
        return true;
    }
    if (type == WIRE_FIXED64) {
        n_bytes = 8;
    } else if (type == WIRE_FIXED32) {
        n_bytes = 4;
    } else if (type != WIRE_BYTES || !read_varint(reader, &n_bytes)) {
        return false;
    }
    if (n_bytes > (uint64_t)(reader->end - reader->at)) {
        return false;
    }
    content->at = reader->at;
    reader->at += n_bytes;
    content->end = reader->at;
    return true;
}

static enum trivet_status malformed(const ProtobufCMessageDescriptor *type, const char *what,
                                    struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "the message is not a well-formed %s: %s; check that the bytes are "
                            "complete and of this type",
                            type->name, what);
}

static enum trivet_status check_string(const ProtobufCMessageDescriptor *type,
                                       const ProtobufCFieldDescriptor *field,
                                       const struct reader *content, struct trivet_error *err)
{
    size_t n_bytes = (size_t)(content->end - content->at);
    const char *text = (const char *)content->at;
    bool has_nul = n_bytes > 0 && memchr(text, '\0', n_bytes);
    if (!has_nul && trivet_text_is_utf8(text, n_bytes)) {
        return TRIVET_OK;
    }
    enum trivet_status status =
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "field '%s' of %s %s; send text as UTF-8",
                         field->name, type->name, has_nul ? "holds a NUL byte" : "is not UTF-8");
    trivet_error_add_violation(err, field->name, "%s", has_nul ? "NUL byte" : "not UTF-8");
    return status;
}

struct parts {
    size_t n;
    size_t cost;
    size_t cost_max;
};

/* What the field will take; false: the message has more than it may have. */
static bool add_part(struct parts *parts, const ProtobufCFieldDescriptor *field)
{
    size_t cost = FIELD_COST;
    if (field == NULL) {
        cost = UNKNOWN_COST;
    } else if (field->type == PROTOBUF_C_TYPE_STRING) {
        cost += FIELD_COST / 3;
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessageDescriptor *type = field->descriptor;
        cost += type->sizeof_message;
    }
    parts->cost += cost;
    return ++parts->n <= PARTS_MAX && parts->cost <= parts->cost_max;
}

static enum trivet_status too_many_parts(const ProtobufCMessageDescriptor *type,
                                         struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "a %s has more parts than a call may have; send less at a time",
                            type->name);
}

static enum trivet_status check_message(const ProtobufCMessageDescriptor *type,
                                        struct reader reader, unsigned depth, struct parts *parts,
                                        struct trivet_error *err)
{
    if (depth > DEPTH_MAX) {
        return malformed(type, "messages are nested too deep", err);
    }
    while (reader.at < reader.end) {
        uint64_t key;
        struct reader content;
        if (!read_varint(&reader, &key) || key >> 3 == 0 || key > UINT32_MAX) {
            return malformed(type, "a field begins with an impossible key", err);
        }
        unsigned wire = (unsigned)(key & 7);
        if (!read_content(&reader, wire, &content)) {
            return malformed(type, "a field is cut or of an unknown kind", err);
        }
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
        if (!add_part(parts, field)) {
            return too_many_parts(type, err);
        }
        if (!field || wire != WIRE_BYTES) {
            continue; /* unknown; or no text, and protobuf-c refuses a wrong kind */
        }
        enum trivet_status status = TRIVET_OK;
        if (field->type == PROTOBUF_C_TYPE_STRING) {
            status = check_string(type, field, &content, err);
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            status = check_message(field->descriptor, content, depth + 1, parts, err);
        }
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

/* protobuf-c's allocator over an arena, which remembers why an unpack failed. */
struct budget {
    struct trivet_arena *arena;
    bool spent;
};

static void *budget_alloc(void *data, size_t bytes)
{
    struct budget *budget = data;
    void *memory = trivet_arena_alloc(budget->arena, bytes);
    if (!memory) {
        budget->spent = true;
    }
    return memory;
}

static void budget_free(void *data, void *memory)
{
    /* The arena takes it back at its reset. */
    (void)data;
    (void)memory;
}

enum trivet_status trivet_codec_unpack(const ProtobufCMessageDescriptor *type,
                                       struct trivet_arena *arena, const void *data, size_t n_bytes,
                                       ProtobufCMessage **out, struct trivet_error *err)
{
    static const uint8_t nothing[1];
    const uint8_t *bytes = n_bytes > 0 ? data : nothing;
    struct parts parts = {.cost_max = COST_BASE + n_bytes * COST_PER_BYTE};
    enum trivet_status status =
        check_message(type, (struct reader){.at = bytes, .end = bytes + n_bytes}, 1, &parts, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct budget budget = {.arena = arena};
    ProtobufCAllocator allocator = {
        .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget};
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, n_bytes, bytes);
    if (message) {
        *out = message;
        return TRIVET_OK;
    }
    if (budget.spent) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "a %s of %zu bytes needs more memory than a call may use; send "
                                "less at a time",
                                type->name, n_bytes);
    }
    return malformed(type, "a field has the wrong kind or length", err);
}

enum trivet_status trivet_codec_pack(const ProtobufCMessage *message, struct trivet_buffer *out,
                                     struct trivet_error *err)
{
    size_t n_bytes = protobuf_c_message_get_packed_size(message);
    enum trivet_status status = trivet_buffer_reserve(out, n_bytes, err);
    if (status == TRIVET_OK && n_bytes > 0) {
        out->n_bytes += protobuf_c_message_pack(message, out->data + out->n_bytes);
    }
    return status;
}
