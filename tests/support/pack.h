/* Schemas and tables as the bytes that data/pack.h reads. */
#ifndef TESTS_SUPPORT_PACK_H
#define TESTS_SUPPORT_PACK_H

#include "base/arena.h"
#include "data/schema.h"
#include "data/table.h"
#include "wire/codec.h"

#include <stdint.h>

/* Append the packed message to `out`. */
static inline enum trivet_status pack_schema(const struct trivet_schema *schema,
                                             struct trivet_buffer *out, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    Trivet__V1__Schema *message = NULL;
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    enum trivet_status status = trivet_schema_encode(schema, arena, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, out, err);
    }
    trivet_arena_free(arena);
    return status;
}

static inline enum trivet_status pack_table(const struct trivet_table *table,
                                            struct trivet_buffer *out, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(SIZE_MAX, 0);
    Trivet__V1__Table *message = NULL;
    if (arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    enum trivet_status status = trivet_table_encode(table, arena, &message, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(&message->base, out, err);
    }
    trivet_arena_free(arena);
    return status;
}

#endif
